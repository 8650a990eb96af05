//! The forms in which texts are compared. Done here and stored, so that every database sorts and compares
//! alike.

use unicode_normalization::UnicodeNormalization;

/// The form in which two texts are the same to a person: NFKC, lower case, outer spaces gone. For what
/// identifies: a different accent is a different name.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    text.trim().nfkc().flat_map(char::to_lowercase).collect()
}

/// The form in which a name is looked for and sorted: as [`fold`], without accents and with the letters of
/// other alphabets' making written as they are typed on a keyboard without them (`Møller` is `moller`,
/// `Weiß` is `weiss`). Signs that are vowels in their scripts stay.
pub fn fold_name(text: &str) -> String {
    if text.is_ascii() {
        return fold(text);
    }
    let mut folded = String::with_capacity(text.len());
    for c in text.trim().nfkd().filter(|c| !is_accent(*c)).flat_map(char::to_lowercase) {
        match spelled(c) {
            Some(letters) => folded.push_str(letters),
            // What a small letter is made of may bring an accent of its own (`İ` is `i` and a dot).
            None if is_accent(c) => {}
            None => folded.push(c),
        }
    }
    folded
}

/// Combining marks of Latin, Greek and Cyrillic, and the points of Hebrew and Arabic, which are left out in
/// writing as a rule.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{591}'..='\u{5bd}' | '\u{5bf}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

/// Small letters that no decomposition takes apart.
fn spelled(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ı' => "i",
        'ς' => "σ",
        '\u{2bc}' | '\u{2019}' => "'",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_without_its_accents_and_in_any_case() {
        let check = |name: &str, typed: &str| assert_eq!(fold_name(name), typed, "{name}");
        check(" Müller ", "muller");
        check("Mu\u{308}ller", "muller");
        check("MÜLLER", "muller");
        check("Weiß", "weiss");
        check("GROẞ", "gross");
        check("Søren Møller", "soren moller");
        check("Łukasz Đorđević", "lukasz dordevic");
        check("Þór Æsir", "thor aesir");
        check("İlkay Işık", "ilkay isik");
        check("Αχιλλεύς", "αχιλλευσ");
        check("Nguyễn Văn Đạt", "nguyen van dat");
        check("Ａｎａ", "ana");
        check("O’Neill", "o'neill");
    }

    #[test]
    fn signs_that_are_letters_in_their_script_stay() {
        assert_ne!(fold_name("कि"), fold_name("क"));
        assert_ne!(fold_name("が"), fold_name("か"));
        assert_eq!(fold_name("山田 美咲"), "山田 美咲");
    }

    #[test]
    fn what_identifies_keeps_its_accents() {
        assert_ne!(fold("müller"), fold("muller"));
        assert_eq!(fold("MU\u{308}LLER"), fold("müller"));
    }
}
