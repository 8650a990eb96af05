//! Which permissions a change needs, by the kind of thing and by what of it changes.

use muster_domain::change::{EntityChange, Op};
use muster_domain::field::EntityKind;
use muster_domain::permission::Permission;
use muster_domain::permission::Permission::*;
use muster_domain::roles::USER;
use muster_domain::user::Service;
use muster_store::AnyEntity;

/// Of each of these at least one.
pub(super) type Needs = Vec<&'static [Permission]>;

/// The field that names the person whom a thing belongs to, and by whose site it is judged.
pub(super) fn subjects(kind: EntityKind) -> Option<&'static str> {
    match kind {
        EntityKind::Device
        | EntityKind::PhoneNumber
        | EntityKind::UnassignedExtension
        | EntityKind::PortOrder
        | EntityKind::SignIn
        | EntityKind::Invite => Some("user"),
        EntityKind::Mailbox => Some("owner"),
        _ => None,
    }
}

pub(super) fn needs(before: Option<&AnyEntity>, after: Option<&AnyEntity>, c: &EntityChange) -> Needs {
    let mut needs: Needs = match c.kind {
        EntityKind::User => of_user(before, after, c),
        EntityKind::Mailbox => match c.op {
            Op::Create => vec![&[PeopleCreate, PeopleEdit, RecordsEdit]],
            Op::Remove => vec![&[PeopleRemove, PeopleEdit, RecordsEdit]],
            Op::Update => fields(c, |field| match field {
                "voicemail_pin" => &[CredentialsReset],
                _ => &[PeopleEdit, PeopleRemove, RecordsEdit],
            }),
        },
        EntityKind::Device => of_device(c),
        // Whose number it is goes with the person; which numbers there are does not.
        EntityKind::PhoneNumber => vec![&[NumbersEdit, PeopleCreate, PeopleEdit, PeopleRemove]],
        EntityKind::Organization => of_organization(c),
        EntityKind::Site if c.op == Op::Update => fields(c, |field| match field {
            "emergency_location" | "emergency_policy" | "emergency_numbers" => &[SitesEdit, EmergencyEdit],
            _ => &[SitesEdit],
        }),
        EntityKind::Site => vec![&[SitesEdit]],
        EntityKind::Connection => vec![&[ConnectionsEdit]],
        EntityKind::SignIn => match c.op {
            Op::Create => vec![&[CredentialsReset, PeopleCreate]],
            Op::Remove => vec![&[PeopleRemove]],
            Op::Update => vec![&[CredentialsReset]],
        },
        // It ends with whatever ends its use.
        EntityKind::Invite => match c.op {
            Op::Create => vec![&[PeopleActivate]],
            Op::Update | Op::Remove => vec![&[PeopleActivate, PeopleRemove, CredentialsReset]],
        },
        EntityKind::MailServer => vec![&[MailEdit]],
        EntityKind::ShippingAddress => vec![&[OrganizationEdit, OrdersRequest]],
        EntityKind::EmergencyLocation => vec![&[EmergencyEdit]],
        EntityKind::Subscription | EntityKind::PhoneModel | EntityKind::StockNumber | EntityKind::Invoice => {
            vec![&[CatalogueEdit]]
        }
        EntityKind::Order | EntityKind::OrderItem => {
            vec![&[OrdersRequest, OrdersApprove, BillingBuy, CatalogueEdit]]
        }
        EntityKind::Licence => vec![&[BillingBuy, OrdersApprove, CatalogueEdit]],
        EntityKind::UnassignedExtension | EntityKind::PortOrder => vec![&[NumbersEdit]],
        EntityKind::Role => vec![&[RolesEdit]],
        EntityKind::Token => vec![&[TokensEdit]],
        EntityKind::Group
        | EntityKind::Menu
        | EntityKind::FaxAccount
        | EntityKind::SmsSender
        | EntityKind::OnCallSchedule => vec![&[RecordsEdit]],
        _ => vec![&[OrganizationEdit]],
    };
    needs.sort_unstable();
    needs.dedup();
    needs
}

fn of_organization(c: &EntityChange) -> Needs {
    match c.op {
        Op::Create | Op::Remove => vec![&[OrganizationsManage]],
        Op::Update => fields(c, |field| match field {
            "secrets_exported_at" => &[SecretsExport],
            "backed_up_at" => &[Backups],
            "emergency_policy" => &[OrganizationEdit, EmergencyEdit],
            _ => &[OrganizationEdit],
        }),
    }
}

fn of_device(c: &EntityChange) -> Needs {
    match c.op {
        Op::Create => vec![&[DevicesEdit, CredentialsReset, PeopleCreate, PeopleEdit]],
        Op::Remove => vec![&[DevicesEdit, PeopleRemove]],
        Op::Update => fields(c, |field| match field {
            "sip_secret" | "auth_name" => &[CredentialsReset, DevicesEdit],
            _ => &[DevicesEdit, PeopleEdit],
        }),
    }
}

fn of_user(before: Option<&AnyEntity>, after: Option<&AnyEntity>, c: &EntityChange) -> Needs {
    let (before, after) = (before.and_then(AnyEntity::as_user), after.and_then(AnyEntity::as_user));
    let enabled = after.is_some_and(|user| user.service == Service::Enabled);
    match (c.op, after) {
        (Op::Remove, _) | (Op::Create, None) => vec![&[PeopleRemove]],
        (Op::Create, Some(user)) => {
            let mut needs: Needs = vec![&[PeopleCreate]];
            if user.service != Service::ContactOnly {
                needs.push(&[PeopleActivate]);
            }
            if user.roles.iter().any(|role| role.as_str() != USER) {
                needs.push(&[RolesAssign]);
            }
            needs
        }
        (Op::Update, _) => {
            let has_secret = before.is_some_and(|user| user.sip_secret.is_some());
            fields(c, |field| match field {
                "record" => &[PeopleRemove],
                "service" | "disabled_reason" | "disabled_comment" | "disabled_until" | "setup_wizard" => {
                    &[PeopleActivate]
                }
                // Whoever is activated gets a first one.
                "sip_secret" if !has_secret && enabled => &[PeopleActivate, CredentialsReset],
                "sip_secret" | "on_call_pin" => &[CredentialsReset],
                "roles" => &[RolesAssign],
                // The mailbox comes with the person.
                "mailbox" => &[PeopleEdit, PeopleCreate, PeopleRemove],
                _ => &[PeopleEdit],
            })
        }
    }
}

fn fields(c: &EntityChange, needed: impl Fn(&str) -> &'static [Permission]) -> Needs {
    c.fields.iter().map(|change| needed(change.field)).collect()
}
