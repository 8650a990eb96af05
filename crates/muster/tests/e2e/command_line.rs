//! What the program says to who typed something that cannot be.

use std::process::{Command, Output, Stdio};

use crate::server::Server;

fn muster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["MUSTER_URL", "MUSTER_TOKEN", "MUSTER_TOKEN_FILE", "MUSTER_ORG", "MUSTER_DATA"] {
        command.env_remove(name);
    }
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_second_server_in_the_same_folder_names_the_first_and_leaves_it_alone() {
    let server = Server::start();
    let data = server.data.display().to_string();
    let second = muster(&["serve", "--data", &data, "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"]);
    let second = { second }.output().unwrap();
    let named = format!("is in use by the Muster with process id {}", server.pid());
    assert_eq!(second.status.code(), Some(1));
    assert!(said(&second).contains(&named) && said(&second).contains("--data"), "{}", said(&second));
    server.run(&["user", "list"]);
}

#[test]
fn a_port_that_is_taken_is_said_with_who_has_it_and_the_option_to_move() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let (http, sip, free) = (server.http.to_string(), server.sip.to_string(), "127.0.0.1:0");
    for (http, sip, what, option) in
        [(http.as_str(), free, "HTTP", "--http"), (free, &sip, "SIP (UDP)", "--sip")]
    {
        let second = muster(&["serve", "--data", &data, "--http", http, "--sip", sip]).output().unwrap();
        let port = if option == "--http" { http } else { sip };
        let want = format!("{what} port {port} is taken by muster (pid {});", server.pid());
        let said = said(&second);
        assert!(said.contains(&want) && said.contains(&format!("as with {option} 127.0.0.1:")), "{said}");
    }
}

#[test]
fn a_wrong_token_of_the_environment_is_named_and_a_token_file_that_is_typed_wins_over_it() {
    let server = Server::start();
    let url = format!("http://{}", server.http);
    let wrong =
        muster(&["org", "list"]).env("MUSTER_URL", &url).env("MUSTER_TOKEN", "mst_x").output().unwrap();
    let want =
        format!("muster: {url} (from MUSTER_URL) does not know the token in MUSTER_TOKEN, or no longer.");
    assert!(said(&wrong).starts_with(&want), "{}", said(&wrong));
    let file = server.data.join("owner.token").display().to_string();
    let right =
        muster(&["org", "list", "--url", &url, "--token-file", &file]).env("MUSTER_TOKEN", "mst_x").output();
    let right = right.unwrap();
    assert!(right.status.success(), "{}", said(&right));
}

#[test]
fn the_log_has_no_colours_where_nobody_looks() {
    let mut server = Server::start();
    server.stop();
    assert!(server.log().contains("ended") && !server.log().contains('\u{1b}'), "{}", server.log());
}
