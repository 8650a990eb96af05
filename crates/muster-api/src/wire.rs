//! Things as JSON, and their schemas: both from the tables of fields.
//!
//! Fields that hold the id of a secret are never on the wire: `has_` and the name tells whether there is
//! one. Times are RFC 3339 in UTC.

use jiff::Timestamp;
use muster_app::Moment;
use muster_domain::field::{Edit, Entity, FieldDef, Privacy};
use muster_domain::ids::OrgId;
use muster_domain::types::UnixMillis;
use muster_domain::value::{FieldType, Reason, Value};
use serde_json::{Map, Value as Json, json};
use utoipa::openapi::schema::{AdditionalProperties, Array, ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, Schema};
use uuid::Uuid;

/// A thing as it is answered: id, version, created_at, and all its fields.
pub fn of_entity<E: Entity>(entity: &E) -> Map<String, Json> {
    let mut map = Map::new();
    map.insert("id".into(), Json::String(entity.id().to_string()));
    map.insert("version".into(), entity.version().into());
    map.insert("created_at".into(), time(entity.created_at()).into());
    for field in E::fields() {
        let value = (field.get)(entity);
        match field.meta.privacy {
            Privacy::Secret => map.insert(secret_name(field.name), Json::Bool(!value.is_null())),
            Privacy::Plain | Privacy::Personal => map.insert(field.name.into(), of_value(field.kind, &value)),
        };
    }
    map
}

pub fn of_value(kind: FieldType, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => Json::String(text.to_string()),
        Value::Int(ms) if kind == FieldType::Time => Json::String(time(UnixMillis(*ms))),
        Value::Int(n) => (*n).into(),
        Value::Bool(b) => (*b).into(),
        Value::List(list) => list.iter().map(|t| t.to_string()).collect(),
        Value::Id(id) => Json::String(id.to_string()),
    }
}

/// A value of a field of this type, as JSON gives it. The type of the JSON must be the field's: `1001`
/// for an extension would have lost its leading zeros.
pub fn value_of(
    kind: FieldType,
    parse: fn(&str) -> Result<Value, Reason>,
    json: &Json,
) -> Result<Value, Reason> {
    match (kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (FieldType::Text | FieldType::Choice(_) | FieldType::Reference, Json::String(text)) => parse(text),
        (FieldType::Text | FieldType::Choice(_) | FieldType::Reference, _) => {
            Err(Reason::new("is not a text", "write it in quotes"))
        }
        (FieldType::Int, Json::Number(n)) => {
            let whole =
                n.as_i64().ok_or_else(|| Reason::new("is not a whole number", "write a whole number"))?;
            Ok(Value::Int(whole))
        }
        (FieldType::Int, _) => Err(Reason::new("is not a number", "write a whole number, without quotes")),
        (FieldType::Bool, Json::Bool(b)) => Ok(Value::Bool(*b)),
        (FieldType::Bool, _) => {
            Err(Reason::new("is neither true nor false", "write true or false, without quotes"))
        }
        (FieldType::List, Json::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map(Into::into));
            let list = texts.collect::<Option<Vec<_>>>();
            list.map(Value::List).ok_or_else(|| Reason::new("is not a list of texts", "write [\"…\", \"…\"]"))
        }
        (FieldType::List, _) => Err(Reason::new("is not a list", "write [\"…\", \"…\"]")),
        (FieldType::Time, Json::String(text)) => time_of(text).map(|at| Value::Int(at.0)),
        (FieldType::Time, _) => Err(not_a_time()),
        (FieldType::Secret, _) => Err(Reason::new("cannot be set this way", "reset the credentials instead")),
    }
}

/// RFC 3339 in UTC.
pub fn time(at: UnixMillis) -> String {
    Timestamp::from_millisecond(at.0).map_or_else(|_| at.0.to_string(), |t| t.to_string())
}

pub fn time_of(text: &str) -> Result<UnixMillis, Reason> {
    let parsed: Timestamp = text.trim().parse().map_err(|_| not_a_time())?;
    Ok(UnixMillis(parsed.as_millisecond()))
}

/// A moment of the log: a time (RFC 3339), or the number of a change.
pub fn moment_of(text: &str) -> Result<Moment, Reason> {
    let text = text.trim();
    if text.chars().all(|c| c.is_ascii_digit())
        && let Ok(seq) = text.parse::<u64>()
        && seq <= i64::MAX as u64
    {
        return Ok(Moment::Seq(seq));
    }
    time_of(text).map(Moment::Time).map_err(|_| {
        Reason::new(
            "is neither a time nor the number of a change",
            "write it like 2026-01-31T09:30:00Z (RFC 3339), or give a number that `muster changes` shows",
        )
    })
}

