//! How the parameters that many endpoints take are described. They are read one by one
//! ([`crate::params`], [`crate::body`]), so that every mistake is said.

#![expect(dead_code, reason = "the description only")]

use utoipa::IntoParams;

/// A list that can be filtered and sorted: [`crate::params::Params::list`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Listing {
    /// How many at most [50].
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before, with the same filter and sort.
    cursor: Option<String>,
    // Described with the fields of each list where the description is completed.
    filter: Option<String>,
    /// An indexed field; a minus in front turns it round.
    sort: Option<String>,
    /// Count all that the filter finds.
    total: Option<bool>,
}

/// A list in the one order that it has.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// How many at most [50].
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The same, of things that are counted only when that is asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CountedPaging {
    /// How many at most [50].
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Count them all too.
    total: Option<bool>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Once {
    /// Sent again with the same body, the request has one effect.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

/// What was, instead of what is: [`crate::params::Params::as_of`].
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AsOf {
    /// As it was at this time (RFC 3339), or after the change of this number. Cursors of the pages are good for
    /// the same moment.
    #[param(pattern = "^([0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}.*)$")]
    as_of: Option<String>,
}
