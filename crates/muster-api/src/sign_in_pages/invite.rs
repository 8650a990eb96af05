//! The page of an invite's link: what it asks, and what it says when that is done.

use axum::extract::{Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use muster_app::AppError;
use muster_app::signing::{
    Acceptance, Accepted, Language, LinkRefusal, NewCredentials, NewPlace, Place, WantedLocation, Welcome,
};
use muster_domain::change::Refusal;
use muster_domain::field::Entity;
use muster_domain::locations::EmergencyLocation;
use muster_domain::types::{Name, Text};
use zeroize::Zeroizing;

use super::card::{self, Card};
use super::form::{Form, Input, in_words, input};
use super::words::{Words, of_link, words};
use super::{accepted_language, escaped, page};
use crate::body::Incoming;
use crate::caller;
use crate::problem::{Mistake, Problem};
use crate::routes::with_header;
use crate::state::ApiState;

/// What a field of the form is called.
type Label = fn(&Words) -> &'static str;

/// The parts of an address that the form asks for, and their labels.
const PLACE: [(&str, Label); 7] = [
    ("street", |w| w.street),
    ("house_number", |w| w.house_number),
    ("unit", |w| w.unit),
    ("postal_code", |w| w.postal_code),
    ("city", |w| w.city),
    ("state", |w| w.state),
    ("country", |w| w.country),
];

/// `GET /invite/{token}`.
pub async fn show(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = accepted_language(&headers);
    let welcome = state.asked(move |app| app.welcome(&token)).await?;
    Ok(match welcome {
        Ok(welcome) => {
            let language = welcome.language.unwrap_or(asked);
            form(StatusCode::OK, language, &welcome, &Form::default(), &[])
        }
        Err(refusal) => refused(asked, refusal),
    })
}

/// `POST /invite/{token}`.
pub async fn accept(
    State(state): State<ApiState>,
    Path(token): Path<String>,
    mut incoming: Incoming,
) -> Result<Response, Problem> {
    let asked = accepted_language(&incoming.headers);
    let sent = Form::read(&mut incoming).await?;
    let of_link = token.clone();
    let welcome = match state.asked(move |app| app.welcome(&of_link)).await? {
        Ok(welcome) => welcome,
        Err(refusal) => return Ok(refused(asked, refusal)),
    };
    let language = welcome.language.unwrap_or(asked);
    let (acceptance, mistakes) = read(&sent, &welcome, words(language));
    if !mistakes.is_empty() {
        return Ok(form(StatusCode::BAD_REQUEST, language, &welcome, &sent, &mistakes));
    }
    let accepted = state.asked(move |app| match app.accept_invite(&token, &acceptance) {
        Err(AppError::Refused(refusal)) => Ok(Err(refusal)),
        Err(other) => Err(other),
        Ok(accepted) => Ok(Ok(accepted)),
    });
    match accepted.await? {
        Ok(Ok(accepted)) => Ok(done(&state, language, &accepted)),
        Ok(Err(refusal)) => {
            let mistakes = match refusal {
                Refusal::Invalid(errors) => errors.into_iter().map(Mistake::from).collect(),
                other => vec![Mistake::new("", other.to_string(), "")],
            };
            Ok(form(StatusCode::BAD_REQUEST, language, &welcome, &sent, &mistakes))
        }
        Err(refusal) => Ok(refused(language, refusal)),
    }
}

impl ApiState {
    /// Runs a use case of a link: that it does nothing is an answer and no problem.
    async fn asked<T: Send + 'static>(
        &self,
        work: impl FnOnce(&muster_app::App) -> Result<T, AppError> + Send + 'static,
    ) -> Result<Result<T, LinkRefusal>, Problem> {
        self.blocking(move |app| match work(app) {
            Ok(done) => Ok(Ok(done)),
            Err(AppError::Link(refusal)) => Ok(Err(refusal)),
            Err(other) => Err(other),
        })
        .await
    }
}

