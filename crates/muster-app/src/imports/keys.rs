//! What can have one owner only: in the file, and in the organization.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use muster_domain::ids::{ConnectionId, UserId};
use muster_domain::types::fold;
use muster_domain::user::User;
use muster_domain::value::FieldError;
use muster_import::{Column, Row, Taken};
use smol_str::SmolStr;
use uuid::Uuid;

use super::context::Context;
use super::facts::SharedEmails;
use super::known::{Known, SharedThere};
use super::options::{ImportOptions, MatchKey};
use super::plan::Plan;
use super::problem::{RowProblem, problem};

/// Keys of the rows read so far, with the row that has them.
#[derive(Default)]
pub(super) struct Seen {
    extensions: HashMap<(ConnectionId, SmolStr), u64>,
    /// Usernames and auth names of devices: one space.
    names: HashMap<SmolStr, u64>,
    emails: HashMap<SmolStr, u64>,
    macs: HashMap<SmolStr, u64>,
    users: HashMap<UserId, u64>,
    pub shared_there: SharedThere,
    pub shared: SharedEmails,
}

/// The first row that had a key before this one: those between are refused for it themselves.
fn first<K: Eq + Hash>(rows: &mut HashMap<K, u64>, key: K, row: u64) -> Option<u64> {
    match rows.entry(key) {
        Entry::Occupied(earlier) => Some(*earlier.get()),
        Entry::Vacant(free) => {
            free.insert(row);
            None
        }
    }
}

/// A row, and all that its keys are compared with.
pub(super) struct Keys<'k> {
    row: &'k Row,
    columns: &'k [Column],
    context: &'k Context,
    known: &'k Known,
    options: &'k ImportOptions,
    pub problems: Vec<RowProblem>,
}

/// Causes; the reason says which row or who it is.
const IN_FILE: &str = "is also in another row";
const THERE: &str = "is somebody's who is already there";
const TWICE: &str = "is in one row twice";
const UNUSED: &str = "is that of a device that nobody uses: it becomes this person's";
const ELSEWHERE: &str = "is also somebody's in another connection";

