//! Random sequences of commands, and the laws that hold after each: the state is the folded log; what was
//! read at a moment is what is told of it later; taking back what was done leaves what was; going back to a
//! moment leaves what was then.
//!
//! `MUSTER_SEED` repeats one sequence, `MUSTER_SEQUENCES` runs so many.

use std::time::Duration;

use muster_app::imports::{Activate, ImportOptions, MatchKey, NewImport};
use muster_app::organizations::{NewSite, NewToken};
use muster_app::restore::{Shown, What};
use muster_app::users::{
    BulkChange, BulkService, Deactivation, Expected, NewBulk, NewMailbox, NewUser, Whom, parse_field,
};
use muster_app::{Allow, App, AppError, JobState, Moment, Op, Query, Scope, Sort, StoreError, Term};
use muster_domain::field::Entity;
use muster_domain::ids::{JobId, UserId};
use muster_domain::organization::{Connection, Device, Mailbox, Site, Token};
use muster_domain::types::{Name, Tag, Text, UnixMillis};
use muster_domain::user::{Record, User};

use crate::world::{Dice, World, seeds};

/// Commands of one sequence.
const STEPS: usize = 40;

#[test]
fn any_sequence_of_commands_can_be_looked_back_at_and_taken_back() {
    run_on(&World::on_sqlite(), 2);
}

#[test]
fn any_sequence_of_commands_on_postgresql_can_be_looked_back_at_and_taken_back() {
    if let Some(world) = World::on_postgres() {
        run_on(&world, 1);
    }
}

fn run_on(world: &World, sequences: u64) {
    let seeds = seeds(sequences);
    let count = seeds.end - seeds.start;
    let mut done = Counts::default();
    for seed in seeds {
        println!("MUSTER_SEED={seed}");
        let scope = world.organization(&format!("o{seed}"));
        let mut sequence = Sequence {
            app: &world.app,
            scope,
            dice: Dice::new(seed),
            kept: Vec::new(),
            jobs: Vec::new(),
            made: 0,
            done: Counts::default(),
        };
        sequence.run();
        done.add(&sequence.done);
    }
    println!("{count} sequences: {done:?}");
}

/// What came of the commands; a sequence of refusals alone would prove nothing.
#[derive(Debug, Default)]
struct Counts {
    done: u64,
    refused: u64,
    undone: u64,
    restored: u64,
    compared: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.done += other.done;
        self.refused += other.refused;
        self.undone += other.undone;
        self.restored += other.restored;
        self.compared += other.compared;
    }
}

/// All that an organization has, as its lists tell it.
#[derive(Clone, Debug, PartialEq)]
struct State {
    users: Vec<User>,
    devices: Vec<Device>,
    mailboxes: Vec<Mailbox>,
    sites: Vec<Site>,
    connections: Vec<Connection>,
    tokens: Vec<Token>,
    /// Some pages with a filter and an order, with their cursors.
    pages: Vec<(Vec<UserId>, Option<u64>)>,
    /// Whom some numbers name.
    named: Vec<Option<UserId>>,
    /// Who is counted, and since which change.
    seats: Vec<(UserId, u64)>,
}

struct Sequence<'a> {
    app: &'a App,
    scope: Scope,
    dice: Dice,
    kept: Vec<(u64, UnixMillis, State)>,
    jobs: Vec<JobId>,
    made: u32,
    done: Counts,
}

