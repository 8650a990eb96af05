//! What of a file's cells is not shown to whoever reads its problems: a password may stand in a cell that is
//! none of its own, where cells are shifted or a column is taken for another.

use crate::source::Source;

/// Cells shift by a comma in a name or two.
const SHIFT_MAX: usize = 2;
const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 6..=128;
/// What such a column is called in the languages that lists come in.
const SECRET_WORDS: &[&str] = &[
    "password",
    "passwort",
    "kennwort",
    "passwd",
    "secret",
    "mot de passe",
    "contrase",
    "senha",
    "wachtwoord",
];

impl Source<'_> {
    /// Whether what was found in a column may be shown: not what looks like a password near a column of
    /// passwords, and nothing of a column that is called one.
    pub fn may_show(&self, header: Option<&str>, found: &str) -> bool {
        let columns = self.columns();
        let Some(at) = columns.iter().position(|column| Some(column.header.as_str()) == header) else {
            return true;
        };
        let near = &columns[at.saturating_sub(SHIFT_MAX)..columns.len().min(at + SHIFT_MAX + 1)];
        let is_near = near.iter().any(|column| self.rules().meaning(&column.header).is_secret());
        !(is_called_secret(&columns[at].header) || is_near && looks_like_password(found))
    }
}

fn is_called_secret(header: &str) -> bool {
    let header = header.to_lowercase();
    SECRET_WORDS.iter().any(|word| header.contains(word))
}

/// Letters with digits or signs among them, in one word. An address or a number is none.
fn looks_like_password(found: &str) -> bool {
    let is_word = !found.chars().any(char::is_whitespace) && !found.contains('@');
    let has = |is: fn(char) -> bool| found.chars().any(is);
    let is_mixed =
        has(char::is_alphabetic) && has(|c| !c.is_alphabetic() && !matches!(c, '-' | '.' | '…' | '\''));
    is_word && is_mixed && PASSWORD_CHARACTERS.contains(&found.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_digits_or_signs_in_them_may_be_passwords_and_names_addresses_and_numbers_are_none() {
        for found in ["LeakPw_1", "secret-12", "p4ssw0rd", "geheim!"] {
            assert!(looks_like_password(found), "{found}");
        }
        for found in ["Lisbonne", "12x4", "10 02", "ana@example.com", "+442071234567", "O'Brien-Smith", ""] {
            assert!(!looks_like_password(found), "{found}");
        }
    }
}
