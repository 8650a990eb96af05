//! The whole installation as a file, and back: on either database, whatever is killed, cut or full meanwhile.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::server::{Database, Server, data_file, request};

const PASSPHRASE: &str = "five words nobody will guess";

fn passphrase_file(server: &Server) -> String {
    let path = server.file("passphrase");
    std::fs::write(&path, format!("{PASSPHRASE}\n")).unwrap();
    path.display().to_string()
}

/// Backs up to a file beside the server's folder.
fn back_up(server: &Server) -> PathBuf {
    let file = server.file("muster.backup");
    let said =
        server.run(&["backup", &file.display().to_string(), "--passphrase-file", &passphrase_file(server)]);
    assert!(said.contains("The whole installation is in"), "{said}");
    file
}

/// Where something is restored to.
struct Place {
    data: PathBuf,
    database: Option<String>,
}

fn restore(file: &Path, place: &Place) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.arg("restore").arg(file).arg("--data").arg(&place.data);
    if let Some(url) = &place.database {
        command.args(["--database", url]);
    }
    command.env("MUSTER_BACKUP_PASSPHRASE", PASSPHRASE).stdin(Stdio::null());
    command
}

fn said(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

fn count(server: &Server) -> usize {
    server.json(&["user", "list", "--all"])["items"].as_array().unwrap().len()
}

fn moves(from: Database, to: Database) {
    let mut server = Server::start_on(from);
    let import = data_file("ringotel.csv");
    server.run(&["import", &import]);
    let job = server.json(&["job", "list"])["items"][0]["id"].as_str().unwrap().to_string();
    server.run(&["undo", "--job", &job]);
    server.run(&["import", &import]);
    let made = server.json(&["user", "credentials", "1001", "--reset"]);
    let (name, secret) = (made["auth_name"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let reader = server.json(&["token", "create", "--name", "Wallboard", "--role", "reader"]);
    let people = count(&server);
    let file = back_up(&server);
    let log = server.json(&["changes", "--org", "operator"]).to_string();
    assert!(log.contains("installation.backed_up"), "{log}");
    let metrics = request("GET", &format!("http://{}/metrics", server.http), "", None).1.to_string();
    assert!(metrics.contains("muster_backups_total 1"), "{metrics}");
    let place = Place { data: server.file("restored"), database: to.url() };
    let out = restore(&file, &place).output().unwrap();
    assert!(out.status.success(), "{}", said(&out));
    assert!(!place.data.join("restoring").exists() && !place.data.join("restored").exists());
    server.stop();
    let restored = Server::start_in(&place.data, place.database.as_deref());
    assert_eq!(restored.token, server.token);
    assert_eq!(count(&restored), people);
    for org in ["example", "operator"] {
        let verified = restored.json(&["changes", "--verify", "--org", org]);
        assert_eq!(
            (&verified["intact"], &verified["secrets_damaged"]),
            (&json!(true), &json!(0)),
            "{verified}"
        );
    }
    restored.phone("1001", name, secret).register(300).unwrap();
    let url = format!("http://{}/api/v1/organizations/example/users", restored.http);
    let bearer = reader["token"].as_str().unwrap();
    assert_eq!(request("GET", &url, bearer, None).0, 200, "{reader}");
    let after = json!({ "display_name": "After The Fire", "extension": "7777" });
    assert_eq!(restored.api("POST", "/users", Some(&after)).0, 201);
}

#[test]
fn what_was_on_sqlite_goes_on_on_sqlite_and_phones_register_with_the_passwords_they_have() {
    moves(Database::Sqlite, Database::Sqlite);
}

#[test]
fn what_was_on_sqlite_goes_on_on_postgresql() {
    moves(Database::Sqlite, Database::Postgres);
}

#[test]
fn what_was_on_postgresql_goes_on_on_sqlite() {
    moves(Database::Postgres, Database::Sqlite);
}

#[test]
fn what_was_on_postgresql_goes_on_on_postgresql() {
    moves(Database::Postgres, Database::Postgres);
}

#[test]
fn nothing_is_overwritten_nothing_is_left_behind_and_only_operators_back_up() {
    let server = Server::start();
    server.run(&["import", &data_file("ringotel.csv")]);
    let (file, passphrase) = (back_up(&server), passphrase_file(&server));
    let name = file.display().to_string();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let again = server.command(&["backup", &name, "--passphrase-file", &passphrase]);
    assert!(again.status.code() == Some(1) && said(&again).contains("--force"), "{}", said(&again));
    server.run(&["backup", &name, "--passphrase-file", &passphrase, "--force"]);
    let checked = Command::new(env!("CARGO_BIN_EXE_muster"))
        .args(["restore", "--check", &name, "--passphrase-file", &passphrase])
        .output()
        .unwrap();
    assert!(
        checked.status.success() && said(&checked).contains("(example): 60 people"),
        "{}",
        said(&checked)
    );
    // Somebody works there.
    let out = restore(&file, &Place { data: server.data.clone(), database: None }).output().unwrap();
    assert!(out.status.code() == Some(1) && said(&out).contains("is in use by"), "{}", said(&out));
    let place = Place { data: server.file("elsewhere"), database: None };
    let out =
        restore(&file, &place).env("MUSTER_BACKUP_PASSPHRASE", "another one entirely").output().unwrap();
    assert!(
        said(&out).contains("does not open with this passphrase") && !place.data.exists(),
        "{}",
        said(&out)
    );
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 1000]).unwrap();
    let out = restore(&file, &place).output().unwrap();
    assert!(out.status.code() == Some(1) && !place.data.exists(), "{}", said(&out));
    assert!(said(&out).contains("damaged") || said(&out).contains("cut off"), "{}", said(&out));
    std::fs::write(&file, &whole).unwrap();
    assert!(restore(&file, &place).output().unwrap().status.success());
    let out = restore(&file, &place).output().unwrap();
    assert!(said(&out).contains("muster.keys is there already; "), "{}", said(&out));
    for passphrase in ["short", "", "aaaaaaaaaaaaaaaaaa"] {
        let url = format!("http://{}/api/v1/backup", server.http);
        let (status, problem) =
            request("POST", &url, &server.token, Some(&json!({ "passphrase": passphrase })));
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("passphrase")), "{problem}");
    }
    let admin = server.json(&["token", "create", "--name", "Admin", "--role", "administrator"]);
    let bearer = admin["token"].as_str().unwrap();
    let body = json!({ "passphrase": PASSPHRASE });
    let url = format!("http://{}/api/v1/backup", server.http);
    assert_eq!(request("POST", &url, bearer, Some(&body)).0, 403, "{admin}");
}

