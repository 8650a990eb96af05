//! The demo: an organization made from a file that another phone system exported.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use muster_app::imports::{ImportOptions, NewImport};
use muster_app::organizations::NewOrganization;
use muster_app::{Actor, App, AppError, JobState, Scope};
use muster_domain::ids::JobId;
use muster_domain::permission::Permission;
use muster_domain::types::{Domain, Name, Slug};
use muster_domain::user::Service;

/// Sixty made-up people as 3CX exports them.
const PEOPLE: &[u8] = include_bytes!("../demo/people-3cx.csv");
/// Its short name and its SIP domain.
pub const SLUG: &str = "demo";
pub const DOMAIN: &str = "demo.example.com";
const ACCOUNTS_FILE: &str = "accounts.txt";
/// How a line of it begins, and what stands before its secret.
const EXTENSION: &str = "extension ";
const SECRET: &str = ", secret ";

/// A phone to try.
pub struct Account {
    pub extension: String,
    /// Extension, name and auth name.
    pub who: String,
    /// `None` if it is another one by now than was written down.
    pub secret: Option<String>,
}

/// The phones that were written down when the demo was made, as they are now: without those whom nobody
/// would let in.
pub fn accounts(app: &App, operator: &Actor, data: &Path) -> Vec<Account> {
    let written = std::fs::read_to_string(data.join(ACCOUNTS_FILE)).unwrap_or_default();
    let Ok(scope) = app.authorize(operator, SLUG, Permission::PeopleRead) else { return Vec::new() };
    written.lines().filter_map(|line| account(app, &scope, line)).collect()
}

/// Reads what [`write_accounts`] wrote.
fn account(app: &App, scope: &Scope, line: &str) -> Option<Account> {
    let (who, secret) = line.rsplit_once(SECRET)?;
    let extension = who.strip_prefix(EXTENSION)?.split(' ').next()?;
    let user = app.find_user(scope, extension).ok().filter(|user| user.service == Service::Enabled)?;
    let kept = user.sip_secret?;
    // One that cannot be read any more is another one too.
    let is_kept = app.store().read(|r| r.secret_matches(scope.org(), kept, secret)).unwrap_or(false);
    Some(Account {
        extension: extension.to_owned(),
        who: who.to_owned(),
        secret: is_kept.then(|| secret.to_owned()),
    })
}

/// Makes the demo organization, if it is not there. Blocks until its people are imported.
pub fn make(app: &App, operator: &Actor, data: &Path) -> Result<(), String> {
    match app.authorize(operator, SLUG, Permission::Import) {
        Ok(_) => return Ok(()),
        Err(AppError::NotFound(_)) => {}
        Err(e) => return Err(e.to_string()),
    }
    create(app, operator, data).map_err(|e| format!("cannot make the demo organization: {e}"))
}

fn create(app: &App, operator: &Actor, data: &Path) -> Result<(), AppError> {
    let all = app.authorize_operator(operator)?;
    let parsed = |text: &str| Domain::parse(text).ok();
    app.create_organization(
        &all,
        &NewOrganization {
            name: Name::parse("Example & Sons, Ltd.").unwrap_or_default(),
            slug: Slug::parse(SLUG).ok(),
            domain: parsed(DOMAIN).unwrap_or_default(),
            // A softphone that knows nothing but the server's address finds the demo too.
            domain_aliases: ["127.0.0.1", "localhost"].into_iter().filter_map(parsed).collect(),
            country: None,
            time_zone: None,
        },
    )?;
    let scope = app.authorize(operator, SLUG, Permission::Import)?;
    let options = ImportOptions { allow_shared_emails: true, ..ImportOptions::default() };
    let job = app.start_import(&scope, &NewImport { file_name: "people-3cx.csv", bytes: PEOPLE, options })?;
    wait_for(app, &scope, JobId(job.id))?;
    write_accounts(app, &scope, data)
}

fn wait_for(app: &App, scope: &Scope, job: JobId) -> Result<(), AppError> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let view = app.job(scope, job)?;
        match view.job.state {
            JobState::Done => return Ok(()),
            JobState::Queued | JobState::Running if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => {
                return Err(AppError::Limit(
                    view.job.problem.unwrap_or_else(|| "the import did not end".into()),
                ));
            }
        }
    }
}

/// The passwords in the file are known to everybody who has the program: all get new ones, and the
/// first two are written down.
fn write_accounts(app: &App, scope: &Scope, data: &Path) -> Result<(), AppError> {
    let query = muster_app::UserQuery { limit: 1000, ..Default::default() };
    let mut shown = String::new();
    for user in app.users(scope, &query)?.items {
        if user.sip_secret.is_none() {
            continue;
        }
        let reset = app.reset_credentials(scope, user.id, None, None)?;
        let (Some(extension), Some(secret)) = (&user.extension, reset.secret) else { continue };
        if user.service == Service::Enabled && shown.lines().count() < 2 {
            let (name, auth_name) = (&user.display_name, &reset.auth_name);
            shown.push_str(&format!(
                "{EXTENSION}{extension}  {name}: auth name {auth_name}{SECRET}{secret}\n"
            ));
        }
    }
    let written = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(data.join(ACCOUNTS_FILE))
        .and_then(|mut file| file.write_all(shown.as_bytes()));
    written.map_err(|e| AppError::Limit(format!("cannot write {ACCOUNTS_FILE}: {e}")))
}
