//! Leaving: what depends on a person, what becomes of it, all of it taken back, and erased for good.

mod erasure;

use std::time::{Duration, Instant};

use muster_app::imports::{ImportOptions, NewImport};
use muster_app::leaving::{ChoiceOf, Choices, RemovalReview, UserIdText};
use muster_app::users::{NewUser, parse_field};
use muster_app::{App, AppError, JobState, Scope};
use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule};
use muster_domain::ids::{JobId, OrgId, UserId};
use muster_domain::leaving::Choice;
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{Device, Mailbox, PhoneNumber};
use muster_domain::types::{FieldValue, Name};
use muster_domain::user::{ForwardBehaviour, Record, User};
use muster_domain::value::Value;
use muster_store::{Reader, StoreError, Stored, statements_run};
use uuid::Uuid;

use crate::world::World;

/// Runs a test on both databases.
fn on_both(test: impl Fn(&World, &str)) {
    test(&World::on_sqlite(), "acme");
    if let Some(world) = World::on_postgres() {
        test(&world, "acme");
    }
}

/// An organization in which Ana is depended on in every way.
struct Office<'w> {
    app: &'w App,
    scope: Scope,
    ana: UserId,
    eva: UserId,
    bo: UserId,
    /// Ana and Eva.
    sales: Uuid,
    /// Ana alone.
    support: Uuid,
    menu: Uuid,
    fax: Uuid,
    on_call: Uuid,
}

