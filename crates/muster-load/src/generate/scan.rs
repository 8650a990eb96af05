//! One pass over a message for the few headers a generator needs. Trusts the server: what is not
//! as expected is simply not found.

/// Lines of which there may be several, kept up to this many.
const SEVERAL: usize = 8;

/// The parts of a message, as slices of it. Empty is absent.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Scan<'a> {
    /// 0 for a request.
    pub(super) status: u16,
    /// Of a request.
    pub(super) method: &'a [u8],
    pub(super) call_id: &'a [u8],
    /// The whole value: number and method.
    pub(super) cseq: &'a [u8],
    pub(super) from: &'a [u8],
    pub(super) to: &'a [u8],
    pub(super) contact: &'a [u8],
    pub(super) vias: [&'a [u8]; SEVERAL],
    pub(super) record_routes: [&'a [u8]; SEVERAL],
    /// WWW-Authenticate and Proxy-Authenticate alike.
    pub(super) challenges: [&'a [u8]; SEVERAL],
}

impl<'a> Scan<'a> {
    pub(super) fn of(message: &'a [u8]) -> Option<Scan<'a>> {
        let mut scan = Scan::default();
        let mut lines = message.split(|byte| *byte == b'\n').map(|line| line.trim_ascii_end());
        let start = lines.next()?;
        match start.strip_prefix(b"SIP/2.0 ") {
            Some(rest) => scan.status = number(rest)? as u16,
            None => scan.method = start.split(|byte| *byte == b' ').next()?,
        }
        for line in lines {
            if line.is_empty() {
                break;
            }
            scan.take_line(line);
        }
        (!scan.call_id.is_empty()).then_some(scan)
    }

    fn take_line(&mut self, line: &'a [u8]) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (line[..colon].trim_ascii_end(), line[colon + 1..].trim_ascii());
        // The length tells most names apart; the rest is compared.
        match name.len() {
            1 => match name[0].to_ascii_lowercase() {
                b'v' => push(&mut self.vias, value),
                b'f' => self.from = value,
                b't' => self.to = value,
                b'i' => self.call_id = value,
                b'm' => self.contact = value,
                _ => {}
            },
            2 if name.eq_ignore_ascii_case(b"to") => self.to = value,
            3 if name.eq_ignore_ascii_case(b"via") => push(&mut self.vias, value),
            4 if name.eq_ignore_ascii_case(b"from") => self.from = value,
            4 if name.eq_ignore_ascii_case(b"cseq") => self.cseq = value,
            7 if name.eq_ignore_ascii_case(b"call-id") => self.call_id = value,
            7 if name.eq_ignore_ascii_case(b"contact") => self.contact = value,
            12 if name.eq_ignore_ascii_case(b"record-route") => push(&mut self.record_routes, value),
            16 if name.eq_ignore_ascii_case(b"www-authenticate") => push(&mut self.challenges, value),
            18 if name.eq_ignore_ascii_case(b"proxy-authenticate") => push(&mut self.challenges, value),
            _ => {}
        }
    }

    pub(super) fn cseq_number(&self) -> u32 {
        number(self.cseq).unwrap_or(0)
    }

    pub(super) fn cseq_method(&self) -> &'a [u8] {
        self.cseq.rsplit(|byte| *byte == b' ').next().unwrap_or_default()
    }
}

fn push<'a>(several: &mut [&'a [u8]; SEVERAL], value: &'a [u8]) {
    if let Some(free) = several.iter_mut().find(|slot| slot.is_empty()) {
        *free = value;
    }
}

/// The decimal number that `text` begins with.
fn number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

/// `sip:…` out of `"Name" <sip:…>;params` or of `sip:…;params`.
pub(super) fn uri_of(address: &[u8]) -> &[u8] {
    match address.iter().position(|byte| *byte == b'<') {
        Some(open) => {
            let rest = &address[open + 1..];
            rest.split(|byte| *byte == b'>').next().unwrap_or(rest)
        }
        None => address.split(|byte| *byte == b';').next().unwrap_or(address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_and_a_request_are_taken_apart() {
        let text =
            b"SIP/2.0 401 Unauthorized\r\nVia: one\r\nv: two\r\nTo: <sip:a@b>;tag=x\r\nf: <sip:c@d>\r\n\
                     Call-ID: 7-0-3\r\nCSeq: 12 REGISTER\r\nWWW-Authenticate: Digest a\r\n\
                     Record-Route: <sip:r;lr>\r\nContent-Length: 0\r\n\r\nCSeq: 99 BODY";
        let scan = Scan::of(text).unwrap();
        assert_eq!((scan.status, scan.cseq_number(), scan.cseq_method()), (401, 12, &b"REGISTER"[..]));
        assert_eq!(scan.vias[..3], [&b"one"[..], b"two", b""]);
        assert_eq!((scan.call_id, scan.to), (&b"7-0-3"[..], &b"<sip:a@b>;tag=x"[..]));
        assert_eq!((scan.challenges[0], scan.record_routes[0]), (&b"Digest a"[..], &b"<sip:r;lr>"[..]));
        let request = Scan::of(b"BYE sip:x SIP/2.0\r\nCall-ID: y\r\n\r\n").unwrap();
        assert_eq!((request.status, request.method), (0, &b"BYE"[..]));
        assert!(Scan::of(b"garbage").is_none());
        assert_eq!(uri_of(b"\"A\" <sip:a@b;x>;tag=1"), b"sip:a@b;x");
        assert_eq!(uri_of(b"sip:a@b;tag=1"), b"sip:a@b");
    }
}
