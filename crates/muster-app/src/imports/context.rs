//! What of the organization an import needs to know: its sites and connections by name.

use std::collections::HashMap;

use muster_domain::field::Entity;
use muster_domain::ids::{ConnectionId, OrgId, SiteId};
use muster_domain::organization::{Connection, Site};
use muster_domain::permission::Permission;
use muster_domain::roles::RoleBook;
use muster_domain::types::{Country, Name, fold};
use muster_domain::user::User;
use muster_store::Reader;
use uuid::Uuid;

use super::options::ImportOptions;
use crate::AppError;
use crate::apply::{By, has_sms_sender};

pub(super) struct Context {
    pub org: OrgId,
    country: Option<Country>,
    sites: HashMap<String, SiteId>,
    all_sites: HashMap<SiteId, Site>,
    default_site: Option<SiteId>,
    connections: HashMap<String, ConnectionId>,
    /// What may be written for a connection, for whoever wrote something else.
    choices: String,
    default_connection: Option<ConnectionId>,
    all_connections: Vec<Connection>,
    create_sites: bool,
    pub has_sms_sender: bool,
    pub roles: RoleBook,
    /// What everybody new holds who is given no other.
    pub plain_roles: Vec<Name>,
    /// Who imports.
    pub by: By,
    /// Sites that rows name and that are not there: made with the import, if that was allowed.
    pub new_sites: Vec<Site>,
}

impl Context {
    pub fn load(r: &mut Reader, org: OrgId, options: &ImportOptions, by: By) -> Result<Context, AppError> {
        let all_sites = r.all::<Site>(org)?;
        let all_connections = r.all::<Connection>(org)?;
        let sites: HashMap<String, SiteId> =
            all_sites.iter().map(|s| (fold(s.name.as_str()), s.id)).collect();
        let connections = by_name_or_kind(&all_connections);
        let choices = choices(&all_connections);
        let default_site = match &options.site {
            None => {
                let is_own = |site: &&Site| {
                    by.grants().is_none_or(|grants| grants.has_at(Permission::PeopleCreate, Some(site.id)))
                };
                all_sites.iter().find(is_own).or(all_sites.first()).map(|s| s.id)
            }
            Some(name) => Some(*sites.get(&fold(name)).ok_or_else(|| {
                AppError::invalid(
                    "site",
                    format!("`{name}` is not a site"),
                    format!("name one of: {}", listed(all_sites.iter().map(|s| s.name.as_str()))),
                )
            })?),
        };
        let default_connection = match &options.connection {
            None => all_connections.first().map(|c| c.id),
            Some(name) => Some(*connections.get(&fold(name)).ok_or_else(|| {
                AppError::invalid("connection", format!("`{name}` is not a connection"), choices.as_str())
            })?),
        };
        let organization = r.organization(org)?;
        Ok(Context {
            org,
            country: organization.and_then(|organization| organization.country),
            sites,
            all_sites: all_sites.into_iter().map(|site| (site.id, site)).collect(),
            default_site,
            connections,
            choices,
            default_connection,
            all_connections,
            create_sites: options.create_sites,
            has_sms_sender: has_sms_sender(r, org)?,
            roles: crate::roles::role_book(r, org)?,
            plain_roles: User::blank(org, Uuid::nil()).roles,
            by,
            new_sites: Vec::new(),
        })
    }

    pub fn default_site(&self) -> Option<SiteId> {
        self.default_site
    }

    /// A site that was there before the import.
    pub fn known_site(&self, id: Option<SiteId>) -> Option<&Site> {
        id.and_then(|id| self.all_sites.get(&id))
    }

    /// Where a row's person would be: the country of the site that it names, else that of `site`, else the
    /// organization's.
    pub fn country(&self, site_name: Option<&str>, site: Option<SiteId>) -> Option<&str> {
        let named = site_name.and_then(|name| self.sites.get(&fold(name)).copied());
        let of_site = self.known_site(named.or(site)).and_then(|site| site.country.as_ref());
        of_site.or(self.country.as_ref()).map(Country::as_str)
    }

    pub fn default_connection(&self) -> Option<ConnectionId> {
        self.default_connection
    }

    pub fn connections(&self) -> &[Connection] {
        &self.all_connections
    }

    pub fn connection(&self, name: &str) -> Option<ConnectionId> {
        self.connections.get(&fold(name)).copied()
    }

    /// What to write for a connection, as a mend.
    pub fn connection_choices(&self) -> &str {
        &self.choices
    }

    /// The name of a site, be it one that is made with the import.
    pub fn site_name(&self, id: Option<SiteId>) -> Option<&str> {
        let made = || self.new_sites.iter().find(|site| Some(site.id) == id);
        self.known_site(id).or_else(made).map(|site| site.name.as_str())
    }

    /// The site of that name; one that is not there yet is noted to be made, if that was allowed.
    pub fn site(&mut self, name: &str) -> Option<SiteId> {
        let key = fold(name);
        if let Some(id) = self.sites.get(&key) {
            return Some(*id);
        }
        let checked = Name::parse(name).ok().filter(|_| self.create_sites)?;
        let mut site = Site::blank(self.org, Uuid::now_v7());
        site.name = checked;
        self.sites.insert(key, site.id);
        self.new_sites.push(site);
        self.new_sites.last().map(|s| s.id)
    }
}

/// Names that a message lists at most.
const LISTED_MAX: usize = 10;

/// A connection by its name, and by its kind's word where it is the only one of that kind. A name wins.
fn by_name_or_kind(all: &[Connection]) -> HashMap<String, ConnectionId> {
    let only = |c: &&Connection| all.iter().filter(|other| other.kind == c.kind).count() == 1;
    let kinds = all.iter().filter(only).map(|c| (c.kind.word().to_string(), c.id));
    let names = all.iter().map(|c| (fold(c.name.as_str()), c.id));
    kinds.chain(names).collect()
}

fn choices(all: &[Connection]) -> String {
    format!("name one of: {}", listed(all.iter().map(|c| c.name.as_str())))
}

fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<&str> = names.take(LISTED_MAX + 1).collect();
    let more = if names.len() > LISTED_MAX { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(LISTED_MAX)].join(", "))
}

#[cfg(test)]
mod tests {
    use muster_domain::organization::ConnectionKind;

    use super::*;

    fn connection(n: u128, name: &str, kind: ConnectionKind) -> Connection {
        let mut connection = Connection::blank(OrgId(Uuid::nil()), Uuid::from_u128(n));
        (connection.name, connection.kind) = (Name::parse(name).unwrap(), kind);
        connection
    }

    #[test]
    fn a_connection_goes_by_its_name_and_by_its_kind_where_it_is_the_only_one_of_it() {
        let all = [
            connection(1, "Built-in", ConnectionKind::Builtin),
            connection(2, "Leeds", ConnectionKind::Sip),
            connection(3, "York", ConnectionKind::Sip),
            connection(4, "builtin", ConnectionKind::Asterisk),
        ];
        let named = by_name_or_kind(&all[..3]);
        let id = |name: &str| named.get(name).map(|id| id.0.as_u128());
        assert_eq!([id("built-in"), id("builtin"), id("sip"), id("york")], [Some(1), Some(1), None, Some(3)]);
        let clash = by_name_or_kind(&all);
        assert_eq!(clash.get("builtin").map(|id| id.0.as_u128()), Some(4), "a name wins");
        assert_eq!(choices(&all), "name one of: Built-in, Leeds, York, builtin");
    }
}
