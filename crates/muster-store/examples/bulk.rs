//! How long the store takes for an organization of 100,000, and how much memory.
//!
//! `cargo run --release -p muster-store --example bulk -- sqlite:/tmp/bulk.db [people]`, on a new database.

use std::time::{Duration, Instant};

use muster_domain::change::creation_of;
use muster_domain::field::Entity;
use muster_domain::ids::{ChangeSetId, ConnectionId, MailboxId, OrgId, SecretId, SiteId};
use muster_domain::log::{Facts, user_facts};
use muster_domain::organization::{Connection, Device, Mailbox, Organization, Site};
use muster_domain::types::{FieldValue, UnixMillis};
use muster_domain::user::{Service, User};
use muster_store::{
    Config, KeyRing, Op, OrgHead, Query, Reader, Recorded, SecretKind, Sort, Store, StoreError, Stored, Term,
    Tx,
};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
/// People recorded by one call.
const CHUNK: u128 = 1000;

const FIRST: &[&str] = &["Ana", "Rui", "Änne", "Jürgen", "Mary", "Olu", "Yuki", "Zoë", "Ines", "Tom"];
const LAST: &[&str] = &["Pereira", "Smith", "Müller", "Okafor", "Tanaka", "Silva", "O'Brien", "Novak"];

fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let url = args.next().ok_or("give the address of a new database")?;
    let people: u128 = args.next().map_or(Ok(100_000), |n| n.parse())?;
    let config = Config { url, keys: KeyRing::from_bytes([7; 32]), readers: 2, writers: 2 };
    let store = Store::open(&config)?;
    let org = OrgId(id(1));
    create_organization(&store, org)?;
    let idle = memory_kib("VmRSS")?;
    let (start, cpu) = (Instant::now(), cpu_s()?);
    let mut counts = (0, 0);
    store.write(|tx: &mut Tx| {
        let mut head = tx.lock_org(org)?;
        let mut n = 0;
        while n < people {
            counts.0 += write_chunk(tx, &mut head, org, n..(n + CHUNK).min(people))?;
            n += CHUNK;
        }
        counts.1 = head.head_seq;
        Ok::<_, StoreError>(())
    })?;
    let took = start.elapsed();
    let peak = memory_kib("VmHWM")?;
    let cpu = cpu_s()? - cpu;
    println!(
        "write    {people} people, {} changes, {} secrets: {took:.2?}, CPU {cpu:.2} s",
        counts.1, counts.0
    );
    println!(
        "memory   idle {} MiB, peak {} MiB, above idle {}",
        idle / 1024,
        peak / 1024,
        (peak - idle) / 1024
    );
    plan(&store, org)?;
    lists(&store, org)?;
    bulk_update(&store, org)?;
    let start = Instant::now();
    let found = store.read(|r: &mut Reader| r.verify(org))?;
    println!("verify   {} lines: {:.2?}", found.checked, start.elapsed());
    Ok(())
}

fn id(n: u128) -> Uuid {
    // As UUIDv7 begins with the time, these do with a counter.
    Uuid::from_u128(n << 64 | n.wrapping_mul(0x9e37_79b9_7f4a_7c15) & 0xffff_ffff)
}

fn text<T: FieldValue>(text: &str) -> T {
    T::parse(text).unwrap_or_else(|reason| panic!("{text:?} {}", reason.reason))
}

fn created<E: Stored>(mut entity: E) -> Recorded {
    entity.set_version(1);
    let change = creation_of(&entity);
    let after = entity.into_any();
    let facts = after.as_user().map_or(Facts::default(), |user| user_facts(None, Some(user), &change));
    Recorded { change, before: None, after: Some(after), facts }
}

fn create_organization(store: &Store, org: OrgId) -> Outcome<()> {
    let mut organization = Organization::blank(org, org.0);
    organization.name = text("Example Sons");
    organization.slug = text("example");
    organization.domain = text("voice.example.com");
    let mut site = Site::blank(org, id(2));
    site.name = text("Main");
    let mut connection = Connection::blank(org, id(3));
    connection.name = text("Phones");
    let changes = [created(organization), created(site), created(connection)];
    store.write(|tx: &mut Tx| {
        let mut head = tx.new_org(org)?;
        tx.record(&mut head, NOW, Uuid::nil(), ChangeSetId(id(9)), &changes).map(|_| ())
    })?;
    Ok(())
}

