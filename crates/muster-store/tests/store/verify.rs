//! What a check of an organization finds: in the log, in the tables beside it, among the secrets.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::organization::{Device, Mailbox};
use muster_domain::user::User;
use muster_store::{SecretKind, Tx, Verification};

use crate::common::{Database, Tenant, created, id, on_both, removed, text, updated};

on_both!(
    what_the_log_says_is_what_the_tables_hold,
    a_row_changed_behind_the_log_is_named_with_its_field,
    a_row_that_is_missing_and_one_that_nobody_recorded_are_found,
    what_was_erased_is_counted_with_its_reason_and_the_rest_is_compared,
    a_damaged_body_is_an_answer_and_says_where,
    a_damaged_secret_is_named_with_whose_it_is,
);

fn verify(database: &Database, tenant: &Tenant) -> Verification {
    database.store.read(|r| r.verify(tenant.org)).unwrap()
}

/// Some of each kind, changed, removed and made again.
fn busy_tenant(database: &Database) -> (Tenant, Vec<User>) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let users: Vec<User> = (1..=8).map(|n| tenant.add_user(store, n)).collect();
    tenant.record(store, &[updated(&users[0], |u| u.title = Some(text("Head")))]).unwrap();
    tenant.record(store, &[removed(&users[1])]).unwrap();
    tenant.record(store, &[created(users[1].clone())]).unwrap();
    tenant.record(store, &[removed(&users[2])]).unwrap();
    let mut mailbox = Mailbox::blank(tenant.org, id(60));
    mailbox.name = text("Ana's");
    mailbox.owner = Some(users[0].id);
    let mut device = Device::blank(tenant.org, id(61));
    device.name = text("Kitchen");
    device.user = Some(users[3].id);
    tenant.record(store, &[created(mailbox), created(device)]).unwrap();
    (tenant, users)
}

fn what_the_log_says_is_what_the_tables_hold(database: &Database) {
    let (tenant, _) = busy_tenant(database);
    let many: Vec<_> = (100..1700).map(|n| created(tenant.user(n))).collect();
    tenant.record(&database.store, &many).unwrap();
    let found = verify(database, &tenant);
    assert_eq!(found.broken, None);
    let state = found.state.unwrap();
    // The organization, a site, a connection, eight users less the one that is gone, a mailbox, a device.
    assert_eq!((state.alike, state.differing, state.first), (3 + 7 + 2 + 1600, 0, None));
}

fn a_row_changed_behind_the_log_is_named_with_its_field(database: &Database) {
    let (tenant, users) = busy_tenant(database);
    for (sql, kind, field) in [
        ("UPDATE mailboxes SET owner = NULL", EntityKind::Mailbox, "owner"),
        ("UPDATE users SET department = 'Board' WHERE extension = '1005'", EntityKind::User, "department"),
        ("UPDATE users SET version = 9 WHERE extension = '1004'", EntityKind::User, "version"),
        ("UPDATE users SET created_at = 1 WHERE extension = '1002'", EntityKind::User, "created_at"),
    ] {
        database.store.raw(sql).unwrap();
        let state = verify(database, &tenant).state.unwrap();
        let first = state.first.unwrap();
        // The mailbox has the smallest id; among users the last one spoiled has.
        let expected = if kind == EntityKind::User { (kind, Some(field)) } else { (kind, Some("owner")) };
        assert_eq!((first.kind, first.field), expected, "{sql}: {first:?}");
        database
            .store
            .raw("UPDATE mailboxes SET owner = (SELECT id FROM users WHERE title = 'Head')")
            .unwrap();
    }
    let state = verify(database, &tenant).state.unwrap();
    assert_eq!(state.differing, 3);
    let first = state.first.unwrap();
    assert_eq!((first.id, first.name.as_deref()), (users[1].id.0, Some("Ana Pereira 2")));
}

fn a_row_that_is_missing_and_one_that_nobody_recorded_are_found(database: &Database) {
    let (tenant, users) = busy_tenant(database);
    let gone = users[6].id.0;
    database.store.raw("DELETE FROM users WHERE extension = '1007'").unwrap();
    let first = verify(database, &tenant).state.unwrap().first.unwrap();
    assert_eq!((first.kind, first.id, first.name), (EntityKind::User, gone, None));
    assert!(first.why.contains("not stored"), "{}", first.why);

    let copy = format!(
        "INSERT INTO sites (org_id, id, version, created_at, name, name_key, emergency_numbers) \
         SELECT org_id, {}, 1, 5, 'Cellar', 'cellar', '[]' FROM sites",
        spelled(database, id(99))
    );
    database.store.raw(&copy).unwrap();
    assert_eq!(verify(database, &tenant).state.unwrap().differing, 2);
    // The log knows the id, as that of somebody else.
    let ghost = "INSERT INTO mailboxes (org_id, id, version, created_at, name, name_key) \
                 SELECT org_id, owner, 1, 5, 'Ghost', 'ghost' FROM mailboxes WHERE owner IS NOT NULL";
    database.store.raw(ghost).unwrap();
    assert_eq!(verify(database, &tenant).state.unwrap().differing, 3);
}

