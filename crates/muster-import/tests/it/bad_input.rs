//! Files that cannot be taken, and rows that cannot: always an answer, never a panic.

use muster_import::{ExportError, Exporter, FileError, Format, Layout, Limits, Source};
use serde_json::Value as Json;

use crate::{FUSIONPBX, PEOPLE, RINGOTEL, THREE_CX, errors, open, rows};

const HEADER: &str = "name,extension,password";

#[test]
fn every_file_that_is_refused_says_why_and_what_to_do() {
    let limits = Limits { bytes_max: 400, rows_max: 3, columns_max: 5, cell_bytes_max: 100 };
    let mut wide_pdf = b"%PDF-1.7\n".to_vec();
    wide_pdf.extend([b'x'; 100]);
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("empty", b"".to_vec()),
        ("only a mark", b"\xef\xbb\xbf".to_vec()),
        ("only empty lines", b"\r\n\r\n ,,\n".to_vec()),
        ("a header alone", b"name,extension,password\r\n\r\n,,\r\n".to_vec()),
        ("over the limit of bytes", vec![b'a'; 401]),
        ("over the limit of rows", format!("{HEADER}\n{}", "a,1,b\n".repeat(4)).into_bytes()),
        ("over the limit of columns", b"name,extension,password,a,b,c\nx".to_vec()),
        ("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("a zero byte", b"name,extension,password\nA\0na,100,p\n".to_vec()),
        ("a workbook", b"PK\x03\x04\x14\0\x06\0".to_vec()),
        ("a document", wide_pdf),
        ("damaged", [HEADER.as_bytes(), b"\nJo\xc3\xa3o,1,p\nZo\xff,2,p\n"].concat()),
        ("JSON", b"[\n  {\"name\": \"Ana\"}\n]".to_vec()),
        ("a header that can be guessed", "Nom;Prénom;Courriel;Poste\nA;B;c@d.fr;1\n".into()),
        ("a header of everyday names", "Name,Ext,Phone,Mail\nA,1,2,c@d.fr\n".into()),
        ("a name and an extension", "name,extension\nA,1\n".into()),
        ("an unknown header", "Colour;Shape;Name;Taste\nred;round;A;sweet\n".into()),
        ("our own with a column more", "display_name,extension,Colour\nA,1,red\n".into()),
        ("a column too many", format!("{HEADER},Notes\nA,1,p,x\n").into_bytes()),
        ("no header", b"Ana,Pereira,ana@example.com,s3cret,100\n".to_vec()),
        ("two columns alike", b"name,extension,password,Name\nA,1,p,B\n".to_vec()),
        ("a quote never closed in the header", b"name,extension,\"password\nA,1,p\n".to_vec()),
        ("a quote never closed", format!("{HEADER}\nA,1,p\n\nB,\"2,p\nC,3,p\n").into_bytes()),
    ];
    let mut report = String::new();
    for (name, bytes) in files {
        let error = Source::open(&bytes, None, &limits).unwrap_err();
        report.push_str(&format!("{name}: {error}.\n    {}.\n", error.mend()));
    }
    let said = Source::open(b"name,extension\nA,1\n", Some(Format::Ringotel), &limits).unwrap_err();
    report.push_str(&format!("a column too few: {said}.\n    {}.\n", said.mend()));
    insta::assert_snapshot!("refused_files", report);
}

#[test]
fn a_file_beyond_the_limit_is_refused_before_it_is_read() {
    // Were it decoded first, it would be called what it is: not text.
    let limits = Limits { bytes_max: 10, ..Limits::default() };
    let error = Source::open(&[0; 11], None, &limits).unwrap_err();
    assert_eq!(error, FileError::TooLarge { limit: 10 });
}

#[test]
fn two_empty_column_names_are_not_alike() {
    let source = open(b"name,extension,password,,\nAna,1,p,,\n").unwrap();
    assert_eq!((source.columns().len(), source.rows_total()), (5, 1));
}

#[test]
fn a_row_with_more_or_fewer_cells_is_an_error_and_the_rest_is_judged_too() {
    let all = rows(&format!("{HEADER}\nA,1,p\nB,2\nC,3,p,\nD\nE,5,p\n"));
    let wrong: Vec<(u64, usize)> = all.iter().map(|row| (row.number, row.errors.len())).collect();
    assert_eq!(wrong, [(1, 0), (2, 1), (3, 1), (4, 1), (5, 0)]);
    assert_eq!(all[1].errors[0].column, None);
    assert_eq!(
        (all[1].errors[0].to_string().as_str(), all[3].errors[0].reason.as_str()),
        (
            "row 2 (line 3) has 2 cells, and the header has 3: write a cell for each column, empty ones too, and \
             quote cells with a separator in them",
            "has 1 cell, and the header has 3"
        )
    );
}

#[test]
fn text_after_a_closing_quote_is_an_error_of_its_row_that_shows_no_cell() {
    let text = errors(&format!("{HEADER}\nA,1,\"sec\"ret\nB,2,p\n"));
    assert_eq!(
        text,
        "row 1 (line 2), password: (not shown) has text after a closing quote: write a quote inside a cell twice"
    );
}

