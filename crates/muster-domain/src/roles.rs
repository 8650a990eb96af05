//! Roles: the built-in ones, an organization's own, and what those that somebody holds amount to.

use smol_str::{SmolStr, format_smolstr};
use uuid::Uuid;

use crate::entity;
use crate::field::EntityKind;
use crate::grants::Grants;
use crate::ids::SiteId;
use crate::organization::Site;
use crate::permission::Permission::{self, *};
use crate::permission::{PermissionSet, Reach};
use crate::types::{Name, Text, fold};
use crate::value::{FieldError, Reason, Value};

/// A role that every organization has, and nobody changes.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    pub word: &'static str,
    /// What a person reads.
    pub label: &'static str,
    pub help: &'static str,
    permissions: Permissions,
}

#[derive(Clone, Copy, Debug)]
enum Permissions {
    /// Everything that can be held there.
    Of(&'static [Reach]),
    These(&'static [Permission]),
}

pub const OPERATOR: &str = "operator";
pub const ADMINISTRATOR: &str = "administrator";
pub const READER: &str = "reader";
/// Everybody's who is given no other.
pub const USER: &str = "user";

/// In the order in which they are listed.
pub const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        word: OPERATOR,
        label: "Operator",
        help: "Runs the installation: everything, in every organization.",
        permissions: Permissions::Of(&[Reach::Installation, Reach::Organization, Reach::Site, Reach::Own]),
    },
    BuiltIn {
        word: ADMINISTRATOR,
        label: "Administrator",
        help: "Everything in one organization, buying included.",
        permissions: Permissions::Of(&[Reach::Organization, Reach::Site, Reach::Own]),
    },
    BuiltIn {
        word: "user_manager",
        label: "User manager",
        help: "Adds, changes, activates and removes people and gives them roles; asks others to buy.",
        permissions: Permissions::These(&[
            SelfEdit,
            ContactsRead,
            PeopleCreate,
            PeopleEdit,
            PeopleActivate,
            PeopleRemove,
            Import,
            Export,
            CredentialsReset,
            RecordsRead,
            EmergencyEdit,
            ChangesRead,
            RolesAssign,
            OrdersRequest,
            ChangesUndo,
            JobsCancel,
        ]),
    },
    BuiltIn {
        word: "billing",
        label: "Billing",
        help: "Sees what is paid for, buys, and approves what others want bought.",
        permissions: Permissions::These(&[
            SelfEdit,
            ContactsRead,
            PeopleRead,
            BillingBuy,
            OrdersRequest,
            OrdersApprove,
        ]),
    },
    BuiltIn {
        word: "phone_manager",
        label: "Phone manager",
        help: "Looks after connections, devices, numbers, groups, menus and emergency locations.",
        permissions: Permissions::These(&[
            SelfEdit,
            ContactsRead,
            PeopleRead,
            ConnectionsEdit,
            DevicesEdit,
            NumbersEdit,
            RecordsEdit,
            EmergencyEdit,
            ChangesRead,
            OrdersRequest,
            ChangesUndo,
            JobsCancel,
        ]),
    },
    BuiltIn {
        word: USER,
        label: "User",
        help: "A person with a phone: their own settings and the contact list.",
        permissions: Permissions::These(&[SelfEdit, ContactsRead]),
    },
    BuiltIn {
        word: "fax",
        label: "Fax",
        help: "A fax line: sends and receives faxes, and sees nobody.",
        permissions: Permissions::These(&[SelfEdit, FaxUse]),
    },
    BuiltIn {
        word: READER,
        label: "Reader",
        help: "Sees everything but secrets and tokens, and changes nothing.",
        permissions: Permissions::These(&[
            ContactsRead,
            PeopleRead,
            PhonesRead,
            RecordsRead,
            OrganizationRead,
            RolesRead,
            BillingRead,
            ChangesRead,
            JobsRead,
        ]),
    },
];

