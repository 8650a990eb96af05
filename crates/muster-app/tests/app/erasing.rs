//! Erasing people: in no table, in no line of the log, and the chain still verifies.

use muster_app::imports::{ImportOptions, NewImport};
use muster_app::leaving::{ChoiceOf, UserIdText};
use muster_app::signing::{Assignment, Delivery, NewCredentials, NewInvite};
use muster_app::{App, AppError, JobState};
use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::handling::Group;
use muster_domain::ids::{JobId, OrgId, UserId};
use muster_domain::leaving::Choice;
use muster_domain::organization::{Device, Mailbox};
use muster_domain::signing::{Invite, SignIn};
use muster_domain::types::FieldValue;
use muster_domain::user::{Record, SetupWizard};
use uuid::Uuid;

use crate::office::{Office, add, ended, mailbox_of, on_both, state};

#[test]
fn who_is_erased_is_in_no_table_and_in_no_line_of_the_log_and_the_chain_still_verifies() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let (app, scope, org) = (office.app, &office.scope, office.scope.org());
        let mailbox = mailbox_of(app, scope, office.ana);
        let refused = app.purge_user(scope, office.ana, false).unwrap_err();
        assert!(refused.to_string().contains("not in the trash"), "{refused}");
        let data = app.person_data(scope, office.ana).unwrap();
        assert_eq!(data.things.len(), 9, "{:?}", data.things);
        assert!(data.history.iter().any(|line| line.envelope.entity == EntityKind::Mailbox));
        office.remove(&office.choices()).unwrap();
        let seats = app.seats(scope, None, 10).unwrap().all.total;
        let told = |needle: &str| text_of_everything(app, org).matches(needle).count();
        assert!(told("Ana Silva") > 0 && told("ana.silva@example.com") > 0 && told("Secret Street") > 0);
        let secrets = secrets(app, org);
        let purged = app.purge_user(scope, office.ana, false).unwrap();
        assert!(purged.bodies > 5, "{}", purged.bodies);
        for needle in ["Ana Silva", "ana.silva", "Secret Street"] {
            assert_eq!(told(needle), 0, "{needle}");
        }
        assert_eq!(secrets.len() - self::secrets(app, org).len(), 2, "hers and the kitchen's");
        let kept = office.get::<Mailbox>(mailbox);
        assert_eq!((kept.owner, kept.name.as_str()), (None, "Mailbox 1001 of a former user"));
        let kitchen = app.store().read(|r| r.all::<Device>(org)).unwrap().pop().unwrap();
        assert_eq!((kitchen.user, kitchen.auth_name, kitchen.sip_secret), (None, None, None));
        assert_eq!(app.seats(scope, None, 10).unwrap().all.total, seats);
        office.check();
        let head = app.head_seq(scope).unwrap();
        let lines = app.history(scope, EntityKind::User, office.ana.0, 1).unwrap();
        assert_eq!(lines[0].envelope.kind, "user.purged");
        for seq in [head, lines[0].envelope.seq] {
            let refused = app.undo(scope, seq, false).unwrap_err();
            assert!(
                matches!(&refused, AppError::Refused(Refusal::Irreversible(why)) if why.contains("erased")),
                "{refused}"
            );
        }
        app.restore_user(scope, office.ana).unwrap_err();
        app.person_data(scope, office.ana).unwrap_err();
        app.purge_user(scope, office.ana, false).unwrap_err();
        // The extension is free for somebody else, who has nothing of hers.
        let next = add(app, scope, "1001", "Ida");
        assert_ne!(mailbox_of(app, scope, next), mailbox);
    });
}

#[test]
fn how_somebody_signed_in_and_was_invited_is_erased_with_them() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let (app, scope, org) = (office.app, &office.scope, office.scope.org());
        let link = NewInvite { by: Delivery::Link, ..NewInvite::default() };
        app.invite_users(scope, &[office.ana], &link).unwrap();
        let credentials = NewCredentials { temporary: true, ..NewCredentials::default() };
        let wizard = SetupWizard::NotStarted;
        let assignment = Assignment { credentials, generate: true, wizard };
        app.assign_credentials(scope, &[office.ana], &assignment).unwrap();
        let kept = || {
            let r = app.store();
            (r.read(|r| r.all::<SignIn>(org)).unwrap().len(), r.read(|r| r.all::<Invite>(org)).unwrap().len())
        };
        assert_eq!(kept(), (1, 1));
        office.remove(&office.choices()).unwrap();
        assert_eq!(kept(), (1, 1), "they come back with her");
        app.purge_user(scope, office.ana, false).unwrap();
        assert_eq!(kept(), (0, 0));
        office.check();
    });
}

