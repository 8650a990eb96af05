//! What the pages say, in the languages there are.

use muster_app::signing::{Language, LinkRefusal};

macro_rules! words {
    ($($name:ident = $english:literal | $german:literal;)*) => {
        /// One language's words.
        pub struct Words { $(pub $name: &'static str,)* }

        const ENGLISH: Words = Words { $($name: $english,)* };
        const GERMAN: Words = Words { $($name: $german,)* };
    };
}

words! {
    welcome = "Set up your phone" | "Telefon einrichten";
    hello = "Hello" | "Hallo";
    at = "at" | "bei";
    sign_in_with = "You sign in as" | "Du meldest dich an als";
    or_email = "or with your email" | "oder mit deiner E-Mail";
    password = "Password" | "Passwort";
    new_password = "New password" | "Neues Passwort";
    password_hint = "8 characters or more; several words are easy to remember." | "Mindestens 8 Zeichen; mehrere Wörter merkt man sich leicht.";
    again = "The same again" | "Noch einmal dasselbe";
    not_same = "is not the same as above" | "ist nicht dasselbe wie oben";
    not_same_mend = "type it twice alike" | "tippe es zweimal gleich";
    pin = "Sign-in PIN" | "Anmelde-PIN";
    pin_hint = "4 to 10 digits. It tells who you are on the phone; it is not the PIN of your voicemail." | "4 bis 10 Ziffern. Sie weist dich am Telefon aus; sie ist nicht die PIN deiner Mailbox.";
    question = "Security question" | "Sicherheitsfrage";
    question_hint = "Something that only you can answer." | "Etwas, das nur du beantworten kannst.";
    answer = "Answer" | "Antwort";
    location = "Where are you, if you call for help?" | "Wo bist du, wenn du Hilfe rufst?";
    location_required = "Your calls are held back until this is known. Calls for help always pass." | "Deine Anrufe warten, bis das bekannt ist. Notrufe gehen immer durch.";
    location_wanted = "Help is sent to this address." | "An diese Adresse kommt Hilfe.";
    location_later = "Say it later" | "Später angeben";
    location_new = "Another address" | "Eine andere Adresse";
    street = "Street" | "Straße";
    house_number = "House number" | "Hausnummer";
    unit = "Floor, suite, room" | "Stockwerk, Raum";
    postal_code = "Postal code" | "Postleitzahl";
    city = "City" | "Ort";
    state = "State" | "Bundesland oder Staat";
    country = "Country (two letters)" | "Land (zwei Buchstaben)";
    accept = "Set up my phone" | "Mein Telefon einrichten";
    to_mend = "Something is not right yet:" | "Etwas stimmt noch nicht:";
    done = "Your phone is ready" | "Dein Telefon ist bereit";
    signed_in = "You are signed in." | "Du bist angemeldet.";
    all_set = "You are set up." | "Du bist eingerichtet.";
    type_this = "Type this into your phone, or scan the code:" | "Tippe das in dein Telefon, oder lies den Code ein:";
    held_back = "Your calls wait until your administrator knows where you are. Calls for help pass." | "Deine Anrufe warten, bis deine Verwaltung weiß, wo du bist. Notrufe gehen durch.";
    once = "The SIP password is shown this once." | "Das SIP-Passwort wird nur dieses eine Mal gezeigt.";
    server = "Server" | "Server";
    domain = "Domain" | "Domain";
    extension = "Extension" | "Nebenstelle";
    auth_name = "Auth name" | "Anmeldename";
    sip_password = "SIP password" | "SIP-Passwort";
    as_before = "as you were given it" | "wie du es bekommen hast";
    code = "Code for the phone" | "Code für das Telefon";
    no_longer = "This link does nothing" | "Dieser Link bewirkt nichts";
    sign_in = "Sign in" | "Anmelden";
    organization = "Organization or SIP domain" | "Organisation oder SIP-Domain";
    login = "Username or email" | "Benutzername oder E-Mail";
    wrong = "The name or the password is not right." | "Name oder Passwort stimmen nicht.";
    temporary = "Your password is temporary: choose one of your own." | "Dein Passwort ist vorläufig: wähle ein eigenes.";
    unavailable = "That does not work at the moment: try again soon." | "Das geht gerade nicht: versuche es gleich noch einmal.";
}

pub fn words(language: Language) -> &'static Words {
    match language {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

/// Why a link does nothing, in words.
pub fn of_link(language: Language, refusal: LinkRefusal) -> String {
    let german = match refusal {
        LinkRefusal::Unknown => {
            "Dieser Link ist keiner von uns: öffne die neueste Mail, oder bitte um eine neue Einladung."
        }
        LinkRefusal::Expired => "Dieser Link ist abgelaufen: bitte um eine neue Einladung.",
        LinkRefusal::Used => {
            "Dieser Link wurde schon benutzt: melde dich mit dem Passwort an, das gewählt wurde."
        }
        LinkRefusal::Ended => {
            "Dieser Link wurde ersetzt oder zurückgezogen: öffne die neueste Mail, oder bitte um eine neue Einladung."
        }
        LinkRefusal::NotNow => "Dieser Link gilt im Augenblick nicht: frage deine Verwaltung.",
    };
    match language {
        Language::English => {
            let said = refusal.to_string();
            let (first, rest) = said.split_at(said.chars().next().map_or(0, char::len_utf8));
            format!("{}{rest}.", first.to_uppercase())
        }
        Language::German => german.to_string(),
    }
}
