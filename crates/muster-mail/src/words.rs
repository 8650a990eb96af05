//! What mails say, as text and as HTML, in the languages there are.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{Language, escaped};

/// A mail as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// What an invite is about.
#[derive(Clone, Debug)]
pub struct Invitation<'a> {
    pub language: Language,
    pub person: &'a str,
    pub organization: &'a str,
    pub link: &'a str,
    /// When the link stops working, in milliseconds since 1970, and the zone it is told in.
    pub expires_at_ms: i64,
    pub time_zone: Option<&'a str>,
}

pub fn invitation(about: &Invitation<'_>) -> Written {
    let Invitation { person, organization, .. } = about;
    let until = moment(about.language, about.expires_at_ms, about.time_zone);
    match about.language {
        Language::English => written(
            Language::English,
            format!("Your phone at {organization}"),
            &[
                &format!("Hello {person},"),
                &format!(
                    "{organization} has set up a phone for you. Open this link to choose a password and to see how your phone signs in:"
                ),
            ],
            Some(("Set up my phone", about.link)),
            &[
                &format!("The link works once, until {until}. It is yours alone: do not pass it on."),
                "If you do not know what this is about, nothing happens as long as you do not open the link.",
            ],
        ),
        Language::German => written(
            Language::German,
            format!("Dein Telefon bei {organization}"),
            &[
                &format!("Hallo {person},"),
                &format!(
                    "{organization} hat ein Telefon für dich eingerichtet. Öffne diesen Link, um ein Passwort zu wählen und zu sehen, wie sich dein Telefon anmeldet:"
                ),
            ],
            Some(("Mein Telefon einrichten", about.link)),
            &[
                &format!("Der Link gilt einmal, bis {until}. Er ist nur für dich: gib ihn nicht weiter."),
                "Weißt du nicht, worum es geht, so geschieht nichts, solange du den Link nicht öffnest.",
            ],
        ),
    }
}

/// What tells whether mail leaves.
pub fn trial(language: Language, at_ms: i64) -> Written {
    let at = moment(language, at_ms, None);
    match language {
        Language::English => written(
            language,
            "Muster: mail works".into(),
            &[&format!("This mail was asked for as a test at {at}. It came through: invites will too.")],
            None,
            &[],
        ),
        Language::German => written(
            language,
            "Muster: Mail kommt an".into(),
            &[&format!(
                "Diese Mail wurde {at} zur Probe verschickt. Sie ist angekommen: auch Einladungen werden es."
            )],
            None,
            &[],
        ),
    }
}

/// Told to the old address and to the new one.
pub fn email_changed(language: Language, person: &str, organization: &str, old: &str, new: &str) -> Written {
    match language {
        Language::English => written(
            language,
            format!("Your email at {organization} was changed"),
            &[
                &format!("Hello {person},"),
                &format!(
                    "the email that you sign in with at {organization} was changed from {old} to {new}."
                ),
                "If you did not expect this, tell your administrator.",
            ],
            None,
            &[],
        ),
        Language::German => written(
            language,
            format!("Deine E-Mail bei {organization} wurde geändert"),
            &[
                &format!("Hallo {person},"),
                &format!(
                    "die E-Mail, mit der du dich bei {organization} anmeldest, wurde von {old} auf {new} geändert."
                ),
                "Hast du das nicht erwartet, so sage es deiner Verwaltung.",
            ],
            None,
            &[],
        ),
    }
}

/// `15 March 2027, 09:30 (Europe/Lisbon)`.
pub fn moment(language: Language, at_ms: i64, time_zone: Option<&str>) -> String {
    let (zone, name) = match time_zone.and_then(|name| TimeZone::get(name).ok().zip(Some(name))) {
        Some((zone, name)) => (zone, name),
        None => (TimeZone::UTC, "UTC"),
    };
    let Ok(at) = Timestamp::from_millisecond(at_ms) else { return at_ms.to_string() };
    let at = at.to_zoned(zone);
    let month = usize::from(at.month().unsigned_abs()).saturating_sub(1);
    let (months, dot) = match language {
        Language::English => (&ENGLISH_MONTHS, ""),
        Language::German => (&GERMAN_MONTHS, "."),
    };
    let month = months.get(month).copied().unwrap_or_default();
    format!("{}{dot} {month} {}, {:02}:{:02} ({name})", at.day(), at.year(), at.hour(), at.minute())
}

const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const GERMAN_MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// Paragraphs, a link that stands by itself, and paragraphs.
fn written(
    language: Language,
    subject: String,
    before: &[&str],
    link: Option<(&str, &str)>,
    after: &[&str],
) -> Written {
    let address = link.map(|(_, address)| address);
    let text: Vec<&str> = before.iter().copied().chain(address).chain(after.iter().copied()).collect();
    let paragraph = |text: &&str| format!("<p style=\"margin:0 0 16px\">{}</p>\n", escaped(text));
    let button = link.map(|(label, address)| {
        let (label, address) = (escaped(label), escaped(address));
        format!(
            "<p style=\"margin:0 0 16px\"><a href=\"{address}\" style=\"display:inline-block;padding:12px 20px;\
             border-radius:6px;background:#1f5fbf;color:#ffffff;text-decoration:none\">{label}</a></p>\n\
             <p style=\"margin:0 0 16px;font-size:13px;word-break:break-all\">{address}</p>\n"
        )
    });
    let body: String =
        before.iter().map(paragraph).chain(button).chain(after.iter().map(paragraph)).collect();
    let html = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{}</title></head>\n\
         <body style=\"margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif;max-width:560px\">\n{body}</body>\n</html>\n",
        language.tag(),
        escaped(&subject),
    );
    Written { subject, text: format!("{}\n", text.join("\n\n")), html }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(language: Language) -> Invitation<'static> {
        Invitation {
            language,
            person: "Ana <b>Silva</b>",
            organization: "Exämple & Sons",
            link: "https://muster.example/invite/abc",
            expires_at_ms: 1_800_000_000_000,
            time_zone: Some("Europe/Lisbon"),
        }
    }

    #[test]
    fn an_invitation_says_who_what_until_when_and_names_are_no_markup() {
        let mail = invitation(&about(Language::English));
        for part in [
            "Ana <b>Silva</b>",
            "https://muster.example/invite/abc",
            "15 January 2027, 08:00 (Europe/Lisbon)",
        ] {
            assert!(mail.text.contains(part), "{}", mail.text);
        }
        assert!(mail.html.contains("Ana &lt;b&gt;Silva") && !mail.html.contains("<b>"), "{}", mail.html);
        assert!(mail.html.contains("Exämple &amp; Sons"));
        assert_eq!(mail.subject, "Your phone at Exämple & Sons");
    }

    #[test]
    fn each_language_has_words_of_its_own() {
        let (english, german) = (invitation(&about(Language::English)), invitation(&about(Language::German)));
        assert!(german.text.contains("15. Januar 2027") && german.html.contains("lang=\"de\""));
        assert_ne!(english.subject, german.subject);
        assert!(trial(Language::German, 0).text.contains("1. Januar 1970"));
        assert!(
            email_changed(Language::English, "Ana", "A", "old@x.example", "new@x.example")
                .text
                .contains("new@x.example")
        );
    }
}
