//! REST, its description in OpenAPI 3.1, live events, metrics, and the page at the root.
//!
//! [`router`] turns an [`ApiState`] into an [`axum::Router`]; whoever has the listener serves it. Every
//! request ends in a use case of `muster-app`, which blocks and is therefore run on a bounded number of
//! threads of their own. Nothing is decided here: this crate reads requests, says what is wrong with
//! them in the words of RFC 9457, and writes what came of them.
//!
//! The wire form of users, sites and all other things comes from the tables of fields
//! ([`muster_domain::field`]): a field that is added there appears here, in the description too.
//! Secrets are not on the wire, but for the one answer that shows a new one.

mod asked;
mod body;
mod caller;
mod events;
mod filter;
mod headers;
mod metrics;
mod openapi;
mod pages;
mod parameters;
mod params;
mod problem;
mod report;
mod routes;
mod sending;
mod shares;
mod sign_in_pages;
mod spool;
mod state;
mod wire;

pub use asked::{Asked, asked, rows};
pub use metrics::{Metric, MetricKind};
pub use state::{ApiState, SipServer};

/// The whole HTTP surface but SIP over WebSocket.
pub fn router(state: ApiState) -> axum::Router {
    let (router, description) = openapi::described(routes::all());
    let router = pages::add(router, &description);
    headers::wrap(router, state.clone()).with_state(state)
}

/// The description that `/openapi.json` serves, for tools that want it without a running program.
pub fn openapi_json() -> String {
    openapi::described(routes::all()).1
}
