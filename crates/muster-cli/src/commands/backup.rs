//! `muster backup FILE`: the server encrypts, we only keep what it sends.

use serde_json::json;

use super::export::Part;
use crate::args::BackupArgs;
use crate::client::Request;
use crate::failure::Failure;
use crate::passphrase::passphrase;
use crate::session::Session;
use crate::value::counted;

pub(crate) fn run(session: &mut Session<'_, '_>, args: &BackupArgs) -> Result<(), Failure> {
    let target = &args.file;
    if target.is_dir() {
        let what = format!("{} is a folder.", target.display());
        return Err(Failure::usage(what, "Name a file in it."));
    }
    if target.exists() && !args.force {
        return Err(Failure::refused(
            format!("{} is there already.", target.display()),
            "Choose another name, or replace it with --force.",
        ));
    }
    let passphrase = passphrase(&args.passphrase, true, session.console)?;
    let body = json!({ "passphrase": passphrase });
    // First the file: where it cannot be written, nothing need be asked, nor logged.
    let mut part = Part::beside(target, true)?;
    let mut reader = session.client.stream(&Request::post("/api/v1/backup", &body))?;
    let bytes = part.fill(&mut *reader, "backup")?;
    part.rename(target, args.force)?;
    if session.json {
        session.console.json(&json!({ "file": target.to_string_lossy(), "bytes": bytes }))?;
        return Ok(());
    }
    let size = counted(bytes, "byte", "bytes");
    session
        .console
        .line(&format!("The whole installation is in {}: {size}, encrypted.", target.display()))?;
    session.console.note(&format!(
        "Without the passphrase nobody can open it. To see that it is whole: muster restore --check {}",
        crate::shell_word(&target.to_string_lossy())
    ));
    Ok(())
}