/// Two of three people have a mailbox, one of six a second device with a credential of its own, and seven
/// of ten a SIP secret. Returns how many secrets were kept.
fn write_chunk(
    tx: &mut Tx,
    head: &mut OrgHead,
    org: OrgId,
    numbers: std::ops::Range<u128>,
) -> Result<usize, StoreError> {
    let mut changes = Vec::new();
    let mut secrets = Vec::new();
    for n in numbers {
        let mut user = person(org, n);
        if n % 10 < 7 {
            user.sip_secret = Some(SecretId(id(4_000_000 + n)));
            user.service = Service::Enabled;
            secrets.push((SecretId(id(4_000_000 + n)), format!("s3cret-{n}-abcdefghij")));
        }
        if n % 3 < 2 {
            let mut mailbox = Mailbox::blank(org, id(2_000_000 + n));
            mailbox.name = user.display_name.clone();
            mailbox.owner = Some(user.id);
            mailbox.email = user.email.clone();
            user.mailbox = Some(MailboxId(mailbox.id.0));
            changes.push(created(mailbox));
        }
        if n % 6 == 0 {
            let mut device = Device::blank(org, id(3_000_000 + n));
            device.name = text(&format!("Desk phone {n}"));
            device.mac = Some(text(&format!("{:012x}", 0x0015_6500_0000_u128 + n)));
            device.user = Some(user.id);
            device.auth_name = Some(text(&format!("desk.{n}")));
            device.sip_secret = Some(SecretId(id(5_000_000 + n)));
            secrets.push((SecretId(id(5_000_000 + n)), format!("d3vice-{n}-abcdefghij")));
            changes.push(created(device));
        }
        changes.push(created(user));
    }
    let kept: Vec<_> =
        secrets.iter().map(|(id, secret)| (*id, SecretKind::SipSecret, secret.as_str())).collect();
    tx.put_secrets(org, &kept)?;
    tx.record(head, NOW, id(8), ChangeSetId(id(10)), &changes)?;
    Ok(kept.len())
}

fn person(org: OrgId, n: u128) -> User {
    let (first, last) = (FIRST[n as usize % FIRST.len()], LAST[(n / 7) as usize % LAST.len()]);
    let mut user = User::blank(org, id(1_000_000 + n));
    user.given_name = Some(text(first));
    user.family_name = Some(text(&format!("{last}-{}", n % 977)));
    user.display_name = text(&format!("{first} {last}-{}", n % 977));
    user.extension = Some(text(&format!("{}", 100_000 + n)));
    user.username = text(&format!("user.{}", n * 7919 % 100_003 + n / 100_003 * 100_003));
    user.email = Some(text(&format!("person{}@example.com", n * 104_729 % 100_003)));
    user.department = Some(text(&format!("Department {}", n % 40)));
    user.title = Some(text("Clerk"));
    user.direct_number = Some(text(&format!("+1212{:07}", n % 10_000_000)));
    user.site = Some(SiteId(id(2)));
    user.connection = Some(ConnectionId(id(3)));
    user
}

fn plan(store: &Store, org: OrgId) -> Outcome<()> {
    for _ in 0..3 {
        let (start, cpu) = (Instant::now(), cpu_s()?);
        let (mut people, mut credentials) = (0, 0);
        store.read(|r: &mut Reader| {
            r.plan_people(org, |person| {
                people += 1;
                credentials += person.credentials.len();
                Ok(())
            })
        })?;
        println!(
            "plan     {people} people, {credentials} credentials: {:.0?}, CPU {:.2} s",
            start.elapsed(),
            cpu_s()? - cpu
        );
    }
    Ok(())
}

type Asked = dyn Fn(usize) -> Query;

