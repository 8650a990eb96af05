//! One change for many: judged before, all or nobody, and taken back as one.

use std::time::Duration;

use muster_app::users::{
    BulkChange, BulkService, Deactivation, Expected, NewBulk, NewUser, Whom, parse_field,
};
use muster_app::{App, AppError, Filter, Job, JobOutcome, JobState, Query, Scope};
use muster_domain::change::Refusal;
use muster_domain::filter::parse;
use muster_domain::ids::{JobId, UserId};
use muster_domain::types::{Name, Tag, Text};
use muster_domain::user::{Record, User};
use muster_domain::value::Value;

use crate::world::World;

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[test] fn $name() { super::$name(&super::World::on_sqlite()) })*
        }
        mod postgres {
            $(#[test] fn $name() {
                if let Some(world) = super::World::on_postgres() {
                    super::$name(&world)
                }
            })*
        }
    };
}

on_both!(
    what_is_looked_at_is_what_is_done_and_one_undo_takes_it_back,
    nobody_is_changed_while_somebody_cannot_be_unless_they_may_be_left_out,
    whoever_is_activated_gets_a_secret_and_is_counted,
    people_are_removed_and_their_numbers_reach_nobody,
    what_was_looked_at_must_still_be_so,
);

fn add(app: &App, scope: &Scope, extension: &str, fields: &[(&str, &str)]) -> UserId {
    let mut values = vec![
        parse_field("display_name", &format!("Person {extension}")).unwrap(),
        parse_field("extension", extension).unwrap(),
    ];
    values.extend(fields.iter().map(|(name, text)| parse_field(name, text).unwrap()));
    let done = app.add_user(scope, &NewUser { values, ..NewUser::default() }).unwrap();
    UserId(done.id)
}

fn bulk(filter: &str, change: BulkChange) -> NewBulk {
    let whom = Whom::Filter(filter.to_string());
    NewBulk { whom, expected: Expected::default(), change, stepwise: false, acknowledge: Vec::new() }
}

fn department(text: &str) -> BulkChange {
    BulkChange { set: vec![("department", Value::text(text))], ..BulkChange::default() }
}

/// Looks, does just that, and waits for the job to end.
fn carry_out(app: &App, scope: &Scope, mut new: NewBulk) -> Job {
    let plan = app.preview_bulk(scope, &new).unwrap().plan;
    new.expected.plan = Some(plan);
    let done = app.start_bulk(scope, &new).unwrap();
    ended(app, scope, JobId(done.id))
}

fn ended(app: &App, scope: &Scope, id: JobId) -> Job {
    loop {
        let job = app.job(scope, id).unwrap().job;
        match job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(2)),
            _ => return job,
        }
    }
}

fn found(app: &App, scope: &Scope, filter: &str) -> Vec<User> {
    let filter: Filter = parse::<User>(filter).unwrap();
    app.users(scope, &Query { filter, limit: 1000, ..Query::default() }).unwrap().items
}

fn what_is_looked_at_is_what_is_done_and_one_undo_takes_it_back(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    for n in 0..30 {
        let which = if n % 3 == 0 { "Sales" } else { "Care" };
        add(app, &scope, &format!("{}", 1000 + n), &[("department", which), ("tags", "floor:1,desk:a")]);
    }
    let before = found(app, &scope, "");
    let new_site = Name::parse("Porto").unwrap();
    let site = muster_app::organizations::NewSite { name: new_site, country: None, time_zone: None };
    let site = app.create_site(&scope, &site).unwrap().id;
    let change = BulkChange {
        set: vec![("department", Value::text("Marketing")), ("site", Value::Id(site.0))],
        add_tags: vec![Tag::parse("floor:2").unwrap(), Tag::parse("desk:a").unwrap()],
        remove_tags: vec![Tag::parse("floor:1").unwrap()],
        ..BulkChange::default()
    };
    let new = bulk("department=Sales and site=Main", change);
    let preview = app.preview_bulk(&scope, &new).unwrap();
    assert_eq!((preview.report.people, preview.report.changed, preview.report.refused), (10, 10, 0));
    assert_eq!((preview.first.len(), preview.report.nothing_written), (10, true));
    let fields: Vec<&str> = preview.first[0].fields.iter().map(|field| field.field).collect();
    assert_eq!(fields, ["site", "department", "tags"]);
    assert_eq!(found(app, &scope, ""), before, "looking changes nothing");
    let head = app.head_seq(&scope).unwrap();
    let job = carry_out(app, &scope, new);
    assert_eq!((job.state, job.rows_total, job.rows_done), (JobState::Done, Some(10), 10));
    assert_eq!(app.head_seq(&scope).unwrap(), head + 10);
    let moved = found(app, &scope, "site=Porto");
    assert_eq!(moved.len(), 10);
    for user in &moved {
        assert_eq!(user.department.as_ref().unwrap().as_str(), "Marketing");
        assert_eq!(user.tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["desk:a", "floor:2"]);
    }
    let results = app.job_results(&scope, job.id, None, 100).unwrap();
    let told: Vec<_> = results.iter().map(|r| (r.row, r.outcome, r.text.clone())).collect();
    let expect: Vec<_> =
        (1..).zip(&moved).map(|(row, user)| (row, JobOutcome::Updated, user.id.to_string())).collect();
    assert_eq!(told, expect);
    app.undo_job(&scope, job.id).unwrap();
    let fields = |users: &[User]| users.iter().map(|u| User { version: 0, ..u.clone() }).collect::<Vec<_>>();
    assert_eq!(fields(&found(app, &scope, "")), fields(&before));
    assert!(app.verify_changes(&scope).unwrap().intact());
}

