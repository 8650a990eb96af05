//! The whole program with real phones: SIPp registers, baresip speaks and listens, a strict client watches.
//! What the phones do is in `tests/real` at the root of the project; this starts the server for them.

mod calls;
mod registrations;
mod server;