impl Sequence<'_> {
    fn run(&mut self) {
        for step in 0..STEPS {
            let before = self.state(&self.scope);
            let head = self.head();
            let command = self.dice.below(18);
            match self.command(command) {
                Ok(()) => self.done.done += 1,
                Err(error) if is_refusal(&error) => {
                    self.done.refused += 1;
                    assert_eq!(
                        self.state(&self.scope),
                        before,
                        "step {step}: refused, and something changed"
                    );
                }
                Err(error) => panic!("step {step}: command {command}: {error}"),
            }
            // One set, and not of a token, which no undo brings back.
            if self.head() > head && command != 7 && self.dice.below(3) == 0 {
                self.take_back(step, command, &before);
            }
            if self.dice.below(3) == 0 {
                let state = self.state(&self.scope);
                self.kept.push((self.head(), self.last_at(), state));
            }
            if self.dice.below(8) == 0 {
                self.go_back(step);
            }
        }
        self.look_back();
        let found = self.app.verify_changes(&self.scope).unwrap();
        assert_eq!(found.problems(), Vec::<String>::new());
        assert!(found.intact());
    }

    /// Undo ∘ do, and undo of that undo, which is doing it again.
    fn take_back(&mut self, step: usize, command: usize, before: &State) {
        let after = self.state(&self.scope);
        let undone = match self.app.undo(&self.scope, self.head(), true) {
            Ok(undone) => undone,
            Err(error) => panic!("step {step}: what command {command} did is not taken back: {error}"),
        };
        assert_same(&self.state(&self.scope), before, &format!("step {step}: command {command} taken back"));
        if self.dice.below(2) == 0 {
            self.app.undo(&self.scope, undone.done.seq, true).unwrap();
            assert_same(
                &self.state(&self.scope),
                &after,
                &format!("step {step}: command {command} done again"),
            );
        }
        self.done.undone += 1;
    }

    /// To a moment that was kept.
    fn go_back(&mut self, step: usize) {
        let Some((seq, _, then)) = self.dice.pick(&self.kept).cloned() else { return };
        let what = What::People(Moment::Seq(seq));
        let shown = Shown { skip: 0, limit: 3 };
        let review = self.app.review_restore(&self.scope, what, shown).unwrap().review;
        let named: Vec<String> = review.obstacles.iter().map(|o| format!("{} {}", o.what, o.how)).collect();
        assert_eq!(named, Vec::<String>::new(), "step {step}: all people of {seq} cannot come back");
        let before = self.state(&self.scope);
        let done = self.app.restore(&self.scope, what, &review.plan).unwrap();
        let now = self.state(&self.scope);
        assert_eq!(bare(&now.users), bare(&then.users), "step {step}: people of change {seq}");
        assert_eq!(bare(&now.devices), bare(&then.devices), "step {step}: devices of change {seq}");
        assert_eq!(bare(&now.mailboxes), bare(&then.mailboxes), "step {step}: mailboxes of change {seq}");
        let (counted, was) = (now.seats.len() as i64, before.seats.len() as i64);
        assert_eq!(
            counted - was,
            review.newly_counted as i64 - review.no_longer_counted as i64,
            "step {step}: who is counted"
        );
        if review.all() > 0 && self.dice.below(2) == 0 {
            self.app.undo(&self.scope, done.done.seq, false).unwrap();
            assert_same(&self.state(&self.scope), &before, &format!("step {step}: a return taken back"));
        }
        self.done.restored += 1;
    }

    /// What is told of each moment is what was read at it.
    fn look_back(&mut self) {
        for (seq, at, state) in std::mem::take(&mut self.kept) {
            let scope = self.app.as_of(self.scope.clone(), Moment::Seq(seq), "as_of").unwrap();
            assert_eq!(self.state(&scope), state, "as of change {seq}");
            let by_time = self.app.as_of(self.scope.clone(), Moment::Time(at), "as_of").unwrap();
            // Changes of one millisecond are one moment.
            assert!(by_time.past() >= Some(seq));
            for user in &state.users {
                assert_eq!(self.app.user(&scope, user.id).unwrap(), *user, "{} as of change {seq}", user.id);
            }
            self.done.compared += 1;
        }
    }

    fn command(&mut self, command: usize) -> Result<(), AppError> {
        let (app, scope) = (self.app, self.scope.clone());
        match command {
            0 | 1 => self.add(),
            2 | 3 => self.edit(),
            4 => {
                let who = [self.anybody()?.id];
                app.activate_users(&scope, &who).map(drop)
            }
            5 => {
                let who = [self.anybody()?.id];
                let reason = Text::parse("leave").unwrap();
                let into = match self.dice.below(2) {
                    0 => Deactivation::ContactOnly,
                    _ => Deactivation::Disabled { reason, comment: None, until: None },
                };
                app.deactivate_users(&scope, &who, &into).map(drop)
            }
            6 => {
                self.made += 1;
                let name = Name::parse(&format!("Site {}", self.made)).unwrap();
                app.create_site(&scope, &NewSite { name, country: None, time_zone: None }).map(drop)
            }
            7 => {
                let new =
                    NewToken { name: Name::parse("A").unwrap(), role: "reader".into(), expires_at: None };
                app.create_token(&scope, &new).map(drop)
            }
            8 => {
                let who = self.anybody()?.id;
                let device = Name::parse(["kitchen", "desk", "lab"][self.dice.below(3)]).unwrap();
                let device = (self.dice.below(3) > 0).then_some(&device);
                app.reset_credentials(&scope, who, device, None).map(drop)
            }
            9 => {
                let who = self.anybody()?.id;
                app.trash_users(&scope, &[who]).map(drop)
            }
            10 => {
                let trashed = self.people(Record::Trashed);
                let who = self.dice.pick(&trashed).ok_or(AppError::NotFound("user"))?.id;
                app.restore_user(&scope, who).map(drop)
            }
            11 | 12 => self.import(),
            13 => {
                let seq = 1 + self.dice.below(self.head() as usize) as u64;
                app.undo(&scope, seq, self.dice.below(2) == 0).map(drop)
            }
            14 => {
                let job = *self.dice.pick(&self.jobs).ok_or(AppError::NotFound("job"))?;
                if self.dice.below(2) == 0 {
                    return app.undo_job(&scope, job).map(drop);
                }
                let what = What::Job(job);
                let review = app.review_restore(&scope, what, Shown { skip: 0, limit: 1 })?.review;
                app.restore(&scope, what, &review.plan).map(drop)
            }
            15 | 16 => self.bulk(),
            _ => {
                let users = self.state(&scope).users;
                let who = self.dice.pick(&users).ok_or(AppError::NotFound("user"))?.id;
                let (seq, _, _) = self.dice.pick(&self.kept).ok_or(AppError::NotFound("change"))?;
                let what = What::Person(who, Moment::Seq(*seq));
                let review = app.review_restore(&scope, what, Shown { skip: 0, limit: 1 })?.review;
                app.restore(&scope, what, &review.plan).map(drop)
            }
        }
    }

    fn add(&mut self) -> Result<(), AppError> {
        let extension = self.extension();
        self.made += 1;
        let fields = [
            ("display_name", format!("Person {}", self.dice.below(9))),
            ("username", format!("u{}", self.made)),
            ("extension", extension),
            ("email", format!("m{}@example.com", self.dice.below(12))),
        ];
        let new = NewUser {
            values: fields.iter().map(|(name, text)| parse_field(name, text).unwrap()).collect(),
            mailbox: if self.dice.below(3) == 0 { NewMailbox::None } else { NewMailbox::default() },
            activated: self.dice.below(2) == 0,
            allow: Allow { shared_emails: self.dice.below(3) == 0, ..Allow::default() },
            ..NewUser::default()
        };
        self.app.add_user(&self.scope, &new).map(drop)
    }

    fn edit(&mut self) -> Result<(), AppError> {
        let who = self.anybody()?.id;
        let (name, text) = match self.dice.below(5) {
            0 => ("extension", self.extension()),
            1 => ("display_name", format!("Person {}", self.dice.below(9))),
            2 => ("tags", "floor:2,shift:early".to_string()),
            3 => {
                let sites = self.app.sites(&self.scope)?;
                ("site", self.dice.pick(&sites).unwrap().id.to_string())
            }
            _ => ("title", format!("Title {}", self.dice.below(4))),
        };
        let values = [parse_field(name, &text).unwrap()];
        self.app.edit_user(&self.scope, who, None, &values, Allow::default()).map(drop)
    }

    /// The same for all whom a filter finds.
    fn bulk(&mut self) -> Result<(), AppError> {
        let change = match self.dice.below(5) {
            0 => BulkChange { service: Some(BulkService::Activate), ..BulkChange::default() },
            1 => {
                let into = BulkService::Deactivate(Deactivation::ContactOnly);
                BulkChange { service: Some(into), ..BulkChange::default() }
            }
            2 => BulkChange { trash: true, ..BulkChange::default() },
            3 => BulkChange { add_tags: vec![Tag::parse("shift:late").unwrap()], ..BulkChange::default() },
            _ => {
                let title = parse_field("title", &format!("Title {}", self.dice.below(4))).unwrap();
                BulkChange { set: vec![title], ..BulkChange::default() }
            }
        };
        let filters =
            ["service=enabled", "title= or title~1", "not tags=floor:2 and extension^100", "site=Main"];
        let mut new = NewBulk {
            whom: Whom::Filter(filters[self.dice.below(filters.len())].to_string()),
            expected: Expected::default(),
            change,
            stepwise: self.dice.below(2) == 0,
            acknowledge: Vec::new(),
        };
        new.expected.plan = Some(self.app.preview_bulk(&self.scope, &new)?.plan);
        let seq = self.head();
        let job = JobId(self.app.start_bulk(&self.scope, &new)?.id);
        self.wait_for(job)?;
        if self.head() == seq {
            // Everybody was so already: there is no change to take back.
            return Err(AppError::NotFound("change"));
        }
        self.jobs.push(job);
        Ok(())
    }

    fn wait_for(&self, job: JobId) -> Result<(), AppError> {
        loop {
            match self.app.job(&self.scope, job)?.job.state {
                JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(2)),
                JobState::Done => return Ok(()),
                _ => return Err(AppError::NotFound("job")),
            }
        }
    }

    /// New people and, by their username, some who are there.
    fn import(&mut self) -> Result<(), AppError> {
        let mut file = "display_name,username,extension,site,sip_password,device_name,device_auth_name,device_sip_password\n".to_string();
        let everybody = self.people(Record::Live);
        for row in 0..1 + self.dice.below(12) {
            let known = self.dice.pick(&everybody).filter(|_| row < 3).map(|user| user.username.to_string());
            self.made += 1;
            let username = known.unwrap_or_else(|| format!("u{}", self.made));
            let extension = self.extension();
            let site = ["Main", "North", "South"][self.dice.below(3)];
            let secret = if self.dice.below(2) == 0 { "Kx7-pL2-qR9-vT4" } else { "" };
            let device = if self.dice.below(4) == 0 {
                format!("desk,{username}-d{},Kx7-pL2-qR9-vT4", self.made)
            } else {
                ",,".to_string()
            };
            let name = self.dice.below(9);
            file += &format!("Person {name},{username},{extension},{site},{secret},{device}\n");
        }
        let options = ImportOptions {
            activate: [Activate::File, Activate::All, Activate::None][self.dice.below(3)],
            match_by: Some(MatchKey::Username),
            good_rows_only: true,
            create_sites: self.dice.below(3) > 0,
            ..ImportOptions::default()
        };
        let new = NewImport { file_name: "people.csv", bytes: file.as_bytes(), options };
        let job = JobId(self.app.start_import(&self.scope, &new)?.id);
        self.wait_for(job)?;
        self.jobs.push(job);
        Ok(())
    }

    /// One of few, so that people get in each other's way.
    fn extension(&mut self) -> String {
        (1000 + self.dice.below(40)).to_string()
    }

    fn people(&self, record: Record) -> Vec<User> {
        let users = self.state(&self.scope).users;
        users.into_iter().filter(|user| user.record == record).collect()
    }

    fn anybody(&mut self) -> Result<User, AppError> {
        let people = self.people(Record::Live);
        self.dice.pick(&people).cloned().ok_or(AppError::NotFound("user"))
    }

    fn head(&self) -> u64 {
        self.app.head_seq(&self.scope).unwrap()
    }

    fn last_at(&self) -> UnixMillis {
        self.app.changes(&self.scope, self.head() - 1, 1).unwrap()[0].envelope.at
    }

    fn state(&self, scope: &Scope) -> State {
        let app = self.app;
        let find = |who: &str| match app.find_user(scope, who) {
            Ok(user) => Some(user.id),
            Err(_) => None,
        };
        let seats = app.seats(scope, None, 1000).unwrap();
        State {
            users: all(app, scope),
            devices: all(app, scope),
            mailboxes: all(app, scope),
            sites: all(app, scope),
            connections: all(app, scope),
            tokens: all(app, scope),
            pages: pages(app, scope),
            named: ["1001", "1007", "u3", "m5@example.com"].map(find).into(),
            seats: seats.seats.iter().map(|seat| (seat.user, seat.seq)).collect(),
        }
    }
}

