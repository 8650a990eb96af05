//! Batches of datagrams with recvmmsg(2) and sendmmsg(2): the only unsafe code of this crate.
//!
//! A busy registrar spends more in the kernel's entry and exit than in its own rules; a batch
//! pays that once for up to [`BATCH`] datagrams. Each call builds the kernel's structures on the
//! stack, pointing into buffers that the caller's `&mut` keeps in place until the call returns.
//!
//! A socket bound to a wildcard address also says which of our addresses a datagram came to
//! (`IP_PKTINFO`), and sends from that one: a phone drops an answer from another address.

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;

use bytes::Bytes;

/// Datagrams a system call.
pub(crate) const BATCH: usize = 32;

/// No UDP datagram is longer, so none is ever cut.
const DATAGRAM_BYTES_MAX: usize = 65_536;

/// Room for one `in6_pktinfo` control message (40 bytes with its header), aligned as the kernel
/// wants it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; 64]);

/// One datagram to send. `from` is our address to send from where the socket is a wildcard.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Bytes,
    pub(crate) peer: SocketAddr,
    pub(crate) from: Option<IpAddr>,
}

/// One datagram that came. `to` is our address, where the socket was asked to say.
pub(crate) struct Incoming<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) peer: SocketAddr,
    pub(crate) to: Option<IpAddr>,
}

/// Receive buffers, two megabytes of address space of which only the touched pages are real.
pub(crate) struct ReceiveBatch {
    buffers: Vec<u8>,
    names: Box<[libc::sockaddr_storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    lengths: [usize; BATCH],
    control_lengths: [usize; BATCH],
    count: usize,
}

impl ReceiveBatch {
    pub(crate) fn new() -> ReceiveBatch {
        // SAFETY: sockaddr_storage is plain data for which all zeroes is valid (AF_UNSPEC).
        let empty_name: libc::sockaddr_storage = unsafe { mem::zeroed() };
        ReceiveBatch {
            buffers: vec![0; BATCH * DATAGRAM_BYTES_MAX],
            names: Box::new([empty_name; BATCH]),
            controls: Box::new([Control([0; 64]); BATCH]),
            lengths: [0; BATCH],
            control_lengths: [0; BATCH],
            count: 0,
        }
    }

    /// Takes up to [`BATCH`] waiting datagrams; `WouldBlock` when there is none. The socket must
    /// be non-blocking.
    pub(crate) fn receive(&mut self, socket: RawFd) -> io::Result<usize> {
        self.count = 0;
        // SAFETY: mmsghdr and iovec are plain data for which all zeroes is valid (null, 0).
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        let chunks = self.buffers.chunks_exact_mut(DATAGRAM_BYTES_MAX);
        for (slot, chunk) in chunks.enumerate() {
            vectors[slot].iov_base = chunk.as_mut_ptr().cast();
            vectors[slot].iov_len = chunk.len();
            let header = &mut headers[slot].msg_hdr;
            header.msg_iov = &mut vectors[slot];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut self.names[slot]).cast();
            header.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_control = (&raw mut self.controls[slot]).cast();
            header.msg_controllen = mem::size_of::<Control>() as _;
        }
        // SAFETY: every pointer in `headers` leads into `vectors` on this stack or into buffers
        // of `self`, which is borrowed mutably; the lengths given are the sizes of those buffers.
        let received = unsafe {
            libc::recvmmsg(
                socket,
                headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                std::ptr::null_mut(),
            )
        };
        if received < 0 {
            return Err(io::Error::last_os_error());
        }
        self.count = received as usize;
        for (slot, header) in headers.iter().enumerate().take(self.count) {
            self.lengths[slot] = header.msg_len as usize;
            self.control_lengths[slot] = header.msg_hdr.msg_controllen;
        }
        Ok(self.count)
    }

