//! From a configuration to a running edge.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use mio::{Poll, Token, Waker};
use muster_phone::Core;
use muster_sip::Rng;

use crate::clock::Clock;
use crate::config::EdgeConfig;
use crate::error::EdgeError;
use crate::events::{EdgeEvent, EventSender};
use crate::handle::{Board, EdgeHandle};
use crate::journal::{Journal, Log, Restorable, journal_path, restorable, unix_now_us};
use crate::shard::{FIRST_UDP_TOKEN, Shard, TurnState, WAKER_TOKEN};
use crate::tcp::TcpEndpoint;
use crate::udp::UdpEndpoint;

/// Binds every address, reads the journal and starts the threads. `on_event` is called on a
/// thread of its own, in order; while it blocks, events gather up to a limit and are then dropped
/// and counted. It must not own an [`EdgeHandle`]: the edge would wait for itself to end.
///
/// # Errors
/// An address that is taken, with the name of who holds it; a data directory that cannot be used.
/// Nothing runs then.
pub fn start(
    config: EdgeConfig,
    on_event: impl Fn(EdgeEvent) + Send + 'static,
) -> Result<EdgeHandle, EdgeError> {
    if config.udp.is_empty() && config.tcp.is_empty() {
        return Err(EdgeError::NothingToListenOn);
    }
    let clock = Clock::new();
    let board = Arc::new(Board::new());
    let poll = Poll::new().map_err(system("a poller"))?;
    let waker = Waker::new(poll.registry(), WAKER_TOKEN).map_err(system("a waker"))?;
    let udp = bind_udp(&config, &poll)?;
    let first_tcp_token = FIRST_UDP_TOKEN + udp.len();
    let limits = config.limits.clone();
    let mut tcp = TcpEndpoint::bind(&config.tcp, first_tcp_token, unix_now_us(), limits)?;
    tcp.register(poll.registry()).map_err(system("a poller"))?;
    let udp_addrs: Vec<SocketAddr> = udp.iter().map(UdpEndpoint::local).collect();
    let tcp_addrs = tcp.locals();

    let (log, restorable) = open_journal(&config, clock)?;
    board.counters.journal_bytes.set(log.bytes());
    let journal = Journal::start(log, Arc::clone(&board.counters))?;
    let events = EventSender::start(config.limits.events_waiting_max, on_event)?;
    let (sender, inputs) = sync_channel(config.limits.inputs_waiting_max);
    let shard = Shard {
        core: new_core(config)?,
        poll,
        udp,
        tcp,
        inputs,
        counters: Arc::clone(&board.counters),
        board: Arc::clone(&board),
        journal,
        restorable,
        events,
        clock,
        state: TurnState::new(),
    };
    let thread = std::thread::Builder::new()
        .name("muster-phone".to_owned())
        .spawn(move || shard.run())
        .map_err(system("the thread of the phone core"))?;
    let addresses = (udp_addrs, tcp_addrs);
    Ok(EdgeHandle::new(sender, Arc::new(waker), board, thread, addresses, clock))
}

fn bind_udp(config: &EdgeConfig, poll: &Poll) -> Result<Vec<UdpEndpoint>, EdgeError> {
    let mut endpoints = Vec::with_capacity(config.udp.len());
    for (index, addr) in config.udp.iter().enumerate() {
        let mut endpoint = UdpEndpoint::bind(*addr, config.limits.udp_receive_buffer)?;
        endpoint.register(poll.registry(), Token(FIRST_UDP_TOKEN + index)).map_err(system("a poller"))?;
        endpoints.push(endpoint);
    }
    Ok(endpoints)
}

fn open_journal(config: &EdgeConfig, clock: Clock) -> Result<(Log, Restorable), EdgeError> {
    let started = Instant::now();
    let path = journal_path(&config.data_dir);
    std::fs::create_dir_all(&config.data_dir)
        .map_err(|source| EdgeError::Journal { path: config.data_dir.clone(), source })?;
    let now_unix_us = unix_now_us();
    let now = clock.moment_of_unix_us(now_unix_us);
    let in_future = |unix_us: u64| now + Duration::from_micros(unix_us.saturating_sub(now_unix_us));
    let mut waiting = Restorable::default();
    let mut open = || {
        waiting.clear();
        Log::open(&path, |hash, entry| restorable(&mut waiting, hash, entry, now_unix_us, in_future))
    };
    let (log, replayed) = match open() {
        // Phones register again by themselves: a damaged list of them must not keep them waiting.
        Err(EdgeError::Journal { source, .. }) if source.kind() == std::io::ErrorKind::InvalidData => {
            let aside = path.with_extension("journal.damaged");
            tracing::error!(error = %source, aside = %aside.display(), "the journal of registrations cannot be read; it is put aside, and phones come back when they register next");
            std::fs::rename(&path, &aside)
                .map_err(|source| EdgeError::Journal { path: path.clone(), source })?;
            open()?
        }
        opened => opened?,
    };
    if replayed.torn_bytes > 0 {
        tracing::warn!(
            torn_bytes = replayed.torn_bytes,
            "the journal of registrations ended in the middle of an entry; cut there"
        );
    }
    tracing::info!(
        entries = replayed.frames,
        registrations = waiting.values().map(|of_org| of_org.len()).sum::<usize>(),
        took_ms = started.elapsed().as_millis() as u64,
        "read the journal of registrations"
    );
    Ok((log, waiting))
}

fn new_core(config: EdgeConfig) -> Result<Core, EdgeError> {
    let mut core = config.core;
    if let Some(host) = config.public_host {
        core.public_host = Some(host.into());
    }
    core.nonce_key = random_key()?;
    Ok(Core::new(core, Rng::new(random_key()?)))
}

fn random_key() -> Result<[u8; 32], EdgeError> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| EdgeError::System {
        what: "random numbers",
        source: std::io::Error::other(error),
    })?;
    Ok(key)
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> EdgeError {
    move |source| EdgeError::System { what, source }
}
