//! What can have one owner only: in the file, and in the organization.

use std::collections::HashMap;

use muster_domain::claims;
use muster_domain::ids::{OrgId, UserId};
use muster_domain::types::fold;
use muster_domain::user::{Record, User};
use muster_domain::value::FieldError;
use muster_import::{Column, Row, Taken};
use muster_store::Reader;
use smol_str::SmolStr;
use uuid::Uuid;

use super::context::Context;
use super::facts::SharedEmails;
use super::held::Held;
use super::options::{ImportOptions, MatchKey};
use super::plan::Plan;
use super::report::RowProblem;
use crate::AppError;

/// Keys of the rows read so far, with the row that has them.
#[derive(Default)]
pub(super) struct Seen {
    extensions: HashMap<(SmolStr, SmolStr), u64>,
    /// Usernames and auth names of devices: one space.
    names: HashMap<SmolStr, u64>,
    emails: HashMap<SmolStr, u64>,
    macs: HashMap<SmolStr, u64>,
    users: HashMap<UserId, u64>,
    /// Two of those who share an address in the organization, kept from batch to batch: what thousands
    /// share must not be looked up with all of them for every five hundred rows.
    held_by_many: HashMap<SmolStr, [UserId; 2]>,
    pub shared: SharedEmails,
}

/// One owner each: extension, username and signing-in email, in the file and in the organization.
pub(super) fn check_keys(
    user: &User,
    row: &Row,
    existing: Option<&User>,
    known: &Known,
    seen: &mut Seen,
    options: &ImportOptions,
    errors: &mut Vec<FieldError>,
) {
    let me = existing.map(|u| u.id);
    let line = row.number;
    let taken =
        |field: &'static str, what: String, mend: &str| FieldError::new(field, what, mend.to_string());
    if let Some(earlier) = me.and_then(|id| seen.users.insert(id, line)) {
        errors.push(taken(
            "username",
            format!("is the same person as row {earlier}"),
            "keep one of the two rows",
        ));
    }
    let username = SmolStr::from(fold(user.username.as_str()));
    if let Some(earlier) = seen.names.insert(username.clone(), line) {
        errors.push(taken(
            "username",
            format!("is also in row {earlier}"),
            "give each person a username of their own",
        ));
    } else if known.auth.get(&username).is_some_and(|holder| Some(UserId(*holder)) != me) {
        errors.push(taken("username", TAKEN.into(), MATCH_MEND).or("match"));
    }
    if let (Some(extension), Some(connection)) = (&user.extension, user.connection) {
        let key = (claims::extension_space(connection), extension.to_smol());
        if let Some(earlier) = seen.extensions.insert(key.clone(), line) {
            errors.push(taken(
                "extension",
                format!("is also in row {earlier}"),
                "give each person one of their own",
            ));
        } else if known.extensions.get(&key).is_some_and(|holder| Some(*holder) != me) {
            errors.push(taken("extension", TAKEN.into(), MATCH_MEND).or("match"));
        }
    }
    if let Some(email) = user.email.as_ref().filter(|_| !options.allow_shared_emails) {
        let key = SmolStr::from(fold(email.as_str()));
        const MEND: &str = "give each person an address of their own";
        if let Some(earlier) = seen.emails.insert(key.clone(), line) {
            errors.push(taken("email", format!("is also in row {earlier}"), MEND).or("allow_shared_emails"));
        } else if known.emails.get(&key).is_some_and(|holders| holders.iter().any(|h| Some(*h) != me)) {
            errors.push(
                taken("email", "is somebody's who is already there".into(), MEND).or("allow_shared_emails"),
            );
        }
    }
}

/// What devices authenticate as and their hardware addresses have one owner each too.
pub(super) fn check_devices(
    plan: &Plan,
    row: &Row,
    columns: &[Column],
    known: &Known,
    seen: &mut Seen,
) -> Vec<RowProblem> {
    let mut problems = Vec::new();
    for (at, (wish, device)) in row.person.devices.iter().zip(&plan.devices).enumerate() {
        let me = device.after.id.0;
        let mut fail = |part: &'static str, found: &str, reason: String, mend: &str| {
            let column = columns.iter().filter(|c| c.taken == Taken::Device(part)).nth(at);
            problems.push(RowProblem {
                line: row.line,
                row: row.number,
                column: Some(column.map_or(part, |c| c.header.as_str()).to_string()),
                found: found.to_string(),
                reason,
                mend: mend.to_string(),
                option: None,
                remark: false,
            });
        };
        if let Some(name) = &wish.auth_name {
            const MEND: &str = "give each device a name of its own to sign in with";
            let key = SmolStr::from(fold(name.as_str()));
            if let Some(earlier) = seen.names.insert(key.clone(), row.number) {
                fail("device_auth_name", name.as_str(), used_in(earlier, row), MEND);
            } else if known.auth.get(&key).is_some_and(|holder| *holder != me) {
                fail("device_auth_name", name.as_str(), TAKEN.to_string(), MEND);
            }
        }
        if let Some(mac) = &wish.mac {
            const MEND: &str = "keep the address with the one person who has the device";
            if let Some(earlier) = seen.macs.insert(mac.to_smol(), row.number) {
                fail("device_mac", mac.as_str(), used_in(earlier, row), MEND);
            } else if known.macs.get(mac.as_str()).is_some_and(|holder| *holder != me) {
                fail("device_mac", mac.as_str(), TAKEN.to_string(), MEND);
            }
        }
    }
    problems
}

