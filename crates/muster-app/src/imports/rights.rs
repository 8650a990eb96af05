//! What whoever imports may make of a row: said of the row, before anything is written.

use muster_domain::permission::Permission;
use muster_domain::types::Name;
use muster_domain::user::{Service, User};
use muster_domain::value::FieldError;

use super::context::Context;

/// Roles as the file writes them become what is kept; and what may not be done is an error of its field.
pub(super) fn settle(
    user: &mut User,
    context: &Context,
    existing: Option<&User>,
    errors: &mut Vec<FieldError>,
) {
    let had = existing.map_or(&context.plain_roles, |before| &before.roles);
    if user.roles != *had {
        match context.roles.canonical(&user.roles, had) {
            Ok(roles) => user.roles = roles,
            Err(reason) => errors.push(FieldError::at("roles", reason)),
        }
    }
    let Some(grants) = context.by.grants() else { return };
    let gives: Vec<&Name> = user.roles.iter().filter(|role| !had.contains(role)).collect();
    if gives.iter().any(|role| !grants.lacks(&context.roles.grants([role.as_str()])).is_empty()) {
        let mend = "leave it out, or let somebody import it who holds as much";
        errors.push(FieldError::new("roles", "would give more than you hold yourself", mend));
    }
    let changed = user.roles != *had;
    let needed = [
        ("site", if existing.is_some() { Permission::PeopleEdit } else { Permission::PeopleCreate }, true),
        ("roles", Permission::RolesAssign, changed),
        (
            "service",
            Permission::PeopleActivate,
            user.service != existing.map_or(Service::ContactOnly, |before| before.service),
        ),
    ];
    for (field, permission, asked) in needed {
        let sites = [Some(user.site), existing.map(|before| before.site)];
        if asked && sites.into_iter().flatten().any(|site| !grants.has_at(permission, site)) {
            let reason = format!("needs the permission {permission}, which you do not hold there");
            errors.push(FieldError::new(field, reason, "leave the row out, or ask somebody who holds it"));
        }
    }
    if let Some(before) = existing
        && !grants.lacks(&context.roles.grants_of(&before.roles)).is_empty()
        && opens(user, before)
    {
        let reason = "is of somebody who holds more than you";
        errors.push(FieldError::new("roles", reason, "leave the row out, or ask somebody who holds as much"));
    }
}

/// By which somebody could be taken for, or what they may do is decided.
fn opens(user: &User, before: &User) -> bool {
    user.email != before.email
        || user.sip_secret != before.sip_secret
        || user.on_call_pin != before.on_call_pin
        || user.service != before.service
        || user.site != before.site
        || user.roles != before.roles
}
