//! Pages from templates: what all pages have, and how values are written.

use btcedu_domain::UtcTime;
use rust_embed::RustEmbed;
use serde::Serialize;
use tera::{Context, Kwargs, State, Tera, Value};

use crate::error::WebError;

#[derive(RustEmbed)]
#[folder = "../../web-assets/templates"]
#[exclude = ".*"]
struct Files;

/// Which template a page is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PageName {
    Episodes,
    Episode,
    Text,
    Chapters,
    Images,
    Reviews,
    Review,
    Prompts,
    Prompt,
    Costs,
    Error,
    SignIn,
    SignOut,
}

impl PageName {
    /// Returns the name of the template's file, without `.html`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Episodes => "episodes",
            Self::Episode => "episode",
            Self::Text => "text",
            Self::Chapters => "chapters",
            Self::Images => "images",
            Self::Reviews => "reviews",
            Self::Review => "review",
            Self::Prompts => "prompts",
            Self::Prompt => "prompt",
            Self::Costs => "costs",
            Self::Error => "error",
            Self::SignIn => "sign-in",
            Self::SignOut => "sign-out",
        }
    }

    /// Returns the part of the navigation that it belongs to.
    fn section(self) -> &'static str {
        match self {
            Self::Episodes | Self::Episode | Self::Text | Self::Chapters | Self::Images => "episodes",
            Self::Reviews | Self::Review => "reviews",
            Self::Prompts | Self::Prompt => "prompts",
            Self::Costs => "costs",
            Self::Error | Self::SignIn | Self::SignOut => "",
        }
    }
}

/// What all pages of this dashboard have in common.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Site {
    /// The base path, without a slash at the end.
    pub(crate) base: String,
    /// Addresses below the base path.
    pub(crate) css: String,
    pub(crate) js: String,
    pub(crate) icon: String,
    /// The name that signs in; none where signing in is not needed.
    pub(crate) user: Option<String>,
}

/// What every page has beside its view.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Page {
    title: String,
    section: &'static str,
    name: &'static str,
    #[serde(flatten)]
    site: Site,
    /// How many reviews wait.
    pub(crate) pending_reviews: i64,
    /// The session's token; empty where the page has no form.
    pub(crate) csrf: String,
    /// What the page shows, as a word that is another after each change.
    pub(crate) version: String,
    /// Where changes are told, below the base path; empty for nowhere.
    pub(crate) live: String,
    /// What came of the last form.
    pub(crate) notice: Option<Notice>,
}

/// What came of the last form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Notice {
    /// `done` or `problem`.
    pub(crate) kind: String,
    /// In a sentence.
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn new(site: Site, name: PageName, title: &str) -> Self {
        Self {
            title: title.to_owned(),
            section: name.section(),
            name: name.as_str(),
            site,
            pending_reviews: 0,
            csrf: String::new(),
            version: String::new(),
            live: String::new(),
            notice: None,
        }
    }

    /// Returns the page as a visitor sees it who has not signed in.
    pub(crate) fn signed_out(self) -> Self {
        Self { site: Site { user: None, ..self.site }, ..self }
    }
}

/// All templates, ready to use.
pub(crate) struct Templates(Tera);

impl Templates {
    /// Reads the templates in the program.
    pub(crate) fn load() -> Result<Self, tera::Error> {
        let mut tera = Tera::default();
        register_filters(&mut tera);
        let files: Vec<(String, String)> = Files::iter()
            .filter_map(|name| {
                let text = String::from_utf8_lossy(&Files::get(&name)?.data).into_owned();
                Some((name.to_string(), text))
            })
            .collect();
        tera.add_raw_templates(files.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
        Ok(Self(tera))
    }

    /// Makes a page of a view.
    pub(crate) fn render(&self, page: &Page, view: &impl Serialize) -> Result<String, WebError> {
        let mut context = Context::new();
        context.insert_value("page", Value::try_from_serializable(page)?);
        context.insert_value("view", Value::try_from_serializable(view)?);
        Ok(self.0.render(&format!("{}.html", page.name), &context)?)
    }
}

/// Registers how values are written; null is written as nothing.
fn register_filters(tera: &mut Tera) {
    fn of_number(tera: &mut Tera, name: &'static str, write: fn(f64) -> String) {
        tera.register_filter(name, move |value: Value, _: Kwargs, _: &State<'_>| {
            value.as_f64().map(write).unwrap_or_default()
        });
    }
    fn of_text(tera: &mut Tera, name: &'static str, write: fn(&str) -> String) {
        tera.register_filter(name, move |value: Value, _: Kwargs, _: &State<'_>| {
            value.as_str().map(write).unwrap_or_default()
        });
    }
    of_number(tera, "usd", usd);
    of_number(tera, "span", span);
    of_number(tera, "clock", clock);
    of_number(tera, "bytes", bytes);
    of_number(tera, "number", number);
    of_text(tera, "when", when);
    of_text(tera, "day", day);
    of_text(tera, "month", month);
    of_text(tera, "words", words);
    of_text(tera, "short", |hash| hash.chars().take(12).collect());
}