impl<'w> Office<'w> {
    fn new(world: &'w World, slug: &str) -> Office<'w> {
        let (app, scope) = (&world.app, world.organization(slug));
        import(
            app,
            &scope,
            "display_name,extension,username,email,direct_number,sip_password\n\
            Ana Silva,1001,ana.silva,ana.silva@example.com,+12125550101,Kx7-pL2-qR9-vT4\n",
        );
        let ana = app.find_user(&scope, "1001").unwrap().id;
        let (eva, bo) = (add(app, &scope, "1002", "Eva Costa"), add(app, &scope, "1003", "Bo Lund"));
        let kitchen = Name::parse("Kitchen").unwrap();
        app.reset_credentials(&scope, ana, Some(&kitchen), None).unwrap();
        edit(app, &scope, bo, &[("alternate_number", "1001"), ("forward_behaviour", "forward")]);
        let mailbox = mailbox_of(app, &scope, ana);
        let people = |ids: &[UserId]| Value::List(ids.iter().map(|id| id.to_string().into()).collect());
        let named = |name: &str| ("name", Value::text(name));
        let sales = [named("Sales"), ("members", people(&[ana, eva])), ("mailbox", Value::Id(mailbox))];
        let sales = app.create_record::<Group>(&scope, &sales).unwrap().id;
        let support = [named("Support"), ("members", people(&[ana]))];
        let support = app.create_record::<Group>(&scope, &support).unwrap().id;
        let entries = [format!("1=user:{ana}"), format!("2=group:{sales}"), format!("t=mailbox:{mailbox}")];
        let entries = Value::List(entries.iter().map(|entry| entry.as_str().into()).collect());
        let menu = app.create_record::<Menu>(&scope, &[named("Welcome"), ("entries", entries)]).unwrap().id;
        let fax = [named("Fax"), ("users", people(&[ana]))];
        let fax = app.create_record::<FaxAccount>(&scope, &fax).unwrap().id;
        let nights = [named("Nights"), ("members", people(&[eva, ana]))];
        let on_call = app.create_record::<OnCallSchedule>(&scope, &nights).unwrap().id;
        let home = [
            named("Home of Ana"),
            ("owner", Value::Id(ana.0)),
            ("country", Value::text("NZ")),
            ("street", Value::text("Secret Street")),
            ("house_number", Value::text("1")),
            ("city", Value::text("Wellington")),
            ("postal_code", Value::text("6011")),
        ];
        app.create_record::<EmergencyLocation>(&scope, &home).unwrap();
        Office { app, scope, ana, eva, bo, sales, support, menu, fax, on_call }
    }

    fn review(&self) -> RemovalReview {
        self.app.review_removal(&self.scope, &[self.ana]).unwrap()
    }

    fn get<E: Stored>(&self, id: Uuid) -> E {
        self.app.record::<E>(&self.scope, id).unwrap()
    }

    /// What has to be chosen, handed to Eva; the rest as it comes.
    fn choices(&self) -> Choices {
        let of = |what: String, choice| ChoiceOf { what, choice, to: None };
        let to_eva = |what: String| ChoiceOf { to: Some(UserIdText(self.eva)), ..of(what, Choice::HandTo) };
        Choices {
            hand_to: None,
            of: vec![
                to_eva(format!("group:{}", self.support)),
                to_eva("menu".into()),
                to_eva("forwards".into()),
                of("fax_accounts".into(), Choice::Release),
            ],
        }
    }

    fn remove(&self, choices: &Choices) -> Result<JobId, AppError> {
        let plan = self.review().plan;
        self.app.remove_users(&self.scope, &[self.ana], choices, &plan).map(|removed| removed.job)
    }

    /// Everything but the jobs: what there is, field by field.
    fn state(&self) -> Vec<(EntityKind, Uuid, Vec<Value>)> {
        state(self.app, self.scope.org())
    }

    /// Nothing names what is not there, and the log says what the tables hold.
    fn check(&self) {
        assert_eq!(self.app.store().read(|r| r.dangling(self.scope.org())).unwrap(), []);
        let found = self.app.verify_changes(&self.scope).unwrap();
        assert_eq!(found.problems(), Vec::<String>::new());
        assert!(found.intact());
    }
}

fn state(app: &App, org: OrgId) -> Vec<(EntityKind, Uuid, Vec<Value>)> {
    fn of<E: Stored>(r: &mut Reader, org: OrgId) -> Result<Vec<(EntityKind, Uuid, Vec<Value>)>, StoreError> {
        let values = |thing: &E| E::fields().iter().map(|field| (field.get)(thing)).collect();
        Ok(r.all::<E>(org)?.iter().map(|thing| (E::KIND, thing.id(), values(thing))).collect())
    }
    let read = app.store().read(|r| {
        let mut all = Vec::new();
        for kind in EntityKind::ALL {
            all.extend(for_kind!(*kind, E => of::<E>(r, org))?);
        }
        Ok::<_, StoreError>(all)
    });
    read.unwrap()
}

fn add(app: &App, scope: &Scope, extension: &str, name: &str) -> UserId {
    let fields = [("display_name", name), ("extension", extension)];
    let values = fields.iter().map(|(field, text)| parse_field(field, text).unwrap()).collect();
    app.add_user(scope, &NewUser { values, ..NewUser::default() }).unwrap().id.into()
}

fn edit(app: &App, scope: &Scope, who: UserId, fields: &[(&str, &str)]) {
    let values: Vec<_> = fields.iter().map(|(field, text)| parse_field(field, text).unwrap()).collect();
    app.edit_user(scope, who, None, &values, muster_app::Allow::default()).unwrap();
}

fn import(app: &App, scope: &Scope, file: &str) {
    let new =
        NewImport { file_name: "people.csv", bytes: file.as_bytes(), options: ImportOptions::default() };
    let job = JobId(app.start_import(scope, &new).unwrap().id);
    assert_eq!(ended(app, scope, job), JobState::Done);
}

fn ended(app: &App, scope: &Scope, job: JobId) -> JobState {
    let began = Instant::now();
    loop {
        match app.job(scope, job).unwrap().job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(2)),
            state => return state,
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the job does not end");
    }
}

fn mailbox_of(app: &App, scope: &Scope, who: UserId) -> Uuid {
    app.user(scope, who).unwrap().mailbox.unwrap().0
}

fn members(ids: &[UserId]) -> Vec<UserId> {
    ids.to_vec()
}

