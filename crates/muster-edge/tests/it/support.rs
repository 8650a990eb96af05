//! An organization with some people, an edge that serves it, and phones.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use muster_domain::capabilities::capabilities;
use muster_domain::dial_plan::{CredentialPlan, PersonPlan, PlanUpdate, Service};
use muster_domain::ids::{CredentialId, OrgId, SecretId, UserId};
use muster_domain::organization::ConnectionKind;
use muster_domain::user::UserType;
use muster_edge::{EdgeConfig, EdgeHandle, EdgeLimits};
use muster_load::digest::Algorithm;
use muster_load::phone::{Phone, PhoneConfig, Transport};
use muster_sip::digest::{ha1_md5, ha1_sha256};
use uuid::Uuid;

pub const REALM: &str = "acme.example";
pub const ORG: OrgId = OrgId(Uuid::from_u128(1));

/// Person `n` has extension 100 + n, auth name `user<n>` and secret `secret<n>`.
pub fn person(n: u32) -> PersonPlan {
    let (auth_name, secret) = (format!("user{n}"), format!("secret{n}"));
    PersonPlan {
        user: UserId(Uuid::from_u128(u128::from(n))),
        extension: Some((100 + n).to_string().into()),
        display_name: format!("Person {n}").into(),
        service: Service::Enabled,
        capabilities: capabilities(UserType::User, ConnectionKind::Builtin),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(u128::from(n))),
            secret: SecretId(Uuid::from_u128(u128::from(n))),
            auth_name: auth_name.as_str().into(),
            ha1_md5: ha1_md5(&auth_name, REALM, &secret),
            ha1_sha256: ha1_sha256(&auth_name, REALM, &secret),
        }]),
    }
}

pub fn snapshot(people: u32) -> PlanUpdate {
    PlanUpdate::Organization {
        id: ORG,
        seq: 1,
        realm: REALM.into(),
        aliases: Vec::new(),
        people: (1..=people).map(person).collect(),
    }
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// UDP and TCP on free ports.
pub fn config(data_dir: &Path) -> EdgeConfig {
    let mut config = EdgeConfig::new(data_dir);
    config.udp = vec![loopback()];
    config.tcp = vec![loopback()];
    config
}

/// An edge that follows an organization of nine people.
pub fn start(data_dir: &Path) -> EdgeHandle {
    start_with(data_dir, EdgeLimits::default())
}

pub fn start_with(data_dir: &Path, limits: EdgeLimits) -> EdgeHandle {
    let config = EdgeConfig { limits, ..config(data_dir) };
    let edge = muster_edge::start(config, |_| {}).unwrap();
    edge.plan(snapshot(9)).unwrap();
    assert!(edge.wait_reached(ORG, 1, Duration::from_secs(5)));
    edge
}

pub fn phone(edge: &EdgeHandle, n: u32, transport: Transport, algorithm: Algorithm) -> Phone {
    let server = match transport {
        Transport::Udp => edge.udp_addrs()[0],
        Transport::Tcp => edge.tcp_addrs()[0],
    };
    let (extension, auth_name) = ((100 + n).to_string(), format!("user{n}"));
    let config = PhoneConfig::new(server, REALM, &extension, &auth_name, &format!("secret{n}"));
    Phone::start(config.over(transport).with(algorithm)).unwrap()
}

/// A phone over UDP that has registered.
pub fn registered(edge: &EdgeHandle, n: u32) -> Phone {
    let phone = phone(edge, n, Transport::Udp, Algorithm::Sha256);
    phone.register(600).unwrap();
    phone
}

/// The users who are registered, by number, in order.
pub fn who_is_registered(edge: &EdgeHandle) -> Vec<u128> {
    let registrations = edge.registrations(ORG, None).unwrap();
    let mut users: Vec<u128> =
        registrations.iter().map(|registration| registration.user.0.as_u128()).collect();
    users.sort_unstable();
    users
}

/// Asks again until `is_so` or five seconds have passed; says whether it came to be.
pub fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while Instant::now() < deadline {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
