//! The store's rules, each on both databases.
//!
//! PostgreSQL is found by `MUSTER_TEST_POSTGRES=postgres://…` (`scripts/test-postgres.sh start` prints one).
//! Without it its half fails, unless `MUSTER_TEST_NO_POSTGRES=1` says that this is meant.

// Clippy takes only the functions marked as tests for tests, not what they call.
#![allow(clippy::unwrap_used)]

mod backup;
mod billing;
mod bodies;
mod common;
mod concurrency;
mod faults;
mod filters;
mod fold;
mod links;
mod lists;
mod mails;
mod plan;
mod power;
mod records;
mod roles;
mod schema;
mod secrets;
mod seen;
mod verify;
mod work;
