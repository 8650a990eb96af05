//! What happens when the database cannot do what was asked.

use std::sync::Barrier;

use muster_domain::user::User;
use muster_store::{StoreError, Tx};

use crate::common::{Database, NOW, Tenant, created, id, on_both, set};

on_both!(
    a_commit_that_fails_answers_everybody_with_an_error_and_leaves_nothing,
    a_closure_that_panics_leaves_nothing_and_blocks_nobody,
    an_empty_write_succeeds,
);

fn a_commit_that_fails_answers_everybody_with_an_error_and_leaves_nothing(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let before = store.read(|r| r.head(tenant.org)).unwrap();
    let commits = store.wait_commit(0, std::time::Duration::ZERO);
    store.fail_commits(true).unwrap();
    let start = Barrier::new(6);
    let results: Vec<Result<_, StoreError>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|n| {
                let (start, change) = (&start, created(tenant.user(n)));
                scope.spawn(move || {
                    start.wait();
                    tenant.record(store, &[change])
                })
            })
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    for result in results {
        // A connection that is lost at the commit leaves open whether it happened.
        let maybe = !database.is_sqlite();
        assert!(
            matches!(&result, Err(StoreError::Unavailable { maybe_committed, .. }) if *maybe_committed == maybe),
            "{result:?}"
        );
    }
    store.fail_commits(false).unwrap();
    assert_eq!(store.read(|r| r.head(tenant.org)).unwrap(), before);
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 0);
    assert_eq!(store.wait_commit(0, std::time::Duration::ZERO), commits, "nobody was told of a commit");
    tenant.add_user(store, 1);
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
}

fn a_closure_that_panics_leaves_nothing_and_blocks_nobody(database: &Database) {
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        store.write(|tx: &mut Tx| {
            let mut head = tx.lock_org(tenant.org)?;
            tx.record(&mut head, NOW, id(9), set(3), &[created(tenant.user(1))])?;
            if head.head_seq > 0 {
                panic!("a mistake in a use case");
            }
            Ok::<_, StoreError>(())
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 0);
    tenant.add_user(store, 1);
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 1);
}

fn an_empty_write_succeeds(database: &Database) {
    let answer = database.store.write(|_: &mut Tx| Ok::<_, StoreError>(7));
    assert_eq!(answer, Ok(7));
}

#[test]
fn a_full_disk_refuses_writes_keeps_what_was_there_and_recovers() {
    let database = Database::sqlite();
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let ana = tenant.add_user(store, 1);
    // The smallest limit SQLite takes is what the file has already.
    store.raw("PRAGMA max_page_count = 1").unwrap();
    let many: Vec<_> = (100..1100).map(|n| created(tenant.user(n))).collect();
    let error = tenant.record(store, &many).unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { maybe_committed: false, .. }), "{error:?}");
    assert_eq!(store.read(|r| r.get::<User>(tenant.org, ana.id.0)).unwrap(), Some(ana));
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 1);
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
    store.raw("PRAGMA max_page_count = 1000000").unwrap();
    tenant.record(store, &many).unwrap();
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 1001);
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
}

/// While one writes, the others queue up; then one flush answers all of them.
#[test]
fn writes_that_wait_for_each_other_share_a_commit() {
    let database = Database::sqlite();
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let commits = store.wait_commit(0, std::time::Duration::ZERO);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            store.write(|tx: &mut Tx| {
                std::thread::sleep(std::time::Duration::from_millis(500));
                tx.lock_org(tenant.org)
            })
        });
        std::thread::sleep(std::time::Duration::from_millis(100));
        let others: Vec<_> = (0..20)
            .map(|n| {
                let change = created(tenant.user(n));
                scope.spawn(move || tenant.record(store, &[change]))
            })
            .collect();
        slow.join().unwrap().unwrap();
        for other in others {
            other.join().unwrap().unwrap();
        }
    });
    let flushed = store.wait_commit(0, std::time::Duration::ZERO) - commits;
    assert!(flushed <= 3, "21 writes took {flushed} commits");
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().broken, None);
}

/// In a shared commit, one refusal is one writer's own.
#[test]
fn a_refusal_in_a_shared_commit_takes_nobody_with_it() {
    let database = Database::sqlite();
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let results: Vec<Result<_, StoreError>> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..20)
            .map(|n: u128| {
                let mut user = tenant.user(n);
                if n % 2 == 1 {
                    user.mailbox = Some(muster_domain::ids::MailboxId(id(4711)));
                }
                let change = created(user);
                scope.spawn(move || tenant.record(store, &[change]))
            })
            .collect();
        writers.into_iter().map(|w| w.join().unwrap()).collect()
    });
    for (n, result) in results.iter().enumerate() {
        assert_eq!(result.is_ok(), n % 2 == 0, "{n}: {result:?}");
    }
    assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 10);
    assert_eq!(store.read(|r| r.verify(tenant.org)).unwrap().checked, 3 + 10);
}

#[test]
fn a_lost_connection_is_replaced_without_anybody_noticing() {
    let Some(database) = Database::postgres() else { return };
    let store = &database.store;
    let tenant = Tenant::create(store, 1);
    let other = database.open_again();
    // Every idle connection of the store's own is ended from its own side.
    for _ in 0..3 {
        let _ = store.raw("SELECT pg_terminate_backend(pg_backend_pid())");
        tenant
            .record(
                store,
                &[created(tenant.user(store.read(|r| r.head(tenant.org)).unwrap().unwrap().head_seq.into()))],
            )
            .unwrap();
    }
    assert_eq!(other.read(|r| r.counts(tenant.org)).unwrap().users, 3);
}

#[test]
fn a_database_that_is_not_there_is_unavailable() {
    let config = muster_store::Config {
        url: "postgres://nobody@127.0.0.1:1/none".into(),
        keys: muster_store::KeyRing::from_bytes([0; 32]),
        readers: 1,
        writers: 1,
    };
    let error = muster_store::Store::open(&config).err().unwrap();
    assert!(matches!(error, StoreError::Unavailable { maybe_committed: false, .. }), "{error:?}");
}
