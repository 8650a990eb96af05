//! What the phones are told as an organization grows.

use std::time::Duration;

use muster_app::followers::dial_plan::DialPlanFollower;
use muster_app::imports::{ImportOptions, MatchKey, NewImport};
use muster_app::{JobState, Scope};
use muster_domain::dial_plan::PlanUpdate;
use muster_domain::ids::{JobId, OrgId};

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
