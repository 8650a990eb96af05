//! One correction for every cell of a column that says the same, whatever the file's format.

use std::borrow::Cow;

use smol_str::SmolStr;

use crate::error::FileError;
use crate::format::{Column, Meaning, Rules, comparable};
use crate::mangled;
use crate::pattern::{EVERY, Patterns, made_of};

/// Corrections of one import.
const CORRECTIONS_MAX: usize = 200;

/// What stands in a column, and what shall stand there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The column's header; compared as headers are.
    pub column: SmolStr,
    /// The cells that it is for, compared without case and outer spaces. Empty for cells that are empty. A
    /// `*` at the end stands for the rest of a cell, so that `*` alone is for every cell; `\*` is a star.
    /// What is said of a whole cell goes first, then what is said of its longest beginning.
    pub found: SmolStr,
    /// A `*` at the end puts the rest back.
    pub value: SmolStr,
}

/// Corrections by the column that they are for.
#[derive(Default)]
pub(crate) struct Corrections {
    all: Vec<Correction>,
    columns: Vec<(usize, Meaning, Patterns<usize>)>,
}

impl Corrections {
    /// Refuses what could never be done: a column that is not there, and a password, which would be kept
    /// in clear with the job.
    pub fn new(all: Vec<Correction>, columns: &[Column], rules: &Rules) -> Result<Corrections, FileError> {
        if all.len() > CORRECTIONS_MAX {
            return Err(FileError::TooManyCorrections { limit: CORRECTIONS_MAX });
        }
        let mut by_column: Vec<(usize, Meaning, Patterns<usize>)> = Vec::new();
        for (nth, correction) in all.iter().enumerate() {
            let at = place(&correction.column, columns)?;
            let empties = correction.found == EVERY && correction.value.is_empty();
            let meaning = rules.meaning(&columns[at].header);
            if meaning.is_secret() && !empties {
                return Err(FileError::SecretCorrected { column: columns[at].header.clone() });
            }
            if !by_column.iter().any(|(column, _, _)| *column == at) {
                by_column.push((at, meaning, Patterns::default()));
            }
            let Some((_, _, patterns)) = by_column.iter_mut().find(|(column, _, _)| *column == at) else {
                continue;
            };
            if patterns.insert(&correction.found, nth).is_some() {
                let (column, found) = (correction.column.clone(), correction.found.clone());
                return Err(FileError::CorrectedTwice { column, found });
            }
        }
        Ok(Corrections { all, columns: by_column })
    }

    pub fn all(&self) -> &[Correction] {
        &self.all
    }

    /// Corrects a record's cells. Counts in `matched`, which has a place for each correction, and notes the
    /// columns that were corrected.
    pub fn apply(
        &self,
        cells: &mut [Cow<'_, str>],
        rules: &Rules,
        matched: &mut [u64],
        corrected: &mut Vec<usize>,
    ) {
        for (column, meaning, patterns) in &self.columns {
            let Some(cell) = cells.get_mut(*column) else { continue };
            let said = rules.unguarded(*meaning, cell);
            let Some((nth, rest)) = patterns.find(said) else { continue };
            if rest.is_some_and(|rest| rest.len() < said.len()) && is_lost(*meaning, said) {
                continue;
            }
            let Some(value) = made_of(&self.all[*nth].value, rest, said) else { continue };
            *cell = Cow::Owned(value);
            matched[*nth] += 1;
            corrected.push(*column);
        }
    }
}

/// Whether too little is left of a number for a rule to make one of it: what a rule would make of `01-Apr` no
/// longer shows what has become of it.
fn is_lost(meaning: Meaning, cell: &str) -> bool {
    meaning.is_of_number() && mangled::number(cell).is_some()
}

/// Where the column is that a correction is for.
pub(crate) fn place(name: &str, columns: &[Column]) -> Result<usize, FileError> {
    let key = comparable(name);
    columns.iter().position(|c| !c.header.is_empty() && comparable(&c.header) == key).ok_or_else(|| {
        let named = columns.iter().map(|c| &c.header).filter(|header| !header.is_empty());
        FileError::NoSuchColumn { column: SmolStr::new(name), columns: named.cloned().collect() }
    })
}