#[test]
fn everything_that_depends_on_a_person_is_reviewed_with_what_can_be_chosen() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let review = office.review();
        let told = |category: &str| {
            let items = review.items.iter().filter(|item| item.category == category);
            items.map(|item| (item.name.as_str(), item.default)).collect::<Vec<_>>()
        };
        assert_eq!(told("groups"), [("the group Support", None), ("the group Sales", Some(Choice::Release))]);
        assert_eq!(told("menus"), [("the menu Welcome", None)]);
        assert_eq!(told("fax_accounts"), [("the fax account Fax", None)]);
        assert_eq!(told("forwards"), [("Bo Lund (extension 1003)", None)]);
        assert_eq!(told("on_call_schedules"), [("the on call schedule Nights", Some(Choice::Release))]);
        assert_eq!(told("numbers"), [("the number +12125550101", Some(Choice::Release))]);
        assert_eq!(told("devices"), [("the device Kitchen", Some(Choice::Keep))]);
        assert_eq!(told("mailboxes"), [("the mailbox Ana Silva", Some(Choice::Keep))]);
        assert_eq!(told("emergency_locations").first().unwrap().1, Some(Choice::Keep));
        assert_eq!(review.items.len(), 10, "{:?}", review.items);
        let mailbox = review.items.iter().find(|item| item.category == "mailboxes").unwrap();
        let mut used_by = mailbox.used_by.clone();
        used_by.sort();
        assert_eq!(used_by, ["the group Sales", "the menu Welcome"]);
        let menu = review.items.iter().find(|item| item.category == "menus").unwrap();
        assert_eq!(menu.how, "leads to them by key 1");
        assert!(menu.why_to_choose.is_some() && menu.choices.contains(&Choice::HandTo));
        let effects: Vec<&str> = review.effects.iter().map(|effect| effect.what).collect();
        assert!(effects.contains(&"extension") && effects.contains(&"seat"), "{effects:?}");
        // Whoever does not look is refused, and told what wants a choice.
        let refused = office.app.trash_users(&office.scope, &[office.ana]).unwrap_err();
        let AppError::Refused(Refusal::NeedsChoices(conflicts, 0)) = refused else { panic!("{refused}") };
        let mut wanted: Vec<&str> = conflicts.iter().map(|conflict| conflict.what).collect();
        wanted.sort_unstable();
        assert_eq!(wanted, ["fax_account", "forward", "group", "menu"]);
    });
}

#[test]
fn each_choice_is_carried_out_nothing_dangles_and_one_undo_takes_all_of_it_back() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let before = office.state();
        let job = office.remove(&office.choices()).unwrap();
        office.check();
        let (ana, eva) = (office.ana, office.eva);
        assert_eq!(office.get::<Group>(office.sales).members, members(&[eva]));
        assert_eq!(office.get::<Group>(office.support).members, members(&[eva]));
        let menu = office.get::<Menu>(office.menu);
        assert_eq!((menu.entries[0].key, menu.entries[0].id), ('1', eva.0));
        assert_eq!(menu.entries.len(), 3, "the mailbox is kept, and so is the key that leads there");
        assert_eq!(office.get::<FaxAccount>(office.fax).users, members(&[]));
        assert_eq!(office.get::<OnCallSchedule>(office.on_call).members, members(&[eva]));
        let bo = office.get::<User>(office.bo.0);
        assert_eq!(bo.alternate_number.unwrap().as_str(), "1002");
        assert_eq!(bo.forward_behaviour, ForwardBehaviour::Forward);
        assert_eq!(office.get::<User>(ana.0).record, Record::Trashed);
        let left =
            office.app.store().read(|r| r.references_to(office.scope.org(), EntityKind::User, &[ana.0], 100));
        let mut left: Vec<&str> = left.unwrap().iter().map(|reference| reference.kind.word()).collect();
        left.sort_unstable();
        assert_eq!(left, ["device", "emergency_location", "mailbox"], "what is theirs is kept for them");
        let numbers = office.app.store().read(|r| r.all::<PhoneNumber>(office.scope.org())).unwrap();
        assert_eq!(numbers[0].user, None);
        // By its job, and by any of its changes.
        office.app.undo_job(&office.scope, job).unwrap();
        assert_eq!(office.state(), before);
        let job = office.remove(&office.choices()).unwrap();
        let seq = office.app.head_seq(&office.scope).unwrap();
        let lines = office.app.changes(&office.scope, seq - 3, 1).unwrap();
        assert_ne!(lines[0].envelope.entity, EntityKind::User);
        office.app.undo(&office.scope, lines[0].envelope.seq, false).unwrap();
        assert_eq!(office.state(), before);
        assert!(office.app.job(&office.scope, job).unwrap().job.set.is_some());
        office.check();
    });
}

