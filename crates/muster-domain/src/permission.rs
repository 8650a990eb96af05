//! The catalogue of permissions: who may do what is asked for by these, never by the name of a role.
//!
//! Which role has which is [`crate::roles`]'s; what somebody holds, and where, is [`crate::grants`]'s.

use crate::field::EntityKind;

/// Where a permission can be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// In the operator's own organization, and from there in all: no organization can give it.
    Installation,
    /// In the whole of an organization, or not at all.
    Organization,
    /// In the whole of an organization, or for the people of some of its sites.
    Site,
    /// About oneself: where one's site is makes no difference.
    Own,
}

impl Reach {
    pub fn word(self) -> &'static str {
        match self {
            Reach::Installation => "installation",
            Reach::Organization => "organization",
            Reach::Site => "site",
            Reach::Own => "own",
        }
    }
}

macro_rules! permissions {
    ($($variant:ident $word:literal $reach:ident $help:literal,)*) => {
        /// What can be allowed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission { $($variant,)* }

        impl Permission {
            pub const ALL: &'static [Permission] = &[$(Permission::$variant,)*];

            /// What it is called in roles, answers and files.
            pub const fn word(self) -> &'static str {
                match self { $(Permission::$variant => $word,)* }
            }

            /// What it allows, in a line.
            pub const fn help(self) -> &'static str {
                match self { $(Permission::$variant => $help,)* }
            }

            pub const fn reach(self) -> Reach {
                match self { $(Permission::$variant => Reach::$reach,)* }
            }
        }
    };
}

permissions! {
    SelfEdit "self.edit" Own "See and change one's own settings: forwarding, devices, greetings, emergency location.",
    FaxUse "fax.use" Own "Send and receive faxes.",
    ContactsRead "contacts.read" Site "See the contact list with presence.",
    PeopleRead "people.read" Site "See people, all they carry, and their history.",
    PeopleCreate "people.create" Site "Add people.",
    PeopleEdit "people.edit" Site "Change people, and give them numbers and devices that are there.",
    PeopleActivate "people.activate" Site "Activate, invite, disable and deactivate people; who is activated is paid for.",
    PeopleRemove "people.remove" Site "Remove people, and restore them from the trash.",
    PeoplePurge "people.purge" Site "Erase people in the trash for good.",
    Import "import" Site "Bring people in from files; needs what the rows do as well.",
    Export "export" Site "Write people to a file, without passwords.",
    CredentialsReset "credentials.reset" Site "Make new SIP secrets, PINs and passwords, and see them once.",
    SecretsExport "secrets.export" Organization "Write people to a file with their passwords and PINs.",
    PhonesRead "phones.read" Site "See devices, mailboxes, numbers and what is registered.",
    DevicesEdit "devices.edit" Site "Record and assign devices with credentials of their own, and sign phones off.",
    NumbersEdit "numbers.edit" Organization "Record phone numbers and what they are for.",
    RecordsRead "records.read" Site "See groups, menus, fax accounts, senders, schedules, addresses and tags.",
    RecordsEdit "records.edit" Organization "Make and change groups, menus, mailboxes, fax accounts, SMS senders and on-call schedules.",
    EmergencyEdit "emergency.edit" Organization "Make and change emergency locations.",
    OrganizationRead "organization.read" Site "See the organization, its sites and connections.",
    OrganizationEdit "organization.edit" Organization "Change the organization, its addresses and tags.",
    SitesEdit "sites.edit" Organization "Make, change and remove sites.",
    ConnectionsEdit "connections.edit" Organization "Make and change connections: how phones are served.",
    RolesRead "roles.read" Site "See roles, and who holds them.",
    RolesEdit "roles.edit" Organization "Make, change and remove roles.",
    RolesAssign "roles.assign" Site "Give roles to people and take them away, up to what one holds oneself.",
    BillingRead "billing.read" Organization "See who is counted, prices, orders and invoices.",
    BillingBuy "billing.buy" Organization "Confirm what costs money.",
    OrdersRequest "orders.request" Organization "Draw up orders; without the permission to buy they await approval.",
    OrdersApprove "orders.approve" Organization "Approve or refuse what others want bought.",
    TokensEdit "tokens.edit" Organization "Make, list and take back bearer tokens, up to what one holds oneself.",
    ChangesRead "changes.read" Organization "Read and verify the change log, and follow it live.",
    ChangesUndo "changes.undo" Organization "Take changes back and go back to a moment, as far as one may make these changes.",
    JobsRead "jobs.read" Site "See long work and its results; for a site, one's own.",
    JobsCancel "jobs.cancel" Site "Stop long work; for a site, one's own.",
    OrganizationsManage "organizations" Installation "Make organizations, and enter all of them.",
    PeopleFreeze "people.freeze" Installation "Freeze and thaw people: fraud, debt.",
    CatalogueEdit "catalogue.edit" Installation "Subscriptions, prices, and the stock of numbers and phones.",
    MailEdit "mail.edit" Installation "How mail leaves the installation.",
    Backups "backups" Installation "Back the whole installation up.",
}

impl Permission {
    pub fn from_word(word: &str) -> Option<Permission> {
        Self::ALL.iter().copied().find(|permission| permission.word() == word)
    }

