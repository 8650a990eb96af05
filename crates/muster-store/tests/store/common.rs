//! A fresh database per test, and an organization to try things on.

use std::sync::atomic::{AtomicU32, Ordering};

use muster_domain::change::{EntityChange, Op, creation_of, update_of};
use muster_domain::field::Entity;
use muster_domain::ids::{ChangeSetId, ConnectionId, OrgId, SecretId, SiteId};
use muster_domain::log::{Facts, user_facts};
use muster_domain::organization::{Connection, Organization, Site};
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::User;
use muster_domain::value::Value;
use muster_store::{Config, KeyRing, OrgHead, Recorded, Store, StoreError, Stored, Tx};
use uuid::Uuid;

/// Runs one test on each database.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&crate::common::Database::sqlite()) })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(database) = crate::common::Database::postgres() {
                    super::$name(&database)
                }
            })*
        }
    };
}
pub(crate) use on_both;

/// A database of a test's own; gone when it is dropped.
pub struct Database {
    pub url: String,
    pub store: Store,
    keep: Keep,
}

/// What a database lives in; removed when it is dropped.
pub enum Keep {
    Directory(#[allow(dead_code)] tempfile::TempDir),
    Schema { admin: String, name: String },
}

pub const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

impl Database {
    pub fn sqlite() -> Database {
        let (url, keep) = Self::empty_sqlite();
        Database { store: open(&url), url, keep }
    }

    /// `None` only where PostgreSQL has been left out on purpose.
    pub fn postgres() -> Option<Database> {
        let (url, keep) = Self::empty_postgres()?;
        Some(Database { store: open(&url), url, keep })
    }

    /// The address of a database of the same kind that nobody has opened yet, and what it lives in.
    pub fn empty_one(&self) -> (String, Keep) {
        if self.is_sqlite() { Self::empty_sqlite() } else { Self::empty_postgres().unwrap() }
    }

    pub fn empty_sqlite() -> (String, Keep) {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("muster.db").display());
        (url, Keep::Directory(directory))
    }

    pub fn empty_postgres() -> Option<(String, Keep)> {
        let admin = match std::env::var("MUSTER_TEST_POSTGRES") {
            Ok(url) => url,
            Err(_) if std::env::var("MUSTER_TEST_NO_POSTGRES").is_ok_and(|v| v == "1") => {
                eprintln!("left out: MUSTER_TEST_NO_POSTGRES=1");
                return None;
            }
            Err(_) => panic!(
                "MUSTER_TEST_POSTGRES is not set: start one with scripts/test-postgres.sh, or set \
                 MUSTER_TEST_NO_POSTGRES=1 to leave these tests out on purpose"
            ),
        };
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}_{n}", std::process::id());
        let mut client = postgres::Client::connect(&admin, postgres::NoTls).unwrap();
        client.batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}")).unwrap();
        let join = if admin.contains('?') { '&' } else { '?' };
        let url = format!("{admin}{join}options=-c%20search_path%3D{name}");
        Some((url, Keep::Schema { admin, name }))
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self.keep, Keep::Directory(_))
    }

    /// The same database once more, as another process would open it.
    pub fn open_again(&self) -> Store {
        open(&self.url)
    }

    pub fn config(&self) -> Config {
        config(&self.url)
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        if let Keep::Schema { admin, name } = self
            && let Ok(mut client) = postgres::Client::connect(admin, postgres::NoTls)
        {
            // What is left behind goes with the test server.
            let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE"));
        }
    }
}

fn config(url: &str) -> Config {
    Config { url: url.to_string(), keys: KeyRing::from_bytes([7; 32]), readers: 3, writers: 8 }
}

pub fn open(url: &str) -> Store {
    Store::open(&config(url)).unwrap()
}

pub fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A value for a field, as a file would have it.
pub fn text<T: FieldValue>(text: &str) -> T {
    T::parse(text).unwrap()
}

