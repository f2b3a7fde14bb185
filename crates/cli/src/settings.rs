//! Everything a person can set: one table, read once; flag, then environment, then `.env`, then default.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use btcedu_dashboard::{BadCredentials, Credentials};
use btcedu_domain::{PipelineVersion, Usd};
use btcedu_stages::{ImageSettings, ResendUnknown};

/// One setting, as the tables in README and `.env.example` show it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Name of the environment variable.
    pub(crate) name: &'static str,
    /// What holds when it isn't set, in words.
    pub(crate) default: &'static str,
    /// What it means.
    pub(crate) doc: &'static str,
    /// Never shown.
    pub(crate) secret: bool,
    /// What `.env.example` shows uncommented.
    pub(crate) example: Option<&'static str>,
}

const fn setting(name: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting { name, default, doc, secret: false, example: None }
}

const fn secret(name: &'static str, doc: &'static str) -> Setting {
    Setting { name, default: "", doc, secret: true, example: Some("") }
}

/// Every setting there is.
pub(crate) const SETTINGS: &[Setting] = &[
    setting("DATA_DIR", "data", "folder of the whole workspace; flag `--data-dir`"),
    setting(
        "DATABASE_URL",
        "btcedu.db in the workspace",
        "`sqlite:///relative/path`, `sqlite:////absolute/path` or a bare path; `--data-dir` overrides it",
    ),
    setting("PROMPTS_DIR", "the program's own", "folder of templates that replaces those in the program"),
    setting("MODELS_FILE", "the program's own", "file that replaces the model catalogue in the program"),
    secret(
        "ANTHROPIC_API_KEY",
        "key for Claude, which corrects, translates, adapts, cuts into chapters, and writes prompts for chapters without one (`CLAUDE_API_KEY` is a deprecated alias)",
    ),
    setting(
        "ANTHROPIC_BASE_URL",
        "https://api.anthropic.com",
        "address of the Messages API, for proxies and tests",
    ),
    setting("CLAUDE_MODEL", "the template's", "text model for every template"),
    secret("OPENAI_API_KEY", "key for OpenAI, which makes the pictures"),
    setting(
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
        "address of the Images API, for proxies, gateways and tests",
    ),
    Setting {
        name: "IMAGE_GEN_MODEL",
        default: "dall-e-3",
        doc: "image model; dall-e-3 is shut down on the public API since 2026-05-12, so set one that works",
        secret: false,
        example: Some("gpt-image-2.6-flare"),
    },
    setting(
        "IMAGE_GEN_SIZE",
        "the model's own",
        "`WIDTHxHEIGHT`, checked against the catalogue before anything is spent",
    ),
    setting("IMAGE_GEN_QUALITY", "the model's own", "quality in the model's words, checked likewise"),
    setting("IMAGE_GEN_STYLE_PREFIX", "", "text in front of every prompt"),
    setting("IMAGE_GEN_CONCURRENCY", "4", "image calls in flight, 1 to 16"),
    setting("IMAGE_GEN_PER_MINUTE", "", "image calls started a minute at most, 1 to 10000"),
    setting("IMAGE_GEN_TIMEOUT_SECONDS", "300", "one attempt at a picture, 1 to 3600 seconds"),
    setting(
        "IMAGE_GEN_PRICE_USD",
        "the catalogue's",
        "price per picture for a model that is not in the catalogue",
    ),
    setting(
        "RESEND_UNKNOWN",
        "yes",
        "`ask`: calls that may have been billed are repeated only when this is `yes`",
    ),
    setting("MAX_EPISODE_COST_USD", "10.00", "what one episode may cost over all stages"),
    setting(
        "AUTO_APPROVE_TRIVIAL",
        "no",
        "`yes`: a correction of fewer than 5 changes, all of punctuation, needs no reviewer",
    ),
    setting("PIPELINE_VERSION", "2", "pipeline of newly found episodes: 1 or 2"),
    setting("SOURCE_TYPE", "youtube_rss", "kind of feed (used by detect)"),
    setting("PODCAST_YOUTUBE_CHANNEL_ID", "", "channel whose feed is read (used by detect)"),
    setting("PODCAST_RSS_URL", "", "feed of a plain podcast (used by detect)"),
    Setting {
        example: None,
        ..secret(
            "WHISPER_API_KEY",
            "key for speech recognition; the OpenAI key if unset (used by transcribe)",
        )
    },
    setting("WHISPER_MODEL", "whisper-1", "speech model (used by transcribe)"),
    setting("WHISPER_LANGUAGE", "de", "language of the audio (used by transcribe)"),
    setting("MAX_AUDIO_CHUNK_MB", "24", "size of one upload in MB (used by transcribe)"),
    setting("AUDIO_FORMAT", "m4a", "format of the audio (used by download)"),
    Setting {
        example: None,
        ..secret("DASHBOARD_AUTH", "`user:argon2-hash`; needed to bind anything but loopback (used by web)")
    },
];

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A value that is not allowed.
    #[error("{name}={value} is not allowed ({from}); allowed: {allowed}")]
    BadValue {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// Where the value comes from.
        from: Origin,
        /// What would be.
        allowed: String,
    },
    /// `.env` is there and can't be read.
    #[error("the file .env can't be read: {problem}; mend or remove it")]
    BadDotenv {
        /// What is wrong, without the line's text, which may hold a key.
        problem: String,
    },
    /// A file that a setting names can't be read.
    #[error("{name} names '{path}', which can't be read")]
    Unreadable {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl btcedu_domain::Kinded for SettingsError {
    fn kind(&self) -> btcedu_domain::ErrorKind {
        btcedu_domain::ErrorKind::Usage
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag,
    Environment,
    Dotenv,
    Default,
}

impl Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Flag => "from the command line",
            Self::Environment => "from the environment",
            Self::Dotenv => "from .env",
            Self::Default => "the default",
        })
    }
}

