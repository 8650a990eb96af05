//! What decides over somebody's calls beside themselves: whether they are held back for want of an emergency
//! location, and how their connection serves their phones.

use std::collections::HashMap;
use std::sync::Arc;

use muster_domain::emergency;
use muster_domain::ids::{ConnectionId, SiteId};
use muster_domain::locations::EmergencyLocation;
use muster_domain::organization::{Connection, ConnectionKind, EmergencyPolicy, Organization, Site};
use muster_store::Reader;
use smol_str::SmolStr;

use crate::AppError;

/// What decides in one organization, read once for all of its people.
pub(super) struct Gate {
    /// Sites that require a location; the others hold nobody back.
    sites: HashMap<SiteId, Site>,
    locations: Vec<EmergencyLocation>,
    numbers: HashMap<SiteId, Arc<[SmolStr]>>,
    connections: HashMap<ConnectionId, ConnectionKind>,
}

impl Gate {
    pub fn load(r: &mut Reader, organization: &Organization) -> Result<Gate, AppError> {
        let mut sites = HashMap::new();
        for site in r.all::<Site>(organization.id)? {
            if emergency::policy_of(&site, organization) == EmergencyPolicy::Require {
                sites.insert(site.id, site);
            }
        }
        let locations = if sites.is_empty() { Vec::new() } else { r.all(organization.id)? };
        let connections = r.all::<Connection>(organization.id)?.into_iter().map(|c| (c.id, c.kind)).collect();
        Ok(Gate { sites, locations, numbers: HashMap::new(), connections })
    }

    /// How a connection serves phones; fixed when it is made.
    pub fn kind_of(&self, connection: Option<ConnectionId>) -> ConnectionKind {
        let known = connection.and_then(|connection| self.connections.get(&connection));
        known.copied().unwrap_or(ConnectionKind::Builtin)
    }

    /// The numbers that still pass, of somebody whose calls are held back.
    pub fn held_but_for(&mut self, site: Option<SiteId>, own: Option<&str>) -> Option<Arc<[SmolStr]>> {
        let site = self.sites.get(&site?)?;
        emergency::missing(own, Some(site), &self.locations)?;
        let numbers = self
            .numbers
            .entry(site.id)
            .or_insert_with(|| emergency::numbers_of(Some(site)).into_iter().map(SmolStr::new).collect());
        Some(numbers.clone())
    }
}
