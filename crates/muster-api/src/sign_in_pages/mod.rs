//! Pages that people without a token see: accepting an invite, signing in, and what to type into a phone.
//!
//! Plain forms: nothing runs in them, and they load nothing but their own style.

mod card;
mod form;
mod invite;
mod sheets;
mod sign_in;
mod words;

pub use invite::{accept, show};
pub use sheets::sheets;
pub use sign_in::{ask, begin};

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use muster_app::signing::Language;

pub use crate::pages::escaped;

/// Address of the style.
pub const STYLE_PATH: &str = "/assets/sign-in.css";
pub const STYLE: &str = include_str!("../page/sign-in.css");

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// A whole page; `body` is HTML.
fn page(status: StatusCode, language: Language, title: &str, body: &str) -> Response {
    let title = escaped(title);
    let html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"/favicon.svg\">\n<link rel=\"stylesheet\" href=\"{STYLE_PATH}\">\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n",
        language.tag(),
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html).into_response()
}

/// What the browser asks for, where the person's own language is not known.
fn accepted_language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    accepted.and_then(Language::of).unwrap_or_default()
}
