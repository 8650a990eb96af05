//! `;name=value` lists, as URIs, Via and name-addr headers carry them.

use crate::limits;
use crate::token::{cut, find_outside_quotes, is_token, is_token_byte, is_uri_byte, trim};
use std::borrow::Cow;

/// The text after the first `;`, read on demand. Names compare without case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a str);

impl<'a> Params<'a> {
    /// `text` is what follows the first `;` (or nothing).
    pub fn new(text: &'a str) -> Params<'a> {
        Params(text)
    }

    pub fn as_str(&self) -> &'a str {
        self.0
    }

    pub fn is_empty(&self) -> bool {
        trim(self.0).is_empty()
    }

    /// Name and value of each; the value as written, quotes included. At most [`limits::PARAMS`].
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> + use<'a> {
        Parts { rest: Some(self.0) }.take(limits::PARAMS).filter(|part| !part.is_empty()).map(
            |part| match cut(part, b'=') {
                Some((name, value)) => (trim(name), Some(trim(value))),
                None => (part, None),
            },
        )
    }

    /// The value of the first parameter of that name, quotes taken off (escapes are left as they
    /// are: [`crate::name_addr::unquote`] resolves them); empty when it has no value.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        let value = value.unwrap_or("");
        Some(value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value))
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value with `%` escapes resolved; what is no escape stays as it is.
    pub fn get_unescaped(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name).map(crate::uri::unescape)
    }

    /// Whether each parameter has a token for its name. One empty part at the end is let pass:
    /// phones are in the field that end a Via with `;`.
    pub(crate) fn well_formed(&self) -> bool {
        if self.plainly_well_formed() {
            return true;
        }
        let (mut parts, mut empty) = (0, false);
        for part in (Parts { rest: Some(self.0) }) {
            parts += 1;
            if empty || parts > limits::PARAMS {
                return false;
            }
            empty = part.is_empty();
            let (name, value) = cut(part, b'=').unwrap_or((part, "x"));
            if !empty && (!is_token(trim(name)) || !value_ends(trim(value))) {
                return false;
            }
        }
        true
    }

    /// One pass for what nearly all senders write: no white space, quotes or empty parts.
    fn plainly_well_formed(&self) -> bool {
        let (mut in_name, mut length, mut parts) = (true, 0, 1);
        for byte in self.0.bytes() {
            match byte {
                b';' if length > 0 => (in_name, length, parts) = (true, 0, parts + 1),
                b'=' if in_name && length > 0 => in_name = false,
                b';' => return false,
                byte if in_name && is_token_byte(byte) => length += 1,
                byte if !in_name && is_uri_byte(byte) => length += 1,
                _ => return false,
            }
        }
        parts <= limits::PARAMS
    }
}

fn value_ends(value: &str) -> bool {
    match value.strip_prefix('"') {
        Some(_) => crate::token::quoted_len(value.as_bytes()) == Some(value.len()),
        None => !value.contains(['"', '<', '>']),
    }
}

struct Parts<'a> {
    rest: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let rest = self.rest?;
        let (part, after) = match find_outside_quotes(rest, b';', false) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        self.rest = after;
        Some(trim(part))
    }
}