#[test]
fn a_mailbox_goes_only_when_somebody_chose_that_and_nobody_is_left_pointing_at_it() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let mailbox = mailbox_of(office.app, &office.scope, office.ana);
        edit(office.app, &office.scope, office.eva, &[("mailbox", &mailbox.to_string())]);
        let before = office.state();
        let everything = Choices { hand_to: Some(UserIdText(office.eva)), of: Vec::new() };
        let job = office.remove(&everything).unwrap();
        assert_eq!(office.get::<Mailbox>(mailbox).owner, Some(office.eva), "handed over with the rest");
        let devices = office.app.store().read(|r| r.all::<Device>(office.scope.org())).unwrap();
        assert_eq!(devices[0].user, Some(office.eva));
        office.check();
        office.app.undo_job(&office.scope, job).unwrap();
        assert_eq!(office.state(), before);
        let mut choices = everything;
        choices.of.push(ChoiceOf { what: "mailbox".into(), choice: Choice::Release, to: None });
        let job = office.remove(&choices).unwrap();
        office.app.record::<Mailbox>(&office.scope, mailbox).unwrap_err();
        assert_eq!(office.get::<User>(office.eva.0).mailbox, None);
        assert_eq!(office.get::<Group>(office.sales).mailbox, None);
        assert_eq!(office.get::<Menu>(office.menu).entries.len(), 2);
        office.check();
        office.app.undo_job(&office.scope, job).unwrap();
        assert_eq!(office.state(), before);
        office.check();
    });
}

#[test]
fn what_was_not_reviewed_is_not_removed() {
    let world = World::on_sqlite();
    let office = Office::new(&world, "acme");
    let people = |ids: &[UserId]| Value::List(ids.iter().map(|id| id.to_string().into()).collect());
    let change = |what: &str, change: &dyn Fn()| {
        let plan = office.review().plan;
        assert_eq!(office.review().plan, plan, "the same twice");
        change();
        let removed = office.app.remove_users(&office.scope, &[office.ana], &office.choices(), &plan);
        assert!(matches!(removed, Err(AppError::Refused(Refusal::PlanChanged))), "{what}: {removed:?}");
    };
    change("somebody joins a group that she is in", &|| {
        let with_bo = [("members", people(&[office.ana, office.eva, office.bo]))];
        office.app.edit_record::<Group>(&office.scope, office.sales, None, &with_bo).unwrap();
    });
    change("she joins a group", &|| {
        let lab = [("name", Value::text("Lab")), ("members", people(&[office.ana]))];
        office.app.create_record::<Group>(&office.scope, &lab).unwrap();
    });
    change("somebody forwards to her", &|| {
        edit(office.app, &office.scope, office.eva, &[("alternate_number", "1001")]);
    });
    change("her mailbox is used by somebody", &|| {
        let mailbox = mailbox_of(office.app, &office.scope, office.ana).to_string();
        edit(office.app, &office.scope, office.eva, &[("mailbox", &mailbox)]);
    });
    change("she is another", &|| edit(office.app, &office.scope, office.ana, &[("title", "Boss")]));
    change("she is gone", &|| {
        let plan = office.review().plan;
        let release = |what: &str| ChoiceOf { what: what.into(), choice: Choice::Release, to: None };
        let of = ["groups", "menus", "fax_accounts", "forwards"].map(release).to_vec();
        let choices = Choices { hand_to: None, of };
        office.app.remove_users(&office.scope, &[office.ana], &choices, &plan).unwrap();
    });
    office.check();
}

