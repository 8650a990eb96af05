//! Orders: priced to the cent, held, bought once, given back.

use muster_app::imports::{ImportOptions, NewImport};
use muster_app::orders::NewItem;
use muster_app::restore::{Shown, What};
use muster_app::users::Deactivation;
use muster_app::{AppError, Moment, Scope};
use muster_domain::billing::Licence;
use muster_domain::change::Refusal;
use muster_domain::ids::{JobId, OrderId, OrderItemId, UserId};
use muster_domain::orders::{Delivery, ItemKind, OrderState};
use muster_domain::organization::{Device, DeviceState, PhoneNumber};
use muster_domain::stock::{StockNumber, StockState};
use muster_domain::types::UnixMillis;
use muster_domain::user::User;

use crate::money::{at, fields, item, licences, number, number_item, parsed};
use crate::office::ended;
use crate::world::World;

const PRICES: &str = "user=1000,number=200,number_setup=100,shipping=900";

fn seller() -> World {
    let world = World::on_sqlite();
    world.app.set_clock(at(2026, 4, 11, 12));
    world.offer(&[
        ("name", "Licences"),
        ("billing_model", "per_licence"),
        ("prices", PRICES),
        ("currency", "EUR"),
    ]);
    world.model("Yealink T54W", "8900");
    world
}

fn buyer(world: &World, slug: &str) -> Scope {
    let scope = world.organization(slug);
    world.app.choose_subscription(&scope, "Licences").unwrap();
    scope
}

fn head(world: &World, scope: &Scope) -> u64 {
    world.app.head_seq(scope).unwrap()
}

fn all<E: muster_app::Stored>(world: &World, scope: &Scope) -> Vec<E> {
    world.app.store().read(|r| r.all::<E>(scope.org())).unwrap()
}

fn free(world: &World) -> usize {
    let numbers: Vec<StockNumber> = all(world, &world.operator());
    numbers.iter().filter(|number| number.state == StockState::Free).count()
}

fn team(world: &World, scope: &Scope) -> (Vec<UserId>, OrderId) {
    let people: Vec<UserId> = (0..25).map(|n| world.person(scope, 1000 + n, &[])).collect();
    let (office, home) = (world.address(scope, "Office"), world.address(scope, "Home"));
    let mut items = vec![licences(25)];
    for (n, person) in people.iter().enumerate() {
        items.push(NewItem { user: Some(*person), ..number_item(n as u32) });
        items.push(NewItem {
            model: Some(parsed("yealink t54w")),
            user: Some(*person),
            address: Some(if n < 15 { office } else { home }),
            ..item(ItemKind::Phone)
        });
    }
    let order = world.order(scope, items);
    (people, order)
}

#[test]
fn twenty_five_people_with_licences_numbers_and_phones_to_two_addresses() {
    let world = seller();
    let scope = buyer(&world, "acme");
    world.stock(0, 30);
    let (people, order) = team(&world, &scope);
    let view = world.app.order(&scope, order).unwrap();
    // 25 numbers at 1.00, 25 phones at 89.00, two parcels at 9.00.
    let once = 25 * 100 + 25 * 8900 + 2 * 900;
    // On the 11th of 30 days 20 are left: 25 licences in one line, each number in its own.
    let first_cycle = 16_667 + 25 * 133;
    assert_eq!((view.order.once_minor.0, once), (226_800, 226_800));
    assert_eq!(view.order.first_cycle_minor.0, first_cycle);
    assert_eq!(view.order.per_cycle_minor.0, 25 * 1000 + 25 * 200);
    assert_eq!((view.items.len(), free(&world)), (1 + 25 + 25 + 2, 5));
    let early = world.app.activate_users(&scope, &people).unwrap_err();
    assert!(early.to_string().contains("0 licences for user, and 25"), "{early}");

    let digest = world.digest(&scope, order);
    let wrong = world.app.confirm_order(&scope, order, "00").unwrap_err();
    assert!(matches!(wrong, AppError::Refused(Refusal::PlanChanged)), "{wrong}");
    assert!(world.app.confirm_order(&scope, order, &digest).unwrap().is_bought);
    let bought = head(&world, &scope);
    assert!(world.app.confirm_order(&scope, order, &digest).unwrap().is_bought);
    assert_eq!(head(&world, &scope), bought, "confirmed twice, done once");
    let bill = world.app.preview_invoice(&scope, None).unwrap();
    assert_eq!(bill.total.0, once + first_cycle, "{:#?}", bill.lines);
    world.app.activate_users(&scope, &people).unwrap();
    let ana = world.app.user(&scope, people[3]).unwrap();
    assert_eq!(ana.direct_number, Some(parsed(&number(3))));

    let in_use = world.app.cancel_order(&scope, order, None).unwrap_err();
    assert!(in_use.to_string().contains("deactivate 25"), "{in_use}");
    world.app.deactivate_users(&scope, &people, &Deactivation::ContactOnly).unwrap();
    world.app.cancel_order(&scope, order, None).unwrap();
    assert_eq!(free(&world), 30);
    assert_eq!(all::<PhoneNumber>(&world, &scope), []);
    assert_eq!(all::<Device>(&world, &scope), []);
    assert!(all::<Licence>(&world, &scope).iter().all(|licence| licence.ends_at == Some(licence.starts_at)));
    assert!(all::<User>(&world, &scope).iter().all(|user| user.direct_number.is_none()));
    assert_eq!(world.app.preview_invoice(&scope, None).unwrap().total.0, 0);
    let check = world.app.verify_changes(&scope).unwrap();
    assert_eq!(check.database.broken, None);
    assert_eq!(check.database.state.map(|state| state.differing), Some(0));
}

