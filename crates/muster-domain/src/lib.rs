//! People, extensions and the rules about them: pure, without I/O, clock or randomness.
//!
//! Time and ids come in as arguments. A use case loads what it needs, asks a function of this crate
//! for a decision, and saves what comes back; nothing here knows how.

pub mod dial_plan;
pub mod ids;
