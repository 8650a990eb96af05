//! Texts that have been checked: once one of these exists, it cannot be wrong.

use smol_str::SmolStr;

use crate::time_zones;
use crate::value::{FieldType, Reason, Value};

/// A type that a field of an entity can have.
pub trait FieldValue: Sized + Clone + PartialEq {
    const TYPE: FieldType;
    /// From what a person or a file wrote. Never called with an empty text for an `Option`.
    fn parse(text: &str) -> Result<Self, Reason>;
    fn to_value(&self) -> Value;
    fn from_value(value: &Value) -> Result<Self, Reason>;
}

/// Milliseconds since 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixMillis(pub i64);

pub use crate::fold::{fold, fold_name};

macro_rules! checked_text {
    // What is stored was checked when it came, by the rules of that day.
    (@stored $check:path, $stored:path) => { $stored };
    (@stored $check:path) => { $check };
    ($($(#[$doc:meta])* $name:ident = $check:path $(, stored as $stored:path)?;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(SmolStr);

        impl $name {
            pub fn parse(text: &str) -> Result<Self, Reason> { $check(text).map($name) }
            pub fn as_str(&self) -> &str { &self.0 }
            pub fn to_smol(&self) -> SmolStr { self.0.clone() }
        }

        impl FieldValue for $name {
            const TYPE: FieldType = FieldType::Text;
            fn parse(text: &str) -> Result<Self, Reason> { $check(text).map($name) }
            fn to_value(&self) -> Value {
                if self.0.is_empty() { Value::Null } else { Value::Text(self.0.clone()) }
            }
            fn from_value(value: &Value) -> Result<Self, Reason> {
                match value {
                    Value::Text(text) => checked_text!(@stored $check $(, $stored)?)(text).map($name),
                    _ => Err(Reason::new("is missing", "write a text")),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(&self.0) }
        }
    )*};
}

checked_text! {
    /// A text of at most 255 characters; line breaks inside are kept.
    Text = check_text;
    /// A name of at most 128 characters on one line.
    Name = check_name;
    /// A number in a connection's dial plan: 1 to 15 digits, leading zeros count.
    ExtensionNumber = check_extension;
    /// Authenticates and identifies; fixed for life. Visible characters of a SIP user part.
    Username = check_username;
    /// An email address (RFC 5321 §4.1.2, without quoted local parts).
    Email = check_email;
    /// A number in international form, `+` and 7 to 15 digits (E.164).
    E164 = check_e164;
    /// An extension, or a number in international form.
    AlternateNumber = check_alternate;
    /// Two capital letters (ISO 3166-1).
    Country = check_country;
    /// A zone of the time zone database, such as `Europe/Lisbon`.
    TimeZone = time_zones::check, stored as time_zones::shape;
    /// A language tag (BCP 47), such as `pt-PT`.
    Language = check_language;
    /// A hardware address, kept as `00:15:65:00:00:00`.
    Mac = check_mac;
    /// `key:value`, case-sensitive.
    Tag = check_tag;
    /// Lower-case letters, digits and hyphens; names an organization in addresses.
    Slug = check_slug;
    /// A host name (RFC 1123); the SIP domain and realm of an organization.
    Domain = check_domain;
    /// `+` and digits, or a bare area code: 1 to 8 digits.
    AreaCode = check_area_code;
}

fn visible(text: &str, characters_max: usize) -> Result<SmolStr, Reason> {
    let text = text.trim();
    if text.chars().all(|c| c.is_whitespace() || shows_nothing(c)) {
        return Err(Reason::new("is empty", "write something, or leave the field out"));
    }
    if text.chars().count() > characters_max {
        return Err(Reason::new(
            format!("is longer than {characters_max} characters"),
            format!("shorten it to {characters_max} characters"),
        ));
    }
    if text.chars().any(reorders) {
        let mend = "take the invisible character out";
        return Err(Reason::new("has a character in it that makes text read in another order", mend));
    }
    Ok(SmolStr::new(text))
}

/// Zero-width signs, fillers and blanks: nobody is called by these alone.
fn shows_nothing(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}')
}

/// Embeddings, overrides and isolates (Unicode Bidirectional Algorithm §2): with them a name can be made
/// to look like another. The plain marks that names in Arabic or Hebrew may need are not among them.
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn check_text(text: &str) -> Result<SmolStr, Reason> {
    let unix_lines = if text.contains('\r') { text.replace("\r\n", "\n") } else { String::new() };
    let text = visible(if unix_lines.is_empty() { text } else { &unix_lines }, 255)?;
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Reason::new("has a control character in it", "take the invisible character out"));
    }
    Ok(text)
}

