//! SIP, SIPS, tel and other URIs (RFC 3261 §19.1).

use crate::message::HeaderError;
use crate::params::Params;
use crate::token::{cut, host_len, is_ipv6_reference, is_uri_text, number};
use std::borrow::Cow;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Sip,
    Sips,
    Tel,
    /// Any other: everything after the colon is opaque, only [`Uri::text`] means something.
    Other,
}

/// A URI read in place.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    /// The whole URI as written.
    pub text: &'a str,
    pub scheme: Scheme,
    /// As written, with its `%` escapes; the number for `tel`.
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    /// A name or an address; an IPv6 address with its brackets. Empty for `tel` and others.
    pub host: &'a str,
    pub port: Option<u16>,
    pub params: Params<'a>,
    /// What follows `?`.
    pub headers: Option<&'a str>,
}

impl<'a> Uri<'a> {
    pub fn parse(text: &'a str) -> Result<Uri<'a>, HeaderError> {
        if !is_uri_text(text) {
            return Err(HeaderError::Uri);
        }
        if let Some(rest) = text.strip_prefix("sip:") {
            return sip(text, Scheme::Sip, rest);
        }
        let (scheme, rest) = cut(text, b':').ok_or(HeaderError::Uri)?;
        if scheme.eq_ignore_ascii_case("sip") {
            sip(text, Scheme::Sip, rest)
        } else if scheme.eq_ignore_ascii_case("sips") {
            sip(text, Scheme::Sips, rest)
        } else {
            other(text, scheme, rest)
        }
    }

    /// The user part with its escapes resolved.
    pub fn user_unescaped(&self) -> Option<Cow<'a, str>> {
        self.user.map(unescape)
    }

    /// The host as an IP address, if it is one.
    pub fn ip(&self) -> Option<std::net::IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }

    /// Equality as RFC 3261 §19.1.4 defines it.
    pub fn equivalent(&self, other: &Uri<'_>) -> bool {
        if matches!(self.scheme, Scheme::Tel | Scheme::Other) {
            return self.text.eq_ignore_ascii_case(other.text);
        }
        self.scheme == other.scheme
            && self.user.map(unescape) == other.user.map(unescape)
            && self.password.map(unescape) == other.password.map(unescape)
            && self.host.eq_ignore_ascii_case(other.host)
            && self.port == other.port
            && params_agree(&self.params, &other.params)
            && params_agree(&other.params, &self.params)
            && headers_agree(self.headers, other.headers)
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text)
    }
}

fn sip<'a>(text: &'a str, scheme: Scheme, rest: &'a str) -> Result<Uri<'a>, HeaderError> {
    // `@` stands unescaped nowhere but after the userinfo (RFC 3261 §25.1); a second one would let
    // two readers see two hosts.
    let mut signs = memchr::memchr_iter(b'@', rest.as_bytes());
    let (userinfo, rest) = match signs.next() {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    if signs.next().is_some() {
        return Err(HeaderError::Uri);
    }
    let (user, password) = match userinfo.map(|info| cut(info, b':').ok_or(info)) {
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
        None => (None, None),
    };
    if user == Some("") {
        return Err(HeaderError::Uri);
    }
    let end = memchr::memchr2(b';', b'?', rest.as_bytes()).unwrap_or(rest.len());
    let (hostport, rest) = rest.split_at(end);
    let (params, headers) = match cut(rest, b'?') {
        Some((params, headers)) => (params, Some(headers)),
        None => (rest, None),
    };
    let params = params.strip_prefix(';').unwrap_or(params);
    let (host, port) = host_and_port(hostport)?;
    Ok(Uri { text, scheme, user, password, host, port, params: Params::new(params), headers })
}

/// Splits `host[:port]`, the host perhaps in brackets.
pub(crate) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), HeaderError> {
    let bracketed = text.starts_with('[');
    let end = match bracketed {
        true => text.find(']').ok_or(HeaderError::Uri)? + 1,
        false => host_len(text),
    };
    let (host, rest) = text.split_at(end);
    if host.is_empty() || (bracketed && !is_ipv6_reference(host)) {
        return Err(HeaderError::Uri);
    }
    let port = match rest.strip_prefix(':') {
        Some(port) => Some(number(port, 65_535).ok_or(HeaderError::Uri)? as u16),
        None if rest.is_empty() => None,
        None => return Err(HeaderError::Uri),
    };
    Ok((host, port))
}

fn other<'a>(text: &'a str, scheme: &'a str, rest: &'a str) -> Result<Uri<'a>, HeaderError> {
    let starts = scheme.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let goes_on = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !starts || !scheme.bytes().all(goes_on) || rest.is_empty() {
        return Err(HeaderError::Uri);
    }
    let tel = scheme.eq_ignore_ascii_case("tel");
    let (user, params) = match tel {
        true => cut(rest, b';').map_or((Some(rest), ""), |(user, params)| (Some(user), params)),
        false => (None, ""),
    };
    let scheme = if tel { Scheme::Tel } else { Scheme::Other };
    let params = Params::new(params);
    Ok(Uri { text, scheme, user, password: None, host: "", port: None, params, headers: None })
}

/// Parameters that, present in one URI only, make two URIs differ (RFC 3261 §19.1.4; transport by
/// its examples).
const DECIDING: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

fn params_agree(one: &Params<'_>, other: &Params<'_>) -> bool {
    one.iter().all(|(name, value)| match other.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)) {
        Some((_, found)) => {
            let (value, found) = (value.map(unescape), found.map(unescape));
            value.unwrap_or_default().eq_ignore_ascii_case(&found.unwrap_or_default())
        }
        None => !DECIDING.iter().any(|deciding| deciding.eq_ignore_ascii_case(name)),
    })
}

fn headers_agree(one: Option<&str>, other: Option<&str>) -> bool {
    let sorted = |headers: Option<&str>| {
        let mut parts: Vec<String> =
            headers.unwrap_or("").split('&').map(|part| unescape(part).to_ascii_lowercase()).collect();
        parts.sort();
        parts
    };
    match (one, other) {
        (None, None) => true,
        (Some(_), Some(_)) => sorted(one) == sorted(other),
        _ => false,
    }
}

/// Resolves `%` escapes. What is no escape, or would not be UTF-8, stays as it is written.
pub fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3).and_then(hex_pair)).flatten();
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

/// Escapes text so that it can stand as the user part of a SIP URI (RFC 3261 §25.1 `user`).
pub fn escape_user(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
            || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b'/')
    };
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match plain(byte) {
            true => out.push(byte as char),
            false => {
                out.push('%');
                out.extend([byte >> 4, byte & 15].map(|nibble| b"0123456789ABCDEF"[nibble as usize] as char));
            }
        }
    }
    Cow::Owned(out)
}
