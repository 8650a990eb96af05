//! A real mail server gets the invites, a real browser opens the link, and a phone set up from the sheet registers.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::Browser;
use crate::server::{Server, request, root};

const PASSWORD: &str = "quiet blue kettle";

/// aiosmtpd in a folder of the test's.
struct MailServer {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl MailServer {
    fn start(folder: &Path, more: &[&str]) -> MailServer {
        let mut command = Command::new(root().join("target/mail-venv/bin/python"));
        command.arg(root().join("tests/real/mailserver.py")).arg(folder).args(more);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("aiosmtpd, which `make test` installs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        MailServer { child, port: line.trim().parse().unwrap(), folder: folder.to_path_buf() }
    }

    /// The mails that it has, once there are so many.
    fn mails(&self, count: usize) -> Vec<Value> {
        let path = |n: usize| self.folder.join(format!("{n}.json"));
        let deadline = Instant::now() + Duration::from_secs(20);
        while count > 0 && !path(count).exists() {
            assert!(Instant::now() < deadline, "the mail number {count} did not come");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(!path(count + 1).exists(), "more mails than {count}");
        (1..=count).map(|n| serde_json::from_slice(&std::fs::read(path(n)).unwrap()).unwrap()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn link_in(mail: &Value) -> String {
    let text = mail["text"].as_str().unwrap();
    let link =
        text.lines().find(|line| line.contains("/invite/")).unwrap_or_else(|| panic!("no link in {text}"));
    assert!(mail["html"].as_str().unwrap().contains(link), "the HTML part has another link");
    link.trim().to_string()
}

fn set_server(server: &Server, mail: &MailServer) {
    let port = format!("port={}", mail.port);
    server.run(&["mail", "set", "host=127.0.0.1", &port, "security=none", "from_address=phones@example.com"]);
}

fn fill(browser: &Browser) {
    for (name, text) in [
        ("password", PASSWORD),
        ("password_again", PASSWORD),
        ("sign_in_pin", "4711"),
        ("sign_in_pin_again", "4711"),
        ("security_question", "First pet"),
        ("security_answer", "Bello"),
    ] {
        browser.fill(name, text);
    }
}

/// What stands in a card beside a name.
fn in_card(html: &str, name: &str) -> String {
    let rest =
        html.split(&format!("data-name=\"{name}\">")).nth(1).unwrap_or_else(|| panic!("no {name} in {html}"));
    rest.split('<').next().unwrap().to_string()
}

#[test]
fn an_invite_is_mailed_opened_in_a_browser_and_ends_with_a_phone_that_registers() {
    let server = Server::start();
    let mail = MailServer::start(&server.file("mail"), &[]);
    set_server(&server, &mail);
    server.run(&["mail", "test", "admin@example.com"]);
    let ana =
        ["user", "add", "display_name=Ana Silva", "extension=1001", "username=ana", "email=ana@example.com"];
    server.run(&[&ana[..], &["setup=send_invite"]].concat());
    // One that is replaced before it has left does not leave.
    mail.mails(2);
    server.run(&["user", "invite", "ana"]);
    let mails = mail.mails(3);
    assert_eq!(mails[1]["to"], serde_json::json!(["ana@example.com"]));
    let (old, new) = (link_in(&mails[1]), link_in(&mails[2]));
    assert!(new.starts_with(&format!("http://{}/invite/", server.http)), "{new}");

    let browser = Browser::start(false);
    browser.open(&old);
    assert!(browser.text("main").contains("replaced"));
    browser.open(&new);
    assert_eq!(
        browser.script("return document.documentElement.scrollWidth <= 390"),
        true,
        "wider than a phone"
    );
    if let Some(folder) = std::env::var_os("MUSTER_PICTURES") {
        browser.picture(&Path::new(&folder).join("invite.png"));
    }
    fill(&browser);
    browser.click("button");
    let page = browser.text("main");
    assert!(page.contains("You are signed in") && page.contains("voice.example.com"), "{page}");
    if let Some(folder) = std::env::var_os("MUSTER_PICTURES") {
        browser.picture(&Path::new(&folder).join("accepted.png"));
    }
    let cookie = browser.cookie("muster_session");
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&Value::Bool(true), &Value::from("Lax")));
    let session = format!("http://{}/api/v1/session", server.http);
    let (status, who) = request("GET", &session, cookie["value"].as_str().unwrap(), None);
    assert_eq!((status, &who["user"]["username"]), (200, &Value::from("ana")), "{who}");
    browser.open(&new);
    assert!(browser.text("main").contains("has been used"));

    let sheet = server.file("sheet.html");
    let out = sheet.display().to_string();
    server.run(&["user", "sheet", "ana", "--secrets", "existing", "--out", &out]);
    let html = std::fs::read_to_string(&sheet).unwrap();
    assert!(in_card(&html, "server").starts_with(&server.sip.to_string()), "{html}");
    let phone =
        server.phone(&in_card(&html, "extension"), &in_card(&html, "auth-name"), &in_card(&html, "secret"));
    phone.register(300).unwrap();
    mail.mails(3);
}

#[test]
fn a_scheduled_invite_leaves_when_the_clock_has_come_to_it() {
    let mut server = Server::start();
    let mail = MailServer::start(&server.file("mail"), &[]);
    set_server(&server, &mail);
    server.run(&["org", "set", "time_zone=Europe/Lisbon"]);
    let in_two_days = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::get("Europe/Lisbon").unwrap());
    let in_two_days = in_two_days.checked_add(jiff::Span::new().days(2)).unwrap();
    let at = format!("invite_at={}", in_two_days.strftime("%Y-%m-%dT%H:%M"));
    let ana = [
        "user",
        "add",
        "display_name=Ana",
        "extension=1001",
        "email=ana@example.com",
        "setup=schedule_invite",
    ];
    server.run(&[&ana[..], &[at.as_str()]].concat());
    std::thread::sleep(Duration::from_secs(1));
    mail.mails(0);
    server.stop();
    let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
    assert!(Path::new(&library).exists(), "{library}, which `make test` installs");
    let server = server.restart_with(&[
        ("LD_PRELOAD", library.as_str()),
        ("FAKETIME", "+2d"),
        ("DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_DONT_RESET", "1"),
    ]);
    link_in(&mail.mails(1)[0]);
    let invites = server.run(&["user", "invite", "1001", "--list"]);
    assert!(invites.contains("sent"), "{invites}");
}

#[test]
fn mail_survives_a_kill_and_a_busy_server_and_goes_once() {
    let server = Server::start();
    let mail = MailServer::start(&server.file("mail"), &[]);
    std::fs::write(mail.folder.join("busy"), "").unwrap();
    set_server(&server, &mail);
    let ana =
        ["user", "add", "display_name=Ana", "extension=1001", "email=ana@example.com", "setup=send_invite"];
    server.run(&ana);
    let deadline = Instant::now() + Duration::from_secs(20);
    let waiting = loop {
        let list = server.json(&["mail", "list"]);
        if list["items"][0]["attempts"] == 1 && list["items"][0]["problem"].is_string() {
            break list["items"][0].clone();
        }
        assert!(Instant::now() < deadline, "it was not tried: {list}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(waiting["problem"].as_str().unwrap().contains("come again later"), "{waiting}");
    let mut server = server;
    server.kill();
    std::fs::remove_file(mail.folder.join("busy")).unwrap();
    let server = server.restart();
    server.run(&["mail", "retry", waiting["id"].as_str().unwrap()]);
    mail.mails(1);
    let sent = server.json(&["mail", "list"]);
    assert_eq!(sent["items"][0]["state"], "sent");
    std::thread::sleep(Duration::from_secs(1));
    mail.mails(1);
}

/// A certificate of 127.0.0.1 and the authority that signed it.
fn certificate(folder: &Path) {
    let openssl = |args: &[&str]| {
        let made = Command::new("openssl").args(args).current_dir(folder).stderr(Stdio::null()).status();
        assert!(made.unwrap().success(), "openssl {args:?}");
    };
    std::fs::create_dir_all(folder).unwrap();
    let new =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    openssl(&[&new[..], &["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"]].concat());
    let of = [
        "-keyout",
        "key.pem",
        "-out",
        "cert.pem",
        "-subj",
        "/CN=127.0.0.1",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
    ];
    let with = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
    openssl(&[&new[..], &of, &with].concat());
}

#[test]
fn mail_goes_over_starttls_with_a_login_and_not_to_a_server_that_nobody_vouches_for() {
    let server = Server::start();
    let folder = server.file("tls");
    certificate(&folder);
    let file = |name: &str| folder.join(name).display().to_string();
    let (cert, key) = (file("cert.pem"), file("key.pem"));
    let login = ["--certificate", &cert, "--key", &key, "--login", "phones", "--password", "s3cret word"];
    let mail = MailServer::start(&server.file("mail"), &login);
    let port = mail.port.to_string();
    let set = |server: &Server, password: &str| {
        let body = serde_json::json!({ "host": "127.0.0.1", "port": port.parse::<u16>().unwrap(), "security": "starttls",
            "login": "phones", "password": password, "from_address": "phones@example.com" });
        let (status, answer) = request(
            "PATCH",
            &format!("http://{}/api/v1/mail-server", server.http),
            &server.token,
            Some(&body),
        );
        assert_eq!(status, 200, "{answer}");
    };
    set(&server, "s3cret word");
    let refused = server.command(&["mail", "test", "admin@example.com"]);
    let said = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(!refused.status.success() && said.contains("certificate"), "{said}");
    let server = server.restart_with(&[("SSL_CERT_FILE", &file("ca.pem"))]);
    set(&server, "a guess");
    let refused = server.command(&["mail", "test", "admin@example.com"]);
    assert!(String::from_utf8_lossy(&refused.stdout).contains("535"), "{refused:?}");
    set(&server, "s3cret word");
    server.run(&["mail", "test", "admin@example.com"]);
    let got = &mail.mails(1)[0];
    assert_eq!((&got["encrypted"], &got["signed_in"]), (&Value::Bool(true), &Value::Bool(true)));
    let log = server.run(&["changes", "--org", "operator", "--json"]);
    assert!(!log.contains("s3cret") && !server.log().contains("s3cret"), "{log}");
}
