//! What of a file is not read: said where it is no list, refused where it is people.

use muster_import::{FileError, FileNote, Format, Limits, Mapping, Reading, Source};
use rust_xlsxwriter::Workbook;

use crate::open;
use crate::variants::{cells_by, workbook_of};

const PEOPLE_ABOVE: &str = "Ana,1001,ana@example.com\nBo,1002,bo@example.com\nCy,1003,\nDi,1004,di@example.com\n\
                            Ed,1005,ed@example.com\ndisplay_name,extension,email\nFlo,1006,flo@example.com\n";

fn notes(source: &Source<'_>) -> Vec<String> {
    source.notes().iter().map(|note: &FileNote| note.text.clone()).collect()
}

#[test]
fn people_above_the_header_are_a_reason_to_refuse_the_file_and_never_lost() {
    let text = open(PEOPLE_ABOVE.as_bytes()).unwrap_err();
    assert_eq!(
        text.to_string(),
        "the header was found in line 6; above it there are 5 that look like people, who would be lost (line 1 to \
         line 5)"
    );
    assert!(text.mend().starts_with("move the header above them"), "{}", text.mend());
    let sheet = workbook_of(&cells_by(PEOPLE_ABOVE, b','));
    let sheet = open(&sheet).unwrap_err().to_string();
    assert!(
        sheet.starts_with("the header was found in row 6; above it") && sheet.contains("(row 1 to row 5)"),
        "{sheet}"
    );
    let mapping = Mapping::parse("[columns]\nwho = \"display_name\"\nno = \"extension\"\n").unwrap();
    let mapped = "Ana,1001\nwho,no\nBo,1002\n";
    let mapped = Source::open_mapped(mapped.as_bytes(), &mapping, &Limits::default()).unwrap_err();
    assert!(matches!(mapped, FileError::PeopleAbove { count: 1, .. }), "{mapped}");
    // Somebody of whom little is written is somebody.
    let little = "x,1001,,,\ndisplay_name,extension,email,department,mobile_number\nBo,1002,,,\n";
    assert!(matches!(open(little.as_bytes()), Err(FileError::PeopleAbove { count: 1, .. })));
}

#[test]
fn a_title_above_the_header_is_said_to_be_left_out() {
    let source = open(b"Staff of the Lisbon office,,\n\ndisplay_name,extension,email\nAna,1001,\n").unwrap();
    assert_eq!(
        notes(&source),
        ["the header was found in line 3; line 1 above it is not read: `Staff of the Lisbon office`"]
    );
    let text = "Staff\nas of,2026\ndisplay_name,extension,email\nAna,1001,\n";
    let said = "the header was found in line 3; line 1 to 2 above it are not read: `Staff`";
    assert_eq!(notes(&open(text.as_bytes()).unwrap()), [said]);
    let sheet = workbook_of(&cells_by("Staff,,\n\"\",,\ndisplay_name,extension,email\nAna,1001,\n", b','));
    assert_eq!(
        notes(&open(&sheet).unwrap()),
        ["the header was found in row 3; row 1 above it is not read: `Staff`"]
    );
    assert_eq!(notes(&open(b"display_name,extension,email\nAna,1001,\n").unwrap()), Vec::<String>::new());
    assert_eq!(
        notes(&open(b"sep=;\ndisplay_name;extension;email\nAna;1001;\n").unwrap()),
        Vec::<String>::new()
    );
}

fn workbook(sheets: &[(&str, &str)]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, csv) in sheets {
        let sheet = workbook.add_worksheet().set_name(*name).unwrap();
        for (row, cells) in cells_by(csv, b',').iter().enumerate() {
            for (column, cell) in cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
                sheet.write_string(row as u32, column as u16, cell).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

const STAFF: (&str, &str) = ("Staff", "display_name,extension,email\nAna,1001,\nBo,1002,\n");
const LEAVERS: (&str, &str) = ("Leavers", "display_name,extension,email\nCy,1003,\n");
const READ_ME: (&str, &str) = ("Read me", "How to fill this in,\nOne line a person,please\n");

#[test]
fn sheets_that_are_not_read_are_said_with_their_rows() {
    let file = workbook(&[STAFF, ("Empty", ""), LEAVERS]);
    let source = open(&file).unwrap();
    assert_eq!((source.sheet(), source.rows_total()), (Some("Staff"), 2));
    assert_eq!(notes(&source), ["the sheet `Staff` is read; not read is `Leavers` (2 rows)"]);
    assert_eq!(source.notes()[0].option, Some("sheet"));
    let alone = workbook(&[STAFF]);
    assert_eq!(notes(&open(&alone).unwrap()), Vec::<String>::new());
}

#[test]
fn a_first_sheet_that_is_to_be_read_by_people_is_passed_over() {
    for format in [None, Some(Format::Muster)] {
        let file = workbook(&[READ_ME, STAFF, LEAVERS]);
        let source = Source::open(&file, format, &Limits::default()).unwrap();
        assert_eq!((source.sheet(), source.rows_total()), (Some("Staff"), 2));
        assert_eq!(
            notes(&source),
            ["the sheet `Staff` is read; not read are `Read me` (2 rows), `Leavers` (2 rows)"]
        );
    }
    let names = Source::header_of(&workbook(&[("Read me", "Hello\n"), STAFF]), &Limits::default());
    assert_eq!(names.unwrap().unwrap(), ["display_name", "extension", "email"]);
    // A list with a mistake in its header is not left for the next sheet.
    let twice = workbook(&[("Staff", "display_name,extension,extension\nAna,1,2\n"), LEAVERS]);
    let error = open(&twice).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the columns `extension` and `extension` have the same name (sheet `Staff`)"
    );
    assert!(
        error.mend().ends_with("name the sheet that has the list, of `Leavers` (2 rows)"),
        "{}",
        error.mend()
    );
    assert_eq!(error.option().as_deref(), Some("sheet"));
}

#[test]
fn a_sheet_is_read_by_its_name_and_one_that_is_not_there_is_refused() {
    let file = workbook(&[STAFF, LEAVERS]);
    let named = |file: &'static [u8], name| {
        let reading = Reading { sheet: Some(name), ..Reading::default() };
        Source::open_as(file, None, reading, &Limits::default())
    };
    let file: &'static [u8] = Vec::leak(file);
    let source = named(file, "leavers").unwrap();
    assert_eq!((source.sheet(), source.rows_total()), (Some("Leavers"), 1));
    assert_eq!(notes(&source), ["the sheet `Leavers` is read; not read is `Staff` (3 rows)"]);
    let error = named(file, "Joiners").unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.mend().as_str()),
        ("there is no sheet `Joiners`", "name one of: Staff, Leavers")
    );
    let error = named(b"display_name,extension\nAna,1\n", "Staff").unwrap_err();
    assert_eq!(error.to_string(), "there is no sheet `Staff`: the file is no workbook");
}

#[test]
fn a_column_that_a_mapping_names_and_the_file_has_not_is_said() {
    let mapping = "[columns]\nwho = \"display_name\"\nno = \"extension\"\nmail = \"email\"\n";
    let mapping = Mapping::parse(mapping).unwrap();
    let source = Source::open_mapped(b"who,no\nBo,1002\n", &mapping, &Limits::default()).unwrap();
    assert_eq!(notes(&source), ["the mapping names the column `mail`, which the file does not have"]);
}
