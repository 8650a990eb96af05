//! `application/problem+json` (RFC 9457) in words.

use serde_json::Value;

use crate::clean::clean;

/// More than this many fields are counted, not shown.
const ERRORS_SHOWN_MAX: usize = 20;

/// The server's refusal.
#[derive(Debug)]
pub(crate) struct Problem {
    pub status: u16,
    /// As the server sent it; null if it sent none that could be read.
    pub document: Value,
    /// What else the person can do, known on this side.
    pub hint: Option<String>,
    /// When the server would like to be asked again.
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// One line with what is wrong, then a line for each field.
    pub fn words(&self) -> String {
        // The server speaks of headers then; what to type is known here.
        if let (401, Some(hint)) = (self.status, &self.hint) {
            return hint.clone();
        }
        let detail = self.text("detail").or_else(|| self.text("title"));
        let mut out = detail.map_or_else(
            || format!("The server answered with status {}.", self.status),
            |text| self.sentence_of(text),
        );
        let errors = self.errors();
        match errors {
            [only] if detail.is_some_and(|detail| detail.contains(member(only, "reason"))) => {
                // The detail has said it already; perhaps not what to do.
                let mend = mend_of(only);
                if !mend.is_empty() && !out.contains(&mend) {
                    out = format!("{out} {}", sentence(&clean(&mend)));
                }
            }
            _ => {
                for line in lines_of(&errors[..errors.len().min(ERRORS_SHOWN_MAX)]) {
                    out.push_str(&format!("\n  - {line}"));
                }
            }
        }
        if errors.len() > ERRORS_SHOWN_MAX {
            out.push_str(&format!("\n  - and {} more", errors.len() - ERRORS_SHOWN_MAX));
        }
        if let Some(hint) = &self.hint {
            out = format!("{out}\n  {hint}");
        }
        out
    }

    /// Too busy or just starting, and willing to say for how long: at most so many seconds.
    pub fn asks_for_a_moment(&self, at_most_s: u64) -> bool {
        matches!(self.status, 429 | 503) && self.retry_after_s.is_some_and(|s| s <= at_most_s)
    }

    fn errors(&self) -> &[Value] {
        self.document["errors"].as_array().map_or(&[], Vec::as_slice)
    }

    /// A field's name keeps its small letter: it is typed so.
    fn sentence_of(&self, text: &str) -> String {
        let begins_with_field = |error: &Value| {
            let field = member(error, "field");
            !field.is_empty() && text.strip_prefix(field).is_some_and(|rest| rest.starts_with(' '))
        };
        let field = text.split(' ').next().unwrap_or_default();
        if let Some(flag) = flag_of(field).filter(|_| self.errors().iter().any(begins_with_field)) {
            return full_stop(&clean(&text.replacen(field, flag, 1)));
        }
        match self.errors().iter().any(begins_with_field) {
            true => full_stop(&clean(text)),
            false => sentence(&clean(text)),
        }
    }

    /// The change that took back already what shall be taken back.
    pub fn undone_by(&self) -> Option<u64> {
        let mend = member(self.errors().first()?, "mend");
        let number = mend.strip_prefix("to have it again, take change ")?.split([' ', ',']).next()?;
        number.parse().ok()
    }

    /// The change that stands in the way of everything that is in the way of more than one thing.
    pub fn only_change_in_the_way(&self) -> Option<u64> {
        let [first, others @ ..] = self.errors() else { return None };
        let mend = member(first, "mend");
        let alike = !others.is_empty() && others.iter().all(|error| member(error, "mend") == mend);
        let number = mend.strip_prefix("take change ")?.split(' ').next()?;
        number.parse().ok().filter(|_| alike)
    }

    /// Puts what the person typed where the server speaks of a place in the request: `users[1]`.
    pub fn name_places(&mut self, list: &str, typed: &[String]) {
        let replace = |value: &mut Value| {
            let Some(text) = value.as_str() else { return };
            let named = typed.iter().enumerate().fold(text.to_owned(), |text, (at, typed)| {
                text.replace(&format!("{list}[{at}]"), &format!("`{typed}`"))
            });
            *value = named.into();
        };
        replace(&mut self.document["detail"]);
        for error in self.document["errors"].as_array_mut().into_iter().flatten() {
            replace(&mut error["field"]);
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        Some(member(&self.document, name)).filter(|text| !text.is_empty())
    }
}

fn member<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default().trim()
}

/// Each by itself, but for those that the same change stands in the way of: that is said once, after them.
pub(crate) fn lines_of(errors: &[Value]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = errors;
    while let [first, ..] = rest {
        let mend = member(first, "mend");
        let alike = rest.iter().take_while(|error| member(error, "mend") == mend).count();
        let (together, others) = rest.split_at(alike);
        rest = others;
        if alike > 1 && mend.starts_with("take change ") {
            let subject = |error: &Value| format!("{} {}", member(error, "field"), member(error, "reason"));
            lines.extend(together.iter().map(|error| clean(subject(error).trim()).into_owned()));
            lines.push(clean(&format!("to mend these {alike}: {mend}")).into_owned());
        } else {
            lines.extend(together.iter().map(field_words));
        }
    }
    lines
}

/// The option that a field is typed as, where its name says nothing to who typed it.
fn flag_of(field: &str) -> Option<&'static str> {
    Some(match field {
        "match" => "--match",
        "existing" => "--existing",
        "inactive" => "--inactive",
        "activate" => "--activate",
        "mapping" => "--map",
        "corrections" => "--fix",
        "as_of" => "--as-of",
        "to" => "--to",
        _ => return None,
    })
}

/// `extension is taken: choose another extension`.
fn field_words(error: &Value) -> String {
    let field = member(error, "field");
    let subject = format!("{} {}", flag_of(field).unwrap_or(field), member(error, "reason"));
    match mend_of(error).as_str() {
        "" => clean(subject.trim()).into_owned(),
        mend => clean(&format!("{}: {mend}", subject.trim())).into_owned(),
    }
}

/// What to do, with the option that would allow it as it is typed here.
pub(crate) fn mend_of(error: &Value) -> String {
    let mend = member(error, "mend");
    let flag = match member(error, "option") {
        "" => return mend.to_owned(),
        "match" => "--match username (or extension, or email) to update them, or --existing skip".to_owned(),
        "existing" => "--existing update, or --existing skip".to_owned(),
        // How to do what the mend says.
        "mapping" => return format!("{mend}: use --suggest-mapping and then --map"),
        "format" => return format!("{mend}: use --format, or --suggest-mapping and then --map"),
        option => match option.split_once('=') {
            Some((name, value)) => return format!("{mend}: use --{} {value}", name.replace('_', "-")),
            None => format!("--{}", option.replace('_', "-")),
        },
    };
    if mend.is_empty() { format!("use {flag}") } else { format!("{mend}, or use {flag}") }
}

/// With a capital and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let text = text.trim();
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return String::new() };
    full_stop(&format!("{}{}", first.to_uppercase(), chars.as_str()))
}

fn full_stop(text: &str) -> String {
    let end = if text.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    format!("{text}{end}")
}
