//! Fetches a file that a provider's answer names, without trusting its address.

use std::time::Duration;

use url::Url;

use crate::{
    address::Reach,
    base_url::{BaseUrl, host_of},
    client::fetch,
    endpoint::Endpoint,
    error::HttpError,
    failure::ApiFailure,
    reply::Reply,
};

/// The size limit of a file: 64 MiB.
pub const DOWNLOAD_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Waits before the second, third and fourth try.
const WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

impl Endpoint {
    /// Fetches a file that an answer names. It was paid for, so there are up to three more tries.
    ///
    /// The base URL's own origin may be plain http on a private network. Any other address must
    /// be https, on the internet, and answer without a redirect. The key is not sent.
    ///
    /// # Errors
    /// [`FailureKind::Unsendable`](crate::FailureKind::Unsendable) for an address that isn't
    /// allowed, else the failure of the last try.
    pub async fn download(&self, url: &str, max_bytes: usize) -> Result<Reply, ApiFailure> {
        let fetched = self.fetch_file(self.base()?, url, max_bytes).await;
        fetched.map_err(|source| {
            ApiFailure::new(source.kind(), "the file of the answer can't be fetched").caused_by(source)
        })
    }

    async fn fetch_file(&self, base: &BaseUrl, url: &str, max_bytes: usize) -> Result<Reply, HttpError> {
        let (url, reach) = check_address(base, url)?;
        let client = self.http.client(reach)?;
        let mut waits = WAITS.into_iter();
        loop {
            let request = client.get(url.clone()).timeout(self.timeout);
            let attempt = fetch(request, host_of(&url), self.timeout, max_bytes);
            let error = match attempt.await {
                Ok(reply) if reply.is_success() => return Ok(reply),
                Ok(reply) => status_error(&url, reply.status),
                Err(error) => error,
            };
            match waits.next() {
                Some(wait) if error.is_retryable() => self.clock.sleep(wait).await,
                _ => return Err(error),
            }
        }
    }
}

/// Checks an address against the rules, before anything is sent.
fn check_address(base: &BaseUrl, url: &str) -> Result<(Url, Reach), HttpError> {
    let forbidden = |host: String, reason: &str| HttpError::Forbidden { host, reason: reason.to_owned() };
    let Ok(url) = url.trim().parse::<Url>() else {
        return Err(forbidden("the answer".to_owned(), "its address is not a URL"));
    };
    if base.has_origin_of(&url) {
        return Ok((url, base.reach()));
    }
    let host = host_of(&url);
    if url.scheme() != "https" {
        return Err(forbidden(host, "only https is allowed"));
    }
    match Reach::PublicOnly.check_host(url.host_str().unwrap_or_default()) {
        Ok(()) => Ok((url, Reach::PublicOnly)),
        Err(reason) => Err(forbidden(host, &reason.to_string())),
    }
}

fn status_error(url: &Url, status: u16) -> HttpError {
    let host = host_of(url);
    if (300..400).contains(&status) {
        return HttpError::Forbidden { host, reason: "it answered with a redirect".to_owned() };
    }
    HttpError::NoFile { host, status }
}

#[cfg(test)]
mod tests;
