//! Recording changes: rows, claims and log move together.

use std::sync::{Arc, Mutex};

use muster_domain::change::update_of;
use muster_domain::claims::{AUTH_SPACE, extension_space};
use muster_domain::field::Entity;
use muster_domain::field::EntityKind;
use muster_domain::ids::{DeviceId, MailboxId, OrgId, UserId};
use muster_domain::organization::{Device, Mailbox, Organization, Site};
use muster_domain::types::UnixMillis;
use muster_domain::user::{Record, Service, User, UserType};
use muster_domain::value::Value;
use muster_store::{Recorded, StoreError, Tx};

use crate::common::{Database, NOW, Tenant, created, id, on_both, removed, set, text, updated};

on_both!(
    what_is_recorded_is_read_back_as_it_was,
    an_update_writes_the_fields_it_names_and_raises_the_version,
    a_stale_update_is_a_conflict_and_leaves_nothing,
    a_closures_refusal_leaves_nothing,
    a_closure_that_goes_on_after_a_failure_is_not_committed,
    a_taken_claim_names_who_has_it,
    two_users_can_swap_extensions_in_one_change_set,
    trash_releases_a_claim_and_restoring_claims_it_again,
    a_claim_wanted_twice_in_one_batch_is_refused,
    a_reference_to_nothing_is_refused,
    what_is_referred_to_cannot_be_removed,
    a_mailbox_and_its_owner_are_made_in_either_order,
    another_organizations_id_finds_nothing,
    a_slug_belongs_to_one_organization,
    the_log_is_gapless_chained_and_verifies,
    a_tampered_line_is_found_and_an_erased_one_is_not_broken,
    seats_come_from_the_log_alone,
    a_change_of_one_thing_recorded_with_another_is_refused,
    commits_are_announced_with_the_end_of_the_log,
    bulk_and_single_rows_are_stored_alike,
);

fn get<E: Entity>(database: &Database, org: OrgId, id: uuid::Uuid) -> Option<E> {
    database.store.read(|r| r.get::<E>(org, id)).unwrap()
}

fn full_user(tenant: &Tenant) -> User {
    let mut user = tenant.user(1);
    user.user_type = UserType::Limited;
    user.given_name = Some(text("Ana \"quoted\" 日本"));
    user.family_name = Some(text("Pereira"));
    user.email = Some(text("Ana@Example.com"));
    user.service = Service::Disabled;
    user.disabled_reason = Some(text("on leave,\nback soon"));
    user.disabled_until = Some(UnixMillis(1_800_000_000_000));
    user.roles = vec![text("user"), text("switch, board")];
    user.notification_addresses = vec![text("a@example.com"), text("b@example.com")];
    user.press_1_to_accept = false;
    user.mobile_stun = true;
    user.tags = vec![text("floor:2")];
    user.caller_id_number = Some(text("+12125550123"));
    user.call_timeout_s = text("45");
    user
}

fn what_is_recorded_is_read_back_as_it_was(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = full_user(&tenant);
    tenant.record(&database.store, &[created(user.clone())]).unwrap();
    assert_eq!(get::<User>(database, tenant.org, user.id.0), Some(user.clone()));
    let (many, all) = database
        .store
        .read(|r| {
            let many = r.get_many::<User>(tenant.org, &[user.id.0, id(5)])?;
            let mut all = Vec::new();
            r.for_each(tenant.org, 1, |batch: Vec<User>| {
                all.extend(batch);
                Ok::<_, StoreError>(())
            })?;
            Ok::<_, StoreError>((many, all))
        })
        .unwrap();
    assert_eq!(many, vec![user.clone()]);
    assert_eq!(all, vec![user.clone()]);
    let change = database.store.read(|r| r.changes(tenant.org, 3, 10, &Default::default())).unwrap();
    assert_eq!(change[0].body.as_ref(), Some(&created(user).change));
}

