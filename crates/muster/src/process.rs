//! What the program asks of the system about itself.

/// A file that may not grow (a quota, `ulimit -f`) is then an error of that one write, answered like a full
/// disk, and not the end of the program: SIGXFSZ ends who does not ignore it.
pub fn ignore_file_size_signal() {
    // SAFETY: setting a disposition to SIG_IGN runs no code of ours in a handler.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// What is made from here on, its owner alone may read: databases and logs lie where somebody says, and that
/// need not be a folder that others are kept out of.
pub fn keep_others_out() {
    // SAFETY: it changes a number of the process and cannot fail.
    unsafe { libc::umask(0o077) };
}