/// What is beside the server's folder, but for what the tests put there.
fn beside(server: &Server, prefix: &str) -> Vec<String> {
    let folder = server.data.parent().unwrap().to_path_buf();
    let names =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains(prefix)).collect()
}

#[test]
fn a_backup_that_breaks_off_leaves_no_file_and_says_so() {
    let mut server = Server::start();
    server.run(&["import", &data_file("ringotel.csv")]);
    let passphrase = passphrase_file(&server);
    let file = server.file("broken.backup");
    let args = ["backup", &file.display().to_string(), "--passphrase-file", &passphrase].map(str::to_owned);
    // The disk is full: no file may grow beyond this.
    let out = server
        .program("prlimit")
        .args(["--fsize=20000:20000", env!("CARGO_BIN_EXE_muster")])
        .args(&args)
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1), "{}", said(&out));
    assert!(said(&out).contains("cannot be written"), "{}", said(&out));
    assert_eq!(beside(&server, "broken"), Vec::<String>::new());
    // The server is killed.
    let mut broken = 0;
    for round in 0..6 {
        let mut command = server.program(env!("CARGO_BIN_EXE_muster"));
        let client = command.args(&args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 * round));
        server.kill();
        let out = client.wait_with_output().unwrap();
        if out.status.success() {
            std::fs::remove_file(&file).unwrap();
        } else {
            broken += 1;
            assert!(!said(&out).is_empty());
            assert_eq!(beside(&server, "broken"), Vec::<String>::new(), "{}", said(&out));
        }
        server = server.restart();
    }
    assert!(broken > 0, "the server was never killed in time");
}