/// The raw values, and where each comes from. An empty value counts as not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(BTreeMap<&'static str, (String, Origin)>);

impl Values {
    /// Reads the process's environment and `.env`; the environment wins.
    ///
    /// # Errors
    /// [`SettingsError::BadDotenv`] for a `.env` that can't be read.
    pub(crate) fn load() -> Result<Self, SettingsError> {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
        let environment = |name: &str| std::env::var_os(name);
        Self::from_sources(environment, &read_dotenv(Path::new(".env"))?)
    }

    /// Reads an environment and what a `.env` holds; the environment wins.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] for a variable of the environment that is not text.
    pub(crate) fn from_sources(
        environment: impl Fn(&str) -> Option<OsString>,
        dotenv: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let mut names = vec![setting.name];
            names.extend((setting.name == "ANTHROPIC_API_KEY").then_some("CLAUDE_API_KEY"));
            let from_environment = from_environment(setting, &names, &environment)?;
            let from_file =
                || names.iter().find_map(|n| dotenv.get(*n).filter(|v| !v.trim().is_empty()).cloned());
            let found = from_environment
                .map(|v| (v, Origin::Environment))
                .or_else(|| from_file().map(|v| (v, Origin::Dotenv)));
            if let Some((value, origin)) = found {
                values.insert(setting.name, (value.trim().to_owned(), origin));
            }
        }
        Ok(Self(values))
    }

    /// Sets a value from the command line.
    pub(crate) fn set_flag(&mut self, name: &'static str, value: String) {
        self.0.insert(name, (value, Origin::Flag));
    }

    /// Returns a value, if it is set.
    pub(crate) fn get(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str())
    }

    /// Returns where a value comes from.
    pub(crate) fn origin(&self, name: &'static str) -> Origin {
        self.0.get(name).map_or(Origin::Default, |(_, origin)| *origin)
    }

    /// As these, without any secret.
    pub(crate) fn without_keys(&self) -> Self {
        let is_secret = |name: &str| SETTINGS.iter().any(|setting| setting.name == name && setting.secret);
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !is_secret(name))
                .map(|(name, value)| (*name, value.clone()))
                .collect(),
        )
    }

    fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        allowed: &str,
        fits: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, SettingsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse().ok().filter(fits) {
            Some(parsed) => Ok(Some(parsed)),
            None => Err(SettingsError::BadValue {
                name,
                value: value.chars().take(80).collect(),
                from: self.origin(name),
                allowed: allowed.to_owned(),
            }),
        }
    }

    fn number(&self, name: &'static str, min: u64, max: u64) -> Result<Option<u64>, SettingsError> {
        self.parsed(name, &format!("a whole number from {min} to {max}"), |n| (min..=max).contains(n))
    }

    fn money(&self, name: &'static str) -> Result<Option<Usd>, SettingsError> {
        self.parsed(name, "an amount in US dollars from 0 to 1000000, like 10 or 0.08", |_| true)
    }

    /// A price of nothing would switch the cap off.
    fn price(&self, name: &'static str) -> Result<Option<Usd>, SettingsError> {
        self.parsed(name, "a price in US dollars above 0, like 0.08", |price| *price > Usd::ZERO)
    }

    fn folder(&self, name: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        self.parsed(name, "a folder that is there", |path: &PathBuf| path.is_dir())
    }

    fn owned(&self, name: &'static str) -> Option<String> {
        self.get(name).map(ToOwned::to_owned)
    }
}

