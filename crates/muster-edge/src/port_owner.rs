//! Who holds a port: so that "address in use" can name the program to stop.

use std::fs;
use std::net::SocketAddr;

/// The program that holds a TCP address, for the message of another listener (HTTP).
pub fn tcp_port_owner(addr: SocketAddr) -> Option<String> {
    port_owner(addr, "TCP")
}

/// The program that holds `addr`, as `kamailio (pid 1234)`. `None` where the system does not
/// say: no `/proc`, or the owner belongs to somebody else and we may not look.
pub(crate) fn port_owner(addr: SocketAddr, transport: &str) -> Option<String> {
    let inodes = inodes_on_port(addr.port(), transport);
    if inodes.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        holds_one_of(pid, &inodes).then(|| describe(pid))
    })
}

fn describe(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (pid {pid})", name.trim()),
        Err(_) => format!("pid {pid}"),
    }
}

/// The socket inodes bound to `port` in any address of either family: what takes a port from us
/// may be a wildcard of the other family.
fn inodes_on_port(port: u16, transport: &str) -> Vec<String> {
    let tables = match transport {
        "TCP" => ["/proc/net/tcp", "/proc/net/tcp6"],
        _ => ["/proc/net/udp", "/proc/net/udp6"],
    };
    let mut inodes = Vec::new();
    for table in tables {
        let Ok(text) = fs::read_to_string(table) else {
            continue;
        };
        inodes.extend(text.lines().skip(1).filter_map(|line| inode_if_port(line, port, transport == "TCP")));
    }
    inodes
}

/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …`; addresses are
/// hexadecimal `address:port`; a listening TCP socket has state 0A.
fn inode_if_port(line: &str, port: u16, listening_only: bool) -> Option<String> {
    let mut columns = line.split_whitespace();
    let local = columns.nth(1)?;
    let state = columns.nth(1)?;
    let inode = columns.nth(5)?;
    let (_, hex_port) = local.rsplit_once(':')?;
    let same_port = u16::from_str_radix(hex_port, 16).ok()? == port;
    (same_port && (!listening_only || state == "0A")).then(|| inode.to_owned())
}

fn holds_one_of(pid: u32, inodes: &[String]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
        return false;
    };
    descriptors.flatten().any(|descriptor| {
        fs::read_link(descriptor.path())
            .ok()
            .and_then(|target| {
                let target = target.to_str()?;
                let inode = target.strip_prefix("socket:[")?.strip_suffix(']')?;
                Some(inodes.iter().any(|known| known == inode))
            })
            .unwrap_or(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn the_owner_of_a_bound_port_is_this_process() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let us = format!("(pid {})", std::process::id());
        for (addr, transport) in [(udp.local_addr().unwrap(), "UDP"), (tcp.local_addr().unwrap(), "TCP")] {
            let owner = port_owner(addr, transport).unwrap();
            assert!(owner.ends_with(&us), "{owner}");
        }
    }

    #[test]
    fn a_free_port_has_no_owner() {
        let addr = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(port_owner(addr, "UDP"), None);
    }
}
