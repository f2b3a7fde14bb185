//! A provider's base URL as people write it: with or without a trailing slash or a version.

use std::{fmt, str::FromStr};

use url::Url;

use crate::address::Reach;

/// Where a provider's API is, up to and including the version (`…/v1`).
///
/// It never holds a user name or a password, so messages may show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(Url);

/// Why a text can't be used as a base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BaseUrlError {
    /// It is not a URL, or it has no host.
    #[error("it is not an http or https URL; write it like https://api.example.com/v1")]
    NotAUrl,
    /// It holds a user name or a password.
    #[error("it holds a user name or password; take them out and set the API key instead")]
    HoldsSecret,
    /// It is plain http to a public address, where others could read the key.
    #[error("it is plain http to a public address; use https")]
    PlainHttp,
}

impl BaseUrl {
    /// Returns the URL of a path. A query of the base URL is kept, since some gateways need one.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let joined = format!("{}/{}", self.0.path().trim_end_matches('/'), path.trim_start_matches('/'));
        url.set_path(&joined);
        url
    }

    /// Tells whether this is the host, such as `api.openai.com`.
    pub(crate) fn is_host(&self, host: &str) -> bool {
        self.0.host_str() == Some(host)
    }

    /// Returns host and port, for messages.
    pub(crate) fn host(&self) -> String {
        host_of(&self.0)
    }

    /// Tells whether a URL has the same scheme, host and port.
    pub(crate) fn has_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// Returns where a connection to this base may go.
    pub(crate) fn reach(&self) -> Reach {
        if self.0.scheme() == "http" { Reach::PrivateOnly } else { Reach::Anywhere }
    }
}

/// Returns host and port of a URL. Messages show nothing else of it.
pub(crate) fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "an address without a host".to_owned(),
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        // The parser's message is dropped: the text may hold a password.
        let Ok(mut url) = text.trim().parse::<Url>() else { return Err(BaseUrlError::NotAUrl) };
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return Err(BaseUrlError::NotAUrl);
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlError::HoldsSecret);
        }
        if url.scheme() == "http" && Reach::PrivateOnly.check_host(host).is_err() {
            return Err(BaseUrlError::PlainHttp);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        let versioned = path.rsplit('/').next().is_some_and(is_version);
        url.set_path(&if versioned { path } else { format!("{path}/v1") });
        url.set_fragment(None);
        Ok(Self(url))
    }
}

/// Tells whether a path segment is a version like `v1` or `v4`.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The query is left out: it may hold a gateway's token.
        write!(f, "{}://{}{}", self.0.scheme(), self.host(), self.0.path())
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slash_and_version_are_optional() {
        for base in
            ["https://x.example", "https://x.example/", "https://x.example/v1", " https://x.example/v1// "]
        {
            assert_eq!(
                base.parse::<BaseUrl>().unwrap().join("images/generations").as_str(),
                "https://x.example/v1/images/generations",
                "{base}"
            );
        }
    }

    #[test]
    fn keeps_path_and_query_of_a_gateway() {
        for (base, url) in [
            ("https://x.example/openai", "https://x.example/openai/v1/models"),
            ("https://x.example/openai/v1/", "https://x.example/openai/v1/models"),
            ("https://x.example/api/v4", "https://x.example/api/v4/models"),
            ("https://x.example/v1?api-version=preview", "https://x.example/v1/models?api-version=preview"),
            ("https://x.example/v1beta", "https://x.example/v1beta/v1/models"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1/models"),
            ("http://[::1]:8080/v1", "http://[::1]:8080/v1/models"),
            ("http://gateway:4000", "http://gateway:4000/v1/models"),
        ] {
            assert_eq!(base.parse::<BaseUrl>().unwrap().join("/models").as_str(), url);
        }
    }

    #[test]
    fn refuses_urls_that_could_expose_a_key() {
        for (base, error) in [
            ("", BaseUrlError::NotAUrl),
            ("x.example", BaseUrlError::NotAUrl),
            ("ftp://x.example", BaseUrlError::NotAUrl),
            ("https://user:pass@x.example", BaseUrlError::HoldsSecret),
            ("https://token@x.example", BaseUrlError::HoldsSecret),
            ("http://1.1.1.1/v1", BaseUrlError::PlainHttp),
        ] {
            assert_eq!(base.parse::<BaseUrl>().unwrap_err(), error, "{base}");
        }
    }

    #[test]
    fn does_not_show_the_query() {
        let base: BaseUrl = "https://x.example:8443/v1?token=secret".parse().unwrap();
        assert_eq!(base.to_string(), "https://x.example:8443/v1");
        assert!(!format!("{base:?}").contains("secret"));
    }
}
