//! What the database answers to a filter is what a plain look at every thing would find.

use std::cmp::Ordering;

use muster_domain::field::{Entity, Privacy};
use muster_domain::filter::{Filter, Op, Term, names, parse};
use muster_domain::types::UnixMillis;
use muster_domain::user::{ForwardBehaviour, Service, User, UserType};
use muster_domain::value::{FieldType, Value};
use muster_store::{Query, SecretKind};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::common::{Database, Tenant, created, on_both, text};

on_both!(
    any_filter_finds_whom_a_plain_look_finds,
    every_field_can_be_asked_for_in_every_way,
    lists_are_asked_entry_by_entry,
    what_has_no_value_is_found_by_not,
);

/// Words with everything that SQL, JSON, LIKE and the folding of names may stumble over.
const WORDS: &[&str] = &[
    "Ana",
    "ana",
    "Änne",
    "Ärger",
    "Weiß",
    "O'Brien",
    "50% off",
    "a_b",
    "Sales",
    "sales",
    "R&D",
    "a\"b",
    "a\\",
    "\\\"",
    "x,y",
    "日本",
    "\u{10ffff}",
    "an\u{10ffff}",
    "\u{301}",
    "Ａｎａ",
    "and",
    "null",
    "[]",
    "'; --",
    "Z",
];
const TAGS: &[&str] =
    &["floor:1", "floor:2", "floor:12", "a\"b:c", "a\\:b", "n:\\n", "Floor:1", "é:x", "x:[]"];

fn word() -> impl Strategy<Value = &'static str> {
    prop::sample::select(WORDS)
}

fn people(database: &Database) -> (Tenant, Vec<User>) {
    let tenant = Tenant::create(&database.store, 1);
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let mut draw = |limit: usize| {
        use prop::strategy::ValueTree;
        (0..limit).new_tree(&mut runner).unwrap().current()
    };
    let secret = tenant.secret_id(1);
    database
        .store
        .write(|tx: &mut muster_store::Tx| tx.put_secret(tenant.org, secret, SecretKind::SipSecret, "secret"))
        .unwrap();
    let users: Vec<User> = (0..120)
        .map(|n| {
            let mut user = tenant.user(n);
            user.display_name = text(WORDS[draw(WORDS.len())]);
            let maybe =
                |draw: &mut dyn FnMut(usize) -> usize| (draw(3) > 0).then(|| WORDS[draw(WORDS.len())]);
            user.family_name = maybe(&mut draw).map(text);
            user.department = maybe(&mut draw).map(text);
            user.title = maybe(&mut draw).map(text);
            user.email = (draw(2) == 0).then(|| text(&format!("P{n}@Example.com")));
            user.mobile_number = (draw(2) == 0).then(|| text(&format!("+3519100000{n:02}")));
            user.extension = (draw(3) > 0).then(|| text(&format!("{}", 1000 + n)));
            user.max_bindings = muster_domain::types::Bounded(1 + draw(9) as u16);
            user.press_1_to_accept = draw(2) == 0;
            user.user_type = UserType::ALL[draw(UserType::ALL.len())];
            user.service = [Service::ContactOnly, Service::NotActivated, Service::Disabled][draw(3)];
            if user.service == Service::Disabled {
                user.disabled_reason = Some(text("away"));
                user.disabled_until =
                    (draw(2) == 0).then(|| UnixMillis(crate::common::NOW.0 + 86_400_000 * draw(9) as i64));
            }
            user.sip_secret = (draw(2) == 0).then_some(secret);
            user.forward_behaviour = ForwardBehaviour::RingMyPhone;
            user.tags = (0..draw(4)).map(|_| text(TAGS[draw(TAGS.len())])).collect();
            user
        })
        .collect();
    let changes: Vec<_> = users.iter().cloned().map(created).collect();
    tenant.record(&database.store, &changes).unwrap();
    (tenant, users)
}

/// Whom a filter finds, as the places of the users; through the pages of a list and as a whole.
fn found(database: &Database, tenant: &Tenant, users: &[User], filter: &Filter) -> Vec<usize> {
    let query = Query { filter: filter.clone(), with_total: true, limit: 1000, ..Query::default() };
    let (page, all) = database
        .store
        .read(|r| {
            Ok::<_, muster_store::StoreError>((
                r.users(tenant.org, &query)?,
                r.versions_of::<User>(tenant.org, filter)?,
            ))
        })
        .unwrap_or_else(|e| panic!("{filter}: {e}"));
    assert_eq!(page.total, Some(page.items.len() as u64), "{filter}");
    assert_eq!(page.items.iter().map(|user| (user.id.0, 1)).collect::<Vec<_>>(), all, "{filter}");
    let place = |user: &User| users.iter().position(|u| u.id == user.id).unwrap();
    page.items.iter().map(place).collect()
}

fn looked_at(users: &[User], filter: &Filter) -> Vec<usize> {
    (0..users.len()).filter(|at| holds(filter, &users[*at])).collect()
}