fn not_a_time() -> Reason {
    Reason::new("is not a time", "write it like 2026-01-31T09:30:00Z (RFC 3339)")
}

/// What tells whether there is a secret: `has_sip_secret`.
pub fn secret_name(field: &str) -> String {
    format!("has_{field}")
}

/// The value of a field in a line of the change log; of a secret only whether there was one.
pub fn of_logged<E: Entity>(name: &str, value: &Value) -> Json {
    match E::field(name) {
        Some(field) if field.meta.privacy == Privacy::Secret => Json::Bool(!value.is_null()),
        Some(field) => of_value(field.kind, value),
        None => Json::Null,
    }
}

/// The schema of [`of_entity`].
pub fn schema<E: Entity>(description: &str) -> ObjectBuilder {
    let blank = E::blank(OrgId(Uuid::nil()), Uuid::nil());
    let mut object = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .description(Some(description))
        .property("id", id_schema("The id; never changes."))
        .required("id")
        .property(
            "version",
            ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::Integer))
                .minimum(Some(1))
                .description(Some("Counts the changes, from 1; the ETag.")),
        )
        .required("version")
        .property("created_at", time_schema("When it was made."))
        .required("created_at");
    for field in E::fields() {
        if field.meta.privacy == Privacy::Secret {
            let name = secret_name(field.name);
            let help = format!("Whether there is one. {}", field.meta.help);
            object = object.property(name.clone(), flag_schema(&help)).required(name);
            continue;
        }
        let empty = (field.get)(&blank).is_null() && !field.meta.required;
        object = object.property(field.name, field_schema(field, empty)).required(field.name);
    }
    object
}

/// Which fields a request may write.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// A new thing: also what is fixed for life.
    New,
    /// A change of some fields.
    Change,
}

/// The schema of a request that writes these fields. Fields that only a command of their own changes are
/// not among them.
pub fn write_schema<E: Entity>(description: &str, writing: Writing) -> ObjectBuilder {
    let mut object = ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::Object))
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
    for field in E::fields().iter().filter(|f| writable(f, writing)) {
        object = object.property(field.name, field_schema(field, may_be_null(field)));
    }
    object
}

pub fn writable<E>(field: &FieldDef<E>, writing: Writing) -> bool {
    let by_edit = match field.meta.edit {
        Edit::Free => true,
        Edit::AtCreation => writing == Writing::New,
        Edit::ByCommand => false,
    };
    by_edit && field.meta.privacy != Privacy::Secret
}

/// Whether null is taken for a field: "nothing" for what may be empty.
fn may_be_null<E: Entity>(field: &FieldDef<E>) -> bool {
    let mut blank = E::blank(OrgId(Uuid::nil()), Uuid::nil());
    !field.meta.required && (field.set)(&mut blank, &Value::Null).is_ok()
}

fn field_schema<E: Entity>(field: &FieldDef<E>, null: bool) -> RefOr<Schema> {
    let help = match field.kind {
        FieldType::Reference if matches!(field.name, "site" | "connection") => {
            format!("{} The id; a write may give the name instead.", field.meta.help)
        }
        _ => field.meta.help.to_string(),
    };
    let typed = |t: Type| if null { SchemaType::from_iter([t, Type::Null]) } else { SchemaType::new(t) };
    let plain = |t: Type| ObjectBuilder::new().schema_type(typed(t)).description(Some(help.as_str()));
    match field.kind {
        FieldType::Text => Schema::Object(bounded_text(field, plain(Type::String)).build()).into(),
        FieldType::Int => Schema::Object(bounded_number(field, plain(Type::Integer)).build()).into(),
        FieldType::Bool => Schema::Object(plain(Type::Boolean).build()).into(),
        FieldType::List => {
            let item = ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
            let mut array = Array::new(bounded_text(field, item));
            array.schema_type = typed(Type::Array);
            array.description = Some(help);
            array.max_items = Some(muster_domain::types::LIST_ENTRIES_MAX);
            Schema::Array(array).into()
        }
        FieldType::Reference | FieldType::Secret => Schema::Object(plain(Type::String).build()).into(),
        FieldType::Time => {
            let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
            Schema::Object(plain(Type::String).format(Some(format)).build()).into()
        }
        FieldType::Choice(words) => {
            let values = words.iter().map(|w| json!(w)).chain(null.then_some(Json::Null));
            Schema::Object(plain(Type::String).enum_values(Some(values)).build()).into()
        }
    }
}

