//! What the phones are told as an organization grows.

use std::time::Duration;

use muster_app::followers::dial_plan::DialPlanFollower;
use muster_app::imports::{ImportOptions, MatchKey, NewImport};
use muster_app::{Allow, JobState, Scope};
use muster_domain::dial_plan::PlanUpdate;
use muster_domain::ids::{JobId, OrgId};
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::Site;
use muster_domain::value::Value;

use crate::world::World;

const PEOPLE: usize = 5_000;

fn import(world: &World, scope: &Scope, csv: &str) {
    let options = ImportOptions { match_by: Some(MatchKey::Extension), ..ImportOptions::default() };
    let new = NewImport { file_name: "people.csv", bytes: csv.as_bytes(), options };
    let job = JobId(world.app.start_import(scope, &new).unwrap().id);
    loop {
        match world.app.job(scope, job).unwrap().job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(5)),
            ended => return assert_eq!(ended, JobState::Done),
        }
    }
}

fn csv(extensions: impl Iterator<Item = usize>, family: &str) -> String {
    let rows = extensions.map(|extension| format!("Ana {family},{extension}\n"));
    std::iter::once("display_name,extension\n".to_string()).chain(rows).collect()
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// People in organizations that were sent as a whole.
    whole: usize,
    one_by_one: usize,
    gone: usize,
}

fn told(follower: &mut DialPlanFollower, org: OrgId) -> Told {
    let mut told = Told::default();
    let mut sink = |update: PlanUpdate| match update {
        PlanUpdate::Organization { id, people, .. } if id == org => told.whole += people.len(),
        PlanUpdate::Person { .. } => told.one_by_one += 1,
        PlanUpdate::PersonGone { .. } => told.gone += 1,
        _ => {}
    };
    follower.step(&mut sink).unwrap();
    told
}

#[test]
fn a_large_organization_that_grows_by_thousands_is_followed_and_not_sent_anew() {
    let world = World::on_sqlite();
    let (app, scope) = (&world.app, world.organization("many"));
    let org = scope.org();
    let mut follower = DialPlanFollower::new(app.clone(), |_, _, _| ([0; 16], [0; 32]));
    import(&world, &scope, &csv(100_000..100_000 + PEOPLE, "Silva"));
    assert_eq!(told(&mut follower, org), Told { whole: PEOPLE, ..Told::default() });
    // More than a page of changes, and fewer than half of its people.
    import(&world, &scope, &csv(100_000..102_300, "Costa"));
    assert_eq!(told(&mut follower, org), Told { one_by_one: 2_300, ..Told::default() });
    // More than half: sending everybody is less work than asking for each.
    import(&world, &scope, &csv(100_000..100_000 + PEOPLE, "Dias"));
    assert_eq!(told(&mut follower, org), Told { whole: PEOPLE, ..Told::default() });
    assert_eq!(told(&mut follower, org), Told::default());
    // Nothing of the organization that the phones know.
    app.note_export_of_secrets(&scope).unwrap();
    assert_eq!(told(&mut follower, org), Told::default());
}

/// Whose calls are held back, by extension, as the phones were last told.
fn held(follower: &mut DialPlanFollower, org: OrgId, held: &mut std::collections::BTreeMap<String, bool>) {
    let mut sink = |update: PlanUpdate| {
        let people = match update {
            PlanUpdate::Organization { id, people, .. } if id == org => people,
            PlanUpdate::Person { org: of, person, .. } if of == org => vec![person],
            _ => return,
        };
        for person in people {
            held.insert(person.extension.unwrap_or_default().to_string(), person.held_but_for.is_some());
        }
    };
    follower.step(&mut sink).unwrap();
}

#[test]
fn whoever_gains_or_loses_an_emergency_location_by_any_of_the_things_that_decide_is_told_to_the_phones() {
    let world = World::on_sqlite();
    let (app, scope) = (&world.app, world.organization("help"));
    let org = scope.org();
    let mut follower = DialPlanFollower::new(app.clone(), |_, _, _| ([0; 16], [0; 32]));
    import(&world, &scope, &csv(1001..1003, "Silva"));
    let mut now = std::collections::BTreeMap::new();
    let mut expect = |people: [bool; 2]| {
        held(&mut follower, org, &mut now);
        assert_eq!(now.values().copied().collect::<Vec<_>>(), people);
    };
    let text = |name: &'static str, value: &str| (name, Value::text(value));
    expect([false, false]);
    app.edit_organization(&scope, None, &[text("emergency_policy", "require")]).unwrap();
    expect([true, true]);
    let address = [("name", "Office"), ("country", "JP"), ("street", "Main"), ("city", "Osaka")];
    let office: Vec<_> = address.map(|(name, value)| text(name, value)).into();
    app.create_record::<EmergencyLocation>(&scope, &office).unwrap();
    let ana = app.find_user(&scope, "1001").unwrap().id;
    app.edit_user(&scope, ana, None, &[text("emergency_location", "Office")], Allow::default()).unwrap();
    expect([false, true]);
    let site = app.sites(&scope).unwrap()[0].id;
    let done =
        app.edit_record::<Site>(&scope, site.0, None, &[text("emergency_location", "Office")]).unwrap();
    expect([false, false]);
    app.undo(&scope, done.seq, false).unwrap();
    expect([false, true]);
    app.edit_record::<Site>(&scope, site.0, None, &[text("emergency_policy", "off")]).unwrap();
    expect([false, false]);
}
