//! The 49 messages of RFC 4475, through a socket: none takes the server down.

use std::net::UdpSocket;
use std::time::Duration;

use crate::server::{Server, data_file};

/// Which answer is right is the matter of the phone core; here it must live, and answer the next good
/// request.
#[test]
fn none_of_the_rfc_4475_messages_takes_the_server_down() {
    let server = Server::start();
    server.run(&["import", &data_file("ringotel.csv")]);
    let made = server.json(&["user", "credentials", "1000", "--reset"]);
    let phone = server.phone("1000", made["auth_name"].as_str().unwrap(), made["secret"].as_str().unwrap());
    let corpus = format!("{}/../muster-sip/tests/it/rfc4475", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|f| f.unwrap().path()).collect();
    // `test.dat` is in the archive of the RFC without a section of its own.
    files.retain(|f| f.extension().is_some_and(|e| e == "dat") && !f.ends_with("test.dat"));
    files.sort();
    assert_eq!(files.len(), 49);
    let mut answers = String::new();
    for file in &files {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(40))).unwrap();
        socket.send_to(&std::fs::read(file).unwrap(), server.sip).unwrap();
        let mut buffer = [0u8; 65_536];
        let answer = socket.recv(&mut buffer).map(|n| String::from_utf8_lossy(&buffer[..n]).into_owned());
        let line = answer.ok().and_then(|text| text.lines().next().map(str::to_string));
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        answers.push_str(&format!("{name}: {}\n", line.unwrap_or_else(|| "no answer".into())));
        phone.register(300).unwrap_or_else(|e| panic!("after {name}: {e}\n{}", server.log()));
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    insta::assert_snapshot!(answers);
}
