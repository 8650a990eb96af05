//! Phones and the core in one process, on a virtual clock and a simulated network.

mod digest;
mod phone;
