//! The description: OpenAPI 3.1, whole, stable, and true to what is answered.

use std::collections::BTreeSet;

use muster_domain::field::{Entity, Privacy};
use muster_domain::user::User;
use serde_json::{Value, json};

use crate::common::run;
use crate::records;

pub fn description() -> Value {
    serde_json::from_str(&muster_api::openapi_json()).unwrap()
}

fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Object(map) => map.values().for_each(|v| each(v, visit)),
        Value::Array(list) => list.iter().for_each(|v| each(v, visit)),
        _ => {}
    }
}

#[test]
fn it_is_openapi_3_1_and_every_reference_leads_somewhere() {
    let api = description();
    assert_eq!(api["openapi"], "3.1.0");
    assert_eq!(api["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert_eq!(api["security"], json!([{ "bearer": [] }]));
    let mut references = 0;
    each(&api, &mut |value| {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(api.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
        assert!(value.get("nullable").is_none(), "`nullable` is of 3.0: {value}");
    });
    assert!(references > 100, "{references}");
}

#[test]
fn every_operation_has_a_summary_an_id_of_its_own_and_describes_its_parameters_and_problems() {
    let api = description();
    let mut ids = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| s.len() > 5), "{place}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_string()), "{place}");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{place}");
            let described: BTreeSet<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|p| p["in"] == "path")
                .map(|p| p["name"].as_str().unwrap())
                .collect();
            let named: BTreeSet<&str> =
                path.split('{').skip(1).map(|p| p.split('}').next().unwrap()).collect();
            assert_eq!(described, named, "{place}");
            let public = operation["security"] == json!([{}]);
            // Signing in asks for no token, and for a password.
            let refuses = !public || place == "post /api/v1/session";
            assert_eq!(operation["responses"].get("401").is_some(), refuses, "{place}");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let response = match response["$ref"].as_str() {
                    Some(reference) => api.pointer(&reference[1..]).unwrap(),
                    None => response,
                };
                assert!(response["description"].is_string(), "{place} {status}");
                if status.as_str() >= "400" {
                    assert!(response["content"]["application/problem+json"].is_object(), "{place} {status}");
                }
            }
        }
    }
}

#[test]
fn it_is_the_same_each_time() {
    assert_eq!(muster_api::openapi_json(), muster_api::openapi_json());
}

#[test]
fn every_field_of_a_user_is_described_and_secrets_only_as_being_there() {
    let api = description();
    let shown = &api["components"]["schemas"]["User"]["properties"];
    let written = &api["components"]["schemas"]["NewUser"]["properties"];
    for field in User::fields() {
        let secret = field.meta.privacy == Privacy::Secret;
        assert_eq!(shown.get(field.name).is_none(), secret, "{}", field.name);
        assert_eq!(shown.get(format!("has_{}", field.name)).is_some(), secret, "{}", field.name);
        assert!(!secret || written.get(field.name).is_none(), "{}", field.name);
    }
}

#[test]
fn answers_are_as_described() {
    run(async |i| {
        let api = description();
        i.user("1001", "Ana").await;
        i.admin("POST", "/users/activate").json(&json!({ "users": ["1001"] })).send().await.expect(200);
        for (path, schema) in [
            ("/users", "Users"),
            ("/contacts", "Contacts"),
            ("/extensions", "Extensions"),
            ("/seats", "Seats"),
            ("/changes", "Changes"),
            ("/changes/verify", "Verification"),
            ("/sites", "Sites"),
            ("/connections", "Connections"),
            ("/devices", "Devices"),
            ("/mailboxes", "Mailboxes"),
            ("/numbers", "PhoneNumbers"),
            ("/tokens", "Tokens"),
            ("/invites", "Invites"),
            ("/mail", "Mails"),
            ("/user-types", "UserTypes"),
            ("/jobs", "Jobs"),
            ("/registrations", "Registrations"),
            ("/phones", "Reached"),
            ("/subscription", "SubscriptionInForce"),
            ("/licences", "Licences"),
            ("/orders", "Orders"),
            ("/invoices", "Invoices"),
            ("/invoices/preview", "InvoicePreview"),
            ("/calls", "Calls"),
            ("/unassigned-extensions", "UnassignedExtensionPage"),
            ("/unassigned-extensions/counts", "Pool"),
            ("/port-orders", "PortOrderPage"),
        ] {
            let body = i.admin("GET", path).send().await.expect(200).json();
            conforms(&api, &api["components"]["schemas"][schema], &body, path);
        }
        let problem = i.admin("GET", "/users?limit=x").send().await.json();
        conforms(&api, &api["components"]["schemas"]["Problem"], &problem, "problem");
        let status = i.call("GET", "/api/v1/status").send().await.json();
        conforms(&api, &api["components"]["schemas"]["Status"], &status, "status");
    });
}

