//! What names what: the links of lists move with the rows, and nothing dangles unseen.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::handling::{Group, Menu};
use muster_domain::references::AtRemoval;
use muster_domain::user::User;
use muster_store::Reference;

use crate::common::{Database, Tenant, created, id, on_both, removed, text, updated};

on_both!(
    who_names_a_person_is_found_by_single_fields_and_by_lists,
    links_move_with_the_list_that_they_are_of,
    what_names_nothing_is_found,
);

/// Two people, a group of both and a menu that leads to the first and to the group.
fn world(database: &Database) -> (Tenant, Vec<User>, Group, Menu) {
    let tenant = Tenant::create(&database.store, 1);
    let users: Vec<User> = (0..2).map(|n| tenant.user(n)).collect();
    let mut group = Group::blank(tenant.org, id(900_001));
    (group.name, group.members) = (text("Sales"), users.iter().map(|user| user.id).collect());
    let mut menu = Menu::blank(tenant.org, id(900_002));
    menu.name = text("Welcome");
    menu.entries = vec![text(&format!("1=user:{}", users[0].id)), text(&format!("2=group:{}", group.id))];
    let mut all: Vec<_> = users.iter().cloned().map(created).collect();
    all.extend([created(group.clone()), created(menu.clone())]);
    tenant.record(&database.store, &all).unwrap();
    group.set_version(1);
    menu.set_version(1);
    (tenant, users, group, menu)
}

fn references(database: &Database, tenant: &Tenant, kind: EntityKind, to: uuid::Uuid) -> Vec<Reference> {
    let mut found = database.store.read(|r| r.references_to(tenant.org, kind, &[to], 100)).unwrap();
    found.sort_by_key(|reference| (reference.kind, reference.id));
    found
}

fn who_names_a_person_is_found_by_single_fields_and_by_lists(database: &Database) {
    let (tenant, users, group, menu) = world(database);
    let found = references(database, &tenant, EntityKind::User, users[0].id.0);
    let by =
        |kind, id, field| Reference { to: users[0].id.0, kind, id, field, at_removal: AtRemoval::Detach };
    assert_eq!(
        found,
        [by(EntityKind::Group, group.id.0, "members"), by(EntityKind::Menu, menu.id.0, "entries")]
    );
    let of_site = references(database, &tenant, EntityKind::Site, users[0].site.unwrap().0);
    assert_eq!(of_site.iter().filter(|reference| reference.kind == EntityKind::User).count(), 2);
    assert_eq!(references(database, &tenant, EntityKind::Group, group.id.0).len(), 1);
}

fn links_move_with_the_list_that_they_are_of(database: &Database) {
    let (tenant, users, mut group, menu) = world(database);
    let links = |from| database.store.read(|r| r.links_from(tenant.org, from)).unwrap();
    assert_eq!(links(group.id.0).len(), 2);
    tenant.record(&database.store, &[updated(&group, |g| g.members.truncate(1))]).unwrap();
    group.set_version(2);
    group.members.truncate(1);
    assert_eq!(links(group.id.0), [("members".to_string(), users[0].id.0)]);
    // Made longer and removed in one batch, after what the batch itself has brought.
    let longer = updated(&group, |g| g.members.push(users[1].id));
    let mut last = group.clone();
    last.set_version(3);
    last.members.push(users[1].id);
    tenant.record(&database.store, &[longer, removed(&menu), removed(&last)]).unwrap();
    assert_eq!((links(group.id.0), links(menu.id.0)), (Vec::new(), Vec::new()));
    assert!(references(database, &tenant, EntityKind::User, users[0].id.0).is_empty());
}

fn what_names_nothing_is_found(database: &Database) {
    let (tenant, users, group, menu) = world(database);
    let dangling = || database.store.read(|r| r.dangling(tenant.org)).unwrap();
    assert_eq!(dangling(), []);
    // The store leaves it to the use cases what a list may name.
    tenant.record(&database.store, &[removed(&group)]).unwrap();
    let found = dangling();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].kind, found[0].id, found[0].to), (EntityKind::Menu, menu.id.0, group.id.0));
    assert!(!references(database, &tenant, EntityKind::User, users[0].id.0).is_empty());
}
