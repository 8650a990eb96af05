//! `muster import`: sends the file, watches the job, says what came of it, and waits until the phones
//! know.

mod again;
mod causes;
mod summary;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Value, json};

use crate::args::{Fix, ImportArgs};
use crate::client::{Method, Request, Upload};
use crate::failure::{Failure, io_words};
use crate::follow;
use crate::session::Session;
use crate::value::{count_of, counted, grouped};

pub(crate) use again::Again;
pub(crate) use summary::{Told, print as print_summary};

/// The server's limit; a larger file is refused here, before any of it is read.
const FILE_MIB_MAX: u64 = 256;
const FILE_BYTES_MAX: u64 = FILE_MIB_MAX * 1024 * 1024;

pub(crate) fn run(session: &mut Session<'_, '_>, args: &ImportArgs) -> Result<(), Failure> {
    let content = Content::open(&args.file)?;
    if args.suggest_mapping {
        return suggest(session, &content, args.vertical);
    }
    let request = request(session, args)?.upload(content.upload());
    let name = args.file.display().to_string();
    let sending = follow::while_sending(session.console, &name);
    let answer = session.client.send(&request)?;
    drop(sending);
    let job = job_of(&answer.location, &answer.value)?;
    let ended = follow::until_ended(session, &job)?;
    let hints = session.hints.clone();
    let told = Told { name: &name, again: Again::of_args(args), every_row: args.every_row };
    session.tell(&ended, |console, ended| summary::print(console, &hints, ended, &told))?;
    if let Some(path) = &args.save_map {
        save_map(session, path, &ended["summary"])?;
    }
    if ended["state"] != "done" {
        return Err(Failure::Told);
    }
    if ended["summary"]["nothing_written"] == true {
        return Ok(());
    }
    // The job does not say at which change it ended; whatever is the newest now is not before that.
    session.wait_for_phones_at_head()?;
    left_out(session, &ended["summary"]);
    Ok(())
}

/// The status is that of a job well done, as was asked; who reads nothing but the last line learns it too.
fn left_out(session: &mut Session<'_, '_>, report: &Value) {
    let (rejected, rows) = (count_of(report, "rejected"), count_of(report, "rows"));
    if rejected > 0 && !session.json {
        let were = if rejected == 1 { "was" } else { "were" };
        let (rejected, rows) = (grouped(rejected), counted(rows, "row", "rows"));
        session.console.note(&format!("{rejected} of {rows} {were} left out, as --good-rows-only asks."));
    }
}

/// The guess goes to stdout as it would go into a file, what is to be done with it to stderr.
fn suggest(session: &mut Session<'_, '_>, content: &Content, vertical: bool) -> Result<(), Failure> {
    let mut request = Request::new(Method::Post, session.path("/imports/mapping")?)
        .header("content-type", "application/octet-stream")
        .upload(content.upload());
    if vertical {
        request = request.query("vertical", "true");
    }
    let answer = session.client.send(&request)?;
    session.tell(&answer.value, |console, guess| {
        console.line(guess["mapping"].as_str().unwrap_or_default().trim_end())?;
        let columns = guess["columns"].as_array().map_or(0, Vec::len);
        let known = guess["columns"].as_array().into_iter().flatten();
        let known = known.filter(|column| column["target"].is_string()).count();
        console.note(&format!(
            "{known} of {columns} columns were guessed; \"\" leaves a column out. Look at it, save it, and \
             import with --map."
        ));
        Ok(())
    })
}

/// The largest mapping that goes with a file.
const MAPPING_BYTES_MAX: u64 = 32 * 1024;

fn mapping_text(path: &Path) -> Result<String, Failure> {
    let shown = path.display();
    let cannot =
        |why: String| Failure::refused(format!("{shown} cannot be read: {why}."), "Is the path right?");
    let file = File::open(path).map_err(|e| cannot(io_words(&e)))?;
    let mut text = String::new();
    file.take(MAPPING_BYTES_MAX + 1).read_to_string(&mut text).map_err(|e| cannot(io_words(&e)))?;
    if text.len() as u64 > MAPPING_BYTES_MAX {
        let mend = "Leave out the columns that are not taken.";
        return Err(Failure::refused(format!("{shown} is larger than {MAPPING_BYTES_MAX} bytes."), mend));
    }
    Ok(text)
}

