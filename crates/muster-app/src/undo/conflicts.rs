//! Why something cannot be taken back, in the words of people: whose it is, what was done to it since, and
//! by whom.

use std::collections::{HashMap, HashSet};

use muster_domain::change::{Conflict, EntityChange, Op, Refusal, inverse};
use muster_domain::field::EntityKind;
use muster_domain::ids::OrgId;
use muster_domain::organization::{Device, Mailbox, PhoneNumber};
use muster_domain::user::User;
use muster_domain::value::Value;
use muster_store::{AnyEntity, Change, ChangeFilter, Reader};
use uuid::Uuid;

use super::Older;
use crate::AppError;
use crate::names::{called, name_of, name_of_actor};
use crate::things::load_any;

/// More are only counted: whoever sees so many knows what is going on.
const CONFLICTS_MAX: usize = 10;
/// Later changes of one thing that are looked at.
const LATER_MAX: usize = 1000;

/// What stands in the way of taking these changes back, if it can be told; `None` if nothing does.
pub(super) fn explain(
    r: &mut Reader,
    org: OrgId,
    older: &mut Older<'_>,
) -> Result<Option<Refusal>, AppError> {
    let mut search = Search {
        org,
        seen: HashSet::new(),
        made: HashSet::new(),
        found: Vec::new(),
        more: 0,
        undone_by: None,
        stands: false,
    };
    let mut before = None;
    loop {
        let page = older(r, before)?;
        let Some(oldest) = page.last() else { break };
        before = Some(oldest.envelope.seq);
        search.page(r, &page)?;
    }
    if let Some(by) = search.undone_by.filter(|_| !search.stands) {
        return Ok(Some(Refusal::UndoneAlready { by }));
    }
    if search.found.is_empty() {
        search.references(r)?;
    }
    Ok((!search.found.is_empty()).then_some(Refusal::ChangedSince(search.found, search.more)))
}

struct Search {
    org: OrgId,
    /// Fields that a newer of these changes has answered for.
    seen: HashSet<(Uuid, &'static str)>,
    /// What these changes made.
    made: HashSet<Uuid>,
    found: Vec<Conflict>,
    /// Beyond those.
    more: u64,
    /// The newest change that took one of them back.
    undone_by: Option<u64>,
    /// Whether one of them was not taken back: then it is not done with the rest.
    stands: bool,
}

impl Search {
    /// Newest first.
    fn page(&mut self, r: &mut Reader, page: &[Change]) -> Result<(), AppError> {
        let mut current: HashMap<Uuid, AnyEntity> = HashMap::new();
        for kind in EntityKind::ALL {
            let of_kind = page.iter().filter(|c| c.envelope.entity == *kind);
            let ids: Vec<Uuid> = of_kind.map(|c| c.envelope.entity_id).collect();
            if !ids.is_empty() {
                let found = load_any(r, self.org, *kind, &ids)?;
                current.extend(found.into_iter().map(|entity| (entity.id(), entity)));
            }
        }
        for change in page {
            let Some(body) = &change.body else { continue };
            if body.op == Op::Create {
                self.made.insert(body.id);
            }
            let entity = current.get(&body.id);
            let Some(moved) = self.moved(body, entity) else {
                self.stands = true;
                continue;
            };
            if self.found.len() >= CONFLICTS_MAX {
                self.more += 1;
                continue;
            }
            let later = later(r, self.org, change)?;
            if let Ok(inverse) = inverse(body)
                && let Some(by) =
                    later.iter().find(|c| c.body.as_ref().is_some_and(|b| takes_back(b, &inverse)))
            {
                let seq = by.envelope.seq;
                self.undone_by.get_or_insert(seq);
                let how = format!("{} was taken back already, by change {seq}", self.name(r, body, entity)?);
                self.found.push(Conflict { what: body.kind.word(), how, seq: Some(seq) });
                continue;
            }
            self.stands = true;
            let conflict = self.conflict(r, body, entity, moved, &later)?;
            self.found.push(conflict);
        }
        Ok(())
    }

    fn name(
        &self,
        r: &mut Reader,
        body: &EntityChange,
        entity: Option<&AnyEntity>,
    ) -> Result<String, AppError> {
        match entity {
            Some(entity) => name_of(r, entity),
            None => Ok(name_in(body)),
        }
    }

    /// The first field that is not what the change made of it, or the record where the thing is not there.
    fn moved(&mut self, body: &EntityChange, entity: Option<&AnyEntity>) -> Option<&'static str> {
        let there = body.op != Op::Remove;
        if entity.is_some() != there {
            return self.seen.insert((body.id, RECORD)).then_some(RECORD);
        }
        let entity = entity?;
        let mut moved = None;
        for field in &body.fields {
            let newest = self.seen.insert((body.id, field.field));
            if newest && entity.value(field.field).is_some_and(|value| value != field.after) {
                moved.get_or_insert(field.field);
            }
        }
        if body.op == Op::Create {
            let added = entity.added_since(body);
            moved = moved.or(added.into_iter().find(|field| !self.seen.contains(&(body.id, field))));
        }
        moved
    }

