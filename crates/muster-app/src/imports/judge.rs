//! Every row, judged at once: against itself, against the other rows, against who is there.

use std::collections::HashMap;

use muster_domain::claims;
use muster_domain::ids::UserId;
use muster_domain::types::fold;
use muster_domain::user::{Record, Service, User};
use muster_domain::value::FieldError;
use muster_import::{Row, Source};
use muster_store::Reader;
use smol_str::SmolStr;

use super::build::{build, problem};
use super::context::Context;
use super::options::{ImportOptions, MatchKey};
use super::report::{ColumnReport, ImportReport, RowProblem};
use crate::AppError;

/// Rows that are looked up in the database together.
pub(super) const BATCH: usize = 500;

/// What shall become of a row; as many as there are rows, so it is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Create,
    Update(UserId),
    Reject,
}

pub(super) struct Judgement {
    pub report: ImportReport,
    pub decisions: Vec<Decision>,
    pub context: Context,
}

/// Keys of the rows read so far, with the row that has them.
#[derive(Default)]
struct Seen {
    extensions: HashMap<(SmolStr, SmolStr), u64>,
    usernames: HashMap<SmolStr, u64>,
    emails: HashMap<SmolStr, u64>,
    users: HashMap<UserId, u64>,
}

pub(super) fn judge(
    r: &mut Reader,
    mut context: Context,
    source: &Source<'_>,
    options: &ImportOptions,
    mut progress: impl FnMut(u64),
) -> Result<Judgement, AppError> {
    let mut report = ImportReport {
        format: source.format().word().to_string(),
        encoding: source.encoding().to_string(),
        delimiter: source.delimiter().to_string(),
        columns: source.columns().iter().map(ColumnReport::from).collect(),
        rows: source.rows_total(),
        ..ImportReport::default()
    };
    let mut decisions = Vec::with_capacity(source.rows_total() as usize);
    let mut seen = Seen::default();
    let mut rows = source.rows();
    loop {
        let batch: Vec<Row> = rows.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            break;
        }
        let known = Known::load(r, &context, &batch)?;
        for row in batch {
            let decision = judge_row(row, &mut context, &known, &mut seen, source, options, &mut report);
            if decision == Decision::Reject {
                report.rejected += 1;
            }
            decisions.push(decision);
        }
        progress(decisions.len() as u64);
    }
    report.new_sites = context.new_sites.iter().map(|s| s.name.to_string()).collect();
    Ok(Judgement { report, decisions, context })
}

fn judge_row(
    mut row: Row,
    context: &mut Context,
    known: &Known,
    seen: &mut Seen,
    source: &Source<'_>,
    options: &ImportOptions,
    report: &mut ImportReport,
) -> Decision {
    for remark in std::mem::take(&mut row.remarks) {
        report.problem(RowProblem {
            line: row.line,
            row: row.number,
            column: Some(remark.column.to_string()),
            found: String::new(),
            reason: remark.text,
            mend: String::new(),
            remark: true,
        });
    }
    let unreadable = !row.errors.is_empty();
    for error in std::mem::take(&mut row.errors) {
        report.problem(error.into());
    }
    let existing = known.matching(&row, options.match_by);
    let mut errors = Vec::new();
    let built = build(&row, context, existing, options.activate);
    // A row whose cells could not be read is not asked for what those cells would have given.
    match built {
        Ok(user) => {
            check_keys(&user, &row, existing, known, seen, options, &mut errors);
            if errors.is_empty() && !unreadable {
                count(&user, existing, report);
            }
        }
        Err(found) if !unreadable => errors = found,
        Err(_) => {}
    }
    let rejected = unreadable || !errors.is_empty();
    for error in errors {
        report.problem(problem(&row, source.columns(), error));
    }
    match existing {
        _ if rejected => Decision::Reject,
        Some(user) => Decision::Update(user.id),
        None => Decision::Create,
    }
}

fn count(user: &User, existing: Option<&User>, report: &mut ImportReport) {
    match existing {
        None => report.created += 1,
        Some(_) => report.updated += 1,
    }
    match user.service {
        Service::Enabled => report.activated += 1,
        _ => report.contacts += 1,
    }
}

/// One owner each: extension, username and signing-in email, in the file and in the organization.
fn check_keys(
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
    if let Some(earlier) = seen.usernames.insert(username.clone(), line) {
        errors.push(taken(
            "username",
            format!("is also in row {earlier}"),
            "give each person a username of their own",
        ));
    } else if known.auth.get(&username).is_some_and(|holder| Some(*holder) != me) {
        errors.push(taken("username", "is taken by somebody who is already there".into(), MATCH_MEND));
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
            errors.push(taken("extension", "is taken by somebody who is already there".into(), MATCH_MEND));
        }
    }
    if let Some(email) = user.email.as_ref().filter(|_| !options.allow_shared_emails) {
        let key = SmolStr::from(fold(email.as_str()));
        const MEND: &str = "give each person an address of their own, or allow shared emails";
        if let Some(earlier) = seen.emails.insert(key.clone(), line) {
            errors.push(taken("email", format!("is also in row {earlier}"), MEND));
        } else if known.emails.get(&key).is_some_and(|holders| holders.iter().any(|h| Some(*h) != me)) {
            errors.push(taken("email", "is somebody's who is already there".into(), MEND));
        }
    }
}

const MATCH_MEND: &str = "choose another, or choose a match key so that those who are there are updated";

/// Who of the database a batch of rows could mean or could clash with.
struct Known {
    auth: HashMap<SmolStr, UserId>,
    extensions: HashMap<(SmolStr, SmolStr), UserId>,
    emails: HashMap<SmolStr, Vec<UserId>>,
    users: HashMap<UserId, User>,
}

impl Known {
    fn load(r: &mut Reader, context: &Context, rows: &[Row]) -> Result<Known, AppError> {
        let org = context.org;
        let texts = |field: &str| -> Vec<SmolStr> {
            rows.iter().filter_map(|row| row.person.text(field)).map(|t| fold(t).into()).collect()
        };
        let extensions_wanted = texts("extension");
        // Somebody without a username is named by their extension.
        let mut names = texts("username");
        names.extend(extensions_wanted.iter().cloned());
        let mut known = Known {
            auth: HashMap::new(),
            extensions: HashMap::new(),
            emails: HashMap::new(),
            users: HashMap::new(),
        };
        for (key, _, holder) in r.claimed(org, claims::AUTH_SPACE, &names)? {
            known.auth.insert(key, UserId(holder));
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
        for (key, holder) in r.emails(org, &texts("email"))? {
            known.emails.entry(key).or_default().push(holder);
        }
        known.load_users(r, context)?;
        Ok(known)
    }

    fn load_users(&mut self, r: &mut Reader, context: &Context) -> Result<(), AppError> {
        let mut ids: Vec<_> = self.auth.values().chain(self.extensions.values()).map(|id| id.0).collect();
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

    /// The one who is already there and whom this row means, by the chosen key.
    fn matching(&self, row: &Row, by: Option<MatchKey>) -> Option<&User> {
        let id = match by? {
            MatchKey::Username => *self.auth.get(fold(row.person.text("username")?).as_str())?,
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
