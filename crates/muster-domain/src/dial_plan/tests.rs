use super::*;
use crate::capabilities::of_type;
use crate::ids::{CredentialId, SecretId};
use crate::user::UserType;
use uuid::Uuid;

fn org(n: u128) -> OrgId {
    OrgId(Uuid::from_u128(n))
}

fn person(n: u128, extension: &str, auth_name: &str) -> PersonPlan {
    PersonPlan {
        user: UserId(Uuid::from_u128(n)),
        extension: Some(extension.into()),
        display_name: format!("Person {n}").into(),
        service: Service::Enabled,
        capabilities: of_type(UserType::User),
        max_bindings: 5,
        call_timeout_s: 20,
        held_but_for: None,
        credentials: Box::new([CredentialPlan {
            id: CredentialId(Uuid::from_u128(n)),
            auth_name: auth_name.into(),
            secret: SecretId(Uuid::from_u128(n)),
            ha1_md5: [1; 16],
            ha1_sha256: [2; 32],
        }]),
    }
}

fn snapshot(n: u128, realm: &str, people: Vec<PersonPlan>) -> PlanUpdate {
    PlanUpdate::Organization {
        id: org(n),
        seq: 10,
        realm: realm.into(),
        aliases: vec!["OLD.example".into()],
        people,
    }
}

fn plan() -> DialPlan {
    let mut plan = DialPlan::new();
    plan.apply(snapshot(1, "Acme.example", vec![person(1, "101", "anna"), person(2, "102", "bert")]));
    plan
}

#[test]
fn a_domain_is_found_in_any_case_and_by_alias() {
    let plan = plan();
    for domain in ["acme.example", "ACME.example", "acme.example.", "old.EXAMPLE"] {
        assert_eq!(plan.organization_by_domain(domain), Some(org(1)), "{domain}");
    }
    assert_eq!(plan.organization_by_domain("acme"), None);
    assert_eq!(plan.realm(org(1)).map(SmolStr::as_str), Some("Acme.example"));
}

#[test]
fn people_are_dialled_by_extension_and_authenticate_by_name() {
    let plan = plan();
    assert_eq!(plan.person_by_extension(org(1), "101").map(|p| p.user), Some(UserId(Uuid::from_u128(1))));
    assert!(plan.person_by_extension(org(1), "anna").is_none());
    assert!(plan.credential(org(1), "101").is_none());
    assert_eq!(plan.credential(org(1), "bert").map(|(p, _)| p.extension.as_deref()), Some(Some("102")));
    assert!(plan.credential(org(2), "bert").is_none());
}

#[test]
fn a_name_finds_its_organization_only_while_one_has_it() {
    let mut plan = plan();
    assert_eq!(plan.organization_by_auth_name("anna"), Some(org(1)));
    plan.apply(snapshot(2, "b.example", vec![person(9, "101", "anna")]));
    assert_eq!(plan.organization_by_auth_name("anna"), None);
    plan.apply(PlanUpdate::OrganizationGone { org: org(1) });
    assert_eq!(plan.organization_by_auth_name("anna"), Some(org(2)));
    assert_eq!(plan.organization_by_auth_name("bert"), None);
    assert_eq!(plan.organization_by_domain("acme.example"), None);
}

#[test]
fn two_people_exchange_their_extensions_in_two_updates() {
    let mut plan = plan();
    plan.apply(PlanUpdate::Person { org: org(1), seq: 11, person: person(1, "102", "anna") });
    plan.apply(PlanUpdate::Person { org: org(1), seq: 12, person: person(2, "101", "bert") });
    let user = |extension| plan.person_by_extension(org(1), extension).map(|p| p.user.0.as_u128());
    assert_eq!((user("101"), user("102")), (Some(2), Some(1)));
}

#[test]
fn a_snapshot_names_only_who_differs() {
    let mut plan = plan();
    let mut changed = person(2, "102", "bert");
    changed.service = Service::Disabled;
    let effect = plan.apply(PlanUpdate::Organization {
        id: org(1),
        seq: 11,
        realm: "Acme.example".into(),
        aliases: vec![],
        people: vec![person(1, "101", "anna"), changed],
    });
    assert_eq!(effect.before, vec![person(2, "102", "bert")]);
    assert!(effect.snapshot && !effect.realm_changed);
    assert_eq!(effect.reached, Some(11));
}

#[test]
fn an_update_older_than_the_plan_changes_nothing() {
    let mut plan = plan();
    let effect = plan.apply(PlanUpdate::PersonGone { org: org(1), seq: 9, user: person(1, "", "").user });
    assert!(effect.before.is_empty());
    assert!(plan.person_by_extension(org(1), "101").is_some());
    plan.apply(snapshot(1, "acme.example", vec![]));
    assert!(plan.person_by_extension(org(1), "101").is_none(), "a snapshot of the same seq replaces");
}

#[test]
fn who_is_removed_leaves_nothing_behind() {
    let mut plan = plan();
    let effect = plan.apply(PlanUpdate::PersonGone { org: org(1), seq: 11, user: person(1, "", "").user });
    assert_eq!(effect.before.len(), 1);
    assert!(plan.person_by_extension(org(1), "101").is_none());
    assert!(plan.credential(org(1), "anna").is_none());
    assert_eq!(plan.organization_by_auth_name("anna"), None);
    plan.apply(PlanUpdate::Person { org: org(1), seq: 12, person: person(3, "101", "anna") });
    assert_eq!(plan.organizations.get(&org(1)).map(|o| o.auth_names().count()), Some(2));
}

#[test]
fn hashes_of_secrets_are_not_printed() {
    let text = format!("{:?}", person(1, "101", "anna"));
    assert!(!text.contains("ha1") && text.contains("anna"), "{text}");
}
