//! Character classes of RFC 3261 §25.1 and a cursor over a header's value.

const TOKEN: u8 = 1;
const HOST: u8 = 2;
/// Visible ASCII that may stand in a URI: no space, control character, `<`, `>` or `"`.
const URI: u8 = 4;

/// Classes of each octet: a table, because every octet of what is checked passes here.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let octet = byte as u8;
        let alphanumeric = octet.is_ascii_alphanumeric();
        if alphanumeric
            || matches!(octet, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
        {
            classes[byte] |= TOKEN;
        }
        if alphanumeric || matches!(octet, b'-' | b'.' | b'_') {
            classes[byte] |= HOST;
        }
        if octet > b' ' && !matches!(octet, b'<' | b'>' | b'"' | 0x7f) {
            classes[byte] |= URI;
        }
        byte += 1;
    }
    classes
};

/// `token`: what methods, header names, parameter names and tags are made of.
#[inline]
pub(crate) fn is_token_byte(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & TOKEN != 0
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

#[inline]
pub(crate) fn is_uri_byte(byte: u8) -> bool {
    CLASSES[usize::from(byte)] & URI != 0
}

/// Octets at the beginning that may stand in a host's name or IPv4 address.
pub(crate) fn host_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    bytes.iter().position(|byte| CLASSES[usize::from(*byte)] & HOST == 0).unwrap_or(bytes.len())
}

/// Whether nothing stands in it that must not stand in a URI. Octets beyond ASCII are let pass.
pub(crate) fn is_uri_text(text: &str) -> bool {
    text.bytes().fold(URI, |all, byte| all & CLASSES[usize::from(byte)]) != 0
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[inline]
pub(crate) fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if !is_space(*first) && !is_space(*last) => text,
        _ => text.trim_matches([' ', '\t']),
    }
}

/// As `str::split_once` with an ASCII character; values are short, and a plain loop is quicker.
#[inline]
pub(crate) fn cut(text: &str, at: u8) -> Option<(&str, &str)> {
    let found = text.bytes().position(|byte| byte == at)?;
    Some((&text[..found], &text[found + 1..]))
}

/// Where `needle` first stands outside of quoted strings (and, with `angles`, outside of `<>`).
///
/// `None` also when a quoted string does not end: the rest then belongs to it.
pub(crate) fn find_outside_quotes(text: &str, needle: u8, angles: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, false);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte == needle && !depth {
            return Some(at);
        }
        match byte {
            b'"' => at += quoted_len(&bytes[at..])? - 1,
            b'<' if angles => depth = true,
            b'>' if angles => depth = false,
            _ => {}
        }
        at += 1;
    }
    None
}

/// Octets of the quoted string that `bytes` begins with, both quotes included.
pub(crate) fn quoted_len(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// Digits only, at most `max`; `None` otherwise.
pub(crate) fn number(text: &str, max: u64) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut number = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => number = number * 10 + u64::from(byte - b'0'),
            _ => return None,
        }
    }
    (number <= max).then_some(number)
}

/// An IPv6 address in brackets. Its colons are not judged: RFC 5118 §4.10 asks to be liberal.
pub(crate) fn is_ipv6_reference(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or("");
    !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}