#[test]
fn coming_back_from_the_trash_one_is_where_one_was_unless_somebody_else_is() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let before = office.state();
        let release = |what: &str| ChoiceOf { what: what.into(), choice: Choice::Release, to: None };
        let of = ["groups", "menus", "fax_accounts", "forwards"].map(release).to_vec();
        office.remove(&Choices { hand_to: None, of }).unwrap();
        let bo = office.get::<User>(office.bo.0);
        assert_eq!((bo.alternate_number, bo.forward_behaviour), (None, ForwardBehaviour::RingMyPhone));
        office.app.restore_user(&office.scope, office.ana).unwrap();
        assert_eq!(office.state(), before);
        office.check();
        // Taken back whole: nothing names somebody who is in the trash again.
        let seq = office.app.head_seq(&office.scope).unwrap();
        office.app.undo(&office.scope, seq, false).unwrap();
        assert_eq!(office.get::<Group>(office.sales).members, members(&[office.eva]));
        office.app.restore_user(&office.scope, office.ana).unwrap();
        office.remove(&office.choices()).unwrap();
        let with_bo = [("members", Value::List(vec![office.bo.to_string().into()]))];
        office.app.edit_record::<Group>(&office.scope, office.sales, None, &with_bo).unwrap();
        office.app.restore_user(&office.scope, office.ana).unwrap();
        assert_eq!(office.get::<Group>(office.sales).members, members(&[office.bo]), "it was changed since");
        assert_eq!(office.get::<Group>(office.support).members, members(&[office.eva]), "it was handed over");
        assert_eq!(office.get::<OnCallSchedule>(office.on_call).members, members(&[office.eva, office.ana]));
        office.check();
    });
}

#[test]
fn many_are_removed_by_one_job_and_come_back_by_one_undo() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let before = office.state();
        let both = [office.ana, office.bo];
        let review = office.app.review_removal(&office.scope, &both).unwrap();
        assert!(review.items.iter().all(|item| item.category != "forwards"), "who forwards goes as well");
        let start = |choices: &Choices| {
            let done = office.app.start_removal(&office.scope, &both, choices, &review.plan).unwrap();
            let job = JobId(done.id);
            (job, ended(office.app, &office.scope, job))
        };
        let (failed, state) = start(&Choices::default());
        assert_eq!(state, JobState::Failed);
        let problem = office.app.job(&office.scope, failed).unwrap().job.problem.unwrap();
        assert!(problem.contains("Support") && problem.contains("Welcome"), "{problem}");
        assert_eq!(office.state(), before);
        let (job, state) = start(&Choices { hand_to: Some(UserIdText(office.eva)), of: Vec::new() });
        assert_eq!(state, JobState::Done);
        assert_eq!(office.get::<Group>(office.support).members, members(&[office.eva]));
        assert_eq!(office.get::<User>(office.bo.0).record, Record::Trashed);
        office.check();
        office.app.undo_job(&office.scope, job).unwrap();
        assert_eq!(office.state(), before);
        let (_, state) = start(&Choices { hand_to: Some(UserIdText(office.eva)), of: Vec::new() });
        assert_eq!(state, JobState::Failed, "a plan is good for what was reviewed");
    });
}

#[test]
fn how_much_is_asked_does_not_grow_with_what_depends_on_somebody() {
    let world = World::on_sqlite();
    let office = Office::new(&world, "acme");
    let count = || {
        let before = statements_run();
        let items = office.review().items.len();
        (items, statements_run() - before)
    };
    let (few, asked) = count();
    let ana = Value::List(vec![office.ana.to_string().into()]);
    for n in 0..60 {
        let group = [("name", Value::text(format!("Group {n}"))), ("members", ana.clone())];
        office.app.create_record::<Group>(&office.scope, &group).unwrap();
        let bo = add(office.app, &office.scope, &(2000 + n).to_string(), "Bo");
        let mailbox = mailbox_of(office.app, &office.scope, office.ana).to_string();
        edit(office.app, &office.scope, bo, &[("alternate_number", "1001"), ("mailbox", &mailbox)]);
        let name = Name::parse(&format!("Phone {n}")).unwrap();
        office.app.reset_credentials(&office.scope, office.ana, Some(&name), None).unwrap();
    }
    let (many, asked_then) = count();
    assert_eq!(many, few + 180);
    assert_eq!(asked_then, asked);
    assert!(asked < 40, "{asked}");
}
