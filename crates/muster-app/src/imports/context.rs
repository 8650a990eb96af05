//! What of the organization an import needs to know: its sites and connections by name.

use std::collections::HashMap;

use muster_domain::field::Entity;
use muster_domain::ids::{ConnectionId, OrgId, SiteId};
use muster_domain::organization::{Connection, Site};
use muster_domain::types::{Name, fold};
use muster_store::Reader;
use uuid::Uuid;

use super::options::ImportOptions;
use crate::AppError;

pub(super) struct Context {
    pub org: OrgId,
    sites: HashMap<String, SiteId>,
    default_site: Option<SiteId>,
    connections: HashMap<String, ConnectionId>,
    default_connection: Option<ConnectionId>,
    create_sites: bool,
    /// Sites that rows name and that are not there: made with the import, if that was allowed.
    pub new_sites: Vec<Site>,
}

impl Context {
    pub fn load(r: &mut Reader, org: OrgId, options: &ImportOptions) -> Result<Context, AppError> {
        let all_sites = r.all::<Site>(org)?;
        let all_connections = r.all::<Connection>(org)?;
        let sites: HashMap<String, SiteId> =
            all_sites.iter().map(|s| (fold(s.name.as_str()), s.id)).collect();
        let connections: HashMap<String, ConnectionId> =
            all_connections.iter().map(|c| (fold(c.name.as_str()), c.id)).collect();
        let default_site = match &options.site {
            None => all_sites.first().map(|s| s.id),
            Some(name) => Some(*sites.get(&fold(name)).ok_or_else(|| {
                AppError::invalid(
                    "site",
                    format!("`{name}` is not a site"),
                    "name one of the organization's sites",
                )
            })?),
        };
        let default_connection = match &options.connection {
            None => all_connections.first().map(|c| c.id),
            Some(name) => Some(*connections.get(&fold(name)).ok_or_else(|| {
                let mend = "name one of the organization's connections";
                AppError::invalid("connection", format!("`{name}` is not a connection"), mend)
            })?),
        };
        Ok(Context {
            org,
            sites,
            default_site,
            connections,
            default_connection,
            create_sites: options.create_sites,
            new_sites: Vec::new(),
        })
    }

    pub fn default_site(&self) -> Option<SiteId> {
        self.default_site
    }

    pub fn default_connection(&self) -> Option<ConnectionId> {
        self.default_connection
    }

    pub fn connection(&self, name: &str) -> Option<ConnectionId> {
        self.connections.get(&fold(name)).copied()
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
