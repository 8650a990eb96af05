//! A file that another phone system exported becomes phones that register, or do not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use muster_load::digest::Algorithm;
use muster_load::phone::{Phone, PhoneConfig, PhoneError};
use serde_json::Value;

use crate::server::{DOMAIN, Database, Server, data_file};

#[derive(Clone)]
struct Person {
    extension: String,
    username: String,
    secret: Option<String>,
    activated: bool,
    department: Option<String>,
}

fn people() -> Vec<Person> {
    let text = std::fs::read_to_string(data_file("people.json")).unwrap();
    let truth: Vec<Value> = serde_json::from_str(&text).unwrap();
    let text = |v: &Value| v.as_str().map(str::to_string);
    let person = |p: &Value| Person {
        extension: text(&p["extension"]).unwrap(),
        username: text(&p["username"]).unwrap(),
        secret: text(&p["sip_password"]),
        activated: p["activated"].as_bool().unwrap(),
        department: text(&p["department"]),
    };
    truth.iter().map(person).collect()
}

fn register(
    server: &Server,
    person: &Person,
    secret: &str,
    algorithm: Algorithm,
) -> Result<Phone, PhoneError> {
    let config = PhoneConfig::new(server.sip, DOMAIN, &person.extension, &person.username, secret);
    let phone = Phone::start(config.with(algorithm))?;
    phone.register(300)?;
    Ok(phone)
}

/// Who of the sixty can register with the password in the file: exactly those who are activated.
fn check_who_registers(server: &Server) {
    let (mut registered, mut refused_right, mut refused_none) = (0, 0, 0);
    for (i, person) in people().iter().enumerate() {
        let algorithm = if i % 2 == 0 { Algorithm::Md5 } else { Algorithm::Sha256 };
        let secret = person.secret.clone().unwrap_or_else(|| "no password in the file".into());
        match register(server, person, &secret, algorithm) {
            Ok(_) => {
                assert!(person.activated, "{} is a contact and was let in", person.username);
                registered += 1;
            }
            Err(PhoneError::Refused { status: 403, reason }) => {
                assert!(!person.activated && person.secret.is_some(), "{}: {reason}", person.username);
                refused_right += 1;
            }
            Err(PhoneError::Refused { status: 401, .. }) => {
                assert!(
                    person.secret.is_none(),
                    "{} was not let in with the right password",
                    person.username
                );
                refused_none += 1;
            }
            Err(other) => panic!("{}: {other}", person.username),
        }
    }
    let truth = people();
    let right = truth.iter().filter(|p| !p.activated && p.secret.is_some()).count();
    assert_eq!((registered, refused_right + refused_none), (45, 15));
    assert_eq!(refused_right, right);
}

/// Imports a file and gives the report of its job.
fn import(server: &Server, file: &str, more: &[&str]) -> Value {
    let path = data_file(file);
    server.run(&[&["import", path.as_str(), "--allow-shared-emails"], more].concat());
    let (status, jobs) = server.api("GET", "/jobs?limit=1", None);
    assert_eq!(status, 200, "{jobs}");
    jobs["items"][0].clone()
}

#[test]
fn sixty_people_of_3cx_register_as_the_file_says_on_both_databases() {
    for database in Database::BOTH {
        let server = Server::start_on(database);
        import(&server, "3cx.csv", &[]);
        check_who_registers(&server);
    }
}

#[test]
fn sixty_people_of_fusionpbx_register_as_the_file_says() {
    let server = Server::start();
    import(&server, "fusionpbx.csv", &[]);
    check_who_registers(&server);
}

#[test]
fn sixty_people_of_ringotel_register_once_they_are_activated_by_command() {
    let server = Server::start();
    import(&server, "ringotel.csv", &["--activate", "none"]);
    let active: Vec<String> = people().into_iter().filter(|p| p.activated).map(|p| p.username).collect();
    let mut args = vec!["user", "activate"];
    args.extend(active.iter().map(String::as_str));
    server.run(&args);
    check_who_registers(&server);
    let seats = server.json(&["seats"]);
    assert_eq!(seats["items"].as_array().map(Vec::len), Some(45), "{seats}");
}

