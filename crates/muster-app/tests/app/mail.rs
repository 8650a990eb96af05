//! The spool before a server that takes mail, refuses it, is away for days, breaks off, or is slow.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_app::Scope;
use muster_app::mail::{Mail, MailState, MailWorker, NewMailServer};
use muster_app::signing::{NewInvite, Setup};
use muster_app::users::NewUser;
use muster_domain::field::Entity;
use muster_domain::signing::MailServer;
use muster_domain::types::Email;
use muster_domain::value::Value;

use crate::world::World;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// What a server does with the next mails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    /// 550 to the recipient.
    Refuses,
    /// 451 to the recipient: come again later.
    Greylists,
    /// Reads the whole mail, and goes without a word.
    BreaksOff,
    /// 535 to whoever sends.
    RefusesSender,
    Slow,
}

/// A mail server of the test's own.
struct Smtp {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    /// Mails that it has said it has.
    taken: Arc<Mutex<Vec<String>>>,
    /// Mails that it has read to the end.
    read: Arc<Mutex<Vec<String>>>,
}

impl Smtp {
    fn start() -> Smtp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let smtp = Smtp {
            address: listener.local_addr().unwrap(),
            manner: Arc::new(Mutex::new(Manner::Takes)),
            taken: Arc::default(),
            read: Arc::default(),
        };
        let (manner, taken, read) = (smtp.manner.clone(), smtp.taken.clone(), smtp.read.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let manner = *manner.lock().unwrap();
                let _ = converse(&stream, manner, &taken, &read);
            }
        });
        smtp
    }

    fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

fn converse(
    stream: &TcpStream,
    manner: Manner,
    taken: &Mutex<Vec<String>>,
    read: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut say = |line: &str| {
        if manner == Manner::Slow {
            std::thread::sleep(Duration::from_millis(300));
        }
        out.write_all(format!("{line}\r\n").as_bytes())
    };
    say("220 test")?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next() {
        let line = line?.to_ascii_uppercase();
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => say("250-test\r\n250 8BITMIME")?,
            "MAIL" if manner == Manner::RefusesSender => say("530 sign in first")?,
            "RCPT" if manner == Manner::Refuses => say("550 no such mailbox")?,
            "RCPT" if manner == Manner::Greylists => say("451 come again later")?,
            "MAIL" | "RCPT" | "RSET" | "NOOP" => say("250 ok")?,
            "DATA" => {
                say("354 go on")?;
                let mut mail = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.push_str(&line);
                    mail.push('\n');
                }
                read.lock().unwrap().push(mail.clone());
                if manner == Manner::BreaksOff {
                    return Ok(());
                }
                taken.lock().unwrap().push(mail);
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("500 what?")?,
        }
    }
    Ok(())
}

struct Post {
    world: World,
    org: Scope,
    worker: MailWorker,
    stop: AtomicBool,
}

impl Post {
    fn new() -> Post {
        let world = World::on_sqlite();
        let org = world.organization("acme");
        let worker = MailWorker::new(world.app.clone(), "test".into());
        Post { world, org, worker, stop: AtomicBool::new(false) }
    }

    fn with(smtp: &Smtp) -> Post {
        let post = Post::new();
        post.set_server(smtp.address);
        post
    }

    fn set_server(&self, address: SocketAddr) {
        let value = |name: &str, text: &str| {
            let field = MailServer::field(name).unwrap();
            (field.name, (field.parse)(text).unwrap())
        };
        let values: Vec<(&'static str, Value)> = vec![
            value("host", "127.0.0.1"),
            value("port", &address.port().to_string()),
            value("security", "none"),
            value("from_address", "phones@acme.example"),
        ];
        let new = NewMailServer { values, password: None };
        self.world.app.set_mail_server(&self.world.operator(), &new).unwrap();
    }

    fn invite(&self, extension: &str) {
        let new = NewUser {
            values: vec![
                ("display_name", Value::text("Ana")),
                ("extension", Value::text(extension)),
                ("email", Value::text(format!("ana{extension}@acme.example"))),
            ],
            setup: Some(Setup::Invite(NewInvite::default())),
            ..NewUser::default()
        };
        self.world.app.add_user(&self.org, &new).unwrap();
    }

