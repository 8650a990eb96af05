//! Several changes of one thing as one: what they come to together.

use std::collections::BTreeMap;

use crate::change::{EntityChange, FieldChange, Op};
use crate::value::Value;

/// What changes of one thing, in order, come to: from what was before the first to what is after the last.
/// `None` if that is nothing, or if there are none.
pub fn together(changes: &[EntityChange]) -> Option<EntityChange> {
    let (first, last) = (changes.first()?, changes.last()?);
    let (was_there, is_there) = (first.op != Op::Create, last.op != Op::Remove);
    let op = match (was_there, is_there) {
        (false, false) => return None,
        (false, true) => Op::Create,
        (true, true) => Op::Update,
        (true, false) => Op::Remove,
    };
    let mut fields: BTreeMap<&'static str, (Value, Value)> = BTreeMap::new();
    for change in changes {
        if change.op != Op::Update {
            // What it does not name is empty after it.
            fields.values_mut().for_each(|(_, after)| *after = Value::Null);
        }
        for fc in &change.fields {
            let whole = fields.entry(fc.field).or_insert_with(|| (fc.before.clone(), Value::Null));
            whole.1 = fc.after.clone();
        }
    }
    // In the order of the table of fields, as every change names them.
    let names = crate::change::field_names(first.kind);
    let fields: Vec<FieldChange> = names
        .iter()
        .filter_map(|name| {
            fields.remove(name).map(|(before, after)| FieldChange { field: name, before, after })
        })
        .filter(|fc| fc.before != fc.after)
        .collect();
    if op == Op::Update && fields.is_empty() {
        return None;
    }
    Some(EntityChange { kind: first.kind, id: first.id, op, version: None, fields })
}