/// The plain evaluation: it knows nothing of SQL.
fn holds(filter: &Filter, user: &User) -> bool {
    match filter {
        Filter::All(all) => all.iter().all(|filter| holds(filter, user)),
        Filter::Any(any) => any.iter().any(|filter| holds(filter, user)),
        Filter::Not(inner) => !holds(inner, user),
        Filter::Term(term) => term_holds(term, user),
    }
}

fn term_holds(term: &Term, user: &User) -> bool {
    let asked = term.value.trim();
    let number = match term.field.as_str() {
        "created_at" => Some(Some(user.created_at.0)),
        "version" => Some(Some(1)),
        "id" => return (asked == user.id.to_string()) && term.op == Op::Eq,
        _ => None,
    };
    if let Some(number) = number {
        return number_holds(term, number, term.field == "created_at");
    }
    if let Some(secret) = term.field.strip_prefix("has_") {
        let there = !(User::field(secret).unwrap().get)(user).is_null();
        return there == (asked == "yes");
    }
    let field = User::field(&term.field).unwrap();
    assert_ne!(field.meta.privacy, Privacy::Secret);
    let value = (field.get)(user);
    let compare = |text: &str| field.meta.key.fold(text);
    let texts: Vec<String> = match &value {
        Value::List(list) => list.iter().map(|text| text.to_string()).collect(),
        Value::Text(text) => vec![compare(text)],
        _ => Vec::new(),
    };
    let nothing = value.is_null() || value == Value::List(Vec::new());
    match (term.op, field.kind) {
        (Op::Eq, _) if asked.is_empty() => nothing,
        (_, FieldType::Int | FieldType::Time) => {
            let number = if let Value::Int(n) = value { Some(n) } else { None };
            number_holds(term, number, field.kind == FieldType::Time)
        }
        (Op::Eq, FieldType::List) => texts.iter().any(|text| text == asked),
        (Op::Eq, FieldType::Text) => {
            let wanted = (field.parse)(asked).unwrap();
            !nothing && texts[0] == compare(wanted.as_text().unwrap())
        }
        (Op::Eq, _) => value == (field.parse)(asked).unwrap(),
        (op, kind) => {
            let part = if kind == FieldType::List { asked.to_string() } else { compare(&term.value) };
            let within = |text: &String| match op {
                Op::Prefix => text.starts_with(&part),
                _ => text.contains(&part),
            };
            texts.iter().any(within)
        }
    }
}

fn number_holds(term: &Term, number: Option<i64>, time: bool) -> bool {
    let Some(number) = number else { return false };
    // Of times only whole days are asked here.
    let (wanted, number) = match time {
        true => {
            let day = 86_400_000;
            let first = crate::common::NOW.0 / day - 2;
            let days =
                (first..first + 40).find(|d| UnixMillis(d * day).to_string().starts_with(term.value.trim()));
            (days.unwrap(), number.div_euclid(day))
        }
        false => (term.value.trim().parse().unwrap(), number),
    };
    let order = number.cmp(&wanted);
    match term.op {
        Op::Eq => order == Ordering::Equal,
        Op::Less => order == Ordering::Less,
        Op::AtMost => order != Ordering::Greater,
        Op::More => order == Ordering::Greater,
        Op::AtLeast => order != Ordering::Less,
        _ => unreachable!(),
    }
}

fn term(field: &str, op: Op, value: &str) -> Filter {
    Filter::Term(Term { field: field.into(), op, value: value.into() })
}

fn any_term() -> impl Strategy<Value = Filter> {
    let text_op = || prop_oneof![Just(Op::Eq), Just(Op::Prefix), Just(Op::Contains)];
    let number_op =
        || prop_oneof![Just(Op::Eq), Just(Op::Less), Just(Op::AtMost), Just(Op::More), Just(Op::AtLeast)];
    let part = prop_oneof![
        4 => word().prop_map(str::to_string),
        3 => (word(), 0..3usize).prop_map(|(word, n)| word.chars().take(n).collect()),
        1 => Just(String::new()),
    ];
    let textual =
        (prop::sample::select(vec!["display_name", "family_name", "department", "title"]), text_op(), part)
            .prop_filter_map("is no such text", |(field, op, value)| {
                let parsed = (User::field(field).unwrap().parse)(&value);
                // What can be asked as a whole must be such a text.
                (op != Op::Eq || value.trim().is_empty() || parsed.is_ok_and(|v| !v.is_null()))
                    .then(|| term(field, op, &value))
            });
    let tag = prop_oneof![
        prop::sample::select(TAGS).prop_map(str::to_string),
        prop::sample::select(vec!["", "floor", ":", "n", "\\", "\"", "a", "[", "\",\"", "1"])
            .prop_map(str::to_string),
    ];
    prop_oneof![
        4 => textual,
        2 => ((prop::sample::select(vec!["tags", "roles"])), text_op(), tag).prop_map(|(f, op, v)| term(f, op, &v)),
        1 => (number_op(), 0..11i32).prop_map(|(op, n)| term("max_bindings", op, &n.to_string())),
        1 => (number_op(), 0..9i64, prop::sample::select(vec!["created_at", "disabled_until"])).prop_map(
            |(op, days, field)| {
                let day = UnixMillis(crate::common::NOW.0 + days * 86_400_000).to_string();
                term(field, op, &day[..10])
            }
        ),
        1 => Just(term("disabled_until", Op::Eq, "")),
        1 => prop::sample::select(vec!["yes", "no"]).prop_map(|v| term("press_1_to_accept", Op::Eq, v)),
        1 => prop::sample::select(vec!["yes", "no"]).prop_map(|v| term("has_sip_secret", Op::Eq, v)),
        1 => prop::sample::select(Service::WORDS).prop_map(|v| term("service", Op::Eq, v)),
        1 => (text_op(), prop::sample::select(vec!["100", "1010", "0", ""])).prop_map(|(op, v)| term("extension", op, v)),
        1 => (text_op(), prop::sample::select(vec!["p1@example.com", "P", "@EXAMPLE", ""])).prop_filter_map(
            "is no email", |(op, v)| (op != Op::Eq || v.is_empty() || v.contains(".com")).then(|| term("email", op, v))
        ),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    any_term().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|filter| Filter::Not(Box::new(filter))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner, 0..4).prop_map(Filter::Any),
        ]
    })
}

