//! What the standard library does not have: sleeping for less than a millisecond until a socket
//! is readable, and the processor time of this process and of others.

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

/// User and system time of a process and its descendants, as /proc has it: by hundredths of a
/// second. Zero if there is none.
pub(super) fn cpu_time_of_tree(root: u32) -> Duration {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = entry.path().join("stat");
        processes.extend(std::fs::read_to_string(path).ok().and_then(|stat| parse_stat(&stat)));
    }
    let mut family = vec![root];
    let mut ticks = 0;
    while let Some(pid) = family.pop() {
        family.extend(processes.iter().filter(|(_, parent, _)| *parent == pid).map(|(child, ..)| *child));
        ticks += processes.iter().filter(|(own, ..)| *own == pid).map(|(.., ticks)| *ticks).sum::<u64>();
    }
    // The unit of /proc is USER_HZ, which is 100 on every Linux of today.
    Duration::from_millis(ticks * 10)
}

/// (pid, parent's pid, ticks of user and system time). The name in brackets may hold anything.
fn parse_stat(stat: &str) -> Option<(u32, u32, u64)> {
    let pid = stat.split(' ').next()?.parse().ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split(' ').collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((pid, number(1)? as u32, number(11)? + number(12)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_process_is_read_whatever_its_name() {
        let stat = "77 (a) b) S 12 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 0 0";
        assert_eq!(parse_stat(stat), Some((77, 12, 300)));
    }

    #[test]
    fn work_done_here_shows_in_both_clocks() {
        let until = cpu_time() + Duration::from_millis(60);
        while cpu_time() < until {
            std::hint::spin_loop();
        }
        assert!(cpu_time_of_tree(std::process::id()) >= Duration::from_millis(40));
        assert_eq!(cpu_time_of_tree(u32::MAX), Duration::ZERO);
    }
}
