//! Two things the standard library does not have: sleeping for less than a millisecond until a
//! socket is readable, and the processor time of this process.

use std::os::fd::RawFd;
use std::time::Duration;

/// Waits until one of `sockets` is readable or `timeout` has passed.
pub(super) fn wait_readable(sockets: [RawFd; 2], timeout: Duration) {
    let mut entries = sockets.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let timeout =
        libc::timespec { tv_sec: timeout.as_secs() as libc::time_t, tv_nsec: timeout.subsec_nanos().into() };
    // SAFETY: two entries, which live until the call returns, as does the timeout; no signal mask.
    // A failure means only that nothing is known of the sockets: the caller reads and sees.
    let _ = unsafe { libc::ppoll(entries.as_mut_ptr(), 2, &raw const timeout, std::ptr::null()) };
}

/// User and system time of this process since its start.
pub(super) fn cpu_time() -> Duration {
    // SAFETY: rusage is plain data; all zeroes is valid, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let of = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec as u64) + Duration::from_micros(time.tv_usec as u64)
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}
