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

/// Starts a demo and ends it when it has said what runs, which is given, after `during` was done.
fn demo(data: &str, during: impl FnOnce(&[&str])) -> String {
    use std::io::{BufRead, BufReader};
    let arguments = ["serve", "--demo", "--data", data, "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0"];
    let mut child = muster(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let banner: Vec<String> = lines.take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let banner = banner.join("\n");
    let (_, after) = banner.split_once("muster org list ").unwrap_or_else(|| panic!("{banner}"));
    let options: Vec<&str> = after.lines().next().unwrap().split(' ').collect();
    during(&options);
    child.kill().unwrap();
    child.wait().unwrap();
    banner
}

#[test]
fn a_demo_tells_phones_as_they_are_now() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo").display().to_string();
    let extension_of = |line: &str| line.trim().split(' ').nth(1).unwrap().to_owned();
    let phones = |banner: &str| -> Vec<String> {
        banner.lines().filter(|line| line.starts_with("  extension ")).map(str::to_owned).collect()
    };
    let first = phones(&demo(&data, |_| {}));
    let [one, two] = [extension_of(&first[0]), extension_of(&first[1])];
    let again = demo(&data, |options| {
        for command in [&["user", "credentials", &one, "--reset"][..], &["user", "deactivate", &two]] {
            let done = muster(&[command, options].concat()).output().unwrap();
            assert!(done.status.success(), "{}", said(&done));
        }
    });
    assert_eq!(phones(&again), first, "nothing was changed before");
    let changed = demo(&data, |options| {
        let told = format!("muster user credentials {one} --reset {} --org demo", options.join(" "));
        std::fs::write(folder.path().join("told"), told).unwrap();
    });
    let told = std::fs::read_to_string(folder.path().join("told")).unwrap();
    assert_eq!(phones(&changed).len(), 1, "{changed}");
    assert!(changed.contains(&format!("secret changed since; for a new one: {told}")), "{changed}");
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

#[test]
fn what_changes_nothing_is_said_and_what_another_command_changes_is_told() {
    let server = Server::start();
    for (name, extension) in [("Ana Silva", "1001"), ("Bo Li", "1002")] {
        let fields = [
            format!("display_name={name}"),
            format!("extension={extension}"),
            format!("username=u{extension}"),
        ];
        server.run(&["user", "add", &fields[0], &fields[1], &fields[2]]);
    }
    let one = "1 person is enabled: they may register phones, and are counted.\n";
    assert!(server.run(&["user", "activate", "1001"]).starts_with(one));
    let both = server.run(&["user", "activate", "1001", "1002"]);
    let already = "1001 Ana Silva was enabled already: nothing was changed.\n";
    assert!(both.starts_with(&format!("{already}{one}")), "{both}");
    server.run(&["user", "deactivate", "1002"]);
    let again = server.run(&["user", "deactivate", "1002"]);
    assert_eq!(again, "1002 Bo Li was contact_only already: nothing was changed.\n");

    let refused = |arguments: &[&str]| {
        let done = server.command(arguments);
        assert_eq!(done.status.code(), Some(1), "{arguments:?}");
        said(&done)
    };
    let id = server.json(&["user", "show", "1001"])["id"].as_str().unwrap().to_owned();
    for who in ["1001", &id] {
        let there = refused(&["user", "restore", who]);
        assert!(there.starts_with("muster: 1001 Ana Silva is there, and was not removed."), "{there}");
    }
    assert!(refused(&["user", "restore", "1003"]).contains("names nobody here"));
    let service = refused(&["user", "set", "1001", "service=contact_only"]);
    assert!(
        service.contains("activate or deactivate the user")
            && service.contains("muster user deactivate 1001"),
        "{service}"
    );
    let username = refused(&["user", "set", "1001", "username=ana"]);
    assert!(username.contains("username is fixed for life"), "{username}");
}

#[test]
fn a_sip_password_that_can_be_guessed_is_remarked_however_it_is_given() {
    let server = Server::start();
    let typed = |command: &[&str], password: &str| {
        let file = server.file("typed");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        let token = server.data.join("owner.token").display().to_string();
        let url = format!("http://{}", server.http);
        let mut asked =
            muster(&[command, &["sip_password=-", "--url", &url, "--token-file", &token]].concat());
        let done = asked.stdin(std::fs::File::open(file).unwrap()).output().unwrap();
        assert!(done.status.success(), "{}", said(&done));
        said(&done)
    };
    let added = typed(&["user", "add", "display_name=Ana", "extension=1001"], "1001");
    assert!(added.contains("warning: sip_password is the extension"), "{added}");
    let set = typed(&["user", "set", "1001"], "1234567890123");
    assert!(set.contains("warning: sip_password is made of digits alone. To have a strong one made: muster user credentials 1001 --reset"), "{set}");
    assert_eq!(typed(&["user", "set", "1001"], "74ethJ4FHVB6qgJb"), "");
}

#[test]
fn a_usage_line_shows_no_option_that_the_environment_gives() {
    let mistaken = muster(&["user", "deactivate", "--reason"]);
    let with = |mut command: Command| {
        command
            .env("MUSTER_URL", "http://127.0.0.1:1")
            .env("MUSTER_ORG", "acme")
            .env("MUSTER_TOKEN_FILE", "x");
        said(&command.output().unwrap())
    };
    let usage = with(mistaken);
    assert!(!usage.contains("--url") && !usage.contains("--org") && !usage.contains("--token"), "{usage}");
    let usage = with(muster(&["user", "activate"]));
    assert!(usage.contains("Usage: muster user activate <WHO>...\n"), "{usage}");
}

#[test]
fn a_registered_phone_is_listed_and_signed_off_and_a_stranger_may_not() {
    let server = Server::start();
    server.run(&["user", "add", "display_name=Ana Silva", "extension=1001", "username=ana", "activated=yes"]);
    let secret = server.json(&["user", "credentials", "1001", "--reset"])["secret"].clone();
    let phone = server.phone("1001", "ana", secret.as_str().unwrap());
    phone.register(300).unwrap();
    let listed = server.json(&["user", "phones", "1001"]);
    let item = &listed["items"][0];
    assert_eq!(item["address"], phone.local_addr().to_string(), "{listed}");
    assert!(
        item["contact"].as_str().is_some_and(|contact| contact.starts_with("sip:ana@127.0.0.1:")),
        "{item}"
    );
    assert!(item["since"].as_str() < item["expires_at"].as_str(), "{item}");

    let reader = server.run(&["token", "create", "--name", "wallboard", "--role", "reader"]);
    let refused = server.command(&["user", "phones", "1001", "--drop", "--token", reader.trim()]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert_eq!(server.json(&["user", "phones", "1001"])["items"].as_array().unwrap().len(), 1);

    let gone = server.run(&["user", "phones", "1001", "--drop", "1"]);
    assert!(gone.starts_with("Signed off: "), "{gone}");
    assert_eq!(server.json(&["user", "phones", "1001"])["items"], serde_json::json!([]));
    assert!(server.log().contains("phones signed off"), "{}", server.log());
    phone.register(300).unwrap();
    assert_eq!(server.json(&["user", "phones", "1001"])["items"].as_array().unwrap().len(), 1);

    server.run(&["token", "revoke", "wallboard"]);
    let revoked = server.command(&["user", "phones", "1001", "--token", reader.trim()]);
    assert!(said(&revoked).contains("does not know the token given with --token"), "{}", said(&revoked));
}
