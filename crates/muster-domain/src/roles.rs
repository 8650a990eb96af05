//! Roles of an organization's own; the built-in ones are words of [`crate::permission`].

use crate::entity;
use crate::types::{Name, Text};

entity! {
    /// A named set of permissions, copied from a built-in role and then its own.
    pub struct Role(RoleId): Role {
        name: Name = Name::default() => Meta { label: "Name", required: true, key: Key::Folded, help: "What the role is called.", ..Meta::PLAIN };
        based_on: Option<Name> = None => Meta { label: "Copied from", edit: Edit::AtCreation,
            help: "The built-in role that it began as.", ..Meta::PLAIN };
        permissions: Vec<Name> = Vec::new() => Meta { label: "Permissions", help: "What it lets its holders do.", ..Meta::PLAIN };
        description: Option<Text> = None => Meta { label: "Description", help: "What it is for.", ..Meta::PLAIN };
    }
    check(_role) { Vec::new() }
}