impl<'k> Keys<'k> {
    pub fn of(
        row: &'k Row,
        columns: &'k [Column],
        context: &'k Context,
        known: &'k Known,
        options: &'k ImportOptions,
    ) -> Keys<'k> {
        Keys { row, columns, context, known, options, problems: Vec::new() }
    }

    /// One owner each: extension, username and signing-in email, in the file and in the organization.
    pub fn check(&mut self, user: &User, existing: Option<&User>, seen: &mut Seen) {
        let me = existing.map(|u| u.id);
        let row = self.row.number;
        if let Some(earlier) = me.and_then(|id| first(&mut seen.users, id, row)) {
            let reason = format!("is the same person as row {earlier}");
            let mend = "keep one of the two rows";
            self.fail("username", "is the same person as another row", reason, mend, None);
        }
        let said_before = self.problems.len();
        self.check_extension(user, me, seen);
        // One mistake is said once: that the extension is the username too is nobody's doing.
        let is_extension = self.row.person.text("extension") == Some(user.username.as_str());
        let has_said = is_extension && self.problems.len() > said_before;
        self.check_username(user, me, seen, has_said);
        if let Some(email) = user.email.as_ref().filter(|_| !self.options.allow_shared_emails) {
            let key = SmolStr::from(fold(email.as_str()));
            const MEND: &str = "give each person an address of their own";
            let sharing = Some("allow_shared_emails");
            if let Some(earlier) = first(&mut seen.emails, key.clone(), row) {
                self.in_file("email", earlier, MEND, sharing);
            } else {
                let holders = self.known.emails.get(&key);
                let other = holders.and_then(|all| all.iter().find(|h| Some(**h) != me));
                if let Some(holder) = other {
                    // Whoever the row means by another key too is no second person.
                    let same = self.known.is_meant(self.row, *holder, self.context);
                    let option = self.by_match().filter(|_| same).or(sharing);
                    self.taken("email", holder.0, user, MEND, option);
                }
            }
        }
    }

    fn check_extension(&mut self, user: &User, me: Option<UserId>, seen: &mut Seen) {
        let (Some(extension), Some(connection)) = (&user.extension, user.connection) else { return };
        let holder =
            self.known.extension(connection, extension.as_str()).filter(|holder| Some(*holder) != me);
        let key = (connection, extension.to_smol());
        if let Some(earlier) = first(&mut seen.extensions, key, self.row.number) {
            self.in_file("extension", earlier, "give each person one of their own", None);
        } else if let Some(holder) = holder {
            self.taken("extension", holder.0, user, "choose another", self.by_match());
        }
    }

    fn check_username(&mut self, user: &User, me: Option<UserId>, seen: &mut Seen, has_said: bool) {
        let username = SmolStr::from(fold(user.username.as_str()));
        if username.is_empty() {
            return;
        }
        let earlier = first(&mut seen.names, username.clone(), self.row.number);
        let holder = self.known.auth.get(&username).filter(|holder| Some(UserId(**holder)) != me);
        if has_said {
            return;
        }
        if let Some(earlier) = earlier {
            self.in_file("username", earlier, "give each person a username of their own", None);
        } else if let Some(holder) = holder {
            self.taken("username", *holder, user, "choose another", self.by_match());
        }
    }

    /// Perhaps whoever is there was meant.
    fn by_match(&self) -> Option<&'static str> {
        self.options.match_by.is_none().then_some("match")
    }

    /// The row means somebody, and that is not wanted.
    pub fn is_there(&mut self, existing: &User) {
        let field = match self.options.match_by {
            Some(MatchKey::Extension) => "extension",
            Some(MatchKey::Email) => "email",
            Some(MatchKey::Username) | None => "username",
        };
        let site = existing.site;
        let reason = format!("is {}", self.known.whose(existing.id.0, site, self.context));
        self.fail(field, THERE, reason, "take the row out", Some("existing"));
    }

    /// What devices authenticate as and their hardware addresses have one owner each too.
    pub fn check_devices(&mut self, plan: &Plan, seen: &mut Seen) {
        let row = self.row.number;
        for (at, (wish, device)) in self.row.person.devices.iter().zip(&plan.devices).enumerate() {
            let me = device.after.id.0;
            if let Some(name) = &wish.auth_name {
                const MEND: &str = "give each device a name of its own to sign in with";
                let key = SmolStr::from(fold(name.as_str()));
                let earlier = first(&mut seen.names, key.clone(), row);
                let holder = self.known.auth.get(&key).copied().filter(|holder| *holder != me);
                self.device(("device_auth_name", at, name.as_str()), (earlier, holder), &plan.user, MEND);
            }
            if let Some(mac) = &wish.mac {
                const MEND: &str = "keep the address with the one person who has the device";
                let earlier = first(&mut seen.macs, mac.to_smol(), row);
                let holder = self.known.macs.get(mac.as_str()).copied().filter(|holder| *holder != me);
                self.device(("device_mac", at, mac.as_str()), (earlier, holder), &plan.user, MEND);
            }
        }
    }

    /// Devices of people who were removed, or of nobody.
    pub fn remark_devices(&mut self, plan: &Plan) {
        for (at, (wish, device)) in self.row.person.devices.iter().zip(&plan.devices).enumerate() {
            let Some(before) = device.before.as_ref().filter(|d| d.user != device.after.user) else {
                continue;
            };
            let (part, found) = match (&wish.mac, &wish.auth_name) {
                (Some(mac), _) if before.mac.as_ref() == Some(mac) => ("device_mac", mac.as_str()),
                (_, Some(name)) => ("device_auth_name", name.as_str()),
                (_, None) => continue,
            };
            let reason =
                format!("is that of {}, a device that nobody uses: it becomes this person's", before.name);
            let column = self.columns.iter().filter(|c| c.taken == Taken::Device(part)).nth(at);
            let said = problem(self.row, self.columns, FieldError::new(part, reason, ""));
            self.problems.push(RowProblem {
                column: Some(column.map_or(part, |c| c.header.as_str()).to_string()),
                found: found.to_string(),
                remark: true,
                cause: Some(UNUSED),
                ..said
            });
        }
    }

    /// The same extension in another connection is no clash: it is said.
    pub fn remark_elsewhere(&self, user: &User, existing: Option<&User>) -> Option<RowProblem> {
        let extension = user.extension.as_ref().filter(|_| self.context.connections().len() > 1)?;
        if existing.is_some_and(|before| before.extension == user.extension) {
            return None;
        }
        let (other, at) = self.known.extension_elsewhere(user, extension.as_str(), self.context)?;
        let connection = self.context.connections().iter().find(|c| c.id == at)?;
        let how = match &connection.prefix {
            Some(prefix) => format!("reached there with {prefix} before it"),
            None => "which has no prefix, so that only its own people reach it".to_string(),
        };
        let reason = format!("is also {}'s in the connection {}: {how}", other.display_name, connection.name);
        let error = FieldError::new("extension", reason, "");
        let said = problem(self.row, self.columns, error);
        Some(RowProblem { remark: true, cause: Some(ELSEWHERE), ..said })
    }

    fn in_file(&mut self, field: &'static str, earlier: u64, mend: &str, option: Option<&'static str>) {
        self.fail(field, IN_FILE, format!("is also in row {earlier}"), mend, option);
    }

    fn taken(
        &mut self,
        field: &'static str,
        holder: Uuid,
        user: &User,
        mend: &str,
        option: Option<&'static str>,
    ) {
        let reason = format!("is {}", self.known.whose(holder, user.site, self.context));
        self.fail(field, THERE, reason, mend, option);
    }

    fn fail(
        &mut self,
        field: &'static str,
        cause: &'static str,
        reason: String,
        mend: &str,
        option: Option<&'static str>,
    ) {
        let error = FieldError { option, ..FieldError::new(field, reason, mend) };
        let said = problem(self.row, self.columns, error);
        self.problems.push(RowProblem { cause: Some(cause), ..said });
    }

    /// `part` with the device's place in the row and what was found; the row or device that has it before.
    fn device(
        &mut self,
        (part, at, found): (&'static str, usize, &str),
        (earlier, holder): (Option<u64>, Option<Uuid>),
        user: &User,
        mend: &str,
    ) {
        let (cause, reason) = match (earlier, holder) {
            (Some(earlier), _) if earlier == self.row.number => (TWICE, "is in this row twice".to_string()),
            (Some(earlier), _) => (IN_FILE, format!("is also in row {earlier}")),
            (None, Some(holder)) => {
                (THERE, format!("is {}", self.known.whose(holder, user.site, self.context)))
            }
            (None, None) => return,
        };
        let column = self.columns.iter().filter(|c| c.taken == Taken::Device(part)).nth(at);
        let said = problem(self.row, self.columns, FieldError::new(part, reason, mend));
        self.problems.push(RowProblem {
            column: Some(column.map_or(part, |c| c.header.as_str()).to_string()),
            found: found.to_string(),
            cause: Some(cause),
            ..said
        });
    }
}