impl BuiltIn {
    /// By its word or its label, as a person writes it.
    pub fn find(text: &str) -> Option<&'static BuiltIn> {
        let word = fold(text).replace([' ', '-'], "_");
        BUILT_IN.iter().find(|role| role.word == word)
    }

    pub fn permissions(&self) -> PermissionSet {
        match self.permissions {
            Permissions::Of(reaches) => PermissionSet::all_of(reaches),
            Permissions::These(these) => PermissionSet::of(these),
        }
    }
}

/// A role's name is at most so long, so that an entry that names it and a site fits.
const NAME_CHARACTERS_MAX: usize = 64;

entity! {
    /// A named set of permissions, copied from a built-in role and then its own.
    pub struct Role(RoleId): Role {
        name: Name = Name::default() => Meta { label: "Name", required: true, edit: Edit::AtCreation, key: Key::Folded,
            help: "What the role is called; stays as it is, because people hold it by its name.", ..Meta::PLAIN };
        based_on: Option<Name> = None => Meta { label: "Copied from", edit: Edit::AtCreation,
            help: "The role that it began as.", ..Meta::PLAIN };
        permissions: Vec<Name> = Vec::new() => Meta { label: "Permissions", help: "What it lets its holders do.", ..Meta::PLAIN };
        description: Option<Text> = None => Meta { label: "Description", help: "What it is for.", ..Meta::PLAIN };
    }
    check(role) { check_role(role) }
}

fn check_role(role: &Role) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let name = role.name.as_str();
    if BuiltIn::find(name).is_some() {
        errors.push(FieldError::new("name", "is that of a built-in role", "choose another name"));
    }
    if name.contains(['@', ',', ';']) || Uuid::parse_str(name).is_ok() {
        let mend =
            "leave @, comma and semicolon out: they separate roles and sites where several are written";
        errors.push(FieldError::new("name", "cannot be a role's name", mend));
    }
    if name.chars().count() > NAME_CHARACTERS_MAX {
        let reason = format!("is longer than {NAME_CHARACTERS_MAX} characters");
        errors.push(FieldError::new("name", reason, "shorten it"));
    }
    for word in &role.permissions {
        let reason = match Permission::from_word(word.as_str()) {
            None => "is no permission",
            Some(permission) if permission.reach() == Reach::Installation => "is the operator's alone",
            Some(_) => continue,
        };
        let mend = "give permissions of the catalogue: muster role permissions";
        errors.push(FieldError::new("permissions", format!("`{word}` {reason}"), mend));
    }
    errors
}

impl Role {
    pub fn set(&self) -> PermissionSet {
        self.permissions.iter().filter_map(|word| Permission::from_word(word.as_str())).collect()
    }
}

/// One entry of somebody's roles: a role, for the whole organization or for the people of a site. Written
/// `user_manager`, or `user_manager@` and the site's id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeldRole {
    /// The word of a built-in role, or the name of one of the organization's own.
    pub role: SmolStr,
    pub site: Option<SiteId>,
}

impl HeldRole {
    pub fn whole(role: &str) -> HeldRole {
        HeldRole { role: role.into(), site: None }
    }

    /// An entry as it is kept. What is not well formed is a role that nobody knows.
    pub fn parse(entry: &str) -> HeldRole {
        let scoped = entry.rsplit_once('@').and_then(|(role, site)| Some((role, site.parse().ok()?)));
        match scoped {
            Some((role, site)) => HeldRole { role: role.into(), site: Some(site) },
            None => HeldRole::whole(entry),
        }
    }
}

impl std::fmt::Display for HeldRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.role)?;
        self.site.map_or(Ok(()), |site| write!(f, "@{site}"))
    }
}

/// What roles an organization knows: the built-in ones and its own, and the sites they can be held for.
#[derive(Clone, Debug, Default)]
pub struct RoleBook {
    own: Vec<Role>,
    sites: Vec<(SiteId, Name)>,
    of_operator: bool,
}

impl RoleBook {
    /// `of_operator`: it is the operator's organization, where the role of that name can be held.
    pub fn new(own: Vec<Role>, sites: &[Site], of_operator: bool) -> RoleBook {
        RoleBook { own, sites: sites.iter().map(|s| (s.id, s.name.clone())).collect(), of_operator }
    }