fn all<E: Entity>(app: &App, scope: &Scope) -> Vec<E> {
    app.page::<E>(scope, &Query { limit: 1000, ..Query::default() }).unwrap().items
}

/// Lists as people ask for them, two to a page, until their end.
fn pages(app: &App, scope: &Scope) -> Vec<(Vec<UserId>, Option<u64>)> {
    let term = |field: &str, op, value: &str| Term { field: field.into(), op, value: value.into() };
    let asked = [
        (vec![term("record", Op::Eq, "live")], "display_name", false),
        (vec![term("service", Op::Eq, "enabled")], "extension", true),
        (vec![term("display_name", Op::Contains, "son 3")], "username", false),
        (vec![term("email", Op::Prefix, "m1")], "email", false),
    ];
    let mut told = Vec::new();
    for (filter, field, descending) in asked {
        let sort = Some(Sort { field: field.into(), descending });
        let mut query = Query { filter: filter.into(), sort, limit: 5, with_total: true, ..Query::default() };
        loop {
            let page = app.users(scope, &query).unwrap();
            told.push((page.items.iter().map(|user| user.id).collect(), page.total));
            let Some(next) = page.next else { break };
            query.cursor = Some(next);
        }
    }
    told
}

/// The same things with the same fields. Versions count on, and what went and came back was made anew.
fn bare<E: Entity>(things: &[E]) -> Vec<(uuid::Uuid, Vec<muster_domain::value::Value>)> {
    things.iter().map(|e| (e.id(), E::fields().iter().map(|f| (f.get)(e)).collect())).collect()
}

#[track_caller]
fn assert_same(now: &State, then: &State, what: &str) {
    assert_eq!(bare(&now.users), bare(&then.users), "{what}");
    assert_eq!(bare(&now.devices), bare(&then.devices), "{what}");
    assert_eq!(bare(&now.mailboxes), bare(&then.mailboxes), "{what}");
    assert_eq!(bare(&now.sites), bare(&then.sites), "{what}");
    assert_eq!(bare(&now.connections), bare(&then.connections), "{what}");
    assert_eq!((&now.pages, &now.named), (&then.pages, &then.named), "{what}");
}

pub fn is_refusal(error: &AppError) -> bool {
    matches!(error, AppError::Refused(_) | AppError::NotFound(_) | AppError::Store(StoreError::Reference))
}
