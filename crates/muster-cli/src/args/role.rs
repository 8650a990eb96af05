#[derive(Clone, Debug, clap::Subcommand)]
pub enum RoleCommand {
    /// The roles that there are, and how many hold each
    List,
    /// What a role lets its holders do, how it differs from the one it was copied from, and who holds it
    Show {
        /// Its word, its name or its id, as `muster role list` shows them
        #[arg(value_name = "ROLE")]
        which: String,
    },
    /// Everything that can be allowed, and where you hold it
    Permissions,
    /// Make a role as a copy of another
    Create(RoleCreateArgs),
    /// Change what a role of your own lets its holders do
    Edit(RoleEditArgs),
    /// Remove a role of your own; with --replacement whoever holds it holds that instead
    Remove {
        /// Its name or its id
        #[arg(value_name = "ROLE")]
        which: String,
        /// What its holders hold from then on, for the same sites
        #[arg(long, value_name = "ROLE")]
        replacement: Option<String>,
    },
    /// Give people roles and take them away, as many as you like at once
    Assign(RoleAssignArgs),
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Nobody makes a role that would let its holders do more than they may themselves.

Examples:
  muster role create \"Night desk\" --copy user_manager
  muster role create \"Night desk\" --copy user_manager --without people.remove --with handling.edit")]
pub struct RoleCreateArgs {
    /// What it is called; stays as it is
    pub name: String,

    /// The role that it begins as
    #[arg(long, value_name = "ROLE", default_value = "user")]
    pub copy: String,

    /// A permission more; may be given several times
    #[arg(long = "with", value_name = "PERMISSION")]
    pub with: Vec<String>,

    /// A permission less; may be given several times
    #[arg(long = "without", value_name = "PERMISSION")]
    pub without: Vec<String>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub struct RoleEditArgs {
    /// Its name or its id
    #[arg(value_name = "ROLE")]
    pub which: String,

    /// A permission more; may be given several times
    #[arg(long = "with", value_name = "PERMISSION")]
    pub with: Vec<String>,

    /// A permission less; may be given several times
    #[arg(long = "without", value_name = "PERMISSION")]
    pub without: Vec<String>,

    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
With @ and a site a role is held for the people of that site only. It is one change for all of them: \
`muster undo SEQ --together` takes it back.

Examples:
  muster role assign ana 1002 --add user_manager
  muster role assign --filter department=Sales --add user_manager@Leeds
  muster role assign 1003 --set user")]
pub struct RoleAssignArgs {
    /// Usernames, extensions, emails or ids
    pub who: Vec<String>,

    /// Everybody whom this finds, as in `muster user list`
    #[arg(long, value_name = "EXPR", conflicts_with = "who")]
    pub filter: Option<String>,

    /// All that they hold from then on; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub set: Vec<String>,

    /// A role more; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub add: Vec<String>,

    /// A role less; may be given several times
    #[arg(long, value_name = "ROLE")]
    pub remove: Vec<String>,
}
