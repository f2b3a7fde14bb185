//! Texts look the same here, whatever system they were saved on.

use std::borrow::Cow;

/// Returns a text without a byte order mark, with each line ended by `\n` instead of `\r\n` or `\r`.
pub fn plain(text: &str) -> Cow<'_, str> {
    let text = text.trim_start_matches('\u{feff}');
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_whatever_system_saved_it() {
        for saved in ["a\n\nb\n", "a\r\n\r\nb\r\n", "a\r\rb\r", "\u{feff}a\n\nb\n", "\u{feff}a\r\n\nb\r"] {
            assert_eq!(plain(saved), "a\n\nb\n", "{saved:?}");
        }
        assert_eq!(plain("a\u{feff}b"), "a\u{feff}b");
        assert_eq!(plain(""), "");
    }
}
