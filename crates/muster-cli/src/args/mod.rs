//! What can be typed. The help texts are written for whoever looks after the phones.

mod import;
mod log;
mod organization;
mod user;

pub use import::{Activate, ExportArgs, ImportArgs, MatchBy};
pub use log::{ChangesArgs, JobCommand, UndoArgs};
pub use organization::{
    ConnectionCommand, ContactsArgs, DeviceCommand, OrgCommand, OrgCreateArgs, SiteCommand, SiteCreateArgs,
    TokenCommand, TokenCreateArgs,
};
pub use user::{
    AddArgs, CredentialsArgs, DeactivateArgs, Drop, ListArgs, PhonesArgs, RestoreArgs, SetArgs, ShowArgs,
    UserCommand, WhoManyArgs,
};

/// Commands that speak to a running server.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make and list organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// Bring in people from a file, as another phone system exported it
    Import(ImportArgs),
    /// Write everybody to a CSV file
    Export(ExportArgs),
    /// Look at people, add, change, activate and remove them
    #[command(subcommand)]
    User(UserCommand),
    /// The contact list, with who is free, on a call or away now
    Contacts(ContactsArgs),
    /// Who is counted for billing, and since when
    Seats,
    /// List and make sites
    #[command(subcommand)]
    Site(SiteCommand),
    /// How phones are served: connections, each with a dial plan of its own
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// Desk phones and softphones that are kept as things of their own
    #[command(subcommand)]
    Device(DeviceCommand),
    /// The change log: who changed what, and when
    Changes(ChangesArgs),
    /// Take a change back, or everything that a job did; or go back to a moment
    Undo(UndoArgs),
    /// Look at long work, such as an import
    #[command(subcommand)]
    Job(JobCommand),
    /// Access tokens for programs and people: make, list and revoke them
    #[command(subcommand)]
    Token(TokenCommand),
}
