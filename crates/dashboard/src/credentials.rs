//! A name and the hash of a password, as `DASHBOARD_AUTH` holds them.

use std::{fmt, str::FromStr};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// The name and password that sign in: `user:argon2-hash`.
#[derive(Clone)]
pub struct Credentials {
    user: String,
    hash: SecretString,
}

/// A value of `DASHBOARD_AUTH` that can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadCredentials {
    /// There is no colon, or no name before it.
    #[error("it is not USER:HASH; `btcedu web hash-password --user NAME` makes the line")]
    NoUser,
    /// The part behind the colon is no Argon2 hash; its `$` may have been lost.
    #[error(
        "what stands behind the colon is no Argon2 hash; in .env the value needs single quotes, or its '$' are lost: `btcedu web hash-password --user NAME` makes the line"
    )]
    NoHash,
    /// The password is blank, or the hash can't be made.
    #[error("the password is empty")]
    NoPassword,
}

impl Credentials {
    /// Returns the name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Checks a name and a password; takes some 50 ms, whichever of them is wrong.
    pub(crate) fn are_right(&self, user: &str, password: &str) -> bool {
        let is_user: bool = self.user.as_bytes().ct_eq(user.as_bytes()).into();
        let is_password = PasswordHash::new(self.hash.expose_secret())
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
        is_user & is_password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

impl FromStr for Credentials {
    type Err = BadCredentials;

    fn from_str(text: &str) -> Result<Self, BadCredentials> {
        let (user, hash) = text.trim().split_once(':').ok_or(BadCredentials::NoUser)?;
        if user.trim().is_empty() {
            return Err(BadCredentials::NoUser);
        }
        let is_argon2 =
            PasswordHash::new(hash).is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"));
        if !is_argon2 {
            return Err(BadCredentials::NoHash);
        }
        Ok(Self { user: user.to_owned(), hash: hash.to_owned().into() })
    }
}

/// Makes a value for `DASHBOARD_AUTH`, with a salt of its own (Argon2id, the crate's default cost: 19 MiB, 2 passes).
///
/// # Errors
/// [`BadCredentials`] where name or password can't be used.
pub fn hash_password(user: &str, password: &str) -> Result<String, BadCredentials> {
    if user.trim().is_empty()
        || user.contains(':')
        || user.contains('\'')
        || user.chars().any(char::is_control)
    {
        return Err(BadCredentials::NoUser);
    }
    if password.is_empty() {
        return Err(BadCredentials::NoPassword);
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash = hash.map_err(|_no_randomness| BadCredentials::NoPassword)?;
    Ok(format!("{}:{hash}", user.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_name_and_the_right_password_are_right() {
        let line = hash_password("ayşe", "geheim $1").unwrap();
        let credentials: Credentials = line.parse().unwrap();
        assert!(credentials.are_right("ayşe", "geheim $1"));
        for (user, password) in [("ayse", "geheim $1"), ("ayşe", "geheim"), ("", ""), ("ayşe", "")] {
            assert!(!credentials.are_right(user, password), "{user} {password}");
        }
        assert!(!format!("{credentials:?}").contains("argon2"));
        assert_ne!(hash_password("ayşe", "geheim $1").unwrap(), line);
    }

    #[test]
    fn a_value_that_is_no_hash_is_refused() {
        for text in ["", "ayşe", ":$argon2id$v=19$m=19456", " : "] {
            assert_eq!(text.parse::<Credentials>().unwrap_err(), BadCredentials::NoUser, "{text}");
        }
        for text in ["ayşe:", "ayşe:=19=19456,t=2,p=1", "ayşe:$2b$12$abc"] {
            assert_eq!(text.parse::<Credentials>().unwrap_err(), BadCredentials::NoHash, "{text}");
        }
        assert_eq!(hash_password("a:b", "x"), Err(BadCredentials::NoUser));
        assert_eq!(hash_password("ab", ""), Err(BadCredentials::NoPassword));
    }
}
