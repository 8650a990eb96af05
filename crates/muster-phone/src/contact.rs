//! The contact of a phone: whose it may be, and by which way it is reached.

use std::net::{IpAddr, SocketAddr};

use muster_domain::ids::OrgId;
use muster_sip::Uri;

use crate::auth::Identity;
use crate::core::Core;
use crate::io::{Flow, FlowId, Transport};

impl Core {
    /// A contact that leads to somebody else: to us, or to a colleague's address.
    pub(crate) fn is_foreign_contact(&self, uri: &Uri<'_>, identity: &Identity, flow: Flow) -> bool {
        let port = uri.port.unwrap_or(5060);
        let is_source = uri.ip().is_some_and(|ip| flow.peer == SocketAddr::new(ip, port));
        let ours = port == flow.local.port() && self.is_own_host(uri, flow) && !is_source;
        let user = uri.user_unescaped().unwrap_or_default();
        let of_org = |org: OrgId| {
            let by_extension = self.plan.person_by_extension(org, &user);
            by_extension.or_else(|| self.plan.credential(org, &user).map(|(person, _)| person))
        };
        let colleague = of_org(identity.org).is_some_and(|person| person.user != identity.user);
        ours || colleague
    }

    /// Whether a host is this machine under any of its names.
    pub(crate) fn is_own_host(&self, uri: &Uri<'_>, flow: Flow) -> bool {
        let Some(ip) = uri.ip().map(|ip| ip.to_canonical()) else {
            let host = uri.host.strip_suffix('.').unwrap_or(uri.host);
            let public = self.config.public_host.as_deref();
            return host.eq_ignore_ascii_case("localhost")
                || public.is_some_and(|public| host.eq_ignore_ascii_case(public));
        };
        let public = self.config.public_host.as_deref().and_then(|host| host.parse::<IpAddr>().ok());
        ip.is_loopback()
            || ip.is_unspecified()
            || ip == flow.local.ip().to_canonical()
            || public.is_some_and(|public| ip == public.to_canonical())
    }
}

pub fn same_contact(known: &str, uri: &Uri<'_>) -> bool {
    known == uri.text || Uri::parse(known).is_ok_and(|known| known.equivalent(uri))
}

/// How a phone is reached: by the connection or address that it registers from, for a NAT lets
/// nothing else in. Where the contact names the very host that the datagram came from there is no
/// NAT, and the contact's port is taken at its word.
pub fn reachable_by(uri: &Uri<'_>, flow: Flow) -> Flow {
    let mut reached = flow;
    let tcp = uri.params.get("transport").is_some_and(|name| name.eq_ignore_ascii_case("tcp"));
    if flow.transport == Transport::Udp && uri.ip() == Some(flow.peer.ip()) && !tcp {
        reached.peer.set_port(uri.port.unwrap_or(5060));
    }
    reached
}

/// The flow by which a phone whose connection has gone may be tried: a new one to the host that it
/// came from, at the port of its contact if the contact names that host. A contact that names
/// another is not tried: anybody who may register could have us connect wherever they like.
pub fn closed(contact: &str, flow: Flow) -> Flow {
    let mut peer = flow.peer;
    let uri = Uri::parse(contact).ok();
    if let Some(uri) = uri
        && uri.ip().is_some_and(|ip| ip.to_canonical() == peer.ip().to_canonical())
    {
        peer.set_port(uri.port.unwrap_or(5060));
    }
    Flow { peer, id: FlowId::DATAGRAM, ..flow }
}

/// `qvalue` of RFC 3261 §25.1 in thousandths.
pub fn q_milli(text: &str) -> Option<u16> {
    let q: f32 = text.parse().ok()?;
    (0.0..=1.0).contains(&q).then(|| (q * 1000.0).round() as u16)
}
