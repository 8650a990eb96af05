//! Phones and the core in one process, on a virtual clock and a simulated network.

mod amplification;
mod bad_input;
mod calls;
mod digest;
mod emergency;
mod ending;
mod guessing;
mod orders;
mod phone;
mod registrar;
mod replacing;
mod restored;
mod storm;
mod streams;
mod watchers;
mod world;