    fn conflict(
        &self,
        r: &mut Reader,
        body: &EntityChange,
        entity: Option<&AnyEntity>,
        field: &'static str,
        later: &[Change],
    ) -> Result<Conflict, AppError> {
        let name = self.name(r, body, entity)?;
        let touches = |change: &&Change| {
            let fields = change.body.iter().flat_map(|body| &body.fields);
            let gone = change.body.as_ref().is_some_and(|body| body.op == Op::Remove);
            gone || change.envelope.kind.ends_with(".removed") || fields.into_iter().any(|f| f.field == field)
        };
        let by = later.iter().rev().find(touches);
        let who = match by {
            Some(by) => format!(
                ", by change {} of {}",
                by.envelope.seq,
                name_of_actor(r, self.org, by.envelope.actor)?
            ),
            None => String::new(),
        };
        let seq = by.map(|by| by.envelope.seq);
        let kind = body.kind.word();
        Ok(match (field, entity) {
            (RECORD, Some(_)) if body.op == Op::Remove => {
                Conflict { what: kind, how: format!("{name} is there again{who}"), seq }
            }
            (RECORD, _) => Conflict { what: kind, how: format!("{name} was removed since{who}"), seq },
            _ => Conflict { what: field, how: format!("of {name} was changed since{who}"), seq },
        })
    }

    /// What was given since to people who would go.
    fn references(&mut self, r: &mut Reader) -> Result<(), AppError> {
        let made: Vec<Uuid> = self.made.iter().copied().collect();
        for ids in made.chunks(500) {
            let mut given: Vec<(Uuid, Uuid, AnyEntity)> = Vec::new();
            for device in r.referring::<Device>(self.org, "user", ids)? {
                given.extend(device.user.map(|user| (user.0, device.id.0, device.into())));
            }
            for mailbox in r.referring::<Mailbox>(self.org, "owner", ids)? {
                given.extend(mailbox.owner.map(|user| (user.0, mailbox.id.0, mailbox.into())));
            }
            for number in r.referring::<PhoneNumber>(self.org, "user", ids)? {
                given.extend(number.user.map(|user| (user.0, number.id.0, number.into())));
            }
            given.retain(|(_, id, _)| !self.made.contains(id));
            for (user, id, entity) in given {
                if self.found.len() >= CONFLICTS_MAX {
                    self.more += 1;
                    continue;
                }
                let kind = entity.kind();
                let owner = r.get::<User>(self.org, user)?.map(|user| called(&user)).unwrap_or_default();
                let name = entity.value("name").or_else(|| entity.value("number"));
                let name = name.as_ref().and_then(Value::as_text).unwrap_or_default().to_string();
                let filter = ChangeFilter { entity: Some((kind, id)), ..ChangeFilter::default() };
                let first = r.changes(self.org, 0, 1, &filter)?.into_iter().next();
                let who = match &first {
                    Some(first) => format!(
                        ", by change {} of {}",
                        first.envelope.seq,
                        name_of_actor(r, self.org, first.envelope.actor)?
                    ),
                    None => String::new(),
                };
                let seq = first.map(|first| first.envelope.seq);
                self.found.push(Conflict {
                    what: kind.word(),
                    how: format!("{name} was given to {owner} since{who}"),
                    seq,
                });
            }
        }
        Ok(())
    }
}

const RECORD: &str = "record";

/// What happened to the thing after the change, in another set.
fn later(r: &mut Reader, org: OrgId, change: &Change) -> Result<Vec<Change>, AppError> {
    let envelope = &change.envelope;
    let filter =
        ChangeFilter { entity: Some((envelope.entity, envelope.entity_id)), ..ChangeFilter::default() };
    let mut later = r.changes(org, envelope.seq, LATER_MAX, &filter)?;
    later.retain(|c| c.envelope.set != envelope.set);
    Ok(later)
}

fn takes_back(change: &EntityChange, inverse: &EntityChange) -> bool {
    change.op == inverse.op && change.fields == inverse.fields
}

/// As the change itself names what is not there any more.
fn name_in(body: &EntityChange) -> String {
    let text = |name: &str| {
        let field = body.fields.iter().find(|f| f.field == name)?;
        field.after.as_text().or(field.before.as_text()).map(str::to_string)
    };
    let name = text("display_name").or_else(|| text("name"));
    match (name, text("extension")) {
        (Some(name), Some(extension)) => format!("{name} (extension {extension})"),
        (Some(name), None) => name,
        (None, _) => body.id.to_string(),
    }
}