/// Reads the first of the names that is set; what isn't text is refused, not passed over.
fn from_environment(
    setting: &Setting,
    names: &[&str],
    environment: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<String>, SettingsError> {
    for value in names.iter().filter_map(|name| environment(name)) {
        let text = value.into_string().map_err(|value| SettingsError::BadValue {
            name: setting.name,
            value: if setting.secret {
                "(not shown)".to_owned()
            } else {
                value.to_string_lossy().into_owned()
            },
            from: Origin::Environment,
            allowed: "text in UTF-8".to_owned(),
        })?;
        if !text.trim().is_empty() {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// Reads a `.env` without touching the environment; its text never gets into an error.
fn read_dotenv(path: &Path) -> Result<BTreeMap<String, String>, SettingsError> {
    let bad =
        |after: Option<&str>, error| SettingsError::BadDotenv { problem: dotenv_problem(after, &error) };
    let entries = match dotenvy::from_path_iter(path) {
        Ok(entries) => entries,
        Err(dotenvy::Error::Io(e)) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(bad(None, error)),
    };
    let (mut values, mut last) = (BTreeMap::new(), None);
    for entry in entries {
        let (name, value) = entry.map_err(|error| bad(last.as_deref(), error))?;
        last = Some(name.clone());
        values.insert(name, value);
    }
    Ok(values)
}

/// Says what is wrong behind the last line that could be read.
fn dotenv_problem(after: Option<&str>, error: &dotenvy::Error) -> String {
    let line = after.map_or_else(|| "its first line".to_owned(), |name| format!("the line after {name}"));
    match error {
        dotenvy::Error::LineParse(_, at) => format!(
            "{line} is not NAME=value (character {at} of the value); quote values that hold spaces or '$' with single quotes"
        ),
        dotenvy::Error::Io(error) => error.to_string(),
        _ => format!("{line} is not NAME=value"),
    }
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) data_dir: PathBuf,
    pub(crate) database: PathBuf,
    pub(crate) prompts_dir: Option<PathBuf>,
    pub(crate) models_file: Option<PathBuf>,
    pub(crate) anthropic_base_url: Option<String>,
    pub(crate) claude_model: Option<String>,
    pub(crate) openai_base_url: Option<String>,
    pub(crate) image: ImageSettings,
    pub(crate) image_timeout: Duration,
    pub(crate) resend_unknown: ResendUnknown,
    pub(crate) max_episode_cost: Usd,
    pub(crate) auto_approve_trivial: bool,
    pub(crate) pipeline_version: PipelineVersion,
    pub(crate) dashboard_auth: Option<Credentials>,
    pub(crate) values: Values,
}

impl Settings {
    /// Checks all values.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`] names the first that is not allowed, and what is.
    pub(crate) fn check(values: Values) -> Result<Self, SettingsError> {
        let data_dir = PathBuf::from(values.get("DATA_DIR").unwrap_or("data"));
        // Ten dollars: the specification's default.
        let default_cap = Usd::from_micros(10_000_000);
        let version = values.number("PIPELINE_VERSION", 1, 2)?;
        let resend = values.parsed::<String>("RESEND_UNKNOWN", "yes, ask", |v| v == "yes" || v == "ask")?;
        let auto_approve =
            values.parsed::<String>("AUTO_APPROVE_TRIVIAL", "yes, no", |v| v == "yes" || v == "no")?;
        Ok(Self {
            database: database_path(&values, &data_dir)?,
            prompts_dir: values.folder("PROMPTS_DIR")?,
            models_file: values.owned("MODELS_FILE").map(PathBuf::from),
            anthropic_base_url: values.owned("ANTHROPIC_BASE_URL"),
            claude_model: values.owned("CLAUDE_MODEL"),
            openai_base_url: values.owned("OPENAI_BASE_URL"),
            image: ImageSettings {
                model: values.get("IMAGE_GEN_MODEL").unwrap_or("dall-e-3").to_owned(),
                size: values.owned("IMAGE_GEN_SIZE"),
                quality: values.owned("IMAGE_GEN_QUALITY"),
                style_prefix: values.get("IMAGE_GEN_STYLE_PREFIX").unwrap_or_default().to_owned(),
                concurrency: values
                    .number("IMAGE_GEN_CONCURRENCY", 1, 16)?
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(4),
                per_minute: values
                    .number("IMAGE_GEN_PER_MINUTE", 1, 10_000)?
                    .and_then(|n| u32::try_from(n).ok()),
                price: values.price("IMAGE_GEN_PRICE_USD")?,
            },
            image_timeout: Duration::from_secs(
                values.number("IMAGE_GEN_TIMEOUT_SECONDS", 1, 3600)?.unwrap_or(300),
            ),
            resend_unknown: if resend.as_deref() == Some("ask") {
                ResendUnknown::Ask
            } else {
                ResendUnknown::Yes
            },
            max_episode_cost: values.money("MAX_EPISODE_COST_USD")?.unwrap_or(default_cap),
            auto_approve_trivial: auto_approve.as_deref() == Some("yes"),
            pipeline_version: if version == Some(1) { PipelineVersion::V1 } else { PipelineVersion::V2 },
            dashboard_auth: credentials(&values)?,
            data_dir,
            values,
        })
    }
}

/// Reads who may sign in; a value that can't be used is not shown.
fn credentials(values: &Values) -> Result<Option<Credentials>, SettingsError> {
    let name = "DASHBOARD_AUTH";
    let bad = |error: BadCredentials| SettingsError::BadValue {
        name,
        value: "(not shown)".to_owned(),
        from: values.origin(name),
        allowed: format!("USER:HASH; {error}"),
    };
    values.get(name).map(|value| value.parse().map_err(bad)).transpose()
}

/// `--data-dir` means the whole workspace, the database included.
fn database_path(values: &Values, data_dir: &Path) -> Result<PathBuf, SettingsError> {
    let in_workspace = data_dir.join("btcedu.db");
    let Some(url) = values.get("DATABASE_URL").filter(|_| values.origin("DATA_DIR") != Origin::Flag) else {
        return Ok(in_workspace);
    };
    let path = match url.split_once("://") {
        Some(("sqlite", rest)) => rest.strip_prefix('/').unwrap_or(rest),
        Some(_) => "",
        None => url,
    };
    if path.is_empty() {
        return Err(SettingsError::BadValue {
            name: "DATABASE_URL",
            // Another database's address may hold a password.
            value: if url.contains('@') { "(not shown)".to_owned() } else { url.chars().take(80).collect() },
            from: values.origin("DATABASE_URL"),
            allowed: "sqlite:///relative/path, sqlite:////absolute/path, or a path".to_owned(),
        });
    }
    Ok(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

    use super::*;

    const SECRET: &str = "hunter2-of-the-test";

    fn values(pairs: &[(&'static str, &str)]) -> Values {
        Values(pairs.iter().map(|(n, v)| (*n, ((*v).to_owned(), Origin::Environment))).collect())
    }

    /// Reads an environment of these variables, without a `.env`.
    fn from_environment(pairs: &[(&str, &[u8])]) -> Result<Values, SettingsError> {
        let find = |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| os_text(value));
        Values::from_sources(find, &BTreeMap::new())
    }

    fn os_text(bytes: &[u8]) -> OsString {
        OsStr::from_bytes(bytes).to_owned()
    }

    #[test]
    fn the_table_names_each_setting_once() {
        let mut names: Vec<_> = SETTINGS.iter().map(|s| s.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SETTINGS.len());
    }

    #[test]
    fn a_bad_value_names_the_setting_the_value_and_what_is_allowed() {
        for (name, value) in [
            ("IMAGE_GEN_CONCURRENCY", "0"),
            ("IMAGE_GEN_CONCURRENCY", "many"),
            ("IMAGE_GEN_PER_MINUTE", "-1"),
            ("IMAGE_GEN_TIMEOUT_SECONDS", "1.5"),
            ("IMAGE_GEN_PRICE_USD", "free"),
            ("IMAGE_GEN_PRICE_USD", "0"),
            ("PROMPTS_DIR", "no/such/folder"),
            ("MAX_EPISODE_COST_USD", "NaN"),
            ("PIPELINE_VERSION", "3"),
            ("RESEND_UNKNOWN", "no"),
            ("AUTO_APPROVE_TRIVIAL", "maybe"),
            ("DATABASE_URL", "postgres://x/y"),
        ] {
            let error = Settings::check(values(&[(name, value)])).unwrap_err().to_string();
            assert!(error.contains(&format!("{name}={value}")) && error.contains("allowed:"), "{error}");
        }
    }

    #[test]
    fn the_database_is_in_the_workspace_unless_it_is_set_and_data_dir_is_not_a_flag() {
        let path = |v: Values| Settings::check(v).unwrap().database;
        assert_eq!(path(values(&[])), PathBuf::from("data/btcedu.db"));
        assert_eq!(path(values(&[("DATABASE_URL", "sqlite:///a/b.db")])), PathBuf::from("a/b.db"));
        assert_eq!(path(values(&[("DATABASE_URL", "sqlite:////a/b.db")])), PathBuf::from("/a/b.db"));
        assert_eq!(path(values(&[("DATABASE_URL", "b.db")])), PathBuf::from("b.db"));
        let mut flagged = values(&[("DATABASE_URL", "b.db")]);
        flagged.set_flag("DATA_DIR", "w".to_owned());
        assert_eq!(path(flagged), PathBuf::from("w/btcedu.db"));
    }

    #[test]
    fn defaults_are_those_of_the_specification() {
        let settings = Settings::check(values(&[])).unwrap();
        assert_eq!(settings.image.model, "dall-e-3");
        assert_eq!(settings.image.concurrency, 4);
        assert_eq!(settings.image_timeout, Duration::from_mins(5));
        assert_eq!(settings.max_episode_cost, Usd::from_micros(10_000_000));
        assert_eq!(settings.pipeline_version, PipelineVersion::V2);
    }

    #[test]
    fn a_price_that_would_switch_the_cap_off_is_refused_with_what_is_allowed() {
        for value in
            ["0", "0.00", "-0", "-0.08", "NaN", "nan", "inf", "-inf", "1e400", "free", "0,08", "0.0000001"]
        {
            let error = Settings::check(values(&[("IMAGE_GEN_PRICE_USD", value)])).unwrap_err().to_string();
            let refused = format!("IMAGE_GEN_PRICE_USD={value} is not allowed");
            assert!(error.starts_with(&refused), "{error}");
            assert!(error.ends_with("allowed: a price in US dollars above 0, like 0.08"), "{error}");
        }
        let price = Settings::check(values(&[("IMAGE_GEN_PRICE_USD", "0.08")])).unwrap().image.price;
        assert_eq!(price, Some(Usd::from_micros(80_000)));
    }

    #[test]
    fn a_password_in_the_address_of_another_database_is_not_shown() {
        let url = format!("postgres://user:{SECRET}@db.example/btcedu");
        let error = Settings::check(values(&[("DATABASE_URL", &url)])).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("DATABASE_URL=(not shown)") && told.contains("sqlite:///relative/path"),
            "{told}"
        );
        // The debug form ends up in logs and panics.
        assert!(!format!("{told} {error:?}").contains(SECRET), "{error:?}");
    }

    #[test]
    fn a_setting_that_is_not_text_is_refused_by_its_name() {
        let not_text = [b"caf", &[0xe9][..], SECRET.as_bytes()].concat();
        for name in ["IMAGE_GEN_STYLE_PREFIX", "OPENAI_API_KEY", "DATA_DIR", "MAX_EPISODE_COST_USD"] {
            let told = from_environment(&[(name, &not_text)]).unwrap_err().to_string();
            assert!(told.contains(name) && told.contains("text in UTF-8"), "{told}");
            assert_eq!(told.contains(SECRET), !name.ends_with("_KEY"), "{told}");
        }
        let others = from_environment(&[("SOMEBODY_ELSES", &not_text), ("IMAGE_GEN_STYLE_PREFIX", b"flat")]);
        assert_eq!(others.unwrap().get("IMAGE_GEN_STYLE_PREFIX"), Some("flat"));
    }

    #[test]
    fn the_old_name_of_claudes_key_is_read_where_the_new_one_is_not_set() {
        let key = |pairs: &[(&str, &[u8])]| {
            from_environment(pairs).unwrap().get("ANTHROPIC_API_KEY").map(ToOwned::to_owned)
        };
        assert_eq!(key(&[("CLAUDE_API_KEY", b"old")]).as_deref(), Some("old"));
        assert_eq!(key(&[("CLAUDE_API_KEY", b"old"), ("ANTHROPIC_API_KEY", b" ")]).as_deref(), Some("old"));
        // The new name is set, so the old one is not even read.
        let both = [("CLAUDE_API_KEY", &b"caf\xe9"[..]), ("ANTHROPIC_API_KEY", b"new")];
        assert_eq!(key(&both).as_deref(), Some("new"));
        let not_text = [b"caf", &[0xe9][..], SECRET.as_bytes()].concat();
        let told = from_environment(&[("CLAUDE_API_KEY", &not_text)]).unwrap_err().to_string();
        assert!(told.contains("ANTHROPIC_API_KEY") && told.contains("text in UTF-8"), "{told}");
        assert!(!told.contains(SECRET), "{told}");
    }

    #[test]
    fn a_dotenv_that_cannot_be_read_is_told_as_such_and_none_of_it_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        assert_eq!(read_dotenv(&path).unwrap(), BTreeMap::new(), "none is needed");
        let utf_16 = format!("\u{feff}OPENAI_API_KEY={SECRET}\n");
        for bytes in [
            [b"OPENAI_API_KEY=caf", &[0xe9][..], SECRET.as_bytes(), b"\n"].concat(),
            utf_16.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            format!("OPENAI_API_KEY='{SECRET}\n").into_bytes(),
            vec![0xff; 100],
        ] {
            write(&path, &bytes);
            let told = read_dotenv(&path).unwrap_err().to_string();
            assert!(told.contains(".env") && told.contains("mend or remove it"), "{told}");
            assert!(!told.contains(SECRET), "{told}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(read_dotenv(&path).unwrap_err().to_string().contains(".env"));
    }

    #[expect(clippy::disallowed_methods, reason = "a test writes as a person's editor does")]
    fn write(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
    }
}
