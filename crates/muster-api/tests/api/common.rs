//! A fresh installation per test: an operator, two organizations, and tokens for each role.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use muster_api::{ApiState, Metric, SipServer};
use muster_app::App;
use muster_store::{Config, KeyRing, Store};
use serde_json::{Value, json};
use tower::ServiceExt;

pub struct Installation {
    pub app: App,
    pub state: ApiState,
    pub ready: Arc<AtomicBool>,
    pub router: axum::Router,
    /// Tokens.
    pub operator: String,
    pub administrator: String,
    pub reader: String,
    /// The administrator of the other organization.
    pub stranger: String,
    _directory: tempfile::TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    /// The problem that it must be; its form is checked.
    #[track_caller]
    pub fn problem(self, status: u16, word: &str) -> Value {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let body = answer.json();
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["type"], format!("urn:muster:problem:{word}"), "{body}");
        assert!(
            body["title"].is_string() && body["detail"].as_str().is_some_and(|d| !d.is_empty()),
            "{body}"
        );
        body
    }

    /// The fields that the problem names, in order of their names.
    #[track_caller]
    pub fn wrong_fields(self) -> Vec<String> {
        let body = self.problem(400, "invalid");
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        let mut fields: Vec<String> = errors
            .iter()
            .map(|e| {
                assert!(e["reason"].as_str().is_some_and(|r| !r.is_empty()), "{e}");
                assert!(e["mend"].as_str().is_some_and(|m| !m.is_empty()), "{e}");
                e["field"].as_str().unwrap().to_string()
            })
            .collect();
        fields.sort();
        fields
    }
}

/// A request in the making.
pub struct Call<'a> {
    installation: &'a Installation,
    method: &'a str,
    path: String,
    headers: Vec<(&'a str, String)>,
    body: Body,
}

impl<'a> Call<'a> {
    pub fn by(self, token: &str) -> Call<'a> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &'a str, value: &str) -> Call<'a> {
        self.headers.push((name, value.to_string()));
        self
    }

    pub fn json(self, body: &Value) -> Call<'a> {
        self.text("application/json", &body.to_string())
    }

    pub fn text(mut self, kind: &str, body: &str) -> Call<'a> {
        self.body = Body::from(body.to_string());
        let length = body.len().to_string();
        self.header("content-type", kind).header("content-length", &length)
    }

    pub fn body(mut self, body: Body) -> Call<'a> {
        self.body = body;
        self
    }

    pub async fn response(self) -> Response {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        self.installation.router.clone().oneshot(request.body(self.body).unwrap()).await.unwrap()
    }

    pub async fn send(self) -> Answer {
        let response = self.response().await;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 << 20).await.unwrap();
        // A workbook is no text.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }
}

impl Installation {
    pub async fn new() -> Installation {
        let directory = tempfile::tempdir().unwrap();
        let keys = KeyRing::load_or_create(&directory.path().join("keys")).unwrap();
        let url = format!("sqlite:{}", directory.path().join("muster.db").display());
        let store = Store::open(&Config { url, keys, readers: 2, writers: 1 }).unwrap();
        let app = App::new(store);
        let operator = app.bootstrap().unwrap().unwrap();
        let ready = Arc::new(AtomicBool::new(true));
        let metrics = Arc::new(|| vec![Metric::counter("muster_test_total", "For tests.", 3.0)]);
        let server = SipServer { transport: "udp".into(), host: "127.0.0.1".into(), port: 5060 };
        let state = ApiState::new(app.clone(), ready.clone(), metrics, "0.0.0-test")
            .with_sip_servers(vec![server])
            .with_commands("'my <demo>/owner.token'".into(), Some("demo".into()));
        let router = muster_api::router(state.clone());
        let mut installation = Installation {
            app,
            state,
            ready,
            router,
            operator,
            administrator: String::new(),
            reader: String::new(),
            stranger: String::new(),
            _directory: directory,
        };
        installation.organization("acme").await;
        installation.organization("other").await;
        installation.administrator = installation.token("acme", "administrator").await;
        installation.reader = installation.token("acme", "reader").await;
        installation.stranger = installation.token("other", "administrator").await;
        installation
    }

    async fn organization(&self, slug: &str) {
        let body =
            json!({ "name": slug, "slug": slug, "domain": format!("{slug}.example"), "country": "PT" });
        self.call("POST", "/api/v1/organizations").by(&self.operator).json(&body).send().await.expect(201);
    }

    pub async fn token(&self, org: &str, role: &str) -> String {
        let path = format!("/api/v1/organizations/{org}/tokens");
        let body = json!({ "name": role, "role": role });
        let made = self.call("POST", &path).by(&self.operator).json(&body).send().await.expect(201);
        made.json()["token"].as_str().unwrap().to_string()
    }

    pub fn call<'a>(&'a self, method: &'a str, path: &str) -> Call<'a> {
        Call { installation: self, method, path: path.to_string(), headers: Vec::new(), body: Body::empty() }
    }

    /// A request of the administrator about their organization.
    pub fn admin<'a>(&'a self, method: &'a str, path: &str) -> Call<'a> {
        self.call(method, &format!("/api/v1/organizations/acme{path}")).by(&self.administrator)
    }

    /// Adds somebody with the extension.
    pub async fn user(&self, extension: &str, name: &str) -> Value {
        let body = json!({ "display_name": name, "extension": extension });
        self.admin("POST", "/users").json(&body).send().await.expect(201).json()
    }
}

/// Runs a test on a runtime of its own.
pub fn run(test: impl AsyncFnOnce(&Installation)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let installation = Installation::new().await;
        test(&installation).await;
    });
}
