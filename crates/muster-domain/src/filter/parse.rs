//! From text to a [`Filter`]: `department=Sales and (service=enabled or not tags=floor:2)`.

use std::fmt;

use super::{Filter, Op, Place, Term, names, place};
use crate::field::Entity;
use crate::near::closest;
use crate::value::FieldType;

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The character where it begins, from 1.
    pub at: usize,
    /// Such as ``names `extensoin`, which is not a field``.
    pub reason: String,
    pub mend: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at character {})", self.reason, self.at)
    }
}

/// An empty text is no filter: everything.
pub fn parse<E: Entity>(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser { text, at: 0, open: 0, depth: 0, terms: 0 };
    if text.len() > Filter::TEXT_MAX {
        let mend = format!("keep it under {} characters, or name the things by their ids", Filter::TEXT_MAX);
        return Err(parser.wrong(0, "is too long", mend));
    }
    if let Some(at) = text.find('\0') {
        return Err(parser.wrong(at, "has a character that no text has", "take it out"));
    }
    parser.skip_space();
    if parser.rest().is_empty() {
        return Ok(Filter::default());
    }
    let filter = parser.either::<E>()?;
    if parser.rest().is_empty() {
        return Ok(filter);
    }
    // Only a bracket ends a filter before its text does.
    Err(parser.wrong(parser.at, "closes a bracket that was not opened", "take the `)` out"))
}

struct Parser<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    /// Brackets that are open.
    open: usize,
    depth: usize,
    terms: usize,
}

const TERM: &str = "write field=value, field^beginning or field~part, joined by ` and ` or ` or `; a value with such a \
     word in it stands in double quotes";

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn wrong(&self, at: usize, reason: impl Into<String>, mend: impl Into<String>) -> FilterError {
        let at = self.text[..at].chars().count() + 1;
        FilterError { at, reason: reason.into(), mend: mend.into() }
    }

    fn either<E: Entity>(&mut self) -> Result<Filter, FilterError> {
        let first = self.both::<E>()?;
        let mut any = vec![first];
        while self.joined("or") {
            any.push(self.both::<E>()?);
        }
        Ok(if any.len() == 1 { any.remove(0) } else { Filter::Any(any) })
    }

    fn both<E: Entity>(&mut self) -> Result<Filter, FilterError> {
        let first = self.one::<E>()?;
        let mut all = vec![first];
        while self.joined("and") {
            all.push(self.one::<E>()?);
        }
        Ok(if all.len() == 1 { all.remove(0) } else { Filter::All(all) })
    }

    /// Steps over the word, if it is what comes.
    fn joined(&mut self, word: &str) -> bool {
        let Some(length) = joiner(self.rest(), word) else { return false };
        self.at += length;
        true
    }

    fn one<E: Entity>(&mut self) -> Result<Filter, FilterError> {
        self.skip_space();
        let begins = self.at;
        if let Some(length) = leading_not(self.rest()) {
            self.deeper()?;
            self.at += length;
            let inner = self.one::<E>()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        if !self.rest().starts_with('(') {
            return self.term::<E>();
        }
        self.deeper()?;
        self.at += 1;
        self.open += 1;
        let inner = self.either::<E>()?;
        self.skip_space();
        if !self.rest().starts_with(')') {
            return Err(self.wrong(begins, "opens a bracket that is never closed", "close it with `)`"));
        }
        self.at += 1;
        (self.open, self.depth) = (self.open - 1, self.depth - 1);
        self.check_end()?;
        Ok(inner)
    }

    fn deeper(&mut self) -> Result<(), FilterError> {
        if self.depth == Filter::DEPTH_MAX {
            let reason = format!("has more than {} brackets inside one another", Filter::DEPTH_MAX);
            return Err(self.wrong(self.at, reason, "write it with fewer"));
        }
        self.depth += 1;
        Ok(())
    }

    fn term<E: Entity>(&mut self) -> Result<Filter, FilterError> {
        let begins = self.at;
        let rest = self.rest();
        let name_ends = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, behind) = rest.split_at(name_ends);
        let sign_at = name_ends + (behind.len() - behind.trim_start().len());
        if !behind.trim_start().starts_with(['=', '~', '^', '<', '>', '!']) {
            let reason = match (rest.trim().is_empty(), name.is_empty()) {
                (true, _) => "ends where a term should be".to_string(),
                (false, true) => format!("has {} where a field should be", shown(rest)),
                (false, false) => format!("has no sign such as = behind {}", shown(name)),
            };
            return Err(self.wrong(begins, reason, TERM));
        }
        let Some(place) = place::<E>(name) else { return Err(self.unknown::<E>(begins, name)) };
        let (op, not, length) = sign(&rest[sign_at..]).ok_or_else(|| {
            self.wrong(begins + sign_at, "has a `!` without a sign behind it", "write != for `is not`")
        })?;
        if !place.takes(op) {
            let reason = format!("asks {} by {}, which does not go with it", place.name, op.sign());
            return Err(self.wrong(begins + sign_at, reason, format!("use {}", place.signs())));
        }
        self.at = begins + sign_at + length;
        let value_at = self.at + (self.rest().len() - self.rest().trim_start().len());
        let value = self.value()?;
        self.terms += 1;
        if self.terms > Filter::TERMS_MAX {
            let reason = format!("has more than {} terms", Filter::TERMS_MAX);
            return Err(self.wrong(begins, reason, format!("keep at most {}", Filter::TERMS_MAX)));
        }
        self.check_value(&place, op, &value, value_at)?;
        let term = Filter::Term(Term { field: place.name.to_string(), op, value });
        Ok(if not { Filter::Not(Box::new(term)) } else { term })
    }

    fn unknown<E: Entity>(&self, at: usize, name: &str) -> FilterError {
        let known = names::<E>();
        let meant = closest(name, known.iter().map(AsRef::as_ref));
        let did_you = meant.map_or(String::new(), |meant| format!("did you mean {meant}? "));
        let reason = match name.is_empty() {
            true => "has no field before its sign".to_string(),
            false => format!("names {}, which is not a field", shown(name)),
        };
        self.wrong(at, reason, format!("{did_you}use one of: {}", known.join(", ")))
    }

    /// What a name stands for is looked up by whoever has the organization.
    fn check_value(&self, place: &Place, op: Op, value: &str, at: usize) -> Result<(), FilterError> {
        if place.kind == FieldType::Reference && place.refers.is_some() {
            return Ok(());
        }
        let wrong = |reason: crate::value::Reason| {
            self.wrong(at, format!("has a value for {} that {}", place.name, reason.reason), reason.mend)
        };
        place.test(op, value).map(|_| ()).map_err(wrong)
    }

    /// A value in quotes, or up to what joins terms or closes a bracket.
    fn value(&mut self) -> Result<String, FilterError> {
        if let Some(quoted) = self.rest().trim_start().strip_prefix('"') {
            self.skip_space();
            return self.quoted(quoted);
        }
        let rest = self.rest();
        let mut inside = 0usize;
        let mut ends = rest.len();
        for (at, c) in rest.char_indices() {
            let closes = c == ')' && inside == 0 && self.open > 0;
            let joins =
                c.is_whitespace() && ["and", "or"].iter().any(|word| joiner(&rest[at..], word).is_some());
            if closes || joins {
                ends = at;
                break;
            }
            match c {
                '(' => inside += 1,
                ')' => inside = inside.saturating_sub(1),
                _ => {}
            }
        }
        self.at += ends;
        Ok(rest[..ends].trim().to_string())
    }

    fn quoted(&mut self, quoted: &str) -> Result<String, FilterError> {
        let begins = self.at;
        let mut value = String::new();
        let mut chars = quoted.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    self.at = begins + 1 + at + 1;
                    self.check_end()?;
                    return Ok(value);
                }
                c => value.push(c),
            }
        }
        Err(self.wrong(
            begins,
            "has a quote that is never closed",
            "close it, and write \\\" for a quote inside",
        ))
    }

    /// Behind a quoted value or a bracket there is nothing, a joiner or a closing bracket.
    fn check_end(&mut self) -> Result<(), FilterError> {
        let rest = self.rest();
        if rest.trim().is_empty() || rest.trim_start().starts_with(')') {
            self.skip_space();
            return Ok(());
        }
        if joiner(rest, "and").is_some() || joiner(rest, "or").is_some() {
            return Ok(());
        }
        let at = self.text.len() - rest.trim_start().len();
        let mend =
            "join terms with ` and ` or ` or `; a value with such words or a `)` stands in double quotes";
        Err(self.wrong(at, format!("goes on with {} without a joiner", shown(rest.trim_start())), mend))
    }
}

