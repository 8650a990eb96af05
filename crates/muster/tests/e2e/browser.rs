//! Chromium without a window, driven over WebDriver (W3C) by the driver that Debian has with it.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{free_address, request};

/// What an element is called in the answers.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

pub struct Browser {
    driver: Child,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// As wide as a phone's screen.
    pub fn start(dark: bool) -> Browser {
        let port = free_address().port();
        let mut driver = Command::new("chromedriver");
        driver.arg(format!("--port={port}")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = driver.spawn().expect("chromedriver, which `make test` installs");
        let profile = tempfile::tempdir().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let deadline = Instant::now() + Duration::from_secs(20);
        while request("GET", &format!("{base}/status"), "", None).1["value"]["ready"] != true {
            assert!(Instant::now() < deadline, "chromedriver does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        let mut args: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=390,844",
            "--lang=en",
        ]
        .map(String::from)
        .into();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        if dark {
            args.push("--blink-settings=preferredColorScheme=0".into());
        }
        // A screen of 390 px: a window is never that narrow.
        let options = json!({ "args": args, "mobileEmulation": { "deviceMetrics": { "width": 390, "height": 844, "pixelRatio": 2.0 } } });
        let body = json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options } } });
        let (_, answer) = request("POST", &format!("{base}/session"), "", Some(&body));
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {answer}"));
        Browser { driver, session: format!("{base}/session/{id}"), _profile: profile }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = (method == "POST").then_some(body);
        let (status, answer) = request(method, &format!("{}{path}", self.session), "", body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer["value"].clone()
    }

    pub fn open(&self, url: &str) {
        self.call("POST", "/url", &json!({ "url": url }));
    }

    fn element(&self, css: &str) -> String {
        let found = self.call("POST", "/element", &json!({ "using": "css selector", "value": css }));
        found[ELEMENT].as_str().unwrap().to_string()
    }

    pub fn text(&self, css: &str) -> String {
        let path = format!("/element/{}/text", self.element(css));
        self.call("GET", &path, &Value::Null).as_str().unwrap().to_string()
    }

    pub fn fill(&self, name: &str, text: &str) {
        let path = format!("/element/{}/value", self.element(&format!("[name=\"{name}\"]")));
        self.call("POST", &path, &json!({ "text": text }));
    }

    /// Clicks what leads to another page, and waits until that is there: what is asked next is asked of it.
    pub fn click(&self, css: &str) {
        self.script("window.wasHere = true");
        let path = format!("/element/{}/click", self.element(css));
        self.call("POST", &path, &json!({}));
        let there =
            json!({ "script": "return !window.wasHere && document.readyState === 'complete'", "args": [] });
        let deadline = Instant::now() + Duration::from_secs(20);
        while request("POST", &format!("{}/execute/sync", self.session), "", Some(&there)).1["value"] != true
        {
            assert!(Instant::now() < deadline, "nothing came of a click on {css}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn script(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    pub fn cookie(&self, name: &str) -> Value {
        self.call("GET", &format!("/cookie/{name}"), &Value::Null)
    }

    /// A picture of the page, for whoever wants to look.
    pub fn picture(&self, path: &Path) {
        use std::io::Write as _;
        let data = self.call("GET", "/screenshot", &Value::Null);
        let mut decoder = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(std::fs::File::create(path).unwrap())
            .spawn()
            .unwrap();
        decoder.stdin.take().unwrap().write_all(data.as_str().unwrap().as_bytes()).unwrap();
        assert!(decoder.wait().unwrap().success());
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ends the browser too; the driver alone would leave it behind.
        let _ = request("DELETE", &self.session, "", None);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
