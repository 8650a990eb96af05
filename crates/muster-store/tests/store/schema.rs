//! Tables, migrations, and the address of the database.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::for_kind;
use muster_store::{KeyRing, Store, StoreError};

use crate::common::{Database, Tenant, on_both};

on_both!(
    every_field_has_its_column_and_no_column_is_left_over,
    opening_again_migrates_nothing_and_keeps_everything,
    a_newer_database_is_refused_in_one_clear_line,
    several_programs_may_open_a_new_database_at_once,
);

fn expected<E: Entity>() -> Vec<String> {
    let mut columns: Vec<String> = ["org_id", "id", "version", "created_at"].map(String::from).into();
    for field in E::fields() {
        columns.push(field.name.to_string());
        if field.meta.key.folds() {
            columns.push(format!("{}_key", field.name));
        }
    }
    if E::KIND == EntityKind::Organization {
        columns.extend(["head_seq".to_string(), "head_hash".to_string()]);
    }
    columns
}

fn every_field_has_its_column_and_no_column_is_left_over(database: &Database) {
    for kind in EntityKind::ALL {
        let expected = for_kind!(*kind, E => expected::<E>());
        let table = kind.plural();
        // What was added later stands at the end of the table, wherever its field stands.
        let sorted = |mut names: Vec<String>| {
            names.sort_unstable();
            names
        };
        let found = database.store.columns_of(table).unwrap();
        assert_eq!(sorted(found), sorted(expected), "the columns of {table}");
    }
}

fn opening_again_migrates_nothing_and_keeps_everything(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let again = database.open_again();
    let found = again.read(|r| r.organizations()).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].org, tenant.org);
}

fn a_newer_database_is_refused_in_one_clear_line(database: &Database) {
    database.store.raw("INSERT INTO schema_version (version) VALUES (999)").unwrap();
    let error = Store::open(&database.config()).err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema { found: 999, known: 6 }), "{error:?}");
    let line = error.to_string();
    assert!(line.contains("999") && line.contains("newer program") && !line.contains('\n'), "{line}");
}

fn several_programs_may_open_a_new_database_at_once(database: &Database) {
    let (url, _keep) = database.empty_one();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| crate::common::open(&url))).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn an_address_of_neither_database_is_refused() {
    let config = muster_store::Config {
        url: "mysql://x".into(),
        keys: KeyRing::from_bytes([0; 32]),
        readers: 1,
        writers: 1,
    };
    let error = Store::open(&config).err().unwrap();
    assert!(error.to_string().contains("sqlite:"), "{error}");
}
