//! What a model's reply must look like before anything of it is kept.

/// Shorter inputs than this may become much longer or shorter, in characters.
const SHORT: usize = 200;

/// Returns the text between `<tag>` and `</tag>`, trimmed: from the first opening to the last closing one.
///
/// # Errors
/// In words, for the person and the log: no opening tag, no closing tag (cut off), or nothing between them.
pub(crate) fn between<'a>(reply: &'a str, tag: &str) -> Result<&'a str, String> {
    let (opening, closing) = (format!("<{tag}>"), format!("</{tag}>"));
    let Some((_, inner)) = reply.split_once(&opening) else {
        return Err(format!("the reply has no {opening}"));
    };
    let Some((inner, _)) = inner.rsplit_once(&closing) else {
        return Err(format!("the reply has no {closing}; it was cut off"));
    };
    let inner = inner.trim();
    if inner.is_empty() {
        return Err(format!("the reply has nothing between {opening} and {closing}"));
    }
    Ok(inner)
}

/// Checks that an answer is about as long as what it was made from, as a share of its characters.
///
/// For inputs under 200 characters only an empty answer is wrong.
///
/// # Errors
/// In words: the answer is empty, too short or too long.
pub(crate) fn check_length(input: &str, output: &str, least: f64, most: f64) -> Result<(), String> {
    let (sent, came) = (input.trim().chars().count(), output.trim().chars().count());
    if came == 0 {
        return Err("the answer is empty".to_owned());
    }
    if sent < SHORT {
        return Ok(());
    }
    let share = as_float(came) / as_float(sent);
    if (least..=most).contains(&share) {
        return Ok(());
    }
    let verdict = if share < least { "short" } else { "long" };
    Err(format!(
        "the answer is too {verdict}: {came} characters for {sent}, that is {:.0} %; {:.0} to {:.0} % is expected",
        share * 100.0,
        least * 100.0,
        most * 100.0
    ))
}

fn as_float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

#[cfg(test)]
mod tests;
