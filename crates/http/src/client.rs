//! The HTTP client: created at the first call, one attempt per call, limits on size and time.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::{
    address::{GuardedResolver, Reach},
    base_url::{BaseUrl, host_of},
    error::HttpError,
    reply::Reply,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Short, so that a call rarely uses a connection that the other side has just closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
const DEFAULT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// One call of a provider's API.
pub struct ApiRequest {
    method: Method,
    url: Url,
    reach: Reach,
    headers: Vec<(&'static str, &'static str)>,
    secret: Option<(&'static str, SecretString)>,
    body: Option<Vec<u8>>,
    timeout: Duration,
    max_bytes: usize,
}

impl ApiRequest {
    /// Makes a GET of an endpoint such as `models`.
    pub(crate) fn get(base: &BaseUrl, path: &str, timeout: Duration) -> Self {
        Self {
            method: Method::GET,
            url: base.join(path),
            reach: base.reach(),
            headers: Vec::new(),
            secret: None,
            body: None,
            timeout,
            max_bytes: DEFAULT_MAX_BYTES,
        }
    }

    /// Makes a POST of JSON to an endpoint such as `messages`.
    pub(crate) fn post_json(base: &BaseUrl, path: &str, body: &serde_json::Value, timeout: Duration) -> Self {
        let body = Some(body.to_string().into_bytes());
        Self { method: Method::POST, body, ..Self::get(base, path, timeout) }
    }

    /// Adds a parameter to the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Adds `authorization: Bearer KEY`.
    #[must_use]
    pub fn bearer(self, key: &SecretString) -> Self {
        self.secret_header("authorization", &format!("Bearer {}", key.expose_secret()).into())
    }

    /// Adds a header that holds a secret.
    #[must_use]
    pub fn secret_header(mut self, name: &'static str, value: &SecretString) -> Self {
        self.secret = Some((name, value.clone()));
        self
    }

    /// Sets the size limit of the answer in bytes; the default is 16 MiB.
    #[must_use]
    pub fn max_bytes(mut self, limit: usize) -> Self {
        self.max_bytes = limit;
        self
    }
}

impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("method", &self.method)
            .field("host", &host_of(&self.url))
            .field("path", &self.url.path())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// An HTTP client. It is cheap to create and to clone; clones share their connections.
///
/// It follows no redirect and retries nothing. It ignores proxies of the environment, since the
/// base URL names the gateway. It asks for no compression, since pictures don't get smaller.
#[derive(Clone, Default)]
pub struct HttpClient {
    clients: Arc<Mutex<HashMap<Reach, reqwest::Client>>>,
}

impl HttpClient {
    /// Sends a request, once, and returns the whole answer, whatever its status.
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Errors
    /// [`HttpError`] if there is no whole answer within the request's limits.
    pub(crate) async fn send(&self, request: &ApiRequest) -> Result<Reply, HttpError> {
        let client = self.client(request.reach)?;
        let host = host_of(&request.url);
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).timeout(request.timeout);
        for (name, value) in &request.headers {
            builder = builder.header(*name, *value);
        }
        if let Some((name, secret)) = &request.secret {
            let Ok(mut value) = HeaderValue::from_str(secret.expose_secret()) else {
                return Err(HttpError::Unsendable { host });
            };
            value.set_sensitive(true);
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        fetch(builder, host, request.timeout, request.max_bytes).await
    }

    /// Returns the client for a reach; the first call creates it.
    pub(crate) fn client(&self, reach: Reach) -> Result<reqwest::Client, HttpError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&reach) {
            return Ok(client.clone());
        }
        let client = build(reach)?;
        clients.insert(reach, client.clone());
        Ok(client)
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

fn build(reach: Reach) -> Result<reqwest::Client, HttpError> {
    // This fails only if a crypto provider is installed already; then that one is used.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .retry(reqwest::retry::never())
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .user_agent(concat!("btcedu/", env!("CARGO_PKG_VERSION")));
    let builder = match reach {
        Reach::Anywhere => builder,
        Reach::PublicOnly => builder.dns_resolver(GuardedResolver(reach)),
        // Plain http needs no certificates; reading the machine's would take tens of milliseconds.
        Reach::PrivateOnly => builder.dns_resolver(GuardedResolver(reach)).tls_certs_only([]),
    };
    builder.build().map_err(HttpError::Setup)
}

/// Sends a prepared request and reads the answer, up to the size limit.
pub(crate) async fn fetch(
    builder: reqwest::RequestBuilder,
    host: String,
    timeout: Duration,
    max_bytes: usize,
) -> Result<Reply, HttpError> {
    let transport_error = |error| HttpError::from_transport(error, host.clone(), timeout);
    let mut response = builder.send().await.map_err(transport_error)?;
    let too_large = || HttpError::TooLarge { host: host.clone(), limit_bytes: max_bytes };
    let length = response.content_length().unwrap_or(0);
    let length = usize::try_from(length).ok().filter(|n| *n <= max_bytes).ok_or_else(too_large)?;
    // The buffer has the right size at once, so that a picture is never in memory twice.
    let mut body = Vec::with_capacity(length);
    while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
        if body.len().saturating_add(chunk.len()) > max_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply::new(response.status().as_u16(), response.headers(), body))
}

#[cfg(test)]
mod tests;
