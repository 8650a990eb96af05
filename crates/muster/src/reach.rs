//! By which addresses others reach a socket that listens on all of this machine's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Hosts with the port, as they can be opened. One that listens on everything is told by the address
/// that only this machine has and by the one that it has towards others, unless the operator named it.
pub fn hosts(listens: SocketAddr, public_host: Option<&str>) -> Vec<String> {
    let port = listens.port();
    if let Some(host) = public_host {
        let local = is_unspecified(listens).then(|| SocketAddr::new(LOOPBACK, port).to_string());
        return local.into_iter().chain([with_port(host, port)]).collect();
    }
    if !is_unspecified(listens) {
        return vec![listens.to_string()];
    }
    let addresses = [Some(LOOPBACK), outward(listens)];
    addresses.into_iter().flatten().map(|ip| SocketAddr::new(ip, port).to_string()).collect()
}

/// The one host that phones are told to register at.
pub fn phones_host(listens: SocketAddr, public_host: Option<&str>) -> String {
    match public_host {
        Some(host) => host.to_owned(),
        None if is_unspecified(listens) => outward(listens).unwrap_or(LOOPBACK).to_string(),
        None => listens.ip().to_string(),
    }
}

pub fn is_unspecified(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_unspecified()
}

/// `[::]` takes IPv4 as well, and that is what people type.
const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The address that this machine has towards others. Connecting a datagram socket chooses a route and
/// sends nothing; the destinations are for documentation (RFC 5737, RFC 3849).
fn outward(listens: SocketAddr) -> Option<IpAddr> {
    let (any, to): (IpAddr, IpAddr) = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let (any_6, to_6): (IpAddr, IpAddr) =
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    let address = |any: IpAddr, to: IpAddr| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((to, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_loopback())
    };
    address(any, to).or_else(|| listens.is_ipv6().then(|| address(any_6, to_6)).flatten())
}

/// An IPv6 address has brackets before a port.
fn with_port(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listens: &str, public: Option<&str>, expect: &[&str]) {
        let listens: SocketAddr = listens.parse().unwrap();
        let told = hosts(listens, public);
        assert_eq!(&told[..expect.len()], expect, "{told:?}");
    }

    #[test]
    fn what_is_told_can_be_opened() {
        check("127.0.0.1:8080", None, &["127.0.0.1:8080"]);
        check("[::1]:8080", None, &["[::1]:8080"]);
        check("0.0.0.0:8080", None, &["127.0.0.1:8080"]);
        check("[::]:8080", None, &["127.0.0.1:8080"]);
        check("0.0.0.0:8080", Some("pbx.example.com"), &["127.0.0.1:8080", "pbx.example.com:8080"]);
        check("10.0.0.7:8080", Some("2001:db8::7"), &["[2001:db8::7]:8080"]);
        for listens in ["0.0.0.0:5060", "[::]:5060"] {
            let host = phones_host(listens.parse().unwrap(), None);
            assert!(!host.parse::<IpAddr>().unwrap().is_unspecified(), "{host}");
        }
    }
}
