//! `muster restore FILE`: a backup put back into an empty place, or only looked through.
//!
//! Whatever happens in between, there is nothing of it or all. The files of the data folder are laid out in
//! `restoring/` with a mark, the database is filled where nobody sees it and shows in one step with the same
//! mark, and then the files are moved to their places. A server does not start while `restoring/` is there,
//! unless the mark in the database says that only the moving is left: that it finishes, as a second `muster
//! restore` does.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use clap::Args;
use muster_app::{DATA_FILES, OPERATOR_SLUG};
use muster_cli::args::PassphraseArgs;
use muster_store::dump::{self, Backup, BackupError, Contents, Manifest, Passphrase, Target};

use crate::config::{Config, PlaceArgs};
use crate::{data_dir, serve};

/// In the data folder, while a restore is under way.
const STAGE: &str = "restoring";
/// The same folder once nothing in it is needed any more.
const DONE: &str = "restored";
/// In it: what the backup is known by. Written when all files are there.
const MARK: &str = "mark";
/// Files that a server makes and that no backup holds.
const OTHERS: [&str; 1] = ["bindings.journal"];

#[derive(Args)]
#[command(after_help = "\
Nothing is ever overwritten: the data folder must hold nothing of an installation, and the database must be \
empty. The database may be of the other \
kind than the one that was backed up. Phones register again by themselves, with the passwords that they have.

Examples:
  muster restore --check /backups/muster.backup
  muster restore /backups/muster.backup --data /var/lib/muster
  muster restore /backups/muster.backup --data /var/lib/muster --database postgres://muster@127.0.0.1/muster")]
pub struct RestoreArgs {
    /// What `muster backup` wrote
    file: PathBuf,
    /// Read it whole, say what is in it, and write nothing
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    place: PlaceArgs,
}

