//! The page at `/`, the readable description at `/docs`, and the files they need: all inside the program,
//! nothing from elsewhere.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::state::ApiState;

/// Address, type and text of each file.
const FILES: [(&str, &str, &str); 7] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/docs", "text/html; charset=utf-8", include_str!("page/docs.html")),
    ("/assets/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/assets/index.js", "text/javascript; charset=utf-8", include_str!("page/index.js")),
    ("/assets/docs.js", "text/javascript; charset=utf-8", include_str!("page/docs.js")),
    ("/assets/schema.js", "text/javascript; charset=utf-8", include_str!("page/schema.js")),
    ("/favicon.svg", "image/svg+xml", include_str!("page/favicon.svg")),
];

pub fn add(mut router: Router<ApiState>, description: &str) -> Router<ApiState> {
    for (path, kind, text) in FILES {
        let answer = move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text) };
        router = router.route(path, get(answer));
    }
    let description: bytes::Bytes = description.to_string().into();
    let answer = move || {
        let description = description.clone();
        async move {
            ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], description).into_response()
        }
    };
    router.route("/openapi.json", get(answer))
}
