//! `muster subscription show|offers|offer|choose|licences`.

use serde_json::json;

use super::fields::{self, Schema};
use crate::args::SubscriptionCommand;
use crate::client::{Method, Request, Upload};
use crate::failure::Failure;
use crate::listing::{Column, List};
use crate::session::Session;
use crate::table::{Table, print_pairs};
use crate::value::{list_of, text_of, time_of};

const OFFERS: &str = "/api/v1/subscriptions";

pub(crate) fn run(session: &mut Session<'_, '_>, command: &SubscriptionCommand) -> Result<(), Failure> {
    match command {
        SubscriptionCommand::Show => show(session),
        SubscriptionCommand::Offers => offers(session),
        SubscriptionCommand::Offer { fields } => offer(session, fields),
        SubscriptionCommand::Choose { which } => choose(session, which),
        SubscriptionCommand::Licences => licences(session),
    }
}

fn show(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let path = session.path("/subscription")?;
    let answer = session.client.get(&path)?;
    tell(session, &answer.value)
}

fn tell(session: &mut Session<'_, '_>, terms: &serde_json::Value) -> Result<(), Failure> {
    session.tell(terms, |console, terms| {
        let members = terms.as_object().into_iter().flatten().filter(|(name, _)| *name != "licences");
        let pairs: Vec<_> = members.map(|(name, value)| (name.clone(), text_of(value))).collect();
        print_pairs(console, &pairs)?;
        let mut table = Table::new(&["TYPE", "LICENCES", "USED"]);
        for of in list_of(terms, "licences") {
            table.row(vec![text_of(&of["user_type"]), text_of(&of["held"]), text_of(&of["used"])]);
        }
        table.print(console)
    })
}

fn offers(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("NAME", |item| text_of(&item["name"])),
        ("PAYS FOR", |item| text_of(&item["billing_model"])),
        ("COUNTED BY", |item| text_of(&item["counting"])),
        ("CURRENCY", |item| text_of(&item["currency"])),
        ("PRICES", |item| text_of(&item["prices"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    List::all(OFFERS.to_owned(), "subscription", "subscriptions").print(session, columns)
}

fn offer(session: &mut Session<'_, '_>, fields: &[String]) -> Result<(), Failure> {
    let pairs = fields::read(session.console, fields)?;
    let schema = Schema::load(session, "post", "/api/v1/subscriptions")?;
    let answer = session.client.send(&Request::post(OFFERS.to_owned(), &schema.body(&pairs)))?;
    session.tell(&answer.value, |console, made| {
        console.line(&format!("The subscription {} is on offer.", text_of(&made["name"])))
    })
}

fn choose(session: &mut Session<'_, '_>, which: &str) -> Result<(), Failure> {
    let path = session.path("/subscription")?;
    let body = json!({ "subscription": which });
    let answer = session.client.send(&Request::new(Method::Put, path).upload(Upload::Json(&body)))?;
    tell(session, &answer.value)
}

fn licences(session: &mut Session<'_, '_>) -> Result<(), Failure> {
    let columns: &[Column] = &[
        ("TYPE", |item| text_of(&item["user_type"])),
        ("QUANTITY", |item| text_of(&item["quantity"])),
        ("FROM (UTC)", |item| time_of(&item["starts_at"])),
        ("UNTIL (UTC)", |item| time_of(&item["ends_at"])),
        ("ID", |item| text_of(&item["id"])),
    ];
    let path = session.path("/licences")?;
    List::all(path, "licence", "licences").print(session, columns)
}
