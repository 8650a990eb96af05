//! The document of our own format's columns is the code's.

use std::path::Path;

use muster_import::{
    ColumnHelp, Exporter, FileError, Format, Layout, Limits, Source, column_helps, template_csv,
    template_workbook,
};

use crate::rows;

fn columns() -> Vec<ColumnHelp> {
    column_helps(Layout { with_secrets: true, devices: 1 })
}

#[test]
fn the_document_of_our_columns_is_that_of_the_code() {
    let mut text = String::from(
        "# The columns of our own format\n\nA file with any of these columns, if `extension`, `username`, \
         `email` or `display_name` is among them. Somebody new needs a `display_name` (else `given_name` and \
         `family_name` make it) and an `extension` or a `username`. An empty cell empties its field, if the \
         field can be empty; a column that is not there changes nothing. The second device's columns begin \
         with `device_2_`, and so on.\n\n| column | what | example |\n|---|---|---|\n",
    );
    for ColumnHelp { name, what, example } in columns() {
        assert!(!what.is_empty(), "{name}");
        text.push_str(&format!("| `{name}` | {what} | `{example}` |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/import-columns.md");
    if std::env::var_os("COLUMNS").is_some_and(|word| word == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, text, "COLUMNS=write cargo nextest run -p muster-import writes it anew");
}

#[test]
fn every_example_of_the_document_is_read_without_an_error() {
    let columns = columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let cells: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.example)).collect();
    let file = format!("{}\n{}\n", names.join(","), cells.join(","));
    assert_eq!(Format::recognize(&names), Some(Format::Muster));
    let row = rows(&file).remove(0);
    assert_eq!(row.errors, []);
}

#[test]
fn an_export_has_the_columns_that_are_explained() {
    for devices in [1, 3] {
        let layout = Layout { with_secrets: true, devices };
        let bytes = Exporter::new(Vec::new(), layout).unwrap().finish().unwrap();
        let header = String::from_utf8(bytes).unwrap();
        let helps = column_helps(layout);
        let names: Vec<&str> = helps.iter().map(|help| help.name.as_str()).collect();
        assert_eq!(header.trim_start_matches('\u{feff}').trim(), names.join(","));
        assert!(helps.iter().all(|help| !help.what.is_empty() && !help.example.is_empty()));
    }
}

#[test]
fn a_template_that_is_filled_in_below_its_explanations_is_read() {
    let text = String::from_utf8(template_csv().unwrap()).unwrap();
    let nobody = |bytes: &[u8]| Source::open(bytes, None, &Limits::default()).unwrap_err().to_string();
    assert_eq!(nobody(text.as_bytes()), FileError::HeaderOnly.to_string(), "explanations are nobody");
    let cells: Vec<&str> = columns()
        .iter()
        .map(|column| match column.name.as_str() {
            "display_name" => "Ana Silva",
            "extension" => "0107",
            _ => "",
        })
        .collect();
    let rows = rows(&format!("{text}{}\r\n", cells.join(",")));
    assert_eq!((rows.len(), rows[0].errors.len(), rows[0].line), (1, 0, 4));
    assert_eq!(rows[0].person.text("extension"), Some("0107"));
    let workbook = template_workbook().unwrap();
    assert_eq!(nobody(&workbook), FileError::HeaderOnly.to_string());
}