#[test]
fn a_contact_registers_within_a_second_of_being_activated_and_not_after_being_deactivated() {
    let server = Server::start();
    import(&server, "3cx.csv", &[]);
    let contact = people().into_iter().find(|p| !p.activated && p.secret.is_some()).unwrap();
    let secret = contact.secret.clone().unwrap();
    let refused = register(&server, &contact, &secret, Algorithm::Md5);
    assert!(matches!(refused, Err(PhoneError::Refused { status: 403, .. })));
    let asked = Instant::now();
    let (status, answer) =
        server.api("POST", "/users/activate", Some(&serde_json::json!({ "users": [contact.username] })));
    assert_eq!(status, 200, "{answer}");
    while register(&server, &contact, &secret, Algorithm::Md5).is_err() {
        assert!(asked.elapsed() < Duration::from_secs(1), "activated a second ago, and not let in");
    }
    server.run(&["user", "deactivate", &contact.username]);
    let refused = register(&server, &contact, &secret, Algorithm::Md5);
    assert!(matches!(refused, Err(PhoneError::Refused { status: 403, .. })));
    // The phones know; that everybody sees it is told beside.
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let found = server.json(&["contacts", "--filter", &format!("username={}", contact.username)]);
        if found["items"][0]["presence"]["state"] == "offline" {
            break;
        }
        assert!(Instant::now() < deadline, "{found}");
    }
}

#[test]
fn what_is_exported_imports_to_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let systems =
        ["ringotel", "3cx", "fusionpbx", "freepbx", "wazo", "webex", "mikopbx", "ivozprovider", "vertical"];
    for file in systems.map(|name| format!("{name}.csv")) {
        let first = Server::start();
        import(&first, &file, &["--create-sites"]);
        let (a, b) = (path(&format!("{file}-a.csv")), path(&format!("{file}-b.csv")));
        first.run(&["export", &a]);
        let second = Server::start();
        second.run(&["import", &a, "--allow-shared-emails", "--create-sites"]);
        second.run(&["export", &b]);
        let (a, b) = (std::fs::read_to_string(a).unwrap(), std::fs::read_to_string(b).unwrap());
        let differing: BTreeSet<&str> =
            a.lines().zip(b.lines()).filter(|(a, b)| a != b).map(|(a, _)| a).collect();
        assert!(differing.is_empty() && a.lines().count() == b.lines().count(), "{file}: {differing:#?}");
        assert!(!a.contains("74ethJ4FHVB6qgJb"), "a password is in an export without secrets");
    }
}

#[test]
fn people_of_whom_nobody_is_enabled_come_to_register_by_the_commands_that_are_told() {
    let server = Server::start();
    let file = data_file("3cx.csv");
    let said = server.run(&["import", &file, "--allow-shared-emails", "--activate", "none"]);
    assert!(said.contains("3cx.csv --allow-shared-emails --match extension --activate all"), "{said}");
    let again =
        ["import", file.as_str(), "--allow-shared-emails", "--match", "extension", "--activate", "all"];
    let without: Vec<Person> = people().into_iter().filter(|person| person.secret.is_none()).collect();
    let said = server.run(&again);
    assert!(said.contains(&format!("{} SIP secrets were made", without.len())), "{said}");
    assert!(said.contains("muster user credentials WHO --reset"), "{said}");
    let made = server.json(&["user", "credentials", &without[0].extension, "--reset"])["secret"].clone();
    register(&server, &without[0], made.as_str().unwrap(), Algorithm::Sha256).unwrap();
    assert!(!server.run(&again).contains("SIP secrets"), "those who have one keep it");
}

#[test]
fn an_import_is_undone_as_a_whole_and_its_people_are_gone() {
    for database in Database::BOTH {
        import_and_undo(&Server::start_on(database));
    }
}

fn import_and_undo(server: &Server) {
    let job = import(server, "ringotel.csv", &[]);
    let id = job["id"].as_str().unwrap();
    server.run(&["undo", "--job", id]);
    let users = server.json(&["user", "list", "--all"]);
    assert_eq!(users["items"].as_array().map(Vec::len), Some(0), "{users}");
    assert_eq!(server.json(&["seats"])["items"].as_array().map(Vec::len), Some(0));
    let verified = server.json(&["changes", "--verify"]);
    assert_eq!(verified["intact"], true, "{verified}");
    // The way is free again.
    import(server, "ringotel.csv", &[]);
}

