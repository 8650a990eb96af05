use super::BulkArgs;
use super::leaving::{DataArgs, PurgeArgs, RemoveArgs};

#[derive(Clone, Debug, clap::Subcommand)]
pub enum UserCommand {
    /// The people of the organization
    List(ListArgs),
    /// Everything about one person
    Show(ShowArgs),
    /// Add a person
    Add(AddArgs),
    /// Change a person
    Set(SetArgs),
    /// Activate people: they may register phones, and are counted
    Activate(WhoManyArgs),
    /// Deactivate people: their phones are signed off and their calls end at once
    Deactivate(DeactivateArgs),
    /// Remove people, after a look at what depends on them; `restore` brings them back
    Remove(RemoveArgs),
    /// Change many people alike: fields, tags, activation, removal
    Bulk(BulkArgs),
    /// Invite people: a mail with a link, now or at a time, or a link to hand over
    Invite(InviteArgs),
    /// Assign credentials: a password, and what else the person's type needs
    Assign(AssignArgs),
    /// Sign-in sheets to print, for people without mail
    Sheet(SheetArgs),
    /// Bring removed people back, or a person to how they were
    Restore(RestoreArgs),
    /// Erase removed people for good, with what the change log says of them
    Purge(PurgeArgs),
    /// Everything that is kept of a person, as JSON
    Data(DataArgs),
    /// What to type into a person's phone
    Credentials(CredentialsArgs),
    /// The phones of a person that are registered now, and signing them off
    Phones(PhonesArgs),
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A filter is made of field=value (is), field!=value (is not), field^value (begins with), field~value (contains), \
and of numbers and times field<value, <=, > and >=; nothing after the sign finds whoever has none. They are joined by \
`and` and `or`, turned round by `not`, and put in brackets. A value may stand in double quotes. A service is \
contact_only, not_activated, enabled, disabled or frozen.

Examples:
  muster user list --filter 'department=Sales and display_name~per'
  muster user list --filter 'site=Porto and (tags=floor:2 or email=)'
  muster user list --filter service=enabled
  muster user list --sort extension --all
  muster user list --all --json > people.json
  muster user list --as-of 2026-11-22T09:00:00Z")]
pub struct ListArgs {
    /// Only those whom this fits
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// In the order of this field; with a minus before it, backwards
    #[arg(long, value_name = "FIELD", allow_hyphen_values = true)]
    pub sort: Option<String>,

    /// How many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,

    /// Everybody, however many they are
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    /// As it was at this time, or after the change of this number
    #[arg(long, value_name = "TIME|SEQ")]
    pub as_of: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct ShowArgs {
    /// A username, an extension, an email or an id
    pub who: String,

    /// As they were at this time, or after the change of this number; WHO is as they were called then
    #[arg(long, value_name = "TIME|SEQ")]
    pub as_of: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
With --to one person goes back to how they were, with their devices and mailbox: what would change is shown \
first, and done after a yes. It is taken back by the undo of any of its changes.

Examples:
  muster user restore ana                 back from the trash
  muster user restore 1001 --to 2026-11-22T09:00:00Z
  muster user restore 1001 --to 1204 --yes")]
pub struct RestoreArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,

    /// To how they were at this time, or after the change of this number
    #[arg(long, value_name = "TIME|SEQ")]
    pub to: Option<String>,

    /// Do it without a question
    #[arg(long, requires = "to")]
    pub yes: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The link works once, for seven days unless the organization says otherwise; a new invite ends the one before. \
With --filter everybody whom it finds is invited; who cannot be is left out and named.

Examples:
  muster user invite 1001 1002
  muster user invite ana --at 2027-03-29T09:00 --zone Europe/Lisbon
  muster user invite ana --link              no mail: hand the link over yourself
  muster user invite --filter 'service=not_activated and department=Sales'
  muster user invite ana --withdraw          its link does nothing from here on
  muster user invite ana --list              how far the invites are")]
pub struct InviteArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required_unless_present = "filter", num_args = 1.., conflicts_with = "filter")]
    pub who: Vec<String>,

    /// Everybody whom this finds, as in `muster user list --filter`
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// When it leaves, in the zone's own time, such as 2027-03-29T09:00
    #[arg(long, value_name = "TIME", conflicts_with = "link")]
    pub at: Option<String>,

    /// The time zone of --at; the organization's without it
    #[arg(long, value_name = "ZONE", requires = "at")]
    pub zone: Option<String>,

    /// No mail: show the link, this once
    #[arg(long, conflicts_with = "filter")]
    pub link: bool,

    /// End the invites that wait
    #[arg(long, conflicts_with_all = ["filter", "at", "link"])]
    pub withdraw: bool,