fn any_filter_finds_whom_a_plain_look_finds(database: &Database) {
    let (tenant, users) = people(database);
    let mut runner = TestRunner::new(Config { cases: 250, failure_persistence: None, ..Config::default() });
    let mut some = 0;
    runner
        .run(&any_filter(), |filter| {
            let expect = looked_at(&users, &filter);
            prop_assert_eq!(found(database, &tenant, &users, &filter), expect, "{}", filter);
            Ok(())
        })
        .unwrap();
    // Filters that find nobody would prove little.
    let mut sample = TestRunner::deterministic();
    for _ in 0..100 {
        use prop::strategy::ValueTree;
        let filter = any_filter().new_tree(&mut sample).unwrap().current();
        let count = looked_at(&users, &filter).len();
        some += usize::from(count > 0 && count < users.len());
    }
    assert!(some > 30, "{some}");
}

fn every_field_can_be_asked_for_in_every_way(database: &Database) {
    let (tenant, users) = people(database);
    let mut asked = 0;
    for name in names::<User>() {
        for sign in ["=", "!=", "^", "!^", "~", "!~", "<", "<=", ">", ">="] {
            for value in
                ["", "a", "1", "yes", "2023-11-14", "user", "enabled", "1001", "a@b.example", "floor:1"]
            {
                let Ok(filter) = parse::<User>(&format!("{name}{sign}{value}")) else { continue };
                // Sites and others are looked up by name before.
                if filter.check::<User>().is_ok() {
                    asked += 1;
                    found(database, &tenant, &users, &filter);
                }
            }
        }
    }
    assert!(asked > 600, "{asked}");
}

fn lists_are_asked_entry_by_entry(database: &Database) {
    let (tenant, users) = people(database);
    let check = |filter: &str| {
        let filter = parse::<User>(filter).unwrap();
        let expect = looked_at(&users, &filter);
        assert_eq!(found(database, &tenant, &users, &filter), expect, "{filter}");
        expect.len()
    };
    assert!(check("tags=floor:1") > 0);
    assert_eq!(check("tags=floor"), 0);
    assert_eq!(check("tags=FLOOR:1"), 0, "case counts");
    assert!(check("tags^floor:1") > check("tags=floor:1"));
    assert!(check("tags~loor") > 0);
    // What is JSON's and not the tag's is not found.
    assert_eq!(check(r#"tags~"\",\"""#), 0);
    assert_eq!(check(r#"tags=",""#), 0);
    assert!(check(r#"tags~"\"""#) > 0);
    assert!(check(r#"tags~"\\""#) > 0);
    assert_eq!(check("tags=") + check("tags!="), users.len());
    assert_eq!(check("tags=floor:1") + check("tags!=floor:1"), users.len());
}

fn what_has_no_value_is_found_by_not(database: &Database) {
    let (tenant, users) = people(database);
    for filter in [
        "department=Sales",
        "department~a",
        "department^S",
        "department=",
        "email^p",
        "email=",
        "disabled_until<2100-01-01",
        "extension=1001",
        "has_sip_secret=yes",
        "mailbox=",
        "department=Sales and title=Z",
        "department=Sales or title=Z",
    ] {
        let count = |text: String| found(database, &tenant, &users, &parse::<User>(&text).unwrap()).len();
        let (with, without) = (count(filter.to_string()), count(format!("not ({filter})")));
        assert_eq!(with + without, users.len(), "{filter}");
        assert_eq!(count(format!("not not ({filter})")), with, "{filter}");
    }
}
