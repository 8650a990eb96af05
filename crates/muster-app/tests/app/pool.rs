//! The pool of unassigned extensions, types that a subscription has not, and port orders.

use muster_app::ports::PortNews;
use muster_app::{AppError, Scope};
use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::ids::PortOrderId;
use muster_domain::organization::{NumberKind, PhoneNumber, Site};
use muster_domain::ports::PortOrder;
use muster_domain::stock::UnassignedExtension;
use muster_domain::types::E164;

use crate::money::{at, fields, number, parsed};
use crate::world::World;

fn seats(world: &World, scope: &Scope) -> Vec<UnassignedExtension> {
    world.app.store().read(|r| r.all::<UnassignedExtension>(scope.org())).unwrap()
}

fn row(world: &World, scope: &Scope, number: &E164) -> PhoneNumber {
    let all = world.app.store().read(|r| r.all::<PhoneNumber>(scope.org())).unwrap();
    all.into_iter().find(|row| row.number == *number).unwrap()
}

fn with_pool(world: &World) -> Scope {
    world.app.set_clock(at(2026, 4, 11, 12));
    let types = "user,virtual_user,limited,mobile";
    world.offer(&[
        ("name", "Pool"),
        ("unassigned_extensions", "true"),
        ("user_types", types),
        ("currency", "EUR"),
    ]);
    let scope = world.organization("acme");
    world.app.choose_subscription(&scope, "Pool").unwrap();
    for (n, kind, area) in [(1, "user", "212"), (2, "user", "646"), (3, "limited", "212")] {
        let number = number(n);
        let texts = [("kind", kind), ("country", "US"), ("area_code", area), ("number", &number)];
        world
            .app
            .create_record::<UnassignedExtension>(&scope, &fields::<UnassignedExtension>(&texts))
            .unwrap();
    }
    scope
}

#[test]
fn whoever_goes_live_takes_a_seat_and_gives_it_back_with_its_number_when_removed() {
    let world = World::on_sqlite();
    let scope = with_pool(&world);
    let wants = [("unassigned_extension_country", "US"), ("unassigned_extension_area_code", "646")];
    let (ana, bo) = (world.person(&scope, 1001, &wants), world.person(&scope, 1002, &wants));
    world.app.activate_users(&scope, &[ana]).unwrap();
    let taken = seats(&world, &scope).into_iter().find(|seat| seat.user == Some(ana)).unwrap();
    assert_eq!(
        (taken.number.clone(), taken.area_code.clone()),
        (Some(parsed(&number(2))), Some(parsed("646")))
    );
    assert_eq!(world.app.user(&scope, ana).unwrap().direct_number, Some(parsed(&number(2))));
    let had = row(&world, &scope, &parsed(&number(2)));
    assert_eq!((had.user, had.kind), (Some(ana), NumberKind::Direct));
    let none = world.app.activate_users(&scope, &[bo]).unwrap_err();
    assert!(none.to_string().contains("user in US with area code 646"), "{none}");
    let counts = world.app.pool(&scope).unwrap();
    let words: Vec<_> = counts.iter().map(|count| (count.of.words(), count.free, count.taken)).collect();
    assert_eq!(
        words,
        [
            ("user in US with area code 212".to_string(), 1, 0),
            ("user in US with area code 646".to_string(), 0, 1),
            ("limited in US with area code 212".to_string(), 1, 0),
        ]
    );
    // Deactivated, the seat is still theirs; removed, it is not.
    world.app.deactivate_users(&scope, &[ana], &muster_app::users::Deactivation::ContactOnly).unwrap();
    assert!(seats(&world, &scope).iter().any(|seat| seat.user == Some(ana)));
    let gone = world.app.trash_users(&scope, &[ana]).unwrap();
    assert!(seats(&world, &scope).iter().all(|seat| seat.user.is_none()));
    let free = row(&world, &scope, &parsed(&number(2)));
    assert_eq!((free.user, free.kind), (None, NumberKind::Inventory));
    world.app.undo(&scope, gone.seq, true).unwrap();
    assert!(seats(&world, &scope).iter().any(|seat| seat.user == Some(ana)), "undone with the rest");
    world.app.trash_users(&scope, &[ana]).unwrap();
    world.app.activate_users(&scope, &[bo]).unwrap();
    assert!(seats(&world, &scope).iter().any(|seat| seat.user == Some(bo)));
    let check = world.app.verify_changes(&scope).unwrap();
    assert_eq!(check.database.state.map(|state| state.differing), Some(0));
}

