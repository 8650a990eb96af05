//! Registrations over a restart.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use muster_load::digest::Algorithm;
use muster_load::phone::Transport;

use crate::support::*;

fn journal(directory: &Path) -> std::path::PathBuf {
    directory.join("bindings.journal")
}

#[test]
fn registrations_survive_a_restart_and_removed_ones_do_not_return() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let phones = [1, 2, 3].map(|n| registered(&edge, n));
    let over_tcp = phone(&edge, 4, Transport::Tcp, Algorithm::Md5);
    over_tcp.register(600).unwrap();
    phones[1].unregister().unwrap();
    let before = edge.registrations(ORG, None).unwrap();
    edge.shutdown();

    let edge = start(directory.path());
    assert_eq!(who_is_registered(&edge), [1, 3, 4]);
    let after = edge.registrations(ORG, None).unwrap();
    for old in &before {
        let new = after.iter().find(|new| new.user == old.user).unwrap();
        assert_eq!((&new.contact, new.peer, new.credential), (&old.contact, old.peer, old.credential));
        let drift_us = edge.unix_us(new.expires_at).abs_diff(edge.unix_us(old.expires_at));
        assert!(drift_us < 60_000_000, "{drift_us}");
    }
}

#[test]
fn a_restart_without_shutdown_loses_at_most_the_last_second() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    registered(&edge, 1);
    let path = journal(directory.path());
    let before = std::fs::metadata(&path).unwrap().len();
    // No shutdown: what is in the file within a second is what a crash would leave.
    let is_written = eventually(|| std::fs::metadata(&path).unwrap().len() > before.max(12));
    assert!(is_written || before > 12);
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(&path, journal(copy.path())).unwrap();
    let other = start(copy.path());
    assert_eq!(who_is_registered(&other), [1]);
}

#[test]
fn a_torn_tail_costs_the_last_entry_and_not_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    registered(&edge, 1);
    registered(&edge, 2);
    edge.shutdown();
    let path = journal(directory.path());
    let length = std::fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 3).unwrap();

    let edge = start(directory.path());
    assert_eq!(who_is_registered(&edge), [1]);
    registered(&edge, 3);
    edge.shutdown();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"half a frame, then the power went").unwrap();

    let edge = start(directory.path());
    assert_eq!(who_is_registered(&edge), [1, 3]);
}

#[test]
fn bindings_of_who_may_not_register_any_more_do_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    registered(&edge, 1);
    registered(&edge, 2);
    edge.shutdown();
    let edge = muster_edge::start(config(directory.path()), |_| {}).unwrap();
    assert!(edge.registrations(ORG, None).unwrap().is_empty());
    edge.plan(snapshot(1)).unwrap();
    assert_eq!(who_is_registered(&edge), [1]);
}

#[test]
fn two_edges_on_one_directory_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let edge = start(directory.path());
    let second = muster_edge::start(config(directory.path()), |_| {});
    assert!(matches!(second, Err(muster_edge::EdgeError::JournalInUse { .. })));
    drop(edge);
    start(directory.path());
}