/// The mapping as the server has put it together, for the next file.
fn save_map(session: &mut Session<'_, '_>, path: &Path, report: &Value) -> Result<(), Failure> {
    let Some(mapping) = report["mapping"].as_str() else { return Ok(()) };
    std::fs::write(path, mapping).map_err(|e| {
        let why = format!("{} cannot be written: {}.", path.display(), io_words(&e));
        Failure::refused(why, "Is the path right?")
    })?;
    if !session.json {
        let shown = path.display();
        session.console.note(&format!("The corrections are in {shown}: use them again with --map {shown}."));
    }
    Ok(())
}

/// The options go into the query, the body is the file as it is.
fn request<'a>(session: &mut Session<'_, '_>, args: &ImportArgs) -> Result<Request<'a>, Failure> {
    let mut request = Request::new(Method::Post, session.path("/imports")?)
        .header("content-type", "application/octet-stream");
    let file_name = args.file.file_name().unwrap_or_default().to_string_lossy();
    request = request.query("file_name", &file_name).query("activate", args.activate.word());
    if args.format != "auto" {
        request = request.query("format", &args.format);
    }
    if let Some(path) = &args.map {
        request = request.query("mapping", &mapping_text(path)?);
    }
    if let Some(by) = args.match_by {
        request = request.query("match", by.word());
    }
    if let Some(existing) = args.existing {
        request = request.query("existing", existing.word());
    }
    if let Some(inactive) = args.inactive {
        request = request.query("inactive", inactive.word());
    }
    if !args.fix.is_empty() {
        let one = |fix: &Fix| json!({ "column": fix.column, "found": fix.found, "value": fix.value });
        let corrections: Value = args.fix.iter().map(one).collect();
        request = request.query("corrections", &corrections.to_string());
    }
    if !args.acknowledge.is_empty() {
        request = request.query("acknowledge", &args.acknowledge.join(","));
    }
    let texts = [("site", &args.site), ("connection", &args.connection)];
    for (name, value) in texts.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        request = request.query(name, value);
    }
    let flags = [
        ("vertical", args.vertical),
        ("dry_run", args.dry_run),
        ("good_rows_only", args.good_rows_only),
        ("allow_shared_emails", args.allow_shared_emails),
        ("create_sites", args.create_sites),
    ];
    for (name, _) in flags.iter().filter(|(_, on)| *on) {
        request = request.query(name, "true");
    }
    Ok(request)
}

/// The id at the end of `Location: …/jobs/ID`.
fn job_of(location: &Option<String>, answer: &Value) -> Result<String, Failure> {
    let in_location = location.as_deref().and_then(|location| location.rsplit_once("/jobs/"));
    let job = in_location.map(|(_, id)| id).or_else(|| answer["id"].as_str());
    let job = job.map(|id| id.trim_matches('/').to_owned()).filter(|id| !id.is_empty());
    job.ok_or_else(|| {
        Failure::refused("The server took the file but named no job.", "See `muster job list`.")
    })
}

/// What is sent: a file that can be sent again from its beginning, or what came through a pipe.
enum Content {
    File(File, u64),
    Bytes(Vec<u8>),
}

impl Content {
    fn open(path: &Path) -> Result<Content, Failure> {
        let shown = path.display();
        let cannot = |e: std::io::Error| {
            Failure::refused(format!("{shown} cannot be read: {}.", io_words(&e)), "Is the path right?")
        };
        let file = File::open(path).map_err(cannot)?;
        let about = file.metadata().map_err(cannot)?;
        if about.is_dir() {
            return Err(Failure::refused(format!("{shown} is a directory."), "Name the file in it."));
        }
        if about.is_file() {
            let size = about.len();
            return if size > FILE_BYTES_MAX { Err(too_large(path)) } else { Ok(Content::File(file, size)) };
        }
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if bytes.len() as u64 > FILE_BYTES_MAX { Err(too_large(path)) } else { Ok(Content::Bytes(bytes)) }
    }

    fn upload(&self) -> Upload<'_> {
        match self {
            Content::File(file, size) => Upload::File(file, *size),
            Content::Bytes(bytes) => Upload::Bytes(bytes),
        }
    }
}

fn too_large(path: &Path) -> Failure {
    Failure::refused(
        format!("{} is larger than {FILE_MIB_MAX} MiB, which is the limit for one import.", path.display()),
        "Split it into several files, each with the header line.",
    )
}
