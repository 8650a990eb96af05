//! `muster export FILE.csv` or `FILE.xlsx`: to a file beside it, then renamed, so that nobody finds half of one.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::args::ExportArgs;
use crate::client::Request;
use crate::failure::{Failure, io_words};
use crate::session::Session;
use crate::value::{counted, grouped};

/// Whoever types a password off the file must know.
const APOSTROPHE: &str = "A cell that begins with =, +, - or @ has an apostrophe before it, so that no \
                          spreadsheet takes it for a formula: it is not part of the password.";
const CHUNK_BYTES: usize = 64 * 1024;

pub(crate) fn run(session: &mut Session<'_, '_>, args: &ExportArgs) -> Result<(), Failure> {
    let target = &args.file;
    let ends_in = |word: &str| target.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(word));
    let path = match (ends_in("csv"), ends_in("xlsx")) {
        (true, _) => "/export.csv",
        (_, true) => "/export.xlsx",
        _ => {
            let what = format!("{} ends in neither .csv nor .xlsx.", target.display());
            return Err(Failure::usage(what, "Name it FILE.csv or FILE.xlsx."));
        }
    };
    if path == "/export.xlsx" && args.format != "muster" {
        let what = format!("A file of {} is a CSV file.", args.format);
        return Err(Failure::usage(what, "Name it FILE.csv."));
    }
    if target.exists() && !args.force {
        return Err(Failure::refused(
            format!("{} is there already.", target.display()),
            "Choose another name, or replace it with --force.",
        ));
    }
    let request = request(session, args, path)?;
    // First the file: where it cannot be written, nothing need be asked, nor logged.
    let mut part = Part::beside(target, args.with_secrets)?;
    let mut reader = session.client.stream(&request)?;
    let bytes = part.fill(&mut *reader, "export")?;
    part.rename(target, args.force)?;
    let report = match args.format.as_str() {
        "muster" => Value::Null,
        _ => {
            let request = self::request(session, args, "/export/report")?;
            session.client.send(&request)?.value
        }
    };
    let left_out = report["left_out"].as_array().cloned().unwrap_or_default();
    if session.json {
        let done = json!({ "file": target.to_string_lossy(), "bytes": bytes, "left_out": left_out });
        session.console.json(&done)?;
        return Ok(());
    }
    // Another system's file may have no column for them.
    let holds_secrets = args.with_secrets && report["people_with_secrets"] != 0;
    let secrets = if holds_secrets { " It holds passwords: only you can read it." } else { "" };
    let size = counted(bytes, "byte", "bytes");
    session.console.line(&format!("Written to {}: {size}.{secrets}", target.display()))?;
    if args.with_secrets && args.format == "muster" && path == "/export.csv" {
        session.console.note(APOSTROPHE);
    }
    if !left_out.is_empty() {
        session.console.note(&format!("A file of {} has no room for:", args.format));
    }
    for left in &left_out {
        let first: Vec<&str> =
            left["first"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let people = left["people"].as_u64().unwrap_or(0);
        let more = if people > first.len() as u64 { ", …" } else { "" };
        let what = left["what"].as_str().unwrap_or_default();
        let of = counted(people, "person", "people");
        session.console.note(&format!("  {what}: {of} ({}{more})", first.join(", ")));
    }
    Ok(())
}

fn request<'a>(session: &mut Session<'_, '_>, args: &ExportArgs, path: &str) -> Result<Request<'a>, Failure> {
    let mut request = Request::get(session.path(path)?).may_take_long();
    if args.format != "muster" {
        request = request.query("format", &args.format);
    }
    if args.with_secrets {
        request = request.query("with_secrets", "true");
    }
    for (name, value) in [("filter", &args.filter), ("as_of", &args.as_of)] {
        if let Some(value) = value {
            request = request.query(name, value);
        }
    }
    Ok(request)
}

/// Writes what a request answers to a file that is not there yet.
pub(super) fn write_file(
    session: &mut Session<'_, '_>,
    request: &Request<'_>,
    target: &Path,
) -> Result<(), Failure> {
    if target.exists() {
        return Err(Failure::refused(
            format!("{} is there already.", target.display()),
            "Choose another name.",
        ));
    }
    let mut part = Part::beside(target, false)?;
    let mut reader = session.client.stream(request)?;
    let bytes = part.fill(&mut *reader, "file")?;
    part.rename(target, false)?;
    let done = json!({ "file": target.to_string_lossy(), "bytes": bytes });
    session.tell(&done, |console, _| {
        console.line(&format!("Written to {}: {}.", target.display(), counted(bytes, "byte", "bytes")))
    })
}