fn refused(language: Language, refusal: LinkRefusal) -> Response {
    let status = if refusal == LinkRefusal::Unknown { StatusCode::NOT_FOUND } else { StatusCode::GONE };
    let body = format!("<p>{}</p>\n", escaped(&of_link(language, refusal)));
    page(status, language, words(language).no_longer, &body)
}

fn form(
    status: StatusCode,
    language: Language,
    welcome: &Welcome,
    sent: &Form,
    mistakes: &[Mistake],
) -> Response {
    let words = words(language);
    let mut body = format!(
        "<p>{} {} {} {}.</p>\n<p>{} <b>{}</b>{}.</p>\n",
        words.hello,
        escaped(&welcome.person),
        words.at,
        escaped(&welcome.organization),
        words.sign_in_with,
        escaped(&welcome.username),
        welcome
            .email
            .as_ref()
            .map(|email| format!(" {} <b>{}</b>", words.or_email, escaped(email)))
            .unwrap_or_default(),
    );
    if !mistakes.is_empty() {
        let said =
            mistakes.iter().map(|m| format!("<li>{}</li>", escaped(&in_words(label(words, &m.field), m))));
        let said: String = said.collect();
        body.push_str(&format!(
            "<div class=\"summary\" role=\"alert\"><p>{}</p><ul>{said}</ul></div>\n",
            escaped(words.to_mend)
        ));
    }
    body.push_str("<form method=\"post\">\n");
    // Browsers keep a password under the name in front of it.
    body.push_str(&format!(
        "<input class=\"hidden\" type=\"text\" name=\"username\" value=\"{}\" autocomplete=\"username\" readonly tabindex=\"-1\" aria-hidden=\"true\">\n",
        escaped(&welcome.username)
    ));
    credentials(&mut body, welcome, words, sent, mistakes);
    if let Some(wanted) = &welcome.location {
        body.push_str(&location(wanted, words, sent, mistakes));
    }
    body.push_str(&format!("<button type=\"submit\">{}</button>\n</form>\n", escaped(words.accept)));
    page(status, language, words.welcome, &body)
}

/// The fields that the person's type needs.
fn credentials(body: &mut String, welcome: &Welcome, words: &Words, sent: &Form, mistakes: &[Mistake]) {
    let mut field = |of: Input<'_>| body.push_str(&input(of, sent, mistakes));
    if welcome.needs.password {
        field(Input { hint: words.password_hint, ..Input::password("password", words.password) });
        field(Input::password("password_again", words.again));
    }
    if welcome.needs.pin {
        let pin = Input {
            hint: words.pin_hint,
            numeric: true,
            autocomplete: "off",
            ..Input::password("sign_in_pin", words.pin)
        };
        field(pin);
        field(Input {
            numeric: true,
            autocomplete: "off",
            ..Input::password("sign_in_pin_again", words.again)
        });
    }
    if welcome.needs.question {
        let question = Input {
            hint: words.question_hint,
            required: true,
            ..Input::text("security_question", words.question)
        };
        field(question);
        field(Input { required: true, ..Input::text("security_answer", words.answer) });
    }
}

/// A choice among the company's, and an address of one's own.
fn location(wanted: &WantedLocation, words: &Words, sent: &Form, mistakes: &[Mistake]) -> String {
    let why = if wanted.required { words.location_required } else { words.location_wanted };
    let chosen = sent.get("location").unwrap_or_default();
    let option = |value: &str, label: &str| {
        let selected = if value == chosen { " selected" } else { "" };
        format!("<option value=\"{}\"{selected}>{}</option>\n", escaped(value), escaped(label))
    };
    let mut html = format!(
        "<fieldset>\n<legend>{}</legend>\n<p class=\"hint\">{}</p>\n<div class=\"field\">\n\
         <select name=\"location\" aria-label=\"{0}\">\n",
        escaped(words.location),
        escaped(why)
    );
    html.push_str(&option("", words.location_later));
    for name in &wanted.known {
        html.push_str(&option(&format!("={name}"), name));
    }
    html.push_str(&option("new", words.location_new));
    html.push_str("</select>\n</div>\n");
    let country = Form::of("country", sent.get("country").or(wanted.country.as_deref()));
    for (name, label) in PLACE {
        let form = if name == "country" { &country } else { sent };
        html.push_str(&input(Input::text(name, label(words)), form, mistakes));
    }
    html.push_str("</fieldset>\n");
    html
}

