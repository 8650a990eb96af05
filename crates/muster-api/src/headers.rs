//! What holds for every answer: security headers, a time limit, counting, and problems in one form.

use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};

use crate::problem::{CONTENT, Problem};
use crate::state::ApiState;

/// No answer's head takes longer. Uploads have limits of their own that are shorter than this.
const ANSWER_MAX: Duration = Duration::from_secs(600);

/// Everything comes from here, nothing runs inline, nobody frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn wrap(router: Router<ApiState>, state: ApiState) -> Router<ApiState> {
    // Counting is inside the router, where the route is known; the rest is around it.
    router
        .fallback(async || Problem::of_status(StatusCode::NOT_FOUND, String::new()))
        // Bodies are read by `Incoming`, which has limits of its own.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(state, count))
        .layer(from_fn(finish))
}

async fn count(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match request.method().as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE" | "OPTIONS") => known.to_string(),
        _ => "other".to_string(),
    };
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_string());
    let counted = InFlight::begin(state);
    let answered = tokio::time::timeout(ANSWER_MAX, next.run(request)).await;
    let response = answered.unwrap_or_else(|_| Problem::busy("the answer took too long").into_response());
    counted.end(&method, route.as_deref().unwrap_or("other"), response.status().as_u16(), began.elapsed());
    response
}

/// A request that is being answered; dropped without an end, the client went away.
struct InFlight(Option<ApiState>);

impl InFlight {
    fn begin(state: ApiState) -> InFlight {
        state.http().begin();
        InFlight(Some(state))
    }

    fn end(mut self, method: &str, route: &str, status: u16, took: Duration) {
        if let Some(state) = self.0.take() {
            state.http().end(method, route, status, took);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(state) = self.0.take() {
            // 499: what others write for a client that went away.
            state.http().end("other", "other", 499, Duration::ZERO);
        }
    }
}

/// Every refusal is a problem, also the router's own, and every answer has the headers.
async fn finish(request: Request, next: Next) -> Response {
    let mut response = as_problem(next.run(request).await).await;
    let headers = response.headers_mut();
    let fixed: [(HeaderName, &'static str); 5] = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A page with its style in it says so itself.
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn as_problem(response: Response) -> Response {
    let status = response.status();
    // A page that people read says itself what is wrong.
    let says_itself = |v: &HeaderValue| v == CONTENT || v.as_bytes().starts_with(b"text/html");
    let is_problem = response.headers().get(CONTENT_TYPE).is_some_and(says_itself);
    if !(status.is_client_error() || status.is_server_error()) || is_problem {
        return response;
    }
    let allow = response.headers().get(ALLOW).cloned();
    // The router says in a line of text what it could not read; it holds nothing internal.
    let text = axum::body::to_bytes(response.into_body(), 1024).await.unwrap_or_default();
    let detail =
        if status.is_client_error() { String::from_utf8_lossy(&text).into_owned() } else { String::new() };
    Problem::of_status(status, detail).allow(allow).into_response()
}
