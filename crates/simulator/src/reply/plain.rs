//! The answer to a request that no other kind fits.

use super::Asked;

/// Fits everything.
pub(super) fn fits(_asked: &Asked<'_>) -> bool {
    true
}

/// Says what it was asked, so that a test can tell answers apart.
pub(super) fn write(asked: &Asked<'_>) -> String {
    let text = if asked.text.trim().is_empty() { asked.system } else { asked.text };
    let opening: Vec<&str> = text.split_whitespace().take(24).collect();
    format!("This is a simulated answer to: {}", opening.join(" "))
}
