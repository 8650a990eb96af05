//! What is so of a file as a whole, and keeps nothing of it out.

use smol_str::SmolStr;

/// Something to be known of a file that is read all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileNote {
    /// A sentence without its full stop. Never a password or PIN.
    pub text: String,
    /// What to do if that was not meant; empty where there is nothing.
    pub mend: String,
    /// The option of the import that does it: `sheet`.
    pub option: Option<&'static str>,
}

/// A sheet of the workbook that is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherSheet {
    pub name: SmolStr,
    /// Rows with anything in them, the header's too; `None` where there are too many to be counted.
    pub rows: Option<u64>,
    pub is_hidden: bool,
}

impl OtherSheet {
    /// `Leavers (12 rows)`.
    pub fn shown(&self) -> String {
        let rows = match self.rows {
            Some(1) => "1 row".to_owned(),
            Some(rows) => format!("{rows} rows"),
            None => "not counted".to_owned(),
        };
        let hidden = if self.is_hidden { ", hidden" } else { "" };
        format!("`{}` ({rows}{hidden})", self.name)
    }
}

/// Sheets that a text lists.
const SHEETS_LISTED_MAX: usize = 8;

/// All of them with their rows, as far as a text can.
pub(crate) fn listed(sheets: &[OtherSheet]) -> String {
    let shown: Vec<String> = sheets.iter().take(SHEETS_LISTED_MAX).map(OtherSheet::shown).collect();
    let more = if sheets.len() > SHEETS_LISTED_MAX { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Which sheet of a workbook is read, where there are others with something in them.
pub(crate) fn of_sheets(read: &str, others: &[OtherSheet]) -> Option<FileNote> {
    let are = match others {
        [] => return None,
        [_] => "is",
        _ => "are",
    };
    Some(FileNote {
        text: format!("the sheet `{read}` is read; not read {are} {}", listed(others)),
        mend: "name another sheet to read that, one import for each".to_owned(),
        option: Some("sheet"),
    })
}

/// Columns of a mapping that the file does not have.
pub(crate) fn of_missing_columns(columns: &[&SmolStr]) -> Option<FileNote> {
    if columns.is_empty() {
        return None;
    }
    let named: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
    let (s, them) = if columns.len() == 1 { ("", "it") } else { ("s", "them") };
    Some(FileNote {
        text: format!("the mapping names the column{s} {}, which the file does not have", named.join(", ")),
        mend: format!("write the name as the file has it, or take {them} out of the mapping"),
        option: None,
    })
}
