//! What is observed of people, who has been in the trash for long, and secrets that are forgotten.

use muster_domain::field::Entity;
use muster_domain::handling::{Group, Menu};
use muster_domain::ids::{SecretId, UserId};
use muster_domain::organization::Mailbox;
use muster_domain::types::UnixMillis;
use muster_domain::user::{Record, User};
use muster_store::{Named, SecretKind, StoreError, Tx, statements_run};

use crate::common::{Database, NOW, Tenant, created, id, on_both, removed, text, updated};

on_both!(
    who_was_seen_is_known_by_the_last_time_and_watching_begins_once,
    who_is_in_the_trash_since_before_a_moment_is_found,
    a_secret_is_forgotten_once_nothing_names_it,
    what_names_people_or_their_mailboxes_is_read_with_one_statement_a_field,
);

fn who_was_seen_is_known_by_the_last_time_and_watching_begins_once(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let (ana, eva) = (UserId(id(1)), UserId(id(2)));
    let watched = || database.store.read(|r| r.watched_since(tenant.org)).unwrap();
    assert_eq!(watched(), None);
    for (users, at) in [(&[ana][..], 10), (&[ana, eva], 20), (&[], 30)] {
        database.store.write(|tx: &mut Tx| tx.note_seen(tenant.org, users, UnixMillis(at))).unwrap();
    }
    assert_eq!(watched(), Some(UnixMillis(10)));
    let seen = || {
        let mut seen = database.store.read(|r| r.last_seen(tenant.org, &[ana, eva, UserId(id(3))])).unwrap();
        seen.sort_unstable();
        seen
    };
    assert_eq!(seen(), [(ana, UnixMillis(20)), (eva, UnixMillis(20))]);
    database.store.write(|tx: &mut Tx| tx.forget_seen(tenant.org, ana)).unwrap();
    assert_eq!(seen(), [(eva, UnixMillis(20))]);
}

fn who_is_in_the_trash_since_before_a_moment_is_found(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let (mut ana, _eva) = (tenant.add_user(&database.store, 1), tenant.add_user(&database.store, 2));
    ana.set_version(1);
    tenant.record(&database.store, &[updated(&ana, |user| user.record = Record::Trashed)]).unwrap();
    let before = |at: i64| database.store.read(|r| r.trashed_before(tenant.org, UnixMillis(at), 10)).unwrap();
    assert_eq!(before(NOW.0), []);
    assert_eq!(before(NOW.0 + 1), [ana.id]);
}

fn a_secret_is_forgotten_once_nothing_names_it(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let secret = tenant.secret_id(1);
    let mut user = tenant.user(1);
    user.sip_secret = Some(secret);
    database
        .store
        .write(|tx: &mut Tx| tx.put_secret(tenant.org, secret, SecretKind::SipSecret, "Kx7-pL2-qR9-vT4"))
        .unwrap();
    tenant.record(&database.store, &[created(user.clone())]).unwrap();
    let forget = || database.store.write(|tx: &mut Tx| tx.forget_secrets(tenant.org, &[secret]));
    assert!(matches!(forget(), Err(StoreError::Reference)), "the user still has it");
    user.set_version(1);
    tenant.record(&database.store, &[removed(&user)]).unwrap();
    forget().unwrap();
    let gone = database.store.read(|r| r.secret(tenant.org, SecretId(secret.0))).unwrap();
    assert!(gone.is_none());
}

fn what_names_people_or_their_mailboxes_is_read_with_one_statement_a_field(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let ana = tenant.user(1);
    let mut mailbox = Mailbox::blank(tenant.org, id(700_001));
    (mailbox.owner, mailbox.name) = (Some(ana.id), text("Ana"));
    let mut others: Vec<User> = (2..20).map(|n| tenant.user(n)).collect();
    others.iter_mut().for_each(|user| user.mailbox = Some(mailbox.id));
    let groups = (0..30).map(|n| {
        let mut group = Group::blank(tenant.org, id(900_000 + n));
        (group.name, group.members) = (text(&format!("Group {n}")), vec![ana.id, others[0].id]);
        (group.mailbox, group.connection) = (Some(mailbox.id), ana.connection);
        group
    });
    let groups: Vec<Group> = groups.collect();
    let mut menu = Menu::blank(tenant.org, id(950_000));
    (menu.name, menu.entries) = (text("Welcome"), vec![text(&format!("t=mailbox:{}", mailbox.id))]);
    let mut all: Vec<_> = others.iter().cloned().map(created).collect();
    all.extend([created(ana.clone()), created(mailbox), created(menu)]);
    all.extend(groups.iter().cloned().map(created));
    tenant.record(&database.store, &all).unwrap();
    let people = [ana.id.0];
    let (counts, asked) = database
        .store
        .read(|r| {
            let before = statements_run();
            let members = r.naming::<Group>(tenant.org, "members", Named::People, &people, 100)?.len();
            let boxes = r.naming::<Group>(tenant.org, "mailbox", Named::TheirMailboxes, &people, 100)?.len();
            let users = r.naming::<User>(tenant.org, "mailbox", Named::TheirMailboxes, &people, 100)?.len();
            let menus = r.naming::<Menu>(tenant.org, "entries", Named::TheirMailboxes, &people, 100)?.len();
            let few = r.naming::<Group>(tenant.org, "members", Named::People, &people, 7)?.len();
            Ok::<_, StoreError>(([members, boxes, users, menus, few], statements_run() - before))
        })
        .unwrap();
    assert_eq!(counts, [30, 30, 18, 1, 7]);
    assert_eq!(asked, 5);
    let wanted = [others[0].extension.clone().unwrap().to_smol(), "none".into()];
    let found = database.store.read(|r| r.having::<User>(tenant.org, "extension", &wanted, 10)).unwrap();
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), [others[0].id]);
}
