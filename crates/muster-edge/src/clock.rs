//! The core's clock: monotonic, and convertible to the time of day at any moment.

use std::time::Instant as SystemInstant;

use muster_sip::time::Instant;

use crate::journal::unix_now_us;

/// Microseconds since the Unix epoch as the system's clock had it when the edge started, counted
/// on by the monotonic clock. Close to the time of day, but never jumping with it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: SystemInstant,
    base_us: u64,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { started: SystemInstant::now(), base_us: unix_now_us() }
    }

    pub(crate) fn at(&self, moment: SystemInstant) -> Instant {
        let elapsed = moment.saturating_duration_since(self.started);
        Instant(self.base_us + elapsed.as_micros() as u64)
    }

    /// The same moment on the system's monotonic clock.
    pub(crate) fn to_system(self, instant: Instant) -> SystemInstant {
        let since_start = instant.0.saturating_sub(self.base_us);
        self.started + std::time::Duration::from_micros(since_start)
    }

    /// Microseconds of Unix time, by what the system's clock says now: right also after it was set.
    pub(crate) fn to_unix_us(self, instant: Instant) -> u64 {
        let ahead_us = self.ahead_us();
        instant.0.saturating_add_signed(-ahead_us)
    }

    pub(crate) fn moment_of_unix_us(self, unix_us: u64) -> Instant {
        Instant(unix_us.saturating_add_signed(self.ahead_us()))
    }

    /// How far this clock is ahead of the time of day, which somebody may have set meanwhile.
    fn ahead_us(self) -> i64 {
        let ours = self.at(SystemInstant::now()).0;
        ours.wrapping_sub(unix_now_us()) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_moment_survives_both_conversions() {
        let clock = Clock::new();
        let moment = SystemInstant::now() + Duration::from_secs(90);
        let back = clock.to_system(clock.at(moment));
        assert!(moment.duration_since(back) < Duration::from_micros(2));
        let unix_us = clock.to_unix_us(clock.at(moment));
        let expect_us = unix_now_us() + 90_000_000;
        assert!(unix_us.abs_diff(expect_us) < 1_000_000);
        let again = clock.moment_of_unix_us(unix_us);
        assert!(again.0.abs_diff(clock.at(moment).0) < 1_000_000);
    }
}
