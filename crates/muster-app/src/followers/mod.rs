//! What follows the change log, each from its own position.
//!
//! - [`dial_plan`]: *replicated*; every process that serves phones takes a snapshot at N and follows.
//! - [`anchor`]: *exclusive*; one process at a time writes the heads of the chains outside the database.
//!
//! No follower is called from inside a use case, and none calls another.

pub mod anchor;
mod damaged;
pub mod dial_plan;
mod gate;

pub use dial_plan::PlanEvent;
