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