    /// The datagram in `slot` of the last batch; `None` past its end or if its sender's address
    /// is of a family we do not speak.
    pub(crate) fn get(&self, slot: usize) -> Option<Incoming<'_>> {
        if slot >= self.count {
            return None;
        }
        let start = slot * DATAGRAM_BYTES_MAX;
        Some(Incoming {
            bytes: self.buffers.get(start..start + self.lengths[slot])?,
            peer: from_storage(&self.names[slot])?,
            to: self.destination(slot),
        })
    }

    /// Our address from the control message of `slot`, if there is one.
    fn destination(&self, slot: usize) -> Option<IpAddr> {
        let length = self.control_lengths[slot].min(mem::size_of::<Control>());
        let control = &self.controls[slot].0[..length];
        // struct cmsghdr { len: usize, level: i32, type: i32 } and then the data: read by offset,
        // since there is exactly one message and everything else is ignored.
        let level = i32::from_ne_bytes(control.get(8..12)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(control.get(12..16)?.try_into().ok()?);
        match (level, kind) {
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                // struct in_pktinfo { ifindex: i32, spec_dst: [u8; 4], addr: [u8; 4] }
                let octets: [u8; 4] = control.get(20..24)?.try_into().ok()?;
                Some(IpAddr::V4(Ipv4Addr::from(octets)))
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                // struct in6_pktinfo { addr: [u8; 16], ifindex: u32 }
                let octets: [u8; 16] = control.get(16..32)?.try_into().ok()?;
                Some(IpAddr::V6(Ipv6Addr::from(octets)))
            }
            _ => None,
        }
    }
}

/// Sends the first up to [`BATCH`] of `datagrams`; says how many the kernel took. An error is
/// about the first of them.
pub(crate) fn send_batch<'a>(
    socket: RawFd,
    datagrams: impl Iterator<Item = &'a Outgoing>,
) -> io::Result<usize> {
    // SAFETY: as in `receive`, all zeroes is valid for each of these.
    let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
    let mut vectors: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
    let mut names: [libc::sockaddr_storage; BATCH] = unsafe { mem::zeroed() };
    let mut controls = [Control([0; 64]); BATCH];
    let mut count = 0;
    for (slot, datagram) in datagrams.take(BATCH).enumerate() {
        // The kernel only reads through this pointer; its type has no const form.
        vectors[slot].iov_base = datagram.bytes.as_ptr().cast_mut().cast();
        vectors[slot].iov_len = datagram.bytes.len();
        let header = &mut headers[slot].msg_hdr;
        header.msg_namelen = to_storage(datagram.peer, &mut names[slot]);
        header.msg_name = (&raw mut names[slot]).cast();
        header.msg_iov = &mut vectors[slot];
        header.msg_iovlen = 1;
        if let Some(from) = datagram.from {
            header.msg_controllen = source_control(from, &mut controls[slot]) as _;
            header.msg_control = (&raw mut controls[slot]).cast();
        }
        count = slot + 1;
    }
    if count == 0 {
        return Ok(0);
    }
    // SAFETY: every pointer leads into arrays on this stack or into datagrams borrowed for this
    // call, with their true lengths; `count` headers are filled.
    let sent = unsafe {
        libc::sendmmsg(socket, headers.as_mut_ptr(), count as libc::c_uint, libc::MSG_DONTWAIT as _)
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(sent as usize)
}

/// Asks the kernel to tell with each datagram to which of our addresses it came.
pub(crate) fn tell_destination(socket: RawFd, is_v6: bool) -> io::Result<()> {
    match is_v6 {
        true => set_option(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1),
        false => set_option(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1),
    }
}

/// A receive buffer beyond the system's `net.core.rmem_max`, which only root may ask for.
pub(crate) fn force_receive_buffer(socket: RawFd, bytes: usize) -> io::Result<()> {
    let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, bytes)
}

