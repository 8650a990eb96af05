//! Phones and the core in one process, on a virtual clock and a simulated network.

mod calls;
mod digest;
mod phone;
mod registrar;
mod storm;
mod watchers;
mod world;