/// All bodies of the log, and all fields of all things.
fn text_of_everything(app: &App, org: OrgId) -> String {
    let mut text = format!("{:?}", state(app, org));
    let mut since = 0;
    loop {
        let page = app.store().read(|r| r.raw_changes(org, since, 1000)).unwrap();
        let Some(last) = page.last() else { break };
        since = last.envelope.seq;
        for body in page.iter().filter_map(|line| line.body.as_ref()) {
            text.push_str(&String::from_utf8_lossy(&body.json));
        }
    }
    for job in app.store().read(|r| r.jobs(org, None, None, 1000)).unwrap() {
        text.push_str(&job.summary.unwrap_or_default());
    }
    text
}

fn secrets(app: &App, org: OrgId) -> Vec<Uuid> {
    let checked = app.store().read(|r| r.verify(org)).unwrap().secrets.checked;
    (0..checked).map(|n| Uuid::from_u128(u128::from(n))).collect()
}

#[test]
fn a_mailbox_is_erased_with_its_owner_when_that_is_chosen_and_reports_of_imports_forget_them() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let (app, scope, org) = (office.app, &office.scope, office.scope.org());
        // A row that is refused: the report says what stood there.
        let new = NewImport {
            file_name: "again.csv",
            bytes: b"display_name,extension,email\nSomebody,x,ana.silva@example.com\nOther,1009,ana.silva@example.com\n",
            options: ImportOptions::default(),
        };
        let job = JobId(app.start_import(scope, &new).unwrap().id);
        assert_eq!(ended(app, scope, job), JobState::Failed);
        let summary = || app.job(scope, job).unwrap().job.summary.unwrap();
        assert!(summary().contains("ana.silva@example.com"), "{}", summary());
        let mailbox = mailbox_of(app, scope, office.ana);
        office.remove(&office.choices()).unwrap();
        app.purge_user(scope, office.ana, true).unwrap();
        app.record::<Mailbox>(scope, mailbox).unwrap_err();
        assert_eq!(office.get::<Group>(office.sales).mailbox, None);
        assert!(!summary().contains("ana.silva"), "{}", summary());
        assert!(!text_of_everything(app, org).contains("Ana Silva"));
        office.check();
    });
}

#[test]
fn a_mailbox_that_was_handed_over_keeps_its_owner_and_is_called_after_nobody() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let mailbox = mailbox_of(office.app, &office.scope, office.ana);
        let mut choices = office.choices();
        let to = Some(UserIdText(office.eva));
        choices.of.push(ChoiceOf { what: "mailbox".into(), choice: Choice::HandTo, to });
        office.remove(&choices).unwrap();
        assert_eq!(office.get::<Mailbox>(mailbox).name.as_str(), "Ana Silva");
        office.app.purge_user(&office.scope, office.ana, false).unwrap();
        let kept = office.get::<Mailbox>(mailbox);
        assert_eq!((kept.owner, kept.name.as_str()), (Some(office.eva), "Mailbox 1001 of a former user"));
        assert!(!text_of_everything(office.app, office.scope.org()).contains("Ana Silva"));
        office.check();
    });
}

#[test]
fn who_has_been_in_the_trash_for_as_long_as_it_is_kept_is_erased() {
    on_both(|world, slug| {
        let office = Office::new(world, slug);
        let (app, scope) = (office.app, &office.scope);
        office.remove(&office.choices()).unwrap();
        app.trash_users(scope, &[office.bo]).unwrap();
        assert_eq!(app.sweep_trash().unwrap(), 0, "no time was set");
        let days = muster_domain::types::Bounded::<1, 3650>::parse("30").unwrap().to_value();
        app.edit_organization(scope, None, &[("trash_retention_days", days)]).unwrap();
        assert_eq!(app.sweep_trash().unwrap(), 0, "it is not over yet");
        // As if it had all been 31 days ago, but for what happened to Bo.
        let ago = 31_i64 * 24 * 3600 * 1000;
        let org = app.store().read(|r| r.organization(scope.org())).unwrap().unwrap();
        assert_eq!(org.trash_retention_days.unwrap().0, 30);
        let long_ago = |who: UserId| {
            let id = match world.is_postgres() {
                true => format!("'{who}'"),
                false => format!("x'{}'", who.0.simple()),
            };
            app.store().raw(&format!("UPDATE changes SET at = at - {ago} WHERE entity_id = {id}")).unwrap();
        };
        long_ago(office.ana);
        assert_eq!(app.sweep_trash().unwrap(), 1);
        app.user(scope, office.ana).unwrap_err();
        assert_eq!(app.user(scope, office.bo).unwrap().record, Record::Trashed);
    });
}
