//! Via: where a response goes and which transaction it belongs to (RFC 3261 §20.42, RFC 3581).

use crate::message::HeaderError;
use crate::params::Params;
use crate::token::{cut, is_token, trim};
use crate::uri::host_and_port;
use std::net::{IpAddr, SocketAddr};

/// The branch of a sender that follows RFC 3261 begins with this.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One Via value, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// `UDP`, `TCP`, `TLS`, `WS`, … as written.
    pub transport: &'a str,
    pub host: &'a str,
    pub port: Option<u16>,
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    pub fn parse(value: &'a str) -> Result<Via<'a>, HeaderError> {
        let (protocol, rest) = cut(value, b'/').ok_or(HeaderError::Via)?;
        let (version, rest) = cut(rest, b'/').ok_or(HeaderError::Via)?;
        if !trim(protocol).eq_ignore_ascii_case("SIP") || trim(version) != "2.0" {
            return Err(HeaderError::Via);
        }
        let rest = trim(rest);
        let (transport, rest) = rest.split_once([' ', '\t']).ok_or(HeaderError::Via)?;
        let (sent_by, params) = cut(rest, b';').unwrap_or((rest, ""));
        let params = Params::new(params);
        let (host, port) = sent_by_parts(trim(sent_by))?;
        if !is_token(transport) || !params.well_formed() {
            return Err(HeaderError::Via);
        }
        Ok(Via { transport, host, port, params })
    }

    pub fn branch(&self) -> Option<&'a str> {
        self.params.get("branch")
    }

    /// The branch, if its sender promises that it is unique (RFC 3261 §8.1.1.7). A cookie with
    /// nothing behind it promises nothing (RFC 4475 §3.2.1).
    pub fn unique_branch(&self) -> Option<&'a str> {
        let branch = self.branch()?;
        let (cookie, rest) = branch.split_at_checked(MAGIC_COOKIE.len())?;
        (cookie.eq_ignore_ascii_case(MAGIC_COOKIE) && !rest.is_empty()).then_some(branch)
    }

    /// The address that the receiver of the request saw; with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.get("received")?.trim_matches(['[', ']']).parse().ok()
    }

    /// Whether the sender asks for the answer at its source port (RFC 3581 §3).
    pub fn asks_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The port that the receiver of the request saw.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport")?.parse().ok()
    }

    /// Where a response to a UDP request goes (RFC 3261 §18.2.2, RFC 3581 §4): always to the
    /// address that the request came from, to its source port if asked, else to the sent-by port.
    pub fn response_address(&self, source: SocketAddr) -> SocketAddr {
        match self.asks_rport() {
            true => source,
            false => SocketAddr::new(source.ip(), self.port.unwrap_or(5060)),
        }
    }

    /// Whether sent-by names the address that the request came from.
    pub(crate) fn names(&self, source: IpAddr) -> bool {
        self.host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|host| host == source)
    }
}

fn sent_by_parts(sent_by: &str) -> Result<(&str, Option<u16>), HeaderError> {
    if let Ok(parts) = host_and_port(sent_by) {
        return Ok(parts);
    }
    // White space may stand around the colon (RFC 3261 §25.1 `COLON`).
    let at = sent_by.rfind(':').ok_or(HeaderError::Via)?;
    let (host, _) = host_and_port(trim(&sent_by[..at])).map_err(|_| HeaderError::Via)?;
    let port = crate::token::number(trim(&sent_by[at + 1..]), 65_535).ok_or(HeaderError::Via)?;
    Ok((host, Some(port as u16)))
}