    fn later(&self, by_ms: i64) -> usize {
        self.world.app.put_clock_forward(by_ms);
        self.step()
    }

    fn step(&self) -> usize {
        self.worker.step(&self.stop).unwrap()
    }

    /// Oldest first.
    fn mails(&self) -> Vec<Mail> {
        let mut mails = self.world.app.mails(&self.org, None, None, 100).unwrap();
        mails.reverse();
        mails
    }

    fn states(&self) -> Vec<MailState> {
        self.mails().iter().map(|mail| mail.state).collect()
    }
}

fn header<'a>(mail: &'a str, name: &str) -> &'a str {
    let line = mail.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} is missing in {mail}")).split_once(": ").unwrap().1
}

#[test]
fn a_mail_is_handed_over_once_as_text_and_html_and_what_it_said_is_gone() {
    let smtp = Smtp::start();
    let post = Post::with(&smtp);
    post.invite("1001");
    assert_eq!(post.step(), 1);
    assert_eq!((post.step(), post.later(DAY_MS)), (0, 0));
    let taken = smtp.taken();
    assert_eq!(taken.len(), 1);
    for part in ["multipart/alternative", "text/plain", "text/html", "Auto-Submitted: auto-generated"] {
        assert!(taken[0].contains(part), "{part} is missing in {}", taken[0]);
    }
    assert_eq!(header(&taken[0], "To"), "ana1001@acme.example");
    let mail = &post.mails()[0];
    assert_eq!((mail.state, mail.attempts), (MailState::Sent, 1));
    assert_eq!(post.world.app.read_mail(&post.org, mail.id).unwrap().content, None);
    let status = post.world.app.mail_status(&post.org).unwrap();
    assert!(status.leaves && status.problem.is_none() && status.counts.sent == 1, "{status:?}");
}

#[test]
fn without_a_server_mail_waits_can_be_read_and_leaves_once_there_is_one() {
    let post = Post::new();
    post.invite("1001");
    assert_eq!((post.step(), post.later(DAY_MS)), (0, 0));
    let status = post.world.app.mail_status(&post.org).unwrap();
    assert!(!status.leaves && status.problem.unwrap().contains("there is no mail server"));
    let mail = &post.mails()[0];
    assert_eq!((mail.state, mail.attempts), (MailState::Waiting, 0));
    let content = post.world.app.read_mail(&post.org, mail.id).unwrap().content.unwrap();
    assert!(content.text.contains("/invite/") && content.html.contains("/invite/"));
    let smtp = Smtp::start();
    post.set_server(smtp.address);
    assert_eq!(post.step(), 1);
}