/// The sign at the beginning, whether it is turned round, and its length.
fn sign(text: &str) -> Option<(Op, bool, usize)> {
    const SIGNS: [(&str, Op, bool); 10] = [
        ("!=", Op::Eq, true),
        ("!^", Op::Prefix, true),
        ("!~", Op::Contains, true),
        ("<=", Op::AtMost, false),
        (">=", Op::AtLeast, false),
        ("=", Op::Eq, false),
        ("^", Op::Prefix, false),
        ("~", Op::Contains, false),
        ("<", Op::Less, false),
        (">", Op::More, false),
    ];
    let found = SIGNS.iter().find(|(sign, ..)| text.starts_with(sign));
    found.map(|(sign, op, not)| (*op, *not, sign.len()))
}

/// The bytes up to what follows ` and `; `None` if that is not what comes. At the end of the text it is one too,
/// so that a value does not swallow it.
fn joiner(text: &str, word: &str) -> Option<usize> {
    let trimmed = text.trim_start();
    let space = text.len() - trimmed.len();
    let starts = trimmed.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let after = trimmed.get(word.len()..)?;
    let ends = after.is_empty() || after.starts_with(|c: char| c.is_whitespace() || c == '(');
    // Behind a bracket or a quote there need not be a space.
    (starts && ends).then_some(space + word.len())
}

fn leading_not(text: &str) -> Option<usize> {
    let starts = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("not"));
    let ends = text.get(3..)?.starts_with(|c: char| c.is_whitespace() || c == '(');
    (starts && ends).then_some(3)
}

fn shown(text: &str) -> String {
    let short: String = text.trim().chars().take(60).collect();
    format!("`{short}`")
}
