//! What is answered instead of a result: `application/problem+json` (RFC 9457).
//!
//! The one place where errors of the use cases become status codes. What is internal is logged and not
//! said.

use std::borrow::Cow;

use axum::http::header::{ALLOW, CONTENT_TYPE, ETAG, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use muster_app::signing::LinkRefusal;
use muster_app::{AppError, FileError, StoreError};
use muster_domain::change::{Conflict, Refusal};
use muster_domain::value::FieldError;
use serde::Serialize;
use utoipa::ToSchema;

pub const CONTENT: &str = "application/problem+json";

/// At most this many mistakes are said at once; the rest show when these are mended.
const MISTAKES_MAX: usize = 100;

/// A problem on its way out.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    word: &'static str,
    detail: String,
    errors: Vec<Mistake>,
    current_version: Option<u64>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Something about one field of the request: what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Mistake {
    /// The field of the body, the parameter, or the header.
    pub field: String,
    /// What is wrong, for example `is not an extension`.
    pub reason: String,
    /// What to do, for example `write 1 to 15 digits, such as 1001`.
    pub mend: String,
    /// The option of the request that would allow it, such as `allow_shared_emails`, or with its value
    /// `format=muster`: another way to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    #[schema(value_type = Option<String>)]
    pub option: Option<Cow<'static, str>>,
}

impl Mistake {
    pub fn new(field: impl Into<String>, reason: impl Into<String>, mend: impl Into<String>) -> Mistake {
        Mistake { field: field.into(), reason: reason.into(), mend: mend.into(), option: None }
    }
}

impl From<FieldError> for Mistake {
    fn from(e: FieldError) -> Mistake {
        Mistake { option: e.option.map(Cow::Borrowed), ..Mistake::new(e.field, e.reason, e.mend) }
    }
}

/// Why a request was not done (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Which kind of problem, for programs: `urn:muster:problem:` and a word.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    status: u16,
    /// What happened, for people.
    detail: String,
    /// Every field that is not right.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    errors: Vec<Mistake>,
    /// With 412 and 428: the version that the thing has now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    current_version: Option<u64>,
}

