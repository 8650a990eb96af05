//! How long a client may take for what is sent to it: a place, or a snapshot of the database, is held for it.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

/// Chunks that wait for a client that reads slowly.
pub const CHUNKS: usize = 4;

/// A client that takes less than this on average is given up. In bytes per second.
const RATE_MIN: u64 = 8 * 1024;
/// Before so much was waited for it, no client is too slow.
const WAIT_FREE: Duration = Duration::from_secs(60);
/// A client that takes nothing for so long is given up whatever it took before. A steady one may seem to: the
/// system takes a megabyte from us, and then nothing until a good part of that has gone.
const SILENCE_MAX: Duration = Duration::from_secs(600);

pub type Chunk = Result<Bytes, io::Error>;

/// What a client has taken since the beginning, and how long it was waited for meanwhile.
#[derive(Default)]
pub struct Pace {
    bytes: u64,
    waited: Duration,
}

impl Pace {
    /// Hands the chunk over. Errors: `BrokenPipe` if the client has gone away, `TimedOut` if it takes too
    /// little.
    pub async fn send(&mut self, out: &Sender<Chunk>, chunk: Chunk) -> io::Result<()> {
        let (bytes, begun) = (chunk.as_ref().map_or(0, Bytes::len), Instant::now());
        let sent = tokio::time::timeout(self.patience(), out.send(chunk)).await;
        self.waited += begun.elapsed();
        self.bytes += bytes as u64;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the client went away")),
            Err(_) => {
                let why = format!("the client took less than {} KiB a second", RATE_MIN >> 10);
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            }
        }
    }

    /// How long may be waited for the next chunk to be taken.
    fn patience(&self) -> Duration {
        let earned = Duration::from_secs(self.bytes / RATE_MIN).max(WAIT_FREE);
        earned.saturating_sub(self.waited).min(SILENCE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether somebody is ever given up who takes `rate` bytes a second, of which the system shows us only
    /// bursts.
    fn is_given_up(rate: u64, burst: u64) -> bool {
        // What the system and the channel take at once.
        let mut pace = Pace { bytes: 2 * burst, waited: Duration::ZERO };
        (0..10_000).any(|_| {
            let wait = Duration::from_secs_f64(burst as f64 / rate as f64);
            let given_up = wait > pace.patience();
            pace = Pace { bytes: pace.bytes + burst, waited: pace.waited + wait };
            given_up
        })
    }

    #[test]
    fn a_steady_client_is_waited_for_though_its_bytes_go_in_bursts() {
        for burst in [16 << 10, 64 << 10, 1 << 20] {
            assert!(!is_given_up(14_000, burst), "{burst}");
            assert!(!is_given_up(9_000, burst), "{burst}");
        }
    }

    #[test]
    fn a_client_that_drips_is_given_up_and_so_is_one_that_stops() {
        for burst in [16 << 10, 64 << 10, 1 << 20] {
            assert!(is_given_up(1200, burst), "{burst}");
            assert!(is_given_up(7_500, burst), "{burst}");
        }
        let quick = Pace { bytes: 100 << 30, waited: Duration::from_secs(1) };
        assert_eq!(quick.patience(), SILENCE_MAX);
        let begins = Pace::default();
        assert_eq!(begins.patience(), WAIT_FREE);
    }
}
