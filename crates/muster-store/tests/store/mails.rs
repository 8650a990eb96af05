//! The spool, sessions, and wrong tries.

use muster_domain::ids::{InviteId, MailId, OrgId, SecretId, UserId};
use muster_domain::types::UnixMillis;
use muster_store::{Mail, MailContent, MailState, NewMail, Store, StoreError, StoredSession, Tx};

use crate::common::{Database, NOW, Tenant, id, on_both};

on_both!(
    a_mail_waits_its_turn_and_what_it_says_goes_when_it_has_left,
    mails_are_an_organizations_own,
    mail_that_has_ended_is_forgotten_after_a_while_and_waiting_mail_never,
    what_a_mail_says_is_not_in_the_database_as_text,
    a_session_ends_alone_with_its_person_or_with_its_time,
    tries_at_the_same_time_are_all_counted,
);

fn later(ms: i64) -> UnixMillis {
    UnixMillis(NOW.0 + ms)
}

fn content() -> MailContent {
    MailContent { subject: "Your phone".into(), text: "the-link".into(), html: "<p>the-link</p>".into() }
}

fn put(store: &Store, org: OrgId, n: u128, at: UnixMillis) -> MailId {
    let (mail, content) = (MailId(id(n)), content());
    let new = NewMail {
        org,
        id: mail,
        kind: "invite",
        recipient: "ana@example.com",
        user: Some(UserId(id(7))),
        invite: Some(InviteId(id(8))),
        content: &content,
    };
    store.write(|tx: &mut Tx| tx.put_mail(&new, at)).unwrap();
    mail
}

fn read(store: &Store, org: OrgId, mail: MailId) -> (Mail, Option<MailContent>) {
    store.read(|r| Ok::<_, StoreError>((r.mail(org, mail)?.unwrap(), r.mail_content(org, mail)?))).unwrap()
}

fn write(store: &Store, mail: &Mail) {
    store.write(|tx: &mut Tx| tx.update_mail(mail)).unwrap();
}

fn a_mail_waits_its_turn_and_what_it_says_goes_when_it_has_left(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let mail = put(store, tenant.org, 100, NOW);
    let due = |at| -> Vec<MailId> {
        store.read(|r| r.mails_due(at, 10)).unwrap().into_iter().map(|mail| mail.id).collect()
    };
    assert_eq!((due(later(-1)), due(NOW)), (vec![], vec![mail]));
    let (row, says) = read(store, tenant.org, mail);
    assert_eq!(
        (row.state, row.user, row.invite),
        (MailState::Waiting, Some(UserId(id(7))), Some(InviteId(id(8))))
    );
    assert_eq!(says, Some(content()));
    let tried = Mail {
        attempts: 1,
        next_at: later(1000),
        first_attempt_at: Some(NOW),
        last_attempt_at: Some(NOW),
        problem: Some("away".into()),
        ..row
    };
    write(store, &tried);
    assert_eq!((due(later(999)), due(later(1000))), (vec![], vec![mail]));
    assert_eq!(read(store, tenant.org, mail), (tried.clone(), Some(content())));
    write(store, &Mail { state: MailState::GivenUp, ..tried.clone() });
    assert_eq!((due(later(5000)), read(store, tenant.org, mail).1), (vec![], Some(content())));
    write(store, &Mail { state: MailState::Sent, sent_at: Some(later(1)), problem: None, ..tried });
    let (row, says) = read(store, tenant.org, mail);
    assert_eq!((row.state, row.sent_at, says), (MailState::Sent, Some(later(1)), None));
    let counts = store.read(|r| r.mail_counts(Some(tenant.org))).unwrap();
    assert_eq!((counts.waiting, counts.sent, counts.given_up), (0, 1, 0));
}