    pub fn own(&self) -> &[Role] {
        &self.own
    }

    pub fn of_operator(&self) -> bool {
        self.of_operator
    }

    /// The role of this name, as entries have it.
    fn named(&self, text: &str) -> Option<SmolStr> {
        if let Some(built_in) = BuiltIn::find(text) {
            return Some(built_in.word.into()).filter(|word: &SmolStr| word != OPERATOR || self.of_operator);
        }
        let id = Uuid::parse_str(text.trim()).ok();
        let key = fold(text);
        let own = self.own.iter().find(|role| Some(role.id.0) == id || fold(role.name.as_str()) == key);
        own.map(|role| role.name.to_smol())
    }

    /// What a role lets its holders do; nothing if it is not there.
    pub fn permissions(&self, role: &str) -> Option<PermissionSet> {
        match BuiltIn::find(role).filter(|built_in| built_in.word == role) {
            Some(built_in) if built_in.word == OPERATOR && !self.of_operator => None,
            Some(built_in) => Some(built_in.permissions()),
            None => self.own.iter().find(|own| own.name.as_str() == role).map(Role::set),
        }
    }

    /// An entry as a person or a file writes it: `User manager`, `night desk@Leeds`.
    pub fn resolve(&self, text: &str) -> Result<HeldRole, Reason> {
        let (role, site) = match text.rsplit_once('@') {
            Some((role, site)) => (role, Some(site.trim())),
            None => (text, None),
        };
        let role = self.named(role.trim()).ok_or_else(|| {
            Reason::new(format!("`{text:.80}` is no role of this organization"), self.choices())
        })?;
        let site = site.map(|site| self.site(site)).transpose()?;
        Ok(HeldRole { role, site })
    }

    fn site(&self, text: &str) -> Result<SiteId, Reason> {
        let (id, key) = (text.parse::<SiteId>().ok(), fold(text));
        let found = self.sites.iter().find(|(site, name)| Some(*site) == id || fold(name.as_str()) == key);
        found.map(|(site, _)| *site).ok_or_else(|| {
            let names: Vec<&str> = self.sites.iter().take(10).map(|(_, name)| name.as_str()).collect();
            Reason::new(
                format!("`{text:.80}` after the @ is no site of this organization"),
                format!("name one of: {}", names.join(", ")),
            )
        })
    }

    fn choices(&self) -> String {
        let built_in = BUILT_IN.iter().map(|role| role.word).filter(|w| *w != OPERATOR || self.of_operator);
        let own = self.own.iter().take(20).map(|role| role.name.as_str());
        format!("write one of: {}", built_in.chain(own).collect::<Vec<_>>().join(", "))
    }

    /// Entries as people and files write them, as they are kept: each once. Those that were there before stay
    /// as they are, whatever became of the role.
    pub fn canonical(&self, entries: &[Name], before: &[Name]) -> Result<Vec<Name>, Reason> {
        let mut canonical: Vec<Name> = Vec::with_capacity(entries.len());
        for entry in entries {
            let entry = match before.contains(entry) {
                true => entry.clone(),
                false => Name::parse(&self.resolve(entry.as_str())?.to_string())?,
            };
            if !canonical.contains(&entry) {
                canonical.push(entry);
            }
        }
        Ok(canonical)
    }

    /// An entry as a file of people has it: with the site's name.
    pub fn spelled(&self, entry: &str) -> SmolStr {
        let held = HeldRole::parse(entry);
        let name = self.sites.iter().find(|(site, _)| Some(*site) == held.site).map(|(_, name)| name);
        name.map_or_else(|| entry.into(), |name| format_smolstr!("{}@{name}", held.role))
    }

    /// What these entries let somebody do together. Roles that are not there give nothing.
    pub fn grants<'e>(&self, entries: impl IntoIterator<Item = &'e str>) -> Grants {
        let mut grants = Grants::default();
        for held in entries.into_iter().map(HeldRole::parse) {
            if let Some(permissions) = self.permissions(&held.role) {
                grants.add(permissions, held.site);
            }
        }
        grants
    }

    pub fn grants_of(&self, roles: &[Name]) -> Grants {
        self.grants(roles.iter().map(Name::as_str))
    }
}

