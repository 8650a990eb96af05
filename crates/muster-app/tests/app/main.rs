//! The use cases on a real database, of either kind, without a server.

#![allow(clippy::unwrap_used)]

mod dial_plan;
mod mail;
mod many;
mod sequences;
mod world;
