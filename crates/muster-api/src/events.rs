//! `/events`: what happens in an organization, as server-sent events.
//!
//! Changes carry their sequence number as the event's id, so that a client that comes back with
//! `Last-Event-ID` misses none: each stream reads the log from its own position and is only woken by
//! commits. Presence is of the moment and has no id. A client that does not read is dropped.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use muster_app::phones::Presence;
use muster_app::{App, JobState, Scope};
use muster_domain::ids::{JobId, OrgId, UserId};
use serde_json::json;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};
use crate::routes::changes::{ChangeBody, change_json};
use crate::routes::jobs::{JobBody, job_json};
use crate::shares::Shares;
use crate::state::ApiState;

/// Streams that are open at once.
const STREAMS_MAX: usize = 256;
/// Of these, one token's: each tab of a browser has one.
const STREAMS_OF_ONE_MAX: usize = 32;
/// Events that wait for a client that reads slowly.
const BUFFER: usize = 64;
/// A client that takes nothing for this long is dropped; it may come back where it was.
const SLOW_MAX: Duration = Duration::from_secs(30);
/// Looks at log and jobs without being woken: for commits of other processes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A comment that keeps proxies from closing; the token is looked at again too.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(15);
/// Lines of the log that are read at once.
const PAGE: usize = 200;
/// Jobs that are watched: the newest.
const JOBS: usize = 20;

/// Rings for all streams.
pub struct Hub {
    commits: broadcast::Sender<OrgId>,
    presence: broadcast::Sender<(OrgId, UserId, Presence)>,
    places: std::sync::Arc<tokio::sync::Semaphore>,
    streaming: Shares<Uuid>,
}

impl Hub {
    pub fn listening_to(app: &App) -> Hub {
        let commits = broadcast::Sender::new(256);
        let presence = broadcast::Sender::new(1024);
        let (bell, said) = (commits.clone(), presence.clone());
        // Nobody listening is no error.
        app.on_commit(move |org, _| drop(bell.send(org)));
        app.phones().on_presence(move |org, user, presence| drop(said.send((org, user, presence))));
        let places = std::sync::Arc::new(tokio::sync::Semaphore::new(STREAMS_MAX));
        Hub { commits, presence, places, streaming: Shares::default() }
    }
}

/// Follow what happens in an organization
///
/// Server-sent events: `change` (id: its sequence number; data as in the list of changes), `presence`
/// (data: user, state, registered), `job` (data as in the list of jobs), `resync` (too much presence at once:
/// read the contacts again). Begins now, or after `Last-Event-ID`.
#[utoipa::path(get, path = "/events", tag = "events",
    params(
        ("organization" = Option<String>, Query, description = "Slug or id; an operator must name one. Everybody else's is their own."),
        ("since" = Option<u64>, Query, description = "As the header Last-Event-ID, which goes first."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen: go on after it."),
    ),
    responses((status = 200, description = "A stream that does not end", content_type = "text/event-stream", body = String)))]
pub async fn events(
    caller: Caller,
    State(state): State<ApiState>,
    headers: HeaderMap,
    Query(pairs): Pairs,
) -> Result<Response, Problem> {
    let mut params = Params::of(Query(pairs));
    let org = params.text("organization").unwrap_or_else(|| caller.actor.home.to_string());
    let scope = caller.scope(&org).await?;
    let asked = params.parsed("since", |text| event_id("since", text));
    let seen = headers.get("last-event-id").map(|v| v.to_str().unwrap_or_default().trim());
    let since = match seen.filter(|id| !id.is_empty()) {
        Some(id) => Some(event_id("Last-Event-ID", id).map_err(|m| Problem::invalid(vec![m]))?),
        None => asked,
    };
    params.finish()?;
    let since = match since {
        Some(since) => since,
        None => {
            let scope = scope.clone();
            state.blocking(move |app| app.head_seq(&scope)).await?
        }
    };
    let share = state
        .hub()
        .streaming
        .take(caller.actor.id, STREAMS_OF_ONE_MAX)
        .ok_or_else(|| Problem::busy("your token has too many event streams open: close one"))?;
    let place = state
        .hub()
        .places
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::busy("too many event streams are open already: try again later"))?;
    let (out, events) = mpsc::channel(BUFFER);
    let stream = Stream { caller, org, scope, since, jobs: None, out, state };
    tokio::spawn(async move {
        stream.run().await;
        drop((place, share));
    });
    Ok(Sse::new(ReceiverStream::new(events)).into_response())
}

