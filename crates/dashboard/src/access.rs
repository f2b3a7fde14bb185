//! Who may come in: from where, under which name, with which password.

mod credentials;
mod gate;
mod sign_in;

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
};

use actix_web::{HttpRequest, cookie::Key, http::header};
use btcedu_domain::Sha256Hash;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

pub use self::credentials::{BadCredentials, Credentials, hash_password};
pub(crate) use self::{
    gate::{below, gate},
    sign_in::{show_sign_in, show_sign_out, sign_in, sign_out},
};
use crate::error::WebError;

/// Tries to sign in from one address: so many at once, and so many a minute.
const TRIES: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
/// Where the session keeps who has signed in.
const USER: &str = "user";

/// Who may come in, and who tries too often.
pub(crate) struct Access {
    credentials: Option<Credentials>,
    hosts: Vec<String>,
    tries: DefaultKeyedRateLimiter<IpAddr>,
    /// Hash of the last `Authorization` that was right: checking a password takes long on purpose.
    known: Mutex<Option<Sha256Hash>>,
}

impl Access {
    pub(crate) fn new(credentials: Option<Credentials>, hosts: Vec<String>) -> Self {
        let tries = RateLimiter::keyed(Quota::per_minute(TRIES));
        Self { credentials, hosts, tries, known: Mutex::default() }
    }

    /// Returns who signs in here; none where nobody has to.
    pub(crate) fn user(&self) -> Option<&str> {
        self.credentials.as_ref().map(Credentials::user)
    }

    /// Checks name and password, not too often from one address.
    async fn check(&self, request: &HttpRequest, user: String, password: String) -> Result<bool, WebError> {
        let Some(credentials) = self.credentials.clone() else { return Ok(true) };
        self.tries.retain_recent();
        if let Some(address) = address_of(request)
            && self.tries.check_key(&address).is_err()
        {
            return Err(WebError::TooManyTries);
        }
        Ok(btcedu_pictures::offload(move || credentials.fit(&user, &password)).await?)
    }

    fn is_known(&self, authorization: &str) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.is_some_and(|known| known == Sha256Hash::of_bytes(authorization.as_bytes()))
    }

    fn remember(&self, authorization: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Sha256Hash::of_bytes(authorization.as_bytes()));
    }
}

/// Makes a word that nobody guesses: up to 64 hex digits, four bits each.
pub(crate) fn random_word(digits: usize) -> String {
    Sha256Hash::of_bytes(Key::generate().signing()).to_string().chars().take(digits).collect()
}

/// Returns whose try it is; a proxy at this machine says so in the last part of `X-Forwarded-For`.
fn address_of(request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let forwarded = request.headers().get(header::X_FORWARDED_FOR).and_then(|value| value.to_str().ok());
    let last = forwarded.and_then(|list| list.rsplit(',').next()?.trim().parse().ok());
    Some(network_of(if peer.is_loopback() { last.unwrap_or(peer) } else { peer }))
}

/// Whoever has an IPv6 address has all of its /64 (RFC 6177).
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}
