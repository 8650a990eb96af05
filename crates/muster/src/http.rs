//! Connections to the API: how many there may be, and how long they may say nothing.
//!
//! Anybody can open connections without a token, and each is a file descriptor that phones, journal and
//! database need too. What is over the limits is closed at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Connections at once.
const CONNECTIONS_MAX: usize = 1024;
/// Connections of one address at once. This machine's own are not counted so: a proxy in front of the API
/// brings everybody's from there.
const OF_ADDRESS_MAX: usize = 256;
/// From the connection, or the last answer, to the end of the next request's header.
const HEADER_WAIT: Duration = Duration::from_secs(10);
/// After an accept that failed, most likely for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `ending` says true, then until every connection has ended what it was doing.
pub async fn serve(listener: TcpListener, router: axum::Router, mut ending: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let addresses = Arc::new(Addresses::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|ending| *ending) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection to the API could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let Some(of_address) = addresses.clone().one_more(peer.ip().to_canonical()) else { continue };
        let held = Held { _place: place, _of_address: of_address };
        tokio::spawn(connection(stream, router.clone(), ending.clone(), held));
    }
    drop(listener);
    // Whoever holds a place is still at work.
    let _ = places.acquire_many(CONNECTIONS_MAX as u32).await;
}

async fn connection(stream: TcpStream, router: axum::Router, mut ending: watch::Receiver<bool>, _held: Held) {
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_WAIT);
    let service = TowerToHyperService::new(router);
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let mut served = std::pin::pin!(served);
    tokio::select! {
        // How a client ends its connection is its own affair.
        _ = served.as_mut() => return,
        _ = ending.wait_for(|ending| *ending) => served.as_mut().graceful_shutdown(),
    }
    let _ = served.await;
}

/// What a connection counts against, as long as it is open.
struct Held {
    _place: OwnedSemaphorePermit,
    _of_address: OfAddress,
}

/// How many connections each address has.
#[derive(Default)]
struct Addresses(Mutex<HashMap<IpAddr, usize>>);

struct OfAddress {
    address: IpAddr,
    among: Arc<Addresses>,
}

impl Addresses {
    /// `None` if the address has as many as it may.
    fn one_more(self: Arc<Self>, address: IpAddr) -> Option<OfAddress> {
        {
            let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(address).or_default();
            if *count >= OF_ADDRESS_MAX && !address.is_loopback() {
                return None;
            }
            *count += 1;
        }
        Some(OfAddress { address, among: self })
    }
}

impl Drop for OfAddress {
    fn drop(&mut self) {
        let mut counts = self.among.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// Lets the process have as many descriptors as it may: many systems begin with 1,024, which is fewer than
/// the phones of one server.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls are given a whole `rlimit` of this function's own, which they read or fill.
    let raised = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
        }
    };
    if !raised {
        let error = std::io::Error::last_os_error();
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_connections_and_this_machine_more() {
        let addresses = Arc::new(Addresses::default());
        for (address, more) in [("203.0.113.7", false), ("2001:db8::7", false), ("127.0.0.1", true)] {
            let address: IpAddr = address.parse().unwrap();
            let mut held: Vec<OfAddress> =
                (0..OF_ADDRESS_MAX).map(|_| addresses.clone().one_more(address).unwrap()).collect();
            assert_eq!(addresses.clone().one_more(address).is_some(), more, "{address}");
            held.pop();
            assert!(addresses.clone().one_more(address).is_some(), "{address}");
        }
        assert!(addresses.0.lock().unwrap().is_empty(), "addresses without connections are kept");
    }
}
