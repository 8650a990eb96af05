//! `"Name" <sip:user@host>;tag=x`, as From, To, Contact, Route and their like carry it.

use crate::message::HeaderError;
use crate::params::Params;
use crate::token::{cut, is_uri_text, quoted_len, trim};
use crate::uri::Uri;
use std::borrow::Cow;

/// One address with its parameters, read in place.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// As written: with quotes, if it has any. Empty when there is none.
    pub display: &'a str,
    /// The URI without its brackets.
    pub uri: &'a str,
    /// The header's parameters, not the URI's.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value (RFC 3261 §20.10): either form, with or without display name.
    pub fn parse(value: &'a str) -> Result<NameAddr<'a>, HeaderError> {
        let value = trim(value);
        let (display, rest) = display(value)?;
        let parsed = match rest.strip_prefix('<') {
            Some(rest) => {
                let (uri, rest) = cut(rest, b'>').ok_or(HeaderError::Address)?;
                let rest = trim(rest);
                let params = match rest.strip_prefix(';') {
                    Some(params) => params,
                    None if rest.is_empty() => "",
                    None => return Err(HeaderError::Address),
                };
                NameAddr { display, uri, params: Params::new(params) }
            }
            None => {
                // Without brackets every parameter is the header's, and a URI with a comma or a
                // question mark must not stand bare (RFC 3261 §20).
                let (uri, params) = cut(rest, b';').unwrap_or((rest, ""));
                if uri.contains(['?', ',']) {
                    return Err(HeaderError::Address);
                }
                NameAddr { display: "", uri: trim(uri), params: Params::new(params) }
            }
        };
        if parsed.uri.is_empty() || !is_uri_text(parsed.uri) || !parsed.params.well_formed() {
            return Err(HeaderError::Address);
        }
        Ok(parsed)
    }

    pub fn tag(&self) -> Option<&'a str> {
        self.params.get("tag")
    }

    pub fn parsed_uri(&self) -> Result<Uri<'a>, HeaderError> {
        Uri::parse(self.uri)
    }

    /// The display name as a person reads it; empty when there is none.
    pub fn display_name(&self) -> Cow<'a, str> {
        unquote(self.display)
    }
}

/// Display name and what follows it.
fn display(value: &str) -> Result<(&str, &str), HeaderError> {
    if value.starts_with('"') {
        let end = quoted_len(value.as_bytes()).ok_or(HeaderError::Address)?;
        let rest = trim(value.get(end..).ok_or(HeaderError::Address)?);
        return match rest.starts_with('<') {
            true => Ok((&value[..end], rest)),
            false => Err(HeaderError::Address),
        };
    }
    match value.find('<') {
        Some(at) => {
            let name = trim(&value[..at]);
            // More than tokens is let pass, for phones write dots and umlauts without quotes; but
            // not what would make the boundaries of the value doubtful.
            match name.contains(['"', ',', ';', '>']) {
                true => Err(HeaderError::Address),
                false => Ok((name, &value[at..])),
            }
        }
        None => Ok(("", value)),
    }
}

/// Takes off the quotes of a quoted string and resolves its `\` escapes.
pub fn unquote(text: &str) -> Cow<'_, str> {
    let Some(inner) = text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) else {
        return Cow::Borrowed(text);
    };
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let (mut out, mut escaped) = (String::with_capacity(inner.len()), false);
    for character in inner.chars() {
        if character == '\\' && !escaped {
            escaped = true;
            continue;
        }
        escaped = false;
        out.push(character);
    }
    Cow::Owned(out)
}

/// Writes text as a quoted string. Control characters become spaces: a display name must not be
/// able to begin a header of its own.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
