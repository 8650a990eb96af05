//! The use cases on a real database, of either kind.

#![allow(clippy::unwrap_used)]

mod sequences;
mod world;