#[test]
fn a_server_that_is_away_for_a_day_gets_everything_when_it_is_back_and_nothing_twice() {
    let smtp = Smtp::start();
    let nowhere = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let post = Post::new();
    post.set_server(nowhere);
    (1..=3).for_each(|n| post.invite(&format!("100{n}")));
    for _ in 0..24 * 6 {
        assert_eq!(post.later(10 * MINUTE_MS), 0);
    }
    let waiting = post.mails();
    assert!(waiting.iter().all(|mail| mail.state == MailState::Waiting), "{waiting:?}");
    let tries: u64 = waiting.iter().map(|mail| mail.attempts).sum();
    assert!((5..150).contains(&tries), "{tries} tries in a day: the waits do not grow");
    let problem = post.world.app.mail_status(&post.org).unwrap().problem.unwrap();
    assert!(problem.contains(&nowhere.to_string()), "{problem}");
    post.set_server(smtp.address);
    for _ in 0..8 {
        post.later(15 * MINUTE_MS);
    }
    assert_eq!(post.states(), [MailState::Sent; 3]);
    let mut ids: Vec<String> = smtp.taken().iter().map(|m| header(m, "Message-ID").to_string()).collect();
    assert_eq!(ids.len(), 3);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_server_that_stays_away_is_given_up_after_five_days_and_tried_again_when_asked() {
    let smtp = Smtp::start();
    smtp.be(Manner::Greylists);
    let post = Post::with(&smtp);
    // A link that lives for longer than mail is tried.
    post.invite("1001");
    for _ in 0..24 * 6 {
        post.later(61 * MINUTE_MS);
    }
    let mail = post.mails()[0].clone();
    assert_eq!(mail.state, MailState::GivenUp);
    assert!(mail.problem.as_ref().unwrap().contains("come again later"), "{mail:?}");
    smtp.be(Manner::Takes);
    assert_eq!(post.later(DAY_MS / 2), 0);
    post.world.app.retry_mail(&post.org, mail.id).unwrap();
    assert_eq!((post.step(), post.states()), (1, vec![MailState::Sent]));
    assert!(post.world.app.retry_mail(&post.org, mail.id).is_err());
}

#[test]
fn a_mail_that_is_refused_for_good_is_given_up_at_once_and_holds_up_no_other() {
    let smtp = Smtp::start();
    smtp.be(Manner::Refuses);
    let post = Post::with(&smtp);
    post.invite("1001");
    post.step();
    assert_eq!(post.states(), [MailState::GivenUp]);
    assert!(post.mails()[0].problem.as_ref().unwrap().contains("no such mailbox"));
    smtp.be(Manner::Takes);
    post.invite("1002");
    post.step();
    assert_eq!(post.states(), [MailState::GivenUp, MailState::Sent]);
}

#[test]
fn wrong_settings_keep_all_mail_waiting() {
    let smtp = Smtp::start();
    smtp.be(Manner::RefusesSender);
    let post = Post::with(&smtp);
    (1..=2).for_each(|n| post.invite(&format!("100{n}")));
    post.step();
    assert_eq!(post.states(), [MailState::Waiting; 2]);
    // The second was not tried with what is wrong for everybody.
    assert_eq!(post.mails().iter().map(|mail| mail.attempts).collect::<Vec<_>>(), [1, 0]);
    smtp.be(Manner::Takes);
    post.later(70 * MINUTE_MS);
    assert_eq!(post.states(), [MailState::Sent; 2]);
}

#[test]
fn a_server_that_breaks_off_after_the_mail_gets_it_again_under_the_same_id() {
    let smtp = Smtp::start();
    smtp.be(Manner::BreaksOff);
    let post = Post::with(&smtp);
    post.invite("1001");
    post.step();
    assert_eq!(post.states(), [MailState::Waiting]);
    // Not at once: whoever was killed here waits like whoever failed.
    assert_eq!(post.step(), 0);
    smtp.be(Manner::Takes);
    post.later(2 * MINUTE_MS);
    assert_eq!(post.states(), [MailState::Sent]);
    let read = smtp.read.lock().unwrap().clone();
    assert_eq!((read.len(), header(&read[0], "Message-ID")), (2, header(&read[1], "Message-ID")));
}

#[test]
fn a_slow_server_is_waited_for() {
    let smtp = Smtp::start();
    smtp.be(Manner::Slow);
    let post = Post::with(&smtp);
    post.invite("1001");
    assert_eq!(post.step(), 1);
}

#[test]
fn a_mail_whose_invite_is_over_does_not_leave() {
    let post = Post::new();
    post.invite("1001");
    post.invite("1002");
    let users: Vec<_> = post.mails().iter().filter_map(|mail| mail.user).collect();
    post.world.app.withdraw_invites(&post.org, &users[..1]).unwrap();
    post.world.app.put_clock_forward(8 * DAY_MS);
    let smtp = Smtp::start();
    post.set_server(smtp.address);
    assert_eq!(post.step(), 0);
    assert_eq!(post.states(), [MailState::Dropped; 2]);
    assert!(smtp.taken().is_empty());
}

#[test]
fn a_trial_says_at_once_what_came_of_it() {
    let smtp = Smtp::start();
    let post = Post::with(&smtp);
    let to: Email = Email::parse("me@acme.example").unwrap();
    let trial = || post.world.app.try_mail(&post.world.operator(), &to, Default::default()).unwrap();
    assert!(trial().sent);
    smtp.be(Manner::Refuses);
    let tried = trial();
    assert!(!tried.sent && tried.problem.unwrap().contains("no such mailbox"));
    assert!(post.mails().is_empty());
    post.stop.store(true, Ordering::Relaxed);
}
