//! The real program, started as a person starts it, with real files, sockets and phones.

#![allow(clippy::unwrap_used)]

mod calls;
mod connections;
mod damage;
mod faults;
mod kill;
mod people;
mod server;
mod torture;
