use std::path::PathBuf;

use clap::ValueEnum;

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Nothing is written unless the whole file is right; --dry-run shows what would happen and writes nothing.

Examples:
  muster import staff.csv --dry-run
  muster import ringotel.csv --activate all
  muster import staff.csv --match username      update the people who are there already
  muster import staff.csv --existing skip       leave them as they are, and add the others
  muster import staff.csv --fix 'Site:Lisbonne=Lisbon'     correct every cell that says so
  muster import staff.csv --fix 'Phone:0*=+44*'            put +44 for the 0 that numbers begin with
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
    /// or corrections to make again; see --save-map
    #[arg(long, value_name = "MAPPING.toml")]
    pub map: Option<PathBuf>,

    /// Print a guess at what the columns mean, to be looked at and given back with --map; import nothing
    #[arg(long, conflicts_with_all = ["map", "format", "dry_run"])]
    pub suggest_mapping: bool,

    /// People are columns and their fields are lines: read the file so whatever it looks like
    #[arg(long)]
    pub vertical: bool,

    /// By what a row means somebody who is there already
    #[arg(long = "match", value_enum, value_name = "BY")]
    pub match_by: Option<MatchBy>,

    /// What becomes of people who are there already: `update` what differs (with --match, where it is the
    /// default), `skip` them (without --match: known by username, else by extension), or `fail`
    #[arg(long, value_enum, value_name = "WHAT")]
    pub existing: Option<Existing>,

    /// What becomes of people who are disabled in the system that wrote the file, whatever --activate says of
    /// the others; `contacts` if this is not given
    #[arg(long, value_enum, value_name = "WHAT")]
    pub inactive: Option<Inactive>,

    /// Correct every cell of a column that says FOUND; empty is for empty cells. A * at the end of FOUND stands
    /// for the rest of the cell (alone for all cells), and one at the end of VALUE puts it back; \* is a star.
    /// Once for each
    #[arg(long, value_name = "COLUMN:FOUND=VALUE", value_parser = fix)]
    pub fix: Vec<Fix>,

    /// Write the corrections, with what --map says, into a file for --map
    #[arg(long, value_name = "MAPPING.toml", requires = "fix")]
    pub save_map: Option<PathBuf>,

    /// Show each row that is not right, and not only what such rows have in common
    #[arg(long)]
    pub every_row: bool,

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

    /// Acknowledge the warning of a switch that the file turns on, such as hipaa_sms
    #[arg(long, value_name = "WARNING")]
    pub acknowledge: Vec<String>,

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
pub enum Existing {
    Update,
    Skip,
    Fail,
}

impl Existing {
    pub fn word(self) -> &'static str {
        match self {
            Existing::Update => "update",
            Existing::Skip => "skip",
            Existing::Fail => "fail",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Inactive {
    Contacts,
    Disabled,
    LeaveOut,
}

impl Inactive {
    pub fn word(self) -> &'static str {
        match self {
            Inactive::Contacts => "contacts",
            Inactive::Disabled => "disabled",
            Inactive::LeaveOut => "leave_out",
        }
    }
}

/// One correction for every cell of a column that says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub column: String,
    pub found: String,
    pub value: String,
}

/// Of `COLUMN:FOUND=VALUE`. A backslash stands before a `:` of the column and a `=` of what is found.
fn fix(text: &str) -> Result<Fix, String> {
    let wrong = || "write COLUMN:FOUND=VALUE, such as 'Site:Lisbonne=Lisbon'".to_owned();
    let (column, rest) = cut(text, ':').ok_or_else(wrong)?;
    let (found, value) = cut(rest, '=').ok_or_else(wrong)?;
    match column.trim().is_empty() {
        true => Err(wrong()),
        false => Ok(Fix { column, found, value: value.to_owned() }),
    }
}

/// What stands before and behind the first `at` without a backslash before it.
fn cut(text: &str, at: char) -> Option<(String, &str)> {
    let mut before = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((place, c)) = chars.next() {
        match c {
            c if c == at => return Some((before, &text[place + c.len_utf8()..])),
            '\\' if chars.peek().is_some_and(|(_, next)| *next == at || *next == '\\') => {
                before.extend(chars.next().map(|(_, escaped)| escaped));
            }
            c => before.push(c),
        }
    }
    None
}

impl Fix {
    /// As it is typed for cells that say just this, with `VALUE` to be replaced.
    pub fn suggested(column: &str, cell: &str) -> String {
        Fix::to_value(column, literal(cell))
    }

    /// The same for all cells.
    pub fn for_every_cell(column: &str) -> String {
        Fix::to_value(column, "*".to_owned())
    }

    fn to_value(column: &str, found: String) -> String {
        Fix { column: column.to_owned(), found, value: "VALUE".to_owned() }.typed()
    }

    pub fn typed(&self) -> String {
        let escaped = |text: &str, at: char| text.replace('\\', r"\\").replace(at, &format!("\\{at}"));
        format!("{}:{}={}", escaped(&self.column, ':'), escaped(&self.found, '='), self.value)
    }
}

/// What is found where a `*` at the end is itself.
fn literal(cell: &str) -> String {
    match cell.strip_suffix('*') {
        None => cell.to_owned(),
        Some(before) => {
            // Each backslash that stands before it says so of itself.
            let bare = before.trim_end_matches('\\');
            format!("{bare}{}\\*", "\\".repeat(2 * (before.len() - bare.len())))
        }
    }
}

#[test]
fn a_correction_may_have_colons_and_equals_signs_in_it_and_is_read_as_it_is_suggested() {
    let check = |text: &str, expect: [&str; 3]| {
        let [column, found, value] = expect.map(str::to_owned);
        assert_eq!(fix(text), Ok(Fix { column, found, value }), "{text}");
    };
    check("Site:Lisbonne=Lisbon", ["Site", "Lisbonne", "Lisbon"]);
    check("Site:=Main", ["Site", "", "Main"]);
    check("Site:*=", ["Site", "*", ""]);
    check("MAC:00:15=a=b", ["MAC", "00:15", "a=b"]);
    check(r"Tel\:home:1\=2=3", ["Tel:home", "1=2", "3"]);
    check(&Fix::suggested(r"A:\B", "c=\\d"), [r"A:\B", "c=\\d", "VALUE"]);
    check("Phone:0*=+44*", ["Phone", "0*", "+44*"]);
    check(r"Phone:\*=x", ["Phone", r"\*", "x"]);
    check(&Fix::suggested("Phone", "*"), ["Phone", r"\*", "VALUE"]);
    check(&Fix::suggested("Phone", r"a\*"), ["Phone", r"a\\\*", "VALUE"]);
    check(&Fix::for_every_cell("Phone"), ["Phone", "*", "VALUE"]);
    assert!(fix("Site").is_err() && fix(":a=b").is_err() && fix("Site:a").is_err());
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
