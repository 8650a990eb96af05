//! Three cycles by each counting rule, to the cent, and the same again from the log.

use muster_app::billing::NewLicence;
use muster_app::users::Deactivation;
use muster_app::{AppError, Scope};
use muster_domain::change::Refusal;
use muster_domain::ids::{CallId, LicenceId, UserId};
use muster_domain::money::Count;
use muster_domain::organization::Organization;
use muster_domain::types::UnixMillis;
use muster_domain::user::UserType;
use uuid::Uuid;

use crate::money::{at, call, fields};
use crate::world::World;

struct Tried {
    rule: (&'static str, &'static str),
    /// What January, February and March cost, in cents, reckoned by hand.
    expected: [i64; 3],
}

/// Of each rule, with prices of 15.00 until 14 February and 20.00 from then on: one who came on 11 January, one who left
/// on 10 February, and a mobile with ten calls in February and eleven in March.
const TRIED: [Tried; 4] = [
    // 1500*21/31 + 1500; 1500*14/28 + 2000*14/28 + 1500*10/28; 2000 + the meter.
    Tried { rule: ("per_activated_user", "share_of_days"), expected: [1016 + 1500, 750 + 1000 + 536, 4000] },
    // Both in January and February, at the price at the close.
    Tried { rule: ("per_activated_user", "any_moment"), expected: [3000, 4000, 4000] },
    Tried { rule: ("per_activated_user", "at_close"), expected: [3000, 2000, 4000] },
    // Three all the time, two more from 11 January to 10 February.
    Tried {
        rule: ("per_licence", "share_of_days"),
        expected: [4500 + 2032, 2250 + 3000 + 1071, 6000 + 2000],
    },
];

#[test]
fn three_cycles_cost_by_each_rule_what_was_reckoned_by_hand_and_the_log_gives_the_same() {
    let world = World::on_sqlite();
    three_cycles(&world);
}

#[test]
fn three_cycles_cost_the_same_on_postgres() {
    let Some(world) = World::on_postgres() else { return };
    three_cycles(&world);
}

fn three_cycles(world: &World) {
    world.app.set_clock(at(2025, 12, 31, 9));
    for (n, tried) in TRIED.iter().enumerate() {
        let (model, counting) = tried.rule;
        for (name, prices) in [("before", "user=1500"), ("after", "user=2000")] {
            let name = format!("{name} {n}");
            world.offer(&[
                ("name", &name),
                ("billing_model", model),
                ("counting", counting),
                ("prices", prices),
                ("currency", "EUR"),
            ]);
        }
    }
    let scopes: Vec<Scope> = (0..TRIED.len()).map(|n| begin(world, n)).collect();
    let people: Vec<Vec<UserId>> = scopes.iter().map(|scope| people(world, scope)).collect();
    let licences: Vec<LicenceId> =
        scopes.iter().zip(&people).map(|(scope, people)| january(world, scope, people)).collect();
    for n in 0..TRIED.len() {
        february(world, &scopes[n], &people[n], licences[n], n);
        march(world, &scopes[n], &people[n]);
    }
    world.app.set_clock(at(2026, 4, 2, 0));
    for (scope, tried) in scopes.iter().zip(&TRIED) {
        for (cycle, expected) in ["2026-01", "2026-02", "2026-03"].iter().zip(tried.expected) {
            let bill = world.app.preview_invoice(scope, Some(cycle)).unwrap();
            assert_eq!(bill.total.0, expected, "{:?} {cycle}: {:#?}", tried.rule, bill.lines);
            let closed = world.app.close_invoice(scope, Some(cycle)).unwrap();
            assert_eq!(closed.invoice.total_minor.0, expected, "{:?} {cycle}", tried.rule);
            let again = world.app.close_invoice(scope, Some(cycle)).unwrap();
            assert_eq!(again.invoice, closed.invoice, "closed once");
        }
    }
    what_comes_after_changes_nothing(world, &scopes, &people);
}

fn begin(world: &World, n: usize) -> Scope {
    world.app.set_clock(at(2025, 12, 31, 9));
    let slug = format!("rule{n}");
    let scope = world.organization(&slug);
    let zone = fields::<Organization>(&[("time_zone", "Europe/Lisbon")]);
    world.app.edit_organization(&scope, None, &zone).unwrap();
    let scope = world.again(&slug);
    world.app.choose_subscription(&scope, &format!("before {n}")).unwrap();
    let three = NewLicence { user_type: UserType::User, quantity: Count(3) };
    world.app.give_licence(&scope, &three).unwrap();
    scope
}

/// Ana, Bo, and Cy, who is mobile.
fn people(world: &World, scope: &Scope) -> Vec<UserId> {
    world.app.set_clock(at(2025, 12, 31, 10));
    let mobile = [("user_type", "mobile")];
    let people = vec![
        world.person(scope, 1001, &[]),
        world.person(scope, 1002, &[]),
        world.person(scope, 1003, &mobile),
    ];
    world.app.activate_users(scope, &people[1..]).unwrap();
    people
}

fn january(world: &World, scope: &Scope, people: &[UserId]) -> LicenceId {
    world.app.set_clock(at(2026, 1, 11, 10));
    world.app.activate_users(scope, &people[..1]).unwrap();
    let two = NewLicence { user_type: UserType::User, quantity: Count(2) };
    LicenceId(world.app.give_licence(scope, &two).unwrap().id)
}

