//! Commands that are told to somebody, as they work when they are pasted into the same shell.

use clap::parser::ValueSource;

use crate::globals::Globals;

/// What has to stand behind a command so that it reaches the same server and organization.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints {
    options: String,
}

impl Hints {
    /// What the environment says, the shell still knows; a token that was typed is not repeated.
    pub fn of(globals: &Globals) -> Hints {
        let given = globals.given();
        let typed = |source: Option<ValueSource>| source == Some(ValueSource::CommandLine);
        let mut options = String::new();
        if typed(given.url) {
            options.push_str(&format!(" --url {}", shell_word(&globals.url)));
        }
        if let Some(file) = globals.token_file.as_ref().filter(|_| typed(given.token_file)) {
            options.push_str(&format!(" --token-file {}", shell_word(&file.display().to_string())));
        }
        if let Some(org) = globals.org().filter(|_| typed(given.org)) {
            options.push_str(&format!(" --org {}", shell_word(org)));
        }
        Hints { options }
    }

    /// `muster undo --job ID --org acme` of `undo --job ID`.
    pub fn command(&self, command: &str) -> String {
        format!("muster {command}{}", self.options)
    }
}

/// A text as it can be typed: in quotes where the shell would take it apart.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | '@' | '+' | ',');
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[test]
fn a_path_with_a_blank_or_a_quote_is_one_word_of_a_shell() {
    assert_eq!(shell_word("muster-data/owner.token"), "muster-data/owner.token");
    assert_eq!(shell_word("my data/it's"), r"'my data/it'\''s'");
    assert_eq!(shell_word("$HOME"), "'$HOME'");
}
