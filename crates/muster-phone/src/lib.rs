//! The phone core: registrar, calls and presence as one pure machine.
//!
//! A [`Core`] owns the phones of whole organizations. Its driver (the edge, or a test with a virtual
//! clock) hands it what happened, then drains what is to be done:
//!
//! ```text
//! core.handle(input, now);              // a message, a plan update, a command …
//! core.timers(now);                     // whenever `next_wake` has come
//! while let Some(output) = core.next_output() { … }   // send, journal, answer
//! wait until core.next_wake()
//! ```
//!
//! The core opens no socket and reads no clock; randomness is a seeded generator handed to it. It
//! does not carry media, which goes directly between the phones, and decides nothing about people:
//! what it may do for whom is in the dial plan, and changes only by [`Input::Plan`].

mod answered;
mod auth;
mod call;
mod config;
mod contact;
mod core;
mod counters;
mod dispatch;
mod follow_plan;
mod guesses;
mod interned;
mod io;
mod keyed_hash;
mod ledger;
mod location;
mod notify;
mod offer;
mod pool;
mod query;
mod registrar;
mod replace;
mod respond;
mod subscriptions;
mod timers;
mod transactions;

pub use crate::config::CoreConfig;
pub use crate::core::Core;
pub use crate::counters::Counters;
pub use crate::io::{
    BindingKey, BindingRecord, BindingState, CallEnding, CallId, CallRecord, CallState, CallView, Command,
    Flow, FlowId, Input, Output, PhoneState, PresenceView, RegistrationView, Reply, ReplyId, Transport,
};
