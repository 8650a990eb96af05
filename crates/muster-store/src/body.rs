//! The body of a change: versioned JSON, `{"v":1,"op":"update","version":3,"fields":{"name":[before,after]}}`.
//!
//! Texts, numbers and truth values are themselves, lists are lists, an id is its text; which of them a
//! text means is in the table of fields. `version` is left out where the change carried none.

use std::io::Write;

use muster_domain::change::{EntityChange, FieldChange, Op};
use muster_domain::field::EntityKind;
use muster_domain::value::{FieldType, Value};
use serde_json::Value as Json;
use smol_str::SmolStr;
use uuid::Uuid;

use crate::StoreError;
use crate::table::table_of;

pub fn encode(change: &EntityChange) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + change.fields.len() * 40);
    out.extend_from_slice(b"{\"v\":1,\"op\":\"");
    out.extend_from_slice(change.op.word().as_bytes());
    out.push(b'"');
    if let Some(version) = change.version {
        let _ = write!(out, ",\"version\":{version}");
    }
    out.extend_from_slice(b",\"fields\":{");
    for (i, field) in change.fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        // Names of fields are identifiers: nothing in them needs escaping.
        out.push(b'"');
        out.extend_from_slice(field.field.as_bytes());
        out.extend_from_slice(b"\":[");
        push_value(&mut out, &field.before);
        out.push(b',');
        push_value(&mut out, &field.after);
        out.push(b']');
    }
    out.extend_from_slice(b"}}");
    out
}

fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Text(text) => push_text(out, text),
        // Writing to memory does not fail.
        Value::Int(n) => drop(write!(out, "{n}")),
        Value::Id(id) => drop(write!(out, "\"{id}\"")),
        Value::List(list) => {
            out.push(b'[');
            for (i, text) in list.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push_text(out, text);
            }
            out.push(b']');
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let plain = text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        let _ = serde_json::to_writer(out, text);
    }
}

/// Reads a body back. Fields that this program does not know any more are left out.
pub fn decode(kind: EntityKind, id: Uuid, body: &[u8]) -> Result<EntityChange, StoreError> {
    let corrupt =
        |why: &str| StoreError::Corrupt(format!("the body of a change of {} {id}: {why}", kind.word()));
    let json: Json = serde_json::from_slice(body).map_err(|e| corrupt(&e.to_string()))?;
    if json["v"] != 1 {
        return Err(corrupt("its version is not known"));
    }
    let op = json["op"].as_str().and_then(Op::from_word).ok_or_else(|| corrupt("it has no operation"))?;
    let named = json["fields"].as_object().ok_or_else(|| corrupt("it has no fields"))?;
    let mut fields = Vec::with_capacity(named.len());
    for column in &table_of(kind).columns {
        let Some(pair) = named.get(column.name) else { continue };
        let Some([before, after]) = pair.as_array().map(Vec::as_slice) else {
            return Err(corrupt(column.name));
        };
        let value = |json| read_value(column.kind, json).ok_or_else(|| corrupt(column.name));
        fields.push(FieldChange { field: column.name, before: value(before)?, after: value(after)? });
    }
    Ok(EntityChange { kind, id, op, version: json["version"].as_u64(), fields })
}

fn read_value(kind: FieldType, json: &Json) -> Option<Value> {
    Some(match (json, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Bool(b), _) => Value::Bool(*b),
        (Json::Number(n), _) => Value::Int(n.as_i64()?),
        (Json::String(text), FieldType::Reference | FieldType::Secret) => Value::Id(text.parse().ok()?),
        (Json::String(text), _) => Value::text(text),
        (Json::Array(list), _) => {
            let texts = list.iter().map(|text| text.as_str().map(SmolStr::new));
            Value::List(texts.collect::<Option<Vec<_>>>()?)
        }
        (Json::Object(_), _) => return None,
    })
}
