//! Digest authentication (RFC 7616, RFC 8760; RFC 2069 for old devices).

use crate::message::HeaderError;
use crate::time::Instant;
use std::borrow::Cow;

/// What a person's secret is kept as. As good as the password: never log it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: [u8; 16],
    pub sha256: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// Wrong secret, or nobody of that name. Challenge again without `stale`.
    Wrong,
    /// The secret is right, the nonce too old or not ours. Challenge with `stale`.
    Stale,
    /// The secret is right, but this nonce and count were used before. Challenge with `stale`.
    Replayed,
}

/// Digest credentials as a request carries them.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    pub username: Cow<'a, str>,
    pub realm: Cow<'a, str>,
    pub nonce: &'a str,
    pub uri: &'a str,
    pub response: &'a str,
    pub algorithm: Algorithm,
    pub cnonce: Option<&'a str>,
    pub qop: Option<Qop>,
    pub nc: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Md5Sess,
    Sha256,
    Sha256Sess,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    Auth,
    AuthInt,
}

impl<'a> Credentials<'a> {
    pub fn parse(_value: &'a str) -> Result<Credentials<'a>, HeaderError> {
        Err(HeaderError::Digest)
    }
}

/// Makes and checks nonces. Nothing is kept per nonce but in [`NonceWindow`].
pub struct Nonces;

/// What was used already, in a fixed amount of memory.
pub struct NonceWindow;

impl NonceWindow {
    /// Room for at least so many nonces in use (16 octets each).
    pub fn new(_nonces: usize) -> NonceWindow {
        NonceWindow
    }
}

/// The request that credentials came with.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub method: &'a str,
    pub realm: &'a str,
    pub body: &'a [u8],
}

impl Nonces {
    pub fn new(_key: [u8; 32]) -> Nonces {
        Nonces
    }
    /// Two values for WWW-Authenticate or Proxy-Authenticate, each in a header of its own: SHA-256
    /// first, then MD5 (RFC 8760 §2.3).
    pub fn challenge(&mut self, _now: Instant, _realm: &str, _stale: bool) -> [String; 2] {
        Default::default()
    }
    /// `ha1` is `None` when nobody has that name: the same work is done and the verdict is Wrong.
    pub fn verify(
        &self,
        _credentials: &Credentials<'_>,
        _attempt: &Attempt<'_>,
        _ha1: Option<&Ha1>,
        _window: &mut NonceWindow,
        _now: Instant,
    ) -> Verdict {
        Verdict::Wrong
    }
}

pub fn ha1_md5(_user: &str, _realm: &str, _secret: &str) -> [u8; 16] {
    [0; 16]
}
pub fn ha1_sha256(_user: &str, _realm: &str, _secret: &str) -> [u8; 32] {
    [0; 32]
}