#[test]
fn every_field_that_a_body_describes_is_known_and_no_other() {
    run(async |i| {
        let api = description();
        let id = i.user("1001", "Ana").await["id"].as_str().unwrap().to_string();
        let number = records::number(i).await;
        crate::roles::own(i, "Own", "reader").await;
        let mut bodies = 0;
        for (path, item) in api["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
                    continue;
                };
                bodies += 1;
                let schema = resolved(&api, schema);
                assert_eq!(schema["additionalProperties"], false, "{method} {path}");
                // Values of a type that no field has: each is refused for what it is, not for its name.
                let mut body: serde_json::Map<String, Value> = schema["properties"]
                    .as_object()
                    .unwrap()
                    .keys()
                    .map(|k| (k.clone(), json!({})))
                    .collect();
                body.insert("no_such_field".into(), json!(1));
                let mut address =
                    path.replace("{org}", "acme").replace("{user}", &id).replace("{role}", "Own");
                if path.ends_with("/{id}") {
                    address = records::address(i, path, &number).await;
                }
                // What is sent is read before what it is about is looked up.
                let address = address.replace("{id}", "01900000-0000-7000-8000-000000000001");
                let path = address;
                let method = method.to_uppercase();
                let call = i.call(&method, &path).by(&i.operator).header("if-match", "*");
                let problem = call.json(&Value::Object(body)).send().await.problem(400, "invalid");
                let unknown: Vec<&str> = problem["errors"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|e| e["reason"] == "is not a field here")
                    .map(|e| e["field"].as_str().unwrap())
                    .collect();
                assert_eq!(unknown, ["no_such_field"], "{method} {path}");
            }
        }
        assert!(bodies >= 8, "{bodies}");
    });
}

fn resolved<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(reference) = schema["$ref"].as_str() {
        return resolved(api, api.pointer(&reference[1..]).unwrap());
    }
    let alternatives = schema["oneOf"].as_array().into_iter().flatten();
    match alternatives.filter(|s| s["type"] != "null").collect::<Vec<_>>().as_slice() {
        [only] => resolved(api, only),
        _ => schema,
    }
}

/// The part of JSON Schema that the description uses.
pub fn conforms(api: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return conforms(api, api.pointer(&reference[1..]).unwrap(), value, place);
    }
    if schema.get("oneOf").is_some() {
        if !value.is_null() {
            conforms(api, resolved(api, schema), value, place);
        }
        return;
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return,
    };
    assert!(allowed.contains(&kind), "{place}: {value} is not {allowed:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{place}: {value}");
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(api, &schema["items"], item, &format!("{place}[]"));
    }
    // An object of any form has no description of its members.
    if let Some(map) = value.as_object().filter(|_| schema.get("properties").is_some()) {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(map.contains_key(name), "{place} lacks {name}");
        }
        for (name, inner) in map {
            let described = &schema["properties"][name];
            assert!(!described.is_null(), "{place}.{name} is not described");
            conforms(api, described, inner, &format!("{place}.{name}"));
        }
    }
}