fn event_id(field: &str, text: &str) -> Result<u64, Mistake> {
    let wrong = || Mistake::new(field, "is not an event's id", "send the id of the last event, or nothing");
    text.parse().map_err(|_| wrong())
}

/// One client's.
struct Stream {
    caller: Caller,
    org: String,
    scope: Scope,
    since: u64,
    /// What was last said of each job.
    jobs: Option<HashMap<JobId, String>>,
    out: mpsc::Sender<Result<Event, Infallible>>,
    state: ApiState,
}

/// The client is gone, or is to go.
struct Over;

impl Stream {
    async fn run(mut self) {
        let mut commits = self.state.hub().commits.subscribe();
        let mut presence = self.state.hub().presence.subscribe();
        let mut ending = self.state.ending();
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT_EVERY, HEARTBEAT_EVERY);
        let org = self.scope.org();
        if self.hello().await.is_err() {
            return;
        }
        loop {
            let went_on = tokio::select! {
                // Whatever changes here is the end.
                _ = ending.changed() => return,
                _ = self.out.closed() => return,
                rung = commits.recv() => match rung {
                    Ok(rung) if rung != org => Ok(()),
                    Err(broadcast::error::RecvError::Closed) => return,
                    _ => self.changes().await,
                },
                said = presence.recv() => match said {
                    Ok((of, user, presence)) if of == org => self.presence(user, presence).await,
                    Ok(_) => Ok(()),
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        self.send(Event::default().event("resync").data("{\"what\":\"presence\"}")).await
                    }
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = look.tick() => self.look().await,
                _ = heartbeat.tick() => self.heartbeat().await,
            };
            if went_on.is_err() {
                return;
            }
        }
    }

    async fn send(&self, event: Event) -> Result<(), Over> {
        match timeout(SLOW_MAX, self.out.send(Ok(event))).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Over),
        }
    }

    /// Gives the client an id to come back with before anything has happened.
    async fn hello(&self) -> Result<(), Over> {
        let data = json!({ "organization": self.scope.org().to_string(), "seq": self.since });
        let event = Event::default().event("hello").id(self.since.to_string()).data(data.to_string());
        self.send(event.retry(Duration::from_secs(2))).await
    }

    async fn look(&mut self) -> Result<(), Over> {
        self.changes().await?;
        self.jobs().await
    }

    async fn changes(&mut self) -> Result<(), Over> {
        loop {
            let (scope, since) = (self.scope.clone(), self.since);
            // While the database is away there is nothing to say; the next look goes on from here.
            let Ok(page) = self.state.blocking(move |app| app.changes(&scope, since, PAGE)).await else {
                return Ok(());
            };
            for change in &page {
                self.since = change.envelope.seq;
                let body: ChangeBody = change_json(change);
                let data = serde_json::to_string(&body).unwrap_or_default();
                let event = Event::default().event("change").id(self.since.to_string()).data(data);
                self.send(event).await?;
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    async fn presence(&self, user: UserId, presence: Presence) -> Result<(), Over> {
        let data = json!({ "user": user.to_string(), "state": presence.state.word(), "registered": presence.registered });
        self.send(Event::default().event("presence").data(data.to_string())).await
    }

    /// Says what is new about jobs. What had ended before the stream began is not news.
    async fn jobs(&mut self) -> Result<(), Over> {
        let scope = self.scope.clone();
        let Ok(jobs) = self.state.blocking(move |app| app.jobs(&scope, None, JOBS)).await else {
            return Ok(());
        };
        let mut known = HashMap::with_capacity(jobs.len());
        for view in jobs {
            let ended = matches!(view.job.state, JobState::Done | JobState::Failed | JobState::Cancelled);
            let id = view.job.id;
            let body: JobBody = job_json(&view, false);
            let data = serde_json::to_string(&body).unwrap_or_default();
            let news = match &self.jobs {
                Some(before) => before.get(&id) != Some(&data),
                None => !ended,
            };
            if news {
                self.send(Event::default().event("job").data(&data)).await?;
            }
            known.insert(id, data);
        }
        self.jobs = Some(known);
        Ok(())
    }

    /// A token that was taken back ends its streams.
    async fn heartbeat(&mut self) -> Result<(), Over> {
        if !self.caller.still_may(&self.org).await {
            return Err(Over);
        }
        self.send(Event::default().comment("")).await
    }
}
