//! What a request proves itself with.

use super::auth_params::{after_digest, bare, parts};
use super::hash::Parts;
use super::{Algorithm, Qop};
use crate::message::{HeaderError, Message};
use crate::name::Name;
use crate::name_addr::unquote;
use crate::uri::{Uri, unescape};
use std::borrow::Cow;

/// One value of Authorization or Proxy-Authorization.
#[derive(Clone, Debug)]
pub struct Credentials<'a> {
    pub username: Cow<'a, str>,
    pub realm: Cow<'a, str>,
    pub nonce: &'a str,
    pub uri: &'a str,
    /// In hex, as it was sent.
    pub response: &'a str,
    pub algorithm: Algorithm,
    pub cnonce: Option<&'a str>,
    /// Absent for devices that know RFC 2069 only.
    pub qop: Option<Qop>,
    /// The count; 0 when there is no `qop`.
    pub nc: u32,
    nc_text: &'a str,
    qop_text: &'a str,
}

impl<'a> Credentials<'a> {
    /// Reads the value of one header.
    ///
    /// # Errors
    /// [`HeaderError::Digest`] for another scheme, an algorithm or qop that we lack, or something
    /// missing.
    pub fn parse(value: &'a str) -> Result<Credentials<'a>, HeaderError> {
        let mut found = Credentials {
            username: Cow::Borrowed(""),
            realm: Cow::Borrowed(""),
            nonce: "",
            uri: "",
            response: "",
            algorithm: Algorithm::Md5,
            cnonce: None,
            qop: None,
            nc: 0,
            nc_text: "",
            qop_text: "",
        };
        for (name, value) in parts(after_digest(value).ok_or(HeaderError::Digest)?) {
            found.take(name, value)?;
        }
        let required = [found.nonce, found.uri, found.response, &found.username];
        if required.contains(&"") {
            return Err(HeaderError::Digest);
        }
        if found.qop.is_some() {
            let counted = found.nc_text.len() == 8 && found.cnonce.is_some();
            found.nc = u32::from_str_radix(found.nc_text, 16).map_err(|_| HeaderError::Digest)?;
            if !counted {
                return Err(HeaderError::Digest);
            }
        }
        Ok(found)
    }

    /// The credentials of a message for one realm, among those of others that it may carry.
    /// `None` when there are none for that realm; unreadable ones count only if no others fit.
    pub fn of(
        message: &'a Message,
        header: Name,
        realm: &str,
    ) -> Option<Result<Credentials<'a>, HeaderError>> {
        let mut unreadable = None;
        for value in message.headers(header) {
            match Credentials::parse(value) {
                Ok(credentials) if credentials.realm == realm => return Some(Ok(credentials)),
                Ok(_) => {}
                Err(error) => unreadable = Some(Err(error)),
            }
        }
        unreadable
    }

    /// Whether the digest was made for that Request-URI (RFC 3261 §22.4, RFC 7616 §3.4.6): the same
    /// user, and the same host or two that are both `our` names. Ports, parameters and the scheme are
    /// left out, which phones write in the one and not in the other. A digest's `uri` may leave out
    /// the user, as SIPp's does; that of a REGISTER, whose Request-URI has none, may name one.
    pub fn is_for(&self, request_uri: &Uri<'_>, is_ours: impl Fn(&Uri<'_>) -> bool) -> bool {
        if self.uri == request_uri.text {
            return true;
        }
        let Ok(uri) = Uri::parse(self.uri) else { return false };
        let (said, asked) = (uri.user_unescaped(), request_uri.user_unescaped());
        let same_user = said.is_none() || asked.is_none() || said == asked;
        let same_host = uri.host.eq_ignore_ascii_case(request_uri.host);
        same_user && (same_host || (is_ours(&uri) && is_ours(request_uri)))
    }

    fn take(&mut self, name: &'a str, value: &'a str) -> Result<(), HeaderError> {
        const NAMES: [&str; 10] = [
            "username",
            "username*",
            "realm",
            "nonce",
            "uri",
            "response",
            "algorithm",
            "cnonce",
            "qop",
            "nc",
        ];
        let Some(index) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) else {
            return Ok(());
        };
        match index {
            0 => self.username = unquote(value),
            // RFC 8187: charset, language and the name with its escapes.
            1 => self.username = value.splitn(3, '\'').nth(2).map(unescape).ok_or(HeaderError::Digest)?,
            2 => self.realm = unquote(value),
            3 => self.nonce = bare(value),
            4 => self.uri = bare(value),
            5 => self.response = bare(value),
            6 => self.algorithm = Algorithm::parse(Some(bare(value))).ok_or(HeaderError::Digest)?,
            7 => self.cnonce = Some(bare(value)),
            8 => {
                self.qop_text = bare(value);
                self.qop = Some(Qop::parse(self.qop_text).ok_or(HeaderError::Digest)?);
            }
            _ => self.nc_text = bare(value),
        }
        Ok(())
    }

    pub(super) fn parts(&self, method: &'a str, body: &'a [u8]) -> Parts<'a> {
        Parts {
            algorithm: self.algorithm,
            nonce: self.nonce,
            cnonce: self.cnonce.unwrap_or(""),
            nc: self.nc_text,
            qop: self.qop,
            qop_text: self.qop_text,
            method,
            uri: self.uri,
            body,
        }
    }
}
