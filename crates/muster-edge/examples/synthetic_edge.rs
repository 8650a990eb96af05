//! An edge that serves N made-up people, for measurements:
//! `synthetic_edge PEOPLE ADDR USERS.csv [DATA_DIR]`.
//!
//! Writes the users' file that `muster-load` reads, prints its own pid, how long start and plan
//! took, then every second its resident memory and counters. It ends when its standard input does.
//! A data directory that is named is kept: the next run finds the registrations of this one.

use std::fmt::Write as _;
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster_domain::capabilities::capabilities;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;
use muster_edge::EdgeConfig;
use muster_sip::digest::{ha1_md5, ha1_sha256};
use uuid::Uuid;

const REALM: &str = "bench.example";
const ORG: OrgId = OrgId(Uuid::from_u128(1));

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people, addr, users_csv, rest @ ..] = arguments.as_slice() else {
        return Err("usage: synthetic_edge PEOPLE ADDR USERS.csv [DATA_DIR]".into());
    };
    let (people, addr): (usize, SocketAddr) = (people.parse()?, addr.parse()?);
    let mut csv = String::from("auth_name,secret,extension\n");
    let plan: Vec<PersonPlan> = (0..people).map(|n| person(n, &mut csv)).collect();
    std::fs::write(users_csv, csv)?;

    let scratch = std::env::temp_dir().join(format!("synthetic-edge-{}", std::process::id()));
    let directory = rest.first().map_or(scratch.clone(), PathBuf::from);
    let mut config = EdgeConfig::new(&directory);
    config.udp = vec![addr];
    let started = Instant::now();
    let edge = muster_edge::start(config, |_| {})?;
    let start_ms = started.elapsed().as_millis();
    let started = Instant::now();
    edge.plan(PlanUpdate::Organization {
        id: ORG,
        seq: 1,
        realm: REALM.into(),
        aliases: Vec::new(),
        people: plan,
    })?;
    edge.wait_reached(ORG, 1, Duration::from_secs(60));
    println!(
        "pid {}, started in {start_ms} ms, {people} people planned in {} ms, {} of them registered, \
         domain {REALM}, {}",
        std::process::id(),
        started.elapsed().as_millis(),
        edge.registrations(ORG, None)?.len(),
        memory()
    );
    let reporter = edge.clone();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_secs(1));
            eprintln!("{} {:?}", memory(), reporter.counters());
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new())?;
    println!("{:?}\n{:?}\n{}", edge.counters(), edge.core_counters(), memory());
    edge.shutdown();
    if directory == scratch {
        std::fs::remove_dir_all(scratch)?;
    }
    Ok(())
}

fn person(n: usize, csv: &mut String) -> PersonPlan {
    let (auth_name, secret) = (format!("user{n}"), format!("secret{n}"));
    let extension = (100_000 + n).to_string();
    let _ = writeln!(csv, "{auth_name},{secret},{extension}");
    PersonPlan {
        user: UserId(Uuid::from_u128(1 + n as u128)),
        extension: Some(extension.into()),
        display_name: format!("Person {n}").into(),
        service: Service::Enabled,
        capabilities: capabilities(UserType::User, ConnectionKind::Builtin),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(1 + n as u128)),
            secret: SecretId(Uuid::from_u128(1 + n as u128)),
            auth_name: auth_name.as_str().into(),
            ha1_md5: ha1_md5(&auth_name, REALM, &secret),
            ha1_sha256: ha1_sha256(&auth_name, REALM, &secret),
        }]),
    }
}

/// Resident memory now, as the kernel says it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).unwrap_or_default()
}
