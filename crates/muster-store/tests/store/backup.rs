//! Backing up and restoring, from each kind of database into each.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};

use muster_domain::field::Entity;
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule, SmsSender};
use muster_domain::ids::{MailId, UserId};
use muster_domain::locations::{EmergencyLocation, ShippingAddress};
use muster_domain::organization::{Device, PhoneNumber};
use muster_domain::roles::Role;
use muster_domain::signing::{Invite, MailServer, SignIn};
use muster_domain::tags::TagDefinition;
use muster_domain::types::UnixMillis;
use muster_domain::user::{Record, User};
use muster_store::dump::{self, Backup, BackupError, Contents, Cost, Manifest, Passphrase, Target};
use muster_store::{
    Job, JobOutcome, JobResult, JobState, MailContent, NewMail, Recorded, SecretKind, Store, StoreError,
    StoredSession, Tx,
};

use crate::common::{Database, Keep, NOW, Tenant, created, id, on_both, open, removed, set, text, updated};

on_both!(
    what_is_restored_is_row_for_row_what_was_backed_up_on_either_database,
    what_is_written_meanwhile_is_in_the_backup_whole_or_not_at_all,
    a_database_with_anything_in_it_is_refused_and_keeps_it,
    a_backup_that_is_cut_or_changed_leaves_nothing_behind,
    a_column_that_an_older_backup_has_not_keeps_its_default,
);

const PASSPHRASE: &str = "five words nobody will guess";
const CHEAP: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };

fn back_up(store: &Store) -> (Vec<u8>, Manifest, Contents) {
    let passphrase = Passphrase::new(PASSPHRASE).unwrap();
    let mut file = Vec::new();
    let (manifest, contents) = store
        .read(|r| {
            dump::back_up(r, &passphrase, CHEAP, NOW, "0.0.0", &mut file, |files| {
                files.put("one.txt", &b"one"[..])?;
                files.put("empty.txt", io::empty())?;
                files.put("large.bin", io::repeat(7).take(1_000_000))
            })
            .map_err(|e| StoreError::Open(e.to_string()))
        })
        .unwrap();
    (file, manifest, contents)
}

fn opened(file: &[u8]) -> Backup<&[u8]> {
    Backup::open(file, &Passphrase::of_old(PASSPHRASE)).unwrap()
}

fn rows(file: &[u8]) -> BTreeMap<String, Vec<String>> {
    opened(file).rows().unwrap()
}

fn load(file: &[u8], url: &str) -> Result<Contents, BackupError> {
    let mut none = |_: &str, content: &mut dyn Read| io::copy(content, &mut io::sink());
    let backup = Backup::open(file, &Passphrase::of_old(PASSPHRASE))?;
    backup.load(&Target::of_url(url), &mut none)?.commit()
}

/// An empty place of either kind.
fn places() -> Vec<(String, Keep)> {
    let mut places = vec![Database::empty_sqlite()];
    places.extend(Database::empty_postgres());
    places
}

fn job(tenant: &Tenant) -> Job {
    Job {
        org: tenant.org,
        id: id(77).into(),
        kind: "import".into(),
        state: JobState::Running,
        actor: id(5),
        options: "{}".into(),
        set: None,
        created_at: NOW,
        updated_at: NOW,
        rows_total: Some(3),
        rows_done: 1,
        cursor: None,
        summary: None,
        problem: None,
        cancel_requested: true,
        lease: Some(("somebody who is gone".into(), UnixMillis(i64::MAX))),
        undone_by: None,
    }
}

