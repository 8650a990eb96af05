//! What is wrong with a row, or remarked of it, in terms of the file.

use muster_domain::value::{FieldError, Value};
use muster_import::{CellError, Column, Remark, Row, Taken};
use serde::{Deserialize, Serialize};

use super::known::Known;
use super::options::MatchKey;

/// Something about one row: an error that keeps it out, or a remark that does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The line of the file on which the row begins, from 1.
    pub line: u64,
    pub row: u64,
    /// The cell as a spreadsheet names it, as [`muster_import::Source::cell`] has it; noted with the report.
    #[serde(default)]
    pub cell: Option<String>,
    pub column: Option<String>,
    pub found: String,
    pub reason: String,
    pub mend: String,
    /// The option of the import that would allow it: another way to mend it.
    #[serde(default)]
    pub option: Option<String>,
    /// A remark: said, but no reason to refuse the row.
    pub remark: bool,
    /// The reason without what is so of this row only, where that differs.
    #[serde(skip)]
    pub cause: Option<&'static str>,
}

impl RowProblem {
    pub(super) fn of_remark(row: &Row, remark: Remark) -> RowProblem {
        RowProblem {
            line: row.line,
            row: row.number,
            cell: None,
            column: Some(remark.column.to_string()),
            found: remark.found,
            reason: remark.text,
            mend: String::new(),
            option: None,
            remark: true,
            cause: None,
        }
    }
}

impl From<CellError> for RowProblem {
    fn from(e: CellError) -> RowProblem {
        RowProblem {
            line: e.line,
            row: e.row,
            cell: None,
            column: e.column.map(|c| c.to_string()),
            found: e.found,
            reason: e.reason,
            mend: e.mend,
            option: None,
            remark: false,
            cause: e.lost,
        }
    }
}

/// A row was to mean somebody who is there already, and lacks what somebody new needs.
pub(super) fn nobody_meant(
    row: &Row,
    by: MatchKey,
    lacks: Vec<CellError>,
    known: &Known,
    columns: &[Column],
) -> Vec<RowProblem> {
    let field = by.field();
    if row.person.text(field).is_none() {
        return lacks.into_iter().map(RowProblem::from).collect();
    }
    let (reason, mend) = match known.is_shared(row, by) {
        true => (
            "is shared by several people here",
            "choose another key, so that one of them is meant".to_string(),
        ),
        false => {
            let mends: Vec<String> = lacks.into_iter().map(|lack| lack.mend).collect();
            let mend = format!("correct it; or, if somebody new is meant, {}", mends.join(" and "));
            ("is one that nobody here has", mend)
        }
    };
    vec![problem(row, columns, FieldError::new(field, reason, mend.as_str()))]
}

/// A field's error in terms of the file: the header of its column, and what stood there.
pub(super) fn problem(row: &Row, columns: &[Column], error: FieldError) -> RowProblem {
    let column = columns.iter().find(|c| c.taken == Taken::Field(error.field));
    let found = match row.person.value(error.field) {
        Some(Value::Text(text)) => shorten(text),
        Some(Value::Int(n)) => n.to_string(),
        Some(Value::Bool(b)) => if *b { "yes" } else { "no" }.to_string(),
        _ => match error.field {
            "site" => row.person.site_name.as_deref().map(shorten).unwrap_or_default(),
            "connection" => row.person.connection_name.as_deref().map(shorten).unwrap_or_default(),
            _ => String::new(),
        },
    };
    RowProblem {
        line: row.line,
        row: row.number,
        cell: None,
        column: Some(column.map_or_else(|| error.field.to_string(), |c| c.header.to_string())),
        found,
        reason: error.reason,
        mend: error.mend,
        option: error.option.map(str::to_string),
        remark: false,
        cause: None,
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 60 {
        return text.to_string();
    }
    text.chars().take(59).chain(['…']).collect()
}
