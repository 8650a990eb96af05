use std::path::PathBuf;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The file holds everything: people, passwords, the change logs, the keys. It is encrypted under the passphrase, \
and worth nothing without it: keep the passphrase elsewhere. The server goes on meanwhile; only its operator \
may do this, and the operator's change log says who did.

Examples:
  muster backup /backups/muster-monday.backup
  muster backup /backups/muster.backup --force --passphrase-file /root/backup-passphrase
  muster restore --check /backups/muster.backup      reads it whole, and says what is in it
  muster restore /backups/muster.backup --data DIR   puts it back into an empty place")]
pub struct BackupArgs {
    /// Where to write
    pub file: PathBuf,

    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Debug, Default, clap::Args)]
pub struct PassphraseArgs {
    /// A file with the passphrase in it; else it is taken from MUSTER_BACKUP_PASSPHRASE, or asked for
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}