/// What the description says of a text beyond that it is one.
fn bounded_text<E>(field: &FieldDef<E>, object: ObjectBuilder) -> ObjectBuilder {
    let Some(shape) = SHAPES.iter().find(|shape| shape.is_of(field)) else { return object };
    let format = shape.format.map(|format| SchemaFormat::Custom(format.to_string()));
    object.pattern(shape.pattern).max_length(shape.length_max).format(format)
}

/// A kind of text, recognized by what a field takes: the table of fields holds functions, not patterns.
struct TextShape {
    takes: &'static [&'static str],
    refuses: &'static [&'static str],
    pattern: Option<&'static str>,
    format: Option<&'static str>,
    length_max: Option<usize>,
}

impl TextShape {
    const ANY: TextShape =
        TextShape { takes: &[], refuses: &[], pattern: None, format: None, length_max: None };

    fn is_of<E>(&self, field: &FieldDef<E>) -> bool {
        let takes = |text: &&str| (field.parse)(text).is_ok();
        self.takes.iter().all(takes) && !self.refuses.iter().any(takes)
    }
}

/// Visible characters on one line.
pub const LINE: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]*\\S[^\\x00-\\x1f\\x7f-\\x9f]*$";

const SHAPES: [TextShape; 14] = [
    TextShape { takes: &["two\nlines"], length_max: Some(255), pattern: Some(LINE), ..TextShape::ANY },
    TextShape { takes: &["Two words"], length_max: Some(128), pattern: Some(LINE), ..TextShape::ANY },
    TextShape {
        takes: &["+12125550123", "1001"],
        refuses: &["a"],
        pattern: Some("^([0-9]{1,15}|\\+[ ().\\-/]*[1-9]([ ().\\-/]*[0-9]){6,14}[ ().\\-/]*)$"),
        ..TextShape::ANY
    },
    TextShape {
        takes: &["+12125550123"],
        refuses: &["a"],
        pattern: Some("^\\+[ ().\\-/]*[1-9]([ ().\\-/]*[0-9]){6,14}[ ().\\-/]*$"),
        ..TextShape::ANY
    },
    TextShape { takes: &["a.b@example.com"], refuses: &["a.b"], format: Some("email"), ..TextShape::ANY },
    TextShape {
        takes: &["Europe/Lisbon", "UTC"],
        pattern: Some("^(UTC|[A-Za-z0-9_+-]*/[A-Za-z0-9/_+-]*)$"),
        length_max: Some(64),
        ..TextShape::ANY
    },
    TextShape {
        takes: &["00:15:65:00:00:00"],
        refuses: &["a:b"],
        pattern: Some("^[:. -]*([0-9A-Fa-f][:. -]*){12}$"),
        ..TextShape::ANY
    },
    TextShape {
        takes: &["floor:2"],
        refuses: &["floor"],
        pattern: Some("^[^,:\\s]+:[^,:\\s]+$"),
        length_max: Some(128),
        ..TextShape::ANY
    },
    TextShape {
        takes: &["123456789012345"],
        refuses: &["a"],
        pattern: Some("^[0-9]{1,15}$"),
        ..TextShape::ANY
    },
    TextShape { takes: &["12345678"], refuses: &["a"], pattern: Some("^[0-9]{1,8}$"), ..TextShape::ANY },
    TextShape {
        takes: &["pt-PT"],
        refuses: &["a1"],
        pattern: Some("^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"),
        length_max: Some(35),
        ..TextShape::ANY
    },
    TextShape { takes: &["PT"], refuses: &["PRT"], pattern: Some("^[A-Za-z]{2}$"), ..TextShape::ANY },
    TextShape { takes: &["ana@x"], pattern: Some("^[A-Za-z0-9._+@~!*'()-]{1,64}$"), ..TextShape::ANY },
    TextShape {
        takes: &["voice.example.com"],
        pattern: Some(
            "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$",
        ),
        length_max: Some(253),
        ..TextShape::ANY
    },
];

/// Numbers up to here are told as a bound; a field that goes on is an amount or a count.
const BOUND_MAX: i64 = 100_000;

/// The least and greatest number, found by asking the field itself: what a field takes is one range.
fn bounded_number<E: Entity>(field: &FieldDef<E>, object: ObjectBuilder) -> ObjectBuilder {
    let takes = |n: i64| (field.parse)(&n.to_string()).is_ok();
    let Some(least) = (0..=1000).find(|n| takes(*n)) else { return object };
    match last_taken(least, BOUND_MAX, takes) {
        BOUND_MAX if takes(-1) => object,
        BOUND_MAX => object.minimum(Some(least)),
        greatest => object.minimum(Some(least)).maximum(Some(greatest)),
    }
}