fn check_name(text: &str) -> Result<SmolStr, Reason> {
    let text = visible(text, 128)?;
    if text.chars().any(char::is_control) {
        return Err(Reason::new("has a line break or control character in it", "write it on one line"));
    }
    Ok(text)
}

fn check_extension(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    if text.is_empty() || text.len() > 15 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::new("is not an extension", "write 1 to 15 digits, such as 1001"));
    }
    Ok(SmolStr::new(text))
}

fn check_username(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+@~!*'()".contains(&b);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
        return Err(Reason::new(
            "is not a username",
            "write 1 to 64 letters without accents, digits, or . _ - + @, such as ana.pereira",
        ));
    }
    Ok(SmolStr::new(text))
}

fn check_email(text: &str) -> Result<SmolStr, Reason> {
    let wrong = || Reason::new("is not an email address", "write it like name@example.com");
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
    let local_ok = !local.is_empty()
        && local.len() <= 64
        && !local.contains("..")
        && !local.starts_with('.')
        && !local.ends_with('.')
        && local.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || "!#$%&'*+-/=?^_`{|}~.".contains(c)
                || (!c.is_ascii() && !c.is_control())
        });
    let domain_ok = domain.len() <= 253
        && domain.contains('.')
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        });
    if local_ok && domain_ok { Ok(SmolStr::new(text)) } else { Err(wrong()) }
}

fn check_e164(text: &str) -> Result<SmolStr, Reason> {
    let wrong = || Reason::new("is not a number in international form", "write it like +12125550123");
    let digits = text.trim().strip_prefix('+').ok_or_else(wrong)?;
    let digits = without_trunk_zero(digits);
    let mut number = String::with_capacity(16);
    number.push('+');
    for c in digits.chars() {
        match c {
            '0'..='9' => number.push(c),
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' => {}
            _ => return Err(wrong()),
        }
    }
    if !(8..=16).contains(&number.len()) || number.as_bytes()[1] == b'0' {
        return Err(wrong());
    }
    Ok(SmolStr::new(number))
}

/// `44 (0)113 …` is how a number is written for callers from both sides of a border: the zero is not dialled
/// after the country code. In Italy it is.
fn without_trunk_zero(digits: &str) -> std::borrow::Cow<'_, str> {
    const KEEPS_ZERO: &[&str] = &["39", "378", "379"];
    let Some((code, rest)) = digits.split_once("(0)") else { return digits.into() };
    let code = code.trim();
    let is_code = (1..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_digit());
    match is_code && !KEEPS_ZERO.contains(&code) {
        true => format!("{code}{rest}").into(),
        false => digits.into(),
    }
}

fn check_alternate(text: &str) -> Result<SmolStr, Reason> {
    if text.trim().starts_with('+') { check_e164(text) } else { check_extension(text) }.map_err(|_| {
        Reason::new(
            "is neither an extension nor a number in international form",
            "write an extension such as 1001, or a number such as +12125550123",
        )
    })
}

fn check_country(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim().to_ascii_uppercase();
    if text.len() != 2 || !text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Reason::new("is not a country", "write its two letters, such as PT or US"));
    }
    Ok(SmolStr::new(text))
}

