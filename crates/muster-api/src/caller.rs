//! Who asks: the bearer token of a request (RFC 6750 §2.1), or the session in a browser's cookie. A token in the
//! address is not read.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::header::{self, AUTHORIZATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use muster_app::signing::MadeSession;
use muster_app::{Actor, App, AppError, Moment, Scope};
use muster_domain::permission::Permission;

use crate::asked::{Asked, asked};
use crate::problem::Problem;
use crate::state::{ApiState, LookingBack};

/// Longer ones are nobody's; they are not looked up.
const TOKEN_BYTES_MAX: usize = 512;

/// Somebody who has signed in.
#[derive(Clone)]
pub struct Caller {
    pub state: ApiState,
    pub actor: Actor,
    bearer: Arc<str>,
    /// What the endpoint asks; `None`: it has no row, and lets nobody in.
    asked: Option<Asked>,
    /// Once what was is asked for: the share of that, which work that is run takes along.
    past: OnceLock<Arc<LookingBack>>,
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Caller, Problem> {
        let path = parts.extensions.get::<MatchedPath>();
        let what = path.and_then(|path| asked(parts.method.as_str(), path.as_str()));
        let Bearer(bearer) = Bearer::from_request_parts(parts, state).await?;
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            check_origin(&parts.headers)?;
        }
        let text = bearer.clone();
        let actor = state.blocking(move |app| app.authenticate(&text)).await?;
        Ok(Caller { state: state.clone(), actor, bearer, asked: what, past: OnceLock::new() })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(token)
}

/// What the request carries: a bearer token, else the session in the cookie.
pub struct Bearer(pub Arc<str>);

impl FromRequestParts<ApiState> for Bearer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Bearer, Problem> {
        let found = match parts.headers.contains_key(AUTHORIZATION) {
            true => bearer(parts),
            false => session_cookie(&parts.headers),
        };
        found.map(|token| Bearer(token.into())).ok_or_else(Problem::not_authenticated)
    }
}

/// The cookie that holds a session.
pub const COOKIE: &str = "muster_session";

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.find(|(name, _)| *name == COOKIE)?;
    (!token.is_empty() && token.len() <= TOKEN_BYTES_MAX).then_some(token)
}

/// What makes a browser keep a session: no script reads it, and no other site's request carries it along.
pub fn cookie(state: &ApiState, made: &MadeSession) -> String {
    let secure = if state.app().public_url().starts_with("https:") { "; Secure" } else { "" };
    let (token, lasts_s) = (made.bearer.as_str(), made.lasts_s());
    format!("{COOKIE}={token}; Path=/; Max-Age={lasts_s}; HttpOnly; SameSite=Lax{secure}")
}

/// A write that is signed in by a cookie must come from our own pages: a browser says where it comes from.
pub fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(AUTHORIZATION) || !headers.contains_key(header::COOKIE) {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_ours = match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, from)| from == host),
        _ => false,
    };
    if is_ours {
        return Ok(());
    }
    let detail = "a write that is signed in by a cookie must come from this server's own pages: send the session as a bearer token instead";
    Err(Problem::new(StatusCode::FORBIDDEN, "other-origin", detail))
}

impl Caller {
    /// The right to do in one organization what the endpoint is for ([`crate::asked`]); everything else about a
    /// request is read after this, so that who may not ask learns nothing from what they sent.
    pub async fn scope(&self, org: &str) -> Result<Scope, Problem> {
        let (actor, org, asked) = (self.actor.clone(), org.to_string(), self.asked()?);
        self.state.blocking(move |app| allowed(app, &actor, &org, asked)).await
    }

    /// Likewise with a permission that depends on what is sent, beside the endpoint's own.
    pub async fn scope_for(&self, org: &str, permission: Permission) -> Result<Scope, Problem> {
        let (actor, org) = (self.actor.clone(), org.to_string());
        self.state.blocking(move |app| app.authorize(&actor, &org, permission)).await
    }

    /// Whether the token is still good for what it was used for. While the database is away it is.
    pub async fn still_may(&self, org: &str) -> bool {
        let Ok(asked) = self.asked() else { return false };
        let (bearer, org) = (self.bearer.clone(), org.to_string());
        let asked = self.state.blocking(move |app| {
            let allowed = app.authenticate(&bearer).and_then(|actor| allowed(app, &actor, &org, asked));
            Ok(!matches!(
                allowed,
                Err(AppError::NotAuthenticated
                    | AppError::NotPermitted(_)
                    | AppError::NotPermittedHere(_)
                    | AppError::NotFound(_))
            ))
        });
        asked.await.unwrap_or(true)
    }

    fn asked(&self) -> Result<Asked, Problem> {
        self.asked.ok_or_else(|| Problem::internal(&"an endpoint says nowhere which permission it asks"))
    }

    /// The scope as of a moment, if there is one.
    pub async fn as_of(&self, scope: Scope, moment: Option<Moment>) -> Result<Scope, Problem> {
        let Some(moment) = moment else { return Ok(scope) };
        self.look_back(&scope).await?;
        self.run(move |app| app.as_of(scope, moment, "as_of")).await
    }

    /// Takes a share of reading what was, for all that is run from here on.
    pub async fn look_back(&self, scope: &Scope) -> Result<(), Problem> {
        if self.past.get().is_none() {
            let share = Arc::new(self.state.looking_back(scope.org()).await?);
            // There is none yet: nobody else has this request.
            let _ = self.past.set(share);
        }
        Ok(())
    }

    /// The share, for work that goes on when the request has gone away.
    pub fn past(&self) -> Option<Arc<LookingBack>> {
        self.past.get().cloned()
    }

    /// What the operator offers, to read: for everybody who has signed in.
    pub async fn offers_scope(&self) -> Result<Scope, Problem> {
        let actor = self.actor.clone();
        self.state.blocking(move |app| app.authorize_offers(&actor)).await
    }

    /// The scope of the installation, for endpoints that ask for something there.
    pub async fn operator_scope(&self) -> Result<Scope, Problem> {
        let (actor, asked) = (self.actor.clone(), self.asked()?);
        let home = actor.home.to_string();
        self.state.blocking(move |app| allowed(app, &actor, &home, asked)).await
    }

    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, Problem> {
        let past = self.past();
        let work = move |app: &App| {
            let result = work(app);
            drop(past);
            result
        };
        self.state.blocking(work).await
    }
}

fn allowed(app: &App, actor: &Actor, org: &str, asked: Asked) -> Result<Scope, AppError> {
    match asked {
        Asked::Nothing | Asked::SignedIn => app.enter(actor, org),
        Asked::Of(permission) => app.authorize(actor, org, permission),
        Asked::OneOf(permissions) => {
            let held = permissions.iter().find(|permission| actor.grants.has_somewhere(**permission));
            let first = held.or(permissions.first()).copied().unwrap_or(Permission::OrganizationsManage);
            app.authorize(actor, org, first)
        }
        Asked::Installation(permission) => app.authorize_installation(actor, permission),
    }
}