#[test]
fn a_seat_that_somebody_has_stays_and_a_type_without_one_takes_none() {
    let world = World::on_sqlite();
    let scope = with_pool(&world);
    let ana = world.person(&scope, 1001, &[]);
    let cy = world.person(&scope, 1003, &[("user_type", "mobile")]);
    world.app.activate_users(&scope, &[ana, cy]).unwrap();
    let taken: Vec<_> = seats(&world, &scope).into_iter().filter(|seat| seat.user.is_some()).collect();
    assert_eq!((taken.len(), taken[0].user), (1, Some(ana)));
    let refused = world.app.remove_record::<UnassignedExtension>(&scope, taken[0].id.0).unwrap_err();
    assert!(matches!(refused, AppError::Refused(Refusal::InUse { by: EntityKind::User, .. })), "{refused}");
    world.app.trash_users(&scope, &[cy]).unwrap();
    assert_eq!(seats(&world, &scope).iter().filter(|seat| seat.user.is_some()).count(), 1, "Cy had none");
}

#[test]
fn a_type_that_the_subscription_has_not_is_not_activated() {
    let world = World::on_sqlite();
    let scope = with_pool(&world);
    let fax = world.person(&scope, 1004, &[("user_type", "fax")]);
    let refused = world.app.activate_users(&scope, &[fax]).unwrap_err();
    assert!(refused.to_string().contains("fax is not part of the subscription Pool"), "{refused}");
}

#[test]
fn a_number_is_brought_in_step_by_step_and_takes_the_place_of_the_temporary_one() {
    let world = World::on_sqlite();
    let scope = with_pool(&world);
    let temporary = number(1);
    let ana = world.person(&scope, 1001, &[("caller_id_number", &temporary), ("direct_number", &temporary)]);
    let site = world.app.sites(&scope).unwrap()[0].id;
    let shown = fields::<Site>(&[("caller_id_number", &temporary)]);
    world.app.edit_record::<Site>(&scope, site.0, None, &shown).unwrap();
    let (id, user) = (row(&world, &scope, &parsed(&temporary)).id.to_string(), ana.to_string());
    let texts = [("numbers", "+351210000001"), ("temporary", id.as_str()), ("user", user.as_str())];
    let port = world.app.create_record::<PortOrder>(&scope, &fields::<PortOrder>(&texts)).unwrap();
    let twice = world.app.create_record::<PortOrder>(&scope, &fields::<PortOrder>(&texts[..1])).unwrap_err();
    assert!(matches!(twice, AppError::Refused(Refusal::Taken { field: "numbers", .. })), "{twice}");
    let port = PortOrderId(port.id);
    let news = |news: PortNews| world.app.move_port(&scope, port, &news);
    let early = news(PortNews::Activated).unwrap_err();
    assert!(early.to_string().contains("no day yet"), "{early}");
    news(PortNews::Rejected(parsed("wrong account"))).unwrap();
    news(PortNews::Submitted).unwrap();
    news(PortNews::Dated(at(2026, 4, 20, 8))).unwrap();
    // The day comes and goes: nothing happens by itself.
    world.app.set_clock(at(2026, 4, 25, 8));
    assert_eq!(world.app.user(&scope, ana).unwrap().caller_id_number, Some(parsed(&temporary)));
    news(PortNews::Activated).unwrap();
    let after = world.app.user(&scope, ana).unwrap();
    let real: E164 = parsed("+351210000001");
    assert_eq!((after.caller_id_number, after.direct_number), (Some(real.clone()), Some(real.clone())));
    assert_eq!(world.app.sites(&scope).unwrap()[0].caller_id_number, Some(real.clone()));
    let brought = row(&world, &scope, &real);
    assert_eq!((brought.user, brought.kind), (Some(ana), NumberKind::Direct));
    assert_eq!(row(&world, &scope, &parsed(&temporary)).user, None);
    let over = news(PortNews::Cancelled).unwrap_err();
    assert!(over.to_string().contains("activated"), "{over}");
}
