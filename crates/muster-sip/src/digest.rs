//! Digest authentication (RFC 7616, RFC 8760; RFC 2069 for old devices).
//!
//! A nonce carries its time and a MAC, so nothing is kept for a challenge that nobody answers.
//! What was answered is remembered in a [`NonceWindow`] of fixed size, which may forget honest
//! phones (they are challenged once more) and never lets a repeated count pass.

mod auth_params;
mod challenge;
mod credentials;
mod hash;
mod nonces;
mod window;

#[cfg(test)]
mod tests;

pub use challenge::Challenge;
pub use credentials::Credentials;
pub use hash::{Ha1, ha1_md5, ha1_sha256};
pub use nonces::{Attempt, NONCE_LIFE, Nonces, Verdict};
pub use window::{NonceWindow, Use};

/// The hash of a challenge and whether the secret is bound to the session (`-sess`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Md5Sess,
    Sha256,
    Sha256Sess,
}

/// Quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    Auth,
    /// The body is protected, too.
    AuthInt,
}

impl Algorithm {
    /// As challenges name it; absent means MD5 (RFC 7616 §3.3). `None` for one that we lack.
    pub(crate) fn parse(text: Option<&str>) -> Option<Algorithm> {
        let Some(text) = text else { return Some(Algorithm::Md5) };
        [Algorithm::Md5, Algorithm::Md5Sess, Algorithm::Sha256, Algorithm::Sha256Sess]
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
        }
    }
}

impl Qop {
    pub(crate) fn parse(text: &str) -> Option<Qop> {
        [Qop::Auth, Qop::AuthInt].into_iter().find(|qop| qop.as_str().eq_ignore_ascii_case(text))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}
