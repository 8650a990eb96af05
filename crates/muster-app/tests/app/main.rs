//! The use cases on a real database, of either kind, without a server.

#![allow(clippy::unwrap_used)]

mod bulk;
mod dial_plan;
mod erasing;
mod leaving;
mod mail;
mod many;
mod office;
mod sequences;
mod world;
