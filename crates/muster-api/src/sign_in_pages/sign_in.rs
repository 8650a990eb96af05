//! The page to sign in at, with a change of the password where it is temporary.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use muster_app::signing::Language;

use super::form::{Form, Input, input};
use super::words::words;
use super::{accepted_language, escaped, page};
use crate::body::Incoming;
use crate::caller;
use crate::problem::{Mistake, Problem};
use crate::routes::with_header;
use crate::state::ApiState;

/// `GET /sign-in`.
pub async fn ask(headers: HeaderMap) -> Response {
    form(StatusCode::OK, accepted_language(&headers), &Form::default(), "", &[], false)
}

/// `POST /sign-in`.
pub async fn begin(State(state): State<ApiState>, mut incoming: Incoming) -> Result<Response, Problem> {
    let language = accepted_language(&incoming.headers);
    let words = words(language);
    let sent = Form::read(&mut incoming).await?;
    let text = |name: &str| sent.get(name).unwrap_or_default().to_string();
    let (organization, login, password) = (text("organization"), text("login"), text("password"));
    let new = sent.get("new_password").map(str::to_string);
    if new.as_deref() != sent.get("new_password_again") {
        let mistake = Mistake::new("new_password_again", words.not_same, words.not_same_mend);
        return Ok(form(StatusCode::BAD_REQUEST, language, &sent, "", &[mistake], true));
    }
    let asks_new = new.is_some();
    let made = state.blocking(move |app| app.sign_in(&organization, &login, &password, new.as_deref())).await;
    match made {
        Ok(session) if session.must_change_password => {
            // The session is of no use yet, so it is not handed out.
            let bearer = session.bearer.to_string();
            state.blocking(move |app| app.sign_out(&bearer)).await?;
            Ok(form(StatusCode::OK, language, &sent, words.temporary, &[], true))
        }
        Ok(session) => {
            let body = format!(
                "<p>{} {}</p>\n",
                escaped(words.signed_in),
                escaped(session.user.display_name.as_str())
            );
            let response = page(StatusCode::OK, language, words.sign_in, &body);
            Ok(with_header(SET_COOKIE, &caller::cookie(&state, &session), response))
        }
        Err(problem) => {
            let (status, detail, mistakes) = problem.into_words();
            let said = match status {
                StatusCode::UNAUTHORIZED => words.wrong.to_string(),
                status if status.is_server_error() => words.unavailable.to_string(),
                _ if mistakes.is_empty() => detail,
                _ => String::new(),
            };
            Ok(form(status, language, &sent, &said, &mistakes, asks_new))
        }
    }
}

fn form(
    status: StatusCode,
    language: Language,
    sent: &Form,
    said: &str,
    mistakes: &[Mistake],
    asks_new: bool,
) -> Response {
    let words = words(language);
    let mut body = String::new();
    if !said.is_empty() {
        body.push_str(&format!("<p class=\"summary\" role=\"alert\">{}</p>\n", escaped(said)));
    }
    body.push_str("<form method=\"post\">\n");
    let fields = [
        Input {
            required: true,
            autocomplete: "organization",
            ..Input::text("organization", words.organization)
        },
        Input { required: true, autocomplete: "username", ..Input::text("login", words.login) },
        Input { autocomplete: "current-password", ..Input::password("password", words.password) },
    ];
    let new = [
        Input { hint: words.password_hint, ..Input::password("new_password", words.new_password) },
        Input::password("new_password_again", words.again),
    ];
    for field in fields.into_iter().chain(new.into_iter().filter(|_| asks_new)) {
        body.push_str(&input(field, sent, mistakes));
    }
    body.push_str(&format!("<button type=\"submit\">{}</button>\n</form>\n", escaped(words.sign_in)));
    page(status, language, words.sign_in, &body)
}