fn check_language(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    let first = text.split('-').next().unwrap_or_default();
    let shaped = (2..=3).contains(&first.len())
        && first.bytes().all(|b| b.is_ascii_alphabetic())
        && text.len() <= 35
        && text
            .split('-')
            .all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !shaped {
        return Err(Reason::new("is not a language", "write its code, such as en or pt-PT"));
    }
    Ok(SmolStr::new(text))
}

fn check_mac(text: &str) -> Result<SmolStr, Reason> {
    let hex: Vec<u8> = text.trim().bytes().filter(|b| !b":-. ".contains(b)).collect();
    if hex.len() != 12 || !hex.iter().all(u8::is_ascii_hexdigit) {
        return Err(Reason::new(
            "is not a MAC address",
            "write twelve hexadecimal digits, such as 00:15:65:00:00:00",
        ));
    }
    let mut mac = String::with_capacity(17);
    for (i, b) in hex.iter().enumerate() {
        if i > 0 && i % 2 == 0 {
            mac.push(':');
        }
        mac.push(b.to_ascii_lowercase() as char);
    }
    Ok(SmolStr::new(mac))
}

fn check_tag(text: &str) -> Result<SmolStr, Reason> {
    let text = visible(text, 128)?;
    match text.split_once(':') {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() && !text.contains(',') => {
            Ok(text)
        }
        _ => Err(Reason::new("is not a tag", "write it as key:value, such as floor:2")),
    }
}

fn check_slug(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    let shaped = !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !shaped {
        return Err(Reason::new(
            "is not a short name",
            "write lower-case letters, digits and hyphens, such as example-sons",
        ));
    }
    Ok(SmolStr::new(text))
}

fn check_domain(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let shaped = !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
    if !shaped {
        return Err(Reason::new("is not a domain", "write a host name such as voice.example.com"));
    }
    Ok(SmolStr::new(text))
}

fn check_area_code(text: &str) -> Result<SmolStr, Reason> {
    let text = text.trim();
    if !(1..=8).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::new("is not an area code", "write 1 to 8 digits, such as 212"));
    }
    Ok(SmolStr::new(text))
}

impl FieldValue for bool {
    const TYPE: FieldType = FieldType::Bool;
    fn parse(text: &str) -> Result<bool, Reason> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "1" | "on" | "enabled" => Ok(true),
            "false" | "no" | "n" | "0" | "off" | "disabled" => Ok(false),
            _ => Err(Reason::new("is neither yes nor no", "write yes or no")),
        }
    }
    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
    fn from_value(value: &Value) -> Result<bool, Reason> {
        match value {
            Value::Bool(b) => Ok(*b),
            _ => Err(Reason::new("is neither true nor false", "give true or false")),
        }
    }
}

/// A whole number between `MIN` and `MAX`; the unit stands in the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bounded<const MIN: u16, const MAX: u16>(pub u16);

impl<const MIN: u16, const MAX: u16> FieldValue for Bounded<MIN, MAX> {
    const TYPE: FieldType = FieldType::Int;
    fn parse(text: &str) -> Result<Self, Reason> {
        let n = text.trim().parse::<i64>().ok();
        n.map_or_else(|| Self::from_value(&Value::Null), |n| Self::from_value(&Value::Int(n)))
    }
    fn to_value(&self) -> Value {
        Value::Int(i64::from(self.0))
    }
    fn from_value(value: &Value) -> Result<Self, Reason> {
        match value {
            Value::Int(n) if (i64::from(MIN)..=i64::from(MAX)).contains(n) => Ok(Bounded(*n as u16)),
            _ => Err(Reason::new(
                format!("is not a whole number from {MIN} to {MAX}"),
                format!("write a number from {MIN} to {MAX}"),
            )),
        }
    }
}