    /// Show the invites there are and have been
    #[arg(long, conflicts_with_all = ["filter", "at", "link", "withdraw"])]
    pub list: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
What a type needs is asked for unless it is given: `muster user assign` without fields asks for a password. \
A password or PIN is never given here, where others would see it: write `sign_in_pin=-` and you are asked for it.

Examples:
  muster user assign 1001 password=- sign_in_pin=- security_question='First pet' security_answer=-
  muster user assign 1001 1002 --generate sign_in_pin=-    a password each, shown this once
  muster user assign lobby password=- password_temporary=no")]
pub struct AssignArgs {
    /// Usernames, extensions, emails or ids, and fields such as password=-
    #[arg(required = true, num_args = 1.., value_name = "WHO|KEY=VALUE")]
    pub who: Vec<String>,

    /// Make a password for each of them, and show them this once
    #[arg(long)]
    pub generate: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A page for each person: server, domain, extension, auth name, SIP password and the same as a QR code. Open the \
file in a browser and print it.

Examples:
  muster user sheet 1001 1002 --out sheets.html --secrets existing
  muster user sheet 1001 --out sheet.html --secrets new      a new SIP password: phones with the old one drop")]
pub struct SheetArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,

    /// Where to write
    #[arg(long, value_name = "FILE.html")]
    pub out: std::path::PathBuf,

    /// Which SIP passwords stand on them
    #[arg(long, default_value = "none", value_parser = ["none", "existing", "new"])]
    pub secrets: String,

    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,
}

#[derive(Clone, Debug, clap::Args)]
pub struct WhoManyArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A field is given as key=value; a list has commas between its values. A password or PIN is never given \
here, where others would see it: write `sip_password=-` and you are asked for it.

Examples:
  muster user add display_name=\"Ana Silva\" extension=1001
  muster user add display_name=\"Ana Silva\" extension=1001 activated=yes sip_password=-")]
pub struct AddArgs {
    /// Fields of the new person, such as extension=1001
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub fields: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A field is emptied by giving it no value. Passwords: see `muster user add --help`.

Examples:
  muster user set 1001 department=Sales title=
  muster user set ana@example.com call_timeout_s=30 tags=floor:2,shift:early
  muster user set 1001 sip_password=-")]
pub struct SetArgs {
    /// A username, an extension, an email or an id
    pub who: String,

    /// Fields to change, such as extension=1002
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub fields: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Without --reason they become contact_only: in everybody's contact list, not counted. With one they are \
disabled, and the reason is kept. Extension, mailbox, numbers and passwords stay either way.

Examples:
  muster user deactivate 1001 1002
  muster user deactivate ana --reason leave --until 2027-01-07T08:00:00Z")]
pub struct DeactivateArgs {
    /// Usernames, extensions, emails or ids
    #[arg(required = true, num_args = 1..)]
    pub who: Vec<String>,

    /// Disable them for this reason
    #[arg(long)]
    pub reason: Option<String>,

    /// More about it
    #[arg(long, requires = "reason")]
    pub comment: Option<String>,

    /// Until when, such as 2027-01-07T08:00:00Z
    #[arg(long, requires = "reason", value_name = "TIME")]
    pub until: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The secret itself is shown only when it is made. --reset makes a new one: the phones that use the old \
one are named, and drop.

Examples:
  muster user credentials 1001
  muster user credentials 1001 --device kitchen --reset    a further device, with a secret of its own
  muster user credentials 1001 --reset")]
pub struct CredentialsArgs {
    /// A username, an extension, an email or an id
    pub who: String,

    /// The device that the credentials are for; with --reset it is made if it is not there
    #[arg(long, value_name = "NAME")]
    pub device: Option<String>,

    /// Make a new secret and show it, this once
    #[arg(long)]
    pub reset: bool,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A phone that is signed off drops now and comes back when it registers next, by itself within minutes. To keep \
it out, give it another secret (`muster user credentials WHO --reset`) or deactivate the person.

SINCE is when the phone came; of one that was there before the server was last started, that start.

Examples:
  muster user phones 1001
  muster user phones 1001 --drop 2       signs the second of the list off
  muster user phones 1001 --drop all")]
pub struct PhonesArgs {
    /// A username, an extension, an email or an id
    pub who: String,

    /// Sign off the one of this number in the list, or all; without a number the only one there is
    #[arg(long, value_name = "N|all", num_args = 0..=1, default_missing_value = "", value_parser = which_phone)]
    pub drop: Option<Drop>,
}

/// Which of a person's phones are signed off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drop {
    /// The one there is.
    Only,
    /// Counted from 1, as the list shows them.
    Nth(usize),
    All,
}

fn which_phone(text: &str) -> Result<Drop, String> {
    match text {
        "" => Ok(Drop::Only),
        "all" => Ok(Drop::All),
        number => match number.parse() {
            Ok(n) if n > 0 => Ok(Drop::Nth(n)),
            _ => Err("give the number of the phone in the list, or all".to_owned()),
        },
    }
}
