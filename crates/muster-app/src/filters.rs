//! Names in filters: sites, connections, people and other things as one knows them, instead of by their ids.

use muster_domain::field::{Entity, EntityKind};
use muster_domain::filter::{Filter, Op, Term, place};
use muster_domain::value::FieldType;
use uuid::Uuid;

use crate::{App, AppError, Scope};

impl App {
    /// The filter with ids where it names things that have them.
    pub(crate) fn with_ids<E: Entity>(&self, scope: &Scope, filter: &Filter) -> Result<Filter, AppError> {
        let mut filter = filter.clone();
        for term in filter.terms_mut() {
            let Some(place) = place::<E>(&term.field) else { continue };
            let Some(refers) = place.refers else { continue };
            let written = term.value.trim();
            if term.op != Op::Eq || written.is_empty() || Uuid::parse_str(written).is_ok() {
                continue;
            }
            let found = self.first_of_name(scope, refers.to, written)?;
            match (place.kind, found) {
                (FieldType::Reference, Some(id)) => term.value = id.to_string(),
                // The id stands at the end of its entry (`1=user:…`).
                (FieldType::List, Some(id)) => *term = contains(&term.field, id),
                (FieldType::Reference, None) => return Err(not_there(&place.name, refers.to, written)),
                _ => {}
            }
        }
        Ok(filter)
    }

    fn first_of_name(
        &self,
        scope: &Scope,
        kinds: &[EntityKind],
        name: &str,
    ) -> Result<Option<Uuid>, AppError> {
        for kind in kinds {
            match self.id_of_name(scope, *kind, name) {
                Ok(id) => return Ok(Some(id)),
                Err(AppError::NotFound(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(None)
    }
}

fn contains(field: &str, id: Uuid) -> Term {
    Term { field: field.to_string(), op: Op::Contains, value: id.to_string() }
}

fn not_there(field: &str, kinds: &[EntityKind], name: &str) -> AppError {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.word()).collect();
    let shown: String = name.chars().take(60).collect();
    AppError::invalid(
        "filter",
        format!("has a value for {field} that is no {} of this organization: `{shown}`", words.join(" or ")),
        format!("give the name or the id of a {} that is there", words.join(" or ")),
    )
}
