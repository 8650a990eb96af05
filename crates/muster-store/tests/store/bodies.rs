//! The form of a change's body is kept for good: what was written by an older program must be read.

use muster_domain::change::{EntityChange, Op};
use muster_domain::field::Entity;
use muster_domain::ids::SecretId;
use muster_domain::types::UnixMillis;
use muster_domain::user::{Service, User};
use muster_store::StoreError;

use crate::common::{Database, Tenant, created, id, removed, text, updated};

/// One body a line: creation, update, removal. Never edited; a new version gets a file of its own.
const GOLDEN: &str = include_str!("bodies_v1.jsonl");

fn sample(tenant: &Tenant) -> User {
    let mut user = tenant.user(1);
    user.given_name = Some(text("Ana \"Anita\"\\"));
    user.display_name = text("Änne 日本");
    user.tags = vec![text("floor:2"), text("team:red \"x\"")];
    user.service = Service::Disabled;
    user.disabled_reason = Some(text("line one\nline two"));
    user.disabled_until = Some(UnixMillis(1_800_000_000_000));
    user.press_1_to_accept = false;
    user
}

fn changes(tenant: &Tenant) -> Vec<EntityChange> {
    let user = sample(tenant);
    let update = updated(&user, |u| {
        u.sip_secret = Some(SecretId(id(0xabc)));
        u.tags = Vec::new();
        u.press_1_to_accept = true;
        u.call_timeout_s = text("45");
        u.given_name = None;
    });
    vec![created(user.clone()).change, update.change, removed(&user).change]
}

#[test]
fn bodies_are_written_as_they_always_were_and_read_back() {
    let database = Database::sqlite();
    let tenant = Tenant::create(&database.store, 1);
    let user = sample(&tenant);
    let update = updated(&user, |u| {
        u.tags = Vec::new();
        u.press_1_to_accept = true;
        u.call_timeout_s = text("45");
        u.given_name = None;
    });
    let now = User::clone(match &update.after {
        Some(muster_store::AnyEntity::User(user)) => user,
        _ => panic!(),
    });
    let mut changes = [created(user), update, removed(&now)];
    // Fields that came later are not in the file.
    for (change, line) in changes.iter_mut().zip(GOLDEN.lines()) {
        change.change.fields.retain(|field| line.contains(&format!("\"{}\":[", field.field)));
    }
    tenant.record(&database.store, &changes).unwrap();
    let lines = database.store.read(|r| r.raw_changes(tenant.org, 3, 10)).unwrap();
    let bodies: Vec<String> =
        lines.into_iter().map(|l| String::from_utf8(l.body.unwrap().json).unwrap()).collect();
    let golden: Vec<&str> = GOLDEN.lines().collect();
    assert_eq!(bodies, golden);
    let read = database.store.read(|r| r.changes(tenant.org, 3, 10, &Default::default())).unwrap();
    let ops: Vec<Op> = read.iter().map(|c| c.body.as_ref().unwrap().op).collect();
    assert_eq!(ops, vec![Op::Create, Op::Update, Op::Remove]);
    for (read, written) in read.iter().zip(&changes) {
        assert_eq!(read.body.as_ref().unwrap(), &written.change);
    }
}

#[test]
fn every_change_is_read_back_as_it_was_recorded() {
    let database = Database::sqlite();
    let tenant = Tenant::create(&database.store, 1);
    for change in changes(&tenant) {
        assert!(User::field(change.fields[0].field).is_some());
    }
    let user = sample(&tenant);
    let update = updated(&user, |u| u.tags = vec![text("a:b,c".trim_end_matches(",c"))]);
    let wanted = [created(user).change, update.change.clone()];
    tenant.record(&database.store, &[created(sample(&tenant)), update]).unwrap();
    let read = database.store.read(|r| r.changes(tenant.org, 3, 10, &Default::default())).unwrap();
    let read: Vec<_> = read.into_iter().map(|c| c.body.unwrap()).collect();
    assert_eq!(read, wanted);
}

#[test]
fn a_body_that_is_none_is_an_error_and_no_panic() {
    let database = Database::sqlite();
    let tenant = Tenant::create(&database.store, 1);
    for body in [
        "",
        "{}",
        "[1]",
        "{\"v\":2,\"op\":\"create\",\"fields\":{}}",
        "{\"v\":1,\"op\":\"x\"}",
        "{\"v\":1,\"op\":\"create\",\"fields\":{\"name\":{}}}",
        "{\"v\":1,\"op\":\"create\",\"fields\":{\"name\":[null,{}]}}",
    ] {
        let hex: String = body.bytes().map(|b| format!("{b:02x}")).collect();
        database.store.raw(&format!("UPDATE change_bodies SET body = x'{hex}' WHERE seq = 1")).unwrap();
        let read = database.store.read(|r| r.changes(tenant.org, 0, 1, &Default::default()));
        let wrong = matches!(&read, Err(StoreError::Corrupt(_)));
        assert!(wrong, "{body} was read as {read:?}");
    }
}
