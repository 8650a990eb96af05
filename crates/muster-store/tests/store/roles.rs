//! Who holds which roles, and lists of what belongs to people of some sites.

use muster_domain::field::Entity;
use muster_domain::ids::SiteId;
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{Device, Site};
use muster_domain::user::{Record, User};
use muster_store::{Op, Query, StoreError, Term};

use crate::common::{Database, Tenant, created, id, on_both, removed, text};

on_both!(
    holders_are_found_by_the_whole_name_of_their_role_and_counted_by_their_lists,
    what_belongs_to_people_of_some_sites_is_listed_by_their_site,
    a_site_that_a_role_is_held_for_is_referred_to,
);

fn holder(tenant: &Tenant, n: u128, roles: &[&str]) -> User {
    let mut user = tenant.user(n);
    user.roles = roles.iter().map(|role| text(role)).collect();
    user
}

fn holders_are_found_by_the_whole_name_of_their_role_and_counted_by_their_lists(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let at_main = format!("Night \"desk\"@{}", tenant.site);
    let mut trashed = holder(&tenant, 4, &["Night \"desk\""]);
    trashed.record = Record::Trashed;
    let people = [
        holder(&tenant, 0, &["user"]),
        holder(&tenant, 1, &["user", "Night \"desk\""]),
        holder(&tenant, 2, &["Night \"desk\" 2"]),
        holder(&tenant, 3, &[&at_main]),
        trashed,
        holder(&tenant, 5, &["user"]),
    ];
    tenant.record(&database.store, &people.clone().map(created)).unwrap();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let ask = |r: &mut muster_store::Reader| r.people_with_role(tenant.org, "Night \"desk\"", after, 2);
        let (users, next) = database.store.read(ask).unwrap();
        found.extend(users.iter().map(|user| user.id));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [people[1].id, people[3].id, people[4].id], "the trashed one too");
    let mut counts = database.store.read(|r| r.role_counts(tenant.org)).unwrap();
    counts.sort();
    let counts: Vec<(String, u64)> = counts
        .iter()
        .map(|(roles, n)| (roles.iter().map(|r| r.as_str()).collect::<Vec<_>>().join("+"), *n))
        .collect();
    let alone = |roles: &str| (roles.to_string(), 1);
    assert_eq!(
        counts,
        [alone("Night \"desk\" 2"), alone(&at_main), ("user".to_string(), 2), alone("user+Night \"desk\""),]
    );
}

fn names<E: Entity>(
    database: &Database,
    tenant: &Tenant,
    field: &str,
    op: Op,
    sites: &[SiteId],
) -> Vec<String> {
    let value = sites.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let filter = vec![Term { field: field.into(), op, value }].into();
    let query = Query { filter, with_total: true, ..Query::default() };
    let page = database.store.read(|r| r.list::<E>(tenant.org, &query)).unwrap();
    assert_eq!(page.total, Some(page.items.len() as u64));
    let name = |item: &E| {
        let field = E::field("name").or(E::field("display_name")).unwrap();
        (field.get)(item).as_text().unwrap().to_string()
    };
    page.items.iter().map(name).collect()
}

fn what_belongs_to_people_of_some_sites_is_listed_by_their_site(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let mut leeds = Site::blank(tenant.org, id(77));
    leeds.name = text("Leeds");
    let (here, mut there) = (tenant.user(1), tenant.user(2));
    there.site = Some(leeds.id);
    let device = |n: u128, name: &str, user: Option<&User>| {
        let mut device = Device::blank(tenant.org, id(5_000 + n));
        device.name = text(name);
        device.user = user.map(|user| user.id);
        device
    };
    let location = |n: u128, name: &str, owner: Option<&User>| {
        let mut location = EmergencyLocation::blank(tenant.org, id(6_000 + n));
        location.name = text(name);
        location.country = text("PT");
        location.owner = owner.map(|user| user.id);
        location
    };
    let devices =
        [device(1, "Ours", Some(&here)), device(2, "Theirs", Some(&there)), device(3, "Spare", None)];
    let locations = [
        location(1, "Hall", None),
        location(2, "Our home", Some(&here)),
        location(3, "Their home", Some(&there)),
    ];
    let mut changes = vec![created(leeds.clone()), created(here), created(there)];
    changes.extend(devices.map(created));
    changes.extend(locations.map(created));
    tenant.record(&database.store, &changes).unwrap();
    let main = [tenant.site];
    assert_eq!(names::<Device>(database, &tenant, "user", Op::SomebodyAt, &main), ["Ours"]);
    assert_eq!(names::<Device>(database, &tenant, "user", Op::SomebodyAt, &[tenant.site, leeds.id]).len(), 2);
    assert!(names::<Device>(database, &tenant, "user", Op::SomebodyAt, &[]).is_empty());
    let seen = names::<EmergencyLocation>(database, &tenant, "owner", Op::NobodyOrSomebodyAt, &main);
    assert_eq!(seen, ["Hall", "Our home"]);
    assert_eq!(names::<Site>(database, &tenant, "id", Op::OneOf, &[leeds.id]), ["Leeds"]);
    assert_eq!(names::<User>(database, &tenant, "site", Op::OneOf, &[leeds.id]).len(), 1);
    let wrong = Query {
        filter: vec![Term { field: "display_name".into(), op: Op::OneOf, value: "x".into() }].into(),
        ..Query::default()
    };
    let refused = database.store.read(|r| r.users(tenant.org, &wrong)).unwrap_err();
    assert!(matches!(refused, StoreError::Query(_)), "{refused:?}");
}

fn a_site_that_a_role_is_held_for_is_referred_to(database: &Database) {
    let tenant = Tenant::create(&database.store, 1);
    let mut leeds = Site::blank(tenant.org, id(77));
    leeds.name = text("Leeds");
    let ana = holder(&tenant, 1, &["user", &format!("reader@{}", leeds.id)]);
    tenant.record(&database.store, &[created(leeds.clone()), created(ana.clone())]).unwrap();
    let references = |database: &Database| {
        let ask = |r: &mut muster_store::Reader| {
            r.references_to(tenant.org, muster_domain::field::EntityKind::Site, &[leeds.id.0], 10)
        };
        let found = database.store.read(ask).unwrap();
        found.iter().map(|reference| (reference.id, reference.field)).collect::<Vec<_>>()
    };
    assert_eq!(references(database), [(ana.id.0, "roles")]);
    tenant.record(&database.store, &[removed(&User { version: 1, ..ana })]).unwrap();
    assert_eq!(references(database), []);
}