/// The greatest number that is taken, by halving: `least` is, and beyond the one that is not none is.
fn last_taken(least: i64, most: i64, takes: impl Fn(i64) -> bool) -> i64 {
    if takes(most) {
        return most;
    }
    let (mut taken, mut refused) = (least, most);
    while refused - taken > 1 {
        let middle = taken.midpoint(refused);
        if takes(middle) { taken = middle } else { refused = middle }
    }
    taken
}

pub fn id_schema(help: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
        .description(Some(help))
}

pub fn time_schema(help: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .description(Some(help))
}

pub fn flag_schema(help: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::new(Type::Boolean)).description(Some(help))
}

/// Names a type whose only use is its schema in the description.
macro_rules! described {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> { $schema.build().into() }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                let name = stringify!($name);
                name.strip_suffix("Body").unwrap_or(name).into()
            }
        }
    )*};
}
pub(crate) use described;

/// The moment that was looked at.
#[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
#[schema(as = AsOf)]
pub struct AsOfBody {
    /// The last change before it.
    seq: u64,
    /// Things that may have been there and of which nothing can be told, because it was erased.
    erased: u64,
}

impl AsOfBody {
    pub fn of(as_of: muster_app::AsOf) -> AsOfBody {
        AsOfBody { seq: as_of.seq, erased: as_of.erased }
    }
}

/// Declares a page of things: `{items, next_cursor, total}`.
macro_rules! page_of {
    ($($name:ident of $item:ty = $description:literal;)*) => {$(
        #[derive(serde::Serialize, utoipa::ToSchema)]
        #[schema(description = $description)]
        pub struct $name {
            #[schema(value_type = Vec<$item>)]
            pub items: Vec<serde_json::Value>,
            /// What to send as `cursor` for the next page; null at the end.
            pub next_cursor: Option<String>,
            /// How many there are in all, if `total=true` was asked for.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            pub total: Option<u64>,
            /// Where `as_of` was given: which moment this is.
            #[serde(skip_serializing_if = "Option::is_none")]
            #[schema(nullable = false)]
            pub as_of: Option<crate::wire::AsOfBody>,
        }

        impl $name {
            pub fn new<T>(
                page: muster_app::Page<T>,
                item: impl FnMut(&T) -> serde_json::Value,
            ) -> axum::Json<$name> {
                let items = page.items.iter().map(item).collect();
                let as_of = page.as_of.map(crate::wire::AsOfBody::of);
                axum::Json($name { items, next_cursor: page.next, total: page.total, as_of })
            }
        }
    )*};
}
pub(crate) use page_of;

#[cfg(test)]
mod tests {
    use muster_domain::organization::{Device, Organization, Site};
    use muster_domain::user::User;

    use super::*;

    fn shape_of<E: Entity>(name: &str) -> (Option<&'static str>, Option<&'static str>) {
        let field = E::field(name).unwrap();
        let shape = SHAPES.iter().find(|shape| shape.is_of(field)).unwrap();
        (shape.pattern, shape.format)
    }

    #[test]
    fn texts_are_described_as_what_their_fields_take() {
        assert_eq!(shape_of::<User>("display_name").0, Some(LINE));
        assert_eq!(shape_of::<User>("title").0, Some(LINE));
        assert_eq!(shape_of::<User>("extension").0, Some("^[0-9]{1,15}$"));
        assert_eq!(shape_of::<User>("unassigned_extension_area_code").0, Some("^[0-9]{1,8}$"));
        assert_eq!(shape_of::<User>("email").1, Some("email"));
        assert_eq!(shape_of::<User>("notification_addresses").1, Some("email"));
        assert!(shape_of::<User>("username").0.unwrap().contains('@'));
        assert!(shape_of::<User>("alternate_number").0.unwrap().contains('|'));
        assert!(shape_of::<User>("direct_number").0.unwrap().starts_with("^\\+"));
        assert!(shape_of::<User>("language").0.unwrap().contains("{2,3}"));
        assert!(shape_of::<User>("time_zone").0.unwrap().contains("UTC"));
        assert!(shape_of::<User>("tags").0.unwrap().contains(':'));
        assert_eq!(shape_of::<Site>("country").0, Some("^[A-Za-z]{2}$"));
        assert!(shape_of::<Device>("mac").0.unwrap().contains("{12}"));
        assert!(shape_of::<Organization>("domain").0.unwrap().contains("\\."));
    }
}