/// RFC 3339 in UTC, to the second.
impl std::fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, second) = (self.0.div_euclid(86_400_000), self.0.div_euclid(1000).rem_euclid(86_400));
        // Howard Hinnant's civil_from_days: years that begin in March, in eras of 400.
        let day = days + 719_468;
        let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
        let year = year + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FieldValue for UnixMillis {
    const TYPE: FieldType = FieldType::Time;
    fn parse(text: &str) -> Result<Self, Reason> {
        text.trim()
            .parse()
            .map(UnixMillis)
            .map_err(|_| Reason::new("is not a time", "write milliseconds since 1970"))
    }
    fn to_value(&self) -> Value {
        Value::Int(self.0)
    }
    fn from_value(value: &Value) -> Result<Self, Reason> {
        match value {
            Value::Int(ms) => Ok(UnixMillis(*ms)),
            _ => Err(Reason::new("is not a time", "give milliseconds since 1970")),
        }
    }
}

impl<T: FieldValue> FieldValue for Option<T> {
    const TYPE: FieldType = T::TYPE;
    fn parse(text: &str) -> Result<Self, Reason> {
        if text.trim().is_empty() { Ok(None) } else { T::parse(text).map(Some) }
    }
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }
    fn from_value(value: &Value) -> Result<Self, Reason> {
        if value.is_null() { Ok(None) } else { T::from_value(value).map(Some) }
    }
}

/// At most this many entries in one list field.
pub const LIST_ENTRIES_MAX: usize = 64;

impl<T: FieldValue> FieldValue for Vec<T> {
    const TYPE: FieldType = FieldType::List;
    fn parse(text: &str) -> Result<Self, Reason> {
        let entries = text.split([',', ';']).map(str::trim).filter(|t| !t.is_empty());
        let list = entries.map(T::parse).collect::<Result<Vec<T>, Reason>>()?;
        limited(list)
    }
    fn to_value(&self) -> Value {
        let entry = |value: Value| match value {
            Value::Text(text) => Some(text),
            Value::Id(id) => Some(smol_str::format_smolstr!("{id}")),
            _ => None,
        };
        Value::List(self.iter().filter_map(|t| entry(t.to_value())).collect())
    }
    fn from_value(value: &Value) -> Result<Self, Reason> {
        match value {
            Value::Null => Ok(Vec::new()),
            Value::List(list) => {
                limited(list.iter().map(|t| T::parse(t)).collect::<Result<Vec<T>, Reason>>()?)
            }
            _ => Err(Reason::new("is not a list", "give a list of texts")),
        }
    }
}

fn limited<T>(list: Vec<T>) -> Result<Vec<T>, Reason> {
    if list.len() > LIST_ENTRIES_MAX {
        return Err(Reason::new(
            format!("has more than {LIST_ENTRIES_MAX} entries"),
            format!("keep at most {LIST_ENTRIES_MAX}"),
        ));
    }
    Ok(list)
}

/// An enum whose words are the ones that the API, the files and the database use.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$($word),*];
            pub const ALL: &'static [$name] = &[$($name::$variant),*];
            pub fn word(self) -> &'static str { match self { $($name::$variant => $word),* } }
        }

        impl $crate::types::FieldValue for $name {
            const TYPE: $crate::value::FieldType = $crate::value::FieldType::Choice(Self::WORDS);
            fn parse(text: &str) -> Result<Self, $crate::value::Reason> {
                let word = text.trim().to_ascii_lowercase().replace([' ', '-'], "_");
                match word.as_str() {
                    $($word => Ok($name::$variant),)*
                    _ => Err($crate::value::Reason::new(
                        "is not one of the choices",
                        format!("write one of: {}", Self::WORDS.join(", ")),
                    )),
                }
            }
            fn to_value(&self) -> $crate::value::Value { $crate::value::Value::text(self.word()) }
            fn from_value(value: &$crate::value::Value) -> Result<Self, $crate::value::Reason> {
                Self::parse(value.as_text().unwrap_or_default())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }
    };
}
