//! A record to a row: every cell checked, every error kept.

use muster_domain::field::{Entity, FieldDef};
use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_domain::value::{FieldType, Reason, Value};
use uuid::Uuid;

use crate::draft::{Draft, NOT_SHOWN, found};
use crate::encode::text_to_value;
use crate::error::CellError;
use crate::foreign;
use crate::format::{Column, Meaning, Rules, Taken};
use crate::mangled;
use crate::row::Row;
use crate::table::{Flaw, Record};
use crate::workbook::{Mark, MarkKind};

pub(crate) struct Judge<'s> {
    rules: &'s Rules,
    columns: &'s [Column],
    steps: Vec<Step>,
    cell_bytes_max: usize,
    /// Lends its fields to check lists; what it holds does not matter.
    scratch: User,
}

/// What to do with a column, looked up once.
pub(crate) struct Step {
    pub meaning: Meaning,
    pub field: Option<&'static FieldDef<User>>,
    /// What an empty cell makes of the field, where it makes something.
    pub emptied: Option<Value>,
}

impl<'s> Judge<'s> {
    pub fn new(rules: &'s Rules, columns: &'s [Column], cell_bytes_max: usize) -> Judge<'s> {
        let mut scratch = User::blank(OrgId(Uuid::nil()), Uuid::nil());
        let steps = columns.iter().map(|c| Step::new(rules, &c.header, &mut scratch)).collect();
        Judge { rules, columns, steps, cell_bytes_max, scratch }
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    pub fn meaning(&self, column: usize) -> Meaning {
        self.steps.get(column).map_or(Meaning::Ignored(""), |step| step.meaning)
    }

    /// `marks`: the record's cells that were not text in a workbook. `corrected`: columns whose cells are no
    /// longer the workbook's.
    pub fn judge(&mut self, record: &Record<'_>, number: u64, marks: &[Mark], corrected: &[usize]) -> Row {
        let row = Row { line: record.line, number, ..Row::default() };
        let mut draft = Draft::new(row, self.columns);
        if self.is_table_row(record, &mut draft) {
            for (column, cell) in record.cells.iter().enumerate() {
                let is_of = |mark: &&Mark| usize::from(mark.column) == column && !corrected.contains(&column);
                let mark = marks.iter().find(is_of);
                if mark.is_none_or(|mark| self.is_text(column, cell, mark.kind, &mut draft)) {
                    self.take(column, cell, &mut draft);
                }
            }
            draft.finish(self.rules, &self.steps);
        }
        // What is decided last may belong to an early column.
        let place =
            |error: &CellError| self.columns.iter().position(|c| Some(&c.header) == error.column.as_ref());
        draft.row.errors.sort_by_key(place);
        draft.row.errors_if_new.sort_by_key(place);
        draft.row
    }

    /// Whether cells and columns belong together at all.
    fn is_table_row(&self, record: &Record<'_>, draft: &mut Draft<'_, '_>) -> bool {
        if let Some(Flaw::TextAfterQuote(column)) = record.flaw {
            let reason = Reason::new("has text after a closing quote", "write a quote inside a cell twice");
            // Cells may have shifted: what stands here could be a password.
            let column = self.columns.get(column).map(|c| c.header.clone());
            draft.fail(column, NOT_SHOWN.to_owned(), reason);
            return false;
        }
        if record.cells_total != self.columns.len() {
            let s = if record.cells_total == 1 { "" } else { "s" };
            let reason = Reason::new(
                format!("has {} cell{s}, and the header has {}", record.cells_total, self.columns.len()),
                "write a cell for each column, empty ones too, and quote cells with a separator in them",
            );
            draft.fail(None, String::new(), reason);
            return false;
        }
        true
    }