fn an_update_writes_the_fields_it_names_and_raises_the_version(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    let change = updated(&user, |u| {
        u.display_name = text("Änne");
        u.email = Some(text("anne@example.com"));
    });
    tenant.record(&database.store, &[change]).unwrap();
    let after = get::<User>(database, tenant.org, user.id.0).unwrap();
    assert_eq!((after.version, after.display_name.as_str()), (2, "Änne"));
    assert_eq!(after.created_at, NOW);
    let emails = database.store.read(|r| r.emails(tenant.org, &["anne@example.com".into()])).unwrap();
    assert_eq!(emails, vec![("anne@example.com".into(), user.id)]);
}

fn a_stale_update_is_a_conflict_and_leaves_nothing(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    let first = updated(&user, |u| u.title = Some(text("Head")));
    let second = updated(&user, |u| u.title = Some(text("Tail")));
    let head = tenant.record(&database.store, &[first]).unwrap();
    let error = tenant.record(&database.store, &[second]).unwrap_err();
    assert_eq!(error, StoreError::Conflict { kind: EntityKind::User, id: user.id.0 });
    assert_eq!(database.store.read(|r| r.head(tenant.org)).unwrap(), Some(head));
}

fn a_closures_refusal_leaves_nothing(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let before = database.store.read(|r| r.head(tenant.org)).unwrap();
    let user = tenant.user(1);
    let refused: Result<(), StoreError> = database.store.write(|tx: &mut Tx| {
        let mut head = tx.lock_org(tenant.org)?;
        tx.put_secret(tenant.org, tenant.secret_id(1), muster_store::SecretKind::SipSecret, "geheim")?;
        tx.record(&mut head, NOW, id(9), set(2), &[created(user.clone())])?;
        Err(StoreError::Misuse("changed my mind"))
    });
    assert_eq!(refused, Err(StoreError::Misuse("changed my mind")));
    assert_eq!(get::<User>(database, tenant.org, user.id.0), None);
    assert_eq!(database.store.read(|r| r.head(tenant.org)).unwrap(), before);
    assert_eq!(database.store.read(|r| r.secret(tenant.org, tenant.secret_id(1))).unwrap(), None);
    let claims = database.store.read(|r| r.claimed(tenant.org, AUTH_SPACE, &["ana.1".into()])).unwrap();
    assert_eq!(claims, vec![]);
}

fn a_closure_that_goes_on_after_a_failure_is_not_committed(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    let other = tenant.user(2);
    let stale = updated(&User { version: 7, ..user.clone() }, |u| u.title = Some(text("x")));
    let result: Result<(), StoreError> = database.store.write(|tx: &mut Tx| {
        let mut head = tx.lock_org(tenant.org)?;
        let _ = tx.record(&mut head, NOW, id(9), set(2), &[created(other.clone()), stale.clone()]);
        Ok(())
    });
    assert_eq!(result, Err(StoreError::Conflict { kind: EntityKind::User, id: user.id.0 }));
    assert_eq!(get::<User>(database, tenant.org, other.id.0), None);
    let claims = database.store.read(|r| r.claimed(tenant.org, AUTH_SPACE, &["ana.2".into()])).unwrap();
    assert_eq!(claims, vec![]);
}

fn a_taken_claim_names_who_has_it(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    let mut other = tenant.user(2);
    other.extension = user.extension.clone();
    let error = tenant.record(&database.store, &[created(other.clone())]).unwrap_err();
    let space = extension_space(tenant.connection);
    let holder = Some((EntityKind::User, user.id.0));
    assert_eq!(error, StoreError::Taken { space, key: "1001".into(), field: "extension", holder });
    let mut other = tenant.user(2);
    other.username = text("ANA.1");
    let error = tenant.record(&database.store, &[created(other)]).unwrap_err();
    assert_eq!(
        error,
        StoreError::Taken { space: "auth".into(), key: "ana.1".into(), field: "username", holder }
    );
    let mut device = Device::blank(tenant.org, id(77));
    device.name = text("Desk phone");
    device.mac = Some(text("001565000001"));
    tenant.record(&database.store, &[created(device.clone())]).unwrap();
    device.id = DeviceId(id(78));
    let error = tenant.record(&database.store, &[created(device)]).unwrap_err();
    assert!(matches!(error, StoreError::Taken { field: "mac", .. }), "{error:?}");
}

