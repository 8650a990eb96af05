//! What spreadsheets and wrong encodings have made of cells, recognized so that the cause can be said.

use encoding_rs::WINDOWS_1252;
use muster_domain::value::Reason;

/// What is wrong with a cell of which nothing more can be told than that its content is lost: each such cell
/// needs a value of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mangled {
    pub reason: &'static str,
    pub mend: &'static str,
}

impl From<Mangled> for Reason {
    fn from(mangled: Mangled) -> Reason {
        Reason::new(mangled.reason, mangled.mend)
    }
}

const AGAIN: &str =
    "write it again from where the list comes from, with the column formatted as text before Excel sees it";
const DIGITS_ALONE: &str = "write the digits alone, such as 1003";

const SHORTENED: Mangled =
    Mangled { reason: "was shortened by Excel: the digits of this number are lost", mend: AGAIN };
const DATE: Mangled =
    Mangled { reason: "is a date: Excel has made one of what was typed, which is lost", mend: AGAIN };
const THOUSANDS: Mangled =
    Mangled { reason: "is a number with a separator of thousands in it", mend: DIGITS_ALONE };
const FRACTION: Mangled =
    Mangled { reason: "is a number with a fraction, which some program has added", mend: DIGITS_ALONE };
const FORMULA: Mangled = Mangled {
    reason: "is an error of Excel: a formula that does not work out",
    mend: "write the value itself",
};

/// The errors of Excel, as they stand in a text.
const FORMULA_ERRORS: &[&str] =
    &["#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#FIELD!"];
/// What programs write for nothing.
const NOTHING: &[&str] = &["null", "none", "n/a", "nan", "undefined", "nil", "(null)"];
/// The beginnings of the months' names in the languages of most lists.
const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mai", "okt", "dez",
    "mär", "fév", "avr", "jui", "aoû", "déc", "ene", "abr", "ago", "dic", "fev", "set", "out", "gen", "mag",
    "giu", "lug", "ott", "mrt", "mei",
];

/// Of a cell that is no number: what Excel or another program has made of the one that stood there.
pub(crate) fn number(cell: &str) -> Option<Mangled> {
    let cell = cell.trim();
    if is_scientific(cell) {
        Some(SHORTENED)
    } else if is_date(cell) {
        Some(DATE)
    } else if let Some((before, after)) = cell.split_once(['.', ',']) {
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let in_threes = |text: &str| text.split(['.', ',']).all(|part| part.len() == 3 && is_digits(part));
        if !is_digits(before) {
            None
        } else if before.len() <= 3 && in_threes(after) {
            Some(THOUSANDS)
        } else {
            (!after.is_empty() && after.bytes().all(|b| b == b'0')).then_some(FRACTION)
        }
    } else {
        None
    }
}

/// Of any cell: a formula whose result is an error.
pub(crate) fn formula_error(cell: &str) -> Option<Mangled> {
    let cell = cell.trim();
    let is_error = cell.starts_with('#') && FORMULA_ERRORS.iter().any(|e| cell.eq_ignore_ascii_case(e));
    is_error.then_some(FORMULA)
}

/// Of a text that is taken as it is: what it may have been.
pub(crate) fn doubt(cell: &str) -> Option<String> {
    let cell = cell.trim();
    if NOTHING.iter().any(|nothing| cell.eq_ignore_ascii_case(nothing)) {
        return Some(
            "is a word for nothing, and is taken as it stands: empty the cell if nothing is meant".into(),
        );
    }
    is_read_as_windows_1252(cell)
        .then(|| "looks like UTF-8 that was read as Windows-1252: save the list again as CSV (UTF-8)".into())
}

/// `4.41134960003E+11`, with a point or a comma.
fn is_scientific(cell: &str) -> bool {
    let Some((number, exponent)) = cell.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let number = number.strip_prefix(['+', '-']).unwrap_or(number);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, "0"));
    digits(exponent) && exponent.len() <= 3 && digits(whole) && digits(fraction)
}

/// `01-Apr`, `Apr-26`, `1. Mai 2026`, `01/04/2026`, `2026-04-01`, with a time or without.
fn is_date(cell: &str) -> bool {
    let day = cell.split(['T', ' ']).next().unwrap_or_default();
    let with_words: Vec<&str> = cell.split(['-', '/', '.', ' ']).filter(|part| !part.is_empty()).collect();
    let is_digits = |part: &&str| part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
    let is_month = |part: &&str| {
        let begin: String = part.to_lowercase().chars().take(3).collect();
        part.chars().all(char::is_alphabetic) && part.chars().count() <= 9 && MONTHS.contains(&begin.as_str())
    };
    if matches!(with_words.len(), 2 | 3)
        && with_words.iter().filter(|part| is_month(part)).count() == 1
        && with_words.iter().all(|part| is_month(part) || is_digits(part))
    {
        return true;
    }
    let parts: Vec<&str> = day.split(['-', '/', '.']).collect();
    let [first, second, third] = parts.as_slice() else { return false };
    let within = |part: &str, most: u32| {
        matches!(part.len(), 1 | 2) && part.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n))
    };
    let is_year = |part: &str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    (is_year(first) && within(second, 12) && within(third, 31))
        || (is_year(third) && within(first, 31) && within(second, 31))
}

/// Whether the bytes of a text are another text in UTF-8.
fn is_read_as_windows_1252(cell: &str) -> bool {
    if cell.is_ascii() {
        return false;
    }
    let (bytes, _, has_others) = WINDOWS_1252.encode(cell);
    // Whatever is not ASCII stands for a part of a letter then.
    !has_others && std::str::from_utf8(&bytes).is_ok_and(|meant| !meant.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_excel_has_mangled_is_known_by_what_is_left_of_it() {
        for cell in ["4.41134960003E+11", "3,51912E+11", "4E+11", " 1e3 ", "-4.4E+11"] {
            assert_eq!(number(cell), Some(SHORTENED), "{cell}");
        }
        for cell in [
            "01-Apr",
            "Apr-01",
            "1-Mär",
            "Apr-26",
            "01/04/2026",
            "2026-04-01",
            "1.4.2026",
            "2026-04-01T00:00:00Z",
            "1. Mai 2026",
        ] {
            assert_eq!(number(cell), Some(DATE), "{cell}");
        }
        for cell in ["1,003", "1.003", "12,345,678"] {
            assert_eq!(number(cell), Some(THOUSANDS), "{cell}");
        }
        for cell in ["1003.0", "1003,00", "441134960003.0"] {
            assert_eq!(number(cell), Some(FRACTION), "{cell}");
        }
        for cell in [
            "1003",
            "12x4",
            "E12",
            "0911/123456",
            "0113-496-0003",
            "12.34",
            "",
            "Marie 12 a",
            "113.496.0003",
            "(0113) 4960003",
            "Mary 1001 x",
        ] {
            assert_eq!(number(cell), None, "{cell}");
        }
    }

    #[test]
    fn errors_words_for_nothing_and_garbled_letters_are_known_and_names_are_not() {
        assert_eq!(formula_error(" #n/a "), Some(FORMULA));
        assert_eq!((formula_error("#1"), formula_error("N/A")), (None, None));
        for cell in ["MÃ¼ller", "JosÃ© SÃ¡", "â‚¬"] {
            assert!(doubt(cell).is_some_and(|said| said.contains("UTF-8")), "{cell}");
        }
        assert!(doubt("NULL").unwrap().contains("nothing"));
        for cell in ["Müller", "São", "Ã", "Nulla", "日本", "Ana"] {
            assert_eq!(doubt(cell), None, "{cell}");
        }
    }
}
