//! Requests as the phone writes them. Written apart from `muster-sip`'s writer on purpose: what
//! the server reads should not come from its own pen.

use std::fmt::Write;

use super::Registration;
use super::engine::Engine;

/// Everything of a request but its branch and its credentials.
#[derive(Debug, Clone)]
pub(super) struct RequestSpec {
    pub(super) method: String,
    pub(super) uri: String,
    /// Header values, tags included.
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) contacts: Vec<String>,
    pub(super) routes: Vec<String>,
    pub(super) headers: Vec<(String, String)>,
    /// Content type and bytes.
    pub(super) body: Option<(String, Vec<u8>)>,
    /// Header name and value, once a challenge has been answered.
    pub(super) authorization: Option<(&'static str, String)>,
    pub(super) challenges_answered: u8,
}

impl RequestSpec {
    pub(super) fn to_bytes(&self, via: &str) -> Vec<u8> {
        let mut out = String::with_capacity(1024);
        let RequestSpec { method, uri, from, to, call_id, cseq, .. } = self;
        let _ = write!(
            out,
            "{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n"
        );
        for route in &self.routes {
            let _ = write!(out, "Route: {route}\r\n");
        }
        for contact in &self.contacts {
            let _ = write!(out, "Contact: {contact}\r\n");
        }
        for (name, value) in &self.headers {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        if let Some((name, value)) = &self.authorization {
            let _ = write!(out, "{name}: {value}\r\n");
        }
        out.push_str("User-Agent: muster-test-phone\r\n");
        let body = self.body.as_ref().map_or(&[][..], |(_, body)| body);
        if let Some((content_type, _)) = &self.body {
            let _ = write!(out, "Content-Type: {content_type}\r\n");
        }
        let _ = write!(out, "Content-Length: {}\r\n\r\n", body.len());
        let mut bytes = out.into_bytes();
        bytes.extend_from_slice(body);
        bytes
    }
}

impl Engine {
    pub(super) fn register_request(&mut self, registration: &Registration) -> RequestSpec {
        let domain = self.config.domain.clone();
        let own = self.config.extension.clone();
        let to_user = registration.to_user.as_ref().unwrap_or(&own);
        let from_user = registration.from_user.as_ref().unwrap_or(&own);
        let expires_s = registration.expires_s;
        let contact = format!("<{}>;expires={expires_s}", self.contact_uri());
        self.register_cseq += 1;
        let is_query = registration.contacts.as_ref().is_some_and(Vec::is_empty);
        RequestSpec {
            method: "REGISTER".to_owned(),
            uri: format!("sip:{domain}"),
            from: format!("<sip:{from_user}@{domain}>;tag={}", self.ids.tag()),
            to: format!("<sip:{to_user}@{domain}>"),
            call_id: self.register_call_id.clone(),
            cseq: self.register_cseq,
            contacts: registration.contacts.clone().unwrap_or_else(|| vec![contact]),
            routes: Vec::new(),
            headers: match is_query {
                true => Vec::new(),
                false => vec![("Expires".to_owned(), expires_s.to_string())],
            },
            body: None,
            authorization: None,
            challenges_answered: 0,
        }
    }

    pub(super) fn plain_request(
        &mut self,
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> RequestSpec {
        let tag = self.ids.tag();
        RequestSpec {
            method: method.to_owned(),
            uri: uri.to_owned(),
            from: format!("{};tag={tag}", self.own_address()),
            to: format!("<{uri}>"),
            call_id: self.ids.call_id(),
            cseq: 1,
            contacts: Vec::new(),
            routes: Vec::new(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            body: body.map(|(content_type, bytes)| (content_type.to_owned(), bytes.to_vec())),
            authorization: None,
            challenges_answered: 0,
        }
    }
}