/// Something in every table.
fn fill(store: &Store) -> Tenant {
    let tenant = Tenant::create(store, 1);
    let mut users = Vec::new();
    for n in 0..60 {
        let secret = tenant.secret_id(n);
        let mut user = tenant.user(n);
        user.sip_secret = Some(secret);
        user.tags = vec![text("floor:2"), text("team:zoë")];
        user.sms = n % 2 == 0;
        user.title = Some(text("Zoë 🦊"));
        let mut device = Device::blank(tenant.org, id(700_000 + n));
        device.name = text(&format!("Desk {n}"));
        device.user = Some(user.id);
        let mut number = PhoneNumber::blank(tenant.org, id(800_000 + n));
        number.number = text(&format!("+44770090{n:04}"));
        number.user = Some(user.id);
        store
            .write(|tx: &mut Tx| {
                let mut head = tx.lock_org(tenant.org)?;
                tx.put_secret(tenant.org, secret, SecretKind::SipSecret, &format!("secret-{n}-ÿ"))?;
                let changes = [created(user.clone()), created(device.clone()), created(number.clone())];
                tx.record(&mut head, NOW, id(9), set(10 + n), &changes)?;
                Ok::<_, StoreError>(())
            })
            .unwrap();
        users.push(user);
    }
    tenant.record(store, &records(&tenant, &users)).unwrap();
    tenant.record(store, &crate::billing::one_of_each(&tenant, users[0].id)).unwrap();
    crate::billing::facts(store, &tenant, users[0].id);
    users[0].set_version(1);
    tenant.record(store, &[updated(&users[0], |u| u.record = Record::Trashed)]).unwrap();
    store.write(|tx: &mut Tx| tx.note_seen(tenant.org, &[users[0].id], NOW)).unwrap();
    signed_in(store, &tenant, users[1].id);
    // An import that was taken back.
    let many: Vec<User> = (100..300).map(|n| tenant.user(n)).collect();
    tenant.record(store, &many.iter().cloned().map(created).collect::<Vec<_>>()).unwrap();
    let back: Vec<_> = many
        .into_iter()
        .map(|mut user| {
            user.set_version(1);
            removed(&user)
        })
        .collect();
    tenant.record(store, &back).unwrap();
    let result = JobResult { row: 1, part: 0, outcome: JobOutcome::Refused, text: "why".into() };
    store
        .write(|tx: &mut Tx| {
            tx.put_job(&job(&tenant))?;
            tx.add_job_results(tenant.org, id(77).into(), std::slice::from_ref(&result))?;
            let file = vec![b'x'; 300_000];
            tx.put_job_input(tenant.org, id(77).into(), &file, UnixMillis(NOW.0 + 1))?;
            tx.remember(tenant.org, id(5), "key", &[3; 32], b"answer", NOW)?;
            tx.advance("mail", tenant.org, 7)?;
            tx.park("webhooks", tenant.org, "refused")?;
            tx.lease("anchor", "somebody who is gone", NOW, UnixMillis(i64::MAX)).map(|_| ())
        })
        .unwrap();
    tenant
}

/// What is kept beside the log of how somebody signs in.
fn signed_in(store: &Store, tenant: &Tenant, user: UserId) {
    let content = MailContent { subject: "Zoë".into(), text: "a link".into(), html: "<p>a link</p>".into() };
    let mail = NewMail {
        org: tenant.org,
        id: MailId(id(910_001)),
        kind: "invite",
        recipient: "ana@example.com",
        user: Some(user),
        invite: None,
        content: &content,
    };
    let ends = UnixMillis(NOW.0 + 1);
    let session = StoredSession { org: tenant.org, user, password: None, created_at: NOW, expires_at: ends };
    store
        .write(|tx: &mut Tx| {
            tx.put_mail(&mail, NOW)?;
            tx.put_session("the hash of a token", &session)?;
            tx.add_failure(tenant.org, user, "password", NOW)
        })
        .unwrap();
}

/// One of each kind of record that names somebody or stands alone.
fn records(tenant: &Tenant, users: &[User]) -> Vec<Recorded> {
    let members: Vec<_> = users.iter().take(3).map(|user| user.id).collect();
    let mut group = Group::blank(tenant.org, id(900_001));
    (group.name, group.members) = (text("Sales"), members.clone());
    let mut menu = Menu::blank(tenant.org, id(900_002));
    menu.name = text("Welcome");
    menu.entries = vec![text(&format!("1=user:{}", members[0])), text(&format!("2=group:{}", group.id))];
    let mut fax = FaxAccount::blank(tenant.org, id(900_003));
    (fax.name, fax.number) = (text("Fax"), Some(id(800_001).into()));
    let mut sender = SmsSender::blank(tenant.org, id(900_004));
    (sender.name, sender.number) = (text("Texts"), Some(id(800_002).into()));
    let mut schedule = OnCallSchedule::blank(tenant.org, id(900_005));
    (schedule.name, schedule.members) = (text("Nights"), members);
    let mut location = EmergencyLocation::blank(tenant.org, id(900_006));
    (location.name, location.country) = (text("Office"), Some(text("JP")));
    (location.street, location.city) = (Some(text("Main Street")), Some(text("Osaka")));
    let mut address = ShippingAddress::blank(tenant.org, id(900_007));
    (address.name, address.recipient, address.country) =
        (text("Office"), Some(text("Desk")), Some(text("JP")));
    (address.street, address.city) = (Some(text("Main Street")), Some(text("Osaka")));
    let mut role = Role::blank(tenant.org, id(900_008));
    role.name = text("Helpers");
    let mut tag = TagDefinition::blank(tenant.org, id(900_009));
    tag.name = text("floor:2");
    let mut sign_in = SignIn::blank(tenant.org, id(900_010));
    sign_in.user = Some(users[1].id);
    let mut invite = Invite::blank(tenant.org, id(900_011));
    (invite.user, invite.sent_at) = (Some(users[1].id), Some(NOW));
    let mut server = MailServer::blank(tenant.org, id(900_012));
    (server.host, server.from_address) = (text("smtp.example.com"), text("muster@example.com"));
    vec![
        created(group),
        created(menu),
        created(fax),
        created(sender),
        created(schedule),
        created(location),
        created(address),
        created(role),
        created(tag),
        created(sign_in),
        created(invite),
        created(server),
    ]
}

