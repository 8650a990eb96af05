//! Some rows of a file as a file of their own: what reads it sees the same people and the same mistakes.

use muster_import::{Format, Limits, Row, Source};
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Formula, Workbook};

use crate::variants::{Variant, variants_of};
use crate::{UPRIGHT, VERTICAL, open};

/// Rows as a comparison wants them: the new file has lines and numbers of its own.
fn bare(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let bare = |mut row: Row| {
        (row.line, row.number) = (0, 0);
        for error in row.errors.iter_mut().chain(&mut row.errors_if_new) {
            (error.line, error.row) = (0, 0);
        }
        row
    };
    rows.map(bare).collect()
}

fn excerpt(source: &Source<'_>, is_wanted: fn(u64) -> bool) -> Vec<u8> {
    let mut file = Vec::new();
    let count = source.write_rows(&mut file, is_wanted).unwrap();
    assert_eq!(count, source.rows().filter(|row| is_wanted(row.number)).count() as u64);
    file
}

/// Writes every third row, reads it again, and gives what was written.
fn check(bytes: &[u8], format: Option<Format>, what: &str) -> Vec<u8> {
    let source = Source::open(bytes, format, &Limits::default()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let wanted = |number: u64| number % 3 == 2;
    let file = excerpt(&source, wanted);
    let again = Source::open(&file, format, &Limits::default()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let about = |s: &Source<'_>| {
        let headers: Vec<String> = s.columns().iter().map(|c| c.header.to_string()).collect();
        (s.format(), s.delimiter(), s.is_turned(), s.ending(), headers)
    };
    assert_eq!(about(&again), about(&source), "{what}");
    assert_eq!(bare(again.rows()), bare(source.rows().filter(|row| wanted(row.number))), "{what}");
    // Few rows may be plain letters only, which is UTF-8 too.
    assert!([source.encoding(), "UTF-8"].contains(&again.encoding()), "{what}: {}", again.encoding());
    file
}

#[test]
fn rows_of_every_format_encoding_and_shape_come_back_as_they_were() {
    for (name, bytes) in UPRIGHT.into_iter().chain([("vertical", VERTICAL)]) {
        for Variant { what, bytes } in variants_of(name, bytes) {
            check(&bytes, None, &what);
        }
    }
}

#[test]
fn the_text_of_a_row_is_the_files_own_to_the_last_sign() {
    let file = "sep=;\r\nStaff of Lisbon;;\r\n\r\nname;extension;password\r\n\"Ana \"\"A\"\"\";0100;\"p;1\"\r\n;;\r\nBo;12x4;p\r\n\"Cy\nD\";0102;=cmd|x\r\nEs;+1;\"se\"cret";
    let source = open(file.as_bytes()).unwrap();
    let text = |is_wanted: fn(u64) -> bool| String::from_utf8(excerpt(&source, is_wanted)).unwrap();
    let head = "sep=;\r\nname;extension;password\r\n";
    assert_eq!(text(|number| number == 1), format!("{head}\"Ana \"\"A\"\"\";0100;\"p;1\"\r\n"));
    assert_eq!(
        text(|number| number > 1),
        format!("{head}Bo;12x4;p\r\n\"Cy\nD\";0102;=cmd|x\r\nEs;+1;\"se\"cret\r\n")
    );
    assert_eq!(text(|_| false), head);
}

#[test]
fn mistakes_are_the_same_mistakes_in_a_file_of_their_own() {
    let csv =
        "name,extension,password\nA,1,p\nB,12x4,p\nC,3\nD,4,p,q\nE,5,\"se\"x\nF,,p\nG,0007,\" p \"\nH,+8,p\n";
    check(csv.as_bytes(), None, "upright");
    let turned = "name,A,B,C,D\nextension,1,12x4,,0004\npassword,p,\"q,q\",r,\n";
    check(turned.as_bytes(), None, "turned");
    let ivoz = "A,B,0100\nC\n";
    check(ivoz.as_bytes(), Some(Format::IvozProvider), "a row that no format knows");
}

#[test]
fn what_excel_made_of_a_cell_is_said_of_the_new_workbook_too() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "Staff").unwrap();
    for (column, name) in ["name", "extension", "password", "mobile", "department"].iter().enumerate() {
        sheet.write_string(2, column as u16, *name).unwrap();
    }
    let date = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm");
    let time = ExcelDateTime::from_ymd(2026, 2, 1).unwrap().and_hms(7, 30, 0).unwrap();
    for row in 3..12 {
        sheet.write_string(row, 0, format!("Ana <{row}> & _x0041_ \u{1}\u{202e}א")).unwrap();
        sheet.write_number(row, 1, 100.0).unwrap();
        sheet.write_string(row, 2, " pass word ").unwrap();
        sheet.write_number(row, 3, 4_711_471_147_114_711.0).unwrap();
        sheet.write_datetime_with_format(row, 4, &time, &date).unwrap();
    }
    sheet.write_string(5, 1, "0101").unwrap();
    sheet.write_formula(7, 1, Formula::new("=1/0").set_result("#DIV/0!")).unwrap();
    sheet.write_boolean(10, 4, true).unwrap();
    check(&workbook.save_to_buffer().unwrap(), None, "a workbook");
}

#[test]
fn an_encoding_that_few_rows_do_not_show_becomes_utf_8() {
    let names: [&[u8]; 4] = [b"Fran\xe7ois M\xfcller", b"S\xf8ren \x96 Bj\xf6rk", b"\x8a\xe8", b"Ana"];
    let mut bytes = b"name;extension;password\r\n".to_vec();
    for (number, name) in names.iter().enumerate() {
        bytes.extend_from_slice(name);
        bytes.extend(format!(";{number};p\r\n").bytes());
    }
    let source = open(&bytes).unwrap();
    assert_eq!(source.encoding(), "windows-1252");
    for wanted in [|number: u64| number == 1, |number: u64| number == 2, |number: u64| number == 3] {
        let file = excerpt(&source, wanted);
        let again = open(&file).unwrap();
        assert_eq!(bare(again.rows()), bare(source.rows().filter(|row| wanted(row.number))));
    }
}
