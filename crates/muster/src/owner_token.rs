//! The owner's token: a file in the data folder, whose place is beside the database that it opens.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use muster_app::{App, AppError};

/// Gives the owner's token: made and written to `owner.token` on the first start, and anew where the file is
/// gone. Who may remove it may read the database and its keys: nobody gains by it.
///
/// A folder that has a token and a database without anybody in it do not belong together: somebody forgot
/// to say which database is meant. Nothing is made then, and the token stays.
pub fn ready(app: &App, data: &Path) -> Result<String, String> {
    let path = data.join("owner.token");
    let failed = |e: AppError| format!("cannot make the operator: {e}");
    let kept = std::fs::read_to_string(&path).unwrap_or_default().trim().to_string();
    let is_new = !app.has_operator().map_err(failed)?;
    if kept.is_empty() {
        if !is_new {
            tracing::warn!(path = %path.display(), "the owner's token was missing: a new one is made");
        }
        let token = app.make_owner_token(is_new).map_err(failed)?;
        write(&path, &token).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        return Ok(token);
    }
    if is_new {
        return Err(format!(
            "the folder {} is that of an installation whose database is another one: this one is empty, and \
             {} is there already; give the --database that it was started with, or another folder with --data",
            data.display(),
            path.display(),
        ));
    }
    if app.authenticate(&kept).is_err() {
        tracing::warn!(
            path = %path.display(),
            "this database does not know the token in the file: was it revoked, or is it another database's? \
             Move the file away and start again to have a new one made"
        );
    }
    Ok(kept)
}

/// Whole or not at all: a token of which only the half is written opens nothing.
fn write(path: &Path, token: &str) -> std::io::Result<()> {
    let part = path.with_extension("token.part");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}