#[test]
fn a_cell_beyond_the_limit_is_an_error_of_its_row() {
    let limits = Limits { cell_bytes_max: 20, ..Limits::default() };
    let file = format!("{HEADER}\n{},1,p\n\"{}\",2,p\nC,3,p\n", "x".repeat(21), "é\"\"".repeat(5000));
    let source = Source::open(file.as_bytes(), None, &limits).unwrap();
    let reasons: Vec<Vec<String>> =
        source.rows().map(|row| row.errors.into_iter().map(|e| e.reason).collect()).collect();
    let long = vec!["is longer than 20 bytes".to_owned()];
    assert_eq!(reasons, [long.clone(), long, vec![]]);
}

#[test]
fn a_wrong_password_or_pin_is_never_shown() {
    let text = errors("Number,FirstName,LastName,AuthPassword,PIN\n100,A,B,\"se\tcret\",secret\n");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains("cret"), "{text}");
    let row = rows("name,extension,password\nA,1,secret\n").remove(0);
    assert!(!format!("{row:?}").contains("secret"), "{row:?}");
}

/// A fixed sequence, so that a failure can be repeated.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

/// Reads a damaged file to its end, and looks for passwords in all that is said about it.
fn survives(bytes: &[u8], passwords: &[String], what: &str) {
    let said = match open(bytes) {
        Err(error) => format!("{error} {}", error.mend()),
        Ok(source) => {
            let rows: Vec<_> = source.rows().collect();
            assert_eq!(rows.len() as u64, source.rows_total(), "{what}");
            let errors = rows.iter().flat_map(|r| &r.errors).map(|e| e.to_string());
            let remarks = rows.iter().flat_map(|r| &r.remarks).map(|r| r.text.clone());
            errors.chain(remarks).collect()
        }
    };
    let shown = passwords.iter().find(|password| said.contains(password.as_str()));
    assert_eq!(shown, None, "{what}: {said}");
}

#[test]
fn a_byte_changed_anywhere_or_a_file_cut_anywhere_never_panics_and_shows_no_password() {
    let people: Vec<Json> = serde_json::from_str(PEOPLE).unwrap();
    let passwords: Vec<String> =
        people.iter().filter_map(|p| p["sip_password"].as_str()).map(str::to_owned).collect();
    let special = *b"\",;\t\r\n'\0\xff=";
    let mut sequence = Sequence(7);
    for (name, bytes) in [("ringotel", RINGOTEL), ("3cx", THREE_CX), ("fusionpbx", FUSIONPBX)] {
        for at in 0..bytes.len() {
            // Every byte of the header and the first rows, then one in eight.
            if at > 600 && !sequence.next().is_multiple_of(8) {
                continue;
            }
            let random = sequence.next();
            let byte = if random.is_multiple_of(2) {
                special[random as usize / 2 % special.len()]
            } else {
                (random >> 8) as u8
            };
            let mut damaged = bytes.to_vec();
            damaged[at] = byte;
            survives(&damaged, &passwords, &format!("{name} with {byte:#04x} at {at}"));
            if at % 16 == 0 {
                survives(&bytes[..at], &passwords, &format!("{name} cut at {at}"));
            }
        }
    }
}

#[test]
fn a_person_with_more_devices_than_there_are_columns_is_not_exported_in_part() {
    let user = crate::blank_user();
    let device = |n: u128| {
        use muster_domain::field::Entity;
        muster_domain::organization::Device::blank(user.org, uuid::Uuid::from_u128(n))
    };
    let devices = [device(1), device(2)];
    let mut row = crate::round_trip::row_of(&user);
    row.devices = &devices;
    let mut exporter = Exporter::new(Vec::new(), Layout::default()).unwrap();
    assert!(matches!(exporter.push(&row), Err(ExportError::TooManyDevices { found: 2, columns: 1, .. })));
    assert!(
        Exporter::new(Vec::new(), Layout { devices: 2, ..Layout::default() }).unwrap().push(&row).is_ok()
    );
}

