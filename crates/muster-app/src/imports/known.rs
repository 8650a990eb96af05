//! Who is already there, as far as a batch of rows could mean or clash with them.

use std::collections::HashMap;

use muster_domain::claims;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ConnectionId, OrgId, SiteId, UserId};
use muster_domain::organization::Device;
use muster_domain::types::fold;
use muster_domain::user::{Record, User};
use muster_import::Row;
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::context::Context;
use super::held::Held;
use super::options::{Existing, ImportOptions, MatchKey};
use crate::AppError;
use crate::names::called;

/// Connections whose extensions are compared with the rows': each is a look-up for each batch.
const CONNECTIONS_MAX: usize = 20;

/// Two of those who share an address in the organization, kept from batch to batch: what thousands share
/// must not be looked up with all of them for every five hundred rows.
pub(super) type SharedThere = HashMap<SmolStr, [UserId; 2]>;

pub(super) struct Known {
    /// Users and devices by what they authenticate as.
    pub auth: HashMap<SmolStr, Uuid>,
    /// Devices.
    pub macs: HashMap<SmolStr, Uuid>,
    extensions: HashMap<(ConnectionId, SmolStr), UserId>,
    pub emails: HashMap<SmolStr, Vec<UserId>>,
    users: HashMap<UserId, User>,
    /// Whose login or address a row has, and who are not of the person whom it means.
    devices: HashMap<Uuid, Device>,
    /// Of those whom rows mean.
    pub held: Held,
}

impl Known {
    /// As many look-ups as there are kinds of keys, however many rows there are.
    pub fn load(
        r: &mut Reader,
        context: &Context,
        rows: &[Row],
        options: &ImportOptions,
        shared: &mut SharedThere,
    ) -> Result<Known, AppError> {
        let org = context.org;
        let texts = |field: &str| -> Vec<SmolStr> {
            rows.iter().filter_map(|row| row.person.text(field)).map(|t| fold(t).into()).collect()
        };
        let extensions_wanted = texts("extension");
        // Somebody without a username is named by their extension.
        let mut names = texts("username");
        names.extend(extensions_wanted.iter().cloned());
        let devices = || rows.iter().flat_map(|row| &row.person.devices);
        names.extend(devices().filter_map(|d| Some(fold(d.auth_name.as_ref()?.as_str()).into())));
        let macs: Vec<SmolStr> = devices().filter_map(|d| Some(d.mac.as_ref()?.to_smol())).collect();
        let mut known = Known {
            auth: HashMap::new(),
            macs: HashMap::new(),
            extensions: HashMap::new(),
            emails: HashMap::new(),
            users: HashMap::new(),
            devices: HashMap::new(),
            held: Held::default(),
        };
        let mut of_devices: Vec<Uuid> = Vec::new();
        for (key, _, holder) in r.claimed(org, claims::MAC_SPACE, &macs)? {
            of_devices.push(holder);
            known.macs.insert(key, holder);
        }
        let mut users: Vec<Uuid> = Vec::new();
        for (key, kind, holder) in r.claimed(org, claims::AUTH_SPACE, &names)? {
            if kind == EntityKind::Device {
                of_devices.push(holder)
            } else {
                users.push(holder)
            }
            known.auth.insert(key, holder);
        }
        for connection in connections(context, rows) {
            let space = claims::extension_space(connection);
            for (key, _, holder) in r.claimed(org, &space, &extensions_wanted)? {
                users.push(holder);
                known.extensions.insert((connection, key), UserId(holder));
            }
        }
        known.load_emails(r, org, texts("email"), shared)?;
        users.extend(known.emails.values().flatten().map(|holder| holder.0));
        known.load_users(r, context, users)?;
        let meant = rows.iter().filter_map(|row| known.meant(row, context, options));
        let meant: Vec<&User> = meant.filter(|_| options.existing() == Existing::Update).collect();
        known.held = Held::load(r, org, &meant, rows.iter().map(|row| &row.person))?;
        known.load_devices(r, context, of_devices)?;
        Ok(known)
    }

    /// Who has these addresses: one, or two of those who share it, which is all that is asked.
    fn load_emails(
        &mut self,
        r: &mut Reader,
        org: OrgId,
        mut wanted: Vec<SmolStr>,
        shared: &mut SharedThere,
    ) -> Result<(), AppError> {
        wanted.sort_unstable();
        wanted.dedup();
        wanted.retain(|key| match shared.get(key) {
            Some(two) => {
                self.emails.insert(key.clone(), two.to_vec());
                false
            }
            None => true,
        });
        for (key, holder) in r.emails(org, &wanted)? {
            let holders = self.emails.entry(key).or_default();
            if holders.len() < 2 {
                holders.push(holder);
            }
        }
        for (key, holders) in &self.emails {
            if let [one, other] = holders[..] {
                shared.insert(key.clone(), [one, other]);
            }
        }
        Ok(())
    }

    fn load_users(&mut self, r: &mut Reader, context: &Context, mut ids: Vec<Uuid>) -> Result<(), AppError> {
        ids.sort_unstable();
        ids.dedup();
        for user in r.get_many::<User>(context.org, &ids)? {
            if user.record == Record::Live {
                self.users.insert(user.id, user);
            }
        }
        Ok(())
    }

