//! People written to a file in our own format, streamed.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;

use muster_domain::change::Refusal;
use muster_domain::field::EntityKind;
use muster_domain::ids::{ConnectionId, MailboxId, SecretId, SiteId, UserId};
use muster_domain::organization::{Connection, Device, Mailbox, Site};
use muster_domain::permission::Permission;
use muster_domain::roles::RoleBook;
use muster_domain::types::Name;
use muster_domain::user::{Record, User};
use muster_import::{
    ExportError, ExportMailbox, ExportRow, ExportSecrets, Exporter, Format, Layout, LeftOut, OtherExporter,
    OtherReport, WorkbookExporter,
};
use muster_store::Reader;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{App, AppError, Scope};

/// People read and written at once.
const BATCH: usize = 1000;

#[derive(Clone, Copy, Debug)]
pub struct ExportOptions {
    /// Passwords and PINs in the clear: needs the permission to export secrets.
    pub with_secrets: bool,
    /// Whose file it is to be.
    pub format: Format,
    /// As an Excel workbook; only in our own format.
    pub workbook: bool,
}

impl Default for ExportOptions {
    fn default() -> ExportOptions {
        ExportOptions { with_secrets: false, format: Format::Muster, workbook: false }
    }
}

/// What became of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub people: u64,
    /// What another system's file has no room for, by thing. Ours has room for everything.
    pub left_out: BTreeMap<String, LeftOut>,
    /// How many people's password or PIN is in another system's file.
    pub people_with_secrets: u64,
}

impl App {
    /// Notes in the organization's log that its passwords leave it, and who takes them. To be called before
    /// the first byte of an export with secrets.
    pub fn note_export_of_secrets(&self, scope: &Scope) -> Result<(), AppError> {
        scope.require(Permission::SecretsExport)?;
        let at = self.now();
        self.note(scope, |organization| organization.secrets_exported_at = Some(at))
    }

    /// Writes everybody who is not trashed.
    pub fn export<W: Write>(
        &self,
        scope: &Scope,
        options: ExportOptions,
        sink: W,
    ) -> Result<Exported, AppError> {
        scope.require(if options.with_secrets { Permission::SecretsExport } else { Permission::Export })?;
        let mut sink = Some(sink);
        let kinds = [
            EntityKind::Site,
            EntityKind::Connection,
            EntityKind::User,
            EntityKind::Device,
            EntityKind::Mailbox,
        ];
        self.read_in(scope, &kinds, |r, _| {
            // A read is not run again: the sink is there.
            let Some(sink) = sink.take() else {
                return Err(AppError::Limit("the export was interrupted".into()));
            };
            export(r, scope, options, sink)
        })
    }
}

fn export<W: Write>(
    r: &mut Reader,
    scope: &Scope,
    options: ExportOptions,
    sink: W,
) -> Result<Exported, AppError> {
    let org = scope.org();
    let sites: HashMap<SiteId, String> =
        r.all::<Site>(org)?.into_iter().map(|s| (s.id, s.name.to_string())).collect();
    let connections: HashMap<ConnectionId, String> =
        r.all::<Connection>(org)?.into_iter().map(|c| (c.id, c.name.to_string())).collect();
    let devices = devices_of_all(r, org)?;
    let most = devices.values().map(Vec::len).max().unwrap_or(0);
    let layout = Layout { with_secrets: options.with_secrets, devices: most.clamp(1, Layout::DEVICES_MAX) };
    let mut exporter = Output::new(sink, layout, options)?;
    let roles = crate::roles::role_book(r, org)?;
    let seen =
        |user: &&User| user.record == Record::Live && scope.grants.has_at(Permission::Export, user.site);
    let mut ids: Vec<UserId> = Vec::new();
    r.for_each::<User, AppError>(org, BATCH, |users| {
        ids.extend(users.iter().filter(seen).map(|u| u.id));
        Ok(())
    })?;
    let count = ids.len() as u64;
    for batch in ids.chunks(BATCH) {
        let mut batch = Batch::load(r, scope, batch, &devices, options)?;
        batch.spell_roles(&roles);
        for user in &batch.users {
            let none = Vec::new();
            let devices = devices.get(&user.id).unwrap_or(&none);
            let passwords: Vec<Option<&str>> = devices.iter().map(|d| batch.secret(d.sip_secret)).collect();
            let row = ExportRow {
                user,
                site: user.site.and_then(|id| sites.get(&id)).map_or("", String::as_str),
                connection: user.connection.and_then(|id| connections.get(&id)).map_or("", String::as_str),
                mailbox: batch.mailbox(user),
                has_voicemail_pin: batch.own_mailbox(user).is_some_and(|m| m.voicemail_pin.is_some()),
                devices,
                secrets: ExportSecrets { devices: &passwords, ..batch.secrets(user) },
            };
            exporter.push(&row)?;
        }
    }
    let OtherReport { left_out, people_with_secrets } = exporter.finish()?;
    Ok(Exported { people: count, left_out, people_with_secrets })
}

/// Our own file, or another system's.
enum Output<W: Write> {
    Own(Exporter<W>),
    Workbook(Box<WorkbookExporter<W>>),
    Other(OtherExporter<W>),
}

