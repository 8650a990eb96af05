//! Sites and connections of an organization.

use muster_domain::change::Refusal;
use muster_domain::field::{Entity, EntityKind};
use muster_domain::organization::{Connection, Site};
use muster_domain::permission::Permission;
use muster_domain::types::{Country, Name, TimeZone, fold};
use uuid::Uuid;

use crate::apply::Allow;
use crate::{App, AppError, Scope};

#[derive(Clone, Debug)]
pub struct NewSite {
    pub name: Name,
    pub country: Option<Country>,
    pub time_zone: Option<TimeZone>,
}

impl App {
    pub fn sites(&self, scope: &Scope) -> Result<Vec<Site>, AppError> {
        scope.require(Permission::OrganizationRead)?;
        let mut sites = self.read_in(scope, &[EntityKind::Site], |r, _| Ok(r.all::<Site>(scope.org())?))?;
        if let Some(seen) = scope.sites(Permission::OrganizationRead) {
            sites.retain(|site| seen.contains(&site.id));
        }
        Ok(sites)
    }

    pub fn connections(&self, scope: &Scope) -> Result<Vec<Connection>, AppError> {
        scope.require(Permission::OrganizationRead)?;
        self.read_in(scope, &[EntityKind::Connection], |r, _| Ok(r.all::<Connection>(scope.org())?))
    }

    pub fn create_site(&self, scope: &Scope, new: &NewSite) -> Result<Site, AppError> {
        scope.require(Permission::SitesEdit)?;
        let mut site = Site::blank(scope.org(), Uuid::now_v7());
        site.name = new.name.clone();
        site.country = new.country.clone();
        site.time_zone = new.time_zone.clone();
        let done = self.change(scope, Allow::default(), |session| {
            let key = fold(site.name.as_str());
            if session.sites()?.iter().any(|s| fold(s.name.as_str()) == key) {
                let value = site.name.to_string();
                return Err(Refusal::Taken { field: "name", value, holder: None }.into());
            }
            session.create(&site)?;
            Ok(site.id.0)
        })?;
        let made = self.store().read(|r| r.get::<Site>(scope.org(), done.id).map_err(AppError::from))?;
        made.ok_or(AppError::NotFound("site"))
    }
}
