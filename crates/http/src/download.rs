//! Fetches a file that a provider's answer points to, without trusting the address.

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

/// The largest file that is fetched: 64 MiB.
pub const DOWNLOAD_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Waits before the second, third and fourth try.
const WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

impl Endpoint {
    /// Fetches a file that an answer names, trying up to three times more, since it was paid for.
    ///
    /// The base URL's own origin may be plain http on a private network. Any other address must
    /// be https, on the internet, and answer without a redirect. No key is sent along.
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
        let (url, reach) = allowed(base, url)?;
        let client = self.http.client(reach)?;
        let mut waits = WAITS.into_iter();
        loop {
            let request = client.get(url.clone()).timeout(self.timeout);
            let attempt = fetch(request, host_of(&url), self.timeout, max_bytes);
            let error = match attempt.await {
                Ok(reply) if reply.is_success() => return Ok(reply),
                Ok(reply) => refused_status(&url, reply.status),
                Err(error) => error,
            };
            match waits.next() {
                Some(wait) if error.is_passing() => self.clock.sleep(wait).await,
                _ => return Err(error),
            }
        }
    }
}

/// Checks an address against the rules, before anything is sent.
fn allowed(base: &BaseUrl, url: &str) -> Result<(Url, Reach), HttpError> {
    let forbid = |host: String, reason: &str| HttpError::Forbidden { host, reason: reason.to_owned() };
    let Ok(url) = url.trim().parse::<Url>() else {
        return Err(forbid("the answer".to_owned(), "its address is not a URL"));
    };
    if base.has_origin_of(&url) {
        return Ok((url, base.reach()));
    }
    let host = host_of(&url);
    if url.scheme() != "https" {
        return Err(forbid(host, "only https is allowed"));
    }
    match Reach::PublicOnly.check_host(url.host_str().unwrap_or_default()) {
        Ok(()) => Ok((url, Reach::PublicOnly)),
        Err(reason) => Err(forbid(host, &reason.to_string())),
    }
}

fn refused_status(url: &Url, status: u16) -> HttpError {
    let host = host_of(url);
    if (300..400).contains(&status) {
        return HttpError::Forbidden { host, reason: "it answered with a redirect".to_owned() };
    }
    HttpError::NoFile { host, status }
}

#[cfg(test)]
mod tests;
