//! The UDP sockets: batches in, batches out, nothing waits.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use bytes::Bytes;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};

use crate::counters::Counters;
use crate::error::EdgeError;
use crate::mmsg::{self, Outgoing, ReceiveBatch};
use crate::port_owner::port_owner;

/// Datagrams that wait for the kernel's queue; what comes on top is dropped, as the network
/// would: SIP over UDP retransmits.
const UNSENT_MAX: usize = 4_096;

pub(crate) struct UdpEndpoint {
    socket: mio::net::UdpSocket,
    /// As bound, with the real port.
    local: SocketAddr,
    unsent: VecDeque<Outgoing>,
    /// There may be more to read: the poller tells of an edge only once.
    is_readable: bool,
    is_blocked: bool,
}

impl UdpEndpoint {
    pub(crate) fn bind(addr: SocketAddr, receive_buffer: usize) -> Result<UdpEndpoint, EdgeError> {
        let socket = open(addr, receive_buffer).map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => {
                EdgeError::PortTaken { addr, transport: "UDP", by: port_owner(addr, "UDP") }
            }
            _ => EdgeError::Bind { addr, transport: "UDP", source },
        })?;
        let local =
            socket.local_addr().map_err(|source| EdgeError::Bind { addr, transport: "UDP", source })?;
        Ok(UdpEndpoint { socket, local, unsent: VecDeque::new(), is_readable: true, is_blocked: false })
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut self.socket, token, interest)
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn on_event(&mut self, readable: bool, writable: bool) {
        self.is_readable |= readable;
        self.is_blocked &= !writable;
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.is_readable
    }

    /// Reads one batch into `batch`; `false` when nothing is left to read.
    pub(crate) fn receive(&mut self, batch: &mut ReceiveBatch) -> bool {
        match batch.receive(self.socket.as_raw_fd()) {
            Ok(count) => {
                // A batch that is not full has emptied the socket; what comes later is a new edge.
                self.is_readable = count == mmsg::BATCH;
                count > 0
            }
            Err(error) => {
                // Whatever it is, the next datagram that comes is a new edge: never spin on an error.
                self.is_readable = error.kind() == ErrorKind::Interrupted;
                false
            }
        }
    }

    /// The address of ours that a datagram for `to` came to.
    pub(crate) fn local_for(&self, to: Option<IpAddr>) -> SocketAddr {
        match to {
            Some(ip) if self.local.ip().is_unspecified() => SocketAddr::new(ip, self.local.port()),
            _ => self.local,
        }
    }

    /// Whether a flow with this local address is one of this socket.
    pub(crate) fn serves(&self, local: SocketAddr) -> bool {
        self.local == local
            || (self.local.ip().is_unspecified()
                && self.local.port() == local.port()
                && self.local.is_ipv4() == local.is_ipv4())
    }

    /// How well this socket suits a peer that never wrote to us; `None` if it cannot reach it.
    pub(crate) fn suits(&self, peer: SocketAddr) -> Option<u8> {
        if self.local.is_ipv4() != peer.is_ipv4() {
            return None;
        }
        let same_side = self.local.ip().is_loopback() == peer.ip().is_loopback();
        Some(if same_side { 2 } else { u8::from(self.local.ip().is_unspecified()) })
    }

    /// Queues a datagram; [`UdpEndpoint::flush`] sends. `from` is our address, if it matters.
    pub(crate) fn queue(
        &mut self,
        bytes: Bytes,
        peer: SocketAddr,
        from: Option<IpAddr>,
        counters: &Counters,
    ) {
        if self.unsent.len() >= UNSENT_MAX {
            counters.dropped_sent.add(1);
            return;
        }
        counters.count_sent(&bytes);
        let from = from.filter(|ip| self.local.ip().is_unspecified() && !ip.is_unspecified());
        self.unsent.push_back(Outgoing { bytes, peer, from });
    }

    /// Sends what is queued until the kernel takes no more.
    pub(crate) fn flush(&mut self, counters: &Counters) {
        while !self.unsent.is_empty() && !self.is_blocked {
            match mmsg::send_batch(self.socket.as_raw_fd(), self.unsent.iter()) {
                Ok(sent) => {
                    self.unsent.drain(..sent);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // About the first datagram only: unreachable, too long, forbidden.
                Err(error) => {
                    tracing::debug!(%error, "a datagram could not be sent");
                    self.unsent.pop_front();
                    counters.dropped_sent.add(1);
                }
            }
        }
    }
}

fn open(addr: SocketAddr, receive_buffer: usize) -> io::Result<mio::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    if addr.is_ipv6() {
        // Each family has its own socket, so that no address is ever IPv4 in IPv6 clothes.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(receive_buffer);
    let _ = socket.set_send_buffer_size(receive_buffer);
    // The kernel tells twice of what it gives, since it counts its own books.
    let got = |socket: &Socket| socket.recv_buffer_size().unwrap_or(0) / 2;
    if got(&socket) < receive_buffer
        && mmsg::force_receive_buffer(socket.as_raw_fd(), receive_buffer).is_err()
    {
        tracing::warn!(
            %addr, asked = receive_buffer, got = got(&socket),
            "a small receive buffer loses datagrams in a storm; raise net.core.rmem_max"
        );
    }
    if addr.ip().is_unspecified() {
        mmsg::tell_destination(socket.as_raw_fd(), addr.is_ipv6())?;
    }
    socket.bind(&addr.into())?;
    Ok(mio::net::UdpSocket::from_std(socket.into()))
}
