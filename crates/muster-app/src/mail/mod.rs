//! Mail that leaves: the spool, the server it leaves by, and how far it is.
//!
//! A mail is put into the spool in the transaction of what it tells about. [`MailWorker`] hands it over, one process
//! at a time.

mod server;
mod spool;
mod worker;

pub use server::{MailServerView, NewMailServer, Tried};
pub(crate) use spool::tell_of_new_email;
pub use spool::{MailStatus, ReadMail};
pub use worker::{MailBoard, MailWorker};

pub use muster_store::{Mail, MailContent, MailCounts, MailState};
