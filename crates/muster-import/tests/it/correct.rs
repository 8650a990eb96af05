//! One correction for all rows with the same cause.

use crate::VERTICAL;
use muster_import::{Correction, FileError, Limits, Mapping, Source};

fn correction(rule: [&str; 3]) -> Correction {
    let [column, found, value] = rule.map(Into::into);
    Correction { column, found, value }
}

fn opened<'a>(file: &'a [u8], rules: &[[&str; 3]]) -> Result<Source<'a>, FileError> {
    Source::open(file, None, &Limits::default())?.corrected(rules.iter().copied().map(correction).collect())
}

/// Sites of the people, and how many cells each correction was made in.
fn sites(source: &Source<'_>) -> (Vec<String>, Vec<u64>) {
    let mut rows = source.rows();
    let mut sites = Vec::new();
    for row in rows.by_ref() {
        assert_eq!(row.errors, []);
        sites.push(row.person.site_name.unwrap_or_default().to_string());
    }
    (sites, rows.corrections().map(|(_, cells)| cells).collect())
}

#[test]
fn a_cell_is_corrected_by_what_it_says_without_case_and_spaces_before_what_is_for_every_cell() {
    let file =
        "display_name,extension,site\nAna,1,Lisbonne\nEva,2, LISBONNE \nIda,3,\nUma,4,Porto\nMia,5,x\n";
    let check = |rules: &[[&str; 3]], sites_then: [&str; 5], cells: &[u64]| {
        let source = opened(file.as_bytes(), rules).unwrap();
        assert_eq!(sites(&source), (sites_then.map(String::from).to_vec(), cells.to_vec()), "{rules:?}");
    };
    check(&[["Site", "lisbonne", "Lisbon"]], ["Lisbon", "Lisbon", "", "Porto", "x"], &[2]);
    check(&[["site", "", "Main"]], ["Lisbonne", "LISBONNE", "Main", "Porto", "x"], &[1]);
    let some = [["site", "*", "Main"], ["site", "porto", "Porto"], ["site", "Leeds", "York"]];
    check(&some, ["Main", "Main", "Main", "Porto", "Main"], &[4, 1, 0]);
    check(&[["site", "x", ""]], ["Lisbonne", "LISBONNE", "", "Porto", ""], &[1]);
}

#[test]
fn a_file_of_another_system_a_turned_one_and_a_workbook_are_corrected_alike() {
    let check = |file: &[u8], rule: [&str; 3], field: &str, expect: &str| {
        let source = opened(file, &[rule]).unwrap();
        let rows: Vec<_> = source.rows().collect();
        let text = rows[0].person.text(field);
        assert_eq!((text, &rows[0].errors[..]), (Some(expect), &[][..]), "{rule:?}");
    };
    check(b"name,extension,password\nAna,10x,abc\n", ["Extension", "10X", "1001"], "extension", "1001");
    check(VERTICAL, ["dept", "*", "Everybody's"], "department", "Everybody's");
    let mut book = rust_xlsxwriter::Workbook::new();
    let sheet = book.add_worksheet();
    let date = rust_xlsxwriter::Format::new().set_num_format("yyyy-mm-dd");
    for (column, name) in ["display_name", "extension", "title"].iter().enumerate() {
        sheet.write(0, column as u16, *name).unwrap();
    }
    sheet.write(1, 0, "Ana").unwrap();
    sheet.write(1, 1, "1001").unwrap();
    sheet.write_with_format(1, 2, 45_000.0, &date).unwrap();
    let book = book.save_to_buffer().unwrap();
    let spoilt = opened(&book, &[]).unwrap().rows().next().unwrap();
    assert!(spoilt.errors[0].reason.contains("is a date"), "{spoilt:?}");
    check(&book, ["title", "*", "Head of Sales"], "title", "Head of Sales");
}

