//! Lists, page by page.

use serde_json::{Map, Value};

use crate::client::{Client, Request};
use crate::failure::Failure;
use crate::value::list_of;

/// The most that is asked for at once.
pub(crate) const PAGE: u32 = 1000;

/// What to list.
pub(crate) struct Listing<'a> {
    pub path: String,
    /// Names and values of the query.
    pub query: Vec<(&'a str, &'a str)>,
    /// At most this many; all if absent.
    pub limit: Option<u32>,
}

/// What a list came to.
#[derive(Debug)]
pub(crate) struct Listed {
    pub shown: u64,
    /// How many there are in all, if the server said.
    pub total: Option<u64>,
    /// True if there are more than were asked for.
    pub more: bool,
    /// What the first page says beside its items.
    pub beside: Map<String, Value>,
}

/// Hands every item to `each`, in order.
pub(crate) fn for_each(
    client: &Client,
    listing: &Listing<'_>,
    mut each: impl FnMut(&Value) -> Result<(), Failure>,
) -> Result<Listed, Failure> {
    let mut listed = Listed { shown: 0, total: None, more: false, beside: Map::new() };
    let mut cursor: Option<String> = None;
    loop {
        let left = listing.limit.map(|limit| u64::from(limit) - listed.shown);
        let page = left.map_or(PAGE, |left| u32::try_from(left).unwrap_or(PAGE).min(PAGE));
        let mut request = Request::get(listing.path.as_str()).query("limit", &page.to_string());
        for (name, value) in &listing.query {
            request = request.query(name, value);
        }
        if let Some(cursor) = &cursor {
            request = request.query("cursor", cursor);
        }
        let answer = client.send(&request)?.value;
        let items = list_of(&answer, "items");
        if cursor.is_none() {
            listed.total = answer["total"].as_u64();
            let beside = answer.as_object().into_iter().flatten();
            let beside = beside.filter(|(name, _)| !matches!(name.as_str(), "items" | "next_cursor"));
            listed.beside = beside.map(|(name, value)| (name.clone(), value.clone())).collect();
        }
        for item in items {
            each(item)?;
            listed.shown += 1;
        }
        let next = answer["next_cursor"].as_str().map(ToOwned::to_owned);
        let enough = listing.limit.is_some_and(|limit| listed.shown >= u64::from(limit));
        // A page with a cursor and nothing in it, or the cursor it was asked with, would go round for ever.
        if next.is_none() || enough || items.is_empty() || next == cursor {
            listed.more = next.is_some() && enough;
            return Ok(listed);
        }
        cursor = next;
    }
}
