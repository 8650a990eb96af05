//! Checking an organization against its own change log.

use axum::Json;
use axum::extract::Path;
use muster_app::{HeadsCheck, Verified};
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::problem::Problem;

/// What a check of the whole log found.
#[derive(Serialize, ToSchema)]
#[schema(as = Verification)]
pub struct VerificationBody {
    /// Whether nothing was found wrong: no line, thing, secret or head.
    intact: bool,
    /// All that is wrong, in words.
    problems: Vec<String>,
    /// Lines looked at.
    checked: u64,
    /// Lines whose body was erased; the chain holds over them, and they cannot be replayed.
    erased: u64,
    /// The first line that is not as it was written; what follows it is not looked at.
    broken_at: Option<u64>,
    why: Option<String>,
    /// What the database holds beside what the log says; null where the log is broken.
    state: Option<StateCheckBody>,
    /// Secrets that were tried.
    secrets_checked: u64,
    /// Secrets that cannot be read.
    secrets_damaged: u64,
    /// Whose these are; at most 20 of them.
    damaged: Vec<DamagedSecretBody>,
    heads: HeadsCheckBody,
}

/// What came of replaying the log.
#[derive(Serialize, ToSchema)]
#[schema(as = StateCheck)]
pub struct StateCheckBody {
    /// Things that are stored as the log says.
    alike: u64,
    /// Things of which only what was changed since an erasure is known.
    partly_erased: u64,
    /// Things that are not as the log says.
    differing: u64,
    /// The first of them.
    first: Option<DifferingBody>,
    /// Things of whose changes some bodies were erased; at most 20 of them are listed.
    erased_things: u64,
    erasures: Vec<ErasureBody>,
}

/// A thing that is not as the log says.
#[derive(Serialize, ToSchema)]
#[schema(as = Differing)]
pub struct DifferingBody {
    /// What kind of thing.
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    /// What it is called in the database; null if it is not there.
    name: Option<String>,
    /// The field that differs; null if the whole thing does.
    field: Option<&'static str>,
    why: String,
}

/// A thing of whose changes some bodies were erased.
#[derive(Serialize, ToSchema)]
#[schema(as = Erasure)]
pub struct ErasureBody {
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    /// How many of its changes lost their body.
    bodies: u64,
    /// The first of them.
    first: u64,
    /// The change that removed the thing; null if nothing in the log says why they were erased.
    removed_by: Option<u64>,
}

/// A secret that cannot be read. The thing that has it is null where only the log names the secret.
#[derive(Serialize, ToSchema)]
#[schema(as = DamagedSecret)]
pub struct DamagedSecretBody {
    #[schema(format = Uuid)]
    secret: String,
    entity: Option<&'static str>,
    #[schema(format = Uuid)]
    entity_id: Option<String>,
    name: Option<String>,
    field: Option<&'static str>,
    why: String,
}

/// What the log was compared with outside the database.
#[derive(Serialize, ToSchema)]
#[schema(as = HeadsCheck)]
pub struct HeadsCheckBody {
    /// `compared`, `not_yet` (nothing was written down so far), `not_kept`, `missing` or `cut_short`.
    state: &'static str,
    /// How many heads were compared.
    count: u64,
    /// The first and the last change whose head the file has.
    first: Option<u64>,
    last: Option<u64>,
    /// Where the file is missing or cut short: up to which change it was written.
    written: Option<u64>,
}

/// Check the whole log
///
/// Sequence, chain of hashes, bodies and head; that the heads written down beside the database are those
/// of the log; that replaying the log gives what the database holds; that every secret can be read.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/changes/verify", tag = "changes",
    params(("org" = String, Path, description = "Slug or id.")),
    responses((status = 200, body = VerificationBody)))]
pub async fn verify(caller: Caller, Path(org): Path<String>) -> Result<Json<VerificationBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let share = caller.state.share_to_verify(scope.org())?;
    let checked = caller.run(move |app| {
        let found = app.verify_changes(&scope);
        drop(share);
        found
    });
    Ok(Json(VerificationBody::of(checked.await?)))
}

impl VerificationBody {
    fn of(found: Verified) -> VerificationBody {
        let (intact, problems) = (found.intact(), found.problems());
        let Verified { database, heads } = found;
        let (broken_at, why) = database.broken.unzip();
        VerificationBody {
            intact,
            problems,
            checked: database.checked,
            erased: database.erased,
            broken_at,
            why,
            state: database.state.map(state_body),
            secrets_checked: database.secrets.checked,
            secrets_damaged: database.secrets.damaged,
            damaged: database.secrets.named.into_iter().map(secret_body).collect(),
            heads: heads_body(heads),
        }
    }
}

fn state_body(state: muster_app::StateCheck) -> StateCheckBody {
    let erasure = |e: muster_app::Erased| ErasureBody {
        entity: e.kind.word(),
        entity_id: e.id.to_string(),
        bodies: e.bodies,
        first: e.first,
        removed_by: e.removed_by,
    };
    StateCheckBody {
        alike: state.alike,
        partly_erased: state.partly_erased,
        differing: state.differing,
        first: state.first.map(|first| DifferingBody {
            entity: first.kind.word(),
            entity_id: first.id.to_string(),
            name: first.name,
            field: first.field,
            why: first.why,
        }),
        erased_things: state.erased_things,
        erasures: state.erased.into_iter().map(erasure).collect(),
    }
}

fn secret_body(secret: muster_app::DamagedSecret) -> DamagedSecretBody {
    let (secret, holder, why) = (secret.id.to_string(), secret.holder, secret.why);
    let Some((kind, id, name, field)) = holder else {
        return DamagedSecretBody { secret, entity: None, entity_id: None, name: None, field: None, why };
    };
    DamagedSecretBody {
        secret,
        entity: Some(kind.word()),
        entity_id: Some(id.to_string()),
        name: Some(name),
        field: Some(field),
        why,
    }
}

fn heads_body(heads: HeadsCheck) -> HeadsCheckBody {
    let none = HeadsCheckBody { state: heads.word(), count: 0, first: None, last: None, written: None };
    match heads {
        HeadsCheck::NotKept | HeadsCheck::NotYet => none,
        HeadsCheck::Compared { count, first, last } => {
            HeadsCheckBody { count, first: Some(first), last: Some(last), ..none }
        }
        HeadsCheck::Missing { written } => HeadsCheckBody { written: Some(written), ..none },
        HeadsCheck::CutShort { written, last } => {
            HeadsCheckBody { last: (last > 0).then_some(last), written: Some(written), ..none }
        }
    }
}
