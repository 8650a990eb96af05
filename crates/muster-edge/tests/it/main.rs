//! The edge with real sockets on loopback, and real phones.

#![allow(clippy::unwrap_used)] // clippy knows that tests may, but not that their helpers are tests

mod ending;
mod journal;
mod load;
mod registering;
mod streams;
mod support;
