//! The installation itself: whether it lives, is ready, and what it counts. No secrets, no names.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::metrics::{self, Metric};
use crate::problem::Problem;
use crate::state::{ApiState, SipServer};

/// What anybody may know.
#[derive(Serialize, ToSchema)]
pub struct Status {
    version: String,
    uptime_s: u64,
    ready: bool,
    organizations: u64,
    people: u64,
    /// People with a phone registered now.
    people_registered: u64,
    /// People on a call now.
    people_on_call: u64,
    /// Where phones register.
    sip_servers: Vec<SipServer>,
}

/// Show what is running
#[utoipa::path(get, path = "/api/v1/status", tag = "system", security(()),
    responses((status = 200, body = Status)))]
pub async fn status(State(state): State<ApiState>) -> Result<Json<Status>, Problem> {
    let totals = state.totals().await?;
    let (registered, on_call) = state.app().phones().totals();
    Ok(Json(Status {
        version: state.version().to_string(),
        uptime_s: state.uptime().as_secs(),
        ready: state.is_ready(),
        organizations: totals.organizations,
        people: totals.people,
        people_registered: registered as u64,
        people_on_call: on_call as u64,
        sip_servers: state.sip_servers().to_vec(),
    }))
}

/// Whether the program lives
#[utoipa::path(get, path = "/healthz", tag = "system", security(()),
    responses((status = 200, description = "It lives.", body = String, content_type = "text/plain")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the program is ready
#[utoipa::path(get, path = "/readyz", tag = "system", security(()),
    responses((status = 200, description = "Phones can register.", body = String, content_type = "text/plain"),
        (status = 503, description = "Not yet.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn readyz(State(state): State<ApiState>) -> Result<&'static str, Problem> {
    if state.is_ready() {
        return Ok("ready\n");
    }
    let detail = "the program is starting or ending";
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail).header(RETRY_AFTER, "1"))
}

/// What is counted, for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "system", security(()),
    responses((status = 200, description = "The text exposition.", body = String, content_type = "text/plain")))]
pub async fn metrics(State(state): State<ApiState>) -> Response {
    let uptime = state.uptime().as_secs_f64();
    let mut own = vec![
        Metric::gauge("muster_build_info", "The version, as a label.", 1.0).label("version", state.version()),
        Metric::gauge("muster_uptime_seconds", "Time since the start.", uptime),
        Metric::gauge("muster_ready", "1 once phones can register.", f64::from(u8::from(state.is_ready()))),
    ];
    own.extend(state.metrics());
    let text = metrics::exposition(&own) + &state.http().exposition();
    ([(CONTENT_TYPE, metrics::CONTENT)], text).into_response()
}