fn nobody_is_changed_while_somebody_cannot_be_unless_they_may_be_left_out(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    add(app, &scope, "1001", &[("alternate_number", "2001")]);
    let lacking = add(app, &scope, "1002", &[]);
    add(app, &scope, "1003", &[("alternate_number", "2001")]);
    let change =
        BulkChange { set: vec![("forward_behaviour", Value::text("simultaneous"))], ..BulkChange::default() };
    let new = bulk("", change);
    let preview = app.preview_bulk(&scope, &new).unwrap();
    assert_eq!((preview.report.changed, preview.report.refused), (2, 1));
    assert_eq!(preview.refused[0].id, lacking);
    let cause = &preview.report.causes[0];
    assert_eq!((cause.field.as_str(), cause.people), ("alternate_number", 1));
    assert_eq!(cause.first, ["Person 1002 (extension 1002)"]);
    let job = carry_out(app, &scope, new.clone());
    assert_eq!((job.state, job.rows_done), (JobState::Failed, 0));
    assert_eq!(job.problem.as_deref(), Some("1 of 3 people cannot be changed so; nobody was changed"));
    assert_eq!(found(app, &scope, "forward_behaviour=simultaneous"), []);
    let results = app.job_results(&scope, job.id, None, 100).unwrap();
    let told: Vec<_> = results.iter().map(|r| (r.row, r.part, r.outcome)).collect();
    use JobOutcome::{Refused, Skipped, Updated};
    assert_eq!(told, [(1, 0, Skipped), (2, 0, Refused), (2, 1, Refused), (3, 0, Skipped)]);
    assert!(results[2].text.starts_with("alternate_number is missing for simultaneous: "), "{results:?}");
    let job = carry_out(app, &scope, NewBulk { stepwise: true, ..new });
    assert_eq!((job.state, job.rows_done), (JobState::Done, 2));
    assert_eq!(found(app, &scope, "forward_behaviour=simultaneous").len(), 2);
    let results = app.job_results(&scope, job.id, None, 100).unwrap();
    let told: Vec<_> = results.iter().map(|r| (r.row, r.part, r.outcome)).collect();
    assert_eq!(told, [(1, 0, Updated), (2, 0, Refused), (2, 1, Refused), (3, 0, Updated)]);
}

fn whoever_is_activated_gets_a_secret_and_is_counted(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    let ids: Vec<UserId> = (0..5).map(|n| add(app, &scope, &format!("{}", 1001 + n), &[])).collect();
    app.activate_users(&scope, &ids[..1]).unwrap();
    let activate = BulkChange { service: Some(BulkService::Activate), ..BulkChange::default() };
    let new = NewBulk { whom: Whom::Ids(ids.clone()), ..bulk("", activate) };
    let preview = app.preview_bulk(&scope, &new).unwrap().report;
    assert_eq!((preview.changed, preview.unchanged, preview.secrets_made), (4, 1, 4));
    assert_eq!((preview.counted_before, preview.counted_after, preview.newly_counted), (1, 5, 4));
    let job = carry_out(app, &scope, new);
    assert_eq!(job.state, JobState::Done);
    assert_eq!(app.seats(&scope, None, 10).unwrap().all.total, 5);
    let users = found(app, &scope, "service=enabled and has_sip_secret=yes");
    let mut secrets: Vec<_> = users.iter().map(|user| user.sip_secret).collect();
    secrets.sort_unstable();
    secrets.dedup();
    assert_eq!(secrets.len(), 5, "everybody has a secret of their own");
    let away = Deactivation::Disabled { reason: Text::parse("summer").unwrap(), comment: None, until: None };
    let disable = BulkChange { service: Some(BulkService::Deactivate(away)), ..BulkChange::default() };
    carry_out(app, &scope, bulk("extension!=1001", disable));
    assert_eq!(found(app, &scope, "service=disabled and disabled_reason=summer").len(), 4);
    assert_eq!(app.seats(&scope, None, 10).unwrap().all.total, 1);
}

