#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  muster changes                     the last changes
  muster changes --since 1200        everything after change 1200
  muster changes --follow            new ones as they happen, until Ctrl-C
  muster changes --verify            checks that nothing was altered or damaged")]
pub struct ChangesArgs {
    /// Only what came after this number
    #[arg(long, value_name = "SEQ", value_parser = change_number)]
    pub since: Option<u64>,

    /// Go on with new changes as they happen
    #[arg(long, conflicts_with = "verify")]
    pub follow: bool,

    /// Read the whole log, check its chain, and compare the database with it
    #[arg(long, conflicts_with = "since")]
    pub verify: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Taking back is a change of its own: it is refused where somebody changed the same thing since. Going back \
with --to is of all people, their devices and mailboxes: what would change is shown first, and done after a \
yes. It is taken back whole by the undo of any of its changes. SEQ and --job act at once; --job with --review \
asks first, as --to does.

Examples:
  muster undo 1204                take change 1204 back
  muster undo 1204 --together     and all that was done in the same request
  muster undo --job 0192a7c4-…    take a whole import back
  muster undo --job 0192a7c4-… --review    look at it first
  muster undo --to 2026-11-22T09:00:00Z    all people as they were then
  muster undo --to 1204 --yes     as they were after change 1204, without a question")]
#[group(skip)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["seq", "job", "to"])))]
pub struct UndoArgs {
    /// The number of the change, as `muster changes` shows it
    #[arg(value_name = "SEQ", value_parser = change_number)]
    pub seq: Option<u64>,

    /// Everything that this job did
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,

    /// All people as they were at this time, or after the change of this number
    #[arg(long, value_name = "TIME|SEQ")]
    pub to: Option<String>,

    /// With SEQ: also what else was done in the same request, about whomever
    #[arg(long)]
    pub together: bool,

    /// With --job: show what would change, and ask
    #[arg(long)]
    pub review: bool,

    /// With --to, and with --job --review: do it without a question
    #[arg(long)]
    pub yes: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum JobCommand {
    /// Jobs, the newest first
    List {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// A job: how far it is, and what came of it
    Show {
        #[arg(value_name = "ID")]
        job: String,
        /// Wait until it has ended, and show how far it is meanwhile
        #[arg(long)]
        follow: bool,
        /// Show each row that is not right, and not only what such rows have in common
        #[arg(long)]
        every_row: bool,
    },
    /// What of an import maps, what does not and why, and what is left to be done by hand
    ///
    /// Of a dry run, of an import that was done, and of one that was refused.
    Report {
        #[arg(value_name = "ID")]
        job: String,
        /// Where to write; else it is printed
        file: Option<std::path::PathBuf>,
        /// As what: a page to be printed is html
        #[arg(long, value_enum, default_value = "text")]
        format: ReportFormat,
        /// Replace the file if it is there
        #[arg(long)]
        force: bool,
    },
    /// Write the rows that an import did not take to a file, in the format that they came in
    ///
    /// Also those of a dry run. Mend them and import the file. The uploaded file is kept for a week, that of a
    /// dry run for an hour. It holds passwords: only you can read it.
    Rejected {
        #[arg(value_name = "ID")]
        job: String,
        /// Where to write
        file: std::path::PathBuf,
        /// Replace the file if it is there
        #[arg(long)]
        force: bool,
    },
    /// Stop a job that has not ended; nothing of it is done then
    Cancel {
        #[arg(value_name = "ID")]
        job: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ReportFormat {
    Text,
    Json,
    Html,
}

impl ReportFormat {
    pub fn word(self) -> &'static str {
        match self {
            ReportFormat::Text => "text",
            ReportFormat::Json => "json",
            ReportFormat::Html => "html",
        }
    }
}

fn change_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "give the number of a change, as `muster changes` shows it".to_owned())
}
