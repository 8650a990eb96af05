//! Files that are said to lie on their side: a column for each person.

use muster_import::{FileError, Format, Limits, Mapping, Reading, Row, Source};

use crate::variants::{cells_by, cells_of, csv_of, turned, workbook_of};
use crate::{FOREIGN, IVOZPROVIDER, open};

pub const ON_ITS_SIDE: Reading<'_> = Reading { vertical: true, sheet: None };

fn bare(source: &Source<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = source.rows().collect();
    rows.iter_mut().for_each(|row| row.line = 0);
    rows
}

#[test]
fn a_file_without_a_header_is_turned_where_somebody_says_so() {
    let cells = cells_of(IVOZPROVIDER);
    for delimiter in *b",;\t|" {
        let text = csv_of(&turned(&cells), delimiter, csv::Terminator::CRLF);
        assert!(matches!(open(text.as_bytes()), Err(FileError::Unrecognized { .. } | FileError::NoHeader)));
        let source = Source::open_as(text.as_bytes(), None, ON_ITS_SIDE, &Limits::default()).unwrap();
        assert_eq!((source.format(), source.is_turned()), (Format::IvozProvider, true));
        assert_eq!(bare(&source), bare(&open(IVOZPROVIDER).unwrap()));
        let mut file = Vec::new();
        source.write_rows(&mut file, |number| number < 4).unwrap();
        let again = Source::open_as(&file, None, ON_ITS_SIDE, &Limits::default()).unwrap();
        assert_eq!(bare(&again), bare(&source)[..3]);
    }
    let workbook = workbook_of(&turned(&cells));
    let source =
        Source::open_as(&workbook, Some(Format::IvozProvider), ON_ITS_SIDE, &Limits::default()).unwrap();
    assert_eq!(bare(&source), bare(&open(IVOZPROVIDER).unwrap()));
}

#[test]
fn a_list_of_nobodys_format_is_guessed_at_mapped_and_read_on_its_side() {
    let (text, _, _) = encoding_rs::UTF_16LE.decode(FOREIGN);
    let cells = cells_by(&text, b';');
    let limits = Limits::default();
    let header: Vec<&str> = cells[0].iter().map(String::as_str).collect();
    let mapping = Mapping::of_suggestions(&Mapping::suggest(&header));
    let upright = Source::open_mapped(FOREIGN, &mapping, &limits).unwrap();
    for bytes in
        [csv_of(&turned(&cells), b';', csv::Terminator::CRLF).into_bytes(), workbook_of(&turned(&cells))]
    {
        let names = Source::header_as(&bytes, ON_ITS_SIDE, &limits).unwrap().unwrap();
        assert_eq!(names, header);
        let source = Source::open_mapped_as(&bytes, &mapping, ON_ITS_SIDE, &limits).unwrap();
        assert!(source.is_turned());
        assert_eq!(bare(&source), bare(&upright));
    }
}

#[test]
fn what_cannot_be_turned_is_said_as_it_would_be_of_a_turned_file() {
    let limits = Limits { columns_max: 4, ..Limits::default() };
    let refused = |text: &str| Source::open_as(text.as_bytes(), None, ON_ITS_SIDE, &limits).unwrap_err();
    assert_eq!(refused("name,A,B\nextension,1\n"), FileError::Uneven { line: 2, found: 2, expected: 3 });
    assert_eq!(refused("a,1\nb,1\nc,1\nd,1\ne,1\n"), FileError::TooManyColumns { found: 5, limit: 4 });
    assert!(matches!(refused("name,\"A\nextension,1\n"), FileError::QuoteNeverClosed { .. }));
    assert_eq!(refused(""), FileError::Empty);
    // An upright file that is called vertical is a list of other columns.
    assert!(matches!(refused("name,extension,password\nAna,1,p\n"), FileError::Unrecognized { .. }));
}

#[test]
fn a_cell_is_named_as_a_spreadsheet_names_it_whichever_way_the_file_lies() {
    let check = |bytes: &[u8], header: &str, expect: &[Option<&str>]| {
        let source = Source::open(bytes, None, &Limits::default()).unwrap();
        let cells: Vec<Option<String>> =
            source.rows().map(|row| source.cell(row.line, Some(header))).collect();
        assert_eq!(cells.iter().map(Option::as_deref).collect::<Vec<_>>(), expect);
    };
    let turned_text = "\"name\",\"Ana\nMaria\",Eva,,Ida\n\n,,,,\nextension,1,2,,3\npassword,p,q,,r\n";
    check(turned_text.as_bytes(), "extension", &[Some("B4"), Some("C4"), Some("E4")]);
    let sheet = cells_by("name,Ana,Eva,,Ida\n\"\",,,,\nextension,1,2,,3\npassword,p,q,,r\n", b',');
    check(&workbook_of(&sheet), "password", &[Some("B4"), Some("C4"), Some("E4")]);
    let upright = cells_by("Staff\n\"\"\nname,extension,password\nAna,1,p\n\"\"\nEva,2,q\n", b',');
    check(&workbook_of(&upright), "extension", &[Some("B4"), Some("B6")]);
    check(b"name,extension,password\nAna,1,p\n", "extension", &[None]);
    let source = open(turned_text.as_bytes()).unwrap();
    assert_eq!(source.cell(5, None).as_deref(), Some("E"), "a person");
    let source = Source::open_as(turned_text.as_bytes(), None, ON_ITS_SIDE, &Limits::default()).unwrap();
    assert_eq!(source.cell(3, Some("password")).as_deref(), Some("C5"));
}