fn what_is_restored_is_row_for_row_what_was_backed_up_on_either_database(database: &Database) {
    let tenant = fill(&database.store);
    let (file, manifest, contents) = back_up(&database.store);
    assert_eq!((manifest.people(), manifest.organizations.len()), (59, 1));
    assert_eq!(opened(&file).check().unwrap(), contents);
    assert_eq!(contents.files["large.bin"], 1_000_000);
    assert!(!file.windows(8).any(|w| w == b"Example "), "something of it can be read");
    let before = rows(&file);
    // Bodies that were erased stand for themselves; nobody is trashed for good here.
    for (table, rows) in &before {
        assert!(!rows.is_empty() || table == "mailboxes" || table == "tokens", "{table} was not tried");
    }
    for (url, _keep) in places() {
        load(&file, &url).unwrap();
        let target = Target::of_url(&url);
        assert!(dump::finished(&target, opened(&file).mark()).unwrap());
        assert!(!dump::finished(&target, "another").unwrap());
        dump::forget(&target).unwrap();
        assert!(!dump::finished(&target, opened(&file).mark()).unwrap());
        let restored = open(&url);
        let mut after = rows(&back_up(&restored).0);
        assert_eq!(after.insert("leases".into(), before["leases"].clone()).map(|rows| rows.len()), Some(0));
        let job_row = after.insert("jobs".into(), before["jobs"].clone()).unwrap();
        assert!(job_row[0].contains("\"running\"") && !job_row[0].contains("gone"), "{job_row:?}");
        for (table, rows) in &before {
            assert_eq!(&after[table], rows, "{table} in {url}");
        }
        let verified = restored.read(|r| r.verify(tenant.org)).unwrap();
        assert_eq!((verified.broken, verified.secrets.damaged), (None, 0));
        assert_eq!(verified.state.map(|state| state.differing), Some(0));
        let secret = restored.read(|r| r.secret(tenant.org, tenant.secret_id(3))).unwrap();
        assert_eq!(secret.as_deref().map(String::as_str), Some("secret-3-ÿ"));
        let taken =
            restored.write(|tx: &mut Tx| tx.lease_job("me", None, NOW, UnixMillis(NOW.0 + 1))).unwrap();
        assert!(taken.is_some_and(|job| job.cancel_requested), "whose lease nobody holds is taken at once");
        tenant.add_user(&restored, 400);
    }
}

fn what_is_written_meanwhile_is_in_the_backup_whole_or_not_at_all(database: &Database) {
    let store = &database.store;
    let tenant = fill(store);
    let stop = AtomicBool::new(false);
    let file = std::thread::scope(|scope| {
        for writer in 0..3_u128 {
            let stop = &stop;
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return n;
                    }
                    let both = [0, 1].map(|i| created(tenant.user(10_000 + writer * 10_000 + n * 2 + i)));
                    tenant.record(store, &both).unwrap();
                }
                0
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        let (file, ..) = back_up(store);
        std::thread::sleep(std::time::Duration::from_millis(20));
        stop.store(true, Ordering::Relaxed);
        file
    });
    let manifest = opened(&file).manifest().clone();
    let head = store.read(|r| r.head(tenant.org)).unwrap().unwrap();
    assert!(manifest.organizations[0].head_seq < head.head_seq, "nothing was written meanwhile");
    for (url, _keep) in places() {
        load(&file, &url).unwrap();
        let restored = open(&url);
        let verified = restored.read(|r| r.verify(tenant.org)).unwrap();
        assert_eq!((verified.checked, verified.broken), (manifest.organizations[0].head_seq, None));
        assert_eq!(verified.state.map(|state| state.differing), Some(0));
        let users = restored.read(|r| r.counts(tenant.org)).unwrap().users;
        assert_eq!((users, users % 2), (manifest.people(), 59 % 2), "half of a write is in it");
    }
}

