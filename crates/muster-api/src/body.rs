//! Reading bodies: with limits, and with every mistake said at once.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{Extensions, HeaderMap, Method, Uri};
use muster_app::Scope;
use muster_domain::near::closest;
use muster_domain::types::FieldValue;
use muster_domain::value::{Reason, Value};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt;

use crate::problem::{Mistake, Problem};
use crate::state::ApiState;
use crate::wire;

/// The largest body of everything but imports.
pub const JSON_BYTES_MAX: usize = 1024 * 1024;
/// A body that stops arriving for this long is given up.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A body that comes more slowly than this on average, once [`SILENCE_MAX`] has passed, is given up. In
/// bytes per second.
const RATE_MIN: u64 = 10 * 1024;

/// How fast a body arrives: a drop now and then would hold its place for days.
pub struct Pace(Instant);

impl Pace {
    pub fn begins() -> Pace {
        Pace(Instant::now())
    }

    pub fn keep(&self, bytes: usize) -> Result<(), Problem> {
        if is_too_slow(bytes as u64, self.0.elapsed()) { Err(Problem::silence()) } else { Ok(()) }
    }
}

fn is_too_slow(bytes: u64, elapsed: Duration) -> bool {
    elapsed > SILENCE_MAX && bytes < RATE_MIN * elapsed.as_secs()
}

/// A request whose body has not been read yet, so that who asks is known first.
pub struct Incoming {
    method: Method,
    uri: Uri,
    pub headers: HeaderMap,
    extensions: Extensions,
    body: Body,
}

impl FromRequest<ApiState> for Incoming {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &ApiState) -> Result<Incoming, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Incoming {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            extensions: parts.extensions,
            body,
        })
    }
}

impl Incoming {
    /// Ties the scope to the request's idempotency key, if it has one. `body` is what was read of it.
    pub fn once(&self, scope: Scope, body: &[u8]) -> Result<Scope, Problem> {
        let Some(key) = self.headers.get("idempotency-key") else { return Ok(scope) };
        let key = key.to_str().ok().filter(|k| !k.is_empty() && k.len() <= 255).ok_or_else(|| {
            Problem::mistake(
                "Idempotency-Key",
                "is not a key",
                "send 1 to 255 visible ASCII characters, such as a UUID",
            )
        })?;
        let mut request = format!("{} {}\n", self.method, self.uri).into_bytes();
        request.extend_from_slice(&Sha256::digest(body));
        Ok(scope.once(key, &request))
    }

    /// The media type without its parameters, in lower case; empty if there is none.
    pub fn media_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The whole body. One that is larger is refused as soon as that shows, without reading on.
    pub async fn bytes(&mut self, limit: usize) -> Result<Vec<u8>, Problem> {
        let announced = self.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit as u64) {
            return Err(Problem::too_large(limit));
        }
        let mut bytes = Vec::with_capacity(announced.unwrap_or(0) as usize);
        let mut chunks = std::mem::take(&mut self.body).into_data_stream();
        let pace = Pace::begins();
        loop {
            let Ok(chunk) = tokio::time::timeout(SILENCE_MAX, chunks.next()).await else {
                return Err(Problem::silence());
            };
            match chunk {
                None => return Ok(bytes),
                Some(Err(_)) => return Err(unreadable("the body ended too early")),
                Some(Ok(chunk)) if bytes.len() + chunk.len() > limit => {
                    return Err(Problem::too_large(limit));
                }
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
            }
            pace.keep(bytes.len())?;
        }
    }

    /// The body as a JSON object, with the bytes that it was.
    pub async fn object(&mut self) -> Result<(Object, Vec<u8>), Problem> {
        let (bytes, is_json) = self.json_bytes().await?;
        parsed(bytes, is_json)
    }

    /// The body, and whether it says that it is JSON, or there is none.
    async fn json_bytes(&mut self) -> Result<(Vec<u8>, bool), Problem> {
        let media_type = self.media_type();
        let is_json = media_type == "application/json" || media_type.ends_with("+json");
        let bytes = self.bytes(JSON_BYTES_MAX).await?;
        let is_nothing = bytes.is_empty() && media_type.is_empty();
        Ok((bytes, is_json || is_nothing))
    }

    /// As [`Incoming::object`], where no body is as good as `{}`.
    pub async fn object_or_nothing(&mut self) -> Result<(Object, Vec<u8>), Problem> {
        let announced = self.headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok());
        let chunked = self.headers.contains_key(axum::http::header::TRANSFER_ENCODING);
        if !chunked && announced.is_none_or(|n| n.trim() == "0") {
            let bytes = self.bytes(JSON_BYTES_MAX).await?;
            if bytes.is_empty() {
                return Ok((Object::default(), bytes));
            }
            return Ok((Object::parse(&bytes)?, bytes));
        }
        let (bytes, is_json) = self.json_bytes().await?;
        if bytes == b"null" {
            return Ok((Object::default(), bytes));
        }
        parsed(bytes, is_json)
    }

    /// What is left of the request for the multipart reader.
    pub fn take_request(&mut self) -> Request {
        let mut request = Request::new(std::mem::take(&mut self.body));
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        request
    }
}

