//! `name=value, name="value"` behind a scheme.

use crate::limits;
use crate::message::split_values;
use crate::token::{cut, trim};

/// Name and value of each part; a value that is a quoted string keeps its quotes.
pub(super) fn parts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    split_values(text).take(limits::PARAMS).filter_map(|part| {
        let (name, value) = cut(part, b'=')?;
        Some((trim(name), trim(value)))
    })
}

/// Takes the quotes off, leaves escapes: what is hashed is the text as both ends wrote it, and no
/// value of ours has any.
pub(super) fn bare(value: &str) -> &str {
    value.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(value)
}

/// What follows the scheme `Digest`.
pub(super) fn after_digest(value: &str) -> Option<&str> {
    let value = trim(value);
    let (scheme, rest) = value.split_once([' ', '\t'])?;
    scheme.eq_ignore_ascii_case("Digest").then_some(rest)
}
