//! A log line at most every so often, with the number of those left out.

use std::time::{Duration, Instant};

/// Lets one through every `every`, so that a flood of bad input does not become a flood of log.
#[derive(Debug)]
pub(crate) struct RateLimit {
    every: Duration,
    next: Option<Instant>,
    left_out: u64,
}

impl RateLimit {
    pub(crate) fn new(every: Duration) -> RateLimit {
        RateLimit { every, next: None, left_out: 0 }
    }

    /// `Some(n)`: log now, `n` were left out since the last time. `None`: leave this one out.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.next.is_some_and(|next| now < next) {
            self.left_out += 1;
            return None;
        }
        self.next = Some(now + self.every);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_passes_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut limit = RateLimit::new(Duration::from_secs(10));
        assert_eq!(limit.admit(start), Some(0));
        for second in 1..10 {
            assert_eq!(limit.admit(start + Duration::from_secs(second)), None);
        }
        assert_eq!(limit.admit(start + Duration::from_secs(10)), Some(9));
    }
}