fn two_users_can_swap_extensions_in_one_change_set(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let (ana, rui) = (tenant.add_user(&database.store, 1), tenant.add_user(&database.store, 2));
    let swap = [
        updated(&ana, |u| u.extension = rui.extension.clone()),
        updated(&rui, |u| u.extension = ana.extension.clone()),
    ];
    tenant.record(&database.store, &swap).unwrap();
    let space = extension_space(tenant.connection);
    let mut claims =
        database.store.read(|r| r.claimed(tenant.org, &space, &["1001".into(), "1002".into()])).unwrap();
    claims.sort();
    assert_eq!(
        claims,
        vec![("1001".into(), EntityKind::User, rui.id.0), ("1002".into(), EntityKind::User, ana.id.0)]
    );
}

fn trash_releases_a_claim_and_restoring_claims_it_again(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let ana = tenant.add_user(&database.store, 1);
    let trash = updated(&ana, |u| u.record = Record::Trashed);
    let Some(muster_store::AnyEntity::User(trashed)) = trash.after.clone() else { panic!() };
    tenant.record(&database.store, &[trash]).unwrap();
    let mut successor = tenant.user(2);
    successor.extension = ana.extension.clone();
    tenant.record(&database.store, &[created(successor)]).unwrap();
    let restore = updated(&*trashed, |u| u.record = Record::Live);
    let error = tenant.record(&database.store, &[restore]).unwrap_err();
    assert!(matches!(error, StoreError::Taken { field: "extension", .. }), "{error:?}");
}

fn a_claim_wanted_twice_in_one_batch_is_refused(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let mut second = tenant.user(2);
    second.username = text("Ana.1");
    let changes = [created(tenant.user(1)), created(second)];
    let error = tenant.record(&database.store, &changes).unwrap_err();
    assert!(matches!(error, StoreError::Taken { field: "username", holder: Some(_), .. }), "{error:?}");
}

fn a_reference_to_nothing_is_refused(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let mut user = tenant.user(1);
    user.mailbox = Some(MailboxId(id(4711)));
    let error = tenant.record(&database.store, &[created(user)]).unwrap_err();
    assert_eq!(error, StoreError::Reference);
    // The one after it is not drawn into it.
    tenant.add_user(&database.store, 2);
}

fn what_is_referred_to_cannot_be_removed(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    tenant.add_user(&database.store, 1);
    let site = get::<Site>(database, tenant.org, tenant.site.0).unwrap();
    assert_eq!(tenant.record(&database.store, &[removed(&site)]).unwrap_err(), StoreError::Reference);
    assert!(get::<Site>(database, tenant.org, tenant.site.0).is_some());
    let value = Value::Id(tenant.site.0);
    assert_eq!(database.store.read(|r| r.count_with::<User>(tenant.org, "site", &value)).unwrap(), 1);
}

fn a_mailbox_and_its_owner_are_made_in_either_order(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let mut user = tenant.user(1);
    let mut mailbox = Mailbox::blank(tenant.org, id(500));
    mailbox.name = text("Ana's");
    mailbox.owner = Some(user.id);
    user.mailbox = Some(mailbox.id);
    tenant.record(&database.store, &[created(user.clone()), created(mailbox.clone())]).unwrap();
    let owned = database.store.read(|r| r.referring::<Mailbox>(tenant.org, "owner", &[user.id.0])).unwrap();
    assert_eq!(owned.len(), 1);
    let counts = database.store.read(|r| r.counts(tenant.org)).unwrap();
    assert_eq!((counts.users, counts.mailboxes, counts.devices, counts.sites), (1, 1, 0, 1));
    assert_eq!(counts.by_service, vec![(Service::ContactOnly, 1)]);
}