fn people_are_removed_and_their_numbers_reach_nobody(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    for n in 0..3 {
        add(app, &scope, &format!("{}", 1001 + n), &[("department", "Sales")]);
    }
    let kept = add(app, &scope, "1009", &[]);
    let remove = BulkChange { trash: true, ..BulkChange::default() };
    let job = carry_out(app, &scope, bulk("department=Sales", remove.clone()));
    assert_eq!((job.state, job.rows_done), (JobState::Done, 3));
    let left: Vec<UserId> = found(app, &scope, "record=live").iter().map(|user| user.id).collect();
    assert_eq!(left, [kept]);
    // Their extensions are free.
    add(app, &scope, "1001", &[]);
    let again = app.preview_bulk(&scope, &bulk("record=trashed", remove)).unwrap();
    assert_eq!((again.report.people, again.report.refused), (3, 3));
    assert!(again.report.causes[0].reason.contains("in the trash"), "{:?}", again.report);
    let taken = app.undo_job(&scope, job.id).unwrap_err();
    assert!(matches!(taken, AppError::Refused(_)), "{taken:?}");
    assert_eq!(found(app, &scope, "record=trashed").len(), 3);
    assert!(found(app, &scope, "record=trashed").iter().all(|user| user.record == Record::Trashed));
}

fn what_was_looked_at_must_still_be_so(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    let ids: Vec<UserId> = (0..3).map(|n| add(app, &scope, &format!("{}", 1001 + n), &[])).collect();
    let mut new = bulk("service=contact_only", department("Sales"));
    let invalid = |error: AppError| match error {
        AppError::Refused(Refusal::Invalid(errors)) => errors[0].field,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid(app.start_bulk(&scope, &new).unwrap_err()), "plan", "nobody has looked");
    new.expected.count = Some(2);
    let changed = app.start_bulk(&scope, &new).unwrap_err();
    assert_eq!(changed.to_string(), "3 people are meant now, not 2: look at them again");
    new.expected = Expected { count: None, plan: Some(app.preview_bulk(&scope, &new).unwrap().plan) };
    app.edit_user(&scope, ids[1], None, &[("title", Value::text("Chief"))], muster_app::Allow::default())
        .unwrap();
    let moved = |new: &NewBulk| app.start_bulk(&scope, new).unwrap_err();
    assert!(matches!(moved(&new), AppError::Refused(Refusal::PlanChanged)));
    // Another change of the same people is another plan.
    new.expected.plan = Some(app.preview_bulk(&scope, &new).unwrap().plan);
    let other = NewBulk { change: department("Care"), ..new.clone() };
    assert!(matches!(moved(&other), AppError::Refused(Refusal::PlanChanged)));
    assert_eq!(found(app, &scope, "department=").len(), 3);
    new.expected = Expected { count: Some(3), plan: None };
    let done = app.start_bulk(&scope, &new).unwrap();
    assert_eq!(ended(app, &scope, JobId(done.id)).state, JobState::Done);
    // What only one person can have.
    let same = BulkChange { set: vec![("email", Value::text("a@example.com"))], ..BulkChange::default() };
    assert_eq!(invalid(app.preview_bulk(&scope, &bulk("", same.clone())).unwrap_err()), "email");
    assert!(app.preview_bulk(&scope, &bulk("extension=1002", same)).is_ok());
    for (filter, change, field) in [
        ("extension=9999", department("Sales"), "filter"),
        ("extensoin=9999", department("Sales"), "filter"),
        ("site=Nowhere", department("Sales"), "filter"),
        ("", BulkChange::default(), "change"),
        ("", BulkChange { trash: true, ..department("Sales") }, "remove"),
        ("", BulkChange { set: vec![("username", Value::text("x"))], ..BulkChange::default() }, "username"),
        (
            "",
            BulkChange { set: vec![("service", Value::text("enabled"))], ..BulkChange::default() },
            "service",
        ),
    ] {
        assert_eq!(invalid(app.preview_bulk(&scope, &bulk(filter, change)).unwrap_err()), field, "{filter}");
    }
    assert_eq!(found(app, &scope, "service=contact_only").len(), 3);
}
