//! How long a cycle of a large organization takes: `invoice_speed FOLDER|postgres://… [PEOPLE] [CALLS]`.
//! Makes the people (one in five is mobile) and their calls, then prints seconds for the preview, for closing the
//! cycle and for making it again from the log, and the peak memory.

use std::time::Instant;

use muster_app::App;
use muster_app::organizations::NewOrganization;
use muster_domain::calendar::Cycle;
use muster_domain::change::creation_of;
use muster_domain::field::Entity;
use muster_domain::ids::{CallId, OrgId, SecretId, UserId};
use muster_domain::log::user_facts;
use muster_domain::organization::{Connection, Site};
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, FieldValue, Name, Slug, UnixMillis};
use muster_domain::user::{Service, User, UserType};
use muster_store::{CallRow, Config, KeyRing, Recorded, SecretKind, Store, StoreError, Stored, Tx};
use uuid::Uuid;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("invoice_speed FOLDER|postgres://… [PEOPLE] [CALLS]")?;
    let people: u128 = args.next().map_or(Ok(100_000), |n| n.parse())?;
    let calls: u128 = args.next().map_or(Ok(1_000_000), |n| n.parse())?;
    let url = if folder.starts_with("postgres") { folder } else { format!("sqlite:{folder}/muster.db") };
    let app =
        App::new(Store::open(&Config { url, keys: KeyRing::from_bytes([7; 32]), readers: 0, writers: 0 })?);
    let token = app.bootstrap()?.unwrap_or_default();
    let operator = app.authenticate(&token)?;
    let new = NewOrganization {
        name: parsed("Speed")?,
        slug: Some(parsed::<Slug>("speed")?),
        domain: parsed::<Domain>("speed.example.com")?,
        domain_aliases: Vec::new(),
        country: None,
        time_zone: None,
    };
    // The cycle before this one, which can be closed.
    let now = UnixMillis(jiff_now());
    let cycle = Cycle::containing(now, None).previous();
    app.set_clock(cycle.starts_at());
    app.create_organization(&app.authorize_operator(&operator)?, &new)?;
    let scope = app.authorize(&operator, "speed", Permission::ChangesUndo)?;
    write_people(app.store(), scope.org(), people, cycle.starts_at())?;
    write_calls(app.store(), scope.org(), people, calls, &cycle)?;
    app.set_clock(now);
    println!("{people} people, {calls} calls in {}", cycle.name());
    let timed = |what: &str, begun: Instant| println!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let bill = app.preview_invoice(&scope, Some(&cycle.name()))?;
    timed("preview", begun);
    let begun = Instant::now();
    let closed = app.close_invoice(&scope, Some(&cycle.name()))?.invoice;
    timed("close", begun);
    let begun = Instant::now();
    let same = app.check_invoice(&scope, &cycle.name())?.is_same();
    timed("check", begun);
    println!(
        "{} lines, the same again: {same}, total as previewed: {}",
        bill.lines.len(),
        bill.total == closed.total_minor
    );
    let status = std::fs::read_to_string("/proc/self/status")?;
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}

fn jiff_now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as i64
}

fn parsed<T: FieldValue>(text: &str) -> Result<T, String> {
    T::parse(text).map_err(|reason| reason.reason)
}

fn user_id(n: u128) -> UserId {
    UserId(Uuid::from_u128(1_000_000_000 + n))
}

fn write_people(store: &Store, org: OrgId, people: u128, at: UnixMillis) -> Result<(), Failed> {
    let place = store.read(|r| Ok::<_, StoreError>((r.all::<Site>(org)?, r.all::<Connection>(org)?)))?;
    let (site, connection) = (place.0[0].id, place.1[0].id);
    let secret = SecretId(Uuid::from_u128(1));
    store.write(|tx: &mut Tx| tx.put_secret(org, secret, SecretKind::SipSecret, "x"))?;
    for first in (0..people).step_by(5000) {
        let mut changes = Vec::new();
        for n in first..(first + 5000).min(people) {
            let mut user = User::blank(org, user_id(n).0);
            user.user_type = if n % 5 == 0 { UserType::Mobile } else { UserType::User };
            user.display_name = parsed::<Name>("Ana Pereira")?;
            user.username = parsed(&format!("u{n}"))?;
            user.extension = Some(parsed(&format!("{}", 100_000 + n))?);
            (user.site, user.connection) = (Some(site), Some(connection));
            (user.service, user.sip_secret) = (Service::Enabled, Some(secret));
            user.version = 1;
            let change = creation_of(&user);
            let facts = user_facts(None, Some(&user), &change);
            changes.push(Recorded { change, before: None, after: Some(user.into_any()), facts });
        }
        store.write(|tx: &mut Tx| {
            let mut head = tx.lock_org(org)?;
            let set = muster_domain::ids::ChangeSetId(Uuid::from_u128(2 + first));
            tx.record(&mut head, at, Uuid::nil(), set, &changes).map(|_| ())
        })?;
    }
    Ok(())
}

fn write_calls(store: &Store, org: OrgId, people: u128, calls: u128, cycle: &Cycle) -> Result<(), Failed> {
    let length = (cycle.ends_at().0 - cycle.starts_at().0) as u128;
    for first in (0..calls).step_by(50_000) {
        let rows: Vec<CallRow> = (first..(first + 50_000).min(calls))
            .map(|n| {
                let at = UnixMillis(cycle.starts_at().0 + (n * length / calls) as i64);
                CallRow {
                    id: CallId(Uuid::from_u128(5_000_000_000 + n)),
                    caller: Some(user_id(n.wrapping_mul(7919) % people)),
                    callee: Some(user_id(n.wrapping_mul(104_729) % people)),
                    dialled: "100001".into(),
                    started_at: at,
                    answered_at: Some(at),
                    ended_at: UnixMillis(at.0 + 1000),
                    ending: "Hangup".into(),
                    status: 200,
                    for_help: false,
                    ringout: None,
                }
            })
            .collect();
        store.write(|tx: &mut Tx| tx.put_calls(org, &rows, cycle.starts_at()).map(|_| ()))?;
    }
    Ok(())
}
