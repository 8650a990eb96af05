//! `key=value` as JSON. Of what type a field is, the server's own description (`/openapi.json`) says, so
//! that a new field needs nothing here.

use serde_json::{Map, Value};

use crate::console::Console;
use crate::failure::Failure;
use crate::session::Session;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Integer,
    Boolean,
    List,
}

/// The fields that a request's body may have.
pub(crate) struct Schema {
    document: Value,
    properties: Map<String, Value>,
}

impl Schema {
    /// Of the operation `method` on the path that ends so; names of path parameters do not matter.
    pub fn load(session: &Session<'_, '_>, method: &str, path_end: &str) -> Result<Schema, Failure> {
        let document = session.client.get("/openapi.json")?.value;
        Ok(Schema::of(document, method, path_end))
    }

    fn of(document: Value, method: &str, path_end: &str) -> Schema {
        let paths = document["paths"].as_object();
        let named = paths.into_iter().flatten().find(|(path, _)| without_names(path).ends_with(path_end));
        let body = named.map_or(&Value::Null, |(_, operations)| {
            &operations[method]["requestBody"]["content"]["application/json"]["schema"]
        });
        let properties = resolved(&document, body)["properties"].as_object().cloned().unwrap_or_default();
        Schema { properties, document }
    }

    /// The pairs as a body.
    pub fn body(&self, pairs: &[(String, String)]) -> Value {
        let member = |(key, text): &(String, String)| (key.clone(), to_json(self.kind(key), text));
        Value::Object(pairs.iter().map(member).collect::<Map<String, Value>>())
    }

    pub fn kind(&self, field: &str) -> Kind {
        let Some(schema) = self.properties.get(field) else { return Kind::Text };
        self.kind_of(schema)
    }

    fn kind_of(&self, schema: &Value) -> Kind {
        let schema = resolved(&self.document, schema);
        let says = |word: &str| match &schema["type"] {
            Value::Array(words) => words.iter().any(|w| w == word),
            one => one == word,
        };
        let kinds = [("string", Kind::Text), ("integer", Kind::Integer), ("boolean", Kind::Boolean)];
        if says("array") {
            return Kind::List;
        }
        if let Some((_, kind)) = kinds.iter().find(|(word, _)| says(word)) {
            return *kind;
        }
        // `oneOf: [{type: null}, {$ref: …}]` is how an optional reference is written.
        let choices =
            ["oneOf", "anyOf", "allOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
        choices
            .filter(|choice| choice["type"] != "null")
            .map(|choice| self.kind_of(choice))
            .next()
            .unwrap_or(Kind::Text)
    }
}

/// `/users/{id}` and `/users/{who}` are both `/users/{}`.
fn without_names(path: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in path.chars() {
        inside = (inside || c == '{') && c != '}';
        if !inside || c == '{' {
            out.push(c);
        }
    }
    out
}

/// Follows `$ref: #/components/schemas/NAME`; a chain of them is followed so far and no further.
fn resolved<'a>(document: &'a Value, mut schema: &'a Value) -> &'a Value {
    for _ in 0..4 {
        let Some(name) = schema["$ref"].as_str().and_then(|r| r.strip_prefix("#/components/schemas/")) else {
            break;
        };
        schema = &document["components"]["schemas"][name];
    }
    schema
}

/// `key=value`, in the order typed. A secret is never taken from the command line: its value must be `-`,
/// and the person is asked.
pub(crate) fn read(console: &mut Console<'_>, fields: &[String]) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(fields.len());
    for field in fields {
        let (key, value) = field.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`{field}` is not key=value."), "Write it as in extension=1001.")
        })?;
        let key = key.trim();
        if key.is_empty() || pairs.iter().any(|(other, _)| other == key) {
            let what = if key.is_empty() {
                format!("`{field}` names no field.")
            } else {
                format!("{key} is given twice.")
            };
            return Err(Failure::usage(what, "Give each field once, as in extension=1001."));
        }
        if is_secret(key) && !matches!(value, "-" | "") {
            return Err(Failure::usage(
                format!("A {key} on the command line can be read by others of this machine."),
                format!("Write {key}=- and you are asked for it."),
            ));
        }
        let value = match (is_secret(key), value) {
            (true, "-") => asked(console, key)?,
            _ => value.to_owned(),
        };
        pairs.push((key.to_owned(), value));
    }
    Ok(pairs)
}

fn asked(console: &mut Console<'_>, key: &str) -> Result<String, Failure> {
    let unread = |_| Failure::refused(format!("No {key} could be read."), "Nothing was changed.");
    let secret = console.ask_secret(key).map_err(unread)?;
    if secret.is_empty() {
        return Err(Failure::refused(format!("No {key} was given."), "Nothing was changed."));
    }
    if console.asks_person {
        let again = console.ask_secret(&format!("{key} again")).map_err(unread)?;
        if again != secret {
            return Err(Failure::refused("The two are not the same.", "Nothing was changed."));
        }
    }
    Ok(secret)
}

fn is_secret(key: &str) -> bool {
    ["password", "pin", "secret", "answer"]
        .iter()
        .any(|word| key == *word || key.ends_with(&format!("_{word}")))
}

/// What cannot be read as its type goes as it is: the server says what is wrong with it.
pub(crate) fn to_json(kind: Kind, text: &str) -> Value {
    let as_text = || Value::from(text);
    match kind {
        Kind::List => Value::Array(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Value::from).collect(),
        ),
        _ if text.is_empty() => Value::Null,
        Kind::Text => as_text(),
        Kind::Integer => text.trim().parse::<i64>().map_or_else(|_| as_text(), Value::from),
        Kind::Boolean => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "no" | "off" | "0" => Value::Bool(false),
            _ => as_text(),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_gets_the_type_that_the_servers_description_gives_its_field() {
        let users = json!({ "post": { "requestBody": { "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/NewUser" } } } } } });
        let document = json!({
            "paths": { "/api/{org}/users/{who}/restore": {}, "/api/{org}/users": users },
            "components": { "schemas": {
                "Seconds": { "type": "integer" },
                "NewUser": { "properties": {
                    "extension": { "type": ["string", "null"] },
                    "call_timeout_s": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Seconds" }] },
                    "sms": { "type": "boolean" },
                    "tags": { "type": "array" } } } } } });
        let schema = Schema::of(document, "post", "/{}/users");
        let typed = |key: &str, text: &str| to_json(schema.kind(key), text);
        assert_eq!(typed("extension", "0107"), json!("0107"));
        assert_eq!(typed("extension", ""), json!(null));
        assert_eq!(typed("call_timeout_s", "30"), json!(30));
        assert_eq!(typed("call_timeout_s", "soon"), json!("soon"));
        assert_eq!(typed("sms", "yes"), json!(true));
        assert_eq!(typed("tags", "floor:2, shift:early"), json!(["floor:2", "shift:early"]));
        assert_eq!(typed("tags", ""), json!([]));
        assert_eq!(typed("unheard_of", "x"), json!("x"));
    }

    #[test]
    fn names_of_secrets_are_known_whatever_they_are_for() {
        for key in
            ["sip_password", "security_answer", "voicemail_pin", "on_call_pin", "sip_secret", "password"]
        {
            assert!(is_secret(key), "{key}");
        }
        for key in ["shipping", "pinned", "secretary", "extension"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
