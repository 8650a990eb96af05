//! The headers that this crate knows by name.

macro_rules! names {
    ($($variant:ident $canonical:literal $($compact:literal)?;)*) => {
        /// A header's name. Unknown ones are [`Name::Other`] in the table and are asked for by text
        /// with [`crate::Message::header_named`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Name { $($variant,)* Other }

        impl Name {
            /// Every name that is known.
            pub const ALL: &[Name] = &[$(Name::$variant,)*];

            /// As it is written; empty for [`Name::Other`].
            pub const fn as_str(self) -> &'static str {
                match self { $(Name::$variant => $canonical,)* Name::Other => "" }
            }

            fn from_compact(letter: u8) -> Name {
                match letter.to_ascii_lowercase() { $($($compact => Name::$variant,)?)* _ => Name::Other }
            }
        }
    };
}

names! {
    Accept "Accept";
    AcceptContact "Accept-Contact" b'a';
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" b'u';
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" b'i';
    CallInfo "Call-Info";
    Contact "Contact" b'm';
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" b'e';
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" b'l';
    ContentType "Content-Type" b'c';
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    Event "Event" b'o';
    Expires "Expires";
    From "From" b'f';
    HistoryInfo "History-Info";
    Identity "Identity" b'y';
    InReplyTo "In-Reply-To";
    MaxForwards "Max-Forwards";
    MimeVersion "MIME-Version";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    Organization "Organization";
    PAssertedIdentity "P-Asserted-Identity";
    Path "Path";
    PPreferredIdentity "P-Preferred-Identity";
    Priority "Priority";
    Privacy "Privacy";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    ReferSub "Refer-Sub";
    ReferTo "Refer-To" b'r';
    ReferredBy "Referred-By" b'b';
    RejectContact "Reject-Contact" b'j';
    RemotePartyId "Remote-Party-ID";
    Replaces "Replaces";
    ReplyTo "Reply-To";
    RequestDisposition "Request-Disposition" b'd';
    Require "Require";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    Server "Server";
    ServiceRoute "Service-Route";
    SessionExpires "Session-Expires" b'x';
    SipEtag "SIP-ETag";
    SipIfMatch "SIP-If-Match";
    Subject "Subject" b's';
    SubscriptionState "Subscription-State";
    Supported "Supported" b'k';
    Timestamp "Timestamp";
    To "To" b't';
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    Via "Via" b'v';
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

impl Name {
    /// Reads a name without regard to case, compact forms included.
    pub fn parse(text: &[u8]) -> Name {
        match text {
            [] => Name::Other,
            [letter] => Name::from_compact(*letter),
            _ => {
                let (canonical, name) = TABLE[hash(text)];
                // Nearly all senders write the canonical form, which compares quicker.
                match canonical == text || canonical.eq_ignore_ascii_case(text) {
                    true => name,
                    false => Name::Other,
                }
            }
        }
    }
}

/// Each name at its hash; that no two meet is checked as the table is built.
static TABLE: [(&[u8], Name); 256] = {
    let mut table: [(&[u8], Name); 256] = [(b"", Name::Other); 256];
    let mut index = 0;
    while index < Name::ALL.len() {
        let canonical = Name::ALL[index].as_str().as_bytes();
        let place = hash(canonical);
        assert!(table[place].0.is_empty(), "two names at one place: look for other factors");
        table[place] = (canonical, Name::ALL[index]);
        index += 1;
    }
    table
};

/// Of length, first, last and middle octet, which tell all names apart with these factors.
const fn hash(text: &[u8]) -> usize {
    let last = text.len() - 1;
    let (first, last, middle) = (text[0] | 0x20, text[last] | 0x20, text[text.len() / 2] | 0x20);
    let sum = (text.len() as u32 & 0xff) * 62093
        + first as u32 * 14993
        + last as u32 * 3727
        + middle as u32 * 53007;
    ((sum & 0xffff) >> 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_in_any_case() {
        for name in Name::ALL {
            let text = name.as_str();
            assert_eq!(Name::parse(text.as_bytes()), *name);
            assert_eq!(Name::parse(text.to_uppercase().as_bytes()), *name);
            assert_eq!(Name::parse(text.to_lowercase().as_bytes()), *name);
        }
    }

    #[test]
    fn compact_forms_stand_for_the_long_ones() {
        for (compact, name) in [
            ("i", Name::CallId),
            ("m", Name::Contact),
            ("e", Name::ContentEncoding),
            ("l", Name::ContentLength),
            ("c", Name::ContentType),
            ("f", Name::From),
            ("s", Name::Subject),
            ("k", Name::Supported),
            ("t", Name::To),
            ("v", Name::Via),
            ("o", Name::Event),
            ("u", Name::AllowEvents),
            ("r", Name::ReferTo),
            ("b", Name::ReferredBy),
            ("x", Name::SessionExpires),
        ] {
            assert_eq!(Name::parse(compact.as_bytes()), name);
            assert_eq!(Name::parse(compact.to_uppercase().as_bytes()), name);
        }
        assert_eq!(Name::parse(b"z"), Name::Other);
        assert_eq!(Name::parse(b""), Name::Other);
        assert_eq!(Name::parse(&[b'a'; 40]), Name::Other);
    }
}