fn parsed(bytes: Vec<u8>, is_json: bool) -> Result<(Object, Vec<u8>), Problem> {
    if is_json { Ok((Object::parse(&bytes)?, bytes)) } else { Err(Problem::unsupported("application/json")) }
}

fn unreadable(detail: impl Into<String>) -> Problem {
    Problem::new(axum::http::StatusCode::BAD_REQUEST, "unreadable", detail)
}

/// A JSON object that is read field by field. What nobody asked for is a mistake, and so is what does
/// not parse; [`Object::finish`] says all of them.
#[derive(Default)]
pub struct Object {
    fields: Map<String, Json>,
    known: Vec<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Object {
    fn parse(bytes: &[u8]) -> Result<Object, Problem> {
        match serde_json::from_slice::<Json>(bytes) {
            Ok(Json::Object(fields)) => Ok(Object { fields, ..Object::default() }),
            Ok(_) => Err(unreadable("the body is JSON, but not an object: write {\"field\": value, …}")),
            Err(e) => {
                let (line, column) = (e.line(), e.column());
                let mut why = e.to_string();
                if let Some(at) = why.rfind(" at line ") {
                    why.truncate(at);
                }
                Err(unreadable(format!("the body is not JSON: {why} (line {line}, column {column})")))
            }
        }
    }

    /// The field as it came; `None` if it did not.
    pub fn take(&mut self, name: &'static str) -> Option<Json> {
        self.known.push(name);
        self.fields.remove(name)
    }

    pub fn wrong(&mut self, name: impl Into<String>, reason: Reason) {
        self.mistakes.push(Mistake::new(name, reason.reason, reason.mend));
    }

    /// A field of a type of the domain: `None` if it is absent, null or not right.
    pub fn optional<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        let json = self.take(name).filter(|json| !json.is_null())?;
        let parsed = wire::value_of(T::TYPE, muster_domain::field::parse_value::<T>, &json);
        match parsed.and_then(|value: Value| T::from_value(&value)) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.wrong(name, reason);
                None
            }
        }
    }

    /// A field that must be there. `None` only if [`Object::finish`] will fail.
    pub fn required<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        if self.fields.get(name).is_none_or(Json::is_null) {
            self.take(name);
            self.wrong(name, Reason::new("is missing", format!("give {name}")));
            return None;
        }
        self.optional(name)
    }

    pub fn flag(&mut self, name: &'static str) -> bool {
        self.optional::<bool>(name).unwrap_or(false)
    }

    /// A text that is checked elsewhere.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        match self.take(name)? {
            Json::Null => None,
            Json::String(text) => Some(text),
            _ => {
                self.wrong(name, Reason::new("is not a text", "write it in quotes"));
                None
            }
        }
    }

    /// A list of texts that must be there.
    pub fn texts(&mut self, name: &'static str) -> Vec<String> {
        let Some(Json::Array(items)) = self.take(name) else {
            self.wrong(name, Reason::new("is not a list", "give a list of texts"));
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            match item {
                Json::String(text) => texts.push(text),
                _ => self.wrong(format!("{name}[{at}]"), Reason::new("is not a text", "write it in quotes")),
            }
        }
        texts
    }

    /// An object inside; `None` if it is absent, null or no object. What is wrong in it is said with
    /// [`Object::absorb`].
    pub fn inner(&mut self, name: &'static str) -> Option<Object> {
        match self.take(name)? {
            Json::Null => None,
            Json::Object(fields) => Some(Object { fields, ..Object::default() }),
            _ => {
                self.wrong(name, Reason::new("is not an object", "write {\"field\": value, …}"));
                None
            }
        }
    }

    /// Mistakes of an object inside, each with where it is: `change.set.sms`.
    pub fn absorb(&mut self, name: &str, mistakes: Vec<Mistake>) {
        let placed = mistakes.into_iter().map(|m| Mistake { field: format!("{name}.{}", m.field), ..m });
        self.mistakes.extend(placed);
    }

    /// A list of objects that must be there, each read by itself; what is wrong in one is said with its place.
    pub fn each<T>(&mut self, name: &'static str, read: impl Fn(&mut Object) -> T) -> Vec<T> {
        let Some(Json::Array(items)) = self.take(name) else {
            self.wrong(name, Reason::new("is not a list", "give a list of {\"field\": value, …}"));
            return Vec::new();
        };
        let mut all = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let Json::Object(fields) = item else {
                self.wrong(
                    format!("{name}[{at}]"),
                    Reason::new("is not an object", "write {\"field\": value, …}"),
                );
                continue;
            };
            let mut inner = Object { fields, ..Object::default() };
            all.push(read(&mut inner));
            let placed = inner
                .take_mistakes()
                .into_iter()
                .map(|m| Mistake { field: format!("{name}[{at}].{}", m.field), ..m });
            self.mistakes.extend(placed);
        }
        all
    }

    /// The field as it came, left where it is.
    pub fn peek(&self, name: &str) -> Option<&Json> {
        self.fields.get(name)
    }

    /// Every mistake, unknown fields among them.
    pub fn finish(mut self) -> Result<(), Problem> {
        let mistakes = self.take_mistakes();
        if mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(mistakes)) }
    }

    /// The same as a list, for [`Object::absorb`].
    pub fn take_mistakes(&mut self) -> Vec<Mistake> {
        for name in std::mem::take(&mut self.fields).into_iter().map(|(name, _)| name) {
            let mend = match closest(&name, self.known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}? otherwise leave it out"),
                None => "leave it out; /docs lists the fields".to_string(),
            };
            let shown: String = name.chars().take(100).collect();
            self.mistakes.push(Mistake::new(shown, "is not a field here", mend));
        }
        std::mem::take(&mut self.mistakes)
    }

    pub fn has_mistakes(&self) -> bool {
        !self.mistakes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_said_at_once() {
        let mut object =
            Object::parse(br#"{"name": 5, "domian": "x.example", "country": "Portugal"}"#).unwrap();
        assert_eq!(object.required::<muster_domain::types::Name>("name"), None);
        assert_eq!(object.required::<muster_domain::types::Domain>("domain"), None);
        assert_eq!(object.optional::<muster_domain::types::Country>("country"), None);
        let said = format!("{:?}", object.finish().unwrap_err());
        for part in ["name", "domain", "country", "domian", "did you mean domain?"] {
            assert!(said.contains(part), "{part} is missing in {said}");
        }
    }

    #[test]
    fn json_that_does_not_parse_is_told_with_its_place() {
        let said = format!("{:?}", Object::parse(b"{\n  \"a\": 1,\n}").err().unwrap());
        assert!(said.contains("line 3, column 1"), "{said}");
    }

    #[test]
    fn a_body_that_drips_is_too_slow_once_it_had_its_time() {
        let slow = |bytes, seconds| is_too_slow(bytes, Duration::from_secs(seconds));
        assert!(!slow(10, 30), "a short silence is nobody's fault");
        assert!(slow(309_000, 31));
        assert!(!slow(318_000, 31));
        assert!(slow(1_000_000, 3600));
    }

    #[test]
    fn deep_nesting_is_refused_rather_than_followed() {
        let deep = "[".repeat(100_000);
        assert!(Object::parse(deep.as_bytes()).is_err());
    }
}
