//! Leaving: what depends on a person, what becomes of it, and all of it taken back.

use muster_app::leaving::{ChoiceOf, Choices, UserIdText};
use muster_app::{AppError, JobState};
use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::handling::{FaxAccount, Group, Menu, OnCallSchedule};
use muster_domain::ids::{JobId, UserId};
use muster_domain::leaving::Choice;
use muster_domain::organization::{Device, Mailbox, PhoneNumber};
use muster_domain::types::Name;
use muster_domain::user::{ForwardBehaviour, Record, User};
use muster_domain::value::Value;
use muster_store::statements_run;

use crate::office::{Office, add, edit, ended, mailbox_of, members, on_both};
use crate::world::World;

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
        assert_eq!(told("on_call_schedules"), [("the on-call schedule Nights", Some(Choice::Release))]);
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
    let ida = add(office.app, &office.scope, "1004", "Ida");
    change("her mailbox is used by somebody", &|| {
        let mailbox = mailbox_of(office.app, &office.scope, office.ana).to_string();
        edit(office.app, &office.scope, ida, &[("mailbox", &mailbox)]);
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
