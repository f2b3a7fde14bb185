//! Words and keys from the system's random numbers.

use std::fmt::Write;

use actix_web::cookie::Key;

/// Makes a word of random hex digits, four bits each.
///
/// # Errors
/// Where the system gives no random numbers.
pub(crate) fn random_word<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut word, byte| {
        // Writing to a string can't fail.
        let _always = write!(word, "{byte:02x}");
        word
    }))
}

/// Makes a key that sessions are encrypted with.
///
/// # Errors
/// As [`random_word`].
pub(crate) fn random_key() -> Result<Key, getrandom::Error> {
    let mut bytes = [0; 64];
    getrandom::fill(&mut bytes)?;
    Ok(Key::from(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_two_digits_for_each_byte_and_is_another_each_time() {
        let words = [random_word::<16>().unwrap(), random_word::<16>().unwrap()];
        assert!(words.iter().all(|word| word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit())));
        assert_ne!(words[0], words[1]);
        assert!(random_key().unwrap() != random_key().unwrap());
    }
}
