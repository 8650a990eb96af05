//! What somebody holds, and where: the union of their roles.

use std::collections::BTreeMap;

use crate::ids::SiteId;
use crate::permission::{Permission, PermissionSet, Reach};

/// Permissions in the whole of an organization, and further ones for the people of single sites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    whole: PermissionSet,
    /// Beside what is held in the whole.
    sites: BTreeMap<SiteId, PermissionSet>,
}

/// What comes with being a person or a fax line: everybody may give it, whatever they hold.
const EVERYBODYS: PermissionSet =
    PermissionSet::of(&[Permission::SelfEdit, Permission::FaxUse, Permission::ContactsRead]);

/// For whom a permission is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    Nobody,
    /// The people of these sites; never empty.
    Sites(Vec<SiteId>),
    Everybody,
}

/// A permission that somebody would need and does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lack {
    pub permission: Permission,
    /// Where; `None`: in the whole organization.
    pub site: Option<SiteId>,
}

impl Grants {
    /// Everything that there is: the operator's.
    pub fn all() -> Grants {
        let every = [Reach::Installation, Reach::Organization, Reach::Site, Reach::Own];
        Grants { whole: PermissionSet::all_of(&every), sites: BTreeMap::new() }
    }

    pub fn whole(permissions: PermissionSet) -> Grants {
        Grants { whole: permissions, sites: BTreeMap::new() }
    }

    /// Adds what a role gives: in the whole, or for the people of a site. What cannot be held for a site is
    /// not given there.
    pub fn add(&mut self, permissions: PermissionSet, site: Option<SiteId>) {
        let Some(site) = site else {
            self.whole = self.whole.with(permissions);
            return;
        };
        self.whole = self.whole.with(permissions.within(PermissionSet::all_of(&[Reach::Own])));
        let there = self.sites.entry(site).or_default();
        *there = there.with(permissions.within(PermissionSet::all_of(&[Reach::Site])));
    }

    pub fn union(mut self, other: &Grants) -> Grants {
        self.whole = self.whole.with(other.whole);
        for (site, permissions) in &other.sites {
            let there = self.sites.entry(*site).or_default();
            *there = there.with(*permissions);
        }
        self
    }

    pub fn extent(&self, permission: Permission) -> Extent {
        if self.whole.has(permission) {
            return Extent::Everybody;
        }
        let sites = self.sites.iter().filter(|(_, held)| held.has(permission)).map(|(site, _)| *site);
        let sites: Vec<SiteId> = sites.collect();
        if sites.is_empty() { Extent::Nobody } else { Extent::Sites(sites) }
    }

    /// In the whole organization.
    pub fn has(&self, permission: Permission) -> bool {
        self.whole.has(permission)
    }

    /// For the people of a site; `None`: of none, which only the whole reaches.
    pub fn has_at(&self, permission: Permission, site: Option<SiteId>) -> bool {
        let held = site.and_then(|site| self.sites.get(&site)).is_some_and(|held| held.has(permission));
        self.whole.has(permission) || held
    }

    /// Anywhere at all.
    pub fn has_somewhere(&self, permission: Permission) -> bool {
        self.extent(permission) != Extent::Nobody
    }

    /// Whether somebody may look after the organization, come what may: they hold everything that an
    /// organization can give, so that there is nothing that they could not give on. Of these there is always one.
    pub fn administers(&self) -> bool {
        let every = PermissionSet::all_of(&[Reach::Organization, Reach::Site, Reach::Own]);
        every.without(self.whole).is_empty()
    }

    /// What the other has and this has not: empty where this may give, take or stand in for it. What is
    /// everybody's is not looked at.
    pub fn lacks(&self, other: &Grants) -> Vec<Lack> {
        let own = self.whole.with(EVERYBODYS);
        let whole = other.whole.without(own).iter();
        let mut lacks: Vec<Lack> = whole.map(|permission| Lack { permission, site: None }).collect();
        for (site, permissions) in &other.sites {
            let held = self.sites.get(site).copied().unwrap_or_default().with(own);
            let missing = permissions.without(held).iter();
            lacks.extend(missing.map(|permission| Lack { permission, site: Some(*site) }));
        }
        lacks
    }

    pub fn in_whole(&self) -> PermissionSet {
        self.whole
    }

    pub fn at_sites(&self) -> impl Iterator<Item = (SiteId, PermissionSet)> {
        self.sites.iter().map(|(site, permissions)| (*site, *permissions))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HERE: SiteId = SiteId(Uuid::from_u128(1));
    const THERE: SiteId = SiteId(Uuid::from_u128(2));

    fn at(site: Option<SiteId>, permissions: &[Permission]) -> Grants {
        let mut grants = Grants::default();
        grants.add(PermissionSet::of(permissions), site);
        grants
    }

    #[test]
    fn a_role_for_a_site_gives_nothing_elsewhere_and_nothing_that_is_of_the_whole() {
        let here = at(Some(HERE), &[Permission::PeopleEdit, Permission::TokensEdit, Permission::SelfEdit]);
        assert!(here.has_at(Permission::PeopleEdit, Some(HERE)));
        assert!(
            !here.has_at(Permission::PeopleEdit, Some(THERE)) && !here.has_at(Permission::PeopleEdit, None)
        );
        assert!(!here.has(Permission::PeopleEdit) && here.has_somewhere(Permission::PeopleEdit));
        assert!(!here.has_somewhere(Permission::TokensEdit));
        assert!(here.has(Permission::SelfEdit));
        assert_eq!(here.extent(Permission::PeopleRead), Extent::Sites(vec![HERE]));
    }

    #[test]
    fn whoever_holds_something_for_a_site_lacks_it_for_another_and_for_the_whole() {
        let (here, whole) = (at(Some(HERE), &[Permission::PeopleEdit]), at(None, &[Permission::PeopleEdit]));
        assert_eq!(whole.lacks(&here), []);
        assert_eq!(here.lacks(&here), []);
        assert!(here.lacks(&whole).contains(&Lack { permission: Permission::PeopleEdit, site: None }));
        let there = at(Some(THERE), &[Permission::PeopleEdit]);
        assert!(here.lacks(&there).iter().all(|lack| lack.site == Some(THERE)));
        assert!(!here.lacks(&there).is_empty());
        let both = here.clone().union(&there);
        assert_eq!(both.lacks(&there), []);
        assert!(!both.lacks(&whole).is_empty(), "sites that are still to come are not among them");
        let plain = at(None, &[Permission::SelfEdit, Permission::ContactsRead]);
        assert_eq!(here.lacks(&plain), [], "what everybody has");
    }
}
