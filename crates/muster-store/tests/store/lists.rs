//! Lists: filters, sorting, pages.

use muster_domain::types::fold_name;
use muster_domain::user::{Service, User};
use muster_store::{Op, Page, Query, Sort, StoreError, Term};

use crate::common::{Database, Tenant, created, on_both, removed, text, updated};

on_both!(
    pages_in_every_order_give_everybody_once,
    filters_find_what_they_say,
    a_cursor_stays_right_while_people_come_and_go,
    what_cannot_be_asked_is_refused_with_a_reason,
    a_part_of_a_name_finds_who_has_it_at_that_moment,
);

const NAMES: &[&str] =
    &["Ana", "ana", "Änne", "Ärger", "Zoë", "bernd", "Bernd", "日本", "_x", "50% off", "Ana"];

fn people(database: &Database) -> (Tenant, Vec<User>) {
    let tenant = Tenant::create(&database.store, 1);
    let users: Vec<User> = NAMES
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let mut user = tenant.user(n as u128);
            user.display_name = text(name);
            if n % 3 == 0 {
                user.extension = None;
            }
            if n % 2 == 0 {
                user.family_name = Some(text(&format!("Family {}", n % 4)));
                user.email = Some(text(&format!("P{n}@Example.com")));
            }
            user.tags = if n == 4 { vec![text("floor:2"), text("wing:a")] } else { Vec::new() };
            user
        })
        .collect();
    let changes: Vec<_> = users.iter().cloned().map(created).collect();
    tenant.record(&database.store, &changes).unwrap();
    (tenant, users)
}

fn page(database: &Database, tenant: &Tenant, query: &Query) -> Page<User> {
    database.store.read(|r| r.users(tenant.org, query)).unwrap()
}

fn all_pages(database: &Database, tenant: &Tenant, query: &Query) -> Vec<User> {
    let mut query = query.clone();
    let mut all = Vec::new();
    loop {
        let page = page(database, tenant, &query);
        assert!(page.items.len() <= query.limit);
        all.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            return all;
        }
        assert!(all.len() < 100, "the pages do not end");
    }
}

fn pages_in_every_order_give_everybody_once(database: &Database) {
    let (tenant, users) = people(database);
    let sorts = ["display_name", "family_name", "extension", "username", "email", "service", "site"];
    let mut orders = vec![None];
    for field in sorts {
        for descending in [false, true] {
            orders.push(Some(Sort { field: field.into(), descending }));
        }
    }
    for sort in orders {
        let whole = Query { sort: sort.clone(), limit: 100, with_total: true, ..Query::default() };
        let whole = page(database, &tenant, &whole);
        assert_eq!((whole.items.len(), whole.next.as_ref(), whole.total), (users.len(), None, Some(11)));
        for limit in [1, 2, 3, 10, 11] {
            let query = Query { sort: sort.clone(), limit, ..Query::default() };
            assert_eq!(all_pages(database, &tenant, &query), whole.items, "{sort:?}, pages of {limit}");
        }
        if let Some(Sort { descending: true, field }) = &sort {
            let up = Query {
                sort: Some(Sort { field: field.clone(), descending: false }),
                limit: 100,
                ..Query::default()
            };
            let mut up = page(database, &tenant, &up).items;
            up.reverse();
            assert_eq!(up, whole.items, "{field} is not the same backwards");
        }
    }
    let by_name =
        Query { sort: Some(Sort { field: "display_name".into(), descending: false }), ..Query::default() };
    let names: Vec<String> =
        page(database, &tenant, &by_name).items.iter().map(|u| u.display_name.to_string()).collect();
    let mut expected: Vec<String> = NAMES.iter().map(|n| n.to_string()).collect();
    expected.sort_by_key(|name| fold_name(name));
    let folded = |names: &[String]| names.iter().map(|n| fold_name(n)).collect::<Vec<_>>();
    assert_eq!(folded(&names), folded(&expected));
}

