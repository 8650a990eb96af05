//! Forms: reading one, and writing its fields with what was wrong beside them.

use axum::http::StatusCode;

use super::escaped;
use crate::body::Incoming;
use crate::problem::{Mistake, Problem};

const FORM_BYTES_MAX: usize = 64 * 1024;
const FIELDS_MAX: usize = 64;

/// A form as it was sent (`application/x-www-form-urlencoded`).
#[derive(Default)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub async fn read(incoming: &mut Incoming) -> Result<Form, Problem> {
        if incoming.media_type() != "application/x-www-form-urlencoded" {
            return Err(Problem::unsupported("application/x-www-form-urlencoded"));
        }
        let bytes = incoming.bytes(FORM_BYTES_MAX).await?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "unreadable", "the form is not in UTF-8"))?;
        let pairs = text.split('&').take(FIELDS_MAX).filter(|pair| !pair.is_empty());
        Ok(Form(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        ))
    }

    /// A form with one field filled in.
    pub fn of(name: &str, value: Option<&str>) -> Form {
        Form(value.map(|value| (name.to_string(), value.to_string())).into_iter().collect())
    }

    /// What was written into a field; `None` if it was left empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.trim().is_empty())
    }
}

/// `+` is a space, `%41` an A (URL Standard §5.1); what is not right stays as it is.
fn decoded(text: &str) -> String {
    let (bytes, mut out, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let hex = bytes
            .get(at + 1..at + 3)
            .filter(|_| *byte == b'%')
            .and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match (byte, hex) {
            (_, Some(value)) => {
                out.push(value);
                at += 3;
            }
            (b'+', None) => {
                out.push(b' ');
                at += 1;
            }
            (other, None) => {
                out.push(*other);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// One field of a form.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub hint: &'a str,
    /// `text`, `password`.
    pub kind: &'a str,
    pub autocomplete: &'a str,
    pub required: bool,
    pub numeric: bool,
}

impl<'a> Input<'a> {
    pub fn text(name: &'a str, label: &'a str) -> Input<'a> {
        Input { name, label, hint: "", kind: "text", autocomplete: "off", required: false, numeric: false }
    }

    pub fn password(name: &'a str, label: &'a str) -> Input<'a> {
        Input { kind: "password", autocomplete: "new-password", required: true, ..Input::text(name, label) }
    }
}

/// The field with its label, its hint and its mistake; passwords are never written back.
pub fn input(field: Input<'_>, form: &Form, mistakes: &[Mistake]) -> String {
    let Input { name, kind, autocomplete, .. } = field;
    let value = form.get(name).filter(|_| kind != "password").unwrap_or_default();
    let mistake = mistakes.iter().find(|mistake| mistake.field == name);
    let mut described = Vec::new();
    let mut extra = String::new();
    if !field.hint.is_empty() {
        described.push(format!("{name}-hint"));
        extra.push_str(&format!("<p class=\"hint\" id=\"{name}-hint\">{}</p>\n", escaped(field.hint)));
    }
    if let Some(mistake) = mistake {
        described.push(format!("{name}-wrong"));
        extra.push_str(&format!(
            "<p class=\"wrong\" id=\"{name}-wrong\">{}</p>\n",
            escaped(&in_words(field.label, mistake))
        ));
    }
    let described = match described.is_empty() {
        true => String::new(),
        false => format!(" aria-describedby=\"{}\"", described.join(" ")),
    };
    format!(
        "<div class=\"field\">\n<label for=\"{name}\">{}</label>\n<input id=\"{name}\" name=\"{name}\" type=\"{kind}\" \
         value=\"{}\" autocomplete=\"{autocomplete}\"{}{}{}{described}>\n{extra}</div>\n",
        escaped(field.label),
        escaped(value),
        if field.required { " required" } else { "" },
        if field.numeric { " inputmode=\"numeric\"" } else { "" },
        if mistake.is_some() { " aria-invalid=\"true\"" } else { "" },
    )
}

/// `Password is shorter than 8 characters: choose …`.
pub fn in_words(label: &str, mistake: &Mistake) -> String {
    format!("{label} {}: {}.", mistake.reason, mistake.mend)
}

#[test]
fn a_form_is_read_as_browsers_write_it() {
    assert_eq!(decoded("a+b%26c%C3%A4"), "a b&cä");
    assert_eq!(decoded("100%"), "100%");
    assert_eq!(decoded("%zz%4"), "%zz%4");
}
