//! Removes secrets from a provider's text.

const MASK: &str = "[redacted]";
const MAX_CHARS: usize = 600;

/// Returns a provider's text without keys, on one line, at most 600 characters long.
///
/// It removes the secret itself and what looks like a key: words that begin with `sk-`, the
/// word after `Bearer`, and keys that the provider has partly masked with stars.
pub(crate) fn redact(text: &str, secret: Option<&str>) -> String {
    let without = match secret.map(str::trim) {
        Some(secret) if !secret.is_empty() => text.replace(secret, MASK),
        _ => text.to_owned(),
    };
    let mut words: Vec<String> = Vec::new();
    for word in without.split_whitespace() {
        let after_bearer = words.last().is_some_and(|last| last.eq_ignore_ascii_case("bearer"));
        words.push(redact_word(word, after_bearer));
    }
    shorten(&words.join(" "))
}

/// Masks the parts of a word that look like a key; the rest of the word stays.
fn redact_word(word: &str, after_bearer: bool) -> String {
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_key_char(c)).unwrap_or(rest.len());
        let (run, tail) = rest.split_at(end);
        // A full stop at the end belongs to the sentence, not to the key.
        let key = run.trim_end_matches(['.', '…']);
        if looks_like_key(key) || (after_bearer && key.len() >= 8) {
            out.push_str(MASK);
            out.push_str(run.get(key.len()..).unwrap_or_default());
        } else {
            out.push_str(run);
        }
        let mut chars = tail.chars();
        if let Some(c) = chars.next() {
            out.push(if c.is_control() { ' ' } else { c });
        }
        rest = chars.as_str();
    }
    out
}

fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.' | '…')
}

fn looks_like_key(run: &str) -> bool {
    let begins = |prefix: &str| run.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    (run.len() > 3 && (begins("sk-") || begins("sk_"))) || run.contains("***")
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn removes_keys_in_every_notation() {
        for (text, redacted) in [
            (
                "Incorrect API key provided: sk-proj-ab_C12*****wxyz. You can find yours here.",
                "Incorrect API key provided: [redacted]. You can find yours here.",
            ),
            ("key \"sk-ant-api03-xyz\" is bad", "key \"[redacted]\" is bad"),
            ("x-api-key=SK-ABCDEF;", "x-api-key=[redacted];"),
            ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted]"),
            ("got abcd****wxyz", "got [redacted]"),
            ("{\"key\":\"my-own-secret\"}", "{\"key\":\"[redacted]\"}"),
            ("ask about the task-force", "ask about the task-force"),
            ("two\nlines\tand  spaces", "two lines and spaces"),
        ] {
            assert_eq!(redact(text, Some("my-own-secret")), redacted);
        }
    }

    proptest! {
        #[test]
        fn the_secret_is_always_removed(before in ".{0,40}", after in ".{0,40}", secret in "[a-zA-Z0-9_-]{8,60}") {
            let text = format!("{before}{secret}{after}");
            prop_assert!(!redact(&text, Some(&secret)).contains(&secret));
        }

        #[test]
        fn any_text_becomes_one_short_line(text in "\\PC{0,900}|[\\s\\S]{0,900}") {
            let line = redact(&text, None);
            prop_assert!(!line.contains('\n'));
            prop_assert!(line.chars().count() <= MAX_CHARS + 1);
        }
    }
}