fn lists(store: &Store, org: OrgId) -> Outcome<()> {
    let term = |field: &str, op, value: String| Term { field: field.into(), op, value };
    let by = |field: &str, descending| Some(Sort { field: field.into(), descending });
    let name = |n: usize| FIRST[n % FIRST.len()].to_string();
    let kinds: Vec<(&str, Box<Asked>)> = vec![
        ("first page", Box::new(move |_| Query { sort: by("display_name", false), ..Query::default() })),
        ("page with total", Box::new(|_| Query { with_total: true, ..Query::default() })),
        (
            "filter: service, by name",
            Box::new(move |_| Query {
                filter: term("service", Op::Eq, "contact_only".into()).into(),
                sort: by("display_name", false),
                ..Query::default()
            }),
        ),
        (
            "filter: extension",
            Box::new(move |n| Query {
                filter: term("extension", Op::Eq, format!("{}", 100_000 + n * 37)).into(),
                ..Query::default()
            }),
        ),
        (
            "filter: email prefix",
            Box::new(move |n| Query {
                filter: term("email", Op::Prefix, format!("person{n}")).into(),
                sort: by("email", true),
                ..Query::default()
            }),
        ),
        (
            "name prefix",
            Box::new(move |n| Query {
                filter: term("display_name", Op::Prefix, format!("{} m", name(n))).into(),
                sort: by("display_name", false),
                ..Query::default()
            }),
        ),
        (
            "name contains, common",
            Box::new(move |n| Query {
                filter: term("display_name", Op::Contains, name(n)).into(),
                sort: by("display_name", false),
                ..Query::default()
            }),
        ),
        (
            "name contains, rare",
            Box::new(move |n| Query {
                filter: term("display_name", Op::Contains, format!("brien-{}", n % 977)).into(),
                sort: by("display_name", false),
                ..Query::default()
            }),
        ),
        (
            "name contains, nowhere",
            Box::new(move |n| Query {
                filter: term("display_name", Op::Contains, format!("nobody {n}")).into(),
                ..Query::default()
            }),
        ),
    ];
    for (what, query) in kinds {
        let (mut times, mut found) = (Vec::new(), 0);
        for n in 0..200 {
            let query = query(n);
            let start = Instant::now();
            found += store.read(|r: &mut Reader| r.users(org, &query))?.items.len();
            times.push(start.elapsed());
        }
        report(what, times, found / 200);
    }
    let mut cursor = None;
    let mut times = Vec::new();
    for _ in 0..400 {
        let query = Query { sort: by("family_name", true), cursor, ..Query::default() };
        let start = Instant::now();
        cursor = store.read(|r: &mut Reader| r.users(org, &query))?.next;
        times.push(start.elapsed());
    }
    report("400 pages in a row", times, 50);
    let mut times = Vec::new();
    for n in 0..1000 {
        let start = Instant::now();
        store.read(|r: &mut Reader| r.get::<User>(org, id(1_000_000 + n * 97)))?;
        times.push(start.elapsed());
    }
    report("one user", times, 1);
    let start = Instant::now();
    let seats = store.read(|r: &mut Reader| r.seats(org))?;
    println!("seats    {}: {:.1?}", seats.total, start.elapsed());
    Ok(())
}

fn report(what: &str, mut times: Vec<Duration>, found: usize) {
    times.sort();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!("list     {what}: median {median:.2?}, p99 {p99:.2?} ({found} each)");
}

/// Everybody gets a new title, in one write: a bulk change.
fn bulk_update(store: &Store, org: OrgId) -> Outcome<()> {
    let start = Instant::now();
    let mut count = 0;
    store.write(|tx: &mut Tx| {
        let mut head = tx.lock_org(org)?;
        let mut all = Vec::new();
        tx.for_each(org, 2000, |batch: Vec<User>| {
            all.extend(batch.iter().map(|user| user.id.0));
            Ok::<_, StoreError>(())
        })?;
        for ids in all.chunks(1000) {
            let changes = tx.get_many::<User>(org, ids)?.into_iter().map(|before| {
                let mut after = before.clone();
                after.title = Some(text("Head clerk"));
                let change = muster_domain::change::update_of(&before, &after);
                after.version += 1;
                change.map(|change| Recorded {
                    change,
                    before: Some(before.into_any()),
                    after: Some(after.into_any()),
                    facts: Facts::default(),
                })
            });
            let changes: Vec<Recorded> = changes.flatten().collect();
            count += changes.len();
            tx.record(&mut head, NOW, id(8), ChangeSetId(id(11)), &changes)?;
        }
        Ok::<_, StoreError>(())
    })?;
    println!("update   {count} people: {:.2?}", start.elapsed());
    Ok(())
}

/// The processor time of this process so far, in seconds.
fn cpu_s() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().ok_or("no such line")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn memory_kib(what: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(what)).ok_or("no such line")?;
    Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
}
