//! Random sequences of every command, and the ten invariants after each step.
//!
//! `MUSTER_SEED` repeats one sequence, `MUSTER_SEQUENCES` runs so many. Every command comes once, in an order
//! of the seed's, and then any.

use std::collections::BTreeSet;

use muster_app::imports::{Activate, ImportOptions, MatchKey, NewImport};
use muster_app::leaving::{ChoiceOf, Choices};
use muster_app::restore::{Shown, What};
use muster_app::roles::{NewRole, RoleChange};
use muster_app::signing::{Assignment, Delivery, NewCredentials, NewInvite};
use muster_app::users::{
    BulkChange, BulkService, Deactivation, Expected, NewBulk, NewMailbox, NewUser, Whom, parse_field,
};
use muster_app::{Allow, App, AppError, Done, JobState, Moment, Scope, Stored};
use muster_domain::field::EntityKind;
use muster_domain::ids::{JobId, UserId};
use muster_domain::leaving::Choice;
use muster_domain::roles::Role;
use muster_domain::user::{Record, SetupWizard, User};

use crate::laws::{SECRETS, Seen, leaks};
use crate::money::{at, number, parsed};
use crate::sequences::is_refusal;
use crate::world::{Dice, World, seeds};

/// Commands of one sequence beyond one of each.
const STEPS: usize = 40;

type Command<'a> = (&'static str, bool, fn(&mut Sequence<'a>, &Scope) -> Result<(), AppError>);

/// Every command, and whether a mailbox may go with it: with what made it.
fn commands<'a>() -> Vec<Command<'a>> {
    vec![
        ("add", false, Sequence::add),
        ("edit", false, Sequence::edit),
        ("activate", false, Sequence::activate),
        ("deactivate", false, Sequence::deactivate),
        ("trash", false, Sequence::trash),
        ("restore from the trash", false, Sequence::untrash),
        ("remove", false, Sequence::remove),
        ("purge", false, Sequence::purge),
        ("import", false, Sequence::import),
        ("bulk", false, Sequence::bulk),
        ("undo", true, Sequence::undo),
        ("go back", true, Sequence::go_back),
        ("reset credentials", false, Sequence::reset),
        ("assign credentials", false, Sequence::assign),
        ("invite", false, Sequence::invite),
        ("withdraw invites", false, Sequence::withdraw),
        ("give roles", false, Sequence::give_roles),
        ("make a role", false, Sequence::make_role),
        ("remove a role", false, Sequence::remove_role),
        ("make a site", false, Sequence::make_site),
        ("make a token", false, Sequence::make_token),
        ("revoke a token", false, Sequence::revoke_token),
        ("make a record", false, Sequence::make_record),
        ("edit a record", false, Sequence::edit_record),
        ("remove a record", false, Sequence::remove_record),
        ("order", false, Sequence::order),
        ("confirm", false, Sequence::confirm),
        ("cancel", false, Sequence::cancel),
        ("deliver", false, Sequence::deliver),
        ("give a licence", false, Sequence::give_licence),
        ("end a licence", false, Sequence::end_licence),
        ("port", false, Sequence::port),
        ("move a port", false, Sequence::move_port),
        ("change the subscription", false, Sequence::choose),
        ("close a cycle", false, Sequence::close),
        ("remove an address", false, Sequence::move_away),
    ]
}

/// What an organization's own commands never make: the organization comes first, the rest is the operator's.
const NOT_MADE: [EntityKind; 5] = [
    EntityKind::Organization,
    EntityKind::Connection,
    EntityKind::MailServer,
    EntityKind::PhoneModel,
    EntityKind::StockNumber,
];

#[test]
fn any_sequence_of_all_commands_keeps_the_ten_invariants() {
    run_on(&World::on_sqlite(), 2);
}

#[test]
fn any_sequence_of_all_commands_on_postgresql_keeps_the_ten_invariants() {
    if let Some(world) = World::on_postgres() {
        run_on(&world, 1);
    }
}

fn run_on(world: &World, sequences: u64) {
    world.app.set_clock(at(2026, 4, 11, 12));
    let operator = world.operator();
    world.stock(0, 60);
    world.model("Yealink T54W", "8900");
    for (name, model, pool) in [
        ("Seats", "per_activated_user", "false"),
        ("Licences", "per_licence", "false"),
        ("Pool", "per_activated_user", "true"),
    ] {
        let texts = [
            ("name", name),
            ("billing_model", model),
            ("unassigned_extensions", pool),
            ("prices", "user=1000,number=200,shipping=900"),
            ("currency", "EUR"),
        ];
        world.offer(&texts);
    }
    let bystander = world.organization("bystander");
    world.person(&bystander, 1001, &[]);
    let untouched = world.app.head_seq(&bystander).unwrap();
    let seeds = seeds(sequences);
    let count = seeds.end - seeds.start;
    let (mut done, mut refused) = (BTreeSet::new(), 0);
    let mut kinds = BTreeSet::new();
    for seed in seeds {
        println!("MUSTER_SEED={seed}");
        let slug = format!("o{seed}");
        let scope = world.organization(&slug);
        let mut sequence = Sequence {
            world,
            app: &world.app,
            operator: &operator,
            scope,
            slug,
            dice: Dice::new(seed),
            made: 0,
            jobs: Vec::new(),
            settled: 0,
        };
        refused += sequence.run(&mut done);
        kinds.extend(sequence.kinds());
    }
    assert_eq!(world.app.head_seq(&bystander).unwrap(), untouched, "10: another organization was written to");
    println!("{count} sequences: {} commands took effect at least once, {refused} refusals", done.len());
    if count >= 20 {
        let never: Vec<_> =
            commands().into_iter().map(|(name, ..)| name).filter(|name| !done.contains(name)).collect();
        assert_eq!(never, Vec::<&str>::new(), "always refused: the generator is of no use");
        let missing: Vec<_> = EntityKind::ALL
            .iter()
            .filter(|kind| !kinds.contains(*kind) && !NOT_MADE.contains(kind))
            .collect();
        assert_eq!(missing, Vec::<&EntityKind>::new(), "nothing makes these");
    }
}

pub struct Sequence<'a> {
    pub world: &'a World,
    pub app: &'a App,
    pub operator: &'a Scope,
    pub scope: Scope,
    pub slug: String,
    pub dice: Dice,
    pub made: u32,
    pub jobs: Vec<JobId>,
    /// The head before the command, and after what it needs was made ready.
    pub settled: u64,
}

