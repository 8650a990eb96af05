//! The folder that everything is kept in: its owner's alone.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Makes the folder, or takes back what others may do in one that is there: the files in it hold people,
/// hashes of tokens and who called whom.
pub fn make(data: &Path) -> Result<(), String> {
    let failed =
        |e: std::io::Error| format!("cannot make the data folder {} ours alone: {e}", data.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    close_to_others(data, 0o700).map_err(failed)?;
    let token = data.join("owner.token");
    if token.exists() {
        close_to_others(&token, 0o600).map_err(failed)?;
    }
    Ok(())
}

fn close_to_others(path: &Path, mode: u32) -> std::io::Result<()> {
    let found = std::fs::metadata(path)?.permissions().mode() & 0o777;
    if found & !mode == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), found = format!("{found:o}"), now = format!("{mode:o}"), "others could read it");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_others_could_read_is_closed_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join("owner.token"), "mst_x").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for (path, wide) in [(data.clone(), 0o755), (data.join("owner.token"), 0o644)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(wide)).unwrap();
        }
        make(&data).unwrap();
        assert_eq!((mode(&data), mode(&data.join("owner.token"))), (0o700, 0o600));
    }
}