    /// What comes with it: nobody changes what they cannot see.
    pub const fn includes(self) -> &'static [Permission] {
        use Permission::*;
        match self {
            PeopleCreate | PeopleEdit | PeopleActivate | PeopleRemove | PeoplePurge | Import | Export
            | CredentialsReset => &[PeopleRead, PhonesRead, OrganizationRead, JobsRead],
            SecretsExport => &[Export, PeopleRead, PhonesRead, OrganizationRead, JobsRead],
            PeopleRead | OrganizationEdit | SitesEdit | ConnectionsEdit => &[OrganizationRead],
            DevicesEdit | NumbersEdit => &[PhonesRead],
            RecordsEdit | EmergencyEdit => &[RecordsRead],
            RolesEdit | RolesAssign => &[RolesRead, OrganizationRead],
            BillingBuy | OrdersApprove => &[BillingRead],
            ChangesUndo => &[ChangesRead],
            JobsCancel => &[JobsRead],
            _ => &[],
        }
    }

    /// What seeing a kind of thing needs.
    pub fn to_read(kind: EntityKind) -> Permission {
        match kind {
            EntityKind::User | EntityKind::SignIn | EntityKind::Invite => Permission::PeopleRead,
            EntityKind::MailServer => Permission::MailEdit,
            EntityKind::Device
            | EntityKind::Mailbox
            | EntityKind::PhoneNumber
            | EntityKind::UnassignedExtension
            | EntityKind::PortOrder => Permission::PhonesRead,
            EntityKind::Organization | EntityKind::Site | EntityKind::Connection => {
                Permission::OrganizationRead
            }
            EntityKind::Role => Permission::RolesRead,
            EntityKind::Token => Permission::TokensEdit,
            EntityKind::Subscription
            | EntityKind::PhoneModel
            | EntityKind::StockNumber
            | EntityKind::Order
            | EntityKind::OrderItem
            | EntityKind::Licence
            | EntityKind::Invoice => Permission::BillingRead,
            _ => Permission::RecordsRead,
        }
    }

    /// What making, changing and removing a kind of thing needs, where nothing particular of it is meant.
    pub fn to_write(kind: EntityKind) -> Permission {
        match kind {
            EntityKind::User | EntityKind::Mailbox => Permission::PeopleEdit,
            EntityKind::Device => Permission::DevicesEdit,
            EntityKind::SignIn => Permission::CredentialsReset,
            EntityKind::Invite => Permission::PeopleActivate,
            EntityKind::MailServer => Permission::MailEdit,
            EntityKind::PhoneNumber | EntityKind::UnassignedExtension | EntityKind::PortOrder => {
                Permission::NumbersEdit
            }
            EntityKind::Subscription
            | EntityKind::PhoneModel
            | EntityKind::StockNumber
            | EntityKind::Invoice => Permission::CatalogueEdit,
            EntityKind::Order | EntityKind::OrderItem => Permission::OrdersRequest,
            EntityKind::Licence => Permission::BillingBuy,
            EntityKind::Role => Permission::RolesEdit,
            EntityKind::Token => Permission::TokensEdit,
            EntityKind::Site => Permission::SitesEdit,
            EntityKind::Connection => Permission::ConnectionsEdit,
            EntityKind::EmergencyLocation => Permission::EmergencyEdit,
            EntityKind::Group
            | EntityKind::Menu
            | EntityKind::FaxAccount
            | EntityKind::SmsSender
            | EntityKind::OnCallSchedule => Permission::RecordsEdit,
            _ => Permission::OrganizationEdit,
        }
    }
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Some permissions: a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PermissionSet(u64);

impl PermissionSet {
    pub const NONE: PermissionSet = PermissionSet(0);

    /// These, and what comes with them.
    pub const fn of(permissions: &[Permission]) -> PermissionSet {
        let mut set = PermissionSet(0);
        let mut at = 0;
        while at < permissions.len() {
            set.0 |= 1 << permissions[at] as u64;
            let included = permissions[at].includes();
            let mut of = 0;
            while of < included.len() {
                set.0 |= 1 << included[of] as u64;
                of += 1;
            }
            at += 1;
        }
        set
    }

    pub fn all_of(reaches: &[Reach]) -> PermissionSet {
        Permission::ALL.iter().filter(|p| reaches.contains(&p.reach())).copied().collect()
    }

    pub fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u64) != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn with(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 | other.0)
    }

    pub fn without(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & !other.0)
    }

    pub fn within(self, other: PermissionSet) -> PermissionSet {
        PermissionSet(self.0 & other.0)
    }

    /// In the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<T: IntoIterator<Item = Permission>>(permissions: T) -> PermissionSet {
        permissions.into_iter().fold(PermissionSet::NONE, |set, one| set.with(PermissionSet::of(&[one])))
    }
}

// A bit for each.
const _: () = assert!(Permission::ALL.len() <= 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_has_a_word_of_its_own_and_says_what_it_allows() {
        let words: std::collections::BTreeSet<&str> = Permission::ALL.iter().map(|p| p.word()).collect();
        assert_eq!(words.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(Permission::from_word(permission.word()), Some(*permission));
            assert!(permission.help().ends_with('.') && permission.help().len() < 120, "{permission}");
        }
    }

    #[test]
    fn what_comes_with_a_permission_can_be_held_wherever_that_can() {
        for permission in Permission::ALL {
            for included in permission.includes() {
                assert!(included.reach() >= permission.reach(), "{permission} includes {included}");
                let further = PermissionSet::of(included.includes());
                assert_eq!(
                    further.without(PermissionSet::of(&[*permission])),
                    PermissionSet::NONE,
                    "{permission}"
                );
            }
        }
    }
}
