//! The server's side: challenges, and whether an answer to one is good.

use super::credentials::Credentials;
use super::hash::{Ha1, Hex, response};
use super::window::{NonceWindow, Use};
use crate::name_addr::quote;
use crate::time::{Duration, Instant};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use subtle::ConstantTimeEq;

/// How long after its challenge a nonce is good.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);

/// Octets of the MAC in a nonce.
const MAC_LEN: usize = 16;
/// Time in microseconds, then the MAC.
const NONCE_LEN: usize = 8 + MAC_LEN;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    /// Wrong secret, or nobody of that name. Challenge again without `stale`.
    Wrong,
    /// The secret is right, the nonce too old, not of ours or given to another address. Challenge
    /// with `stale`.
    Stale,
    /// The secret is right, but this nonce and count were used before. Challenge with `stale`.
    Replayed,
}

/// The request that credentials came with.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    pub method: &'a str,
    /// The realm that it must be of.
    pub realm: &'a str,
    /// Counts with `auth-int` only.
    pub body: &'a [u8],
    /// Where it came from.
    pub source: IpAddr,
}

/// Makes and checks nonces with a key; keeps nothing per nonce.
pub struct Nonces {
    mac: Hmac<Sha256>,
    /// Compared with when nobody has the name that was given.
    nobody: Ha1,
    /// Time of the last nonce: each one's is its own.
    last: u64,
}

impl Nonces {
    /// A random key, fresh for each start: times of one run mean nothing in another.
    pub fn new(key: [u8; 32]) -> Nonces {
        let derived = |purpose: &[u8]| Sha256::new_with_prefix(key).chain_update(purpose).finalize();
        let sha256: [u8; 32] = derived(b"nobody").into();
        let mut md5 = [0; 16];
        md5.copy_from_slice(&sha256[..16]);
        // HMAC fills a key up to its block with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&derived(b"nonce"));
        let mac = Hmac::new(&block.into());
        Nonces { mac, nobody: Ha1 { md5, sha256 }, last: 0 }
    }

    /// A nonce is good for the address that it was given to: whoever overheard one, or has it sent to
    /// somebody else by a forged sender, has nothing in hand. The port is left out, for a NAT may give
    /// a phone another one between two requests.
    ///
    /// Two values for WWW-Authenticate or Proxy-Authenticate, each for a header of its own: SHA-256
    /// first, then MD5 (RFC 8760 §2.3).
    pub fn challenge(&mut self, now: Instant, realm: &str, source: IpAddr, stale: bool) -> [String; 2] {
        self.last = now.0.max(self.last + 1);
        let time = self.last.to_be_bytes();
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&time);
        nonce[8..].copy_from_slice(&self.mac_of(&time, realm, source));
        let (nonce, realm) = (Hex::of(&nonce), quote(realm));
        let stale = if stale { ", stale=true" } else { "" };
        ["SHA-256", "MD5"].map(|algorithm| {
            format!(
                "Digest realm={realm}, nonce=\"{}\", algorithm={algorithm}, qop=\"auth\"{stale}",
                nonce.as_str()
            )
        })
    }

    /// Judges credentials. `ha1` is `None` when nobody has that name: the same work is done, and
    /// the verdict is [`Verdict::Wrong`]. A use that is accepted is recorded in `window`.
    ///
    /// The digest's `uri` is hashed as the phone wrote it, for many write another form of the
    /// Request-URI. Whether it means the same is for the caller, who knows which hosts are its own:
    /// see [`Credentials::is_for`].
    pub fn verify(
        &self,
        credentials: &Credentials<'_>,
        attempt: &Attempt<'_>,
        ha1: Option<&Ha1>,
        window: &mut NonceWindow,
        now: Instant,
    ) -> Verdict {
        let issued = self.issued(credentials.nonce, attempt.realm, attempt.source);
        let parts = credentials.parts(attempt.method, attempt.body);
        let expected = response(ha1.unwrap_or(&self.nobody), &parts);
        let mut given = [0; 64];
        let length = credentials.response.len().min(given.len());
        given[..length].copy_from_slice(&credentials.response.as_bytes()[..length]);
        given.make_ascii_lowercase();
        let right: bool = expected.as_bytes().ct_eq(&given[..length]).into();
        if !right || ha1.is_none() || credentials.realm != attempt.realm {
            return Verdict::Wrong;
        }
        match issued.filter(|issued| now.since(*issued) <= NONCE_LIFE) {
            None => Verdict::Stale,
            Some(issued) => match window.record(issued, credentials.nc, now) {
                Use::Fresh => Verdict::Ok,
                Use::Forgotten => Verdict::Stale,
                Use::Repeated => Verdict::Replayed,
            },
        }
    }

    /// When we issued that nonce to that address; `None` if we did not.
    fn issued(&self, nonce: &str, realm: &str, source: IpAddr) -> Option<Instant> {
        let bytes = decode(nonce)?;
        let (time, mac) = bytes.split_first_chunk::<8>()?;
        let ours: bool = self.mac_of(time, realm, source).ct_eq(mac).into();
        ours.then(|| Instant(u64::from_be_bytes(*time)))
    }

    fn mac_of(&self, time: &[u8; 8], realm: &str, source: IpAddr) -> [u8; MAC_LEN] {
        let mut mac = self.mac.clone();
        mac.update(time);
        mac.update(&octets(source));
        mac.update(realm.as_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut short = [0; MAC_LEN];
        short.copy_from_slice(&whole[..MAC_LEN]);
        short
    }
}

impl fmt::Debug for Nonces {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Nonces(..)")
    }
}

/// The same for an IPv4 address however it is written.
fn octets(source: IpAddr) -> [u8; 16] {
    let v6: Ipv6Addr = match source {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    v6.octets()
}

fn decode(hex: &str) -> Option<[u8; NONCE_LEN]> {
    if hex.len() != NONCE_LEN * 2 {
        return None;
    }
    let mut bytes = [0; NONCE_LEN];
    for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(bytes)
}
