//! What Excel and wrong encodings have made of cells.

use muster_import::{Correction, Limits, Mapping, Source};

use crate::{WEBEX_HEADER, open, rows};

fn said(cell: &str, header: &str) -> (Vec<String>, Vec<String>, Vec<Option<&'static str>>) {
    let file = format!("display_name,extension,{header}\nAna,1001,\"{cell}\"\n");
    let row = rows(&file).remove(0);
    (
        row.errors.iter().map(|e| e.to_string()).collect(),
        row.remarks.iter().map(|r| r.text.clone()).collect(),
        row.errors.iter().map(|e| e.lost).collect(),
    )
}

#[test]
fn a_number_that_excel_has_shortened_or_made_a_date_of_is_said_to_be_lost() {
    for (cell, cause) in [
        ("4.41134960003E+11", "was shortened by Excel: the digits of this number are lost"),
        ("3,51912E+11", "was shortened by Excel: the digits of this number are lost"),
        ("01-Apr", "is a date: Excel has made one of what was typed, which is lost"),
        ("1,003", "is a number with a separator of thousands in it"),
        ("1003.0", "is a number with a fraction, which some program has added"),
    ] {
        for header in ["direct_number", "mobile_number"] {
            let (errors, _, lost) = said(cell, header);
            assert_eq!(lost, [Some(cause)], "{cell} in {header}: {errors:?}");
            assert!(
                errors[0].starts_with(&format!("row 1 (line 2), {header}: {cell} {cause}: ")),
                "{errors:?}"
            );
        }
        let row = rows(&format!("display_name,extension\nAna,\"{cell}\"\n")).remove(0);
        assert_eq!(row.errors[0].lost, Some(cause), "{:?}", row.errors);
    }
    assert_eq!(said("12x", "direct_number").2, [None], "a mistake that one correction may mend");
    // A rule for cells that begin so makes no other nonsense of it; whoever says what the cell shall be is heard.
    let corrected = |found: &str, value: &str| {
        let correction =
            Correction { column: "direct_number".into(), found: found.into(), value: value.into() };
        let file = "display_name,extension,direct_number\nAna,1001,01-Apr\n";
        let source = open(file.as_bytes()).unwrap().corrected(vec![correction]).unwrap();
        let row = source.rows().next().unwrap();
        row.errors.first().map(|error| error.found.clone())
    };
    assert_eq!(corrected("0*", "+44*").as_deref(), Some("01-Apr"));
    assert_eq!([corrected("01-apr", "+441134960003"), corrected("*", "")], [None, None]);
}

#[test]
fn the_same_is_said_of_a_number_that_another_system_may_have_wrong() {
    let cell = |name: &str| match name {
        "First Name" | "Last Name" => "Ana",
        "User ID/Email (Required)" => "ana@example.com",
        "Extension" => "100",
        "Phone Number" => "4.4E+11",
        _ => "",
    };
    let cells: Vec<&str> = WEBEX_HEADER.split(',').map(cell).collect();
    let row = rows(&format!("{WEBEX_HEADER}\n{}\n", cells.join(","))).remove(0);
    let remark = &row.remarks.iter().find(|r| r.column == "Phone Number").unwrap().text;
    assert!(remark.contains("was shortened by Excel"), "{remark}");
}

#[test]
fn an_error_of_excel_is_no_name_and_what_may_not_be_meant_is_remarked() {
    for cell in ["#N/A", "#REF!", "#name?"] {
        let (errors, _, _) = said(cell, "department");
        assert!(errors.len() == 1 && errors[0].contains("is an error of Excel"), "{errors:?}");
    }
    let (errors, remarks, _) = said("NULL", "department");
    assert!(errors.is_empty() && remarks[0].starts_with("is a word for nothing"), "{errors:?} {remarks:?}");
    let row = rows("display_name,extension\nMÃ¼ller,1001\n").remove(0);
    assert_eq!(row.person.text("display_name"), Some("MÃ¼ller"));
    assert!(row.remarks[0].text.starts_with("looks like UTF-8"), "{:?}", row.remarks);
    assert_eq!(said("Müller", "department"), (vec![], vec![], vec![]));
}

#[test]
fn an_apostrophe_that_a_spreadsheet_keeps_before_a_number_is_taken_off_in_every_format() {
    let mapping = "[columns]\nwho = \"display_name\"\nno = \"extension\"\ntel = \"mobile_number\"\n";
    let mapping = Mapping::parse(mapping).unwrap();
    let file = "who,no,tel\n'Ana,'1001,'+441134960003\n";
    let source = Source::open_mapped(file.as_bytes(), &mapping, &Limits::default()).unwrap();
    let row = source.rows().next().unwrap();
    assert_eq!(row.errors, []);
    assert_eq!(
        ["display_name", "extension", "mobile_number"].map(|name| row.person.text(name).unwrap()),
        ["'Ana", "1001", "+441134960003"]
    );
    let own = "display_name,extension,mobile_number\nAna,'1001,'+441134960003\n";
    assert_eq!(open(own.as_bytes()).unwrap().rows().next().unwrap().errors, []);
}