/// `MUSTER_KILLS` makes it longer.
fn rounds() -> u64 {
    std::env::var("MUSTER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(4)
}

#[test]
fn kill_9_of_a_restore_leaves_nothing_or_all_and_the_next_one_works() {
    killed_again_and_again(Database::Sqlite);
}

#[test]
fn kill_9_of_a_restore_into_postgresql_leaves_nothing_or_all_and_the_next_one_works() {
    killed_again_and_again(Database::Postgres);
}

fn killed_again_and_again(to: Database) {
    let server = Server::start();
    let mut text = "name,extension,password,username,authname\n".to_string();
    for n in 10_000..12_000 {
        text.push_str(&format!("Person {n},{n},secret-{n}-abcdefgh,u{n},u{n}\n"));
    }
    let list = server.file("people.csv");
    std::fs::write(&list, text).unwrap();
    server.run(&["import", &list.display().to_string()]);
    let file = back_up(&server);
    let place = |name: String| Place { data: server.file(&name), database: to.url() };
    let asked = Instant::now();
    assert!(restore(&file, &place("whole".into())).output().unwrap().status.success());
    let takes = asked.elapsed();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let (mut unfinished, mut served) = (0, 0);
    for round in 0..rounds() {
        let place = place(format!("round{round}"));
        let mut running = quiet(restore(&file, &place));
        // The last part, where files change places, is short: every other kill is aimed at it.
        let chance = (now.wrapping_mul(round * 2 + 1) >> 20) % 1000;
        let share = if round % 2 == 0 { chance as f64 / 1000.0 } else { 0.8 + chance as f64 / 4000.0 };
        std::thread::sleep(takes.mul_f64(share));
        running.kill().unwrap();
        let was_done = running.wait().unwrap().success();
        // A server starts with all of it or not at all.
        let serve = serve_once(&place);
        served += u64::from(serve);
        if !serve {
            assert!(!was_done, "round {round}: it had ended, and no server starts");
            unfinished += 1;
            let out = restore(&file, &place).output().unwrap();
            assert!(out.status.success(), "round {round}: {}", said(&out));
            assert!(serve_once(&place), "round {round}: restored, and no server starts");
        }
        if let (Database::Sqlite, true) = (to, place.data.join("muster.db.restoring").exists()) {
            panic!("round {round}: half a database is left");
        }
    }
    println!("{} kills: {unfinished} left nothing, {served} all", rounds());
}

fn quiet(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Whether a server has everybody there. Where nothing has begun, none is started: it would make an empty one.
fn serve_once(place: &Place) -> bool {
    let is_there =
        ["restoring", "muster.keys", "muster.db"].iter().any(|name| place.data.join(name).exists());
    if !is_there {
        return false;
    }
    if place.data.join("restoring").exists() {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(["serve", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--data"]).arg(&place.data);
        if let Some(url) = &place.database {
            command.args(["--database", url]);
        }
        let mut refused = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let ended = loop {
            if let Some(status) = refused.try_wait().unwrap() {
                break Some(status);
            }
            if !place.data.join("restoring").exists() && !place.data.join("restored").exists() {
                // It has finished what was left, and runs.
                break None;
            }
            assert!(Instant::now() < deadline, "it neither refuses nor finishes");
            std::thread::sleep(Duration::from_millis(10));
        };
        let _ = refused.kill();
        let out = refused.wait_with_output().unwrap();
        if ended.is_some() {
            assert!(said(&out).contains("was broken off: run `muster restore` again"), "{}", said(&out));
            return false;
        }
    }
    let server = Server::start_in(&place.data, place.database.as_deref());
    assert_eq!(count(&server), 2000, "a part of it is there");
    assert_eq!(server.json(&["changes", "--verify"])["intact"], true);
    true
}
