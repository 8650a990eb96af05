//! The same list in other encodings and shapes, as people save it.

use rust_xlsxwriter::Workbook;

pub struct Variant {
    pub what: String,
    pub bytes: Vec<u8>,
}

/// A table's cells, its first record its header if it has one.
pub type Cells = Vec<Vec<String>>;

pub fn cells_of(csv: &[u8]) -> Cells {
    cells_by(std::str::from_utf8(csv).unwrap().trim_start_matches('\u{feff}'), b',')
}

pub fn cells_by(text: &str, delimiter: u8) -> Cells {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    reader.records().map(|record| record.unwrap().iter().map(str::to_owned).collect()).collect()
}

pub fn turned(cells: &Cells) -> Cells {
    let width = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |column: usize| cells.iter().map(|r| r.get(column).cloned().unwrap_or_default()).collect();
    (0..width).map(line).collect()
}

pub fn csv_of(cells: &Cells, delimiter: u8, terminator: csv::Terminator) -> String {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(terminator)
        .flexible(true)
        .from_writer(Vec::new());
    cells.iter().for_each(|record| writer.write_record(record).unwrap());
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// A workbook with these cells, all of them text.
pub fn workbook_of(cells: &Cells) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, record) in cells.iter().enumerate() {
        for (column, cell) in record.iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
            sheet.write_string(row as u32, column as u16, cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

pub fn utf_16(text: &str, is_big: bool) -> Vec<u8> {
    let bytes = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
    text.encode_utf16().flat_map(bytes).collect()
}

/// Letters that Windows-1252 has; whoever saves a list so loses the others, and so do we here.
pub fn windows_1252(text: &str) -> Vec<u8> {
    let known = |c: char| if (c as u32) < 0x80 || (0xa0..0x100).contains(&(c as u32)) { c } else { 'x' };
    text.chars().map(|c| known(c) as u32 as u8).collect()
}

/// Every way that a list is saved in. A list without a header has no turned one.
pub fn variants_of(name: &str, csv: &[u8]) -> Vec<Variant> {
    let cells = cells_of(csv);
    let (lf, crlf) = (csv::Terminator::Any(b'\n'), csv::Terminator::CRLF);
    let text = csv_of(&cells, b',', crlf);
    let mut all = vec![
        ("as it is", csv.to_vec()),
        ("lines ended by LF", csv_of(&cells, b',', lf).into_bytes()),
        ("semicolons", csv_of(&cells, b';', crlf).into_bytes()),
        ("tabs", csv_of(&cells, b'\t', crlf).into_bytes()),
        ("UTF-8 with its mark", format!("\u{feff}{text}").into_bytes()),
        ("UTF-16LE", utf_16(&format!("\u{feff}{text}"), false)),
        ("UTF-16BE", utf_16(&format!("\u{feff}{text}"), true)),
        ("Windows-1252", windows_1252(&csv_of(&cells, b';', crlf))),
        ("XLSX", workbook_of(&cells)),
    ];
    if !["ivozprovider", "vertical"].contains(&name) {
        let turned = turned(&cells);
        all.push(("turned", csv_of(&turned, b',', crlf).into_bytes()));
        all.push(("turned, semicolons", csv_of(&turned, b';', crlf).into_bytes()));
        all.push(("turned, UTF-16LE", utf_16(&format!("\u{feff}{}", csv_of(&turned, b'\t', lf)), false)));
        all.push(("turned XLSX", workbook_of(&turned)));
    }
    all.into_iter().map(|(what, bytes)| Variant { what: format!("{name}, {what}"), bytes }).collect()
}
