//! What a backup is encrypted under: from a file, the environment or a person, never from the command line,
//! where everybody on the machine could read it.

use crate::args::PassphraseArgs;
use crate::console::Console;
use crate::failure::{Failure, io_words};

const VARIABLE: &str = "MUSTER_BACKUP_PASSPHRASE";

/// A longer file is none that holds a passphrase.
const FILE_BYTES_MAX: u64 = 4096;

/// The passphrase, for other commands than ours; the error is for who typed it. A `new` one is asked for twice.
pub fn passphrase_of(args: &PassphraseArgs, new: bool, console: &mut Console<'_>) -> Result<String, String> {
    passphrase(args, new, console).map_err(|failure| failure.words())
}

pub(crate) fn passphrase(
    args: &PassphraseArgs,
    new: bool,
    console: &mut Console<'_>,
) -> Result<String, Failure> {
    if let Some(file) = &args.passphrase_file {
        let read = std::fs::metadata(file).and_then(|metadata| match metadata.len() {
            0..=FILE_BYTES_MAX => std::fs::read_to_string(file),
            bytes => Err(std::io::Error::other(format!("it has {bytes} bytes, which no passphrase has"))),
        });
        let text = read.map_err(|e| {
            let what = format!("The passphrase file {} cannot be used: {}.", file.display(), io_words(&e));
            Failure::refused(what, "Give a file that holds nothing but the passphrase.")
        })?;
        return checked(text.trim_end_matches(['\r', '\n']), &format!("The file {}", file.display()));
    }
    if let Some(text) = std::env::var_os(VARIABLE) {
        return checked(&text.to_string_lossy(), VARIABLE);
    }
    if !console.asks_person {
        return Err(Failure::usage(
            "No passphrase is given, and there is no terminal to ask for one.",
            format!("Give --passphrase-file FILE, or set {VARIABLE}."),
        ));
    }
    let first = console.ask_secret("Passphrase of the backup")?;
    if new && console.ask_secret("The same again")? != first {
        return Err(Failure::refused("The two are not the same.", "Nothing was done: type it again."));
    }
    checked(&first, "The passphrase")
}

fn checked(text: &str, from: &str) -> Result<String, Failure> {
    if text.trim().is_empty() {
        let mend =
            "A backup holds every password there is: choose at least 12 characters that nobody guesses.";
        return Err(Failure::refused(format!("{from} is empty."), mend));
    }
    Ok(text.to_owned())
}
