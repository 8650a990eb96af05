//! Excel workbooks: the same people as in text, and what Excel has made of their cells.

use std::io::Write;

use muster_domain::field::Entity;
use muster_domain::user::User;
use muster_domain::value::Value;
use muster_import::{Exporter, FileError, Format, Layout, Limits, Row, Source, WorkbookExporter};
use proptest::prelude::*;
use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook};
use zip::write::SimpleFileOptions;

use crate::{FUSIONPBX, RINGOTEL, THREE_CX, VERTICAL, open};

/// A workbook with the cells of a CSV file, all of them text.
fn workbook_of(csv: &[u8]) -> Vec<u8> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, record) in reader.records().enumerate() {
        for (column, cell) in record.unwrap().iter().enumerate() {
            let cell = cell.trim_start_matches('\u{feff}');
            if !cell.is_empty() {
                sheet.write_string(row as u32, column as u16, cell).unwrap();
            }
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// Rows as a comparison wants them: a sheet counts its rows, a text its lines.
fn rows_of(bytes: &[u8]) -> (Format, Vec<Row>) {
    let source = open(bytes).unwrap();
    let mut rows: Vec<Row> = source.rows().collect();
    rows.iter_mut().for_each(|row| row.line = 0);
    (source.format(), rows)
}

#[test]
fn a_workbook_gives_the_same_sixty_people_as_the_text() {
    for csv in [RINGOTEL, THREE_CX, FUSIONPBX, VERTICAL] {
        let workbook = workbook_of(csv);
        let source = open(&workbook).unwrap();
        assert_eq!((source.encoding(), source.delimiter()), ("XLSX", None));
        assert_eq!(rows_of(&workbook), rows_of(csv));
    }
}

#[test]
fn what_excel_made_of_a_cell_is_said() {
    let mut workbook = Workbook::new();
    workbook.add_worksheet().set_name("Empty").unwrap();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "Staff of the Lisbon office").unwrap();
    for (column, name) in ["name", "extension", "password", "mobile", "department"].iter().enumerate() {
        sheet.write_string(2, column as u16, *name).unwrap();
    }
    let date = CellFormat::new().set_num_format("yyyy-mm-dd");
    sheet.write_string(3, 0, "Ana").unwrap();
    sheet.write_number(3, 1, 100.0).unwrap();
    sheet.write_string(3, 2, "secret").unwrap();
    sheet.write_number(3, 3, 351_800_000_001.0).unwrap();
    sheet.write_datetime_with_format(3, 4, ExcelDateTime::from_ymd(2026, 2, 1).unwrap(), &date).unwrap();
    sheet.write_string(5, 0, "Bo").unwrap();
    sheet.write_string(5, 1, "0101").unwrap();
    sheet.write_number(5, 2, 1234.0).unwrap();
    for (row, number) in [(6, 999_999_999_999_999.0), (7, 4_711_471_147_114_711.0)] {
        sheet.write_string(row, 0, "Cy").unwrap();
        sheet.write_number(row, 1, number).unwrap();
    }
    let workbook = workbook.save_to_buffer().unwrap();
    let source = open(&workbook).unwrap();
    let rows: Vec<Row> = source.rows().collect();
    let mut said = Vec::new();
    for row in &rows {
        said.extend(row.errors.iter().map(|error| error.to_string()));
        said.extend(row.remarks.iter().map(|r| format!("row {}: {} {}", row.number, r.column, r.text)));
    }
    insta::assert_snapshot!("excel_cells", said.join("\n"));
    assert_eq!(rows.iter().map(|r| r.line).collect::<Vec<_>>(), [4, 6, 7, 8], "rows as Excel counts them");
    assert_eq!(rows[1].person.text("extension"), Some("0101"));
    assert_eq!(rows[1].person.sip_password.as_ref().unwrap().reveal(), "1234");
}

#[test]
fn people_written_as_a_workbook_are_those_written_as_text() {
    let mut users = Vec::new();
    for (i, name) in
        ["=cmd|' /C calc'!A0", "'=x", "+12125550123", "Ana \"A\"\nB", "0042", "日本"].iter().enumerate()
    {
        let mut user = crate::blank_user();
        let fields = [
            ("display_name", name.replace('\n', " ")),
            ("department", (*name).to_owned()),
            ("extension", format!("0{i}")),
            ("username", format!("u{i}")),
        ];
        for (field, text) in fields {
            (User::field(field).unwrap().set)(&mut user, &Value::text(text)).unwrap();
        }
        users.push(user);
    }
    for with_secrets in [false, true] {
        let layout = Layout { with_secrets, devices: 1 };
        let mut text = Exporter::new(Vec::new(), layout).unwrap();
        let mut workbook = WorkbookExporter::new(Vec::new(), layout).unwrap();
        for user in &users {
            text.push(&crate::round_trip::row_of(user)).unwrap();
            workbook.push(&crate::round_trip::row_of(user)).unwrap();
        }
        let (text, workbook) = (text.finish().unwrap(), workbook.finish().unwrap());
        let (format, rows) = rows_of(&workbook);
        assert_eq!((format, rows.len()), (Format::Muster, 6));
        assert!(rows.iter().all(|row| row.errors.is_empty() && row.remarks.is_empty()), "{rows:?}");
        assert_eq!((format, rows), rows_of(&text));
    }
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

#[test]
fn an_archive_that_is_no_workbook_or_a_bomb_is_refused_in_words() {
    let limits = Limits { bytes_max: 1 << 20, ..Limits::default() };
    let refused = |bytes: &[u8]| Source::open(bytes, None, &limits).unwrap_err();
    let holiday = archive(&[("holiday.jpg", b"\xff\xd8")]);
    assert!(matches!(refused(&holiday), FileError::NotText { looks_like: Some(_) }), "{}", refused(&holiday));
    let comments = b"<!--                                            -->".repeat(100_000);
    // Five megabytes of nothing take a few kilobytes.
    let bomb = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/a", &comments)]);
    assert!(bomb.len() < 50_000);
    assert_eq!(refused(&bomb), FileError::Inflates { limit: 2 << 20 });
    // Empty texts take eight bytes here and many more in memory.
    let texts = "<si/>".repeat(3_000_000);
    let texts = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/sharedStrings.xml", texts.as_bytes())]);
    let styles = "<xf/>".repeat(600_000);
    let styles = archive(&[("xl/workbook.xml", b"<workbook/>"), ("xl/styles.xml", styles.as_bytes())]);
    let limits = Limits { bytes_max: 64 << 20, ..limits };
    let refused = |bytes: &[u8]| Source::open(bytes, None, &limits).unwrap_err();
    assert_eq!(refused(&styles), FileError::Inflates { limit: 128 << 20 });
    assert!(matches!(refused(&texts), FileError::Workbook { .. } | FileError::Empty), "{}", refused(&texts));
    assert!(matches!(refused(b"PK\x03\x04 and no more"), FileError::Workbook { .. }));
    // Entities that would grow without end are not expanded.
    let laughs = br#"<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><workbook>&b;</workbook>"#;
    let laughs = archive(&[("xl/workbook.xml", laughs), ("[Content_Types].xml", b"<Types/>")]);
    assert!(
        matches!(refused(&laughs), FileError::Workbook { .. } | FileError::Empty),
        "{}",
        refused(&laughs)
    );
    let nothing = Workbook::new().save_to_buffer().unwrap();
    assert_eq!(refused(&nothing), FileError::Empty);
    assert!(matches!(refused(b"\xd0\xcf\x11\xe0"), FileError::NotText { looks_like: Some(_) }));
}

#[test]
fn a_far_cell_or_one_text_in_many_cells_does_not_fill_the_memory() {
    let limits = Limits { bytes_max: 1 << 20, rows_max: 1_000_000, ..Limits::default() };
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (column, name) in [(0, "name"), (1, "extension"), (2, "password"), (400, "far")] {
        sheet.write_string(0, column, name).unwrap();
    }
    // Were the rows between them as wide as the header, this would be 200 MB.
    sheet.write_string(500_000, 0, "Ana").unwrap();
    let error = Source::open(&workbook.save_to_buffer().unwrap(), None, &limits).unwrap_err();
    assert_eq!(error, FileError::TooLarge { limit: 1 << 20 });
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for row in 0..1000 {
        sheet.write_string(row, 0, "x".repeat(30_000)).unwrap();
    }
    let small = Limits { cell_bytes_max: 100, ..limits };
    let error = Source::open(&workbook.save_to_buffer().unwrap(), None, &small).unwrap_err();
    assert_eq!(error, FileError::NoHeader);
    let error = Source::open(&workbook.save_to_buffer().unwrap(), None, &limits).unwrap_err();
    assert_eq!(error, FileError::TooLarge { limit: 1 << 20 });
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.write_string(600, 600, "far").unwrap();
    let error = Source::open(&workbook.save_to_buffer().unwrap(), None, &limits).unwrap_err();
    assert_eq!(error, FileError::TooManyColumns { found: 601, limit: 512 });
}

#[test]
fn a_sheet_beyond_the_limits_is_refused() {
    let limits = Limits { rows_max: 3, columns_max: 5, ..Limits::default() };
    let text = format!("name,extension,password\n{}", "a,1,b\n".repeat(40));
    let refused = Source::open(&workbook_of(text.as_bytes()), None, &limits).unwrap_err();
    assert_eq!(refused, FileError::TooManyRows { limit: 3 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_workbook_with_damaged_bytes_is_read_or_refused_and_never_a_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = workbook_of(b"name,extension,password\nAna,100,p\nBo,101,q\n");
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(source) = open(&bytes) {
            prop_assert!(source.rows().count() <= 16);
        }
    }
}

/// A workbook of one sheet whose parts are written out.
fn workbook_with(texts: &str, sheet: &str) -> Vec<u8> {
    archive(&parts_of(texts, sheet))
}

fn parts_of<'a>(texts: &'a str, sheet: &'a str) -> [(&'static str, &'a [u8]); 6] {
    let types = r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/></Types>"#;
    let book = r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>"#;
    let relations = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>"#;
    let root = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", root.as_bytes()),
        ("xl/workbook.xml", book.as_bytes()),
        ("xl/_rels/workbook.xml.rels", relations.as_bytes()),
        ("xl/sharedStrings.xml", texts.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ]
}

/// Entities that grow, and one that would read a file of this machine.
const ENTITIES: &str = r#"<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "hahahahahaha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY file SYSTEM "file:///etc/passwd">]>"#;

#[test]
fn entities_of_a_workbook_are_neither_expanded_nor_fetched() {
    let names = ["name", "extension", "password"].map(|n| format!("<si><t>{n}</t></si>")).concat();
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let cell = |at: &str, n: usize| format!("<c r=\"{at}\" t=\"s\"><v>{n}</v></c>");
    let rows = format!(
        "<row r=\"1\">{}{}{}</row><row r=\"2\">{}{}{}</row>",
        cell("A1", 0),
        cell("B1", 1),
        cell("C1", 2),
        cell("A2", 3),
        cell("B2", 4),
        cell("C2", 5)
    );
    let sheet = format!("<worksheet {main}><sheetData>{rows}</sheetData></worksheet>");
    let texts = |evil: &str| {
        format!(
            "{ENTITIES}<sst {main}>{names}<si><t>{evil}</t></si><si><t>100</t></si><si><t>p</t></si></sst>"
        )
    };
    let plain = workbook_with(&texts("Ana"), &sheet);
    let row = open(&plain).unwrap().rows().next().unwrap();
    assert_eq!(row.person.text("display_name"), Some("Ana"), "the file is right but for its entities");
    for evil in ["&d;", "&file;", "&#0;&#x110000;"] {
        let bytes = workbook_with(&texts(evil), &sheet);
        let said = match open(&bytes) {
            Err(error) => format!("{error}: {}", error.mend()),
            Ok(source) => source.rows().map(|row| format!("{row:?}")).collect(),
        };
        assert!(!said.contains("haha") && !said.contains("root:"), "{evil}: {said}");
        assert!(said.len() < 1000, "{evil}: {said}");
    }
}

/// Two rows of a sheet that can be read, and what stands between them.
fn sheet_around(middle: &str) -> String {
    let main = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    let cell = |text: &str| format!("<c t=\"inlineStr\"><is><t>{text}</t></is></c>");
    let row = |texts: [&str; 3]| format!("<row>{}</row>", texts.map(cell).concat());
    format!(
        "<worksheet {main}><sheetData>{}{middle}{}</sheetData></worksheet>",
        row(["name", "extension", "password"]),
        row(["Ana", "100", "p"])
    )
}

#[test]
fn a_workbook_with_one_enormous_text_tag_or_comment_is_refused_before_it_fills_the_memory() {
    let said = |texts: &str, sheet: &str| match open(&workbook_with(texts, sheet)) {
        Err(error) => error.to_string(),
        Ok(source) => format!("{} rows", source.rows().count()),
    };
    let check = |texts: &str, sheet: &str, expected: &str| assert_eq!(said(texts, sheet), expected);
    let one_text = "the workbook has more than 1048576 bytes in one cell or tag";
    let long = "a".repeat(1_200_000);
    // Without the limit it is refused too, as having a cell that is too long, or read: that needs its memory.
    check("<sst/>", &sheet_around(""), "1 rows");
    check(&format!("<sst><si><t>{long}</t></si></sst>"), &sheet_around(""), one_text);
    check(&long, &sheet_around(""), one_text);
    let pieces = "<r><t>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</t></r>".repeat(25_000);
    check(&format!("<sst><si>{pieces}</si></sst>"), &sheet_around(""), one_text);
    // Tags in a comment, in a value and in character data end nothing.
    let tags = "<c>".repeat(400_000);
    for middle in [
        format!("<!--{long}-->"),
        format!("<!--{tags}-->"),
        format!("<?x {tags}?>"),
        format!("<row spans=\"{long}\"/>"),
        format!("<row spans=\"{tags}\"/>"),
        format!("<row><c t=\"inlineStr\"><is><t>{long}</t></is></c></row>"),
        format!("<row><c t=\"inlineStr\"><is>{pieces}</is></c></row>"),
        format!("<row><c t=\"inlineStr\"><is><t><![CDATA[{tags}]]></t></is></c></row>"),
        format!("<row><c t=\"str\"><v>{}</v></c></row>", "&amp;".repeat(250_000)),
    ] {
        check("<sst/>", &sheet_around(&middle), one_text);
    }
    check(
        "<sst/>",
        &sheet_around(&"<is>".repeat(300)),
        "the workbook is damaged: its parts lie too deep in each other",
    );
}

#[test]
fn a_picture_in_a_workbook_is_no_reason_to_refuse_it() {
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut state = 1u32;
    picture.extend(
        std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .take(3_000_000),
    );
    let sheet = sheet_around("");
    let parts = parts_of("<sst/>", &sheet);
    let bytes = archive(&[&parts[..], &[("xl/media/image1.png", &picture)]].concat());
    assert_eq!(open(&bytes).unwrap().rows().count(), 1);
}
