//! The power goes while a store writes: what was acknowledged is there afterwards, an import is there whole or
//! not at all, and the log is what the tables hold.
//!
//! `MUSTER_POWER_CUTS` says how often it goes; `MUSTER_SEED` repeats what chance made of the unsynced writes,
//! though not the moment.

mod disk;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use muster_domain::user::User;
use muster_store::Store;

use crate::common::{Tenant, created, open, removed};
use disk::Dice;

const WRITERS: u128 = 3;
/// People of an import.
const IMPORTED: u128 = 150;
/// Cuts for one database: it grows.
const CUTS_EACH: u64 = 12;

/// How much one thread has begun, and how much of it was acknowledged.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    acknowledged: AtomicU64,
}

impl Progress {
    fn step<T>(&self, work: impl FnOnce() -> T) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        work();
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Work {
    singles: [Progress; WRITERS as usize],
    /// Imports and their undoing, in turn.
    imports: Progress,
    /// While what was left is looked at: the log would outgrow the test.
    pause: AtomicBool,
    stop: AtomicBool,
}

impl Work {
    /// Waits out a pause; false when it is time to stop.
    fn goes_on(&self) -> bool {
        while self.pause.load(Ordering::SeqCst) && !self.stop.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        !self.stop.load(Ordering::SeqCst)
    }
}

#[test]
fn what_was_acknowledged_outlives_a_loss_of_power_and_nothing_is_there_by_half() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let cuts = asked("MUSTER_POWER_CUTS").unwrap_or(36);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = asked("MUSTER_SEED").unwrap_or(now.as_nanos() as u64);
    println!("MUSTER_SEED={seed}");
    disk::install();
    let mut dice = Dice(seed);
    let (mut done, mut torn) = (0, 0);
    while done < cuts {
        let here = CUTS_EACH.min(cuts - done);
        torn += one_database(here, &mut dice);
        done += here;
    }
    println!("{done} cuts, {torn} of them with writes that had not been synced");
    assert!(torn > 0, "the power never went while something was being written");
}

/// Ends the writers also where a check has failed.
struct Stops<'a>(&'a Work);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::SeqCst);
    }
}

/// Cuts the power so often while a database is written; gives how often something was unsynced then.
fn one_database(cuts: u64, dice: &mut Dice) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["muster.db", "muster.db-wal"].map(|name| folder.path().join(name).display().to_string());
    let store = open(&format!("sqlite:{}", paths[0]));
    let tenant = Tenant::create(&store, 1);
    let (work, mut torn) = (Work::default(), 0);
    std::thread::scope(|scope| {
        let _stops = Stops(&work);
        for writer in 0..WRITERS {
            let (work, store) = (&work, &store);
            scope.spawn(move || write_singles(store, &tenant, writer, work));
        }
        scope.spawn(|| import_and_undo(&store, &tenant, &work));
        for _ in 0..cuts {
            std::thread::sleep(Duration::from_micros(dice.next() % 40_000));
            // In this order: what was acknowledged before the cut must be there after it, and nothing can be there
            // that had not begun when it was over.
            let count = |of: fn(&Progress) -> &AtomicU64| {
                let singles = work.singles.each_ref().map(|p| of(p).load(Ordering::SeqCst));
                (singles, of(&work.imports).load(Ordering::SeqCst))
            };
            let acknowledged = count(|p| &p.acknowledged);
            torn += u64::from(disk::unsynced(&paths) > 0);
            let left = disk::cut_power(&paths, dice);
            let begun = count(|p| &p.begun);
            work.pause.store(true, Ordering::SeqCst);
            check(&left, &tenant, acknowledged, begun);
            work.pause.store(false, Ordering::SeqCst);
        }
    });
    disk::forget(&paths);
    torn
}

fn single(tenant: &Tenant, writer: u128, n: u64) -> User {
    tenant.user(100_000 * (writer + 1) + u128::from(n))
}

fn imported(tenant: &Tenant, batch: u64) -> Vec<User> {
    (0..IMPORTED).map(|n| tenant.user(1_000_000 + u128::from(batch) * IMPORTED + n)).collect()
}

fn write_singles(store: &Store, tenant: &Tenant, writer: u128, work: &Work) {
    let progress = &work.singles[writer as usize];
    for n in 0.. {
        if !work.goes_on() {
            return;
        }
        progress.step(|| tenant.record(store, &[created(single(tenant, writer, n))]).unwrap());
    }
}

fn import_and_undo(store: &Store, tenant: &Tenant, work: &Work) {
    for batch in 0.. {
        if !work.goes_on() {
            return;
        }
        let users = imported(tenant, batch);
        let make: Vec<_> = users.iter().cloned().map(created).collect();
        work.imports.step(|| tenant.record(store, &make).unwrap());
        let back: Vec<_> = users.iter().map(removed).collect();
        work.imports.step(|| tenant.record(store, &back).unwrap());
    }
}

type Counts = ([u64; WRITERS as usize], u64);

fn check(left: &[Option<Vec<u8>>], tenant: &Tenant, acknowledged: Counts, begun: Counts) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let paths = ["muster.db", "muster.db-wal"];
    for (name, bytes) in paths.iter().zip(left) {
        if let Some(bytes) = bytes {
            std::fs::write(path(name), bytes).unwrap();
        }
    }
    let store = open(&format!("sqlite:{}", path(paths[0]).display()));
    let verified = store.read(|r| r.verify(tenant.org)).unwrap();
    assert_eq!(verified.broken, None);
    assert_eq!(verified.state.map(|state| state.differing), Some(0), "the tables are not what the log says");
    let users = store.read(|r| r.all::<User>(tenant.org)).unwrap();
    let is_there = |user: &User| users.binary_search_by_key(&user.id, |u| u.id).is_ok();
    for writer in 0..WRITERS {
        let (from, to) = (acknowledged.0[writer as usize], begun.0[writer as usize]);
        let there = (0..to).take_while(|n| is_there(&single(tenant, writer, *n))).count() as u64;
        assert!(there >= from, "writer {writer}: {from} acknowledged, {there} there, {to} begun");
    }
    let first = tenant.user(1_000_000).id;
    let of_imports = users.iter().filter(|user| user.id >= first).count() as u128;
    assert!(of_imports == 0 || of_imports == IMPORTED, "{of_imports} people of an import of {IMPORTED}");
    // After an odd number of steps an import is there, after an even one none.
    let possible: Vec<u64> =
        (acknowledged.1..=begun.1).filter(|step| (step % 2 == 1) == (of_imports > 0)).collect();
    assert!(!possible.is_empty(), "{of_imports} people after {} steps, {} begun", acknowledged.1, begun.1);
    if of_imports > 0 {
        let which = |step: &u64| is_there(&imported(tenant, step / 2)[0]);
        assert!(possible.iter().any(which), "an import that was taken back is there");
    }
    // It can be written again.
    tenant.record(&store, &[created(tenant.user(9_000_000))]).unwrap();
    drop(store);
    disk::forget(&paths.map(|name| path(name).display().to_string()));
}
