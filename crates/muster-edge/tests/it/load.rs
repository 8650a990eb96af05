//! Many phones at once, by the generator that the benchmarks use.

use std::time::Duration;

use muster_load::digest::Algorithm;
use muster_load::generate::{Kind, Load, User, run};

use crate::support::*;

fn load(kind: Kind, target: std::net::SocketAddr) -> Load {
    Load {
        kind,
        target,
        domain: REALM.to_owned(),
        algorithm: Algorithm::Sha256,
        rate: 500.0,
        count: 200,
        threads: 2,
        expires_s: 600,
        hold: Duration::from_millis(20),
        timeout: Duration::from_secs(8),
        reuse_nonces: false,
        quantum: Duration::ZERO,
        server_pid: None,
    }
}

#[test]
fn every_registration_and_every_call_of_a_burst_completes() {
    let directory = tempfile::tempdir().unwrap();
    let edge = muster_edge::start(config(directory.path()), |_| {}).unwrap();
    edge.plan(snapshot(400)).unwrap();
    let users: Vec<User> = (1..=400)
        .map(|n| User {
            auth_name: format!("user{n}"),
            secret: format!("secret{n}"),
            extension: (100 + n).to_string(),
        })
        .collect();
    let target = edge.udp_addrs()[0];
    for kind in [Kind::Register, Kind::Call] {
        let report = run(&load(kind, target), &users).unwrap();
        assert_eq!((report.completed, report.failed, report.skipped), (200, 0, 0), "{}", report.to_json());
    }
    assert!(eventually(|| edge.calls(ORG).unwrap().is_empty()));
    let counters = edge.core_counters().unwrap();
    assert_eq!((counters.calls_started, counters.calls_answered), (200, 200));
}
