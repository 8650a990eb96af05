//! What stands between the cells, and files that do not agree with themselves about it.

use muster_import::{FileError, Limits, Source};

use crate::open;

#[test]
fn bars_separate_cells_too() {
    let source = open(b"display_name|extension|email\nAna, Maria|1001|ana@example.com\n").unwrap();
    assert_eq!(source.delimiter(), Some('|'));
    let row = source.rows().next().unwrap();
    assert_eq!(
        (row.person.text("display_name"), row.person.text("extension")),
        (Some("Ana, Maria"), Some("1001"))
    );
    let mut again = Vec::new();
    source.write_rows(&mut again, |_| true).unwrap();
    assert_eq!(open(&again).unwrap().delimiter(), Some('|'));
}

#[test]
fn a_header_with_two_separators_and_rows_with_another_than_the_header_are_refused_by_what_they_are() {
    let said = |text: &str| open(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        said("display_name;extension,email\nAna;1001,\n"),
        "the column names are separated by commas and by semicolons"
    );
    assert_eq!(
        said("display_name,extension,email\nAna;1001;\nBo;1002;\n"),
        "the header is separated by commas and the rows by semicolons"
    );
    assert_eq!(
        said("display_name\textension\temail\nAna,1001,\n"),
        "the header is separated by tabs and the rows by commas"
    );
    // Rows that are as wide as the header are read as they are, whatever stands in their cells.
    let fine = "display_name,extension,email\nAna,1001\nBo;B;C,1002,\n";
    assert_eq!(open(fine.as_bytes()).unwrap().rows_total(), 2);
}

#[test]
fn a_file_without_a_header_is_told_to_write_one_whatever_it_is_said_to_be() {
    for format in [None, muster_import::Format::from_word("muster")] {
        let text = b"Ana Silva,1001,ana@example.com\nBo,1002,\n";
        let error = Source::open(text, format, &Limits::default()).unwrap_err();
        assert_eq!((&error, error.option()), (&FileError::NoHeader, None));
        assert!(
            error.mend().starts_with("write a line of column names above the people"),
            "{}",
            error.mend()
        );
    }
    let names = Source::header_of(b"Ana,Pereira,ana@example.com,s3cret,100\n", &Limits::default());
    assert_eq!(names.unwrap(), None, "nothing of it is taken for a name of a column");
}
