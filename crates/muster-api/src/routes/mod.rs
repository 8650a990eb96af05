//! The endpoints. Each reads the request, runs one use case and writes what came of it.
//!
//! The order within each is the same: who asks, what they may, then what they sent.

mod backups;
mod billing;
mod bulk;
pub mod changes;
mod commands;
mod credentials;
mod devices;
mod doctor;
mod emergency;
mod erasure;
mod exports;
mod import_history;
mod import_report;
mod imports;
mod invoices;
pub mod jobs;
mod lists;
mod mail;
mod move_in;
mod next_free;
mod offers;
mod orders;
mod organizations;
mod phones;
mod ports;
mod records;
mod removal;
mod restores;
mod roles;
mod sessions;
pub mod setup_body;
mod sheets;
mod signing;
mod sites;
mod stock;
mod system;
mod template;
mod tokens;
mod user_body;
mod users;
mod verify;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use muster_app::Done;
use muster_domain::ids::{JobId, UserId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::problem::Problem;
use crate::state::ApiState;

/// All of them, with their descriptions.
pub fn all() -> OpenApiRouter<ApiState> {
    offers::all(records::all(particular().merge(of_people()).merge(money())))
}

/// What things cost, what is ordered, and what there is to have.
fn money() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(billing::show, billing::choose))
        .routes(routes!(billing::licences, billing::give))
        .routes(routes!(billing::end))
        .routes(routes!(billing::calls))
        .routes(routes!(invoices::list))
        .routes(routes!(invoices::preview))
        .routes(routes!(invoices::preview_csv))
        .routes(routes!(invoices::preview_html))
        .routes(routes!(invoices::close))
        .routes(routes!(invoices::show))
        .routes(routes!(invoices::lines))
        .routes(routes!(invoices::csv))
        .routes(routes!(invoices::html))
        .routes(routes!(invoices::check))
        .routes(routes!(orders::list, orders::create))
        .routes(routes!(orders::show))
        .routes(routes!(orders::confirm))
        .routes(routes!(orders::submit))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::address))
        .routes(routes!(orders::ship))
        .routes(routes!(orders::receive))
        .routes(routes!(stock::list, stock::add))
        .routes(routes!(stock::pool))
        .routes(routes!(devices::assign))
        .routes(routes!(ports::submit))
        .routes(routes!(ports::reject))
        .routes(routes!(ports::date))
        .routes(routes!(ports::activate))
        .routes(routes!(ports::cancel))
}

/// Those that are like no other.
fn particular() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::get, organizations::change))
        .routes(routes!(lists::contacts))
        .routes(routes!(lists::extensions))
        .routes(routes!(doctor::examine))
        .routes(routes!(next_free::next_free))
        .routes(routes!(emergency::affected))
        .routes(routes!(lists::seats))
        .routes(routes!(lists::devices))
        .routes(routes!(lists::mailboxes))
        .routes(routes!(lists::numbers))
        .routes(routes!(lists::connections))
        .routes(routes!(sites::list, sites::create))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(imports::create, import_history::list))
        .routes(routes!(imports::mapping))
        .routes(routes!(template::csv))
        .routes(routes!(template::workbook))
        .routes(routes!(import_history::rejected))
        .routes(routes!(move_in::report))
        .routes(routes!(exports::export))
        .routes(routes!(exports::workbook))
        .routes(routes!(exports::report))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs::get))
        .routes(routes!(jobs::results))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::undo))
        .routes(routes!(changes::list))
        .routes(routes!(verify::verify))
        .routes(routes!(changes::undo))
        .routes(routes!(restores::restore))
        .routes(routes!(crate::events::events))
        .routes(routes!(backups::create))
        .routes(routes!(system::status))
        .routes(routes!(system::healthz))
        .routes(routes!(system::readyz))
        .routes(routes!(system::metrics))
}

/// Of people: what they are, how they are set up, who may do what, and how they go.
fn of_people() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::get, users::change, users::remove))
        .routes(routes!(removal::review, removal::remove))
        .routes(routes!(removal::remove_many))
        .routes(routes!(erasure::data))
        .routes(routes!(erasure::purge))
        .routes(routes!(users::restore))
        .routes(routes!(users::history))
        .routes(routes!(bulk::change))
        .routes(routes!(commands::activate))
        .routes(routes!(commands::deactivate))
        .routes(routes!(credentials::get, credentials::reset))
        .routes(routes!(signing::invite))
        .routes(routes!(signing::withdraw))
        .routes(routes!(signing::assign))
        .routes(routes!(signing::identify))
        .routes(routes!(signing::list))
        .routes(routes!(signing::of_user))
        .routes(routes!(signing::types))
        .routes(routes!(sheets::print))
        .routes(routes!(sessions::create, sessions::get, sessions::end))
        .routes(routes!(mail::list))
        .routes(routes!(mail::read))
        .routes(routes!(mail::retry))
        .routes(routes!(mail::status, mail::set, mail::remove))
        .routes(routes!(mail::test))
        .routes(routes!(roles::permissions))
        .routes(routes!(roles::list, roles::create))
        .routes(routes!(roles::assign))
        .routes(routes!(roles::show, roles::change, roles::remove))
        .routes(routes!(roles::holders))
        .routes(routes!(phones::reached))
        .routes(routes!(phones::registrations))
        .routes(routes!(phones::of_user, phones::sign_off_all))
        .routes(routes!(phones::sign_off))
}

/// The newest change of the log after a write, for `GET …/phones?reached=`.
const SEQ: HeaderName = HeaderName::from_static("muster-seq");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer to a write.
fn written(done: &Done, answer: impl IntoResponse) -> Response {
    let mut response = with_seq(done.seq, answer);
    if done.replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

fn with_seq(seq: u64, answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(SEQ, HeaderValue::from(seq));
    response
}

/// What is to be said of something that was taken all the same.
const REMARK: HeaderName = HeaderName::from_static("muster-remark");

fn with_remark(remark: Option<&str>, response: Response) -> Response {
    match remark {
        Some(remark) => with_header(REMARK, remark, response),
        None => response,
    }
}

pub fn with_header(name: HeaderName, value: &str, mut response: Response) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// An id in an address. One that is not an id names nothing.
fn user_id(text: &str) -> Result<UserId, Problem> {
    Uuid::parse_str(text).map(UserId).map_err(|_| Problem::not_found("user"))
}

fn job_id(text: &str) -> Result<JobId, Problem> {
    Uuid::parse_str(text).map(JobId).map_err(|_| Problem::not_found("job"))
}
