//! Bytes to rows and back: encodings, tables and the formats of other phone systems.
//!
//! Pure: bytes come in, rows go out, and the other way round; nothing here reads a file, knows the
//! store or decides who becomes whom.
//!
//! **In.** [`Source::open`] decodes the bytes, finds the delimiter, the header and the [`Format`],
//! and counts the rows. [`Source::rows`] then judges one row at a time, as often as it is asked: once
//! to show every error, once more to build. A [`Row`] holds a [`PersonRow`] of checked values and all
//! that is wrong with it. What needs other rows or the database (a taken extension, a site's name)
//! is for the caller.
//!
//! **Out.** [`Exporter`] writes our own format, which reads back to the same people.
//!
//! A format is a table of columns and their meaning ([`Format`] lists them); a further one is a
//! further table.

mod correct;
mod decode;
mod draft;
mod encode;
mod error;
mod excerpt;
mod export;
mod export_other;
mod export_workbook;
mod foreign;
mod format;
mod formats;
mod header;
mod hidden;
mod judge;
mod limits;
mod mapping;
mod pattern;
mod row;
mod sheet;
mod source;
mod synonyms;
mod table;
mod turned;
mod unpack;
mod workbook;

pub use correct::Correction;
pub use draft::NOT_SHOWN;
pub use error::{CellError, FileError, Remark};
pub use export::{ExportError, ExportMailbox, ExportRow, ExportSecrets, Exporter, Layout};
pub use export_other::{LeftOut, OtherExporter, OtherReport};
pub use export_workbook::WorkbookExporter;
pub use format::{Column, Format, Taken};
pub use limits::{Limits, WORKBOOK_PEOPLE_MAX};
pub use mapping::{Likeness, Mapping, MappingError, Suggestion};
pub use row::{DeviceWish, FileStatus, MailboxWish, PersonRow, Row, Secret};
pub use source::{Rows, Source};
