//! What to type into a phone, and the same as a QR code.

use std::fmt::Write;

use qrcodegen::{QrCode, QrCodeEcc};

use super::escaped;
use super::words::Words;
use crate::state::SipServer;

/// What a phone is told.
pub struct Card<'a> {
    pub servers: &'a [SipServer],
    pub domain: &'a str,
    pub extension: Option<&'a str>,
    pub auth_name: &'a str,
    pub secret: Option<&'a str>,
}

/// A list of what to type, and the code.
pub fn html(card: &Card<'_>, words: &Words) -> String {
    let server = |server: &SipServer| format!("{}:{} ({})", server.host, server.port, server.transport);
    let servers: Vec<String> = card.servers.iter().map(server).collect();
    let rows = [
        (words.server, servers.join(", "), "server"),
        (words.domain, card.domain.to_string(), "domain"),
        (words.extension, card.extension.unwrap_or("–").to_string(), "extension"),
        (words.auth_name, card.auth_name.to_string(), "auth-name"),
        (words.sip_password, card.secret.unwrap_or(words.as_before).to_string(), "secret"),
    ];
    let mut html = String::from("<div class=\"card\">\n<dl>\n");
    for (label, value, name) in rows {
        let _ =
            writeln!(html, "<dt>{}</dt><dd data-name=\"{name}\">{}</dd>", escaped(label), escaped(&value));
    }
    html.push_str("</dl>\n");
    if let Some(svg) = qr(&uri(card), words.code) {
        html.push_str(&svg);
    }
    html.push_str("</div>\n");
    html
}

/// A SIP URI that says all of it (RFC 3261 §19.1.1): auth name and password, the domain, and in `maddr` the server
/// that is asked.
pub fn uri(card: &Card<'_>) -> String {
    let user = percent_encoded(card.auth_name);
    let secret = card.secret.map(|secret| format!(":{}", percent_encoded(secret))).unwrap_or_default();
    let mut uri = format!("sip:{user}{secret}@{}", card.domain);
    if let Some(server) = card.servers.first() {
        let _ = write!(uri, ":{};transport={}", server.port, server.transport);
        if server.host != card.domain {
            // An IPv6 address stands in brackets there too.
            let host =
                if server.host.contains(':') { format!("[{}]", server.host) } else { server.host.clone() };
            let _ = write!(uri, ";maddr={host}");
        }
    }
    uri
}

/// Letters, digits and the marks that a user and a password may have (RFC 3261 §25.1).
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,".contains(&byte) {
            true => out.push(byte as char),
            false => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// As a picture with the quiet zone that readers need; `None` of a text that no code holds.
fn qr(text: &str, label: &str) -> Option<String> {
    const QUIET: i32 = 4;
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let side = code.size() + 2 * QUIET;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                let _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    let label = escaped(label);
    Some(format!(
        "<svg class=\"code\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/><path d=\"{path}\" fill=\"#000\"/></svg>\n"
    ))
}

#[test]
fn the_code_says_all_that_a_phone_needs() {
    let servers = [SipServer { transport: "udp".into(), host: "192.0.2.7".into(), port: 5060 }];
    let card = Card {
        servers: &servers,
        domain: "voice.example.com",
        extension: Some("1001"),
        auth_name: "ana@x",
        secret: Some("a b:c"),
    };
    assert_eq!(uri(&card), "sip:ana%40x:a%20b%3Ac@voice.example.com:5060;transport=udp;maddr=192.0.2.7");
    let without = Card { secret: None, servers: &[], ..card };
    assert_eq!(uri(&without), "sip:ana%40x@voice.example.com");
}
