//! What others wrote, made safe to print.

use std::borrow::Cow;

/// Names and cells come from files of strangers: escape sequences and reversed writing in them would
/// let them draw on the administrator's terminal. Line breaks become spaces, the rest a replacement
/// character.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(must_go) {
        return Cow::Borrowed(text);
    }
    let safe = |c: char| match c {
        '\n' | '\r' | '\t' => ' ',
        c if must_go(c) => '\u{FFFD}',
        c => c,
    };
    Cow::Owned(text.chars().map(safe).collect())
}

fn must_go(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn what_would_steer_a_terminal_is_made_harmless() {
    assert_eq!(clean("Šimić 美咲"), "Šimić 美咲");
    assert_eq!(clean("a\u{1b}[2Jb\tc\nd\u{202E}e\u{9b}"), "a\u{FFFD}[2Jb c d\u{FFFD}e\u{FFFD}");
}
