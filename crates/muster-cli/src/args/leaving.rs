use std::path::PathBuf;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Without an option what depends on them keeps what is theirs (mailbox, devices, private address) in the trash and \
lets go of the rest. Where that would leave calls or faxes to nobody, it is refused: look with --review, and \
choose. All of it is taken back by one undo.

KIND is groups, menus, fax_accounts, sms_senders, on_call_schedules, forwards, numbers, devices, mailboxes or \
emergency_locations, or one thing as the review calls it.

Examples:
  muster user remove 1001 --review
  muster user remove 1001 --hand-to 1002
  muster user remove 1001 --hand-to 1002 --keep mailbox --hand-to devices=1003
  muster user remove ana --release menus")]
pub struct RemoveArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,

    /// Only show what depends on them, and what can become of it
    #[arg(long)]
    pub review: bool,

    /// Who takes over all that can be handed over, or with KIND=WHOM a part of it
    #[arg(long, value_name = "WHOM|KIND=WHOM")]
    pub hand_to: Vec<String>,

    /// What stays with them in the trash
    #[arg(long, value_name = "KIND")]
    pub keep: Vec<String>,

    /// What goes on without anybody; a mailbox goes with its messages
    #[arg(long, value_name = "KIND")]
    pub release: Vec<String>,

    /// More choices, as a file: [{"of": "group:ID", "choice": "hand_to", "to": "1002"}]
    #[arg(long, value_name = "FILE", conflicts_with = "review")]
    pub choices: Option<PathBuf>,
}

impl RemoveArgs {
    /// Whether what depends on them is shown before.
    pub fn looks_first(&self) -> bool {
        let chosen = [&self.hand_to, &self.keep, &self.release].iter().any(|words| !words.is_empty());
        self.review || chosen || self.choices.is_some()
    }
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Nothing brings them back: no undo, no restore. What is kept of them can be written to a file before: muster user \
data WHO FILE. A mailbox keeps its messages, under another name, unless --with-mailboxes.

Examples:
  muster user data ana ana.json
  muster user purge ana
  muster user purge ana --with-mailboxes --yes")]
pub struct PurgeArgs {
    /// Usernames, extensions, emails or ids of people who were removed
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,

    /// Their mailboxes go too, with all messages
    #[arg(long)]
    pub with_mailboxes: bool,

    /// Do it without a question
    #[arg(long)]
    pub yes: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct DataArgs {
    /// A username, an extension, an email or an id, also of somebody who was removed
    pub who: String,

    /// Where to write it; the screen if none is given
    pub file: Option<PathBuf>,

    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
With --fix what costs nobody anything is mended at once; with --check, all that the check found and one request \
mends, after a yes. The rest is said in words.

Checks: dangling, ownerless_mailboxes, empty, forwards_to_nobody, unused_seats, unreachable, cannot_call, \
unassigned_numbers, old_credentials, old_tokens.

Examples:
  muster doctor
  muster doctor --check unused_seats --limit 1000
  muster doctor --fix
  muster doctor --check unused_seats --fix --yes")]
pub struct DoctorArgs {
    /// Only this one
    #[arg(long, value_name = "CHECK")]
    pub check: Option<String>,

    /// How many of each are named
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub limit: u32,

    /// Mend what can be
    #[arg(long)]
    pub fix: bool,

    /// Do it without a question
    #[arg(long, requires = "fix")]
    pub yes: bool,
}
