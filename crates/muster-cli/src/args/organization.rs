#[derive(Clone, Debug, clap::Subcommand)]
pub enum OrgCommand {
    /// Make an organization: a company with its own people, extensions and SIP domain
    Create(OrgCreateArgs),
    /// The organizations that you may see
    List,
    /// Everything about the organization
    Show,
    /// Change settings of the organization, such as emergency_policy=warn
    Set {
        /// Fields to change; one is emptied by giving it no value
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
A telephone number is written with its country code (+44…) whatever the country: none is guessed.

Example:
  muster org create \"Example & Sons\" --domain phones.example.com --country GB --time-zone Europe/London")]
pub struct OrgCreateArgs {
    /// The company's name
    pub name: String,

    /// The SIP domain that its phones register with
    #[arg(long)]
    pub domain: String,

    /// A short name for addresses and for --org; made from the name if absent
    #[arg(long)]
    pub slug: Option<String>,

    /// Where it is, in two letters, such as GB; kept with it, and nothing is decided by it yet
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,

    /// Such as Europe/London
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

/// Which of a list, and when.
#[derive(Clone, Debug, clap::Args)]
pub struct Which {
    /// Only those whom this fits, as in `muster user list`
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// As it was at this time, or after the change of this number
    #[arg(long, value_name = "TIME|SEQ")]
    pub as_of: Option<String>,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum SiteCommand {
    /// The sites of the organization
    List(Which),
    /// Make a site
    Create(SiteCreateArgs),
    /// Everything about a site
    Show {
        /// Its name or its id
        which: String,
    },
    /// Change a site, such as emergency_numbers=15,18
    Set {
        /// Its name or its id
        which: String,

        /// Fields to change; one is emptied by giving it no value
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Remove a site that nobody belongs to
    Remove {
        /// Its name or its id
        which: String,
    },
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Example:
  muster site create Leeds --country GB --time-zone Europe/London")]
pub struct SiteCreateArgs {
    /// What people call the place
    pub name: String,

    /// Where it is, in two letters, such as GB; kept with it, and nothing is decided by it yet
    #[arg(long, value_name = "CC")]
    pub country: Option<String>,

    /// Such as Europe/London
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Make a token and show it, this once
    Create(TokenCreateArgs),
    /// The tokens of the organization, without their texts; the operators' with `--org operator`
    List,
    /// Take a token back: it is refused from then on
    Revoke {
        /// Its name or its id, as `muster token list` shows them
        #[arg(value_name = "TOKEN")]
        which: String,
    },
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum ConnectionCommand {
    /// The connections of the organization
    List(Which),
    /// Everything about one connection
    Show {
        /// Its name or its id, as `muster connection list` shows them
        #[arg(value_name = "CONNECTION")]
        which: String,
    },
    /// Change a connection, such as prefix=8
    Set {
        /// Its name or its id
        which: String,

        /// Fields to change; one is emptied by giving it no value
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// The devices of the organization, and whose they are
    List(Which),
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum ExtensionCommand {
    /// The next extension that nobody has; it is not reserved
    NextFree {
        /// In the dial plan of this connection; the first one if absent
        #[arg(long, value_name = "NAME")]
        connection: Option<String>,

        /// From this number on, with as many digits
        #[arg(long, value_name = "NUMBER")]
        from: Option<String>,
    },
}

#[derive(Clone, Debug, clap::Subcommand)]
pub enum NumberCommand {
    /// The phone numbers of the organization, and whom they reach
    List(Which),
    /// Numbers of the operator's stock that can be ordered
    Stock {
        /// Only those whom this fits, such as "country=US and area_code=212"
        #[arg(long, value_name = "EXPR")]
        filter: Option<String>,
        /// Take numbers into the stock instead (the operator's)
        #[arg(long, value_name = "NUMBER", num_args = 1.., requires = "country")]
        add: Vec<String>,
        /// Where those that are added are of, such as US
        #[arg(long, value_name = "CC")]
        country: Option<String>,
        /// Their state or province
        #[arg(long)]
        region: Option<String>,
        /// Their area code
        #[arg(long)]
        area_code: Option<String>,
    },
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Roles: operator (the whole installation, all companies in it), administrator (everything in one company), \
reader (looks, changes nothing). A token of an administrator or a reader is good for one company only, the \
one that --for-org or --org names; with a single company neither is needed.

Examples:
  muster token create --name wallboard --role reader --for-org example > wallboard.token
  muster token create --name \"second operator\" --role operator")]
pub struct TokenCreateArgs {
    /// What the token is for, so that you know it again
    #[arg(long)]
    pub name: String,

    /// What it may do: a role, as `muster role list` shows them; with @ and a site, for its people only
    #[arg(long, default_value = "reader")]
    pub role: String,

    /// The company that the token lets in to, by the short name that `muster org list` shows; the one of
    /// --org if absent
    #[arg(long, value_name = "ORG")]
    pub for_org: Option<String>,
}
