//! Who may do what. A role is a set of permissions; the use cases ask for permissions, never for roles.

use crate::organization::TokenRole;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Organizations themselves: the operator's.
    ManageOrganizations,
    /// Everything of an organization that holds no secret.
    Read,
    ManageOrganization,
    ManageUsers,
    ManageTokens,
    /// See a secret once when it is made.
    ResetCredentials,
    ExportSecrets,
    UndoChanges,
}

impl Permission {
    pub const ALL: &'static [Permission] = &[
        Permission::ManageOrganizations,
        Permission::Read,
        Permission::ManageOrganization,
        Permission::ManageUsers,
        Permission::ManageTokens,
        Permission::ResetCredentials,
        Permission::ExportSecrets,
        Permission::UndoChanges,
    ];

    pub fn word(self) -> &'static str {
        match self {
            Permission::ManageOrganizations => "manage_organizations",
            Permission::Read => "read",
            Permission::ManageOrganization => "manage_organization",
            Permission::ManageUsers => "manage_users",
            Permission::ManageTokens => "manage_tokens",
            Permission::ResetCredentials => "reset_credentials",
            Permission::ExportSecrets => "export_secrets",
            Permission::UndoChanges => "undo_changes",
        }
    }
}

pub fn permits(role: TokenRole, permission: Permission) -> bool {
    match role {
        TokenRole::Operator => true,
        TokenRole::Administrator => permission != Permission::ManageOrganizations,
        TokenRole::Reader => permission == Permission::Read,
    }
}
