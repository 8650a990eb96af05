//! The use cases on a real database, of either kind, without a server.

#![allow(clippy::unwrap_used)]

mod dial_plan;
mod invoices;
mod many;
mod money;
mod orders;
mod pool;
mod sequences;
mod world;
