//! Where the dashboard listens, and which visitors it lets in.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

use crate::credentials::Credentials;

/// How to serve; the default is for the person at this machine.
#[derive(Debug, Clone)]
pub struct DashboardConfig {
    /// The address; port 0 takes a free one. Anything but loopback needs [`DashboardConfig::credentials`].
    pub listen: SocketAddr,
    /// The path before every address, where a reverse proxy serves other things too.
    pub base_path: BasePath,
    /// The visitor that is let in; without it, everybody at this machine is.
    pub credentials: Option<Credentials>,
    /// Host names to answer to beside those of loopback, where a proxy keeps the name that people use.
    pub hosts: Vec<String>,
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8090)),
            base_path: BasePath::default(),
            credentials: None,
            hosts: Vec::new(),
        }
    }
}

/// A path such as `/btcedu`, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// A text that can't be the beginning of every address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no base path: it begins with '/' and holds letters, digits, '-', '_', '.' and '/', like /btcedu"
)]
pub struct BasePathError(String);

impl BasePath {
    /// Returns it without a slash at the end: empty where there is none.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes the base path away from a path; a proxy may have done that already.
    pub(crate) fn strip<'a>(&self, path: &'a str) -> &'a str {
        match path.strip_prefix(&self.0) {
            Some("") => "/",
            Some(rest) if rest.starts_with('/') => rest,
            _ => path,
        }
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let path = text.trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let is_part = |part: &str| !part.is_empty() && part.chars().any(|c| c != '.');
        let parts = path.strip_prefix('/').map(|rest| rest.split('/').all(is_part));
        if path.is_empty() || (parts == Some(true) && path.chars().all(is_plain)) {
            Ok(Self(path.to_owned()))
        } else {
            Err(BasePathError(text.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_taken_away_once() {
        for (base, path, rest) in [
            ("", "/costs", "/costs"),
            ("/b", "/b/costs", "/costs"),
            ("/b", "/b", "/"),
            ("/b", "/costs", "/costs"),
            ("/b", "/bad", "/bad"),
            ("/b", "/b/b/x", "/b/x"),
        ] {
            assert_eq!(base.parse::<BasePath>().unwrap().strip(path), rest, "{base} {path}");
        }
    }

    #[test]
    fn a_base_path_is_a_plain_path() {
        for (text, path) in [("", ""), ("/", ""), ("/btcedu", "/btcedu"), ("/a/b.c/", "/a/b.c")] {
            assert_eq!(text.parse::<BasePath>().unwrap().as_str(), path, "{text}");
        }
        for text in ["btcedu", "//", "/a//b", "/..", "/a/../b", "/a b", "/a?b", "https://x/", "/ä"] {
            let parsed = text.parse::<BasePath>();
            assert!(parsed.is_err() || parsed.unwrap().as_str().is_empty(), "{text}");
        }
    }
}
