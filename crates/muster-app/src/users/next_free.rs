//! The next extension that nobody has.

use muster_domain::claims::extension_space;
use muster_domain::field::EntityKind;
use muster_domain::ids::ConnectionId;
use muster_domain::numbers;
use muster_domain::organization::{Connection, Site};
use muster_domain::permission::Permission;
use muster_domain::types::ExtensionNumber;

use crate::{App, AppError, Scope};

/// Extensions that are looked at in one query.
const PAGE: usize = 1000;

/// An extension that nobody has now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeExtension {
    pub extension: ExtensionNumber,
    /// Whose dial plan it is free in.
    pub connection: ConnectionId,
}

impl App {
    /// The first from this one on, with as many digits, that is nobody's in the dial plan of a connection (by name
    /// or id; the organization's first if absent) and that may be somebody's. It is not reserved.
    pub fn next_free_extension(
        &self,
        scope: &Scope,
        connection: Option<&str>,
        from: &ExtensionNumber,
    ) -> Result<FreeExtension, AppError> {
        scope.require(Permission::PeopleRead)?;
        let named = match connection {
            Some(name) => Some(self.id_of_name(scope, EntityKind::Connection, name)?),
            None => None,
        };
        let org = scope.org();
        self.store().read(|r| {
            let connections = r.all::<Connection>(org)?;
            let wanted = |c: &&Connection| named.is_none_or(|id| c.id.0 == id);
            let connection = connections.iter().find(wanted).ok_or(AppError::NotFound("connection"))?.id;
            let sites = r.all::<Site>(org)?;
            let space = extension_space(connection);
            let digits = from.as_str().len();
            let mut next: u64 = from.as_str().parse().unwrap_or(0);
            let end = 10u64.pow(digits.min(15) as u32);
            while next < end {
                let page = r.claimed_from(org, &space, &written(next, digits), PAGE)?;
                let more = page.len() == PAGE;
                let mut taken = page.iter().filter_map(|key| key.parse::<u64>().ok()).peekable();
                while next < end && (!more || taken.peek().is_some()) {
                    let text = written(next, digits);
                    if taken.next_if_eq(&next).is_none() && may_be_somebodys(&text, &sites) {
                        let extension = ExtensionNumber::parse(&text)
                            .map_err(|reason| AppError::invalid("from", reason.reason, reason.mend))?;
                        return Ok(FreeExtension { extension, connection });
                    }
                    next += 1;
                }
            }
            Err(AppError::invalid(
                "from",
                format!("has no free extension of {digits} digits after it"),
                "begin with a smaller number, or with one of more digits",
            ))
        })
    }
}

fn written(number: u64, digits: usize) -> String {
    format!("{number:0digits$}")
}

/// Whichever site they belong to.
fn may_be_somebodys(extension: &str, sites: &[Site]) -> bool {
    numbers::refusal(extension, None).is_none()
        && sites.iter().all(|site| numbers::refusal(extension, Some(site)).is_none())
}
