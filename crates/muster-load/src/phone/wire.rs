//! A phone's socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use muster_sip::{Frame, StreamFramer};

use super::Transport;

/// The sending half.
pub(super) enum Wire {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// The receiving half, for the phone's thread.
pub(super) enum Receiver {
    Udp(UdpSocket, Vec<u8>),
    Tcp { stream: TcpStream, peer: SocketAddr, framer: StreamFramer, tick: Duration },
}

impl Wire {
    /// `tick` is how long [`Receiver::receive`] waits at most.
    pub(super) fn open(
        transport: Transport,
        server: SocketAddr,
        tick: Duration,
    ) -> io::Result<(Wire, Receiver)> {
        match transport {
            Transport::Udp => {
                let any = if server.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
                // Connecting a throw-away socket tells which of our addresses reaches the server.
                let probe = UdpSocket::bind(any)?;
                probe.connect(server)?;
                let socket = UdpSocket::bind((probe.local_addr()?.ip(), 0))?;
                socket.set_read_timeout(Some(tick))?;
                Ok((Wire::Udp(socket.try_clone()?), Receiver::Udp(socket, vec![0; 65_536])))
            }
            Transport::Tcp => {
                let stream = TcpStream::connect(server)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(tick))?;
                stream.set_write_timeout(Some(Duration::from_secs(5)))?;
                let receiver = Receiver::Tcp {
                    stream: stream.try_clone()?,
                    peer: server,
                    framer: StreamFramer::new(),
                    tick,
                };
                Ok((Wire::Tcp(stream), receiver))
            }
        }
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Wire::Udp(socket) => socket.local_addr(),
            Wire::Tcp(stream) => stream.local_addr(),
        }
    }

    pub(super) fn is_reliable(&self) -> bool {
        matches!(self, Wire::Tcp(_))
    }

    /// Over TCP everything goes to the server, whatever `to` is.
    pub(super) fn send(&mut self, bytes: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Wire::Udp(socket) => socket.send_to(bytes, to).map(drop),
            Wire::Tcp(stream) => stream.write_all(bytes),
        }
    }
}

impl Receiver {
    /// What came within a tick; nothing is an empty list.
    pub(super) fn receive(&mut self) -> Vec<(Bytes, SocketAddr)> {
        match self {
            Receiver::Udp(socket, buffer) => match socket.recv_from(buffer) {
                Ok((length, peer)) => vec![(Bytes::copy_from_slice(&buffer[..length]), peer)],
                Err(_) => Vec::new(),
            },
            Receiver::Tcp { stream, peer, framer, tick } => {
                let mut buffer = [0; 16 * 1024];
                match stream.read(&mut buffer) {
                    // Closed: nothing more will come, but the phone's timers go on.
                    Ok(0) => std::thread::sleep(*tick),
                    Ok(length) => framer.push(&buffer[..length]),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(_) => std::thread::sleep(*tick),
                }
                let mut came = Vec::new();
                while let Some(Ok(frame)) = framer.next_frame() {
                    if let Frame::Message(bytes) = frame {
                        came.push((bytes, *peer));
                    }
                }
                came
            }
        }
    }
}
