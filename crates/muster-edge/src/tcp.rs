//! TCP: listeners, connections, and what all peers together may take of us.

use std::io::{self, ErrorKind, Read};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use muster_phone::{Flow, FlowId, Transport};
use rustc_hash::FxHashMap;
use slab::Slab;

use crate::config::EdgeLimits;
use crate::counters::Counters;
use crate::error::EdgeError;
use crate::rate_limit::RateLimit;
use crate::tcp_connection::{Connection, Fault, UNSENT_OVERHEAD};
use crate::tcp_listener::Listener;

const READ_BYTES: usize = 16 * 1024;
/// Reads of one connection before the others have their turn.
const READS_PER_TURN: usize = 4;
const ACCEPTS_PER_TURN: usize = 64;
/// Messages of all connections before the core has its turn: nothing bounds how many connections
/// have something to say at once.
const MESSAGES_PER_TURN: usize = 1_024;
const LOG_EVERY: Duration = Duration::from_secs(10);

/// What a connection brought to the core.
pub(crate) enum TcpEvent {
    Message {
        flow: Flow,
        bytes: Bytes,
    },
    Closed(FlowId),
    /// A message from the core that the peer cannot have got whole.
    Unsent(Bytes),
}

pub(crate) struct TcpEndpoint {
    listeners: Vec<Listener>,
    connections: Slab<Connection>,
    by_flow: FxHashMap<u64, usize>,
    by_peer: FxHashMap<SocketAddr, usize>,
    per_address: FxHashMap<IpAddr, usize>,
    /// Connections with more to read than their turn allowed.
    unread: Vec<usize>,
    /// What the unsent messages of all connections take.
    unsent_bytes: usize,
    /// Begins at the time of the start, so that no id of an earlier run ever comes again.
    next_flow: u64,
    first_token: usize,
    limits: EdgeLimits,
    buffer: Box<[u8]>,
    accept_log: RateLimit,
}

impl TcpEndpoint {
    /// Binds every listener. Connections get the tokens from `first_token + addrs.len()` on.
    pub(crate) fn bind(
        addrs: &[SocketAddr],
        first_token: usize,
        first_flow: u64,
        limits: EdgeLimits,
    ) -> Result<TcpEndpoint, EdgeError> {
        let listeners = addrs.iter().map(|addr| Listener::bind(*addr)).collect::<Result<Vec<_>, _>>()?;
        Ok(TcpEndpoint {
            first_token,
            listeners,
            connections: Slab::new(),
            by_flow: FxHashMap::default(),
            by_peer: FxHashMap::default(),
            per_address: FxHashMap::default(),
            unread: Vec::new(),
            unsent_bytes: 0,
            next_flow: first_flow,
            limits,
            buffer: vec![0; READ_BYTES].into_boxed_slice(),
            accept_log: RateLimit::new(LOG_EVERY),
        })
    }

