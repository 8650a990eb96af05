//! Signing in and out, and who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use muster_app::AppError;
use muster_app::signing::MadeSession;
use muster_domain::user::User;
use muster_domain::value::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::with_header;
use crate::body::{Incoming, Object};
use crate::caller::{self, Bearer};
use crate::problem::Problem;
use crate::state::ApiState;
use crate::wire;

/// Who signs in, and with what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the description only; read field by field so that all mistakes are said")]
#[schema(as = SignIn)]
pub struct SignInBody {
    /// The organization's slug, id or SIP domain.
    organization: String,
    /// A username, or an email that nobody else has.
    login: String,
    #[schema(write_only)]
    password: String,
    /// Instead of the old one from here on; what a temporary password has to be changed to.
    #[schema(min_length = 8, max_length = 512, write_only)]
    new_password: Option<String>,
}

/// A session that was begun.
#[derive(Serialize, ToSchema)]
pub struct NewSession {
    /// What to send as `Authorization: Bearer`. The cookie of the answer does the same. Shown this once.
    token: String,
    user: SessionUser,
    #[schema(format = DateTime)]
    expires_at: String,
    /// Nothing is taken before the password has been changed: sign in with `new_password`.
    must_change_password: bool,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub struct SessionUser {
    #[schema(format = Uuid)]
    id: String,
    #[schema(format = Uuid)]
    organization: String,
    username: String,
    display_name: String,
    extension: Option<String>,
    roles: Vec<String>,
}

/// What a token stands for.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionBody {
    /// Null of a token that is nobody's session.
    user: Option<SessionUser>,
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    must_change_password: bool,
}

/// Sign in
///
/// The answer does not tell a name that nobody has from a wrong password. After five wrong tries each further one
/// has to wait, up to an hour.
#[utoipa::path(post, path = "/api/v1/session", tag = "signing-in", security(()),
    request_body = SignInBody,
    responses((status = 201, body = NewSession, headers(("Set-Cookie", description = "The session, for browsers."))),
        (status = 401, description = "Name or password is wrong.", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "They are not enabled, or their type does not sign in.", body = crate::problem::ProblemBody, content_type = "application/problem+json"),
        (status = 429, description = "Too many wrong tries: `Retry-After` says when.", body = crate::problem::ProblemBody, content_type = "application/problem+json")))]
pub async fn create(State(state): State<ApiState>, mut incoming: Incoming) -> Result<Response, Problem> {
    let (mut object, _) = incoming.object().await?;
    let organization = required(&mut object, "organization");
    let (login, password) = (required(&mut object, "login"), required(&mut object, "password"));
    let new = object.text("new_password");
    object.finish()?;
    let made = state
        .blocking(move |app| app.sign_in(&organization, &login, &password, new.as_deref()))
        .await
        .map_err(|problem| problem.of_signing_in())?;
    Ok(begun(&state, &made))
}

/// The answer to a session that was begun.
fn begun(state: &ApiState, made: &MadeSession) -> Response {
    let body = NewSession {
        token: made.bearer.to_string(),
        user: session_user(&made.user),
        expires_at: wire::time(made.expires_at),
        must_change_password: made.must_change_password,
    };
    let response = (StatusCode::CREATED, Json(body)).into_response();
    with_header(SET_COOKIE, &caller::cookie(state, made), response)
}

fn required(object: &mut Object, name: &'static str) -> String {
    let text = object.text(name);
    if text.as_ref().is_none_or(String::is_empty) && !object.has_mistakes() {
        object.wrong(name, Reason::new("is missing", format!("give {name}")));
    }
    text.unwrap_or_default()
}

fn session_user(user: &User) -> SessionUser {
    SessionUser {
        id: user.id.to_string(),
        organization: user.org.to_string(),
        username: user.username.to_string(),
        display_name: user.display_name.to_string(),
        extension: user.extension.as_ref().map(ToString::to_string),
        roles: user.roles.iter().map(ToString::to_string).collect(),
    }
}

/// Show who is signed in
#[utoipa::path(get, path = "/api/v1/session", tag = "signing-in",
    responses((status = 200, body = SessionBody)))]
pub async fn get(State(state): State<ApiState>, bearer: Bearer) -> Result<Json<SessionBody>, Problem> {
    let body = state.blocking(move |app| match app.signed_in(&bearer.0) {
        Ok(session) => Ok(SessionBody {
            user: Some(session_user(&session.user)),
            expires_at: Some(wire::time(session.expires_at)),
            must_change_password: session.must_change_password,
        }),
        Err(AppError::NotAuthenticated) => {
            app.authenticate(&bearer.0)?;
            Ok(SessionBody { user: None, expires_at: None, must_change_password: false })
        }
        Err(other) => Err(other),
    });
    Ok(Json(body.await?))
}

/// Sign out
#[utoipa::path(delete, path = "/api/v1/session", tag = "signing-in",
    responses((status = 204, description = "The session is over.")))]
pub async fn end(
    State(state): State<ApiState>,
    bearer: Bearer,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller::check_origin(&headers)?;
    state
        .blocking(move |app| match app.signed_in(&bearer.0) {
            Ok(_) => app.sign_out(&bearer.0).map(|()| true),
            Err(AppError::NotAuthenticated) => app.authenticate(&bearer.0).map(|_| false),
            Err(other) => Err(other),
        })
        .await
        .and_then(|was_session| match was_session {
            true => Ok(()),
            false => Err(Problem::new(
                StatusCode::CONFLICT,
                "no-session",
                "this token is no session: take it back where tokens are",
            )),
        })?;
    let gone = format!("{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax", caller::COOKIE);
    Ok(with_header(SET_COOKIE, &gone, StatusCode::NO_CONTENT.into_response()))
}