fn mails_are_an_organizations_own(database: &Database) {
    let store = &database.store;
    let (a, b) = (Tenant::create(store, 1), Tenant::create(store, 2));
    let mail = put(store, a.org, 100, NOW);
    put(store, a.org, 101, NOW);
    assert_eq!(store.read(|r| r.mail(b.org, mail)).unwrap(), None);
    assert_eq!(store.read(|r| r.mail_content(b.org, mail)).unwrap(), None);
    assert!(store.read(|r| r.mails(b.org, None, None, 10)).unwrap().is_empty());
    let newest = store.read(|r| r.mails(a.org, None, Some(MailState::Waiting), 1)).unwrap();
    assert_eq!(newest[0].id, MailId(id(101)));
    let next = store.read(|r| r.mails(a.org, Some(newest[0].id), None, 10)).unwrap();
    assert_eq!(next.iter().map(|mail| mail.id).collect::<Vec<_>>(), [mail]);
    assert_eq!(store.read(|r| r.mail_counts(None)).unwrap().waiting, 2);
}

fn mail_that_has_ended_is_forgotten_after_a_while_and_waiting_mail_never(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let (sent, waiting) = (put(store, tenant.org, 100, NOW), put(store, tenant.org, 101, NOW));
    let (row, _) = read(store, tenant.org, sent);
    write(store, &Mail { state: MailState::Sent, last_attempt_at: Some(later(50)), ..row });
    let forget = |before| store.write(|tx: &mut Tx| tx.forget_mails(before)).unwrap();
    assert_eq!((forget(later(50)), forget(later(51))), (0, 1));
    assert_eq!(store.read(|r| r.mail(tenant.org, sent)).unwrap(), None);
    assert!(store.read(|r| r.mail(tenant.org, waiting)).unwrap().is_some());
}

fn what_a_mail_says_is_not_in_the_database_as_text(database: &Database) {
    if !database.is_sqlite() {
        return;
    }
    let tenant = Tenant::create(&database.store, 1);
    put(&database.store, tenant.org, 100, NOW);
    let file = database.config().url.strip_prefix("sqlite:").unwrap().to_string();
    let mut all = std::fs::read(&file).unwrap();
    all.extend(std::fs::read(format!("{file}-wal")).unwrap_or_default());
    let has = |text: &[u8]| all.windows(text.len()).any(|part| part == text);
    assert!(has(b"ana@example.com") && !has(b"the-link"));
}

fn a_session_ends_alone_with_its_person_or_with_its_time(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let session = |user: u128, expires_at| StoredSession {
        org: tenant.org,
        user: UserId(id(user)),
        password: Some(SecretId(id(9))),
        created_at: NOW,
        expires_at,
    };
    let begin = |hash: &str, of: &StoredSession| store.write(|tx: &mut Tx| tx.put_session(hash, of)).unwrap();
    let there = |hash: &str| store.read(|r| r.session_by_hash(hash)).unwrap();
    let mine = session(7, later(100));
    for hash in ["a", "b", "c"] {
        begin(hash, &mine);
    }
    begin("d", &session(8, later(10)));
    assert_eq!(there("a"), Some(mine));
    assert!(store.write(|tx: &mut Tx| tx.end_session("a")).unwrap());
    assert!(!store.write(|tx: &mut Tx| tx.end_session("a")).unwrap());
    assert_eq!((there("a"), there("b").is_some()), (None, true));
    assert_eq!(store.write(|tx: &mut Tx| tx.end_sessions(tenant.org, UserId(id(7)))).unwrap(), 2);
    assert!(there("b").is_none() && there("d").is_some());
    assert_eq!(store.write(|tx: &mut Tx| tx.expire_sessions(later(10))).unwrap(), 1);
    assert_eq!(there("d"), None);
}

fn tries_at_the_same_time_are_all_counted(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let user = UserId(id(7));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| store.write(|tx: &mut Tx| tx.add_failure(tenant.org, user, "pin", NOW)).unwrap());
        }
    });
    let failures = |what: &str| store.read(|r| r.failures(tenant.org, user, what)).unwrap();
    assert_eq!((failures("pin").count, failures("pin").last_at, failures("password").count), (8, NOW, 0));
    store.write(|tx: &mut Tx| tx.clear_failures(tenant.org, user, "pin")).unwrap();
    assert_eq!(failures("pin").count, 0);
}
