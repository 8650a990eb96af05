//! What the phones are told as an organization grows.

use std::path::PathBuf;
use std::time::Duration;

use muster_app::followers::dial_plan::DialPlanFollower;
use muster_app::imports::{ImportOptions, MatchKey, NewImport};
use muster_app::organizations::NewOrganization;
use muster_app::{App, JobState, Scope};
use muster_domain::dial_plan::PlanUpdate;
use muster_domain::ids::{JobId, OrgId};
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, Name, Slug};
use muster_store::{Config, KeyRing, Store};

const PEOPLE: usize = 5_000;

struct Installation {
    app: App,
    scope: Scope,
    folder: PathBuf,
}

impl Installation {
    fn new() -> Installation {
        let folder = std::env::temp_dir().join(format!("muster-app-{}", uuid::Uuid::now_v7()));
        std::fs::create_dir(&folder).unwrap();
        let url = format!("sqlite:{}", folder.join("muster.db").display());
        let keys = KeyRing::from_bytes([7; 32]);
        let app = App::new(Store::open(&Config { url, keys, readers: 1, writers: 1 }).unwrap());
        let operator = app.authenticate(&app.bootstrap().unwrap().unwrap()).unwrap();
        let new = NewOrganization {
            name: Name::parse("Many").unwrap(),
            slug: Some(Slug::parse("many").unwrap()),
            domain: Domain::parse("many.example.com").unwrap(),
            domain_aliases: Vec::new(),
            country: None,
            time_zone: None,
        };
        app.create_organization(&app.authorize_operator(&operator).unwrap(), &new).unwrap();
        let scope = app.authorize(&operator, "many", Permission::ManageUsers).unwrap();
        let worker = app.clone();
        std::thread::spawn(move || worker.work_on_jobs("test"));
        Installation { app, scope, folder }
    }

    fn import(&self, csv: &str) {
        let options = ImportOptions { match_by: Some(MatchKey::Extension), ..ImportOptions::default() };
        let new = NewImport { file_name: "people.csv", bytes: csv.as_bytes(), options };
        let job = JobId(self.app.start_import(&self.scope, &new).unwrap().id);
        loop {
            let state = self.app.job(&self.scope, job).unwrap().job.state;
            match state {
                JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(5)),
                ended => return assert_eq!(ended, JobState::Done),
            }
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.app.stop_jobs();
        let _ = std::fs::remove_dir_all(&self.folder);
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
    let installation = Installation::new();
    let app = &installation.app;
    let org = installation.scope.org();
    let mut follower = DialPlanFollower::new(app.clone(), |_, _, _| ([0; 16], [0; 32]));
    installation.import(&csv(100_000..100_000 + PEOPLE, "Silva"));
    assert_eq!(told(&mut follower, org), Told { whole: PEOPLE, ..Told::default() });
    // More than a page of changes, and fewer than half of its people.
    installation.import(&csv(100_000..102_300, "Costa"));
    assert_eq!(told(&mut follower, org), Told { one_by_one: 2_300, ..Told::default() });
    // More than half: sending everybody is less work than asking for each.
    installation.import(&csv(100_000..100_000 + PEOPLE, "Dias"));
    assert_eq!(told(&mut follower, org), Told { whole: PEOPLE, ..Told::default() });
    assert_eq!(told(&mut follower, org), Told::default());
    // Nothing of the organization that the phones know.
    app.note_export_of_secrets(&installation.scope).unwrap();
    assert_eq!(told(&mut follower, org), Told::default());
}
