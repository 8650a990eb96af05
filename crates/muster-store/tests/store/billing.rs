//! Facts of the log that are billed, calls, and the lines of invoices.

use muster_domain::billing::charges::{AnsweredCall, Line, Turn, Why};
use muster_domain::billing::{Invoice, Licence, Subscription};
use muster_domain::change::update_of;
use muster_domain::field::Entity;
use muster_domain::ids::{CallId, InvoiceId, UserId};
use muster_domain::log::user_facts;
use muster_domain::money::Minor;
use muster_domain::orders::{Order, OrderItem};
use muster_domain::ports::PortOrder;
use muster_domain::stock::{PhoneModel, StockNumber, UnassignedExtension};
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::{Record, Service, User, UserType};
use muster_store::{CallRow, Recorded, Store, StoreError, Stored, Tx};

use crate::common::{Database, NOW, Tenant, created, id, on_both, set, text};

on_both!(
    who_counted_when_is_read_from_envelopes_alone,
    terms_are_read_as_they_changed,
    a_call_is_kept_once_and_read_by_when_it_was_answered_and_known,
    lines_of_an_invoice_are_read_back_as_they_were,
);

const INVOICE: u128 = 950_001;

/// One of each kind that has to do with money.
pub fn one_of_each(tenant: &Tenant, user: UserId) -> Vec<Recorded> {
    let mut terms = Subscription::blank(tenant.org, id(950_000));
    (terms.name, terms.prices) = (text("Business"), FieldValue::parse("user=1250,number=200").unwrap());
    let mut invoice = Invoice::blank(tenant.org, id(INVOICE));
    (invoice.cycle, invoice.total_minor) = (text("2026-01"), Minor(-5));
    let mut order = Order::blank(tenant.org, id(950_002));
    order.price_digest = Some(text("00ff"));
    let mut item = OrderItem::blank(tenant.org, id(950_003));
    (item.order, item.user, item.number) = (Some(order.id), Some(user), Some(text("+12125550100")));
    let mut licence = Licence::blank(tenant.org, id(950_004));
    (licence.order, licence.starts_at) = (Some(order.id), NOW);
    let mut model = PhoneModel::blank(tenant.org, id(950_005));
    (model.name, model.brand, model.model) =
        (text("Yealink T54W"), Some(text("Yealink")), Some(text("T54W")));
    model.features = vec![text("wifi")];
    let mut number = StockNumber::blank(tenant.org, id(950_006));
    (number.number, number.country) = (text("+12125550101"), Some(text("US")));
    let mut seat = UnassignedExtension::blank(tenant.org, id(950_007));
    (seat.country, seat.user) = (Some(text("US")), Some(user));
    let mut port = PortOrder::blank(tenant.org, id(950_008));
    port.numbers = vec![text("+351210000001")];
    vec![
        created(terms),
        created(order),
        created(item),
        created(licence),
        created(invoice),
        created(model),
        created(number),
        created(seat),
        created(port),
    ]
}

pub fn facts(store: &Store, tenant: &Tenant, user: UserId) {
    store
        .write(|tx: &mut Tx| {
            tx.put_calls(tenant.org, &[call(1, user, 1000)], NOW)?;
            tx.put_invoice_lines(tenant.org, InvoiceId(id(INVOICE)), &[line(user)])
        })
        .unwrap();
}

fn call(n: u128, user: UserId, answered_at: i64) -> CallRow {
    CallRow {
        id: CallId(id(960_000 + n)),
        caller: Some(user),
        callee: None,
        dialled: "+44 zoë".into(),
        started_at: UnixMillis(answered_at - 5),
        answered_at: Some(UnixMillis(answered_at)),
        ended_at: UnixMillis(answered_at + 10),
        ending: "Hangup".into(),
        status: 200,
        for_help: false,
        ringout: Some(CallId(id(n))),
    }
}

fn line(user: UserId) -> Line {
    Line {
        why: Why::Metered,
        user: Some(user),
        what: "user".into(),
        quantity: 1,
        days: 30,
        of_days: 30,
        from_day: 0,
        to_day: 30,
        calls: 11,
        unit: Minor(1250),
        amount: Minor(-1250),
    }
}

fn record_at(store: &Store, tenant: &Tenant, at: i64, changes: &[Recorded]) -> u64 {
    let recorded = store.write(|tx: &mut Tx| {
        let mut head = tx.lock_org(tenant.org)?;
        tx.record(&mut head, UnixMillis(at), id(9), set(3), changes)?;
        Ok::<_, StoreError>(head.head_seq)
    });
    recorded.unwrap()
}

fn changed(before: &User, edit: impl FnOnce(&mut User)) -> (Recorded, User) {
    let mut after = before.clone();
    edit(&mut after);
    let change = update_of(before, &after).unwrap();
    after.version += 1;
    let facts = user_facts(Some(before), Some(&after), &change);
    let (before, any) = (Some(before.clone().into_any()), Some(after.clone().into_any()));
    (Recorded { change, before, after: any, facts }, after)
}