    pub(crate) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let token = Token(self.first_token + index);
            registry.register(&mut listener.socket, token, Interest::READABLE)?;
        }
        Ok(())
    }

    pub(crate) fn locals(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.local).collect()
    }

    /// Whether something is waiting that the poller will not tell again.
    pub(crate) fn has_more(&self) -> bool {
        !self.unread.is_empty() || self.listeners.iter().any(|listener| listener.is_ready)
    }

    /// Takes note of an event of the poller.
    pub(crate) fn on_event(
        &mut self,
        event: &mio::event::Event,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) {
        let Some(index) = event.token().0.checked_sub(self.first_token) else {
            return;
        };
        if let Some(listener) = self.listeners.get_mut(index) {
            listener.is_ready = true;
            return;
        }
        let key = index - self.listeners.len();
        if event.is_writable() {
            self.on_writable(key, counters, out);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            self.mark_unread(key);
        }
    }

    fn mark_unread(&mut self, key: usize) {
        if let Some(connection) = self.connections.get_mut(key).filter(|c| !c.is_unread) {
            connection.is_unread = true;
            self.unread.push(key);
        }
    }

    /// Accepts and reads, each connection its turn.
    pub(crate) fn turn(
        &mut self,
        registry: &Registry,
        now: Instant,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) {
        self.accept(registry, now, counters);
        let mut keys = std::mem::take(&mut self.unread).into_iter();
        let mut again = Vec::new();
        while out.len() < MESSAGES_PER_TURN
            && let Some(key) = keys.next()
        {
            if self.read(key, now, counters, out) {
                again.push(key);
            } else if let Some(connection) = self.connections.get_mut(key) {
                connection.is_unread = false;
            }
        }
        // Whoever had no turn comes first in the next; what `read` has marked is in `unread`.
        again.append(&mut self.unread);
        self.unread = keys.chain(again).collect();
    }

    fn accept(&mut self, registry: &Registry, now: Instant, counters: &Counters) {
        for index in 0..self.listeners.len() {
            for _ in 0..ACCEPTS_PER_TURN {
                let listener = &mut self.listeners[index];
                if !listener.is_ready {
                    break;
                }
                match listener.socket.accept() {
                    Ok((stream, peer)) => {
                        let local = stream.local_addr().unwrap_or(listener.local);
                        self.admit(registry, stream, peer, local, now, counters);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        listener.is_ready = false;
                    }
                    // The peer is gone again, or we are out of descriptors: leave it for the
                    // sweep, which asks anew a second later.
                    Err(error) => {
                        listener.is_ready = false;
                        counters.tcp_refused.add(1);
                        if let Some(left_out) = self.accept_log.admit(now) {
                            tracing::warn!(%error, left_out, "could not accept a connection");
                        }
                    }
                }
            }
        }
    }

    fn admit(
        &mut self,
        registry: &Registry,
        stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        now: Instant,
        counters: &Counters,
    ) {
        let of_address = self.per_address.get(&peer.ip()).copied().unwrap_or(0);
        if self.connections.len() >= self.limits.connections_max
            || of_address >= self.limits.connections_per_address_max
        {
            counters.tcp_refused.add(1);
            return; // dropping the stream closes it
        }
        if self.add(registry, stream, peer, local, false, now).is_some() {
            counters.tcp_accepted.add(1);
        }
        counters.tcp_open.set(self.connections.len() as u64);
    }

    fn add(
        &mut self,
        registry: &Registry,
        mut stream: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
        is_connecting: bool,
        now: Instant,
    ) -> Option<usize> {
        let _ = stream.set_nodelay(true);
        let entry = self.connections.vacant_entry();
        let key = entry.key();
        let token = Token(self.first_token + self.listeners.len() + key);
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, token, interest).ok()?;
        let id = FlowId(self.next_flow);
        self.next_flow += 1;
        let flow = Flow { transport: Transport::Tcp, peer, id, local };
        entry.insert(Connection::new(stream, flow, is_connecting, now));
        self.by_flow.insert(id.0, key);
        self.by_peer.insert(peer, key);
        *self.per_address.entry(peer.ip()).or_default() += 1;
        Some(key)
    }

    /// Reads a connection's turn; `true` if there may be more.
    fn read(&mut self, key: usize, now: Instant, counters: &Counters, out: &mut Vec<TcpEvent>) -> bool {
        for _ in 0..READS_PER_TURN {
            let Some(connection) = self.connections.get_mut(key).filter(|c| !c.is_doomed) else {
                return false;
            };
            // Who does not take the answers gets no further questions in: TCP tells them to wait.
            if connection.unsent_bytes > 0 && !connection.is_connecting {
                connection.is_held = true;
                return false;
            }
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => {
                    self.close(key, counters, out);
                    return false;
                }
                Ok(length) => {
                    connection.last_heard = now;
                    let unsent_before = connection.unsent_bytes;
                    connection.take_bytes(&self.buffer[..length], now, counters, out);
                    self.unsent_bytes = self.unsent_bytes + connection.unsent_bytes - unsent_before;
                    if connection.is_doomed {
                        return false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.close(key, counters, out);
                    return false;
                }
            }
        }
        true
    }

    /// Sends on an open connection. `false`: there is none of this id any more.
    pub(crate) fn send(
        &mut self,
        id: FlowId,
        bytes: Bytes,
        now: Instant,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) -> bool {
        let Some(&key) = self.by_flow.get(&id.0) else {
            counters.dropped_sent.add(1);
            out.push(TcpEvent::Unsent(bytes));
            return false;
        };
        self.send_to(key, bytes, now, counters, out);
        true
    }

    /// Sends to `addr` on the connection there is, or opens one.
    pub(crate) fn open_and_send(
        &mut self,
        registry: &Registry,
        addr: SocketAddr,
        bytes: Bytes,
        now: Instant,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) {
        let known = self.by_peer.get(&addr).copied();
        let key = known.or_else(|| {
            if self.connections.len() >= self.limits.connections_max {
                return None;
            }
            let stream = TcpStream::connect(addr).ok()?;
            let local = stream.local_addr().ok()?;
            self.add(registry, stream, addr, local, true, now)
        });
        counters.tcp_open.set(self.connections.len() as u64);
        match key {
            Some(key) => self.send_to(key, bytes, now, counters, out),
            None => {
                counters.dropped_sent.add(1);
                out.push(TcpEvent::Unsent(bytes));
            }
        }
    }

    fn send_to(
        &mut self,
        key: usize,
        bytes: Bytes,
        now: Instant,
        counters: &Counters,
        out: &mut Vec<TcpEvent>,
    ) {
        let connection = &mut self.connections[key];
        let mut sent = 0;
        if connection.unsent.is_empty() && !connection.is_connecting {
            match connection.write_now(&bytes) {
                Ok(length) => sent = length,
                Err(_) => {
                    counters.dropped_sent.add(1);
                    out.push(TcpEvent::Unsent(bytes));
                    return self.close(key, counters, out);
                }
            }
        }
        let rest = &bytes[sent..];
        let cost = rest.len() + UNSENT_OVERHEAD;
        let is_too_much = connection.unsent_bytes + cost > self.limits.unsent_bytes_max
            || self.unsent_bytes + cost > self.limits.unsent_bytes_of_all_max;
        if !rest.is_empty() && is_too_much {
            counters.dropped_sent.add(1);
            out.push(TcpEvent::Unsent(bytes));
            return self.close_for(key, Fault::ReadsNothing, counters, out);
        }
        counters.count_sent(&bytes);
        if !rest.is_empty() {
            connection.keep_unsent(rest, now);
            self.unsent_bytes += cost;
        }
    }

    fn on_writable(&mut self, key: usize, counters: &Counters, out: &mut Vec<TcpEvent>) {
        let Some(connection) = self.connections.get_mut(key) else {
            return;
        };
        if connection.is_connecting {
            // Writable also tells of a refused connection: the socket's error says which it is.
            match connection.stream.take_error() {
                Ok(None) if connection.stream.peer_addr().is_ok() => {
                    connection.is_connecting = false;
                }
                Ok(None) => return,
                _ => return self.close(key, counters, out),
            }
        }
        let unsent_before = connection.unsent_bytes;
        let written = connection.write();
        self.unsent_bytes = self.unsent_bytes + connection.unsent_bytes - unsent_before;
        if written.is_err() {
            return self.close(key, counters, out);
        }
        if connection.unsent.is_empty() && std::mem::take(&mut connection.is_held) {
            // The poller has told of what there is to read, and will not again.
            self.mark_unread(key);
        }
    }

    /// Closes what has overstayed. Called about once a second.
    pub(crate) fn sweep(&mut self, now: Instant, counters: &Counters, out: &mut Vec<TcpEvent>) {
        for listener in &mut self.listeners {
            listener.is_ready = true;
        }
        let overdue: Vec<(usize, Fault)> = self
            .connections
            .iter()
            .filter_map(|(key, connection)| Some((key, connection.overdue(now, &self.limits)?)))
            .collect();
        for (key, fault) in overdue {
            self.close_for(key, fault, counters, out);
        }
    }

    fn close_for(&mut self, key: usize, fault: Fault, counters: &Counters, out: &mut Vec<TcpEvent>) {
        counters.tcp_closed_by_us.add(1);
        if matches!(fault, Fault::Framing) {
            counters.malformed.add(1);
        }
        if let Some(connection) = self.connections.get(key) {
            tracing::debug!(peer = %connection.flow.peer, ?fault, "closed a connection");
        }
        self.close(key, counters, out);
    }

    fn close(&mut self, key: usize, counters: &Counters, out: &mut Vec<TcpEvent>) {
        let Some(connection) = self.connections.try_remove(key) else {
            return;
        };
        self.unsent_bytes -= connection.unsent_bytes;
        counters.dropped_sent.add(connection.unsent.len() as u64);
        counters.tcp_open.set(self.connections.len() as u64);
        let Flow { id, peer, .. } = connection.flow;
        self.by_flow.remove(&id.0);
        if self.by_peer.get(&peer) == Some(&key) {
            self.by_peer.remove(&peer);
        }
        if let Some(count) = self.per_address.get_mut(&peer.ip()) {
            *count -= 1;
            if *count == 0 {
                self.per_address.remove(&peer.ip());
            }
        }
        out.push(TcpEvent::Closed(id));
        // Of the first, part may have gone out.
        let begun = usize::from(!connection.is_connecting);
        out.extend(connection.unsent.into_iter().skip(begun).map(TcpEvent::Unsent));
    }
}
