//! Who asks: the bearer token of a request (RFC 6750 §2.1). A token in the address is not read.

use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use muster_app::{Actor, App, AppError, Moment, Scope};
use muster_domain::permission::Permission;

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
    /// Once what was is asked for: the share of that, which work that is run takes along.
    past: OnceLock<Arc<LookingBack>>,
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Caller, Problem> {
        let bearer: Arc<str> = bearer(parts).ok_or_else(Problem::not_authenticated)?.into();
        let asked = bearer.clone();
        let actor = state.blocking(move |app| app.authenticate(&asked)).await?;
        Ok(Caller { state: state.clone(), actor, bearer, past: OnceLock::new() })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    let fits = !token.is_empty() && token.len() <= TOKEN_BYTES_MAX;
    (scheme.eq_ignore_ascii_case("bearer") && fits).then_some(token)
}

impl Caller {
    /// The right to do one thing in one organization; everything else about a request is read after this,
    /// so that who may not ask learns nothing from what they sent.
    pub async fn scope(&self, org: &str, permission: Permission) -> Result<Scope, Problem> {
        let (actor, org) = (self.actor.clone(), org.to_string());
        self.state.blocking(move |app| app.authorize(&actor, &org, permission)).await
    }

    /// Whether the token is still good for what it was used for. While the database is away it is.
    pub async fn still_may(&self, org: &str, permission: Permission) -> bool {
        let (bearer, org) = (self.bearer.clone(), org.to_string());
        let asked = self.state.blocking(move |app| {
            let allowed = app.authenticate(&bearer).and_then(|actor| app.authorize(&actor, &org, permission));
            Ok(!matches!(
                allowed,
                Err(AppError::NotAuthenticated | AppError::NotPermitted(_) | AppError::NotFound(_))
            ))
        });
        asked.await.unwrap_or(true)
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

    /// What the operator offers, to read.
    pub async fn offers_scope(&self) -> Result<Scope, Problem> {
        let actor = self.actor.clone();
        self.state.blocking(move |app| app.authorize_offers(&actor)).await
    }

    pub async fn operator_scope(&self) -> Result<Scope, Problem> {
        let actor = self.actor.clone();
        self.state.blocking(move |app| app.authorize_operator(&actor)).await
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
