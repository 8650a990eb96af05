//! The crate's integration tests.
#![allow(clippy::unwrap_used)]

mod addresses;
mod corpus;
mod dialogs;
mod lossy_link;
mod messages;
mod mutation;
mod round_trip;
mod torture;
mod transactions;
mod writing;
