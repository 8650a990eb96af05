//! The client's side: reading a challenge and answering it.

use super::auth_params::{after_digest, bare, parts};
use super::hash::{Ha1, Parts, response};
use super::{Algorithm, Qop};
use crate::message::{Message, split_values};
use crate::name::Name;
use crate::name_addr::{quote, unquote};
use std::borrow::Cow;
use std::fmt::Write as _;

/// One challenge of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    pub realm: Cow<'a, str>,
    pub nonce: &'a str,
    pub opaque: Option<&'a str>,
    pub algorithm: Algorithm,
    /// The offers that we know; empty with `has_qop` means that there is none we can take.
    pub qops: [Option<Qop>; 2],
    pub has_qop: bool,
    pub stale: bool,
}

impl<'a> Challenge<'a> {
    /// The Digest challenges of one header line, which may hold several. Those of other schemes and
    /// with algorithms that we lack are left out, as RFC 8760 §2.4 asks.
    pub fn parse_all(line: &'a str) -> Vec<Challenge<'a>> {
        let mut starts: Vec<&'a str> = Vec::new();
        for part in split_values(line) {
            // `scheme name=value`: white space before the first `=` begins a new challenge.
            let name = part.split('=').next().unwrap_or("").trim();
            if name.contains([' ', '\t']) || !part.contains('=') {
                starts.push(part);
            }
        }
        let offset = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
        let ends = starts.iter().skip(1).map(|next| offset(next)).chain([line.len()]);
        let challenges = starts.iter().zip(ends).map(|(start, end)| &line[offset(start)..end]);
        challenges.filter_map(Challenge::parse).collect()
    }

    /// The strongest challenge of a response: SHA-256 before MD5, else the first.
    pub fn strongest(response: &'a Message) -> Option<Challenge<'a>> {
        let lines = response.headers(Name::WwwAuthenticate).chain(response.headers(Name::ProxyAuthenticate));
        let strength = |challenge: &Challenge<'_>| match challenge.algorithm {
            Algorithm::Sha256 | Algorithm::Sha256Sess => 0,
            Algorithm::Md5 | Algorithm::Md5Sess => 1,
        };
        lines.flat_map(Challenge::parse_all).min_by_key(strength)
    }

    /// The value of Authorization or Proxy-Authorization. `nc` counts the uses of this nonce from 1;
    /// `cnonce` is random and has no quotes in it. `ha1` is of this challenge's realm.
    pub fn answer(
        &self,
        user: &str,
        ha1: &Ha1,
        (method, uri): (&str, &str),
        body: &[u8],
        (nc, cnonce): (u32, &str),
    ) -> String {
        let qop = self.qops[0];
        let nc = format!("{nc:08x}");
        let parts = Parts {
            algorithm: self.algorithm,
            nonce: self.nonce,
            cnonce,
            nc: &nc,
            qop,
            qop_text: qop.map_or("", Qop::as_str),
            method,
            uri,
            body,
        };
        let mut value = format!("Digest username={}, realm={}", quote(user), quote(&self.realm));
        let (nonce, algorithm) = (self.nonce, self.algorithm.as_str());
        let hex = response(ha1, &parts);
        let _ = write!(value, ", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{}\"", hex.as_str());
        let _ = write!(value, ", algorithm={algorithm}");
        if let Some(qop) = qop {
            let _ = write!(value, ", cnonce=\"{cnonce}\", qop={}, nc={nc}", qop.as_str());
        } else if matches!(self.algorithm, Algorithm::Md5Sess | Algorithm::Sha256Sess) {
            let _ = write!(value, ", cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = self.opaque {
            let _ = write!(value, ", opaque=\"{opaque}\"");
        }
        value
    }

    fn parse(text: &'a str) -> Option<Challenge<'a>> {
        let mut found = Challenge {
            realm: Cow::Borrowed(""),
            nonce: "",
            opaque: None,
            algorithm: Algorithm::Md5,
            qops: [None, None],
            has_qop: false,
            stale: false,
        };
        for (name, value) in parts(after_digest(text)?) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => found.realm = unquote(value),
                "nonce" => found.nonce = bare(value),
                "opaque" => found.opaque = Some(bare(value)),
                "algorithm" => found.algorithm = Algorithm::parse(Some(bare(value)))?,
                "stale" => found.stale = bare(value).eq_ignore_ascii_case("true"),
                "qop" => {
                    found.has_qop = true;
                    let offered = |qop| split_values(bare(value)).any(|text| Qop::parse(text) == Some(qop));
                    found.qops = match (offered(Qop::Auth), offered(Qop::AuthInt)) {
                        (true, true) => [Some(Qop::Auth), Some(Qop::AuthInt)],
                        (true, false) => [Some(Qop::Auth), None],
                        (false, true) => [Some(Qop::AuthInt), None],
                        (false, false) => [None, None],
                    };
                }
                _ => {}
            }
        }
        (!found.nonce.is_empty() && (!found.has_qop || found.qops[0].is_some())).then_some(found)
    }
}
