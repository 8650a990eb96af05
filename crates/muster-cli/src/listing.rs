//! A list of the API as a table, or as one JSON document.

use std::io::Write;

use serde_json::{Map, Value};

use crate::args::Which;
use crate::clean::clean;
use crate::client::Request;
use crate::failure::Failure;
use crate::pages::{self, Listed, Listing, PAGE};
use crate::session::Session;
use crate::table::Table;
use crate::value::{counted, grouped, text_of};

/// The one thing of a list that has this id or, whatever the case of its letters, this name.
pub(crate) fn find(
    session: &Session<'_, '_>,
    path: String,
    which: &str,
    one: &str,
    command: &str,
) -> Result<Value, Failure> {
    let wanted = which.trim();
    let (mut by_id, mut by_name) = (None, Vec::new());
    let listing = Listing { path, query: Vec::new(), limit: None };
    pages::for_each(&session.client, &listing, |item| {
        if item["id"] == wanted {
            by_id = Some(item.clone());
        } else if text_of(&item["name"]).to_lowercase() == wanted.to_lowercase() {
            by_name.push(item.clone());
        }
        Ok(())
    })?;
    match (by_id, by_name.as_slice()) {
        (Some(item), _) => Ok(item),
        (None, [only]) => Ok(only.clone()),
        (None, []) => Err(Failure::refused(
            format!("There is no {one} `{}` here.", clean(wanted)),
            format!("`{command}` shows those that there are."),
        )),
        (None, several) => {
            let ids: Vec<String> = several.iter().map(|item| text_of(&item["id"])).collect();
            Err(Failure::refused(
                format!("Several have the name `{}`: {}.", clean(wanted), ids.join(", ")),
                "Name the one you mean by its id.",
            ))
        }
    }
}

/// A header and the cell below it.
pub(crate) type Column = (&'static str, fn(&Value) -> String);

/// Words for a whole list, from what its first page has beside its items.
pub(crate) type Summary = fn(&Map<String, Value>) -> String;

pub(crate) struct List<'a> {
    pub listing: Listing<'a>,
    /// What one of them and several of them are called.
    one: &'a str,
    many: &'a str,
    /// What is said of the whole, beside the rows.
    summary: Option<Summary>,
}

impl<'a> List<'a> {
    pub fn all(path: String, one: &'a str, many: &'a str) -> List<'a> {
        List { listing: Listing { path, query: Vec::new(), limit: None }, one, many, summary: None }
    }

    pub fn limit(mut self, limit: Option<u32>) -> List<'a> {
        self.listing.limit = limit;
        self
    }

    pub fn query(mut self, name: &'a str, value: Option<&'a str>) -> List<'a> {
        self.listing.query.extend(value.map(|value| (name, value)));
        self
    }

    pub fn which(self, which: &'a Which) -> List<'a> {
        self.query("filter", which.filter.as_deref()).query("as_of", which.as_of.as_deref())
    }

    /// Says this of the whole list, in place of how many were shown.
    pub fn summary(mut self, summary: Summary) -> List<'a> {
        self.summary = Some(summary);
        self
    }

    /// All of them, for a table that one column after another does not make.
    pub fn items(&self, session: &Session<'_, '_>) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        pages::for_each(&session.client, &self.listing, |item| {
            items.push(item.clone());
            Ok(())
        })?;
        Ok(items)
    }

    pub fn print(self, session: &mut Session<'_, '_>, columns: &[Column]) -> Result<(), Failure> {
        if session.json {
            return self.print_json(session);
        }
        let mut table = Table::new(&columns.iter().map(|(header, _)| *header).collect::<Vec<_>>());
        let listed = pages::for_each(&session.client, &self.listing, |item| {
            table.row(columns.iter().map(|(_, cell)| cell(item)).collect());
            Ok(())
        })?;
        table.print(session.console)?;
        // Beside the table, not in it: what reads the rows on counts them itself, but must know if some are missing.
        if let Some(summary) = self.summary {
            session.console.note(&summary(&listed.beside));
        } else if listed.more || session.console.out_width.is_some() {
            session.console.note(&self.count(&listed));
        }
        Ok(())
    }

    fn count(&self, listed: &Listed) -> String {
        let shown = listed.shown;
        match (listed.total, listed.more) {
            (Some(total), true) => format!("{} of {}", grouped(shown), counted(total, self.one, self.many)),
            (None, true) => format!("the first {}; there are more", counted(shown, self.one, self.many)),
            (_, false) => counted(shown, self.one, self.many),
        }
    }

    /// The server's answer where it is one page, else one document of the same shape, written as the pages
    /// come.
    fn print_json(&self, session: &mut Session<'_, '_>) -> Result<(), Failure> {
        if let Some(limit) = self.listing.limit.filter(|limit| *limit <= PAGE) {
            let mut request = Request::get(self.listing.path.as_str()).query("limit", &limit.to_string());
            for (name, value) in &self.listing.query {
                request = request.query(name, value);
            }
            let answer = session.client.send(&request)?;
            return Ok(session.console.json(&answer.value)?);
        }
        let out = &mut session.console.out;
        write!(out, "{{\"items\":[")?;
        let mut separator = "\n";
        let listed = pages::for_each(&session.client, &self.listing, |item| {
            write!(out, "{separator}{item}")?;
            separator = ",\n";
            Ok(())
        })?;
        write!(out, "\n],\"next_cursor\":null")?;
        for (name, value) in &listed.beside {
            write!(out, ",\n{}:{value}", Value::from(name.as_str()))?;
        }
        writeln!(out, "}}")?;
        Ok(())
    }
}