    /// Whether a cell that Excel holds as something else may be read as what it shows. Says what is lost.
    fn is_text(&self, column: usize, cell: &str, kind: MarkKind, draft: &mut Draft<'_, '_>) -> bool {
        let Some(step) = self.steps.get(column) else { return true };
        if let Meaning::Ignored(_) = step.meaning {
            return true;
        }
        let reason = match kind {
            MarkKind::Number if step.is_of_digits() => {
                draft.remark(column, String::new(), NUMBER_CELL.to_owned());
                return true;
            }
            MarkKind::Number => return true,
            MarkKind::LongNumber => Reason::new(
                "is a number of more than 15 digits, and Excel keeps only 15",
                "format the column as text and write it again",
            ),
            MarkKind::Date if step.field.is_some_and(|f| f.kind == FieldType::Time) => return true,
            MarkKind::Date => Reason::new(
                "is a date: Excel has made one of what was typed",
                "format the column as text and write it again",
            ),
            MarkKind::Error => Reason::new("is a formula that does not work out", "write the value itself"),
        };
        draft.failed.extend(step.field_name());
        draft.fail_cell(column, cell, step, reason);
        false
    }

    fn take<'r>(&mut self, column: usize, cell: &'r str, draft: &mut Draft<'_, 'r>) {
        let (Some(step), scratch) = (self.steps.get(column), &mut self.scratch) else { return };
        if let Meaning::Ignored(_) = step.meaning {
            return;
        }
        if cell.len() > self.cell_bytes_max {
            let reason = format!("is longer than {} bytes", self.cell_bytes_max);
            draft.failed.extend(step.field_name());
            draft.fail_cell(column, cell, step, Reason::new(reason, "shorten it"));
            return;
        }
        let cell: &'r str = self.rules.unguarded(step.meaning, cell);
        if let Some(mangled) = mangled::formula_error(cell).filter(|_| !step.meaning.is_secret()) {
            draft.failed.extend(step.field_name());
            draft.fail_mangled(column, cell, step, mangled);
            return;
        }
        if step.meaning.is_secret() {
            // Spaces belong to a password.
            if !cell.is_empty() {
                draft.take_secret(column, cell, step);
            }
        } else if cell.trim().is_empty() {
            if let (Some(field), Some(emptied)) = (step.field, &step.emptied) {
                draft.row.person.values.push((field.name, emptied.clone()));
            }
        } else if let Some(field) = step.field {
            let value = match self.rules.own || field.kind == FieldType::Time {
                _ if field.name == "user_type" => (field.parse)(foreign::user_type(cell)),
                true => text_to_value(cell, field, scratch),
                false => (field.parse)(cell),
            };
            if let Some(doubt) =
                mangled::doubt(cell).filter(|_| field.kind == FieldType::Text && value.is_ok())
            {
                draft.remark(column, found(cell.trim()), doubt);
            }
            draft.take_value(column, cell, step, field.name, value);
        } else if let Err(reason) = draft.take_other(column, cell, step) {
            draft.fail_cell(column, cell, step, reason);
        }
    }
}

impl Step {
    fn new(rules: &Rules, header: &str, scratch: &mut User) -> Step {
        let meaning = rules.meaning(header);
        let field = match meaning {
            Meaning::Field(name) => User::field(name),
            _ => None,
        };
        let emptied = match field {
            Some(field) if rules.own => {
                (field.set)(scratch, &Value::Null).is_ok().then(|| (field.get)(scratch))
            }
            _ => None,
        };
        Step { meaning, field, emptied }
    }

    /// Whether zeros at the beginning of a cell mean something.
    pub fn is_of_digits(&self) -> bool {
        self.meaning.is_secret()
            || self.meaning.is_of_number()
            || matches!(self.meaning, Meaning::Username { .. } | Meaning::IfValid(_))
    }

    fn field_name(&self) -> Option<&'static str> {
        match self.meaning.taken() {
            Taken::Field(name) => Some(name),
            _ => None,
        }
    }
}

const NUMBER_CELL: &str =
    "is a number in the workbook: zeros at its beginning are lost there; format the column as text";