impl Problem {
    pub fn new(status: StatusCode, word: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            word,
            detail: detail.into(),
            errors: Vec::new(),
            current_version: None,
            headers: Vec::new(),
        }
    }

    /// 400: these fields are not right.
    pub fn invalid(mut errors: Vec<Mistake>) -> Problem {
        let count = errors.len();
        errors.truncate(MISTAKES_MAX);
        let detail = match errors.as_slice() {
            [one] => format!("{} {}: {}", one.field, one.reason, one.mend),
            _ => format!("{count} fields are not right"),
        };
        Problem::new(StatusCode::BAD_REQUEST, "invalid", detail).with_errors(errors)
    }

    pub fn mistake(field: impl Into<String>, reason: impl Into<String>, mend: impl Into<String>) -> Problem {
        Problem::invalid(vec![Mistake::new(field, reason, mend)])
    }

    pub fn not_found(what: &str) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", format!("there is no such {what}"))
    }

    pub fn not_authenticated() -> Problem {
        let detail = "sign in with a valid token: Authorization: Bearer TOKEN";
        Problem::new(StatusCode::UNAUTHORIZED, "not-authenticated", detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"muster\"")
    }

    /// 428: a change must say which version it is based on (RFC 6585 §3).
    pub fn precondition_required(current: u64) -> Problem {
        let detail = "say which version you change: send If-Match with the ETag that you read";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", detail).version(current)
    }

    pub fn stale(current: u64) -> Problem {
        let detail = format!("it was changed meanwhile and has version {current} now: read it again");
        Problem::new(StatusCode::PRECONDITION_FAILED, "stale", detail).version(current)
    }

    pub fn too_large(limit: usize) -> Problem {
        let detail = format!("the body is larger than {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
            .header(axum::http::header::CONNECTION, "close")
    }

    /// 408: the body was announced and did not come.
    pub fn silence() -> Problem {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "timeout", "the body stopped arriving")
            .header(axum::http::header::CONNECTION, "close")
    }

    pub fn unsupported(expected: &str) -> Problem {
        let detail = format!("send the body as Content-Type: {expected}");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    }

    pub fn busy(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).header(RETRY_AFTER, "1")
    }

    /// Something is wrong here, not with the request. `why` goes to the log only.
    pub fn internal(why: &dyn std::fmt::Display) -> Problem {
        tracing::error!(%why, "a request failed inside");
        let detail = "something went wrong inside; the log says what";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// The same, said to somebody who signs in by name and password rather than by a token.
    pub fn of_signing_in(self) -> Problem {
        if self.status != StatusCode::UNAUTHORIZED {
            return self;
        }
        Problem::new(StatusCode::UNAUTHORIZED, "not-authenticated", "the name or the password is not right")
            .header(WWW_AUTHENTICATE, "Bearer realm=\"muster\"")
    }

    /// What is wrong with each field, and the whole in words: for pages that are read by people.
    pub fn into_words(self) -> (StatusCode, String, Vec<Mistake>) {
        (self.status, self.detail, self.errors)
    }

    /// For answers that came with a status and no problem: the router's own.
    pub fn of_status(status: StatusCode, detail: String) -> Problem {
        let (word, usual) = match status {
            StatusCode::BAD_REQUEST => ("bad-request", "the request cannot be read"),
            StatusCode::NOT_FOUND => {
                ("not-found", "there is nothing at this address; /docs says what there is")
            }
            StatusCode::METHOD_NOT_ALLOWED => ("method-not-allowed", "this address does not know the method"),
            StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the request is too large"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                ("unsupported-media-type", "the body's type is not known here")
            }
            s if s.is_server_error() => ("internal", "something went wrong inside"),
            _ => ("refused", "the request was refused"),
        };
        let detail = if detail.is_empty() { usual.to_string() } else { detail };
        Problem::new(status, word, detail)
    }

    pub fn with_errors(mut self, errors: Vec<Mistake>) -> Problem {
        self.errors = errors;
        self
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Problem {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub fn allow(self, methods: Option<HeaderValue>) -> Problem {
        let Some(methods) = methods else { return self };
        Problem { headers: vec![(ALLOW, methods)], ..self }
    }

    fn version(mut self, current: u64) -> Problem {
        self.current_version = Some(current);
        self.header(ETAG, &format!("\"{current}\""))
    }

    fn conflict(word: &'static str, detail: String) -> Problem {
        Problem::new(StatusCode::CONFLICT, word, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = ProblemBody {
            kind: format!("urn:muster:problem:{}", self.word),
            title: self.status.canonical_reason().unwrap_or("Error").to_string(),
            status: self.status.as_u16(),
            detail: self.detail,
            errors: self.errors,
            current_version: self.current_version,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let mut response = (self.status, text).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT));
        for (name, value) in self.headers {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl From<AppError> for Problem {
    fn from(error: AppError) -> Problem {
        match error {
            AppError::NotAuthenticated => Problem::not_authenticated(),
            AppError::NotPermitted(permission) => {
                let detail = format!("your token lacks the permission {}", permission.word());
                Problem::new(StatusCode::FORBIDDEN, "not-permitted", detail)
            }
            AppError::NotPermittedHere(_) | AppError::HoldsLess { .. } => {
                Problem::new(StatusCode::FORBIDDEN, "not-permitted", error.to_string())
            }
            AppError::NotFound(what) => Problem::not_found(what),
            AppError::Erased(_) => Problem::new(StatusCode::GONE, "erased", error.to_string()),
            AppError::Refused(refusal) => of_refusal(refusal),
            AppError::IdempotencyConflict => {
                let mend = "send the same request again, or use a new key";
                Problem::conflict("idempotency-conflict", error.to_string()).with_errors(vec![Mistake::new(
                    "Idempotency-Key",
                    "was used before with another request",
                    mend,
                )])
            }
            AppError::Expired { .. } => Problem::new(StatusCode::GONE, "expired", error.to_string()),
            AppError::Cancelled => Problem::conflict("cancelled", error.to_string()),
            AppError::File(e) => of_file(&e),
            AppError::LockedOut { until, now } => {
                let wait_s = (until.0 - now.0).max(0).div_euclid(1000) + 1;
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "locked", error.to_string())
                    .header(RETRY_AFTER, &wait_s.to_string())
            }
            AppError::MayNotSignIn => {
                Problem::new(StatusCode::FORBIDDEN, "may-not-sign-in", error.to_string())
            }
            AppError::PasswordChangeNeeded => {
                Problem::new(StatusCode::FORBIDDEN, "password-change-needed", error.to_string())
            }
            AppError::Link(LinkRefusal::Unknown) => Problem::not_found("invite"),
            AppError::Link(_) => Problem::new(StatusCode::GONE, "link", error.to_string()),
            AppError::Limit(_) => Problem::internal(&error),
            AppError::Store(e) => of_store(e),
        }
    }
}

fn of_refusal(refusal: Refusal) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Invalid(fields) => Problem::invalid(fields.into_iter().map(Mistake::from).collect()),
        Refusal::Stale { current, .. } => Problem::stale(current),
        Refusal::Moved { field, .. } => Problem::conflict("moved", detail).with_errors(vec![Mistake::new(
            field,
            "was changed meanwhile",
            "read it again and decide anew",
        )]),
        Refusal::NotFound { kind } => Problem::not_found(kind.word()),
        Refusal::Exists { .. } => Problem::conflict("exists", detail),
        Refusal::Taken { field, value, holder } => {
            let by = holder.map(|holder| format!(" by {holder}")).unwrap_or_default();
            Problem::conflict("taken", detail).with_errors(vec![Mistake::new(
                field,
                format!("{value} is taken{by}"),
                "choose another",
            )])
        }
        Refusal::UndoneAlready { by } => {
            Problem::conflict("undone-already", detail).with_errors(vec![Mistake::new(
                "change",
                "is taken back",
                format!("to have it again, take change {by} back, together with what was made with it"),
            )])
        }
        Refusal::ChangedSince(conflicts, _) => {
            Problem::conflict("moved", detail).with_errors(conflicts.into_iter().map(in_the_way).collect())
        }
        Refusal::StandsInTheWay(conflicts, _) => Problem::conflict("in-the-way", detail)
            .with_errors(conflicts.into_iter().map(in_the_way).collect()),
        Refusal::NeedsChoices(conflicts, _) => Problem::conflict("needs-choice", detail)
            .with_errors(conflicts.into_iter().map(|one| Mistake::new(one.what, one.how, CHOOSE)).collect()),
        Refusal::PlanChanged => Problem::conflict("plan-changed", detail).with_errors(vec![Mistake::new(
            "plan",
            "is of something else than what would be done now",
            "ask for the review again, and send its plan",
        )]),
        Refusal::InUse { .. } => Problem::conflict("in-use", detail),
        Refusal::NotAllowed(_) => Problem::conflict("not-allowed", detail),
        Refusal::Irreversible(_) => Problem::conflict("irreversible", detail),
    }
}

/// What to do about what depends on somebody who would go.
const CHOOSE: &str = "review the removal (GET …/users/ID/removal), and hand it to somebody or release it";

/// What is in the way of an undo or of going back, and what to do about it.
pub fn in_the_way(conflict: Conflict) -> Mistake {
    let mend = match conflict.seq {
        Some(seq) => format!("take change {seq} back first, or set by hand what you want to have"),
        None => "set by hand what you want to have".to_string(),
    };
    Mistake::new(conflict.what, conflict.how, mend)
}

fn of_file(error: &FileError) -> Problem {
    let option = error.option().map(Cow::Owned);
    let mistake = Mistake { option, ..Mistake::new("file", error.to_string(), error.mend()) };
    let cause = match error {
        FileError::InSheet { error, .. } => error,
        other => other,
    };
    match cause {
        FileError::TooLarge { .. } | FileError::TooManyRows { .. } | FileError::TooManyColumns { .. } => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", error.to_string())
                .with_errors(vec![mistake])
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "file", error.to_string()).with_errors(vec![mistake]),
    }
}

fn of_store(error: StoreError) -> Problem {
    match error {
        StoreError::Busy => Problem::busy("too many are waiting for the database: try again in a moment"),
        StoreError::Unavailable { maybe_committed, .. } => {
            tracing::warn!(%error, "the database is not available");
            let detail = match maybe_committed {
                true => {
                    "the connection to the database was lost at the end: repeat with the same Idempotency-Key to learn whether it was done"
                }
                false => "the database is not available; nothing was changed",
            };
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).header(RETRY_AFTER, "5")
        }
        StoreError::Query(field) => Problem::invalid(vec![field.into()]),
        StoreError::NoOrganization(_) => Problem::not_found("organization"),
        StoreError::Reference => Problem::conflict("reference", error.to_string()),
        StoreError::Conflict { .. } | StoreError::Duplicate(_) => {
            Problem::conflict("conflict", "somebody else changed the same thing just now: try again".into())
        }
        other => Problem::internal(&other),
    }
}
