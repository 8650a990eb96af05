//! Each scenario of `tests/real/calls.py` on a server of its own.

use serde_json::json;

use crate::server::{DOMAIN, Server, root};

/// The least that a user may have, so that nobody waits long for nobody to answer.
const CALL_TIMEOUT_S: u32 = 5;

fn play(scenario: &str) {
    let server = Server::start();
    let accounts: Vec<(String, String, String)> = (1000..1004)
        .map(|n| (n.to_string(), format!("user{n}"), format!("secret-of-{n}-0123456789")))
        .collect();
    let mut file =
        String::from("name,extension,password,username,authname,mobile,phone,company,position,department\n");
    for (extension, name, secret) in &accounts {
        file += &format!("Person {extension},{extension},{secret},{name},{name},,,,,\n");
    }
    let path = |name: &str| server.file(name).to_string_lossy().into_owned();
    std::fs::write(path("people.csv"), file).expect("the file of people");
    server.run(&["import", &path("people.csv"), "--format", "ringotel", "--activate", "all"]);
    server.run(&["user", "set", "user1001", &format!("call_timeout_s={CALL_TIMEOUT_S}")]);

    let muster = env!("CARGO_BIN_EXE_muster");
    let setup = json!({
        "server": server.sip.to_string(),
        "domain": DOMAIN,
        "call_timeout_s": CALL_TIMEOUT_S,
        "accounts": accounts.iter().map(|(extension, name, secret)| {
            json!({"extension": extension, "auth_name": name, "secret": secret})
        }).collect::<Vec<_>>(),
        "commands": {
            "deactivate": [muster, "user", "deactivate", "{auth_name}"],
            "activate": [muster, "user", "activate", "{auth_name}"],
        },
    });
    std::fs::write(path("accounts.json"), setup.to_string()).expect("the file of accounts");
    let mut command = server.program("python3");
    command.current_dir(root()).args([
        "-B",
        "tests/real/calls.py",
        &path("accounts.json"),
        "--only",
        scenario,
        "--keep",
        &path("phones"),
    ]);
    let done = command.output().expect("python3, which `make test` installs");
    let text = String::from_utf8_lossy(&done.stdout);
    println!("{text}");
    assert!(
        text.ends_with("1 passed, 0 failed, 0 left out\n"),
        "{text}{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_tone_reaches_both_ends_of_a_call() {
    play("tone_reaches_both_ends");
}

#[test]
fn a_call_that_its_caller_ends_is_over_for_both() {
    play("caller_hangs_up");
}

#[test]
fn a_call_that_its_callee_ends_is_over_for_both() {
    play("callee_hangs_up");
}

#[test]
fn a_call_that_its_caller_cancels_stops_ringing() {
    play("caller_cancels");
}

#[test]
fn a_caller_is_told_that_the_callee_rejects() {
    play("callee_rejects");
}

#[test]
fn a_call_that_nobody_answers_ends_after_the_users_time() {
    play("nobody_answers");
}

#[test]
fn two_devices_ring_and_when_one_answers_the_other_stops() {
    play("two_devices_ring_and_one_answers");
}

#[test]
fn a_watcher_sees_ringing_busy_and_free_with_the_extension() {
    play("watcher_sees_ringing_busy_free");
}

#[test]
fn a_user_deactivated_during_a_call_is_cut_off_and_let_in_again_when_activated() {
    play("deactivated_during_a_call");
}

#[test]
fn a_strict_client_finds_no_fault_however_a_call_ends() {
    play("strict_client_calls_and_is_called");
}
