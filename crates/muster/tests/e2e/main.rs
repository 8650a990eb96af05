//! The real program, started as a person starts it, with real files, sockets and phones.

#![allow(clippy::unwrap_used)]

mod backup;
mod browser;
mod calls;
mod command_line;
mod connections;
mod damage;
mod ending;
mod faults;
mod imports;
mod kill;
mod outages;
mod people;
mod postgres_gone;
mod real_calls;
mod real_registrations;
mod server;
mod signing;
mod torture;