/// The entries of a field that holds roles: a list, or a text with commas.
pub fn entries_in(value: &Value) -> Vec<SmolStr> {
    match value {
        Value::List(entries) => entries.clone(),
        Value::Text(text) => text.split(',').map(|entry| SmolStr::new(entry.trim())).collect(),
        _ => Vec::new(),
    }
}

/// The fields whose entries name roles.
pub fn field_of_roles(kind: EntityKind) -> Option<&'static str> {
    match kind {
        EntityKind::User => Some("roles"),
        EntityKind::Token => Some("role"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Entity;
    use crate::ids::OrgId;

    const ORG: OrgId = OrgId(Uuid::from_u128(1));
    const LEEDS: Uuid = Uuid::from_u128(7);

    fn names(texts: &[&str]) -> Vec<Name> {
        texts.iter().map(|text| Name::parse(text).unwrap_or_default()).collect()
    }

    fn book(of_operator: bool) -> RoleBook {
        let mut site = Site::blank(ORG, LEEDS);
        site.name = Name::parse("Leeds").unwrap_or_default();
        let mut role = Role::blank(ORG, Uuid::from_u128(9));
        role.name = Name::parse("Night desk").unwrap_or_default();
        role.permissions = names(&["people.edit", "gone.long_ago"]);
        RoleBook::new(vec![role], &[site], of_operator)
    }

    #[test]
    fn roles_are_known_however_they_are_written_and_kept_in_one_way() {
        let (book, at_leeds) = (book(false), format!("Night desk@{LEEDS}"));
        let check = |text: &str, kept: Result<&str, &str>| match (book.resolve(text), kept) {
            (Ok(held), Ok(kept)) => assert_eq!(held.to_string(), kept, "{text}"),
            (Err(reason), Err(why)) => assert!(reason.reason.contains(why), "{text}: {}", reason.reason),
            (found, _) => panic!("{text}: {found:?}"),
        };
        check("User manager", Ok("user_manager"));
        check(" user-manager ", Ok("user_manager"));
        check("night DESK @ leeds", Ok(&at_leeds));
        check(&format!("{}@{LEEDS}", Uuid::from_u128(9)), Ok(&at_leeds));
        check("operator", Err("no role"));
        check("boss", Err("no role"));
        check("reader@York", Err("no site"));
        check("reader@", Err("no site"));
        assert_eq!(book.spelled(&at_leeds), "Night desk@Leeds");
        assert_eq!(HeldRole::parse(&at_leeds).site, Some(SiteId(LEEDS)));
        let kept = book.canonical(&names(&["boss", "reader", "Reader"]), &names(&["boss"]));
        assert_eq!(kept, Ok(names(&["boss", "reader"])), "what was there stays");
    }

    #[test]
    fn what_somebody_holds_is_what_their_roles_give_together() {
        let held =
            book(false).grants_of(&names(&["user", &format!("Night desk@{LEEDS}"), "boss", "operator"]));
        assert!(held.has(Permission::ContactsRead) && !held.has(Permission::PeopleEdit));
        assert!(held.has_at(Permission::PeopleEdit, Some(SiteId(LEEDS))));
        assert!(!held.has(Permission::OrganizationsManage), "of no other organization");
        assert_eq!(book(true).grants_of(&names(&["operator"])), Grants::all());
        assert!(book(false).grants_of(&names(&["administrator"])).administers());
        for role in BUILT_IN.iter().filter(|role| role.word != ADMINISTRATOR) {
            assert!(!book(false).grants_of(&names(&[role.word])).administers(), "{}", role.word);
        }
    }

    #[test]
    fn nobody_but_the_operator_holds_what_reaches_the_installation() {
        let beyond = PermissionSet::all_of(&[Reach::Installation]);
        for role in BUILT_IN.iter().filter(|role| role.word != OPERATOR) {
            assert!(role.permissions().within(beyond).is_empty(), "{}", role.word);
        }
    }
}
