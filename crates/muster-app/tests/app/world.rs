//! An installation on a database of its own, and dice that fall the same way for the same seed.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use muster_app::organizations::NewOrganization;
use muster_app::{Actor, App, Scope};
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, Name, Slug};
use muster_store::{Config, KeyRing, Store};

/// Numbers from a seed (splitmix64).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit.max(1) as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(self.below(of.len())) }
    }
}

/// The seeds of a test's sequences: `MUSTER_SEED` alone, else `MUSTER_SEQUENCES` (or so many) from the clock's on.
pub fn seeds(sequences: u64) -> std::ops::Range<u64> {
    let given = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (first, count) = match given("MUSTER_SEED") {
        Some(seed) => (seed, 1),
        None => (clock.as_nanos() as u64 % 1_000_000_000, given("MUSTER_SEQUENCES").unwrap_or(sequences)),
    };
    first..first + count
}

/// The program's use cases over one database, with a worker for its jobs.
pub struct World {
    pub app: App,
    operator: Actor,
    worker: Option<std::thread::JoinHandle<()>>,
    is_postgres: bool,
    _directory: tempfile::TempDir,
}

impl World {
    pub fn on_sqlite() -> World {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("muster.db").display());
        World::open(url, directory)
    }

    /// `None` only where PostgreSQL has been left out on purpose.
    pub fn on_postgres() -> Option<World> {
        let Ok(server) = std::env::var("MUSTER_TEST_POSTGRES") else {
            let left_out = std::env::var("MUSTER_TEST_NO_POSTGRES").is_ok_and(|v| v == "1");
            assert!(
                left_out,
                "MUSTER_TEST_POSTGRES is not set: start one with scripts/test-postgres.sh, or set \
                 MUSTER_TEST_NO_POSTGRES=1 to leave these tests out on purpose"
            );
            return None;
        };
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("app_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}");
        let made = Command::new("psql").args([&server, "-qc", &sql]).status().unwrap();
        assert!(made.success(), "no schema could be made at {server}");
        let join = if server.contains('?') { '&' } else { '?' };
        Some(World::open(
            format!("{server}{join}options=-c%20search_path%3D{name}"),
            tempfile::tempdir().unwrap(),
        ))
    }

    fn open(url: String, directory: tempfile::TempDir) -> World {
        let keys = KeyRing::from_bytes([7; 32]);
        let is_postgres = url.starts_with("postgres");
        let store = Store::open(&Config { url, keys, readers: 2, writers: 2 }).unwrap();
        let app = App::new(store);
        let bearer = app.bootstrap().unwrap().unwrap();
        let operator = app.authenticate(&bearer).unwrap();
        let works = app.clone();
        let worker = Some(std::thread::spawn(move || works.work_on_jobs("test")));
        World { app, operator, worker, is_postgres, _directory: directory }
    }

    pub fn is_postgres(&self) -> bool {
        self.is_postgres
    }

    /// What the operator may do for the installation.
    pub fn operator(&self) -> Scope {
        self.app.authorize_operator(&self.operator).unwrap()
    }

    /// A new organization, with all that an operator may do in it.
    pub fn organization(&self, slug: &str) -> Scope {
        let operator = self.app.authorize_operator(&self.operator).unwrap();
        let new = NewOrganization {
            name: Name::parse(slug).unwrap(),
            slug: Some(Slug::parse(slug).unwrap()),
            domain: Domain::parse(&format!("{slug}.example")).unwrap(),
            domain_aliases: Vec::new(),
            country: None,
            time_zone: None,
        };
        self.app.create_organization(&operator, &new).unwrap();
        self.app.authorize(&self.operator, slug, Permission::ChangesUndo).unwrap()
    }
}

impl World {
    /// An organization that is there, with all that an operator may do in it.
    pub fn again(&self, slug: &str) -> Scope {
        self.app.authorize(&self.operator, slug, Permission::ChangesUndo).unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.app.stop_jobs();
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}