impl Sequence<'_> {
    /// How many commands were refused.
    fn run(&mut self, done: &mut BTreeSet<&'static str>) -> u64 {
        let (mut refused, commands) = (0, commands());
        self.app.choose_subscription(&self.scope, "Seats").unwrap();
        let admin = [("roles", "administrator")];
        self.world.person(&self.scope, 1000, &admin);
        let mut story = Vec::new();
        let mut plan: Vec<usize> = (0..commands.len()).collect();
        for at in (1..plan.len()).rev() {
            plan.swap(at, self.dice.below(at + 1));
        }
        for _ in 0..STEPS {
            plan.push(self.dice.below(commands.len()));
        }
        for (step, which) in plan.into_iter().enumerate() {
            let (name, chose, command) = commands[which];
            let before = self.seen();
            let head = self.head();
            self.settled = head;
            // Each in its turn again under the same key: it has one effect.
            let scope = match self.dice.below(2) {
                0 => self.scope.clone().once(&format!("{}-{step}", self.slug), name.as_bytes()),
                _ => self.scope.clone(),
            };
            let came = command(self, &scope);
            story.push(format!(
                "{step} {name}: {}",
                came.as_ref().map_or_else(ToString::to_string, |()| "done".into())
            ));
            match came {
                Ok(()) => drop(done.insert(name)),
                Err(error) if is_refusal(&error) => {
                    refused += 1;
                    let what = format!("step {step}, {name}: refused with {error}, and something changed");
                    assert_eq!(self.head(), self.settled, "{what}");
                }
                Err(error) => panic!("step {step}, {name}: {error}"),
            }
            let after = self.seen();
            let mut broken = after.broken(self.scope.org(), &self.slug);
            broken.extend(after.broken_since(&before, chose));
            broken.extend(leaks(self.app, &self.scope, head));
            assert_eq!(broken, Vec::<String>::new(), "{}", story.join("\n"));
        }
        let found = self.app.verify_changes(&self.scope).unwrap();
        assert_eq!(found.problems(), Vec::<String>::new());
        refused
    }

    pub fn seen(&self) -> Seen {
        Seen::of(self.app, &self.scope, self.operator)
    }

    fn kinds(&self) -> BTreeSet<EntityKind> {
        let lines = self.app.changes(&self.scope, 0, 1000).unwrap();
        lines.iter().filter_map(|line| line.body.as_ref().map(|body| body.kind)).collect()
    }

    pub fn head(&self) -> u64 {
        self.app.head_seq(&self.scope).unwrap()
    }

    pub fn any<E: Stored>(&mut self) -> Result<E, AppError> {
        let all = self.app.store().read(|r| r.all::<E>(self.scope.org())).unwrap();
        self.dice.pick(&all).cloned().ok_or(AppError::NotFound(E::KIND.word()))
    }

    fn somebody(&mut self, record: Record) -> Result<User, AppError> {
        let users: Vec<User> = self.seen().users.into_iter().filter(|user| user.record == record).collect();
        self.dice.pick(&users).cloned().ok_or(AppError::NotFound("user"))
    }

    pub fn anybody(&mut self) -> Result<UserId, AppError> {
        self.somebody(Record::Live).map(|user| user.id)
    }

    /// One of few, so that people get in each other's way.
    fn extension(&mut self) -> String {
        (1000 + self.dice.below(30)).to_string()
    }

    pub fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    fn add(&mut self, scope: &Scope) -> Result<(), AppError> {
        let made = self.next();
        let types = ["user", "user", "virtual_user", "limited", "mobile"];
        let texts = [
            ("display_name", format!("Person {made}")),
            ("username", format!("u{made}")),
            ("extension", self.extension()),
            ("email", format!("m{}@example.com", self.dice.below(20))),
            ("user_type", types[self.dice.below(types.len())].into()),
        ];
        let values: Result<Vec<_>, _> = texts.iter().map(|(name, text)| parse_field(name, text)).collect();
        let new = NewUser {
            values: values.unwrap(),
            mailbox: if self.dice.below(3) == 0 { NewMailbox::None } else { NewMailbox::default() },
            activated: self.dice.below(2) == 0,
            ..NewUser::default()
        };
        let done = self.app.add_user(scope, &new)?;
        self.again(scope, &done, |app| app.add_user(scope, &new))
    }

    /// Law 9: what was done under a key is done once.
    pub fn again(
        &self,
        scope: &Scope,
        done: &Done,
        repeat: impl Fn(&App) -> Result<Done, AppError>,
    ) -> Result<(), AppError> {
        let before = self.head();
        if scope.is_once() {
            let told = repeat(self.app)?;
            assert!(
                told.replayed && told.id == done.id && self.head() == before,
                "9: done twice under one key"
            );
        }
        Ok(())
    }

    fn edit(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.anybody()?;
        let (name, text) = match self.dice.below(6) {
            0 => ("extension", self.extension()),
            1 => ("alternate_number", self.extension()),
            2 => ("tags", "floor:2,shift:early".to_string()),
            3 => ("site", self.any::<muster_domain::organization::Site>()?.id.to_string()),
            4 => ("direct_number", number(55 + self.dice.below(9) as u32)),
            _ => ("title", format!("Title {}", self.dice.below(4))),
        };
        let values = [parse_field(name, &text).unwrap()];
        self.app.edit_user(scope, who, None, &values, Allow::default()).map(drop)
    }

    fn activate(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = [self.anybody()?];
        self.app.activate_users(scope, &who).map(drop)
    }

    fn deactivate(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = [self.anybody()?];
        let into = match self.dice.below(2) {
            0 => Deactivation::ContactOnly,
            _ => Deactivation::Disabled { reason: parsed("leave"), comment: None, until: None },
        };
        self.app.deactivate_users(scope, &who, &into).map(drop)
    }

    fn trash(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = [self.anybody()?];
        let done = self.app.trash_users(scope, &who)?;
        self.again(scope, &done, |app| app.trash_users(scope, &who))
    }

    fn untrash(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.somebody(Record::Trashed)?.id;
        self.app.restore_user(scope, who).map(drop)
    }

    /// With a choice for all that asks for one.
    fn remove(&mut self, scope: &Scope) -> Result<(), AppError> {
        let (who, heir) = (self.anybody()?, self.anybody()?);
        let choices = Choices {
            hand_to: (heir != who).then_some(muster_app::leaving::UserIdText(heir)),
            of: Vec::new(),
        };
        let choices = match self.dice.below(2) {
            0 => choices,
            _ => Choices {
                of: vec![ChoiceOf { what: "mailbox".into(), choice: Choice::Keep, to: None }],
                ..choices
            },
        };
        let plan = self.app.review_removal(scope, &[who])?.plan;
        let job = self.app.remove_users(scope, &[who], &choices, &plan)?.job;
        self.jobs.push(job);
        Ok(())
    }

    fn purge(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.somebody(Record::Trashed)?.id;
        self.app.purge_user(scope, who, false).map(drop)
    }

    fn import(&mut self, _: &Scope) -> Result<(), AppError> {
        let mut file = "display_name,username,extension,sip_password\n".to_string();
        for _ in 0..1 + self.dice.below(8) {
            let (made, extension) = (self.next(), self.extension());
            let secret = SECRETS[0];
            file += &format!("Person {made},u{made},{extension},{secret}\n");
        }
        let options = ImportOptions {
            activate: [Activate::File, Activate::All, Activate::None][self.dice.below(3)],
            match_by: Some(MatchKey::Username),
            good_rows_only: true,
            ..ImportOptions::default()
        };
        let new = NewImport { file_name: "people.csv", bytes: file.as_bytes(), options };
        let job = JobId(self.app.start_import(&self.scope, &new)?.id);
        self.wait_for(job)
    }

    fn bulk(&mut self, scope: &Scope) -> Result<(), AppError> {
        let change = match self.dice.below(4) {
            0 => BulkChange { service: Some(BulkService::Activate), ..BulkChange::default() },
            1 => {
                let into = BulkService::Deactivate(Deactivation::ContactOnly);
                BulkChange { service: Some(into), ..BulkChange::default() }
            }
            2 => BulkChange { trash: true, ..BulkChange::default() },
            _ => BulkChange { set: vec![parse_field("title", "Head").unwrap()], ..BulkChange::default() },
        };
        let filters = ["service=enabled", "title= or title~1", "extension^100 and not roles=administrator"];
        let whom = Whom::Filter(filters[self.dice.below(filters.len())].to_string());
        let mut new = NewBulk {
            whom,
            expected: Expected::default(),
            change,
            stepwise: self.dice.below(2) == 0,
            acknowledge: Vec::new(),
        };
        new.expected.plan = Some(self.app.preview_bulk(scope, &new)?.plan);
        let job = JobId(self.app.start_bulk(&self.scope, &new)?.id);
        self.wait_for(job)
    }

    /// What a job refuses it refuses whole.
    fn wait_for(&mut self, job: JobId) -> Result<(), AppError> {
        let state = crate::office::ended(self.app, &self.scope, job);
        if state == JobState::Done {
            self.jobs.push(job);
        }
        Ok(())
    }

    fn undo(&mut self, scope: &Scope) -> Result<(), AppError> {
        if self.dice.below(3) == 0 {
            let job = *self.dice.pick(&self.jobs).ok_or(AppError::NotFound("job"))?;
            return self.app.undo_job(scope, job).map(drop);
        }
        let seq = 1 + self.dice.below(self.head() as usize) as u64;
        self.app.undo(scope, seq, self.dice.below(2) == 0).map(drop)
    }

    fn go_back(&mut self, scope: &Scope) -> Result<(), AppError> {
        let seq = 1 + self.dice.below(self.head() as usize) as u64;
        let what = match self.dice.below(2) {
            0 => What::People(Moment::Seq(seq)),
            _ => What::Person(self.anybody()?, Moment::Seq(seq)),
        };
        let review = self.app.review_restore(scope, what, Shown { skip: 0, limit: 1 })?.review;
        self.app.restore(scope, what, &review.plan).map(drop)
    }

    fn reset(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = self.anybody()?;
        let device = (self.dice.below(2) == 0).then(|| parsed("Kitchen"));
        self.app.reset_credentials(scope, who, device.as_ref(), Some(SECRETS[0])).map(drop)
    }

    fn assign(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = [self.anybody()?];
        let password = Some(SECRETS[1].to_string().into());
        let credentials = NewCredentials { password, temporary: true, ..NewCredentials::default() };
        let new = Assignment { credentials, generate: true, wizard: SetupWizard::NotStarted };
        self.app.assign_credentials(scope, &who, &new).map(drop)
    }

    fn invite(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = [self.anybody()?];
        self.app.invite_users(scope, &who, &NewInvite::default()).map(drop)
    }

    fn withdraw(&mut self, scope: &Scope) -> Result<(), AppError> {
        if self.dice.below(2) == 0 {
            // Refused where nobody can be mailed: then there is none to withdraw.
            let who = [self.anybody()?];
            let _ = self.app.invite_users(
                &self.scope,
                &who,
                &NewInvite { by: Delivery::Link, ..NewInvite::default() },
            );
            self.settled = self.head();
        }
        let who: Vec<UserId> = self.seen().users.iter().map(|user| user.id).collect();
        self.app.withdraw_invites(scope, &who).map(drop)
    }

    fn give_roles(&mut self, scope: &Scope) -> Result<(), AppError> {
        let who = muster_app::roles::Whom::These(vec![self.anybody()?]);
        let role = ["administrator", "reader", "fax", "user"][self.dice.below(4)].to_string();
        let change = match self.dice.below(2) {
            0 => RoleChange { add: vec![role], ..RoleChange::default() },
            _ => RoleChange { set: Some(vec![role]), ..RoleChange::default() },
        };
        self.app.assign_roles(scope, &who, &change).map(drop)
    }

    fn make_role(&mut self, scope: &Scope) -> Result<(), AppError> {
        let name = parsed(&format!("Role {}", self.next()));
        let new = NewRole { name, copied_from: "reader".into(), permissions: None, description: None };
        self.app.create_role(scope, &new).map(drop)
    }

    fn remove_role(&mut self, scope: &Scope) -> Result<(), AppError> {
        let role = self.any::<Role>()?.id;
        self.app.remove_role(scope, role, Some("user")).map(drop)
    }
}
