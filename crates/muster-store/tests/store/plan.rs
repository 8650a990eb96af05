//! What the phone core is told of people.

use muster_domain::field::Entity;
use muster_domain::ids::CredentialId;
use muster_domain::organization::Device;
use muster_domain::user::{Record, Service, User};
use muster_store::{PlanPerson, SecretKind, Store, Tx};

use crate::common::{Database, Tenant, created, id, on_both, text, updated};

on_both!(
    the_plan_has_live_people_with_their_own_and_their_devices_credentials,
    a_damaged_secret_leaves_everybody_else_their_credentials,
);

fn device(tenant: &Tenant, n: u128, user: &User, secret: Option<u128>) -> Device {
    let mut device = Device::blank(tenant.org, id(7_000 + n));
    device.name = text(&format!("Phone {n}"));
    device.user = Some(user.id);
    if let Some(secret) = secret {
        device.auth_name = Some(text(&format!("phone.{n}")));
        device.sip_secret = Some(tenant.secret_id(secret));
    }
    device
}

fn all(store: &Store, tenant: &Tenant) -> Vec<PlanPerson> {
    store
        .read(|r| {
            let mut people = Vec::new();
            r.plan_people(tenant.org, |person| {
                people.push(person);
                Ok(())
            })?;
            Ok::<_, muster_store::StoreError>(people)
        })
        .unwrap()
}

fn the_plan_has_live_people_with_their_own_and_their_devices_credentials(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let mut ana = tenant.user(1);
    ana.service = Service::Enabled;
    ana.sip_secret = Some(tenant.secret_id(1));
    ana.max_bindings = text("7");
    let contact = tenant.user(2);
    let trashed = tenant.user(3);
    store
        .write(|tx: &mut Tx| {
            for n in 1..=3 {
                let secret = format!("secret {n}");
                tx.put_secret(tenant.org, tenant.secret_id(n), SecretKind::SipSecret, &secret)?;
            }
            Ok::<_, muster_store::StoreError>(())
        })
        .unwrap();
    let changes = [
        created(ana.clone()),
        created(contact.clone()),
        created(trashed.clone()),
        created(device(&tenant, 1, &ana, Some(2))),
        created(device(&tenant, 2, &ana, None)),
        created(device(&tenant, 3, &ana, Some(3))),
        created(Device { user: None, ..device(&tenant, 4, &ana, None) }),
    ];
    tenant.record(store, &changes).unwrap();
    tenant.record(store, &[updated(&trashed, |u| u.record = Record::Trashed)]).unwrap();
    let people = all(store, &tenant);
    assert_eq!(people.iter().map(|p| p.user).collect::<Vec<_>>(), vec![ana.id, contact.id]);
    let found: Vec<(CredentialId, &str, &str)> =
        people[0].credentials.iter().map(|c| (c.id, c.auth_name.as_str(), c.secret.as_str())).collect();
    assert_eq!(
        found,
        vec![
            (CredentialId(ana.id.0), "ana.1", "secret 1"),
            (CredentialId(id(7_001)), "phone.1", "secret 2"),
            (CredentialId(id(7_003)), "phone.3", "secret 3"),
        ]
    );
    assert_eq!((people[0].max_bindings, people[0].service), (7, Service::Enabled));
    assert_eq!(people[0].extension.as_deref(), Some("1001"));
    assert!(people[1].credentials.is_empty());
    let some = store.read(|r| r.plan_people_of(tenant.org, &[ana.id, trashed.id])).unwrap();
    assert_eq!(some.len(), 1);
    assert_eq!(format!("{:?}", some[0]), format!("{:?}", people[0]));
    assert!(!format!("{:?}", people[0]).contains("secret 1"), "a secret is printed");
}

fn a_damaged_secret_leaves_everybody_else_their_credentials(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let users: Vec<User> =
        (1..=3).map(|n| User { sip_secret: Some(tenant.secret_id(n)), ..tenant.user(n) }).collect();
    let put = |tx: &mut Tx| {
        (1..=4).try_for_each(|n| tx.put_secret(tenant.org, tenant.secret_id(n), SecretKind::SipSecret, "x"))
    };
    store.write(put).unwrap();
    let mut changes: Vec<_> = users.iter().cloned().map(created).collect();
    changes.push(created(device(&tenant, 1, &users[0], Some(4))));
    tenant.record(store, &changes).unwrap();
    // One is cut, the next is the one before it, and one is a text where SQLite lets that stand.
    let id_of = |n: u128| match database.is_sqlite() {
        true => format!("x'{}'", tenant.secret_id(n).0.simple()),
        false => format!("'{}'", tenant.secret_id(n).0),
    };
    let text = if database.is_sqlite() { "'a text'" } else { "'a text'::bytea" };
    let (first, second, fourth) = (id_of(1), id_of(2), id_of(4));
    for damage in [
        format!("UPDATE secrets SET ciphertext = {text} WHERE id = {fourth}"),
        format!(
            "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE id = {first}) WHERE id = {second}"
        ),
    ] {
        store.raw(&damage).unwrap();
    }
    let people = all(store, &tenant);
    let found: Vec<(usize, Vec<&str>)> = people
        .iter()
        .map(|p| (p.credentials.len(), p.damaged.iter().map(|d| d.auth_name.as_str()).collect()))
        .collect();
    assert_eq!(found, vec![(1, vec!["phone.1"]), (0, vec!["ana.2"]), (1, vec![])]);
    let some = store.read(|r| r.plan_people_of(tenant.org, &[users[1].id, users[2].id])).unwrap();
    let found: Vec<usize> = some.iter().map(|p| p.damaged.len()).collect();
    assert_eq!(found.iter().sum::<usize>(), 1);
}
