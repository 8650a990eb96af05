//! The use cases on a real database, of either kind.

#![allow(clippy::unwrap_used)]

mod many;
mod sequences;
mod world;