fn filters_find_what_they_say(database: &Database) {
    let (tenant, users) = people(database);
    let enabled = updated(&users[1], |u| {
        u.service = Service::Disabled;
        u.disabled_reason = Some(text("away"));
    });
    tenant.record(&database.store, &[enabled]).unwrap();
    let find = |terms: &[(&str, Op, &str)]| -> Vec<usize> {
        let term = |(field, op, value): &(&str, Op, &str)| Term {
            field: field.to_string(),
            op: *op,
            value: value.to_string(),
        };
        let filter: Vec<Term> = terms.iter().map(term).collect();
        let query = Query { filter: filter.into(), with_total: true, ..Query::default() };
        let page = page(database, &tenant, &query);
        assert_eq!(page.total, Some(page.items.len() as u64));
        let place = |user: &User| users.iter().position(|u| u.id == user.id).unwrap();
        page.items.iter().map(place).collect()
    };
    assert_eq!(find(&[("display_name", Op::Eq, " ANA ")]), vec![0, 1, 10]);
    // An accent is neither asked for nor in the way.
    assert_eq!(find(&[("display_name", Op::Prefix, "ä")]), vec![0, 1, 2, 3, 10]);
    assert_eq!(find(&[("display_name", Op::Eq, "anne")]), vec![2]);
    assert_eq!(find(&[("display_name", Op::Contains, "arg")]), vec![3]);
    assert_eq!(find(&[("display_name", Op::Contains, "Ärg")]), vec![3]);
    assert_eq!(find(&[("display_name", Op::Contains, "ZOE")]), vec![4]);
    assert_eq!(find(&[("display_name", Op::Contains, "zoë"), ("tags", Op::Eq, "wing:a")]), vec![4]);
    assert_eq!(
        find(&[("display_name", Op::Contains, "zoë"), ("tags", Op::Eq, "wing:b")]),
        Vec::<usize>::new()
    );
    assert_eq!(find(&[("display_name", Op::Contains, "nobody")]), Vec::<usize>::new());
    assert_eq!(find(&[("display_name", Op::Contains, "ER")]), vec![3, 5, 6]);
    assert_eq!(find(&[("display_name", Op::Contains, "0% o")]), vec![9]);
    assert_eq!(find(&[("display_name", Op::Contains, "_")]), vec![8]);
    assert_eq!(find(&[("display_name", Op::Prefix, "%")]), Vec::<usize>::new());
    assert_eq!(find(&[("email", Op::Eq, "p2@example.COM")]), vec![2]);
    assert_eq!(find(&[("extension", Op::Eq, "1004")]), vec![4]);
    assert_eq!(find(&[("extension", Op::Eq, "")]), vec![0, 3, 6, 9]);
    assert_eq!(find(&[("extension", Op::Prefix, "100")]), vec![1, 2, 4, 5, 7, 8]);
    assert_eq!(find(&[("service", Op::Eq, "disabled")]), vec![1]);
    assert_eq!(find(&[("site", Op::Eq, &tenant.site.to_string())]).len(), 11);
    assert_eq!(find(&[("tags", Op::Eq, "wing:a")]), vec![4]);
    assert_eq!(find(&[("tags", Op::Eq, "wing")]), Vec::<usize>::new());
    assert_eq!(find(&[("tags", Op::Eq, "")]).len(), 10);
    assert_eq!(find(&[("max_bindings", Op::Eq, "5")]).len(), 11);
    assert_eq!(find(&[("sms", Op::Eq, "yes")]), Vec::<usize>::new());
    let both = [("display_name", Op::Eq, "ana"), ("family_name", Op::Prefix, "family")];
    assert_eq!(find(&both), vec![0, 10]);
    assert_eq!(find(&[("title", Op::Contains, "'; DROP TABLE users; --")]), Vec::<usize>::new());
}

fn a_cursor_stays_right_while_people_come_and_go(database: &Database) {
    let (tenant, _) = people(database);
    let mut query = Query {
        sort: Some(Sort { field: "username".into(), descending: false }),
        limit: 4,
        ..Query::default()
    };
    let first = page(database, &tenant, &query);
    let last = first.items.last().unwrap().clone();
    // The row that the cursor stands on goes, and one before it comes.
    tenant.record(&database.store, &[removed(&last)]).unwrap();
    let mut early = tenant.user(500);
    early.username = text("aaa");
    tenant.record(&database.store, &[created(early)]).unwrap();
    query.cursor = first.next;
    let rest = all_pages(database, &tenant, &query);
    assert_eq!(rest.len(), NAMES.len() - 4);
    assert!(rest.iter().all(|user| user.username.as_str() > last.username.as_str()));
}

fn what_cannot_be_asked_is_refused_with_a_reason(database: &Database) {
    let (tenant, _) = people(database);
    let refused = |query: Query| {
        let error = database.store.read(|r| r.users(tenant.org, &query)).unwrap_err();
        let StoreError::Query(error) = error else { panic!("{error:?}") };
        assert!(!error.reason.is_empty() && !error.mend.is_empty());
        error.field
    };
    let term = |field: &str, op, value: &str| Query {
        filter: Term { field: field.into(), op, value: value.into() }.into(),
        ..Query::default()
    };
    let sort = |field: &str| Some(Sort { field: field.into(), descending: false });
    assert_eq!(refused(term("shoe_size", Op::Eq, "44")), "filter");
    assert_eq!(refused(term("org_id", Op::Eq, "x")), "filter");
    assert_eq!(refused(term("max_bindings", Op::Prefix, "4")), "max_bindings");
    assert_eq!(refused(term("max_bindings", Op::Eq, "many")), "max_bindings");
    assert_eq!(refused(term("service", Op::Eq, "on")), "service");
    assert_eq!(refused(Query { sort: sort("title"), ..Query::default() }), "sort");
    assert_eq!(refused(Query { sort: sort("id\" --"), ..Query::default() }), "sort");
    for cursor in ["", "x", "zz.", "00000000000000000000000000000000"] {
        let query = Query { cursor: Some(cursor.into()), sort: sort("email"), ..Query::default() };
        assert_eq!(refused(query), "cursor", "{cursor:?}");
    }
}

