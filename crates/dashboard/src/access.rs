//! Which requests are let in: by host name, origin and password, and how often a password may be tried.

mod request;

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use btcedu_domain::{BlockingPool, Sha256Hash};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::request::{BasicSignIn, is_allowed_host, is_same_origin, text_of};
use crate::{config::BasePath, credentials::Credentials, error::WebError};

/// Tries to sign in from one address: so many at once, and so many a minute.
const TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// A check takes 19 MiB and 50 ms on purpose, so that no more run at once.
static PASSWORDS: BlockingPool = BlockingPool::new(2);
/// Paths that need no password.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/sign-in"];
/// What stays as it is in `?next=PATH`.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'/');

/// The rules for requests, and the tries to sign in.
pub(crate) struct Access {
    credentials: Option<Credentials>,
    hosts: Vec<String>,
    tries: DefaultKeyedRateLimiter<IpAddr>,
    /// Hash of the last `Authorization` that was right: checking a password takes long on purpose.
    last_right: Mutex<Option<Sha256Hash>>,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is answered.
    Enter,
    /// The visitor is sent to this address first.
    SignIn(String),
}

impl Access {
    pub(crate) fn new(credentials: Option<Credentials>, hosts: Vec<String>) -> Self {
        let tries = RateLimiter::keyed(Quota::per_minute(TRIES));
        Self { credentials, hosts, tries, last_right: Mutex::default() }
    }

    /// Returns the name that signs in here; none where signing in is not needed.
    pub(crate) fn user(&self) -> Option<&str> {
        self.credentials.as_ref().map(Credentials::user)
    }

    /// Decides whether a request is answered; `signed_in` is the name that its session holds.
    ///
    /// # Errors
    /// [`WebError`] says why it is refused.
    pub(crate) async fn admit(
        &self,
        base: &BasePath,
        request: &HttpRequest,
        signed_in: Option<&str>,
    ) -> Result<Admission, WebError> {
        // Without a password, a foreign host name that leads here would let the pages of that host read ours.
        if self.credentials.is_none() && !is_allowed_host(request, &self.hosts) {
            return Err(WebError::Misdirected);
        }
        if !is_reading(request.method()) && !is_same_origin(request) {
            return Err(WebError::Forbidden("this form was not sent from one of the dashboard's own pages"));
        }
        let path = base.strip(request.path());
        if OPEN_PATHS.contains(&path) || path.starts_with("/static/") {
            return Ok(Admission::Enter);
        }
        let Some(credentials) = &self.credentials else { return Ok(Admission::Enter) };
        if signed_in == Some(credentials.user()) {
            return Ok(Admission::Enter);
        }
        let is_for_programs = path.starts_with("/api/") || path == "/metrics";
        if is_for_programs && self.is_authorized(request).await? {
            return Ok(Admission::Enter);
        }
        // The answer to a form or an event stream is not shown as a page, so a redirect would be of no use.
        if is_for_programs || !is_reading(request.method()) || path == "/events" {
            return Err(WebError::Unauthorized);
        }
        let asked = request.uri().path_and_query().map_or(path, |asked| base.strip(asked.as_str()));
        let next = utf8_percent_encode(asked, UNRESERVED);
        Ok(Admission::SignIn(format!("{base}/sign-in?next={next}")))
    }

    /// Checks name and password, not too often from one address.
    ///
    /// # Errors
    /// [`WebError::TooManyTries`].
    pub(crate) async fn check(
        &self,
        request: &HttpRequest,
        user: String,
        password: String,
    ) -> Result<bool, WebError> {
        let Some(credentials) = self.credentials.clone() else { return Ok(true) };
        self.tries.retain_recent();
        if let Some(address) = address_of(request)
            && self.tries.check_key(&address).is_err()
        {
            return Err(WebError::TooManyTries);
        }
        Ok(PASSWORDS.run(move || credentials.are_right(&user, &password)).await?)
    }

    /// Checks the `Authorization` that a program sends.
    async fn is_authorized(&self, request: &HttpRequest) -> Result<bool, WebError> {
        let Some(authorization) = text_of(request, &header::AUTHORIZATION) else { return Ok(false) };
        let hash = Sha256Hash::of_bytes(authorization.as_bytes());
        if *self.last_right.lock().unwrap_or_else(PoisonError::into_inner) == Some(hash) {
            return Ok(true);
        }
        let Some(BasicSignIn { user, password }) = BasicSignIn::parse(authorization) else {
            return Ok(false);
        };
        let is_right = self.check(request, user, password).await?;
        if is_right {
            *self.last_right.lock().unwrap_or_else(PoisonError::into_inner) = Some(hash);
        }
        Ok(is_right)
    }
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Returns the address that a try counts for; a proxy at this machine gives it as the last of `X-Forwarded-For`.
fn address_of(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let forwarded = text_of(request, &header::X_FORWARDED_FOR);
    let last = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    Some(network_of(if peer.is_loopback() { last.unwrap_or(peer) } else { peer }))
}

/// One subscriber has a whole /64 of IPv6 addresses (RFC 6177), so they count as one.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::credentials::hash_password;

    fn guarded() -> Access {
        let line = hash_password("ayşe", "geheim").unwrap();
        Access::new(Some(line.parse().unwrap()), Vec::new())
    }

    #[actix_web::test]
    async fn a_visitor_is_sent_to_sign_in_and_back_to_where_they_were() {
        let (access, base) = (guarded(), "/b".parse().unwrap());
        let request = TestRequest::with_uri("/b/reviews/1?view=side&x=%C3%BC").to_http_request();
        let to = Admission::SignIn("/b/sign-in?next=/reviews/1%3Fview%3Dside%26x%3D%25C3%25BC".to_owned());
        assert_eq!(access.admit(&base, &request, None).await.unwrap(), to);
        assert_eq!(access.admit(&base, &request, Some("ayşe")).await.unwrap(), Admission::Enter);
        assert_eq!(access.admit(&base, &request, Some("mehmet")).await.unwrap(), to);
    }

    #[test]
    fn the_addresses_of_one_subscriber_count_as_one() {
        let of = |peer: &str, forwarded: &'static str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            address_of(&request.insert_header(("x-forwarded-for", forwarded)).to_http_request()).unwrap()
        };
        assert_eq!(of("127.0.0.1:1", "9.9.9.9, 198.51.100.7"), IpAddr::from([198, 51, 100, 7]));
        assert_eq!(of("198.51.100.7:1", "9.9.9.9"), IpAddr::from([198, 51, 100, 7]));
        assert_eq!(of("[2001:db8::1]:1", ""), of("[2001:db8::ffff:1]:1", ""));
        assert_ne!(of("[2001:db8::1]:1", ""), of("[2001:db8:0:1::1]:1", ""));
    }
}
