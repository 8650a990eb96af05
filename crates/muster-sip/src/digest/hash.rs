//! The hashes of RFC 7616 §3.4.

use super::{Algorithm, Qop};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt;

/// What a secret is kept as, H(user:realm:secret) with both hashes. As good as the password itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Ha1 {
    pub md5: [u8; 16],
    pub sha256: [u8; 32],
}

impl Ha1 {
    pub fn new(user: &str, realm: &str, secret: &str) -> Ha1 {
        Ha1 { md5: ha1_md5(user, realm, secret), sha256: ha1_sha256(user, realm, secret) }
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ha1(..)")
    }
}

pub fn ha1_md5(user: &str, realm: &str, secret: &str) -> [u8; 16] {
    join::<Md5>(&[user.as_bytes(), realm.as_bytes(), secret.as_bytes()]).into()
}

pub fn ha1_sha256(user: &str, realm: &str, secret: &str) -> [u8; 32] {
    join::<Sha256>(&[user.as_bytes(), realm.as_bytes(), secret.as_bytes()]).into()
}

/// All that goes into a response beside the secret.
pub(super) struct Parts<'a> {
    pub algorithm: Algorithm,
    pub nonce: &'a str,
    pub cnonce: &'a str,
    /// Count as it is written, eight digits.
    pub nc: &'a str,
    pub qop: Option<Qop>,
    /// `qop` as it is written, which is what was hashed.
    pub qop_text: &'a str,
    pub method: &'a str,
    pub uri: &'a str,
    pub body: &'a [u8],
}

/// A response in hex.
pub(super) struct Hex {
    digits: [u8; 64],
    len: usize,
}

impl Hex {
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..self.len]
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub fn of(bytes: &[u8]) -> Hex {
        let mut digits = [0; 64];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        Hex { digits, len: (bytes.len() * 2).min(64) }
    }
}

pub(super) fn response(ha1: &Ha1, parts: &Parts<'_>) -> Hex {
    match parts.algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => with::<Md5>(&ha1.md5, parts),
        Algorithm::Sha256 | Algorithm::Sha256Sess => with::<Sha256>(&ha1.sha256, parts),
    }
}

fn with<H: Digest>(ha1: &[u8], parts: &Parts<'_>) -> Hex {
    let (nonce, cnonce) = (parts.nonce.as_bytes(), parts.cnonce.as_bytes());
    let mut ha1 = Hex::of(ha1);
    if matches!(parts.algorithm, Algorithm::Md5Sess | Algorithm::Sha256Sess) {
        ha1 = Hex::of(&join::<H>(&[ha1.as_bytes(), nonce, cnonce]));
    }
    let (method, uri) = (parts.method.as_bytes(), parts.uri.as_bytes());
    let ha2 = match parts.qop {
        Some(Qop::AuthInt) => {
            let body = Hex::of(&H::digest(parts.body));
            join::<H>(&[method, uri, body.as_bytes()])
        }
        _ => join::<H>(&[method, uri]),
    };
    let ha2 = Hex::of(&ha2);
    let digest = match parts.qop {
        Some(_) => {
            let (nc, qop) = (parts.nc.as_bytes(), parts.qop_text.as_bytes());
            join::<H>(&[ha1.as_bytes(), nonce, nc, cnonce, qop, ha2.as_bytes()])
        }
        None => join::<H>(&[ha1.as_bytes(), nonce, ha2.as_bytes()]),
    };
    Hex::of(&digest)
}

fn join<H: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<H> {
    let mut hash = H::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hash.finalize()
}
