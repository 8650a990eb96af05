//! The part of an address after the question mark, read with every mistake said at once.

use muster_app::{Moment, Query, Sort};
use muster_domain::field::Entity;

use crate::filter;
use crate::problem::{Mistake, Problem};
use crate::wire;

/// As the router hands it over.
pub type Pairs = axum::extract::Query<Vec<(String, String)>>;

pub struct Params {
    pairs: Vec<(String, String)>,
    mistakes: Vec<Mistake>,
}

impl Params {
    pub fn of(pairs: Pairs) -> Params {
        Params { pairs: pairs.0, mistakes: Vec::new() }
    }

    /// The parameter's value. Given twice, it is a mistake.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut found = None;
        let mut times = 0;
        self.pairs.retain_mut(|(key, value)| {
            if key != name {
                return true;
            }
            times += 1;
            found = Some(std::mem::take(value));
            false
        });
        if times > 1 {
            self.wrong(name, "is there more than once", "give it once");
        }
        found
    }

    pub fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.wrong(name, "is neither true nor false", "write true or false");
                false
            }
        }
    }

    /// A whole number between two others; `default` if it is absent.
    pub fn number(&mut self, name: &str, default: u64, least: u64, greatest: u64) -> u64 {
        let Some(text) = self.text(name) else { return default };
        match text.parse::<u64>() {
            Ok(n) if (least..=greatest).contains(&n) => n,
            _ => {
                let reason = format!("is not a whole number from {least} to {greatest}");
                self.wrong(name, reason, "give such a number, or leave it out");
                default
            }
        }
    }

    /// A value that is parsed elsewhere; an empty one is as good as none.
    pub fn parsed<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, Mistake>) -> Option<T> {
        let text = self.text(name).filter(|text| !text.is_empty())?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.mistakes.push(mistake);
                None
            }
        }
    }

    /// `cursor` of a list that is not [`Params::list`]: where the page before ended.
    pub fn cursor<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let not_ours =
            || Mistake::new("cursor", "is not one of this list", "give the cursor of the page before");
        self.parsed("cursor", |text| parse(text).ok_or_else(not_ours))
    }

    /// `as_of`: the moment that is looked at; `None` is now.
    pub fn as_of(&mut self) -> Option<Moment> {
        self.parsed("as_of", |text| {
            wire::moment_of(text).map_err(|reason| Mistake::new("as_of", reason.reason, reason.mend))
        })
    }

    pub fn wrong(&mut self, name: &str, reason: impl Into<String>, mend: impl Into<String>) {
        self.mistakes.push(Mistake::new(name, reason, mend));
    }

    fn sort<E: Entity>(&mut self) -> Option<Sort> {
        let text = self.text("sort")?;
        filter::parse_sort::<E>(&text).map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    /// `limit`, `cursor`, `filter`, `sort` and `total`.
    pub fn list<E: Entity>(&mut self) -> Query {
        Query {
            filter: self.parsed("filter", filter::parse::<E>).unwrap_or_default(),
            sort: self.sort::<E>(),
            cursor: self.text("cursor").filter(|c| !c.is_empty()),
            limit: self.number("limit", 50, 1, Query::LIMIT_MAX as u64) as usize,
            with_total: self.flag("total"),
        }
    }

    /// Every mistake; parameters that nobody asked for are some.
    pub fn finish(mut self) -> Result<(), Problem> {
        for (name, _) in std::mem::take(&mut self.pairs) {
            let shown: String = name.chars().take(100).collect();
            self.wrong(&shown, "is not a parameter here", "leave it out; /docs lists the parameters");
        }
        if self.mistakes.is_empty() { Ok(()) } else { Err(Problem::invalid(self.mistakes)) }
    }
}
