//! SIPp registers the people of a real file: those who are activated, and nobody else.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::server::{DOMAIN, Server, data_file, root};

struct Person {
    username: String,
    extension: String,
    secret: Option<String>,
    activated: bool,
}

/// The truth about the sixty.
fn people() -> Vec<Person> {
    let list: Value = serde_json::from_slice(&std::fs::read(data_file("people.json")).unwrap()).unwrap();
    let text = |person: &Value, field: &str| person[field].as_str().map(str::to_owned);
    let person = |person: &Value| Person {
        username: text(person, "username").expect("a username"),
        extension: text(person, "extension").expect("an extension"),
        secret: text(person, "sip_password"),
        activated: person["activated"].as_bool().expect("activated or not"),
    };
    list.as_array().expect("a list").iter().map(person).collect()
}

/// Runs a scenario of `tests/real/sipp` for one person; true when it went as the scenario wants.
fn sipp(server: &Server, scenario: &str, person: &Person, secret: &str) -> bool {
    let fields = server.file("sipp.csv");
    std::fs::write(&fields, format!("SEQUENTIAL\n{0};[authentication];{0}\n", person.extension))
        .expect("SIPp's file");
    let mut command = Command::new("sipp");
    command
        .current_dir(fields.parent().unwrap())
        .env("TERM", "dumb")
        .arg(server.sip.to_string())
        .arg("-sf")
        .arg(root().join("tests/real/sipp").join(scenario))
        .arg("-inf")
        .arg(&fields)
        .args(["-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "5s", "-timeout_error"])
        .args(["-key", "domain", DOMAIN, "-key", "contact_port", "5080"])
        .args(["-au", &person.username, "-ap", secret]);
    command.output().expect("SIPp, which `make test` installs").status.success()
}

fn only_the_activated_register(file: &str, activate: impl Fn(&Server, &[Person])) {
    let (server, people) = (Server::start(), people());
    server.run(&["import", &data_file(file), "--allow-shared-emails"]);
    activate(&server, &people);

    let wrong: Vec<&str> = people
        .iter()
        .filter(|person| {
            let secret = person.secret.as_deref();
            let as_expected = match (person.activated, secret) {
                (true, secret) => sipp(&server, "register.xml", person, secret.expect("a secret")),
                (false, Some(secret)) => sipp(&server, "refused.xml", person, secret),
                (false, None) => !sipp(&server, "register.xml", person, "a guess"),
            };
            !as_expected
        })
        .map(|person| person.username.as_str())
        .collect();
    assert_eq!(wrong, [""; 0], "not as they should");

    let late =
        people.iter().find(|person| !person.activated && person.secret.is_some()).expect("one to activate");
    server.run(&["user", "activate", &late.username]);
    let since = Instant::now();
    assert!(sipp(&server, "register.xml", late, late.secret.as_deref().expect("a secret")));
    assert!(since.elapsed() < Duration::from_secs(1), "let in after {:?}", since.elapsed());
}

#[test]
fn of_a_3cx_file_the_activated_register_and_nobody_else() {
    only_the_activated_register("3cx.csv", |_, _| {});
}

#[test]
fn of_a_fusionpbx_file_the_activated_register_and_nobody_else() {
    only_the_activated_register("fusionpbx.csv", |_, _| {});
}

#[test]
fn of_a_ringotel_file_those_whom_a_command_leaves_active_register_and_nobody_else() {
    // It has no column for it: everyone with a secret is active, until a command says otherwise.
    only_the_activated_register("ringotel.csv", |server, people| {
        let off = people.iter().filter(|person| !person.activated && person.secret.is_some());
        let mut arguments = vec!["user", "deactivate"];
        arguments.extend(off.map(|person| person.username.as_str()));
        server.run(&arguments);
    });
}

#[test]
fn sipp_is_told_where_to_find_the_scenarios() {
    for scenario in ["register.xml", "refused.xml", "invite_uac.xml", "invite_uas.xml"] {
        assert!(Path::exists(&root().join("tests/real/sipp").join(scenario)), "{scenario} is missing");
    }
}