impl<W: Write> Output<W> {
    fn new(sink: W, layout: Layout, options: ExportOptions) -> Result<Output<W>, AppError> {
        if options.workbook && options.format == Format::Muster {
            let workbook = WorkbookExporter::new(sink, layout).map_err(failed)?;
            return Ok(Output::Workbook(Box::new(workbook)));
        }
        if options.workbook {
            let mend = "write a CSV file for other systems, or leave the format out";
            return Err(AppError::invalid("format", "is not written as a workbook", mend));
        }
        if options.format == Format::Muster {
            return Ok(Output::Own(Exporter::new(sink, layout).map_err(failed)?));
        }
        let other = OtherExporter::new(sink, options.format, options.with_secrets).map_err(failed)?;
        other.map(Output::Other).ok_or_else(|| {
            AppError::invalid("format", "is not one that can be written", "leave it out for our own")
        })
    }

    fn push(&mut self, row: &ExportRow<'_>) -> Result<(), AppError> {
        match self {
            Output::Own(exporter) => exporter.push(row).map_err(failed),
            Output::Workbook(exporter) => exporter.push(row).map_err(failed),
            Output::Other(exporter) => exporter.push(row).map_err(failed),
        }
    }

    fn finish(self) -> Result<OtherReport, AppError> {
        match self {
            Output::Own(exporter) => exporter.finish().map(|_| OtherReport::default()).map_err(failed),
            Output::Workbook(exporter) => exporter.finish().map(|_| OtherReport::default()).map_err(failed),
            Output::Other(exporter) => exporter.finish().map(|(_, report)| report).map_err(failed),
        }
    }
}

fn devices_of_all(
    r: &mut Reader,
    org: muster_domain::ids::OrgId,
) -> Result<HashMap<UserId, Vec<Device>>, AppError> {
    let mut of_user: HashMap<UserId, Vec<Device>> = HashMap::new();
    r.for_each::<Device, AppError>(org, BATCH, |devices| {
        for device in devices {
            if let Some(user) = device.user {
                of_user.entry(user).or_default().push(device);
            }
        }
        Ok(())
    })?;
    Ok(of_user)
}

fn failed(error: muster_import::ExportError) -> AppError {
    match error {
        ExportError::TooManyDevices { .. } | ExportError::TooManyPeople => {
            AppError::Refused(Refusal::NotAllowed(format!("{error}")))
        }
        ExportError::Write(_) => AppError::Limit(error.to_string()),
    }
}

/// Some people with what their rows name.
struct Batch {
    users: Vec<User>,
    mailboxes: HashMap<MailboxId, Mailbox>,
    owners: HashMap<UserId, String>,
    secrets: HashMap<SecretId, Zeroizing<String>>,
}

impl Batch {
    fn load(
        r: &mut Reader,
        scope: &Scope,
        ids: &[UserId],
        devices: &HashMap<UserId, Vec<Device>>,
        options: ExportOptions,
    ) -> Result<Batch, AppError> {
        let org = scope.org();
        let raw: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let mut users = r.get_many::<User>(org, &raw)?;
        users.sort_unstable_by_key(|u| u.id);
        let boxes: Vec<Uuid> = users.iter().filter_map(|u| u.mailbox).map(|id| id.0).collect();
        let mailboxes: HashMap<_, _> =
            r.get_many::<Mailbox>(org, &boxes)?.into_iter().map(|m| (m.id, m)).collect();
        let strangers: Vec<Uuid> = users
            .iter()
            .filter_map(|u| mailboxes.get(&u.mailbox?)?.owner.filter(|owner| *owner != u.id))
            .map(|id| id.0)
            .collect();
        let owners = r.get_many::<User>(org, &strangers)?;
        let mut wanted: Vec<SecretId> = Vec::new();
        if options.with_secrets {
            wanted.extend(users.iter().filter_map(|u| u.sip_secret));
            let theirs = users.iter().filter_map(|u| devices.get(&u.id)).flatten();
            wanted.extend(theirs.filter_map(|d| d.sip_secret));
            wanted.extend(mailboxes.values().filter_map(|m| m.voicemail_pin));
        }
        let secrets = r.secrets_of(org, &wanted)?.into_iter().collect();
        let owners = owners.into_iter().map(|u| (u.id, u.username.to_string())).collect();
        Ok(Batch { users, mailboxes, owners, secrets })
    }

    /// Sites that roles are held for stand in a file by their names.
    fn spell_roles(&mut self, book: &RoleBook) {
        for user in &mut self.users {
            for role in user.roles.iter_mut().filter(|role| role.as_str().contains('@')) {
                *role = Name::parse(&book.spelled(role.as_str())).unwrap_or_else(|_| role.clone());
            }
        }
    }

    fn mailbox(&self, user: &User) -> ExportMailbox<'_> {
        let Some(mailbox) = user.mailbox.and_then(|id| self.mailboxes.get(&id)) else {
            return ExportMailbox::None;
        };
        match mailbox.owner {
            Some(owner) if owner == user.id => ExportMailbox::Own,
            Some(owner) => {
                self.owners.get(&owner).map_or(ExportMailbox::None, |name| ExportMailbox::OfUser(name))
            }
            None => ExportMailbox::Named(mailbox.name.as_str()),
        }
    }

    fn own_mailbox(&self, user: &User) -> Option<&Mailbox> {
        user.mailbox.and_then(|id| self.mailboxes.get(&id)).filter(|m| m.owner == Some(user.id))
    }

    fn secrets(&self, user: &User) -> ExportSecrets<'_> {
        let mailbox = self.own_mailbox(user);
        ExportSecrets {
            sip_password: self.secret(user.sip_secret),
            voicemail_pin: self.secret(mailbox.and_then(|m| m.voicemail_pin)),
            on_call_pin: None,
            devices: &[],
        }
    }

    fn secret(&self, id: Option<SecretId>) -> Option<&str> {
        id.and_then(|id| self.secrets.get(&id)).map(|text| text.as_str())
    }
}
