#[derive(Clone, Debug, clap::Subcommand)]
#[command(after_help = "\
Mail leaves by one server for the whole installation, which its operator sets. Until one is set, mail waits and \
can be read.

Examples:
  muster mail set host=smtp.example.com from_address=phones@example.com login=phones password=-
  muster mail test me@example.com
  muster mail status
  muster mail list --state waiting")]
pub enum MailCommand {
    /// Whether mail leaves, and what waits
    Status,
    /// Set the server: host, port, security (starttls, tls, none), login, password, from_address, from_name
    Set {
        /// Settings, such as host=smtp.example.com
        #[arg(required = true, value_name = "KEY=VALUE")]
        fields: Vec<String>,
    },
    /// Take the server away: mail waits
    Unset,
    /// Send a mail now, and say what came of it
    Test {
        /// Where to
        to: String,
    },
    /// The mail of the organization: what waits, has left or was given up
    List {
        /// Only these
        #[arg(long, value_parser = ["waiting", "sent", "given_up", "dropped"])]
        state: Option<String>,

        /// How many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// What a mail says that has not left
    Show {
        /// Its id
        id: String,
    },
    /// Try mail again now
    Retry {
        /// Ids
        #[arg(required = true, num_args = 1..)]
        ids: Vec<String>,
    },
}