fn used_in(earlier: u64, row: &Row) -> String {
    if earlier == row.number {
        "is in this row twice".to_string()
    } else {
        format!("is also in row {earlier}")
    }
}

const TAKEN: &str = "is taken by somebody who is already there";

/// With `match` the row means the one who is there.
const MATCH_MEND: &str = "choose another";

/// Who of the database a batch of rows could mean or could clash with.
pub(super) struct Known {
    /// Users and devices by what they authenticate as.
    auth: HashMap<SmolStr, Uuid>,
    /// Devices.
    macs: HashMap<SmolStr, Uuid>,
    extensions: HashMap<(SmolStr, SmolStr), UserId>,
    emails: HashMap<SmolStr, Vec<UserId>>,
    users: HashMap<UserId, User>,
    /// Of those whom rows mean.
    pub held: Held,
}

impl Known {
    pub fn load(
        r: &mut Reader,
        context: &Context,
        rows: &[Row],
        match_by: Option<MatchKey>,
        seen: &mut Seen,
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
            held: Held::default(),
        };
        for (key, _, holder) in r.claimed(org, claims::MAC_SPACE, &macs)? {
            known.macs.insert(key, holder);
        }
        for (key, _, holder) in r.claimed(org, claims::AUTH_SPACE, &names)? {
            known.auth.insert(key, holder);
        }
        let mut spaces: Vec<_> = rows.iter().filter_map(|r| r.person.connection_name.as_deref()).collect();
        spaces.sort_unstable();
        spaces.dedup();
        let mut connections: Vec<_> =
            spaces.into_iter().filter_map(|name| context.connection(name)).collect();
        connections.extend(context.default_connection());
        connections.sort_unstable();
        connections.dedup();
        for connection in connections {
            let space = claims::extension_space(connection);
            for (key, _, holder) in r.claimed(org, &space, &extensions_wanted)? {
                known.extensions.insert((space.clone(), key), UserId(holder));
            }
        }
        let mut emails = texts("email");
        emails.sort_unstable();
        emails.dedup();
        known.load_emails(r, org, emails, seen)?;
        known.load_users(r, context)?;
        let meant: Vec<&User> = rows.iter().filter_map(|row| known.matching(row, match_by)).collect();
        known.held = Held::load(r, org, &meant, rows.iter().map(|row| &row.person))?;
        Ok(known)
    }

    /// Who has these addresses: one, or two of those who share it, which is all that is asked.
    fn load_emails(
        &mut self,
        r: &mut Reader,
        org: OrgId,
        mut wanted: Vec<SmolStr>,
        seen: &mut Seen,
    ) -> Result<(), AppError> {
        wanted.retain(|key| match seen.held_by_many.get(key) {
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
                seen.held_by_many.insert(key.clone(), [one, other]);
            }
        }
        Ok(())
    }

    fn load_users(&mut self, r: &mut Reader, context: &Context) -> Result<(), AppError> {
        let mut ids: Vec<Uuid> = self.auth.values().copied().collect();
        ids.extend(self.extensions.values().map(|id| id.0));
        ids.extend(self.emails.values().flatten().map(|id| id.0));
        ids.sort_unstable();
        ids.dedup();
        for user in r.get_many::<User>(context.org, &ids)? {
            if user.record == Record::Live {
                self.users.insert(user.id, user);
            }
        }
        Ok(())
    }

    /// Whether the row has a key of somebody who is already there, whichever that is.
    pub fn is_of_somebody(&self, row: &Row) -> bool {
        let keys = [MatchKey::Username, MatchKey::Extension, MatchKey::Email];
        keys.into_iter().any(|key| self.matching(row, Some(key)).is_some())
    }

    /// The one who is already there and whom this row means, by the chosen key.
    pub fn matching(&self, row: &Row, by: Option<MatchKey>) -> Option<&User> {
        let id = match by? {
            MatchKey::Username => UserId(*self.auth.get(fold(row.person.text("username")?).as_str())?),
            MatchKey::Extension => {
                let extension = row.person.text("extension")?;
                *self.extensions.iter().find(|((_, key), _)| key == extension)?.1
            }
            MatchKey::Email => match self.emails.get(fold(row.person.text("email")?).as_str())?.as_slice() {
                [one] => *one,
                _ => return None,
            },
        };
        self.users.get(&id)
    }
}
