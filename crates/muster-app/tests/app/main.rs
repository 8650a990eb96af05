//! The use cases on a real database, of either kind, without a server.

#![allow(clippy::unwrap_used)]

mod bulk;
mod dial_plan;
mod erasing;
mod everything;
mod invoices;
mod laws;
mod leaving;
mod mail;
mod many;
mod money;
mod office;
mod orders;
mod pool;
mod sequences;
mod things;
mod world;
