//! What can be typed. The help texts are written for whoever looks after the phones.

mod backup;
mod billing;
mod bulk;
mod import;
mod leaving;
mod log;
mod mail;
mod organization;
mod record;
mod role;
mod user;

pub use backup::{BackupArgs, PassphraseArgs};
pub use billing::{InvoiceCommand, InvoiceFiles, OrderCommand, PortCommand, SubscriptionCommand};
pub use bulk::BulkArgs;
pub use import::{Activate, ExportArgs, Fix, ImportArgs, Inactive, MatchBy};
pub use leaving::{DataArgs, DoctorArgs, PurgeArgs, RemoveArgs};
pub use log::{ChangesArgs, JobCommand, ReportFormat, UndoArgs};
pub use mail::MailCommand;
pub use organization::{
    ConnectionCommand, DeviceCommand, ExtensionCommand, NumberCommand, OrgCommand, OrgCreateArgs,
    SiteCommand, SiteCreateArgs, TokenCommand, TokenCreateArgs, Which,
};
pub use record::RecordCommand;
pub use role::{RoleAssignArgs, RoleCommand, RoleCreateArgs, RoleEditArgs};
pub use user::{
    AddArgs, AssignArgs, CredentialsArgs, DeactivateArgs, Drop, InviteArgs, ListArgs, PhonesArgs,
    RestoreArgs, SetArgs, SheetArgs, ShowArgs, UserCommand, WhoManyArgs,
};

/// Commands that speak to a running server.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Command {
    /// Make and list organizations
    #[command(subcommand)]
    Org(OrgCommand),
    /// Bring in people from a file, as another phone system exported it
    Import(ImportArgs),
    /// What was imported, when, by whom and from which file
    ImportHistory {
        /// How many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Write everybody to a CSV file
    Export(ExportArgs),
    /// Extensions that nobody has
    #[command(subcommand)]
    Extension(ExtensionCommand),
    /// Look at people, add, change, activate and remove them
    #[command(subcommand)]
    User(UserCommand),
    /// The contact list, with who is free, on a call or away now
    Contacts(Which),
    /// Who is counted for billing, and since when
    Seats,
    /// The terms that hold, what is on offer, and licences
    #[command(subcommand)]
    Subscription(SubscriptionCommand),
    /// What cycles cost: the one that runs, and those that are closed
    #[command(subcommand)]
    Invoice(InvoiceCommand),
    /// Licences, numbers and phones: ask for them, and buy them
    #[command(subcommand)]
    Order(OrderCommand),
    /// Models of phones that can be ordered
    #[command(subcommand)]
    PhoneModel(RecordCommand),
    /// Unassigned extensions: seats that wait for a person
    #[command(subcommand)]
    Pool(RecordCommand),
    /// Bringing numbers in from elsewhere, step by step
    #[command(subcommand)]
    Port(PortCommand),
    /// List and make sites
    #[command(subcommand)]
    Site(SiteCommand),
    /// How phones are served: connections, each with a dial plan of its own
    #[command(subcommand)]
    Connection(ConnectionCommand),
    /// Desk phones and softphones that are kept as things of their own
    #[command(subcommand)]
    Device(DeviceCommand),
    /// Phone numbers, and whom they reach
    #[command(subcommand)]
    Number(NumberCommand),
    /// Ring groups and queues
    #[command(subcommand)]
    Group(RecordCommand),
    /// Menus: callers press a key
    #[command(subcommand)]
    Menu(RecordCommand),
    /// Fax accounts, and who sends with them
    #[command(subcommand)]
    FaxAccount(RecordCommand),
    /// Numbers that text messages are sent from
    #[command(subcommand)]
    SmsSender(RecordCommand),
    /// Who is on duty, in turns
    #[command(subcommand)]
    OnCall(RecordCommand),
    /// Addresses that emergency services are sent to
    #[command(subcommand)]
    EmergencyLocation(RecordCommand),
    /// Who has no emergency location where their site warns of that or requires one
    EmergencyAffected,
    /// Addresses that phones are sent to
    #[command(subcommand)]
    ShippingAddress(RecordCommand),
    /// Tags and their colours
    #[command(subcommand)]
    Tag(RecordCommand),
    /// Mail that leaves: the server, the spool, a test
    #[command(subcommand)]
    Mail(MailCommand),
    /// What people and tokens may do: roles, and who holds them
    #[command(subcommand)]
    Role(RoleCommand),
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
    /// What is wrong: orphans, unused seats, people nobody reaches; and mending it
    Doctor(DoctorArgs),
    /// Write the whole installation to one encrypted file, while it runs
    Backup(BackupArgs),
}
