//! What the program asks of the system about itself.

/// A file that may not grow (a quota, `ulimit -f`) is then an error of that one write, answered like a full
/// disk, and not the end of the program: SIGXFSZ ends who does not ignore it.
pub fn ignore_file_size_signal() {
    // SAFETY: setting a disposition to SIG_IGN runs no code of ours in a handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}
