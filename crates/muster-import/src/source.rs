//! A file that was opened: its columns, and its rows as often as they are asked for.

use std::marker::PhantomData;

use crate::error::FileError;
use crate::format::{Column, Format};
use crate::row::Row;

/// What is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub bytes_max: u64,
    pub rows_max: u64,
    pub columns_max: usize,
    /// Bytes of one cell, decoded; a longer one is an error of its row.
    pub cell_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            bytes_max: 256 * 1024 * 1024,
            rows_max: 1_000_000,
            columns_max: 512,
            cell_bytes_max: 64 * 1024,
        }
    }
}

/// A file whose header was understood.
#[derive(Debug)]
pub struct Source<'a> {
    format: Format,
    columns: Vec<Column>,
    rows_total: u64,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> Source<'a> {
    /// Decodes the file, finds its delimiter and header, and counts its rows. `format` is what the file
    /// is said to be; without it the header decides.
    pub fn open(bytes: &'a [u8], format: Option<Format>, limits: &Limits) -> Result<Source<'a>, FileError> {
        let _ = (bytes, limits);
        Ok(Source {
            format: format.unwrap_or(Format::Muster),
            columns: Vec::new(),
            rows_total: 0,
            bytes: PhantomData,
        })
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Every column of the file, in its order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// How many rows [`Source::rows`] gives.
    pub fn rows_total(&self) -> u64 {
        self.rows_total
    }

    /// The encoding that the file was read in.
    pub fn encoding(&self) -> &'static str {
        "UTF-8"
    }

    /// What stands between cells.
    pub fn delimiter(&self) -> char {
        ','
    }

    /// The rows from the first on. Rows whose cells are all empty are left out.
    pub fn rows(&self) -> Rows<'_> {
        Rows { source: self }
    }
}

/// The rows of a [`Source`], judged one by one.
#[derive(Debug)]
pub struct Rows<'s> {
    #[allow(dead_code)]
    source: &'s Source<'s>,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        None
    }
}
