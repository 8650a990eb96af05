#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Whom it means, who cannot be changed and why, and who is counted for billing then is shown first, and done after a \
yes: all of it or nothing. It is a job, and `muster undo --job` takes it back.

The language of filters is that of `muster user list`.

Examples:
  muster user bulk --filter 'department=Sales and site=Porto' --set department=Marketing --set cost_centre=4711
  muster user bulk --filter 'tags=floor:1 or tags=floor:2' --remove-tag floor:1 --remove-tag floor:2 --add-tag floor:3
  muster user bulk --filter 'service=contact_only and has_sip_secret=yes' --activate --dry-run
  muster user bulk --filter 'title^Intern' --deactivate --reason 'summer is over' --yes")]
#[command(group(clap::ArgGroup::new("what").multiple(true).required(true).args([
    "set", "add_tag", "remove_tag", "activate", "deactivate", "remove",
])))]
pub struct BulkArgs {
    /// Those whom this fits
    #[arg(long, value_name = "EXPR")]
    pub filter: String,

    /// A field that all of them get; without a value it is emptied
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// A tag that all of them get
    #[arg(long, value_name = "KEY:VALUE")]
    pub add_tag: Vec<String>,

    /// A tag that all of them lose
    #[arg(long, value_name = "KEY:VALUE")]
    pub remove_tag: Vec<String>,

    /// They may register phones, and are counted
    #[arg(long, conflicts_with = "deactivate")]
    pub activate: bool,

    /// Their phones are signed off and their calls end
    #[arg(long)]
    pub deactivate: bool,

    /// Disable them for this reason
    #[arg(long, requires = "deactivate")]
    pub reason: Option<String>,

    /// More about it
    #[arg(long, requires = "reason")]
    pub comment: Option<String>,

    /// Until when, such as 2027-01-07T08:00:00Z
    #[arg(long, requires = "reason", value_name = "TIME")]
    pub until: Option<String>,

    /// Into the trash; `muster user restore` brings them back
    #[arg(long, conflicts_with_all = ["set", "add_tag", "remove_tag", "activate", "deactivate"])]
    pub remove: bool,

    /// A warning that was read, by its word: hipaa_sms or hipaa_voice_files
    #[arg(long, value_name = "WORD")]
    pub acknowledge: Vec<String>,

    /// Leave out whoever cannot be changed so; otherwise nobody is changed then
    #[arg(long)]
    pub skip_refused: bool,

    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,

    /// Do it without a question
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
}
