//! The law of the change log: state = fold(log).

use std::collections::BTreeMap;

use muster_domain::change::{apply, inverse, update_of};
use muster_domain::field::Entity;
use muster_domain::user::{Record, User};
use muster_store::{Recorded, Store, StoreError, Stored, Tx};
use proptest::prelude::*;
use uuid::Uuid;

use crate::common::{Database, NOW, Tenant, created, id, removed, set, text, updated};

#[derive(Clone, Debug)]
enum Step {
    Create(u8),
    Title(u8, u8),
    Move(u8, u8),
    Trash(u8, bool),
    Remove(u8),
    UndoLast,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = 0_u8..6;
    let step = prop_oneof![
        3 => who.clone().prop_map(Step::Create),
        3 => (who.clone(), 0_u8..4).prop_map(|(n, t)| Step::Title(n, t)),
        2 => (who.clone(), 0_u8..6).prop_map(|(n, e)| Step::Move(n, e)),
        2 => (who.clone(), any::<bool>()).prop_map(|(n, t)| Step::Trash(n, t)),
        1 => who.prop_map(Step::Remove),
        2 => Just(Step::UndoLast),
    ];
    proptest::collection::vec(step, 1..40)
}

fn change_for(users: &BTreeMap<Uuid, User>, tenant: &Tenant, store: &Store, step: &Step) -> Option<Recorded> {
    let of = |n: u8| users.get(&tenant.user(n.into()).id.0);
    let edit = |n: u8, edit: &dyn Fn(&mut User)| {
        let before = of(n)?;
        let mut after = before.clone();
        edit(&mut after);
        update_of(before, &after).map(|_| updated(before, edit))
    };
    match step {
        Step::Create(n) => of(*n).is_none().then(|| created(tenant.user((*n).into()))),
        Step::Title(n, t) => edit(*n, &|u| u.title = (*t > 0).then(|| text(&format!("Title {t}")))),
        Step::Move(n, e) => edit(*n, &|u| u.extension = Some(text(&format!("{}", 1000 + u32::from(*e))))),
        Step::Trash(n, t) => edit(*n, &|u| u.record = if *t { Record::Trashed } else { Record::Live }),
        Step::Remove(n) => of(*n).map(removed),
        Step::UndoLast => {
            let last = store.read(|r| r.changes_back(tenant.org, None, 1, &Default::default())).unwrap();
            let body = last.first()?.body.clone()?;
            let undo = inverse(&body).ok()?;
            let before = users.get(&undo.id).cloned();
            let after = apply(tenant.org, before.as_ref(), &undo).ok()?;
            let facts = muster_domain::log::user_facts(before.as_ref(), after.as_ref(), &undo);
            let (before, after) = (before.map(Stored::into_any), after.map(Stored::into_any));
            Some(Recorded { change: undo, before, after, facts })
        }
    }
}

fn run(database: &Database, steps: &[Step]) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    for step in steps {
        let users = stored(store, &tenant);
        let Some(change) = change_for(&users, &tenant, store, step) else { continue };
        let result = store.write(|tx: &mut Tx| {
            let mut head = tx.lock_org(tenant.org)?;
            tx.record(&mut head, NOW, id(9), set(3), std::slice::from_ref(&change))?;
            Ok::<_, StoreError>(())
        });
        match result {
            Ok(()) | Err(StoreError::Taken { .. }) => {}
            Err(e) => panic!("{step:?}: {e:?}"),
        }
    }
    assert_eq!(stored(store, &tenant), folded(store, &tenant));
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
    claims_are_those_of_the_rows(store, &tenant);
}

fn stored(store: &Store, tenant: &Tenant) -> BTreeMap<Uuid, User> {
    let users = store.read(|r| r.all::<User>(tenant.org)).unwrap();
    users.into_iter().map(|user| (user.id.0, user)).collect()
}

fn folded(store: &Store, tenant: &Tenant) -> BTreeMap<Uuid, User> {
    let mut users = BTreeMap::new();
    let lines = store.read(|r| r.changes(tenant.org, 0, 1000, &Default::default())).unwrap();
    for line in lines.into_iter().filter(|line| line.envelope.entity == User::KIND) {
        let change = line.body.unwrap();
        let before: Option<User> = users.remove(&change.id);
        let created_at = before.as_ref().map_or(line.envelope.at, |user: &User| user.created_at);
        if let Some(mut after) = apply::<User>(tenant.org, before.as_ref(), &change).unwrap() {
            after.created_at = created_at;
            users.insert(after.id.0, after);
        }
    }
    users
}

fn claims_are_those_of_the_rows(store: &Store, tenant: &Tenant) {
    let users = stored(store, tenant);
    let mut wanted: Vec<(String, String, Uuid)> = users
        .values()
        .flat_map(|user| {
            let claims = muster_domain::claims::of_user(user);
            claims.into_iter().map(|c| (c.space.to_string(), c.key.to_string(), user.id.0))
        })
        .collect();
    wanted.sort();
    let keys: Vec<smol_str::SmolStr> =
        (0..6).flat_map(|n| [format!("{}", 1000 + n).into(), format!("ana.{n}").into()]).collect();
    let space = muster_domain::claims::extension_space(tenant.connection);
    let mut found: Vec<(String, String, Uuid)> = Vec::new();
    for space in [space.as_str(), "auth"] {
        let claimed = store.read(|r| r.claimed(tenant.org, space, &keys)).unwrap();
        found.extend(claimed.into_iter().map(|(key, _, who)| (space.to_string(), key.to_string(), who)));
    }
    found.sort();
    assert_eq!(found, wanted);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_the_folded_log_on_sqlite(steps in steps()) {
        run(&Database::sqlite(), &steps);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn the_state_is_the_folded_log_on_postgres(steps in steps()) {
        if let Some(database) = Database::postgres() {
            run(&database, &steps);
        }
    }
}
