//! `organization.created`: with its site *Main* and its `builtin` connection.

use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::ids::OrgId;
use muster_domain::organization::{Connection, Organization, Site};
use muster_domain::types::{Country, Domain, Name, Slug, TimeZone, UnixMillis, fold};
use muster_store::Tx;
use uuid::Uuid;

use super::edit::check_domains;
use crate::apply::{Allow, Session};
use crate::{App, AppError, OPERATOR_SLUG, Scope};

/// What an operator gives for a new organization.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    pub name: Name,
    /// Made from the name if absent.
    pub slug: Option<Slug>,
    pub domain: Domain,
    pub domain_aliases: Vec<Domain>,
    pub country: Option<Country>,
    pub time_zone: Option<TimeZone>,
}

impl App {
    pub fn create_organization(
        &self,
        operator: &Scope,
        new: &NewOrganization,
    ) -> Result<Organization, AppError> {
        let (now, set) = (self.now(), self.new_set());
        let slug = match &new.slug {
            Some(slug) => slug.clone(),
            None => slug_of(new.name.as_str())?,
        };
        if slug.as_str() == OPERATOR_SLUG {
            return Err(AppError::invalid("slug", "is the operator's own", "choose another short name"));
        }
        let id = OrgId(Uuid::now_v7());
        let mut organization = Organization::blank(id, id.0);
        organization.name = new.name.clone();
        organization.slug = slug;
        organization.domain = new.domain.clone();
        organization.domain_aliases = new.domain_aliases.clone();
        organization.country = new.country.clone();
        organization.time_zone = new.time_zone.clone();
        let done = self.change(operator, Allow::default(), |session| {
            create(session.tx, &organization, now, operator.actor, set)?;
            Ok(organization.id.0)
        })?;
        let made = self.store().read(|r| r.organization(OrgId(done.id)).map_err(AppError::from))?;
        made.ok_or(AppError::NotFound("organization"))
    }
}

pub(super) fn create(
    tx: &mut Tx,
    organization: &Organization,
    now: UnixMillis,
    actor: Uuid,
    set: muster_domain::ids::ChangeSetId,
) -> Result<Organization, AppError> {
    let id = organization.id;
    check_domains(tx, organization)?;
    if tx.organization_by_slug(organization.slug.as_str())?.is_some() {
        return Err(taken("slug", organization.slug.as_str()));
    }
    let mut session = Session::begin_new(tx, id, now, actor, set)?;
    session.create(organization)?;
    let mut site = Site::blank(id, Uuid::now_v7());
    site.name = Name::parse("Main").unwrap_or_default();
    site.country = organization.country.clone();
    site.time_zone = organization.time_zone.clone();
    session.create(&site)?;
    let mut connection = Connection::blank(id, Uuid::now_v7());
    connection.name = Name::parse("Built-in").unwrap_or_default();
    session.create(&connection)?;
    session.finish()?;
    let mut made = organization.clone();
    made.version = 1;
    made.created_at = now;
    Ok(made)
}

/// Somebody else's. Whose is not said: organizations do not know of each other.
fn taken(field: &'static str, value: &str) -> AppError {
    Refusal::Taken { field, value: value.to_string(), holder: None }.into()
}

/// Letters and digits of the name, joined by hyphens: `Example & Sons, Ltd.` becomes `example-sons-ltd`.
fn slug_of(name: &str) -> Result<Slug, AppError> {
    let mut slug = String::new();
    for c in fold(name).chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(63);
    Slug::parse(slug.trim_end_matches('-')).map_err(|_| {
        AppError::invalid("slug", "cannot be made from the name", "give a short name of your own")
    })
}
