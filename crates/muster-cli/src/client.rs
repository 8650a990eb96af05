//! Requests to the API, and its answers.

use std::cell::Cell;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, Request as HttpRequest, Response};
use ureq::{Agent, AsSendBody, Body, SendBody, Timeout};

use crate::clean::clean;
use crate::console::Console;
use crate::failure::{Failure, Network, io_words};
use crate::globals::{Globals, Token, is_loopback};
use crate::problem::Problem;
use crate::value::text_of;

/// Longer answers than this are no list of ours: pages have a limit.
const ANSWER_BYTES_MAX: u64 = 128 * 1024 * 1024;

const CONNECT_S: u64 = 5;
/// Taking back an import of 100,000 people is one request, and a small write waits while such an import
/// is written.
const LONG_ANSWER_S: u64 = 600;
/// An answer that has begun and is read whole has so many times what its first word had: a page of a
/// thousand people is a megabyte.
const WHOLE_ANSWER_FACTOR: u64 = 6;

/// What the server tells us to wait before the one repetition; longer waits are the person's choice.
const RETRY_AFTER_S_MAX: u64 = 10;
const RETRY_PAUSE: Duration = Duration::from_millis(250);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Patch,
    Put,
    Delete,
}

impl Method {
    fn word(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// What is sent with a request.
#[derive(Debug)]
pub(crate) enum Upload<'a> {
    Nothing,
    Json(&'a Value),
    /// Sent from its beginning, once more if the request is repeated.
    File(&'a File, u64),
    Bytes(&'a [u8]),
}

/// A request, by the path below the server's address.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    method: Method,
    path: String,
    upload: Upload<'a>,
    headers: Vec<(&'static str, String)>,
    may_take_long: bool,
}

impl<'a> Request<'a> {
    pub fn new(method: Method, path: impl Into<String>) -> Request<'a> {
        let may_take_long = method != Method::Get;
        Request { method, path: path.into(), upload: Upload::Nothing, headers: Vec::new(), may_take_long }
    }

    pub fn get(path: impl Into<String>) -> Request<'a> {
        Request::new(Method::Get, path)
    }

    pub fn post(path: impl Into<String>, body: &'a Value) -> Request<'a> {
        Request::new(Method::Post, path).upload(Upload::Json(body))
    }

    /// Adds `?name=value`, or `&name=value`.
    pub fn query(mut self, name: &str, value: &str) -> Request<'a> {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        self.path.push_str(&format!("{sign}{name}={}", escape(value)));
        self
    }

    pub fn upload(mut self, upload: Upload<'a>) -> Request<'a> {
        self.upload = upload;
        self
    }

    /// A read that the server answers only when much has been done. Writes are taken for such anyway.
    pub fn may_take_long(mut self) -> Request<'a> {
        self.may_take_long = true;
        self
    }

    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Request<'a> {
        self.headers.push((name, value.into()));
        self
    }
}

/// What came back with a 2xx status.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Null where the body is empty.
    pub value: Value,
    pub location: Option<String>,
    /// Of a write: the newest change of the log after it.
    pub seq: Option<u64>,
    /// What the server says of something that it took all the same.
    pub remark: Option<String>,
}

pub(crate) struct Client {
    agent: Agent,
    url: String,
    /// Where the address is from, in brackets.
    url_from: &'static str,
    token: Option<Token>,
    first_word_s: u64,
    /// What to say where there is no such organization.
    org_hint: Option<String>,
    /// Something at this address has spoken HTTP to us.
    has_answered: Cell<bool>,
}

