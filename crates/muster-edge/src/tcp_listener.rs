//! A TCP port that is listened on.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use mio::net::TcpListener;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::EdgeError;
use crate::port_owner::port_owner;

const BACKLOG: i32 = 1_024;
/// What the kernel may hold for a connection in each direction. Left to itself it grows to
/// megabytes for a peer that does not read, and there may be thousands of those.
const KERNEL_BUFFER_BYTES: usize = 64 * 1024;

pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    /// As bound, with the real port.
    pub(crate) local: SocketAddr,
    /// There may be more to accept: the poller tells of an edge only once.
    pub(crate) is_ready: bool,
}

impl Listener {
    pub(crate) fn bind(addr: SocketAddr) -> Result<Listener, EdgeError> {
        let socket = open(addr).map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => {
                EdgeError::PortTaken { addr, transport: "TCP", by: port_owner(addr, "TCP") }
            }
            _ => EdgeError::Bind { addr, transport: "TCP", source },
        })?;
        let local =
            socket.local_addr().map_err(|source| EdgeError::Bind { addr, transport: "TCP", source })?;
        Ok(Listener { socket, local, is_ready: true })
    }
}

fn open(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of the last run linger in TIME_WAIT; they must not keep us from starting.
    socket.set_reuse_address(true)?;
    // Accepted connections inherit these.
    let _ = socket.set_send_buffer_size(KERNEL_BUFFER_BYTES);
    let _ = socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES);
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}
