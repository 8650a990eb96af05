//! Mail: what it says ([`words`]), and handing it to a server ([`send`]).
//!
//! Nothing is kept here and nothing is tried twice: the spool is the store's, and when a mail is tried again is
//! decided by whoever works on it. All calls block.

mod html;
mod smtp;
pub mod words;

pub use html::escaped;
pub use smtp::{Failure, Letter, Security, Server, Then, send};

/// The languages that mail and pages are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    German,
}

impl Language {
    /// From a language tag (BCP 47), or what a browser accepts (RFC 9110 §12.5.4): the first that is known.
    pub fn of(accepted: &str) -> Option<Language> {
        accepted.split(',').find_map(|tag| {
            let first = tag.split([';', '-', '_']).next().unwrap_or_default().trim();
            match first.to_ascii_lowercase().as_str() {
                "de" => Some(Language::German),
                "en" => Some(Language::English),
                _ => None,
            }
        })
    }

    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::German => "de",
        }
    }
}

#[test]
fn the_first_language_that_is_known_is_taken() {
    assert_eq!(Language::of("pt-PT, de-AT;q=0.8, en"), Some(Language::German));
    assert_eq!(Language::of("en-GB"), Some(Language::English));
    assert_eq!(Language::of("pt"), None);
    assert_eq!(Language::of(""), None);
}