fn set_option(socket: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: the options asked for are ints, and pointer and length are those of one.
    let result = unsafe {
        libc::setsockopt(
            socket,
            level,
            name,
            (&raw const value).cast(),
            mem::size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Writes a control message that sets the source address; returns its whole length.
fn source_control(from: IpAddr, control: &mut Control) -> usize {
    let (level, kind, data_length) = match from {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_PKTINFO, 12),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20),
    };
    let length: usize = 16 + data_length;
    control.0[..8].copy_from_slice(&length.to_ne_bytes());
    control.0[8..12].copy_from_slice(&level.to_ne_bytes());
    control.0[12..16].copy_from_slice(&kind.to_ne_bytes());
    match from {
        IpAddr::V4(address) => control.0[20..24].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => control.0[16..32].copy_from_slice(&address.octets()),
    }
    length.next_multiple_of(8)
}

fn from_storage(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that the kernel wrote a sockaddr_in; storage is larger and
            // at least as aligned.
            let name = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above, for sockaddr_in6.
            let name = unsafe { &*(&raw const *storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(SocketAddrV6::new(ip, port, name.sin6_flowinfo, name.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn to_storage(addr: SocketAddr, storage: &mut libc::sockaddr_storage) -> libc::socklen_t {
    match addr {
        SocketAddr::V4(v4) => {
            // SAFETY: sockaddr_storage is larger than and at least as aligned as sockaddr_in.
            let name = unsafe { &mut *(&raw mut *storage).cast::<libc::sockaddr_in>() };
            name.sin_family = libc::AF_INET as libc::sa_family_t;
            name.sin_port = v4.port().to_be();
            name.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
        }
        SocketAddr::V6(v6) => {
            // SAFETY: as above, for sockaddr_in6.
            let name = unsafe { &mut *(&raw mut *storage).cast::<libc::sockaddr_in6>() };
            name.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            name.sin6_port = v6.port().to_be();
            name.sin6_addr.s6_addr = v6.ip().octets();
            name.sin6_flowinfo = v6.flowinfo();
            name.sin6_scope_id = v6.scope_id();
            mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    fn outgoing(text: &'static str, peer: SocketAddr, from: Option<IpAddr>) -> Outgoing {
        Outgoing { bytes: Bytes::from_static(text.as_bytes()), peer, from }
    }

    fn round_trip(receiver: &str, sender: &str) {
        let receiver = UdpSocket::bind(receiver).unwrap();
        let sender = UdpSocket::bind(sender).unwrap();
        let to = receiver.local_addr().unwrap();
        let three = ["one", "", "three"].map(|text| outgoing(text, to, None));
        assert_eq!(send_batch(sender.as_raw_fd(), three.iter()).unwrap(), 3);
        let mut batch = ReceiveBatch::new();
        assert_eq!(batch.receive(receiver.as_raw_fd()).unwrap(), 3);
        let got: Vec<&[u8]> = (0..3).map(|slot| batch.get(slot).unwrap().bytes).collect();
        assert_eq!(got, [b"one".as_slice(), b"", b"three"]);
        assert_eq!(batch.get(0).unwrap().peer, sender.local_addr().unwrap());
        assert!(batch.get(3).is_none());
        let empty = batch.receive(receiver.as_raw_fd()).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_batch_arrives_whole_and_in_order_over_ipv4() {
        round_trip("127.0.0.1:0", "127.0.0.1:0");
    }

    #[test]
    fn a_batch_arrives_whole_and_in_order_over_ipv6() {
        round_trip("[::1]:0", "[::1]:0");
    }

    #[test]
    fn a_wildcard_socket_tells_and_keeps_the_address_that_was_called() {
        let server = UdpSocket::bind("0.0.0.0:0").unwrap();
        tell_destination(server.as_raw_fd(), false).unwrap();
        let port = server.local_addr().unwrap().port();
        let phone = UdpSocket::bind("127.0.0.1:0").unwrap();
        phone.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let called: SocketAddr = format!("127.0.0.7:{port}").parse().unwrap();
        phone.send_to(b"hello", called).unwrap();
        let mut batch = ReceiveBatch::new();
        while batch.receive(server.as_raw_fd()).is_err() {}
        let incoming = batch.get(0).unwrap();
        assert_eq!(incoming.to, Some(called.ip()));
        let answer = outgoing("hi", incoming.peer, incoming.to);
        assert_eq!(send_batch(server.as_raw_fd(), [answer].iter()).unwrap(), 1);
        let (_, from) = phone.recv_from(&mut [0; 8]).unwrap();
        assert_eq!(from, called);
    }
}
