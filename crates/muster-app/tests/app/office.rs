//! An organization with somebody who is depended on in every way.

use std::time::{Duration, Instant};

use muster_app::imports::{ImportOptions, NewImport};
use muster_app::leaving::{ChoiceOf, Choices, RemovalReview, UserIdText};
use muster_app::users::{NewUser, parse_field};
use muster_app::{App, AppError, JobState, Scope};
use muster_domain::field::EntityKind;
use muster_domain::for_kind;
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule};
use muster_domain::ids::{JobId, OrgId, UserId};
use muster_domain::leaving::Choice;
use muster_domain::locations::EmergencyLocation;
use muster_domain::types::Name;
use muster_domain::value::Value;
use muster_store::{Reader, StoreError, Stored};
use uuid::Uuid;

use crate::world::World;

/// Runs a test on both databases.
pub fn on_both(test: impl Fn(&World, &str)) {
    test(&World::on_sqlite(), "acme");
    if let Some(world) = World::on_postgres() {
        test(&world, "acme");
    }
}

/// An organization in which Ana is depended on in every way.
pub struct Office<'w> {
    pub app: &'w App,
    pub scope: Scope,
    pub ana: UserId,
    pub eva: UserId,
    pub bo: UserId,
    /// Ana and Eva.
    pub sales: Uuid,
    /// Ana alone.
    pub support: Uuid,
    pub menu: Uuid,
    pub fax: Uuid,
    pub on_call: Uuid,
}

impl<'w> Office<'w> {
    pub fn new(world: &'w World, slug: &str) -> Office<'w> {
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

    pub fn review(&self) -> RemovalReview {
        self.app.review_removal(&self.scope, &[self.ana]).unwrap()
    }

    pub fn get<E: Stored>(&self, id: Uuid) -> E {
        self.app.record::<E>(&self.scope, id).unwrap()
    }

    /// What has to be chosen, handed to Eva; the rest as it comes.
    pub fn choices(&self) -> Choices {
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

    pub fn remove(&self, choices: &Choices) -> Result<JobId, AppError> {
        let plan = self.review().plan;
        self.app.remove_users(&self.scope, &[self.ana], choices, &plan).map(|removed| removed.job)
    }

    /// Everything but the jobs: what there is, field by field.
    pub fn state(&self) -> Vec<(EntityKind, Uuid, Vec<Value>)> {
        state(self.app, self.scope.org())
    }

    /// Nothing names what is not there, and the log says what the tables hold.
    pub fn check(&self) {
        assert_eq!(self.app.store().read(|r| r.dangling(self.scope.org())).unwrap(), []);
        let found = self.app.verify_changes(&self.scope).unwrap();
        assert_eq!(found.problems(), Vec::<String>::new());
        assert!(found.intact());
    }
}

pub fn state(app: &App, org: OrgId) -> Vec<(EntityKind, Uuid, Vec<Value>)> {
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

pub fn add(app: &App, scope: &Scope, extension: &str, name: &str) -> UserId {
    let fields = [("display_name", name), ("extension", extension)];
    let values = fields.iter().map(|(field, text)| parse_field(field, text).unwrap()).collect();
    app.add_user(scope, &NewUser { values, ..NewUser::default() }).unwrap().id.into()
}

pub fn edit(app: &App, scope: &Scope, who: UserId, fields: &[(&str, &str)]) {
    let values: Vec<_> = fields.iter().map(|(field, text)| parse_field(field, text).unwrap()).collect();
    app.edit_user(scope, who, None, &values, muster_app::Allow::default()).unwrap();
}

pub fn import(app: &App, scope: &Scope, file: &str) {
    let new =
        NewImport { file_name: "people.csv", bytes: file.as_bytes(), options: ImportOptions::default() };
    let job = JobId(app.start_import(scope, &new).unwrap().id);
    assert_eq!(ended(app, scope, job), JobState::Done);
}

pub fn ended(app: &App, scope: &Scope, job: JobId) -> JobState {
    let began = Instant::now();
    loop {
        match app.job(scope, job).unwrap().job.state {
            JobState::Queued | JobState::Running => std::thread::sleep(Duration::from_millis(2)),
            state => return state,
        }
        assert!(began.elapsed() < Duration::from_secs(60), "the job does not end");
    }
}

pub fn mailbox_of(app: &App, scope: &Scope, who: UserId) -> Uuid {
    app.user(scope, who).unwrap().mailbox.unwrap().0
}

pub fn members(ids: &[UserId]) -> Vec<UserId> {
    ids.to_vec()
}