#[test]
fn two_organizations_have_people_of_the_same_names_and_neither_sees_the_other() {
    let server = Server::start();
    server.run(&["org", "create", "Other", "--domain", "other.example.com"]);
    import(&server, "ringotel.csv", &[]);
    server.run(&["import", &data_file("3cx.csv"), "--allow-shared-emails", "--org", "other"]);
    let person = people().into_iter().find(|p| p.activated).unwrap();
    let secret = person.secret.clone().unwrap();
    for domain in [DOMAIN, "other.example.com"] {
        let config = PhoneConfig::new(server.sip, domain, &person.extension, &person.username, &secret);
        let phone = Phone::start(config).unwrap();
        phone.register(300).unwrap();
    }
    let made =
        server.json(&["token", "create", "--name", "theirs", "--role", "administrator", "--org", "other"]);
    let theirs = made["token"].as_str().or(made["bearer"].as_str()).unwrap();
    let url = format!("http://{}/api/v1/organizations/example/users", server.http);
    let nobody = format!("http://{}/api/v1/organizations/no-such/users", server.http);
    let (ours, none) = (
        crate::server::request("GET", &url, theirs, None),
        crate::server::request("GET", &nobody, theirs, None),
    );
    assert_eq!(ours.0, 404);
    assert_eq!(ours, none, "another tenant's organization is answered like one that does not exist");
}

#[test]
fn two_imports_of_the_same_file_at_once_leave_each_person_once() {
    for database in Database::BOTH {
        import_twice_at_once(&Server::start_on(database));
    }
}

fn import_twice_at_once(server: &Server) {
    let path = data_file("fusionpbx.csv");
    let results: Vec<bool> = std::thread::scope(|scope| {
        let one = || server.command(&["import", &path]).status.success();
        let handles = [scope.spawn(one), scope.spawn(one)];
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|ok| **ok).count(), 1, "{results:?}");
    assert_eq!(server.json(&["user", "list", "--all"])["items"].as_array().map(Vec::len), Some(60));
}

#[test]
fn a_list_that_no_system_wrote_is_imported_by_the_mapping_that_was_guessed() {
    let server = Server::start();
    let file = data_file("foreign.csv");
    let refused = server.command(&["import", &file]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("Map its columns") && said.contains("--suggest-mapping"), "{said}");
    let mapping = server.file("mapping.toml");
    std::fs::write(&mapping, server.run(&["import", &file, "--suggest-mapping"])).unwrap();
    let options = ["--create-sites", "--allow-shared-emails", "--activate", "none"];
    server.run(&[&["import", &file, "--map", &mapping.display().to_string()], &options[..]].concat());
    let listed = server.json(&["user", "list", "--all"]);
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 60);
    for person in people() {
        let found = listed.iter().find(|user| user["extension"] == person.extension).unwrap();
        assert_eq!(found["department"].as_str(), person.department.as_deref(), "{found}");
    }
    std::fs::write(&mapping, "[columns]\nPoste = \"phone\"\n").unwrap();
    let refused = server.command(&["import", &file, "--map", &mapping.display().to_string()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("`phone`, which is no field"), "{said}");
}

#[test]
fn what_another_system_cannot_hold_is_said_when_it_is_exported_for_it() {
    let server = Server::start();
    import(&server, "3cx.csv", &[]);
    let file = server.file("for-ringotel.csv");
    let done = server.command(&["export", &file.display().to_string(), "--format", "ringotel"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.contains("Email: 56 people (u000000, "), "{said}");
    assert!(said.contains("SIP password (export with secrets)"), "{said}");
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("name,extension,password,username,authname,"), "{written:.80}");
    assert_eq!(written.lines().count(), 61);
    let refused =
        server.command(&["export", &server.file("b.csv").display().to_string(), "--format", "zoom"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("freepbx"), "{said}");
}

#[test]
fn a_workbook_that_is_exported_imports_to_the_same_file() {
    let first = Server::start();
    import(&first, "3cx.csv", &[]);
    let (workbook, a, b) = (first.file("people.xlsx"), first.file("a.csv"), first.file("b.csv"));
    let [workbook, a, b] = [workbook, a, b].map(|path| path.display().to_string());
    first.run(&["export", &workbook]);
    first.run(&["export", &a]);
    let second = Server::start();
    second.run(&["import", &workbook, "--allow-shared-emails"]);
    second.run(&["export", &b]);
    assert_eq!(std::fs::read_to_string(a).unwrap(), std::fs::read_to_string(b).unwrap());
}
