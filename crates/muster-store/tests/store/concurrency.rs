//! Many writers, and followers that must skip nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use muster_domain::change::Op;
use muster_domain::ids::OrgId;
use muster_domain::log::GENESIS;
use muster_domain::user::User;
use muster_store::{Reader, Store, StoreError, Tx};

use crate::common::{Database, NOW, Tenant, created, id, on_both, set, updated};

on_both!(
    eight_writers_on_two_organizations_and_a_follower_that_sees_every_change_once_in_order,
    of_two_writers_that_want_a_claim_one_gets_it,
    updates_of_one_thing_do_not_get_lost,
    writers_of_two_organizations_that_lock_both_do_not_hang,
    a_reader_keeps_its_snapshot_while_others_write,
    it_is_called_from_the_blocking_threads_of_a_runtime_and_dropped_on_an_async_one,
);

const WRITERS: u128 = 8;
const WRITES: u128 = 40;

fn eight_writers_on_two_organizations_and_a_follower_that_sees_every_change_once_in_order(
    database: &Database,
) {
    let store = &database.store;
    let tenants = [Tenant::create(store, 1), Tenant::create(store, 2)];
    // The follower is another process: it learns of commits from the heads alone.
    let follower = database.open_again();
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reading = scope.spawn(|| follow(&follower, &done));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let tenant = tenants[writer as usize % 2];
                scope.spawn(move || write_some(store, &tenant, writer))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        reading.join().unwrap()
    });
    for tenant in tenants {
        // Three lines made the organization; every write added one user, and some then changed it.
        let lines = 3 + u64::try_from(WRITERS / 2 * (WRITES + WRITES / 4)).unwrap();
        let of_it: Vec<u64> = seen.iter().filter(|s| s.0 == tenant.org).map(|s| s.1).collect();
        assert_eq!(of_it, (1..=lines).collect::<Vec<_>>(), "every change once, in order");
        let found = store.read(|r| r.verify(tenant.org)).unwrap();
        assert_eq!((found.checked, found.broken), (lines, None));
        assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 160);
    }
}

fn write_some(store: &Store, tenant: &Tenant, writer: u128) {
    for n in 0..WRITES {
        let user = tenant.user(writer * 1000 + n);
        store
            .write(|tx: &mut Tx| {
                let mut head = tx.lock_org(tenant.org)?;
                tx.record(&mut head, NOW, id(9), set(3), &[created(user.clone())])?;
                if n % 4 == 0 {
                    let change = updated(&user, |u| u.mobile_stun = true);
                    tx.record(&mut head, NOW, id(9), set(3), &[change])?;
                }
                Ok::<_, StoreError>(())
            })
            .unwrap();
    }
}

/// Works off what there is until there is nothing more; returns each line in the order it was seen.
fn follow(store: &Store, done: &AtomicBool) -> Vec<(OrgId, u64)> {
    let mut seen = Vec::new();
    let mut last: std::collections::HashMap<OrgId, [u8; 32]> = Default::default();
    loop {
        let finished = done.load(Ordering::SeqCst);
        let behind = store.read(|r: &mut Reader| r.heads_since("test", 100)).unwrap();
        if finished && behind.is_empty() {
            return seen;
        }
        for head in behind {
            let lines =
                store.read(|r| r.changes(head.org, head.position, 1000, &Default::default())).unwrap();
            let mut expected = head.position;
            for line in &lines {
                expected += 1;
                assert_eq!(line.envelope.seq, expected, "a line was skipped");
                let before = last.insert(head.org, line.envelope.hash).unwrap_or(GENESIS);
                assert_eq!(line.envelope.hash, muster_domain::log::chain_hash(&before, &line.envelope));
                seen.push((head.org, expected));
            }
            store.write(|tx: &mut Tx| tx.advance("test", head.org, expected)).unwrap();
        }
    }
}