    /// Devices that rows clash with, and whose they are: only to be named.
    fn load_devices(
        &mut self,
        r: &mut Reader,
        context: &Context,
        mut ids: Vec<Uuid>,
    ) -> Result<(), AppError> {
        ids.retain(|id| !self.held.has_device(*id));
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(());
        }
        let mut owners = Vec::new();
        for device in r.get_many::<Device>(context.org, &ids)? {
            owners.extend(device.user.filter(|owner| !self.users.contains_key(owner)).map(|owner| owner.0));
            self.devices.insert(device.id.0, device);
        }
        self.load_users(r, context, owners)
    }

    pub fn extension(&self, connection: ConnectionId, extension: &str) -> Option<UserId> {
        self.extensions.get(&(connection, SmolStr::new(extension))).copied()
    }

    /// Somebody else with the same extension, in another connection.
    pub fn extension_elsewhere(
        &self,
        user: &User,
        extension: &str,
        context: &Context,
    ) -> Option<(&User, ConnectionId)> {
        let others = context.connections().iter().filter(|c| Some(c.id) != user.connection);
        let holder = |c| self.extension(c, extension).filter(|holder| *holder != user.id);
        others.into_iter().find_map(|c| Some((self.users.get(&holder(c.id)?)?, c.id)))
    }

    /// Whose a key is, as in `is …`: by name and extension, and with the site where it is not the row's.
    pub fn whose(&self, holder: Uuid, site: Option<SiteId>, context: &Context) -> String {
        if let Some(user) = self.users.get(&UserId(holder)) {
            let by = match &user.extension {
                Some(extension) => format!("extension {extension}"),
                None => format!("username {}", user.username),
            };
            let elsewhere = context.site_name(user.site).filter(|_| user.site != site);
            let at = elsewhere.map(|name| format!(", site {name}")).unwrap_or_default();
            return format!("{}'s ({by}{at})", user.display_name);
        }
        match self.devices.get(&holder) {
            Some(device) => match device.user.and_then(|id| self.users.get(&id)) {
                Some(user) => format!("that of {}, a device of {}", device.name, called(user)),
                None => format!("that of {}, a device that nobody has", device.name),
            },
            None => "somebody's who is already there".to_string(),
        }
    }

    /// Whether the row has a key of somebody who is already there, whichever that is.
    pub fn is_of_somebody(&self, row: &Row, context: &Context) -> bool {
        let keys = [MatchKey::Username, MatchKey::Extension, MatchKey::Email];
        keys.into_iter().any(|key| self.matching(row, key, context).is_some())
    }

    /// Whether the row's username or extension is this person's.
    pub fn is_meant(&self, row: &Row, user: UserId, context: &Context) -> bool {
        let keys = [MatchKey::Username, MatchKey::Extension];
        keys.into_iter().any(|key| self.matching(row, key, context).is_some_and(|found| found.id == user))
    }

    /// Whether several people have the row's key, so that it means none of them.
    pub fn is_shared(&self, row: &Row, by: MatchKey) -> bool {
        let email = row.person.text("email").filter(|_| by == MatchKey::Email);
        email.and_then(|email| self.emails.get(fold(email).as_str())).is_some_and(|all| all.len() > 1)
    }

    /// The one who is already there and whom this row means: by the chosen key, or, to skip them without
    /// one, by username or else by extension.
    pub fn meant(&self, row: &Row, context: &Context, options: &ImportOptions) -> Option<&User> {
        match options.match_by {
            Some(by) => self.matching(row, by, context),
            None if options.existing() == Existing::Skip => self
                .matching(row, MatchKey::Username, context)
                .or_else(|| self.matching(row, MatchKey::Extension, context)),
            None => None,
        }
    }

    fn matching(&self, row: &Row, by: MatchKey, context: &Context) -> Option<&User> {
        let id = match by {
            MatchKey::Username => UserId(*self.auth.get(fold(row.person.text("username")?).as_str())?),
            MatchKey::Extension => {
                let connection = match row.person.connection_name.as_deref() {
                    Some(name) => context.connection(name)?,
                    None => context.default_connection()?,
                };
                self.extension(connection, row.person.text("extension")?)?
            }
            MatchKey::Email => match self.emails.get(fold(row.person.text("email")?).as_str())?.as_slice() {
                [one] => *one,
                _ => return None,
            },
        };
        self.users.get(&id)
    }
}

/// Those that rows are for, then others, where the same extension is remarked.
fn connections(context: &Context, rows: &[Row]) -> Vec<ConnectionId> {
    let named = rows.iter().filter_map(|r| r.person.connection_name.as_deref());
    let mut ids: Vec<ConnectionId> = named.filter_map(|name| context.connection(name)).collect();
    ids.extend(context.default_connection());
    ids.sort_unstable();
    ids.dedup();
    let others: Vec<_> = context.connections().iter().map(|c| c.id).filter(|id| !ids.contains(id)).collect();
    ids.extend(others.into_iter().take(CONNECTIONS_MAX.saturating_sub(ids.len())));
    ids
}
