//! The client's half of digest, written apart from the one under test.

use md5::{Digest as _, Md5};
use sha2::Sha256;

#[derive(Clone, Debug)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    pub algorithm: String,
    pub qop: bool,
    pub nc: u32,
}

impl Challenge {
    /// Reads the parameters of one challenge line.
    pub fn parse(line: &str) -> Challenge {
        let text = line.strip_prefix("Digest").expect("a digest challenge");
        let get = |name: &str| {
            let mut rest = text;
            loop {
                let at = rest.find(name)?;
                let before = rest[..at].trim_end().as_bytes().last().copied();
                rest = &rest[at + name.len()..];
                if (before.is_none() || before == Some(b',')) && rest.starts_with('=') {
                    let value = &rest[1..];
                    return Some(match value.strip_prefix('"') {
                        Some(quoted) => quoted[..quoted.find('"')?].to_owned(),
                        None => value.split([',', ' ']).next()?.to_owned(),
                    });
                }
            }
        };
        Challenge {
            realm: get("realm").expect("realm"),
            nonce: get("nonce").expect("nonce"),
            opaque: get("opaque"),
            algorithm: get("algorithm").unwrap_or_else(|| "MD5".into()),
            qop: get("qop").is_some(),
            nc: 0,
        }
    }

    /// The value of Authorization for one more request.
    pub fn answer(&mut self, user: &str, secret: &str, method: &str, uri: &str) -> String {
        self.nc += 1;
        let hash = |text: String| hash(&self.algorithm, &text);
        let ha1 = hash(format!("{user}:{}:{secret}", self.realm));
        let ha2 = hash(format!("{method}:{uri}"));
        let (nc, cnonce) = (format!("{:08x}", self.nc), "0a4f113b");
        let response = match self.qop {
            true => hash(format!("{ha1}:{}:{nc}:{cnonce}:auth:{ha2}", self.nonce)),
            false => hash(format!("{ha1}:{}:{ha2}", self.nonce)),
        };
        let mut value = format!(
            "Digest username=\"{user}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\", algorithm={}",
            self.realm, self.nonce, self.algorithm
        );
        if self.qop {
            value += &format!(", qop=auth, nc={nc}, cnonce=\"{cnonce}\"");
        }
        if let Some(opaque) = &self.opaque {
            value += &format!(", opaque=\"{opaque}\"");
        }
        value
    }
}

pub fn ha1_md5(user: &str, realm: &str, secret: &str) -> [u8; 16] {
    Md5::digest(format!("{user}:{realm}:{secret}")).into()
}

pub fn ha1_sha256(user: &str, realm: &str, secret: &str) -> [u8; 32] {
    Sha256::digest(format!("{user}:{realm}:{secret}")).into()
}

fn hash(algorithm: &str, text: &str) -> String {
    match algorithm {
        "SHA-256" => hex::encode(Sha256::digest(text)),
        _ => hex::encode(Md5::digest(text)),
    }
}
