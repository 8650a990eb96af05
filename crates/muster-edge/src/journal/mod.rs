//! The journal of bindings: registrations survive a restart.
//!
//! `log` is the file, `writer` the thread that owns it, `record` the form of a binding in it.

mod log;
mod record;
mod writer;

pub(crate) use log::Log;
pub(crate) use record::{Encoder, Restorable, restorable};
pub(crate) use writer::{Journal, journal_path, unix_now_us};