/// `$0.50`; four places where there is less than a cent or a part of one.
pub(crate) fn usd(value: f64) -> String {
    let cents = value * 100.0;
    if (cents - cents.round()).abs() < 1e-6 { format!("${value:.2}") } else { format!("${value:.4}") }
}

/// `3 min 20 s`
pub(crate) fn span(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 0.05 {
        return "< 0.1 s".to_owned();
    }
    if seconds < 10.0 && seconds.fract() > 0.0 {
        return format!("{seconds:.1} s");
    }
    let Clock { hours, minutes, seconds: rest } = Clock::of(seconds);
    match (hours, minutes, rest) {
        (0, 0, rest) => format!("{rest} s"),
        (0, minutes, 0) => format!("{minutes} min"),
        (0, minutes, rest) => format!("{minutes} min {rest} s"),
        (hours, 0, _) => format!("{hours} h"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// `3:20`, `1:03:20`, `3:20.5`
fn clock(seconds: f64) -> String {
    let thousandths = (seconds * 1000.0).round();
    let Clock { hours, minutes, seconds: rest } = Clock::of((thousandths / 1000.0).floor());
    let decimals = format!("{:03}", thousandths.rem_euclid(1000.0));
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    if hours == 0 {
        format!("{minutes}:{rest:02}{point}{decimals}")
    } else {
        format!("{hours}:{minutes:02}:{rest:02}{point}{decimals}")
    }
}

/// A length in whole seconds, as a clock shows it.
struct Clock {
    hours: u64,
    minutes: u64,
    seconds: u64,
}

impl Clock {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, which is right for times of negative or endless length"
    )]
    fn of(seconds: f64) -> Self {
        let all = seconds.round() as u64;
        Self { hours: all / 3600, minutes: all / 60 % 60, seconds: all % 60 }
    }
}

/// `1.5 MB`, in powers of 1000 as disks are sold.
pub(crate) fn bytes(value: f64) -> String {
    let mut value = value;
    for unit in ["bytes", "KB", "MB"] {
        if value < 999.5 {
            let places = usize::from(unit == "MB" && value < 99.95);
            return format!("{value:.places$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} GB")
}

/// `1,234`
pub(crate) fn number(value: f64) -> String {
    let plain = format!("{value:.0}");
    let digits: Vec<char> = plain.chars().collect();
    let mut grouped = String::new();
    for (at, digit) in digits.iter().enumerate() {
        let left = digits.len() - at;
        if at > 0 && left.is_multiple_of(3) && *digits.get(at - 1).unwrap_or(&'-') != '-' {
            grouped.push(',');
        }
        grouped.push(*digit);
    }
    grouped
}

/// `22 Nov 2026, 10:30 UTC`
pub(crate) fn when(time: &str) -> String {
    formatted(time, "%-d %b %Y, %H:%M UTC")
}

/// `22 Nov 2026`
fn day(time: &str) -> String {
    formatted(time, "%-d %b %Y")
}

fn formatted(time: &str, format: &str) -> String {
    match time.parse::<UtcTime>() {
        Ok(time) => time.timestamp().strftime(format).to_string(),
        Err(_not_a_time) => time.to_owned(),
    }
}

/// `Nov 2026` of `2026-11`
fn month(month: &str) -> String {
    let first: Result<jiff::civil::Date, _> = format!("{month}-01").parse();
    first.map_or_else(|_not_a_month| month.to_owned(), |first| first.strftime("%b %Y").to_string())
}

/// `images generated` of `images_generated`
pub(crate) fn words(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_people_read_them() {
        type Case = (fn(f64) -> String, f64, &'static str);
        let cases: [Case; 22] = [
            (usd, 0.5, "$0.50"),
            (usd, 0.0, "$0.00"),
            (usd, 0.4968, "$0.4968"),
            (usd, 10.0, "$10.00"),
            (span, 0.4, "0.4 s"),
            (span, 0.01, "< 0.1 s"),
            (span, 20.0, "20 s"),
            (span, 200.0, "3 min 20 s"),
            (span, 3600.0, "1 h"),
            (span, 3725.0, "1 h 2 min"),
            (clock, 200.0, "3:20"),
            (clock, 3800.0, "1:03:20"),
            (clock, 2.5, "0:02.5"),
            (clock, 2.1 + 0.2, "0:02.3"),
            (clock, 59.9996, "1:00"),
            (clock, 3660.025, "1:01:00.025"),
            (bytes, 999.0, "999 bytes"),
            (bytes, 12_400.0, "12 KB"),
            (bytes, 1_523_840.0, "1.5 MB"),
            (number, 1_234.0, "1,234"),
            (number, -123.0, "-123"),
            (number, 1_234_567.0, "1,234,567"),
        ];
        for (write, value, expected) in cases {
            assert_eq!(write(value), expected);
        }
        assert_eq!(when("2026-11-22T10:30:59Z"), "22 Nov 2026, 10:30 UTC");
        assert_eq!(day("2026-11-02T10:30:59Z"), "2 Nov 2026");
        assert_eq!(month("2026-11"), "Nov 2026");
        assert_eq!(when("yesterday"), "yesterday");
        assert_eq!(words("images_generated"), "images generated");
    }
}