pub fn restore(args: RestoreArgs, json: bool) -> Result<(), String> {
    let config = args.place.resolve()?;
    let path = &args.file;
    let file = File::open(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let passphrase =
        muster_cli::passphrase_of(&args.passphrase, false, &mut muster_cli::Console::of_process())?;
    let said = |error: BackupError| about(path, error);
    let backup = Backup::open(io::BufReader::new(file), &Passphrase::of_old(&passphrase)).map_err(said)?;
    let manifest = backup.manifest().clone();
    let contents = match args.check {
        true => backup.check().map_err(said)?,
        false => put_back(backup, &config, path)?,
    };
    tell(&manifest, &contents, json);
    if !args.check && !json {
        println!("\nIt is restored. Start it: {}", start_command(&config));
    }
    Ok(())
}

/// What a server does first in its data folder.
pub fn finish_before_start(config: &Config) -> Result<(), String> {
    match left_over(config)? {
        LeftOver::Nothing => Ok(()),
        LeftOver::Finished(_) => {
            tracing::info!("a restore that was broken off when all was there is finished now");
            Ok(())
        }
        LeftOver::BrokenOff => Err(format!(
            "a restore into {} was broken off: run `muster restore` again, or remove {} to start with nothing",
            config.data.display(),
            config.data.join(STAGE).display()
        )),
    }
}

fn put_back(backup: Backup<impl Read>, config: &Config, path: &Path) -> Result<Contents, String> {
    let made = !config.data.exists();
    let folder = data_dir::take_to_restore(&config.data)?;
    let restored = locked(backup, config, path);
    if restored.is_err() && made {
        data_dir::remove_empty(&config.data);
    }
    drop(folder);
    restored
}

fn locked(backup: Backup<impl Read>, config: &Config, path: &Path) -> Result<Contents, String> {
    let target = Target::of_url(&config.database);
    match left_over(config)? {
        LeftOver::Finished(mark) if mark == backup.mark() => {
            eprintln!("muster: it was broken off when all was there, and is finished now");
            return backup.check().map_err(|error| about(path, error));
        }
        LeftOver::Nothing | LeftOver::Finished(_) => {}
        LeftOver::BrokenOff => {
            eprintln!("muster: an earlier restore was broken off: it begins anew");
            clear(config, &target).map_err(|e| cannot_write(config, &e))?;
        }
    }
    refuse_what_is_there(config, &target)?;
    let mark = backup.mark().to_string();
    match fill(backup, config, &target, path) {
        Ok(contents) => Ok(contents),
        Err(Stopped::Nothing(why)) => {
            // What cannot be removed is removed by the next one.
            let _ = clear(config, &target);
            Err(why)
        }
        Err(Stopped::AtTheCommit(why)) => match dump::finished(&target, &mark) {
            Ok(true) => match left_over(config)? {
                LeftOver::Finished(_) => Ok(Contents::default()),
                _ => Err(why),
            },
            Ok(false) => {
                let _ = clear(config, &target);
                Err(why)
            }
            Err(_) => Err(format!(
                "{why}; whether all was written then is not known: run the same command again, it finds out"
            )),
        },
    }
}

/// Where a restore stopped.
enum Stopped {
    /// Nothing of it shows.
    Nothing(String),
    /// All of it may show.
    AtTheCommit(String),
}

fn fill(
    backup: Backup<impl Read>,
    config: &Config,
    target: &Target,
    path: &Path,
) -> Result<Contents, Stopped> {
    let (stage, mark) = (config.data.join(STAGE), backup.mark().to_string());
    let nothing = |e: io::Error| Stopped::Nothing(cannot_write(config, &e));
    std::fs::DirBuilder::new().mode(0o700).create(&stage).map_err(nothing)?;
    let said = |error: BackupError| Stopped::Nothing(said_of(config, path, error));
    let loaded = backup.load(target, &mut |name, content| lay_out(&stage, name, content)).map_err(said)?;
    lay_out(&stage, MARK, &mut mark.as_bytes()).map_err(nothing)?;
    sync_folder(&stage).and_then(|()| sync_folder(&config.data)).map_err(nothing)?;
    let contents = loaded.commit().map_err(|e| Stopped::AtTheCommit(said_of(config, path, e)))?;
    place(config).map_err(|e| {
        let why = cannot_write(config, &e);
        Stopped::AtTheCommit(format!("{why}; run the same command again when that is mended"))
    })?;
    forget(target);
    Ok(contents)
}

/// Only names that we know: a file says where it goes, and must not say where else.
fn lay_out(stage: &Path, name: &str, content: &mut dyn Read) -> io::Result<u64> {
    if name != MARK && !DATA_FILES.iter().any(|file| file.name == name) {
        return Err(BackupError::Unknown(format!("file called {name:.60}")).into());
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(stage.join(name))?;
    let bytes = io::copy(content, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    Ok(bytes)
}

/// What an earlier restore left in the data folder.
enum LeftOver {
    Nothing,
    /// All was there, and is in its place now; known by this mark.
    Finished(String),
    BrokenOff,
}

fn left_over(config: &Config) -> Result<LeftOver, String> {
    let done = config.data.join(DONE);
    if done.join(MARK).exists() {
        let _ = std::fs::remove_dir_all(&done);
    }
    let stage = config.data.join(STAGE);
    if !stage.exists() {
        return Ok(LeftOver::Nothing);
    }
    let Ok(mark) = std::fs::read_to_string(stage.join(MARK)) else { return Ok(LeftOver::BrokenOff) };
    let target = Target::of_url(&config.database);
    let finished = dump::finished(&target, &mark).map_err(|e| {
        format!("a restore was broken off, and whether all was there is not known: {e}; try again")
    })?;
    if !finished {
        return Ok(LeftOver::BrokenOff);
    }
    place(config).map_err(|e| cannot_write(config, &e))?;
    forget(&target);
    Ok(LeftOver::Finished(mark))
}

/// Moves the files to their places. Done again after a kill, it does what is left.
fn place(config: &Config) -> io::Result<()> {
    let stage = config.data.join(STAGE);
    for file in DATA_FILES {
        match std::fs::rename(stage.join(file.name), config.data.join(file.name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    sync_folder(&config.data)?;
    let done = config.data.join(DONE);
    std::fs::rename(&stage, &done)?;
    sync_folder(&config.data)?;
    std::fs::remove_dir_all(&done)
}

fn forget(target: &Target) {
    if let Err(error) = dump::forget(target) {
        // It stands for nothing any more, and is in nobody's way.
        eprintln!("muster: warning: a mark of this restore stays in the database: {error}");
    }
}

fn clear(config: &Config, target: &Target) -> io::Result<()> {
    target.clean()?;
    match std::fs::remove_dir_all(config.data.join(STAGE)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn refuse_what_is_there(config: &Config, target: &Target) -> Result<(), String> {
    let names = DATA_FILES.iter().map(|file| file.name).chain(OTHERS);
    let mut there: Vec<String> = names
        .filter(|name| config.data.join(name).symlink_metadata().is_ok())
        .map(|name| format!("{} is there already", config.data.join(name).display()))
        .collect();
    let in_use = target.in_use();
    there.extend(in_use.map_err(|e| format!("cannot look into {}: {e}", serve::named(&config.database)))?);
    if there.is_empty() {
        return Ok(());
    }
    let there = there.join("; ");
    Err(format!(
        "{there}. A restore overwrites nothing: give it an empty folder with --data and an empty database with --database, or move what is there away"
    ))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn about(path: &Path, error: BackupError) -> String {
    format!("{} {error}", path.display())
}

/// Errors of the place rather than of the backup do not begin with its name.
fn said_of(config: &Config, path: &Path, error: BackupError) -> String {
    match error {
        BackupError::Store(error) => format!(
            "the database {} could not be filled: {error}. Nothing was restored",
            serve::named(&config.database)
        ),
        BackupError::Write(error) => cannot_write(config, &error),
        BackupError::NotEmpty(why) => {
            format!("{why}. A restore overwrites nothing: give it an empty database")
        }
        BackupError::Read(error) => {
            format!("{} could not be read, or {} not written: {error}", path.display(), config.data.display())
        }
        error => format!("{}. Nothing was restored", about(path, error)),
    }
}

fn cannot_write(config: &Config, error: &io::Error) -> String {
    format!("cannot write in {}: {error}", config.data.display())
}

fn start_command(config: &Config) -> String {
    let data = muster_cli::shell_word(&config.data.display().to_string());
    let own = format!("sqlite:{}", config.data.join("muster.db").display());
    match config.database == own {
        true => format!("muster serve --data {data}"),
        false => format!("muster serve --data {data} --database URL, with the URL that you gave now"),
    }
}

fn tell(manifest: &Manifest, contents: &Contents, json: bool) {
    let made_at = jiff::Timestamp::from_millisecond(manifest.made_at.0).unwrap_or_default();
    let organizations: Vec<_> =
        manifest.organizations.iter().filter(|organization| organization.slug != OPERATOR_SLUG).collect();
    if json {
        let listed = organizations.iter().map(|o| {
            serde_json::json!({ "slug": o.slug, "name": o.name, "people": o.people, "head_seq": o.head_seq })
        });
        let document = serde_json::json!({
            "made_at": made_at.to_string(),
            "program": manifest.program,
            "engine": manifest.engine,
            "organizations": listed.collect::<Vec<_>>(),
            "people": manifest.people(),
            "rows": contents.rows,
            "files": contents.files,
        });
        println!("{document:#}");
        return;
    }
    println!(
        "Made      {} UTC, by Muster {} on {}",
        made_at.strftime("%Y-%m-%d %H:%M:%S"),
        manifest.program,
        manifest.engine
    );
    for (at, organization) in organizations.iter().enumerate() {
        let label = if at == 0 { "Holds" } else { "" };
        let people = if organization.people == 1 { "person" } else { "people" };
        println!(
            "{label:<8}  {} ({}): {} {people}",
            organization.name, organization.slug, organization.people
        );
    }
    if organizations.is_empty() {
        println!("Holds     no organization");
    }
    let files: Vec<&str> = contents.files.keys().map(String::as_str).collect();
    println!("Files     {}", files.join(", "));
    println!("Whole     {} rows in {} tables", contents.rows_total(), contents.rows.len());
}
