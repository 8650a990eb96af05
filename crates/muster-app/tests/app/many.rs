//! Going back of more people than are worked on at once.

use std::time::Duration;

use muster_app::imports::{ImportOptions, MatchKey, NewImport};
use muster_app::restore::{Shown, What};
use muster_app::users::parse_field;
use muster_app::{Allow, App, JobState, Moment, Query, Scope, Sort};
use muster_domain::ids::JobId;
use muster_domain::user::User;

use crate::world::World;

const PEOPLE: usize = 620;

fn import(app: &App, scope: &Scope, title: &str) {
    let mut file = "display_name,username,extension,title\n".to_string();
    (0..PEOPLE).for_each(|n| file += &format!("Person {n},u{n},{},{title}\n", 1000 + n));
    let options = ImportOptions { match_by: Some(MatchKey::Username), ..ImportOptions::default() };
    let new = NewImport { file_name: "people.csv", bytes: file.as_bytes(), options };
    let job = JobId(app.start_import(scope, &new).unwrap().id);
    loop {
        match app.job(scope, job).unwrap().job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(5)),
            state => return assert_eq!(state, JobState::Done),
        }
    }
}

fn people(app: &App, scope: &Scope) -> Vec<(String, Option<String>, Option<String>)> {
    let sort = Some(Sort { field: "username".into(), descending: false });
    let page = app.users(scope, &Query { limit: 1000, sort, ..Query::default() }).unwrap();
    let told = |user: &User| {
        let extension = user.extension.as_ref().map(ToString::to_string);
        (user.username.to_string(), extension, user.title.as_ref().map(ToString::to_string))
    };
    page.items.iter().map(told).collect()
}

fn swapped_numbers_go_back(world: &World) {
    let (app, scope) = (&world.app, world.organization("example"));
    import(app, &scope, "Before");
    let (then, was) = (app.head_seq(&scope).unwrap(), people(app, &scope));
    import(app, &scope, "After");
    let give = |who: &str, extension: &str| {
        let id = app.find_user(&scope, who).unwrap().id;
        let values = [parse_field("extension", extension).unwrap()];
        app.edit_user(&scope, id, None, &values, Allow::default()).unwrap();
    };
    // The first and the last: whoever is first on the way back finds the number taken.
    let last = (1000 + PEOPLE - 1).to_string();
    give("u0", "5000");
    give(&format!("u{}", PEOPLE - 1), "1000");
    give("u0", &last);
    let now = people(app, &scope);
    let what = What::People(Moment::Seq(then));
    let review = app.review_restore(&scope, what, Shown { skip: 600, limit: 5 }).unwrap().review;
    assert_eq!((review.people.changed, review.items.len()), (PEOPLE as u64, 5));
    let done = app.restore(&scope, what, &review.plan).unwrap();
    assert_eq!(people(app, &scope), was);
    app.undo(&scope, done.done.seq, false).unwrap();
    assert_eq!(people(app, &scope), now);
    assert!(app.verify_changes(&scope).unwrap().intact());
}

#[test]
fn people_who_swapped_numbers_go_back_however_many_lie_between_them() {
    swapped_numbers_go_back(&World::on_sqlite());
}

#[test]
fn people_who_swapped_numbers_go_back_on_postgresql_however_many_lie_between_them() {
    if let Some(world) = World::on_postgres() {
        swapped_numbers_go_back(&world);
    }
}