fn of_two_writers_that_want_a_claim_one_gets_it(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    for round in 0..20 {
        let both: Vec<_> = [1, 2]
            .map(|n| {
                let mut user = tenant.user(round * 10 + n);
                user.extension = Some(crate::common::text(&format!("{}", 5000 + round)));
                user
            })
            .into();
        let results: Vec<Result<_, StoreError>> = std::thread::scope(|scope| {
            let writers: Vec<_> = both
                .iter()
                .map(|user| {
                    let (store, change) = (&database.store, created(user.clone()));
                    scope.spawn(move || tenant.record(store, &[change]))
                })
                .collect();
            writers.into_iter().map(|w| w.join().unwrap()).collect()
        });
        let refused: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "{results:?}");
        assert!(matches!(refused[0], StoreError::Taken { field: "extension", holder: Some(_), .. }));
    }
    assert_eq!(database.store.read(|r| r.counts(tenant.org)).unwrap().users, 20);
}

fn updates_of_one_thing_do_not_get_lost(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let user = tenant.add_user(&database.store, 1);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    add_one(&database.store, &tenant, &user);
                }
            });
        }
    });
    let after = database.store.read(|r| r.get::<User>(tenant.org, user.id.0)).unwrap().unwrap();
    assert_eq!((after.on_call_reminder_min.0, after.version), (15 + 80, 81));
}

fn add_one(store: &Store, tenant: &Tenant, user: &User) {
    store
        .write(|tx: &mut Tx| {
            let mut head = tx.lock_org(tenant.org)?;
            let now = tx.get::<User>(tenant.org, user.id.0)?.ok_or(StoreError::Misuse("gone"))?;
            let change = updated(&now, |u| u.on_call_reminder_min.0 += 1);
            assert_eq!(change.change.op, Op::Update);
            tx.record(&mut head, NOW, id(9), set(3), &[change])?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

/// On PostgreSQL two writes that lock the same organizations in opposite order end in a deadlock, which
/// the store mends by running one of them again.
fn writers_of_two_organizations_that_lock_both_do_not_hang(database: &Database) {
    let store = &database.store;
    let tenants = [Tenant::create(store, 1), Tenant::create(store, 2)];
    let start = Instant::now();
    std::thread::scope(|scope| {
        for turned in [false, true] {
            let (first, second) = if turned { (tenants[1], tenants[0]) } else { (tenants[0], tenants[1]) };
            scope.spawn(move || {
                for n in 0..5 {
                    let n = n + if turned { 100 } else { 0 };
                    store
                        .write(|tx: &mut Tx| {
                            let mut head = tx.lock_org(first.org)?;
                            std::thread::sleep(Duration::from_millis(3));
                            tx.lock_org(second.org)?;
                            tx.record(&mut head, NOW, id(9), set(3), &[created(first.user(n))])?;
                            Ok::<_, StoreError>(())
                        })
                        .unwrap();
                }
            });
        }
    });
    assert!(start.elapsed() < Duration::from_secs(60));
    for tenant in tenants {
        assert_eq!(store.read(|r| r.counts(tenant.org)).unwrap().users, 5);
    }
}

fn a_reader_keeps_its_snapshot_while_others_write(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let (before, after) = database
        .store
        .read(|r| {
            let before = r.counts(tenant.org)?.users;
            tenant.add_user(&database.store, 1);
            Ok::<_, StoreError>((before, r.counts(tenant.org)?.users))
        })
        .unwrap();
    assert_eq!((before, after), (0, 0));
    assert_eq!(database.store.read(|r| r.counts(tenant.org)).unwrap().users, 1);
}

/// PostgreSQL's client runs a small runtime of its own, which must not meet the caller's.
fn it_is_called_from_the_blocking_threads_of_a_runtime_and_dropped_on_an_async_one(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let store = database.open_again();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async move {
        let writer = store.clone();
        let write = tokio::task::spawn_blocking(move || tenant.record(&writer, &[created(tenant.user(1))]));
        write.await.unwrap().unwrap();
        let reader = store.clone();
        let read = tokio::task::spawn_blocking(move || reader.read(|r| r.counts(tenant.org)));
        assert_eq!(read.await.unwrap().unwrap().users, 1);
        tokio::spawn(async move { drop(store) }).await.unwrap();
    });
}