#[test]
fn a_number_is_one_orders_at_a_time_and_free_again_when_its_time_is_over() {
    let world = seller();
    let (acme, other) = (buyer(&world, "acme"), buyer(&world, "other"));
    world.stock(0, 2);
    let first = world.order(&acme, vec![number_item(0)]);
    let new = |n| muster_app::orders::NewOrder { items: vec![number_item(n)], ..Default::default() };
    let taken = world.app.create_order(&other, &new(0)).unwrap_err();
    assert!(matches!(&taken, AppError::Refused(Refusal::Taken { field: "number", .. })), "{taken}");
    assert_eq!(all::<muster_domain::orders::Order>(&world, &other), [], "nothing of it is left");
    let any = NewItem { quantity: 2, ..item(ItemKind::Number) };
    let more = muster_app::orders::NewOrder { items: vec![any], ..Default::default() };
    let none_left = world.app.create_order(&other, &more).unwrap_err();
    assert!(none_left.to_string().contains("field"), "{none_left}");
    let digest = world.digest(&acme, first);

    world.app.set_clock(UnixMillis(at(2026, 4, 11, 13).0 + 60_000));
    let second = world.order(&other, vec![number_item(0)]);
    let late = world.app.confirm_order(&acme, first, &digest).unwrap_err();
    assert!(late.to_string().contains("expired"), "{late}");
    world.app.cancel_order(&acme, first, None).unwrap();
    world.buy(&other, second);
    let rows: Vec<StockNumber> = all(&world, &world.operator());
    let row = rows.iter().find(|row| row.number == parsed(&number(0))).unwrap();
    assert_eq!((row.state, row.organization.as_ref().unwrap().as_str()), (StockState::Assigned, "other"));
}

#[test]
fn a_price_that_changed_is_not_bought_and_what_was_cancelled_is_not_bought_either() {
    let world = seller();
    let scope = buyer(&world, "acme");
    let office = world.address(&scope, "Office");
    let phone =
        NewItem { model: Some(parsed("Yealink T54W")), address: Some(office), ..item(ItemKind::Phone) };
    let order = world.order(&scope, vec![phone]);
    let seen = world.digest(&scope, order);
    let models: Vec<muster_domain::stock::PhoneModel> = all(&world, &world.operator());
    let dearer = fields::<muster_domain::stock::PhoneModel>(&[("price_minor", "9900")]);
    world
        .app
        .edit_record::<muster_domain::stock::PhoneModel>(&world.operator(), models[0].id.0, None, &dearer)
        .unwrap();
    let changed = world.app.confirm_order(&scope, order, &seen).unwrap_err();
    assert!(matches!(changed, AppError::Refused(Refusal::PlanChanged)), "{changed}");
    let view = world.app.order(&scope, order).unwrap();
    assert_eq!((view.order.once_minor.0, view.order.state), (9900 + 900, OrderState::Reserved));
    let now = world.digest(&scope, order);
    assert!(!world.app.submit_order(&scope, order, &now).unwrap().is_bought);
    assert_eq!(world.app.order(&scope, order).unwrap().order.state, OrderState::AwaitingApproval);
    world.app.cancel_order(&scope, order, Some(&parsed("too dear"))).unwrap();
    let ended = world.app.confirm_order(&scope, order, &now).unwrap_err();
    assert!(ended.to_string().contains("cancelled"), "{ended}");
    assert_eq!(all::<Device>(&world, &scope), []);
}

