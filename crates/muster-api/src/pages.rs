//! The page at `/`, the readable description at `/docs`, and the files they need: all inside the program,
//! nothing from elsewhere.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::sign_in_pages;
use crate::state::ApiState;

const HTML: &str = "text/html; charset=utf-8";
const INDEX: &str = include_str!("page/index.html");
/// The line that a server with an organization from the beginning does not need.
const CREATE: &str = "muster org create \"Example\" --domain voice.example.com\n";

/// Address, type and text of each file.
const FILES: [(&str, &str, &str); 7] = [
    ("/docs", HTML, include_str!("page/docs.html")),
    ("/assets/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/assets/index.js", "text/javascript; charset=utf-8", include_str!("page/index.js")),
    ("/assets/docs.js", "text/javascript; charset=utf-8", include_str!("page/docs.js")),
    ("/assets/schema.js", "text/javascript; charset=utf-8", include_str!("page/schema.js")),
    (sign_in_pages::STYLE_PATH, "text/css; charset=utf-8", sign_in_pages::STYLE),
    ("/favicon.svg", "image/svg+xml", include_str!("page/favicon.svg")),
];

pub fn add(mut router: Router<ApiState>, description: &str) -> Router<ApiState> {
    for (path, kind, text) in FILES {
        let answer = move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text) };
        router = router.route(path, get(answer));
    }
    router = router
        .route("/", get(index))
        .route("/invite/{token}", get(sign_in_pages::show).post(sign_in_pages::accept))
        .route("/sign-in", get(sign_in_pages::ask).post(sign_in_pages::begin));
    let description: bytes::Bytes = description.to_string().into();
    let answer = move || {
        let description = description.clone();
        async move {
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], description).into_response()
        }
    };
    router.route("/openapi.json", get(answer))
}

/// The page with the commands as they are typed for this very server.
async fn index(State(state): State<ApiState>) -> Response {
    let create = if state.organization().is_some() { "" } else { CREATE };
    let page = INDEX
        .replace("{create}", create)
        .replace("{token_file}", &escaped(state.token_file()))
        .replace("{org}", &escaped(state.organization().unwrap_or("example")));
    ([(CONTENT_TYPE, HTML), (CACHE_CONTROL, "no-cache")], page).into_response()
}

pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