/// A file that is removed again unless it was finished.
pub(super) struct Part {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Part {
    pub fn beside(target: &Path, secret: bool) -> Result<Part, Failure> {
        remove_left(target);
        let path = target.with_file_name(part_name(target, std::process::id()));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, if secret { 0o600 } else { 0o644 });
        let file = options.open(&path).map_err(|e| cannot_write(target, &e))?;
        // Where there are no locks, whether the process is there says enough.
        let _ = file.try_lock();
        Ok(Part { path, file: Some(BufWriter::new(file)) })
    }

    /// `what` is written, in messages.
    pub fn fill(&mut self, reader: &mut dyn Read, what: &str) -> Result<u64, Failure> {
        let Some(file) = &mut self.file else { return Ok(0) };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut bytes = 0u64;
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => {
                    let what =
                        format!("The {what} broke off after {} bytes: {}.", grouped(bytes), io_words(&e));
                    return Err(Failure::refused(what, "No file was written. Try again."));
                }
            };
            file.write_all(&chunk[..read]).map_err(|e| cannot_write(&self.path, &e))?;
            bytes += read as u64;
        }
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(|e| cannot_write(&self.path, &e))?;
        Ok(bytes)
    }

    pub fn rename(mut self, target: &Path, replace: bool) -> Result<(), Failure> {
        self.file = None;
        // A link fails where a rename would replace what somebody else has put there meanwhile.
        let moved = if replace {
            std::fs::rename(&self.path, target)
        } else {
            std::fs::hard_link(&self.path, target).or_else(|e| match e.kind() {
                io::ErrorKind::AlreadyExists => Err(e),
                _ => std::fs::rename(&self.path, target),
            })
        };
        moved.map_err(|e| cannot_write(target, &e))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn part_name(target: &Path, process: u32) -> OsString {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{process}.part"));
    name
}

/// Removes the parts that commands for the same file left who were killed, as far as they are ours.
fn remove_left(target: &Path) {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        // The number is what stands between the last two dots.
        let process = Path::new(&name).file_stem().and_then(|stem| Path::new(stem).extension());
        let process = process.and_then(|number| number.to_str()?.parse::<u32>().ok());
        if process.is_some_and(|process| name == part_name(target, process) && has_ended(process))
            && is_ours_and_free(&entry.path())
        {
            // What cannot be removed is in nobody's way.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// A part with our own number is of one who had it before us. False where it cannot be known.
fn has_ended(process: u32) -> bool {
    let processes = Path::new("/proc");
    process == std::process::id()
        || processes.join("self").exists() && !processes.join(process.to_string()).exists()
}

/// A file of this user that nobody writes: also a process of another container or machine has it locked.
#[cfg(unix)]
fn is_ours_and_free(part: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = part.symlink_metadata() else { return false };
    let ours = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == found.uid());
    let opened = (ours && found.is_file()).then(|| OpenOptions::new().append(true).open(part));
    opened.is_some_and(|file| file.is_ok_and(|file| file.try_lock().is_ok()))
}

#[cfg(not(unix))]
fn is_ours_and_free(_part: &Path) -> bool {
    false
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::refused(
        format!("{} cannot be written: {}.", path.display(), io_words(error)),
        "Is the directory there, and may you write to it?",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_a_killed_command_left_are_removed_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("people.csv");
        let put = |name: &str| std::fs::write(folder.path().join(name), "half").unwrap();
        // No process has so high a number.
        put(".people.csv.4294967295.part");
        put(&format!(".people.csv.{}.part", std::process::id()));
        let parent = std::os::unix::process::parent_id();
        let kept = [
            format!(".people.csv.{parent}.part"),
            ".other.csv.4294967295.part".into(),
            ".people.csv.draft.part".into(),
            "people.csv.4294967295.part".into(),
            ".people.csv.4294967294.part".into(),
        ];
        kept.iter().for_each(|name| put(name));
        // Somebody in another container, whose processes are not seen here.
        let locked = File::open(folder.path().join(&kept[4])).unwrap();
        locked.lock().unwrap();
        drop(Part::beside(&target, true).ok().unwrap());
        let left = std::fs::read_dir(folder.path()).unwrap();
        let mut left: Vec<_> = left.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept);
    }
}
