//! Character classes of RFC 3261 §25.1 and a cursor over a header's value.

/// `token`: what methods, header names, parameter names and tags are made of.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
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
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse::<u64>().ok().filter(|number| *number <= max)
}

/// A host as sent-by and URIs carry it: a name, an IPv4 address, or an IPv6 one in brackets.
pub(crate) fn is_host(text: &str) -> bool {
    if let Some(rest) = text.strip_prefix('[') {
        let Some(inner) = rest.strip_suffix(']') else { return false };
        return !inner.is_empty()
            && inner.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    }
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}