impl Client {
    pub fn new(globals: &Globals, console: &mut Console<'_>) -> Result<Client, Failure> {
        let url = globals.url.trim().trim_end_matches('/').to_owned();
        let parsed = url.parse::<ureq::http::Uri>().ok();
        let scheme = parsed.as_ref().and_then(|uri| uri.scheme_str());
        if !matches!(scheme, Some("http" | "https")) || url.contains(['?', '#', '@']) {
            return Err(Failure::usage(
                format!("`{}`{} is not the address of a server.", clean(&globals.url), globals.url_from()),
                "Give --url as in http://127.0.0.1:8080 or https://muster.example.com.",
            ));
        }
        let token = globals.token()?;
        let loopback = is_loopback(&url);
        if scheme == Some("http") && !loopback && token.is_some() {
            console.note(&format!(
                "muster: warning: the token travels to {url} unencrypted; use https:// outside this machine"
            ));
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect would lose the token or take it elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(Duration::from_secs(CONNECT_S)))
            .timeout_connect(Some(Duration::from_secs(CONNECT_S)));
        if loopback {
            // A proxy of the environment cannot reach this machine's own addresses.
            config = config.proxy(None);
        }
        Ok(Client {
            agent: config.build().new_agent(),
            url,
            url_from: globals.url_from(),
            token,
            first_word_s: globals.timeout,
            org_hint: globals.org().map(|org| unseen(org, globals.org_from())),
            has_answered: Cell::new(false),
        })
    }

    /// The organization that is meant from here on, by an option of the command itself.
    pub fn name_organization(&mut self, org: &str) {
        self.org_hint = Some(unseen(org, ""));
    }

    pub fn get(&self, path: impl Into<String>) -> Result<Answer, Failure> {
        self.send(&Request::get(path))
    }

    /// Sends the request and reads the whole answer.
    pub fn send(&self, request: &Request<'_>) -> Result<Answer, Failure> {
        let whole = Some(Duration::from_secs(self.first_word_s * WHOLE_ANSWER_FACTOR));
        self.repeating(request, whole, |response| {
            let location = header(response.headers(), "location");
            let remark = header(response.headers(), "muster-remark").map(|text| clean(&text).into_owned());
            let seq = header(response.headers(), "muster-seq").and_then(|text| text.parse().ok());
            let text = read(response.into_body(), ANSWER_BYTES_MAX).map_err(|e| self.network(&e))?;
            let value = match text.is_empty() {
                true => Value::Null,
                false => serde_json::from_slice(&text).map_err(|_| self.not_ours())?,
            };
            Ok(Answer { value, location, seq, remark })
        })
    }

    /// Sends the request and hands out the answer's bytes as they come.
    pub fn stream(&self, request: &Request<'_>) -> Result<Box<dyn Read>, Failure> {
        self.repeating(request, None, |response| {
            let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
            Ok(Box::new(reader) as Box<dyn Read>)
        })
    }