fn another_organizations_id_finds_nothing(database: &Database) {
    let (a, b) = (Tenant::create(&database.store, 1), Tenant::create(&database.store, 2));
    let user = a.add_user(&database.store, 1);
    assert_eq!(get::<User>(database, b.org, user.id.0), None);
    let store = &database.store;
    assert_eq!(store.read(|r| r.get_many::<User>(b.org, &[user.id.0])).unwrap(), vec![]);
    assert_eq!(store.read(|r| r.users(b.org, &Default::default())).unwrap().items, vec![]);
    assert_eq!(store.read(|r| r.claimed(b.org, AUTH_SPACE, &["ana.1".into()])).unwrap(), vec![]);
    assert_eq!(store.read(|r| r.plan_people_of(b.org, &[user.id])).unwrap().len(), 0);
    // Both may use the same names, and neither may point across the border.
    let mut same = b.user(1);
    same.username = user.username.clone();
    b.record(store, &[created(same.clone())]).unwrap();
    let stray = updated(&same, |u| u.site = Some(a.site));
    assert_eq!(b.record(store, &[stray]).unwrap_err(), StoreError::Reference);
}

fn a_slug_belongs_to_one_organization(database: &Database) {
    Tenant::create(&database.store, 1);
    let org = OrgId(id(42));
    let error = database
        .store
        .write(|tx: &mut Tx| {
            let mut head = tx.new_org(org)?;
            let mut twin = Organization::blank(org, org.0);
            twin.name = text("Twin");
            twin.slug = text("example-1");
            twin.domain = text("twin.example.com");
            tx.record(&mut head, NOW, id(9), set(1), &[created(twin)])?;
            Ok::<_, StoreError>(())
        })
        .unwrap_err();
    assert!(matches!(error, StoreError::Taken { field: "slug", .. }), "{error:?}");
}

fn the_log_is_gapless_chained_and_verifies(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    for n in 1..=5 {
        tenant.add_user(&database.store, n);
    }
    let many: Vec<Recorded> = (100..1300).map(|n| created(tenant.user(n))).collect();
    let head = tenant.record(&database.store, &many).unwrap();
    assert_eq!(head.head_seq, 3 + 5 + 1200);
    let found = database.store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!((found.checked, found.erased, found.broken), (1208, 0, None));
    let newest = database.store.read(|r| r.changes_back(tenant.org, None, 2, &Default::default())).unwrap();
    let seqs: Vec<u64> = newest.iter().map(|c| c.envelope.seq).collect();
    assert_eq!(seqs, vec![1208, 1207]);
    let filter = muster_store::ChangeFilter { set: Some(set(1)), ..Default::default() };
    let first = database.store.read(|r| r.changes(tenant.org, 0, 100, &filter)).unwrap();
    let kinds: Vec<_> = first.iter().map(|c| c.envelope.kind.as_str()).collect();
    assert_eq!(kinds, vec!["organization.created", "site.created", "connection.created"]);
}

fn a_tampered_line_is_found_and_an_erased_one_is_not_broken(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    tenant.add_user(&database.store, 2);
    let store = &database.store;
    let erased = store.write(|tx: &mut Tx| tx.erase_bodies(tenant.org, EntityKind::User, user.id.0)).unwrap();
    assert_eq!(erased, 1);
    let found = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!((found.checked, found.erased, found.broken), (5, 1, None));
    let lines = store.read(|r| r.changes(tenant.org, 3, 10, &Default::default())).unwrap();
    assert_eq!(lines[0].body, None);
    assert!(lines[1].body.is_some());

    let body = if database.is_sqlite() { "CAST('{}' AS BLOB)" } else { "'{}'::bytea" };
    store.raw(&format!("UPDATE change_bodies SET body = {body} WHERE seq = 5")).unwrap();
    let found = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!(found.broken, Some((5, "its body is not the one that was written".into())));

    store.raw("UPDATE changes SET at = at + 1 WHERE seq = 2").unwrap();
    let found = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!(found.broken, Some((2, "it does not follow from the line before it".into())));

    store.raw("DELETE FROM changes WHERE seq <= 2").unwrap();
    let found = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!(found.broken, Some((3, "a line before it is missing".into())));

    store.raw("DELETE FROM changes").unwrap();
    let found = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!(found.broken, Some((5, "the head is not the end of the log".into())));
}