fn a_database_with_anything_in_it_is_refused_and_keeps_it(database: &Database) {
    let (file, ..) = {
        fill(&database.store);
        back_up(&database.store)
    };
    for (url, _keep) in places() {
        let there = open(&url);
        let tenant = Tenant::create(&there, 2);
        assert!(Target::of_url(&url).in_use().unwrap().is_some());
        if !url.starts_with("sqlite:") {
            assert!(matches!(load(&file, &url), Err(BackupError::NotEmpty(_))));
        } else {
            assert!(load(&file, &url).is_err());
        }
        assert_eq!(there.read(|r| r.organizations()).unwrap().len(), 1);
        tenant.add_user(&there, 1);
    }
    // Tables without a row in them are an empty database.
    if let Some((url, _keep)) = Database::empty_postgres() {
        drop(open(&url));
        assert_eq!(Target::of_url(&url).in_use().unwrap(), None);
        load(&file, &url).unwrap();
    }
}

fn a_backup_that_is_cut_or_changed_leaves_nothing_behind(database: &Database) {
    fill(&database.store);
    let (file, ..) = back_up(&database.store);
    let piece = 64 * 1024 + 16;
    let mut broken: Vec<Vec<u8>> =
        (1..=(file.len() - 120) / piece).map(|n| file[..119 + n * piece].to_vec()).collect();
    assert!(broken.len() > 2, "too small a file for this test: {}", file.len());
    for at in (200..file.len()).step_by(file.len() / 6) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        broken.push(changed);
    }
    for (url, _keep) in places() {
        let target = Target::of_url(&url);
        for file in &broken {
            let error = load(file, &url).err().unwrap();
            assert!(matches!(error, BackupError::Cut { .. } | BackupError::Damaged { .. }), "{error:?}");
            assert_eq!(target.in_use().unwrap(), None, "{url}");
        }
        if let Target::Sqlite(path) = &target {
            let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
            assert!(left.is_empty(), "{left:?}");
        }
        load(&file, &url).unwrap();
    }
}

/// As if the column had come with a later version: the file does not know it.
fn a_column_that_an_older_backup_has_not_keeps_its_default(database: &Database) {
    let tenant = fill(&database.store);
    database.store.raw("ALTER TABLE organizations DROP COLUMN backed_up_at").unwrap();
    let mut file = Vec::new();
    let older = open_without_migrating(database, &mut file);
    assert!(older.is_ok(), "{older:?}");
    for (url, _keep) in places() {
        load(&file, &url).unwrap();
        let restored = open(&url);
        let organization = restored.read(|r| r.organization(tenant.org)).unwrap().unwrap();
        assert_eq!((organization.name.as_str(), organization.backed_up_at), ("Example Sons", None));
    }
    let number = if database.is_sqlite() { "INTEGER" } else { "BIGINT" };
    database.store.raw(&format!("ALTER TABLE organizations ADD COLUMN invented {number}")).unwrap();
    let mut newer = Vec::new();
    open_without_migrating(database, &mut newer).unwrap();
    for (url, _keep) in places() {
        let error = load(&newer, &url).err().unwrap();
        assert!(matches!(&error, BackupError::Unknown(what) if what.contains("invented")), "{error:?}");
        assert_eq!(Target::of_url(&url).in_use().unwrap(), None);
    }
}

fn open_without_migrating(database: &Database, file: &mut Vec<u8>) -> Result<(), StoreError> {
    let passphrase = Passphrase::new(PASSPHRASE).unwrap();
    database.store.read(|r| {
        file.clear();
        dump::back_up(r, &passphrase, CHEAP, NOW, "0.0.0", &mut *file, |_| Ok(()))
            .map(|_| ())
            .map_err(|e| StoreError::Open(e.to_string()))
    })
}

#[test]
fn a_link_that_leads_nowhere_is_found_before_anything_is_restored() {
    let (url, _keep) = Database::empty_sqlite();
    let Target::Sqlite(path) = Target::of_url(&url) else { panic!("{url}") };
    assert_eq!(Target::of_url(&url).in_use().unwrap(), None);
    std::os::unix::fs::symlink("/nowhere/muster.db", &path).unwrap();
    let said = Target::of_url(&url).in_use().unwrap();
    assert!(said.is_some_and(|said| said.ends_with("is there already")));
}