    /// Sends a request, and once more if the connection was lost or the server asks for a moment. A
    /// write carries a key of its own, by which the server knows the repetition.
    fn repeating<T>(
        &self,
        request: &Request<'_>,
        body_wait: Option<Duration>,
        mut take: impl FnMut(Response<Body>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.meet(request)?;
        let key = (request.method != Method::Get).then(random_key).transpose()?;
        let mut attempt = || {
            let response = self.once(request, body_wait, key.as_deref()).map_err(|e| self.network(&e))?;
            if response.status().is_success() { take(response) } else { Err(self.refusal(response)) }
        };
        match attempt() {
            Err(Failure::Network(Network { lost: true, .. })) => {
                std::thread::sleep(RETRY_PAUSE);
                attempt()
            }
            Err(Failure::Problem(problem)) if problem.asks_for_a_moment(RETRY_AFTER_S_MAX) => {
                std::thread::sleep(Duration::from_secs(problem.retry_after_s.unwrap_or_default()));
                attempt()
            }
            done => done,
        }
    }

    /// Before something is sent whose answer is waited for so long that a silence says nothing: whether
    /// anything at this address answers at all. Whatever else is wrong with it the request itself will say.
    fn meet(&self, request: &Request<'_>) -> Result<(), Failure> {
        if !request.may_take_long || self.has_answered.get() {
            return Ok(());
        }
        let asked = HttpRequest::get(format!("{}/healthz", self.url)).body(());
        let answered =
            asked.map_err(ureq::Error::from).and_then(|asked| self.run(asked, self.first_word_s, None));
        match answered {
            Err(silent @ ureq::Error::Timeout(_)) => Err(self.network(&silent)),
            _ => Ok(()),
        }
    }

    /// The head of the answer, if it begins within so many seconds of the last byte sent.
    fn run<B: AsSendBody>(
        &self,
        request: HttpRequest<B>,
        answer_s: u64,
        body_wait: Option<Duration>,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = self.agent.configure_request(request);
        let wait = Duration::from_secs(answer_s);
        let request = request.timeout_recv_response(Some(wait)).timeout_recv_body(body_wait).build();
        let response = self.agent.run(request)?;
        self.has_answered.set(true);
        Ok(response)
    }

    fn once(
        &self,
        request: &Request<'_>,
        body_wait: Option<Duration>,
        key: Option<&str>,
    ) -> Result<Response<Body>, ureq::Error> {
        let answer_s = if request.may_take_long { LONG_ANSWER_S } else { self.first_word_s };
        let url = format!("{}{}", self.url, request.path);
        let mut builder = HttpRequest::builder().method(request.method.word()).uri(url);
        builder = builder.header("accept", "application/json, application/problem+json, */*;q=0.1");
        if let Some(token) = &self.token {
            builder = builder.header("authorization", format!("Bearer {}", token.text));
        }
        if let Some(key) = key {
            builder = builder.header("idempotency-key", key);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let is_json = matches!(request.upload, Upload::Json(_));
        if is_json {
            builder = builder.header("content-type", "application/json");
        }
        match &request.upload {
            Upload::Nothing => self.run(builder.body(())?, answer_s, body_wait),
            Upload::Json(value) => self.run(builder.body(value.to_string())?, answer_s, body_wait),
            Upload::Bytes(bytes) => self.run(builder.body(*bytes)?, answer_s, body_wait),
            Upload::File(file, size) => {
                std::io::Seek::rewind(&mut &**file)?;
                let mut reader = file.take(*size);
                let builder = builder.header("content-length", size.to_string());
                self.run(builder.body(SendBody::from_reader(&mut reader))?, answer_s, body_wait)
            }
        }
    }

    fn refusal(&self, response: Response<Body>) -> Failure {
        let status = response.status().as_u16();
        let retry_after_s = header(response.headers(), "retry-after").and_then(|text| text.parse().ok());
        let redirected =
            header(response.headers(), "location").filter(|_| response.status().is_redirection());
        let text = read(response.into_body(), ANSWER_BYTES_MAX).unwrap_or_default();
        let document: Value = serde_json::from_slice(&text).unwrap_or_default();
        let hint = match (status, &self.token) {
            (401, None) => Some(format!(
                "{} wants a token, and none was found: give --token-file FILE or MUSTER_TOKEN. The server wrote the owner's \
                 token to owner.token in its data folder.",
                self.place()
            )),
            (401, Some(token)) => Some(format!(
                "{} does not know the token {}, or no longer. {}",
                self.place(),
                token.from,
                token.mend
            )),
            (404, _) if text_of(&document["detail"]).ends_with("no such organization") => {
                self.org_hint.clone()
            }
            (404, _)
                if text_of(&document["detail"]).contains("nothing at this address") && self.has_path() =>
            {
                Some(format!("{} names more than the server: leave out what follows the port.", self.place()))
            }
            _ if redirected.is_some() => {
                let to = redirected.unwrap_or_default();
                Some(format!("{} points to {to}: is the address right?", self.place()))
            }
            _ if document == Value::Null => {
                Some(format!("That was no answer of Muster: is {} the right address?", self.place()))
            }
            _ => None,
        };
        Failure::Problem(Box::new(Problem { status, document, hint, retry_after_s }))
    }

    fn not_ours(&self) -> Failure {
        Failure::refused(
            format!("{} answered with something that is not JSON.", self.place()),
            "Is it Muster's address?",
        )
    }

    fn has_path(&self) -> bool {
        self.url.parse::<ureq::http::Uri>().is_ok_and(|uri| !matches!(uri.path(), "" | "/"))
    }

    /// The address, and where it is from: `http://127.0.0.1:8080 (from MUSTER_URL)`.
    fn place(&self) -> String {
        format!("{}{}", self.url, self.url_from)
    }

    fn network(&self, error: &ureq::Error) -> Failure {
        let place = self.place();
        let running = "Is the server running (`muster serve`), and is this its HTTP address?";
        let (what, mend, lost) = match error {
            ureq::Error::Io(e) => return self.broken(e),
            ureq::Error::Protocol(_) | ureq::Error::BodyStalled => {
                let what =
                    format!("What came from {place} is not HTTP, or it ended in the middle of an answer.");
                (what, "Is this Muster's HTTP port, and http or https as it should be?".to_owned(), true)
            }
            ureq::Error::HostNotFound => return self.nameless(),
            ureq::Error::Timeout(Timeout::Resolve) => return self.nameless(),
            ureq::Error::Timeout(Timeout::Connect) => {
                let what = format!("{place} did not take the connection within {CONNECT_S} seconds.");
                let mend = "Is the machine on, is the port Muster's, and does no firewall keep it closed?";
                (what, mend.to_owned(), false)
            }
            ureq::Error::Timeout(Timeout::RecvBody) => {
                let what = format!("{place} began an answer and did not end it in time.");
                (
                    what,
                    "Is this Muster's HTTP port? A slow line gets longer with --timeout.".to_owned(),
                    false,
                )
            }
            ureq::Error::Timeout(_) => {
                let what = format!("{place} took the connection but did not answer in time.");
                let mend = format!(
                    "Is this Muster's HTTP port, and not one for phones or another program's? A server that is only slow \
                     gets longer than {} seconds with --timeout.",
                    self.first_word_s
                );
                (what, mend, false)
            }
            ureq::Error::ConnectionFailed => {
                (format!("{place} cannot be reached."), running.to_owned(), false)
            }
            ureq::Error::Http(_) => {
                let mend = "Is there something in the address or in the token that does not belong there?";
                ("The request cannot be written.".to_owned(), mend.to_owned(), false)
            }
            other => (format!("{place} cannot be asked: {other}."), running.to_owned(), false),
        };
        Failure::Network(Network { what, mend, lost })
    }

    fn broken(&self, error: &std::io::Error) -> Failure {
        let place = self.place();
        let (what, mend, lost) = if error.kind() == ErrorKind::ConnectionRefused {
            let mend = "Is the server running (`muster serve`), and is this its HTTP address?";
            (format!("Nothing listens at {place}."), mend, false)
        } else if says(error, "certificate") {
            (format!("{place} has a certificate that cannot be trusted: {}.", io_words(error)), "", false)
        } else if says(error, "InvalidContentType") {
            (
                format!("{place} does not speak https."),
                "Is it http:// that the address should begin with?",
                false,
            )
        } else if says(error, "lookup address") {
            return self.nameless();
        } else {
            let what = format!("The connection to {place} broke: {}.", io_words(error));
            (what, "Is the server still running, and is this its HTTP address?", true)
        };
        Failure::Network(Network { what, mend: mend.to_owned(), lost })
    }

    fn nameless(&self) -> Failure {
        let what = format!("No machine has the name in {}.", self.place());
        Failure::Network(Network { what, mend: "Is it spelled right?".to_owned(), lost: false })
    }
}

fn unseen(org: &str, from: &str) -> String {
    format!("`{}`{from} is none that you may see; `muster org list` shows those.", clean(org))
}

/// Errors of TLS and of looking up a name come as I/O errors without a kind of their own.
fn says(error: &std::io::Error, word: &str) -> bool {
    error.to_string().contains(word)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

fn read(body: Body, limit: u64) -> Result<Vec<u8>, ureq::Error> {
    body.into_with_config().limit(limit).read_to_vec()
}

/// 128 random bits in hexadecimal.
fn random_key() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::refused("This machine gives no random numbers.", "Nothing was sent."))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A part of a path or a query, with everything but letters, digits and `-._~` escaped (RFC 3986 §2.3).
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[test]
fn what_a_person_typed_stays_one_part_of_the_address() {
    assert_eq!(escape("a/../b?c#d&e=f İ"), "a%2F..%2Fb%3Fc%23d%26e%3Df%20%C4%B0");
}