fn february(world: &World, scope: &Scope, people: &[UserId], two: LicenceId, n: usize) {
    world.app.set_clock(at(2026, 2, 10, 9));
    world.app.deactivate_users(scope, &people[1..2], &Deactivation::ContactOnly).unwrap();
    world.app.end_licence(scope, two).unwrap();
    world.app.set_clock(at(2026, 2, 15, 12));
    world.app.choose_subscription(scope, &format!("after {n}")).unwrap();
    let calls: Vec<_> = (0..10).map(|n| call(scope, people[2], "1001", at(2026, 2, 16, n), None)).collect();
    world.app.record_calls(&calls).unwrap();
}

/// Ten calls and a RingOut of two legs, three calls for help, and one that is April's.
fn march(world: &World, scope: &Scope, people: &[UserId]) {
    world.app.set_clock(at(2026, 3, 6, 0));
    let mut calls: Vec<_> =
        (0..10).map(|n| call(scope, people[2], "1001", at(2026, 3, 5, n), None)).collect();
    let ringout = Some(CallId(Uuid::from_u128(7)));
    let leg = call(scope, people[2], "+351210000000", at(2026, 3, 5, 12), ringout);
    calls.extend([leg.clone(), leg]);
    calls.extend((13..16).map(|n| call(scope, people[2], "112", at(2026, 3, 5, n), None)));
    // Half past midnight in Lisbon's summer.
    let late = UnixMillis(at(2026, 3, 31, 23).0 + 30 * 60_000);
    calls.push(call(scope, people[2], "1001", late, None));
    world.app.record_calls(&calls).unwrap();
}

fn what_comes_after_changes_nothing(world: &World, scopes: &[Scope], people: &[Vec<UserId>]) {
    world.app.set_clock(at(2026, 4, 3, 0));
    for (n, scope) in scopes.iter().enumerate() {
        world.app.choose_subscription(scope, &format!("before {n}")).unwrap();
        world.app.trash_users(scope, &people[n]).unwrap();
        // Of March, and learned of after it was closed.
        let late: Vec<_> =
            (0..20).map(|n| call(scope, people[0][2], "1001", at(2026, 3, 7, n), None)).collect();
        world.app.record_calls(&late).unwrap();
        for (cycle, expected) in ["2026-01", "2026-02", "2026-03"].iter().zip(TRIED[n].expected) {
            let check = world.app.check_invoice(scope, cycle).unwrap();
            assert!(check.is_same(), "{:?} {cycle}: {check:?}", TRIED[n].rule);
            assert_eq!(check.total.0, expected);
        }
    }
}

#[test]
fn a_line_that_was_altered_is_found_and_a_cycle_that_runs_is_not_closed() {
    let world = World::on_sqlite();
    world.app.set_clock(at(2025, 12, 31, 9));
    world.offer(&[("name", "before 0"), ("prices", "user=1500"), ("currency", "EUR")]);
    let scope = begin(&world, 0);
    let people = people(&world, &scope);
    world.app.activate_users(&scope, &people[..1]).unwrap();
    world.app.set_clock(at(2026, 1, 31, 23));
    let early = world.app.close_invoice(&scope, Some("2026-01")).unwrap_err();
    assert!(
        matches!(&early, AppError::Refused(Refusal::Invalid(errors)) if errors[0].field == "cycle"),
        "{early}"
    );
    world.app.set_clock(at(2026, 2, 1, 0));
    let closed = world.app.close_invoice(&scope, None).unwrap().invoice;
    assert_eq!((closed.cycle.as_str(), closed.total_minor.0), ("2026-01", 3000));
    let undone = world.app.undo(&scope, closed.log_seq.0 + 1, false).err().map(|error| error.to_string());
    assert!(undone.as_deref().is_some_and(|why| why.contains("stays closed")), "{undone:?}");
    assert!(world.app.check_invoice(&scope, "2026-01").unwrap().is_same());
    world.app.store().raw("UPDATE invoice_lines SET amount_minor = 1 WHERE line = 1").unwrap();
    let check = world.app.check_invoice(&scope, "2026-01").unwrap();
    assert!(!check.lines_are_kept && !check.is_same());
    assert_eq!(check.total.0, 3000, "the log has not been altered");
}

#[test]
fn a_cycle_closes_by_itself_an_hour_after_its_end_and_once() {
    let world = World::on_sqlite();
    world.app.set_clock(at(2025, 12, 31, 9));
    world.offer(&[("name", "before 0"), ("prices", "user=1500"), ("currency", "EUR")]);
    let free = world.organization("free");
    let scope = begin(&world, 0);
    people(&world, &scope);
    world.app.set_clock(at(2026, 1, 1, 2));
    assert_eq!(world.app.close_due_cycles().unwrap(), 1, "December, in which it was chosen");
    world.app.set_clock(at(2026, 2, 1, 0));
    assert_eq!(world.app.close_due_cycles().unwrap(), 0, "the hour is not over");
    world.app.set_clock(at(2026, 2, 1, 2));
    assert_eq!(world.app.close_due_cycles().unwrap(), 1);
    assert_eq!(world.app.close_due_cycles().unwrap(), 0);
    assert_eq!(world.app.invoice(&scope, "2026-01").unwrap().total_minor.0, 1500);
    assert!(world.app.invoice(&free, "2026-01").is_err(), "who has no subscription is not charged");
}