#[test]
fn a_correction_that_could_never_be_made_is_refused_with_what_could() {
    let file = b"name,extension,password\nAna,1001,abc\n";
    let check = |rules: &[[&str; 3]], said: &str, mend: &str| {
        let error = opened(file, rules).unwrap_err();
        assert!(error.to_string().contains(said) && error.mend().contains(mend), "{error}: {}", error.mend());
    };
    check(&[["Colour", "red", ""]], "no column `Colour`", "name, extension, password");
    check(&[["password", "abc", "def"]], "holds passwords", "empty them all");
    check(&[["name", "a", "b"], ["name", "A ", "c"]], "corrected twice", "keep one");
    let many: Vec<[&str; 3]> = vec![["name", "a", "b"]; 201];
    check(&many, "more than 200", "the file itself");
    let emptied = opened(file, &[["password", "*", ""]]).unwrap();
    assert!(emptied.rows().all(|row| row.person.sip_password.is_none()));
}

#[test]
fn corrections_are_saved_in_a_mapping_and_used_again_for_a_file_of_a_known_format() {
    let rules = [["position", "Tech", "Technician"], ["position", "", "Clerk"], ["position", "*", "Boss"]];
    let mapping = Mapping::default().with(&rules.map(correction));
    let saved = Mapping::parse(&mapping.to_toml()).unwrap();
    assert_eq!((saved.has_columns(), &saved), (false, &mapping));
    let file = "name,extension,password,position\nAna,1001,,TECH\nEva,1002,,\nIda,1003,,chief\n";
    let check = |source: Source<'_>| {
        let titles: Vec<String> =
            source.rows().map(|row| row.person.text("title").unwrap_or("-").to_owned()).collect();
        assert_eq!(titles, ["Technician", "Clerk", "Boss"]);
    };
    let open = || Source::open(file.as_bytes(), None, &Limits::default()).unwrap();
    check(open().fixed(&saved).unwrap());
    let elsewhere = Mapping::parse("[values.Colour]\n\"a\" = \"b\"\n").unwrap();
    assert!(matches!(open().fixed(&elsewhere), Err(FileError::NoSuchColumn { .. })));
    let columns =
        "[columns]\n\"name\" = \"display_name\"\n\"extension\" = \"extension\"\n\"Position\" = \"title\"\n";
    let mapped = Mapping::parse(columns).unwrap().with(&rules.map(correction));
    let mapped = Mapping::parse(&mapped.to_toml()).unwrap();
    check(Source::open_mapped(file.as_bytes(), &mapped, &Limits::default()).unwrap());
}

#[test]
fn one_rule_makes_all_national_numbers_international_in_a_file_and_by_a_saved_mapping() {
    let file = "display_name,extension,mobile_number\nAna,1,07700 900001\nEva,2,'+447700900002\nIda,3,\nUma,4,(07700) 900003\n";
    let rules = [["mobile_number", "0*", "+44*"], ["Mobile_Number", "(0*", "+44(*"]];
    let numbers = |source: &Source<'_>| -> Vec<String> {
        let mut rows = source.rows();
        let number = |row: muster_import::Row| {
            assert_eq!(row.errors, []);
            row.person.text("mobile_number").unwrap_or("-").to_owned()
        };
        rows.by_ref().map(number).collect()
    };
    let expect = ["+447700900001", "+447700900002", "-", "+447700900003"];
    let source = opened(file.as_bytes(), &rules).unwrap();
    assert_eq!(numbers(&source), expect);
    let mut rows = source.rows();
    rows.by_ref().for_each(drop);
    assert_eq!(rows.corrections().map(|(_, cells)| cells).collect::<Vec<_>>(), [1, 1]);
    let saved = Mapping::default().with(&rules.map(correction)).to_toml();
    let mapping = Mapping::parse(&saved).unwrap();
    let mapped = Source::open(file.as_bytes(), None, &Limits::default()).unwrap().fixed(&mapping).unwrap();
    assert_eq!(numbers(&mapped), expect, "{saved}");
    let twice = opened(file.as_bytes(), &[["mobile_number", "A*", "b"], ["mobile_number", "a*", "c"]]);
    assert!(matches!(twice, Err(FileError::CorrectedTwice { .. })));
}