fn what_was_erased_is_counted_with_its_reason_and_the_rest_is_compared(database: &Database) {
    let (tenant, users) = busy_tenant(database);
    let store = &database.store;
    for user in [&users[2], &users[4]] {
        store.write(|tx: &mut Tx| tx.erase_bodies(tenant.org, EntityKind::User, user.id.0)).unwrap();
    }
    let found = verify(database, &tenant);
    assert_eq!((found.broken.as_ref(), found.erased), (None, 3));
    let state = found.state.unwrap();
    assert_eq!((state.erased_things, state.partly_erased, state.differing), (2, 1, 0));
    let told: Vec<_> = state.erased.iter().map(|e| (e.id, e.bodies, e.first, e.removed_by)).collect();
    // The one was created by change 6 and removed by 15; of the other, nothing says why.
    assert_eq!(told, vec![(users[2].id.0, 2, 6, Some(15)), (users[4].id.0, 1, 8, None)]);
    // What was changed after the erasure is compared all the same.
    tenant.record(store, &[updated(&users[4], |u| u.title = Some(text("Boss")))]).unwrap();
    assert_eq!(verify(database, &tenant).state.unwrap().differing, 0);
    store.raw("UPDATE users SET title = 'Clerk' WHERE extension = '1005'").unwrap();
    let first = verify(database, &tenant).state.unwrap().first.unwrap();
    assert_eq!((first.id, first.field), (users[4].id.0, Some("title")));
}

fn a_damaged_body_is_an_answer_and_says_where(database: &Database) {
    let (tenant, _) = busy_tenant(database);
    let (damage, said) = if database.is_sqlite() {
        ("UPDATE change_bodies SET body = 'a text' WHERE seq = 5", "it is damaged")
    } else {
        ("UPDATE change_bodies SET body = 'a text'::bytea WHERE seq = 5", "not the one that was written")
    };
    database.store.raw(damage).unwrap();
    let found = verify(database, &tenant);
    let (at, why) = found.broken.unwrap();
    assert!(at == 5 && why.contains(said), "{at}: {why}");
    assert_eq!(found.state, None, "there is nothing to compare the tables with");
}

fn a_damaged_secret_is_named_with_whose_it_is(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    store
        .write(|tx: &mut Tx| {
            for n in 1..=3 {
                tx.put_secret(tenant.org, tenant.secret_id(n), SecretKind::SipSecret, &format!("s{n}"))?;
            }
            tx.put_secret(tenant.org, tenant.secret_id(4), SecretKind::OnCallPin, "1234")
        })
        .unwrap();
    let mut ana = tenant.user(1);
    ana.sip_secret = Some(tenant.secret_id(2));
    tenant.record(store, &[created(ana.clone())]).unwrap();
    assert_eq!(verify(database, &tenant).secrets.checked, 4);
    assert_eq!(verify(database, &tenant).secrets.damaged, 0);
    let (first, second) =
        (spelled(database, tenant.secret_id(1).0), spelled(database, tenant.secret_id(2).0));
    let fourth = spelled(database, tenant.secret_id(4).0);
    store
        .raw(&format!(
            "UPDATE secrets SET ciphertext = (SELECT ciphertext FROM secrets WHERE id = {first}) WHERE id = {second}"
        ))
        .unwrap();
    let cut = if database.is_sqlite() { "x'0001'" } else { "'\\x0001'::bytea" };
    store.raw(&format!("UPDATE secrets SET ciphertext = {cut} WHERE id = {fourth}")).unwrap();
    let found = verify(database, &tenant).secrets;
    assert_eq!(found.damaged, 2);
    let holder = (EntityKind::User, ana.id.0, "Ana Pereira 1".to_string(), "sip_secret");
    assert_eq!((found.named[0].id, found.named[0].holder.clone()), (tenant.secret_id(2), Some(holder)));
    assert_eq!((found.named[1].id, found.named[1].holder.clone()), (tenant.secret_id(4), None));
}

/// An id as the database's own SQL writes it.
fn spelled(database: &Database, id: uuid::Uuid) -> String {
    if database.is_sqlite() { format!("x'{}'", id.simple()) } else { format!("'{id}'") }
}