fn who_counted_when_is_read_from_envelopes_alone(database: &Database) {
    let (store, tenant) = (&database.store, Tenant::create(&database.store, 1));
    let mut user = tenant.user(1);
    user.sip_secret = None;
    let creation = created(user.clone());
    let facts = user_facts(None, Some(&user), &creation.change);
    record_at(store, &tenant, 100, &[Recorded { facts, ..creation }]);
    (user.version, user.created_at) = (1, UnixMillis(100));
    let secret = tenant.secret_id(1);
    let kind = muster_store::SecretKind::SipSecret;
    store.write(|tx: &mut Tx| tx.put_secret(tenant.org, secret, kind, "x")).unwrap();
    let (on, user) = changed(&user, |u| (u.service, u.sip_secret) = (Service::Enabled, Some(secret)));
    record_at(store, &tenant, 200, &[on]);
    let (renamed, user) = changed(&user, |u| u.title = Some(text("Head")));
    // A clock that was set back.
    let last = record_at(store, &tenant, 150, &[renamed]);
    let (gone, user) = changed(&user, |u| u.record = Record::Trashed);
    record_at(store, &tenant, 190, &[gone]);
    store.write(|tx: &mut Tx| tx.erase_bodies(tenant.org, User::KIND, user.id.0)).unwrap();
    let read = |up_to: u64| {
        let mut found = Vec::new();
        store
            .read(|r| r.each_counted(tenant.org, up_to, |user, turns| found.push((user, turns.to_vec()))))
            .unwrap();
        found
    };
    let turn = |at, counted| Turn { at: UnixMillis(at), counted, user_type: UserType::User };
    assert_eq!(read(u64::MAX >> 1), [(user.id, vec![turn(100, false), turn(200, true), turn(200, false)])]);
    assert_eq!(read(last), [(user.id, vec![turn(100, false), turn(200, true)])]);
}

fn terms_are_read_as_they_changed(database: &Database) {
    let (store, tenant) = (&database.store, Tenant::create(&database.store, 1));
    let mut terms = Subscription::blank(tenant.org, id(950_000));
    (terms.name, terms.prices) = (text("Business"), FieldValue::parse("user=1250").unwrap());
    let seq = record_at(store, &tenant, 100, &[created(terms.clone())]);
    (terms.version, terms.created_at) = (1, UnixMillis(100));
    let dearer = crate::common::updated(&terms, |t| t.prices = FieldValue::parse("user=1300").unwrap());
    record_at(store, &tenant, 200, &[dearer]);
    let read = |up_to: u64| {
        let terms = store.read(|r| r.terms_over_time(tenant.org, up_to)).unwrap();
        terms.iter().map(|from| (from.at.0, from.terms.price("user").0)).collect::<Vec<_>>()
    };
    assert_eq!(read(u64::MAX >> 1), [(100, 1250), (200, 1300)]);
    assert_eq!(read(seq), [(100, 1250)]);
}

fn a_call_is_kept_once_and_read_by_when_it_was_answered_and_known(database: &Database) {
    let (store, tenant) = (&database.store, Tenant::create(&database.store, 1));
    let user = UserId(id(5));
    let put = |calls: &[CallRow], now: i64| {
        store.write(|tx: &mut Tx| tx.put_calls(tenant.org, calls, UnixMillis(now))).unwrap()
    };
    let help = CallRow { for_help: true, ..call(3, user, 1500) };
    let unanswered = CallRow { answered_at: None, ..call(4, user, 1500) };
    assert_eq!(put(&[call(2, user, 1999), call(1, user, 1000), help, unanswered], 5000), 4);
    assert_eq!(put(&[call(1, user, 1000), call(5, user, 1200)], 6000), 1, "one is there already");
    let read = |from, until, known_by: Option<i64>| {
        let mut found: Vec<AnsweredCall> = Vec::new();
        let (from, until) = (UnixMillis(from), UnixMillis(until));
        store
            .read(|r| r.answered_calls(tenant.org, from, until, known_by.map(UnixMillis), |c| found.push(*c)))
            .unwrap();
        found.iter().map(|call| call.answered_at.0).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 3000, None), [1000, 1200, 1999]);
    assert_eq!(read(1000, 1999, None), [1000, 1200], "the end is not among them");
    assert_eq!(read(0, 3000, Some(5000)), [1000, 1999]);
    let listed = store.read(|r| r.calls(tenant.org, None, 2)).unwrap();
    assert_eq!(listed[0], call(5, user, 1200));
    let other = Tenant::create(store, 2);
    assert_eq!(store.read(|r| r.calls(other.org, None, 9)).unwrap(), []);
}

fn lines_of_an_invoice_are_read_back_as_they_were(database: &Database) {
    let (store, tenant) = (&database.store, Tenant::create(&database.store, 1));
    let user = tenant.add_user(store, 1);
    tenant.record(store, &one_of_each(&tenant, user.id)).unwrap();
    let invoice = InvoiceId(id(INVOICE));
    let lines: Vec<Line> = (0..1200).map(|n| Line { quantity: n, ..line(user.id) }).collect();
    store.write(|tx: &mut Tx| tx.put_invoice_lines(tenant.org, invoice, &lines)).unwrap();
    let read = |after, limit| store.read(|r| r.invoice_lines(tenant.org, invoice, after, limit)).unwrap();
    let all: Vec<Line> = read(0, 5000).into_iter().map(|(_, line)| line).collect();
    assert_eq!(all, lines);
    assert_eq!(read(3, 1), [(4, lines[3].clone())]);
    let names = store.read(|r| r.names_of(tenant.org, &[user.id, UserId(id(1))])).unwrap();
    assert_eq!((names.len(), names[&user.id].0.as_str()), (1, user.display_name.as_str()));
}