fn seats_come_from_the_log_alone(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let store = &database.store;
    let (ana, rui) = (tenant.add_user(store, 1), tenant.add_user(store, 2));
    assert_eq!(store.read(|r| r.seats(tenant.org)).unwrap().total, 0);
    store
        .write(|tx: &mut Tx| {
            tx.put_secret(tenant.org, tenant.secret_id(1), muster_store::SecretKind::SipSecret, "x")
        })
        .unwrap();
    let enable = |user: &User| {
        updated(user, |u| {
            u.service = Service::Enabled;
            u.sip_secret = Some(tenant.secret_id(1));
        })
    };
    let enabled = [enable(&ana), enable(&rui)];
    tenant.record(store, &enabled).unwrap();
    let seats = store.read(|r| r.seats(tenant.org)).unwrap();
    assert_eq!((seats.total, seats.by_type.clone()), (2, vec![(UserType::User, 2)]));
    let Some(muster_store::AnyEntity::User(now)) = enabled[0].after.clone() else { panic!() };
    let off = updated(&*now, |u| u.service = Service::ContactOnly);
    let Some(muster_store::AnyEntity::User(now)) = off.after.clone() else { panic!() };
    tenant.record(store, &[off]).unwrap();
    assert_eq!(store.read(|r| r.seats(tenant.org)).unwrap().total, 1);
    // What does not touch the count leaves it.
    tenant.record(store, &[updated(&*now, |u| u.title = Some(text("Head")))]).unwrap();
    assert_eq!(store.read(|r| r.seats(tenant.org)).unwrap().total, 1);
    store.write(|tx: &mut Tx| tx.erase_bodies(tenant.org, EntityKind::User, rui.id.0)).unwrap();
    assert_eq!(store.read(|r| r.seats(tenant.org)).unwrap().total, 1);
}

fn a_change_of_one_thing_recorded_with_another_is_refused(database: &Database) {
    let (a, b) = (Tenant::create(&database.store, 1), Tenant::create(&database.store, 2));
    let (ana, rui) = (a.user(1), a.user(2));
    let mut mixed = created(ana.clone());
    mixed.after = created(rui).after;
    assert!(matches!(a.record(&database.store, &[mixed]), Err(StoreError::Misuse(_))));
    let foreign = created(b.user(3));
    assert!(matches!(a.record(&database.store, &[foreign]), Err(StoreError::Misuse(_))));
    let change = update_of(&ana, &User { title: Some(text("x")), ..ana.clone() }).unwrap();
    let shapeless = Recorded { change, ..created(ana) };
    assert!(matches!(a.record(&database.store, &[shapeless]), Err(StoreError::Misuse(_))));
}

fn commits_are_announced_with_the_end_of_the_log(database: &Database) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let tenant = Tenant::create(&database.store, 1);
    let listener = seen.clone();
    database.store.on_commit(Box::new(move |org, seq| listener.lock().unwrap().push((org, seq))));
    let commits = database.store.wait_commit(0, std::time::Duration::ZERO);
    tenant.add_user(&database.store, 1);
    let _ = database.store.write(|_: &mut Tx| Err::<(), _>(StoreError::Misuse("no")));
    assert_eq!(*seen.lock().unwrap(), vec![(tenant.org, 4)]);
    assert!(database.store.wait_commit(commits, std::time::Duration::from_secs(5)) > commits);
}

fn bulk_and_single_rows_are_stored_alike(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    // Enough of them to be copied in bulk on PostgreSQL.
    let mut users: Vec<User> = (10..60).map(|n| tenant.user(n)).collect();
    users.push(User { id: UserId(id(9_000_000)), ..full_user(&tenant) });
    let changes: Vec<Recorded> = users.iter().cloned().map(created).collect();
    tenant.record(&database.store, &changes).unwrap();
    for user in users {
        assert_eq!(get::<User>(database, tenant.org, user.id.0), Some(user));
    }
    assert_eq!(database.store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
}
