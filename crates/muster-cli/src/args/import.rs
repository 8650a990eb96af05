use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Nothing is written unless the whole file is right; --dry-run shows what would happen and writes nothing.

Examples:
  muster import staff.csv --dry-run
  muster import ringotel.csv --activate all
  muster import staff.csv --match username      update the people who are there already
  muster import 3cx.csv --good-rows-only        leave out the rows that are not right
  muster import hr.xlsx --suggest-mapping >hr.toml     guess at the columns of a list of your own, then
  muster import hr.xlsx --map hr.toml --dry-run        look at hr.toml and use it

A list of your own may have our columns, such as `display_name,extension,email`; docs/import-columns.md \
lists them all.")]
pub struct ImportArgs {
    /// The file, CSV or XLSX; at most 256 MiB
    pub file: PathBuf,

    /// What wrote the file: auto (by its columns), muster, ringotel, 3cx, fusionpbx, freepbx, wazo, webex,
    /// mikopbx, ivozprovider or conductor
    #[arg(long, default_value = "auto")]
    pub format: String,

    /// What the columns mean of a list that no phone system wrote; see --suggest-mapping
    #[arg(long, value_name = "MAPPING.toml", conflicts_with = "format")]
    pub map: Option<PathBuf>,

    /// Print a guess at what the columns mean, to be looked at and given back with --map; import nothing
    #[arg(long, conflicts_with_all = ["map", "format", "dry_run"])]
    pub suggest_mapping: bool,

    /// Update people who are there already, recognized by this; else they are an error
    #[arg(long = "match", value_enum, value_name = "BY")]
    pub match_by: Option<MatchBy>,

    /// Who is activated, and so counted; `file`: as it says, else everyone with a SIP password
    #[arg(long, value_enum, default_value = "file", value_name = "WHO")]
    pub activate: Activate,

    /// Say what would happen, and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Take the rows that are right although others are not
    #[arg(long)]
    pub good_rows_only: bool,

    /// The site of people whose row names none
    #[arg(long, value_name = "SITE")]
    pub site: Option<String>,

    /// The connection of people whose row names none
    #[arg(long, value_name = "CONNECTION")]
    pub connection: Option<String>,

    /// Let people share an email; a shared one signs nobody in and resets no password
    #[arg(long)]
    pub allow_shared_emails: bool,

    /// Make the sites that the file names and that are not there
    #[arg(long)]
    pub create_sites: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MatchBy {
    Username,
    Extension,
    Email,
}

impl MatchBy {
    pub fn word(self) -> &'static str {
        match self {
            MatchBy::Username => "username",
            MatchBy::Extension => "extension",
            MatchBy::Email => "email",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Activate {
    File,
    All,
    None,
}

impl Activate {
    pub fn word(self) -> &'static str {
        match self {
            Activate::File => "file",
            Activate::All => "all",
            Activate::None => "none",
        }
    }
}

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
The file can be imported again, here or elsewhere: `muster import FILE`. Without --with-secrets it holds \
no SIP password and no PIN, and an import of it generates new ones.

Examples:
  muster export people.csv
  muster export people.xlsx
  muster export people.csv --with-secrets --force
  muster export for-freepbx.csv --format freepbx --with-secrets")]
pub struct ExportArgs {
    /// Where to write, ending in .csv or .xlsx (an Excel workbook)
    pub file: PathBuf,

    /// As which system takes it in: muster (holds everything), ringotel, 3cx, fusionpbx, freepbx, wazo,
    /// webex, mikopbx, ivozprovider or conductor; what it has no room for is said
    #[arg(long, default_value = "muster", value_name = "SYSTEM")]
    pub format: String,

    /// Write SIP passwords and PINs too; only you can read the file then
    #[arg(long)]
    pub with_secrets: bool,

    /// Replace the file if it is there
    #[arg(long)]
    pub force: bool,

    /// Everybody as they were at this time, or after the change of this number
    #[arg(long, value_name = "TIME|SEQ")]
    pub as_of: Option<String>,
}
