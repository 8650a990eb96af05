//! The client's side of digest authentication (RFC 7616, RFC 8760), written apart from the
//! server's so that each checks the other.

use md5::{Digest, Md5};
use sha2::Sha256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Md5,
    Sha256,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha256 => "SHA-256",
        }
    }
}

/// Who answers a challenge.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    pub auth_name: &'a str,
    pub secret: &'a str,
    pub algorithm: Algorithm,
}

/// One challenge of a 401 or 407.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    pub algorithm: Algorithm,
    /// Whether `auth` is among the qop offered; without it the old form of RFC 2069 is used.
    pub has_qop_auth: bool,
    pub stale: bool,
}

impl Challenge {
    /// Reads the value of a WWW-Authenticate or Proxy-Authenticate. `None`: not digest, or an
    /// algorithm we do not speak.
    pub fn parse(value: &str) -> Option<Challenge> {
        let rest = value.trim_start();
        let (scheme, rest) = rest.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return None;
        }
        let mut challenge = Challenge {
            realm: String::new(),
            nonce: String::new(),
            opaque: None,
            algorithm: Algorithm::Md5,
            has_qop_auth: false,
            stale: false,
        };
        for (name, value) in Params(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => challenge.realm = value.to_owned(),
                "nonce" => challenge.nonce = value.to_owned(),
                "opaque" => challenge.opaque = Some(value.to_owned()),
                "qop" => challenge.has_qop_auth = value.split(',').any(|qop| qop.trim() == "auth"),
                "stale" => challenge.stale = value.eq_ignore_ascii_case("true"),
                "algorithm" if value.eq_ignore_ascii_case("MD5") => challenge.algorithm = Algorithm::Md5,
                "algorithm" if value.eq_ignore_ascii_case("SHA-256") => {
                    challenge.algorithm = Algorithm::Sha256;
                }
                "algorithm" => return None,
                _ => {}
            }
        }
        (!challenge.nonce.is_empty()).then_some(challenge)
    }

    /// The value of Authorization or Proxy-Authorization that answers it. `count` is the nonce
    /// count, from 1; `cnonce` any text of ours.
    pub fn answer(&self, who: Identity<'_>, method: &str, uri: &str, count: u32, cnonce: &str) -> String {
        let Identity { auth_name, secret, algorithm } = who;
        let Challenge { realm, nonce, .. } = self;
        let ha1 = hash(algorithm, &[auth_name, realm, secret]);
        let ha2 = hash(algorithm, &[method, uri]);
        let name = algorithm.name();
        let mut out = format!(
            "Digest username=\"{auth_name}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", algorithm={name}"
        );
        let response = if self.has_qop_auth {
            let count = format!("{count:08x}");
            let response = hash(algorithm, &[&ha1, nonce, &count, cnonce, "auth", &ha2]);
            out.push_str(&format!(", qop=auth, nc={count}, cnonce=\"{cnonce}\""));
            response
        } else {
            hash(algorithm, &[&ha1, nonce, &ha2])
        };
        out.push_str(&format!(", response=\"{response}\""));
        if let Some(opaque) = &self.opaque {
            out.push_str(&format!(", opaque=\"{opaque}\""));
        }
        out
    }
}

/// The hexadecimal hash of the parts joined by colons.
fn hash(algorithm: Algorithm, parts: &[&str]) -> String {
    match algorithm {
        Algorithm::Md5 => hex_of(Md5::new(), parts),
        Algorithm::Sha256 => hex_of(Sha256::new(), parts),
    }
}

fn hex_of(mut digest: impl Digest, parts: &[&str]) -> String {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            digest.update(b":");
        }
        digest.update(part.as_bytes());
    }
    let mut text = String::with_capacity(64);
    for byte in digest.finalize().iter() {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
    }
    text
}

/// `name=value, name="va,lue"`: names with their values out of their quotes.
struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.0.trim_start_matches([' ', '\t', ',']);
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        self.0 = rest;
        Some((name.trim(), value.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1: the same request answered with each algorithm.
    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let value = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
                     nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
                     opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        let challenge = Challenge::parse(value).unwrap();
        let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        for (algorithm, response) in [
            (Algorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
            (Algorithm::Sha256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ] {
            let who = Identity { auth_name: "Mufasa", secret: "Circle of Life", algorithm };
            let answer = challenge.answer(who, "GET", "/dir/index.html", 1, cnonce);
            assert!(answer.contains(&format!("response=\"{response}\"")), "{answer}");
            assert!(answer.contains("nc=00000001, cnonce=") && answer.contains("opaque=\"FQhe"));
        }
    }

    #[test]
    fn challenges_that_we_cannot_answer_are_left() {
        assert_eq!(Challenge::parse("Basic realm=\"x\""), None);
        assert_eq!(Challenge::parse("Digest realm=\"x\", nonce=\"n\", algorithm=SHA-512-256"), None);
        assert_eq!(Challenge::parse("Digest realm=\"x\""), None);
        let stale = Challenge::parse("Digest realm=\"a,b\",nonce=\"n\",stale=TRUE").unwrap();
        assert!(stale.stale && !stale.has_qop_auth);
        assert_eq!(stale.realm, "a,b");
    }
}