#[test]
fn a_file_of_another_kind_that_is_called_csv_or_xlsx_is_named() {
    let mut pictures: Vec<(&str, Vec<u8>)> = vec![
        ("a PDF document", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec()),
        ("a web page", b"\xef\xbb\xbf\n<!DOCTYPE html><html><table><tr><td>name</td></tr></table>".to_vec()),
        ("a web page", b"<html xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><table>".to_vec()),
        ("an XML document", b"<?xml version=\"1.0\"?><Workbook></Workbook>".to_vec()),
        ("JSON", b"[{\"name\": \"Ana\"}]".to_vec()),
        ("JSON", b"{\"users\": []}".to_vec()),
        ("a PNG picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec()),
        ("a JPEG picture", b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec()),
        ("a GIF picture", b"GIF89a\x01\0".to_vec()),
        ("a compressed file", b"\x1f\x8b\x08\0".to_vec()),
        ("a compressed file", b"7z\xbc\xaf\x27\x1c\0\x04".to_vec()),
        ("a rich text document", b"{\\rtf1\\ansi name,extension}".to_vec()),
        ("a database", b"SQLite format 3\0".to_vec()),
        (
            "an Excel workbook of before 2007, or one with a password on it",
            b"\xd0\xcf\x11\xe0\xa1\xb1".to_vec(),
        ),
    ];
    for (kind, bytes) in &mut pictures {
        bytes.extend(b"and more of it");
        let error = open(bytes).unwrap_err();
        assert_eq!(error.to_string(), format!("the file is not a table: it looks like {kind}"));
        let mend = "save it as CSV (UTF-8) or as an Excel workbook (.xlsx) and try again";
        assert_eq!(error.mend(), mend);
    }
}

#[test]
fn a_row_of_a_million_cells_is_an_error_of_its_row_and_a_header_of_them_of_the_file() {
    let row = format!("{HEADER}\nAna,1,p\nBo,2{}\nCy,3,p\n", ",x".repeat(1_000_000));
    let source = open(row.as_bytes()).unwrap();
    let wrong: Vec<String> = source.rows().flat_map(|row| row.errors).map(|e| e.to_string()).collect();
    assert_eq!(
        wrong,
        ["row 2 (line 3) has 1000002 cells, and the header has 3: write a cell for each column, empty ones \
          too, and quote cells with a separator in them"]
    );
    let header = format!("{HEADER}{}\nAna,1,p\n", ",x".repeat(100_000));
    let error = open(header.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "the file has 100003 columns, more than 512");
    assert_eq!(error.mend(), "remove the columns that say nothing about people");
}

#[test]
fn a_cell_of_a_hundred_megabytes_is_an_error_of_its_row_that_shows_a_little_of_it() {
    for (open_quote, close_quote, size) in [("", "", 100_000_000), ("\"", "\"", 2_000_000)] {
        let mut file = format!("{HEADER}\n{open_quote}").into_bytes();
        file.resize(file.len() + size, b'x');
        file.extend(format!("{close_quote},1,p\nBo,2,p\n").bytes());
        let source = open(&file).unwrap();
        let rows: Vec<_> = source.rows().collect();
        let [error] = rows[0].errors.as_slice() else { panic!("{:?}", rows[0].errors.len()) };
        assert_eq!(
            (error.reason.as_str(), error.mend.as_str()),
            ("is longer than 65536 bytes", "shorten it")
        );
        assert!(error.found.len() < 300, "{}", error.found.len());
        assert_eq!(rows[1].errors, []);
    }
}

#[test]
fn names_may_hold_what_a_spreadsheet_takes_for_a_formula_and_marks_that_turn_writing() {
    let names = ["=cmd|' /C calc'!A0", "\u{202e}evil\u{202c}", "‏דנה‏", "👩🏽‍💻 Zoë", "@SUM(A1)", "Ana\u{200b}"];
    for name in names {
        let row = rows(&format!("{HEADER}\n\"{name}\",1,p\n")).remove(0);
        let refused: Vec<String> = row.errors.iter().map(|e| e.to_string()).collect();
        match row.person.text("display_name") {
            Some(taken) => assert!(!taken.is_empty() && refused.is_empty(), "{name}: {refused:?}"),
            None => {
                assert!(refused.len() == 1 && refused[0].starts_with("row 1 (line 2), name: "), "{refused:?}")
            }
        }
    }
    let row = rows(&format!("{HEADER}\n=cmd|' /C calc'!A0,1,p\n")).remove(0);
    assert_eq!(row.person.text("display_name"), Some("=cmd|' /C calc'!A0"), "a name is a name here");
}

#[test]
fn an_extension_with_a_space_in_it_is_refused_with_what_to_write_and_spaces_around_it_are_not_its() {
    let said = errors(&format!("{HEADER}\nA,10 05,p\n"));
    assert_eq!(
        said,
        "row 1 (line 2), extension: 10 05 is not an extension: write 1 to 15 digits, such as 1001"
    );
    let row = rows(&format!("{HEADER}\nA, 0100 ,p\n")).remove(0);
    assert_eq!((row.person.text("extension"), row.errors.len()), (Some("0100"), 0));
}

#[test]
fn line_ends_may_be_mixed_and_the_header_may_stand_in_the_third_row() {
    let file = "Staff\r,,\n\r\nname,extension,password\rA,1,p\nB,2,q\r\n\"C\r\nD\",3,r\n\rE,4,s";
    let source = open(file.as_bytes()).unwrap();
    let people: Vec<(u64, String)> =
        source.rows().map(|r| (r.line, r.person.text("extension").unwrap().to_owned())).collect();
    let expect = [(5, "1"), (6, "2"), (7, "3"), (10, "4")].map(|(line, number)| (line, number.to_owned()));
    assert_eq!(people, expect);
    let row = open(file.as_bytes()).unwrap().rows().nth(2).unwrap();
    assert!(row.errors.len() <= 1, "{:?}", row.errors);
}