#[test]
fn a_phone_is_sent_received_and_assigned_by_its_mac_address() {
    let world = seller();
    let scope = buyer(&world, "acme");
    let (office, home) = (world.address(&scope, "Office"), world.address(&scope, "Home"));
    let ana = world.person(&scope, 1001, &[]);
    let phone = |quantity| NewItem {
        model: Some(parsed("Yealink T54W")),
        address: Some(office),
        quantity,
        ..item(ItemKind::Phone)
    };
    let order = world.order(&scope, vec![phone(2)]);
    let things: Vec<OrderItemId> =
        world.app.order(&scope, order).unwrap().items.iter().map(|i| i.id).collect();
    world.app.address_order(&scope, order, &things[1..2], home).unwrap();
    let view = world.app.order(&scope, order).unwrap();
    assert_eq!(view.order.once_minor.0, 2 * 8900 + 2 * 900, "two parcels now");
    world.app.address_order(&scope, order, &[], home).unwrap();
    assert_eq!(world.app.order(&scope, order).unwrap().order.once_minor.0, 2 * 8900 + 900);
    let early = world.app.ship_order(&scope, order, &[], &Default::default()).unwrap_err();
    assert!(early.to_string().contains("reserved"), "{early}");
    world.buy(&scope, order);
    let device = all::<Device>(&world, &scope)[0].clone();
    let to = muster_app::devices::Assignment {
        mac: Some(parsed("00:15:65:00:00:01")),
        user: Some(ana),
        serial: None,
    };
    let not_here = world.app.assign_device(&scope, device.id, &to).unwrap_err();
    assert!(not_here.to_string().contains("ordered"), "{not_here}");
    let parcel = muster_app::orders::Parcel { carrier: Some(parsed("DHL")), tracking: Some(parsed("JD01")) };
    world.app.ship_order(&scope, order, &[], &parcel).unwrap();
    let sent = world.app.cancel_order(&scope, order, None).unwrap_err();
    assert!(sent.to_string().contains("sent"), "{sent}");
    world.app.receive_order(&scope, order, &[]).unwrap();
    let items = world.app.order(&scope, order).unwrap().items;
    assert!(
        items.iter().filter(|i| i.kind == ItemKind::Phone).all(|i| i.delivery == Some(Delivery::Received))
    );
    world.app.assign_device(&scope, device.id, &to).unwrap();
    let devices = all::<Device>(&world, &scope);
    let states: Vec<_> = devices.iter().map(|device| device.state).collect();
    assert_eq!(states, [Some(DeviceState::Assigned), Some(DeviceState::InStock)]);
    assert_eq!(devices[0].user, Some(ana));
}

#[test]
fn a_confirmation_with_the_same_key_has_one_effect_and_an_order_is_not_undone() {
    let world = seller();
    let scope = buyer(&world, "acme");
    let order = world.order(&scope, vec![licences(2)]);
    let made = head(&world, &scope);
    let digest = world.digest(&scope, order);
    let once = scope.clone().once("key", b"confirm");
    world.app.confirm_order(&once, order, &digest).unwrap();
    let bought = head(&world, &scope);
    let again = world.app.confirm_order(&once, order, &digest).unwrap();
    assert!(again.done.replayed && again.is_bought);
    assert_eq!(head(&world, &scope), bought);
    assert_eq!(all::<Licence>(&world, &scope).len(), 1);
    for seq in made..=bought {
        let refused = world.app.undo(&scope, seq, true).err().map(|error| error.to_string());
        assert!(
            refused.as_deref().is_some_and(|why| why.contains("cancelled, not undone")),
            "{seq}: {refused:?}"
        );
    }
}

#[test]
fn a_number_of_the_stock_is_had_by_an_order_only() {
    let world = seller();
    let scope = buyer(&world, "acme");
    world.stock(0, 2);
    let wanted = number(0);
    let record = fields::<PhoneNumber>(&[("number", &wanted)]);
    let refused = world.app.create_record::<PhoneNumber>(&scope, &record).unwrap_err();
    assert!(refused.to_string().contains("order it"), "{refused}");
    let file = format!("display_name,extension,direct_number\nAna Silva,1001,{wanted}\n");
    let options = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let new = NewImport { file_name: "people.csv", bytes: file.as_bytes(), options };
    let job = JobId(world.app.start_import(&scope, &new).unwrap().id);
    ended(&world.app, &scope, job);
    let judged = world.app.job(&scope, job).unwrap();
    assert!(format!("{judged:?}").contains("is in the operator's stock"), "{judged:?}");

    // Bought and given back: a moment at which it was theirs does not come back.
    let ana = world.person(&scope, 1001, &[]);
    let order = world.order(&scope, vec![NewItem { user: Some(ana), ..number_item(0) }]);
    world.buy(&scope, order);
    let then = head(&world, &scope);
    world.app.cancel_order(&scope, order, None).unwrap();
    assert_eq!((free(&world), all::<PhoneNumber>(&world, &scope)), (2, Vec::new()));
    let what = What::People(Moment::Seq(then));
    let review = world.app.review_restore(&scope, what, Shown { skip: 0, limit: 1 }).unwrap().review;
    let came = world.app.restore(&scope, what, &review.plan).map(drop);
    assert_eq!(all::<PhoneNumber>(&world, &scope), [], "{came:?}");
    assert_eq!(free(&world), 2);
}
