//! The folder that everything is kept in: its owner's alone, and one server's at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Names the server that uses the folder, and is locked by it: the lock ends with the process, however
/// that ends.
const LOCK_FILE: &str = "muster.pid";

/// What stands there instead of an address while a backup is restored.
const RESTORE: &str = "restore";

/// No line of ours is longer.
const LOCK_BYTES_MAX: u64 = 256;

/// The folder as long as this server uses it.
pub struct DataDir {
    _lock: Option<File>,
}

/// Takes the folder for this process, which serves `http`. Who else has it is said.
pub fn take(data: &Path, http: SocketAddr) -> Result<DataDir, String> {
    lock(data, &format!("http://{http}"))
}

/// Takes the folder for this process, which restores into it.
pub fn take_to_restore(data: &Path) -> Result<DataDir, String> {
    lock(data, RESTORE)
}

/// Takes back a folder that was made by [`take_to_restore`] and has nothing in it.
pub fn remove_empty(data: &Path) {
    // What somebody put there meanwhile keeps the folder.
    let _ = std::fs::remove_file(data.join(LOCK_FILE)).and_then(|()| std::fs::remove_dir(data));
}

fn lock(data: &Path, what: &str) -> Result<DataDir, String> {
    make(data)?;
    let path = data.join(LOCK_FILE);
    let failed = |e: std::io::Error| format!("cannot write {}: {e}", path.display());
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true).mode(0o600);
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use(data, &mut file)),
        Err(TryLockError::Error(error)) => {
            // Some network file systems have no locks; the journal has one more guard.
            tracing::warn!(%error, path = %path.display(), "cannot be locked: start no second server here");
            return Ok(DataDir { _lock: None });
        }
    }
    let line = format!("{} {what}\n", std::process::id());
    if let Err(error) = file.set_len(0).and_then(|()| file.write_all(line.as_bytes())) {
        // The folder is ours all the same; a full disk does not keep the phones waiting.
        tracing::warn!(%error, path = %path.display(), "cannot say who uses the data folder");
    }
    Ok(DataDir { _lock: Some(file) })
}

fn in_use(data: &Path, file: &mut File) -> String {
    let mut line = String::new();
    let read = file.rewind().and_then(|()| file.take(LOCK_BYTES_MAX).read_to_string(&mut line));
    let whose = match line.trim().split_once(' ').filter(|_| read.is_ok()) {
        Some((pid, RESTORE)) => format!("a restore, the Muster with process id {pid}"),
        Some((pid, http)) => format!("the Muster with process id {pid}, which was told to serve {http}"),
        None => "another Muster".to_owned(),
    };
    format!(
        "the data folder {} is in use by {whose}; stop that one, or give this one a folder of its own with \
         --data, and ports of its own with --http and --sip",
        data.display()
    )
}

/// Makes the folder, or takes back what others may do in one that is there: the files in it hold people,
/// hashes of tokens and who called whom.
fn make(data: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| {
        let data = data.display();
        format!(
            "cannot make the data folder {data}, or keep others out of it: {e}; choose one of your own with --data"
        )
    };
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
    fn a_folder_is_one_servers_at_a_time_and_the_other_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let http = "127.0.0.1:8080".parse().unwrap();
        let first = take(folder.path(), http).unwrap();
        let refused = take(folder.path(), http).err().unwrap();
        let named =
            format!("process id {}, which was told to serve http://127.0.0.1:8080;", std::process::id());
        assert!(refused.contains(&named) && refused.contains("--data"), "{refused}");
        drop(first);
        assert!(take(folder.path(), http).is_ok(), "the folder stays taken");
    }

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
