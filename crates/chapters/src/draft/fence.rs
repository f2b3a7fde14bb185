//! Removes the Markdown fence that models sometimes put around JSON.

/// Returns the content of a fence around the whole reply, or the reply unchanged.
pub(super) fn without_fence(reply: &str) -> &str {
    let reply = reply.trim_start_matches('\u{feff}').trim();
    let inner = ["```", "~~~"].into_iter().find_map(|fence| {
        let inner = reply.strip_prefix(fence)?;
        // A fence without end means that the reply was cut off; the JSON parser says where.
        let inner = inner.strip_suffix(fence).unwrap_or(inner);
        Some(inner.trim_start_matches(|one: char| one.is_ascii_alphanumeric()).trim())
    });
    inner.unwrap_or(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fence_around_everything_is_taken_away() {
        let cases = [
            ("{}", "{}"),
            (" \n{} \n", "{}"),
            ("```json\n{}\n```", "{}"),
            ("```\r\n{}\r\n```\r\n", "{}"),
            ("```json {} ```", "{}"),
            ("~~~json5\n{}\n~~~", "{}"),
            ("```json\n{\"a\": \"``` in it\"}\n```", "{\"a\": \"``` in it\"}"),
            ("```json\n{\"a\": 1", "{\"a\": 1"),
            ("Gern: ```{}```", "Gern: ```{}```"),
            ("```", ""),
            ("", ""),
        ];
        for (reply, expected) in cases {
            assert_eq!(without_fence(reply), expected, "{reply:?}");
        }
    }
}
