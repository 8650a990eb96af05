//! The one truth: transactions, migrations, rows, on SQLite and PostgreSQL.
//!
//! [`Store::write`] runs a closure inside a transaction, [`Store::read`] on a snapshot. State is changed
//! by [`Tx::record`] only, which writes the rows, the claims and the change log together; everything that
//! must follow reads the log from its own position.
//!
//! The SQL is the same for both databases; where they differ is `sql/dialect.rs`. Nothing is decided here:
//! rules are the domain's, and what a refused write means is the use case's to say. All calls block; none
//! may be made from an async task.

mod any;
mod billing;
mod body;
mod calls;
mod checkpoint;
pub mod dump;
mod error;
mod filter;
mod followers;
mod group;
mod history;
mod jobs;
mod keys;
mod links;
mod list;
mod log;
mod mails;
mod migrate;
mod names;
mod plan;
mod pool;
mod reader;
mod record;
mod roles;
mod seats;
mod secrets;
mod seen;
mod sessions;
mod sql;
mod store;
mod table;
mod tx;
mod verify;

pub use any::{AnyEntity, Stored};
pub use calls::CallRow;
pub use error::StoreError;
pub use followers::{FollowerHead, Remembered};
pub use history::{Mark, Moment, Past};
pub use jobs::{Job, JobInput, JobOutcome, JobResult, JobState};
pub use keys::{KeyRing, SecretKind};
pub use links::{Named, Reference};
pub use list::{AsOf, Page, Query, Sort, UserQuery};
pub use log::{Change, ChangeFilter, RawBody, RawChange, Seats};
pub use mails::{Mail, MailContent, MailCounts, MailState, NewMail};
pub use muster_domain::filter::{Filter, Op, Term};
pub use plan::{DamagedCredential, PlanCredential, PlanPerson};
pub use reader::{Counts, OrgHead, Reader};
pub use seats::SeatFact;
pub use sessions::{Failures, StoredSession};
pub use sql::statements_run;
pub use store::{Config, OnCommit, Store};
pub use tx::{Recorded, Tx};
pub use verify::{DamagedSecret, Differing, Erased, SecretCheck, StateCheck, Verification};
