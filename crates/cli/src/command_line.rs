//! The command as it was typed, for messages about who holds an episode's lock.

/// Returns the program's name and arguments. No argument is a secret.
pub(crate) fn command_line() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    format!("btcedu {}", words.join(" "))
}