fn label(words: &Words, field: &str) -> &'static str {
    match field {
        "password" => words.password,
        "password_again" | "sign_in_pin_again" => words.again,
        "sign_in_pin" => words.pin,
        "security_question" => words.question,
        "security_answer" => words.answer,
        "emergency_location" | "location" => words.location,
        other => PLACE.iter().find(|(name, _)| *name == other).map_or("", |(_, label)| label(words)),
    }
}

/// What was filled in, and what of it is wrong before anybody else has looked.
fn read(sent: &Form, welcome: &Welcome, words: &Words) -> (Acceptance, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    for (name, again) in [("password", "password_again"), ("sign_in_pin", "sign_in_pin_again")] {
        if sent.get(name) != sent.get(again) {
            mistakes.push(Mistake::new(again, words.not_same, words.not_same_mend));
        }
    }
    let secret = |name: &str| sent.get(name).map(|text| Zeroizing::new(text.to_string()));
    let question = sent.get("security_question").map(Text::parse).transpose().unwrap_or_else(|reason| {
        mistakes.push(Mistake::new("security_question", reason.reason, reason.mend));
        None
    });
    let credentials = NewCredentials {
        password: secret("password"),
        temporary: false,
        pin: secret("sign_in_pin"),
        question,
        answer: secret("security_answer"),
    };
    let place = match sent.get("location").filter(|_| welcome.location.is_some()) {
        None => None,
        Some("new") => Some(Place::New(new_place(sent, &mut mistakes))),
        Some(known) => Name::parse(known.trim_start_matches('=')).ok().map(Place::Known),
    };
    (Acceptance { credentials, place }, mistakes)
}

fn new_place(sent: &Form, mistakes: &mut Vec<Mistake>) -> NewPlace {
    let mut place = NewPlace::default();
    for (name, _) in PLACE {
        let (Some(field), Some(text)) = (EmergencyLocation::field(name), sent.get(name)) else { continue };
        match (field.parse)(text) {
            Ok(value) => place.values.push((field.name, value)),
            Err(reason) => mistakes.push(Mistake::new(name, reason.reason, reason.mend)),
        }
    }
    place
}

/// They are in: what to type into the phone, with the password this once.
fn done(state: &ApiState, language: Language, accepted: &Accepted) -> Response {
    let words = words(language);
    let user = &accepted.user;
    let first = if accepted.session.is_some() { words.signed_in } else { words.all_set };
    let mut body = format!("<p>{}</p>\n", escaped(first));
    if accepted.held_back {
        body.push_str(&format!("<p class=\"wrong\">{}</p>\n", escaped(words.held_back)));
    }
    if muster_domain::capabilities::of(user).registers {
        body.push_str(&format!("<p>{}</p>\n", escaped(words.type_this)));
        body.push_str(&card::html(
            &Card {
                servers: state.sip_servers(),
                domain: &accepted.domain,
                extension: user.extension.as_ref().map(|extension| extension.as_str()),
                auth_name: user.username.as_str(),
                secret: accepted.sip_secret.as_ref().map(|secret| secret.as_str()),
            },
            words,
        ));
        if accepted.sip_secret.is_some() {
            body.push_str(&format!("<p class=\"quiet\">{}</p>\n", escaped(words.once)));
        }
    }
    let response = page(StatusCode::OK, language, words.done, &body);
    match &accepted.session {
        Some(session) => with_header(SET_COOKIE, &caller::cookie(state, session), response),
        None => response,
    }
}