/// An organization with a site and a connection: their ids are those of `n`.
#[derive(Clone, Copy)]
pub struct Tenant {
    pub org: OrgId,
    pub site: SiteId,
    pub connection: ConnectionId,
}

impl Tenant {
    pub fn create(store: &Store, n: u128) -> Tenant {
        let base = n * 1_000_000_000;
        let org = OrgId(id(base));
        let tenant = Tenant { org, site: SiteId(id(base + 1)), connection: ConnectionId(id(base + 2)) };
        store
            .write(|tx: &mut Tx| {
                let mut head = tx.new_org(org)?;
                let mut organization = Organization::blank(org, org.0);
                organization.name = text("Example Sons");
                organization.slug = text(&format!("example-{n}"));
                organization.domain = text(&format!("voice{n}.example.com"));
                let mut site = Site::blank(org, tenant.site.0);
                site.name = text("Main");
                let mut connection = Connection::blank(org, tenant.connection.0);
                connection.name = text("Phones");
                let changes = [created(organization), created(site), created(connection)];
                tx.record(&mut head, NOW, Uuid::nil(), set(1), &changes)?;
                Ok::<_, StoreError>(())
            })
            .unwrap();
        tenant
    }

    /// A user of the tenant that is not stored yet; `n` gives id, extension, username and name.
    pub fn user(&self, n: u128) -> User {
        let mut user = User::blank(self.org, id(self.org.0.as_u128() + 1000 + n));
        user.set_version(1);
        user.created_at = NOW;
        user.display_name = text(&format!("Ana Pereira {n}"));
        user.username = text(&format!("ana.{n}"));
        user.extension = Some(text(&format!("{}", 1000 + n)));
        user.site = Some(self.site);
        user.connection = Some(self.connection);
        user
    }

    pub fn secret_id(&self, n: u128) -> SecretId {
        SecretId(id(self.org.0.as_u128() + 500_000 + n))
    }

    /// Records changes in a write of their own.
    pub fn record(&self, store: &Store, changes: &[Recorded]) -> Result<OrgHead, StoreError> {
        store.write(|tx: &mut Tx| {
            let mut head = tx.lock_org(self.org)?;
            tx.record(&mut head, NOW, id(99), set(2), changes)?;
            Ok(head)
        })
    }

    pub fn add_user(&self, store: &Store, n: u128) -> User {
        let user = self.user(n);
        self.record(store, &[created(user.clone())]).unwrap();
        user
    }
}

pub fn set(n: u128) -> ChangeSetId {
    ChangeSetId(id(n))
}

pub fn created<E: Stored>(mut entity: E) -> Recorded {
    entity.set_version(1);
    let change = creation_of(&entity);
    recorded(change, None, Some(entity))
}

pub fn updated<E: Stored>(before: &E, edit: impl FnOnce(&mut E)) -> Recorded {
    let mut after = before.clone();
    edit(&mut after);
    let change = update_of(before, &after).expect("nothing was edited");
    after.set_version(before.version() + 1);
    recorded(change, Some(before.clone()), Some(after))
}

pub fn removed<E: Stored>(before: &E) -> Recorded {
    let created = creation_of(before);
    let fields = created.fields.into_iter().map(|mut field| {
        field.before = std::mem::replace(&mut field.after, Value::Null);
        field
    });
    let change = EntityChange {
        op: Op::Remove,
        version: Some(before.version()),
        fields: fields.collect(),
        kind: created.kind,
        id: created.id,
    };
    recorded(change, Some(before.clone()), None)
}

fn recorded<E: Stored>(change: EntityChange, before: Option<E>, after: Option<E>) -> Recorded {
    let (before, after) = (before.map(E::into_any), after.map(E::into_any));
    let facts = if let Some(user) = before.as_ref().or(after.as_ref()).filter(|any| any.as_user().is_some()) {
        let _ = user;
        user_facts(
            before.as_ref().and_then(|any| any.as_user()),
            after.as_ref().and_then(|any| any.as_user()),
            &change,
        )
    } else {
        Facts::default()
    };
    Recorded { change, before, after, facts }
}
