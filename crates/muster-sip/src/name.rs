//! The headers that this crate knows by name.

macro_rules! names {
    ($($variant:ident $canonical:literal $lower:literal $(| $compact:literal)?;)*) => {
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

            fn from_lower(lower: &[u8]) -> Name {
                match lower { $($lower $(| $compact)? => Name::$variant,)* _ => Name::Other }
            }
        }
    };
}

names! {
    Accept "Accept" b"accept";
    AcceptContact "Accept-Contact" b"accept-contact" | b"a";
    AcceptEncoding "Accept-Encoding" b"accept-encoding";
    AcceptLanguage "Accept-Language" b"accept-language";
    AlertInfo "Alert-Info" b"alert-info";
    Allow "Allow" b"allow";
    AllowEvents "Allow-Events" b"allow-events" | b"u";
    AuthenticationInfo "Authentication-Info" b"authentication-info";
    Authorization "Authorization" b"authorization";
    CallId "Call-ID" b"call-id" | b"i";
    CallInfo "Call-Info" b"call-info";
    Contact "Contact" b"contact" | b"m";
    ContentDisposition "Content-Disposition" b"content-disposition";
    ContentEncoding "Content-Encoding" b"content-encoding" | b"e";
    ContentLanguage "Content-Language" b"content-language";
    ContentLength "Content-Length" b"content-length" | b"l";
    ContentType "Content-Type" b"content-type" | b"c";
    CSeq "CSeq" b"cseq";
    Date "Date" b"date";
    Diversion "Diversion" b"diversion";
    Event "Event" b"event" | b"o";
    Expires "Expires" b"expires";
    From "From" b"from" | b"f";
    HistoryInfo "History-Info" b"history-info";
    Identity "Identity" b"identity" | b"y";
    InReplyTo "In-Reply-To" b"in-reply-to";
    MaxForwards "Max-Forwards" b"max-forwards";
    MimeVersion "MIME-Version" b"mime-version";
    MinExpires "Min-Expires" b"min-expires";
    MinSe "Min-SE" b"min-se";
    Organization "Organization" b"organization";
    PAssertedIdentity "P-Asserted-Identity" b"p-asserted-identity";
    Path "Path" b"path";
    PPreferredIdentity "P-Preferred-Identity" b"p-preferred-identity";
    Priority "Priority" b"priority";
    Privacy "Privacy" b"privacy";
    ProxyAuthenticate "Proxy-Authenticate" b"proxy-authenticate";
    ProxyAuthorization "Proxy-Authorization" b"proxy-authorization";
    ProxyRequire "Proxy-Require" b"proxy-require";
    RAck "RAck" b"rack";
    Reason "Reason" b"reason";
    RecordRoute "Record-Route" b"record-route";
    ReferSub "Refer-Sub" b"refer-sub";
    ReferTo "Refer-To" b"refer-to" | b"r";
    ReferredBy "Referred-By" b"referred-by" | b"b";
    RejectContact "Reject-Contact" b"reject-contact" | b"j";
    RemotePartyId "Remote-Party-ID" b"remote-party-id";
    Replaces "Replaces" b"replaces";
    ReplyTo "Reply-To" b"reply-to";
    RequestDisposition "Request-Disposition" b"request-disposition" | b"d";
    Require "Require" b"require";
    RetryAfter "Retry-After" b"retry-after";
    Route "Route" b"route";
    RSeq "RSeq" b"rseq";
    Server "Server" b"server";
    ServiceRoute "Service-Route" b"service-route";
    SessionExpires "Session-Expires" b"session-expires" | b"x";
    SipEtag "SIP-ETag" b"sip-etag";
    SipIfMatch "SIP-If-Match" b"sip-if-match";
    Subject "Subject" b"subject" | b"s";
    SubscriptionState "Subscription-State" b"subscription-state";
    Supported "Supported" b"supported" | b"k";
    Timestamp "Timestamp" b"timestamp";
    To "To" b"to" | b"t";
    Unsupported "Unsupported" b"unsupported";
    UserAgent "User-Agent" b"user-agent";
    Via "Via" b"via" | b"v";
    Warning "Warning" b"warning";
    WwwAuthenticate "WWW-Authenticate" b"www-authenticate";
}

/// Longest known name, in octets.
const LONGEST: usize = 24;

impl Name {
    /// Reads a name without regard to case, compact forms included.
    pub fn parse(text: &[u8]) -> Name {
        let Some(mut lower) = text.first_chunk::<LONGEST>().copied().or_else(|| padded(text)) else {
            return Name::Other;
        };
        if text.len() > LONGEST {
            return Name::Other;
        }
        lower.make_ascii_lowercase();
        Name::from_lower(&lower[..text.len()])
    }
}

fn padded(text: &[u8]) -> Option<[u8; LONGEST]> {
    let mut bytes = [0; LONGEST];
    bytes.get_mut(..text.len())?.copy_from_slice(text);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_in_any_case() {
        for name in Name::ALL {
            let text = name.as_str();
            assert!(text.len() <= LONGEST, "{text}");
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
