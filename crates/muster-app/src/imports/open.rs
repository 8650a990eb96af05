//! The uploaded file, opened as the options say.

use muster_import::{Column, Format, Limits, Mapping, Reading, Source, Taken};

use super::options::{Correction, Existing, ImportOptions, MatchKey};
use crate::AppError;

/// The file as the options say that it is to be read.
pub(super) fn open<'a>(bytes: &'a [u8], options: &ImportOptions) -> Result<Source<'a>, AppError> {
    if options.existing == Some(Existing::Update) && options.match_by.is_none() {
        let mend = "choose by what a row means somebody: username, extension or email";
        return Err(AppError::invalid("match", "is needed to update people", mend));
    }
    let corrections = options.corrections.iter().map(Correction::for_file);
    let source = open_as_mapped(bytes, options)?;
    can_match(&source, options)?;
    Ok(source.corrected(corrections.collect())?)
}

/// Refuses to look for people by what the file does not say of them.
fn can_match(source: &Source<'_>, options: &ImportOptions) -> Result<(), AppError> {
    let Some(by) = options.match_by else { return Ok(()) };
    let has = |by: MatchKey| {
        // An extension is a username too, and the only address that messages go to is the person's.
        let fields: &[&str] = match by {
            MatchKey::Username => &["username", "extension"],
            MatchKey::Extension => &["extension"],
            MatchKey::Email => &["email", "notification_addresses"],
        };
        let is_one = |column: &Column| matches!(column.taken, Taken::Field(name) if fields.contains(&name));
        source.columns().iter().any(is_one)
    };
    if has(by) {
        return Ok(());
    }
    let others = [MatchKey::Username, MatchKey::Extension, MatchKey::Email];
    let others: Vec<&str> = others.into_iter().filter(|by| has(*by)).map(MatchKey::field).collect();
    let mend = match others.as_slice() {
        [] => "add a column for it to the file".to_string(),
        others => format!("add a column for it to the file, or choose {}", others.join(" or ")),
    };
    let reason = format!("goes by {}, and the file has no column for it", by.field());
    Err(AppError::invalid("match", reason, mend))
}

fn open_as_mapped<'a>(bytes: &'a [u8], options: &ImportOptions) -> Result<Source<'a>, AppError> {
    let limits = Limits::default();
    let reading = Reading { vertical: options.vertical, sheet: options.sheet.as_deref() };
    let open_known = || -> Result<Source<'a>, AppError> {
        let format = format_of(options)?;
        Ok(Source::open_as(bytes, format, reading, &limits)?)
    };
    let Some(mapping) = mapping_of(options)? else {
        return open_known();
    };
    if !mapping.has_columns() {
        return Ok(open_known()?.fixed(&mapping)?);
    }
    if format_of(options)?.is_some() {
        let mend = "leave one of the two out: a mapping is for a file of no known format";
        return Err(AppError::invalid("mapping", "is there beside a format", mend));
    }
    Ok(Source::open_mapped_as(bytes, &mapping, reading, &limits)?)
}

fn mapping_of(options: &ImportOptions) -> Result<Option<Mapping>, AppError> {
    let Some(text) = &options.mapping else { return Ok(None) };
    let mapping = Mapping::parse(text).map_err(|error| {
        let mend = "mend the mapping, or ask for a new one for this file";
        AppError::invalid("mapping", error.to_string(), mend)
    })?;
    Ok(Some(mapping))
}

/// The mapping with what was corrected beside it, where anything was.
pub(super) fn used_mapping(options: &ImportOptions) -> Option<String> {
    if options.corrections.is_empty() {
        return None;
    }
    let corrections: Vec<_> = options.corrections.iter().map(Correction::for_file).collect();
    Some(mapping_of(options).ok()?.unwrap_or_default().with(&corrections).to_toml())
}

fn format_of(options: &ImportOptions) -> Result<Option<Format>, AppError> {
    let Some(word) = options.format.as_deref().filter(|w| *w != "auto") else { return Ok(None) };
    let known = || Format::ALL.iter().map(|f| f.word()).collect::<Vec<_>>().join(", ");
    Format::from_word(word).map(Some).ok_or_else(|| {
        AppError::invalid(
            "format",
            format!("`{word}` is not a known format"),
            format!("use auto or one of {}", known()),
        )
    })
}