/// The names in memory follow the log; what is found is what a plain look at every row would find.
fn a_part_of_a_name_finds_who_has_it_at_that_moment(database: &Database) {
    let (tenant, users) = people(database);
    let find = |part: &str| {
        let term = Term { field: "display_name".into(), op: Op::Contains, value: part.into() };
        let query = Query { filter: term.into(), with_total: true, limit: 1000, ..Query::default() };
        let page = page(database, &tenant, &query);
        assert!(page.next.is_some() || page.total == Some(page.items.len() as u64));
        page.items.iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(find("bernd"), vec![users[5].id, users[6].id]);
    // Renamed, gone, new, and back under the old name.
    let renamed = updated(&users[5], |u| u.display_name = text("Søren"));
    tenant.record(&database.store, &[renamed.clone(), removed(&users[6])]).unwrap();
    assert_eq!((find("bernd"), find("soren")), (vec![], vec![users[5].id]));
    let Some(muster_store::AnyEntity::User(soren)) = renamed.after else { panic!() };
    tenant.record(&database.store, &[updated(&*soren, |u| u.display_name = text("Bernd"))]).unwrap();
    let newcomer = tenant.add_user(&database.store, 700);
    assert_eq!((find("bernd"), find("soren")), (vec![users[5].id], vec![]));
    assert_eq!(find("pereira 700"), vec![newcomer.id]);
    // More at once than is followed, and more hits than are named to the database.
    let many: Vec<_> = (1_000..3_500).map(|n| created(tenant.user(n))).collect();
    tenant.record(&database.store, &many).unwrap();
    assert_eq!((find("pereira 3499").len(), find("bernd").len()), (1, 1));
    assert_eq!(find("pereira 1").len(), 1_000);
    assert_eq!(find("ereira").len(), 1_000, "a page is full");
}

#[test]
fn a_name_that_was_never_committed_is_not_found_and_a_snapshot_finds_its_own() {
    let database = Database::sqlite();
    let (tenant, users) = people(&database);
    let query = |part: &str| Query {
        filter: Term { field: "display_name".into(), op: Op::Contains, value: part.into() }.into(),
        ..Query::default()
    };
    let found = |page: Page<User>| page.items.len();
    assert_eq!(found(page(&database, &tenant, &query("zoe"))), 1);
    let store = &database.store;
    let renamed = updated(&users[4], |u| u.display_name = text("Agnes"));
    let refused: Result<(), StoreError> = store.write(|tx: &mut muster_store::Tx| {
        let mut head = tx.lock_org(tenant.org)?;
        tx.record(
            &mut head,
            crate::common::NOW,
            crate::common::id(9),
            crate::common::set(3),
            std::slice::from_ref(&renamed),
        )?;
        assert_eq!(found(tx.users(tenant.org, &query("agnes"))?), 1);
        Err(StoreError::Misuse("no"))
    });
    assert!(refused.is_err());
    assert_eq!(found(page(&database, &tenant, &query("agnes"))), 0);
    // What is written now takes the place in the log that the refused write had.
    tenant.record(store, &[updated(&users[5], |u| u.display_name = text("Beatrix"))]).unwrap();
    assert_eq!(found(page(&database, &tenant, &query("beatrix"))), 1);
    store
        .read(|r| {
            assert_eq!(found(r.users(tenant.org, &query("zoe"))?), 1);
            tenant.record(store, std::slice::from_ref(&renamed)).unwrap();
            // So many that the names are read anew, and the old one is forgotten.
            let many: Vec<_> = (1_000..3_100).map(|n| created(tenant.user(n))).collect();
            tenant.record(store, &many).unwrap();
            assert_eq!(found(page(&database, &tenant, &query("zoe"))), 0);
            assert_eq!(found(page(&database, &tenant, &query("agnes"))), 1);
            assert_eq!(found(r.users(tenant.org, &query("zoe"))?), 1, "the snapshot is as it was");
            Ok::<_, StoreError>(())
        })
        .unwrap();
}
