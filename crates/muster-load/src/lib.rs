//! Test phones and a load generator. For development only: nothing of it is in the product.
//!
//! [`phone::Phone`] is a SIP user agent with a blocking API for integration tests. It is as strict
//! as a real stack: a request with wrong tags or an old CSeq is refused, and whatever the server
//! did against the standard is kept in [`phone::Phone::faults`].
//!
//! [`generate`] makes load, open-loop and cheap, for the benchmarks.

pub mod digest;
pub mod generate;
pub mod phone;
