//! The doctor: what is wrong, and the request that mends it.

use axum::Json;
use axum::extract::{Path, Query};
use muster_app::doctor::{Check, Diagnosis, Finding, Mend};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::params::{Pairs, Params};
use crate::problem::{Mistake, Problem};
use crate::wire;

/// The request that mends something.
#[derive(Serialize, ToSchema)]
pub struct MendRequest {
    method: &'static str,
    /// Below the organization's address, such as `/users/deactivate`.
    path: String,
    /// To be sent as `If-Match`, where the request wants one.
    if_match: Option<String>,
    #[schema(value_type = Option<Object>)]
    body: Value,
}

/// What mends something.
#[derive(Serialize, ToSchema)]
#[schema(as = Mend)]
pub struct MendBody {
    /// What to do, in words.
    text: String,
    /// It costs nobody anything, and can be done without a look at each.
    harmless: bool,
    /// Null where somebody has to decide more than that.
    request: Option<MendRequest>,
}

/// Something that is wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub struct FindingBody {
    /// What kind of thing it is about.
    entity: &'static str,
    #[schema(format = Uuid)]
    entity_id: String,
    /// Such as `Ana Silva (extension 1001)`.
    name: String,
    why: String,
    mend: MendBody,
}

/// What came of one check.
#[derive(Serialize, ToSchema)]
#[schema(as = Checked)]
pub struct CheckedBody {
    check: &'static str,
    /// The same for a person.
    title: &'static str,
    /// How many there are.
    found: u64,
    /// The first of them.
    findings: Vec<FindingBody>,
}

/// What is wrong in an organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Diagnosis)]
pub struct DiagnosisBody {
    #[schema(format = DateTime)]
    at: String,
    /// Since when it is watched whose phones register; unused seats are told of once that is 30 days ago.
    #[schema(format = DateTime)]
    watched_since: Option<String>,
    checks: Vec<CheckedBody>,
}

/// Ask the doctor
///
/// What is wrong: things that name nothing, seats that nobody uses, people nobody can reach or who cannot call,
/// numbers that reach nobody, old credentials; each with the request that mends it. Nothing is changed.
#[utoipa::path(get, path = "/api/v1/organizations/{org}/doctor", tag = "organizations",
    params(("org" = String, Path, description = "Slug or id."),
        ("check" = Option<String>, Query, description = "Only this one.",
            pattern = "^(dangling|ownerless_mailboxes|empty|forwards_to_nobody|unused_seats|unreachable|cannot_call|unassigned_numbers|old_credentials|old_tokens)$"),
        ("limit" = Option<u64>, Query, minimum = 0, maximum = 1000, description = "How many of each are named at most [20].")),
    responses((status = 200, body = DiagnosisBody)))]
pub async fn examine(
    caller: Caller,
    Path(org): Path<String>,
    Query(pairs): Pairs,
) -> Result<Json<DiagnosisBody>, Problem> {
    let scope = caller.scope(&org).await?;
    let mut params = Params::of(Query(pairs));
    let check = params.parsed("check", |text| {
        let words: Vec<&str> = Check::ALL.iter().map(|check| check.word()).collect();
        let mistake = || Mistake::new("check", "is no check", format!("write one of: {}", words.join(", ")));
        Check::from_word(text).ok_or_else(mistake)
    });
    let limit = params.number("limit", 20, 0, 1000) as usize;
    params.finish()?;
    let diagnosis = caller.run(move |app| app.examine(&scope, check, limit)).await?;
    Ok(Json(diagnosis_json(diagnosis)))
}

fn diagnosis_json(diagnosis: Diagnosis) -> DiagnosisBody {
    let checks = diagnosis.checks.into_iter().map(|checked| CheckedBody {
        check: checked.check.word(),
        title: checked.check.title(),
        found: checked.found,
        findings: checked.findings.into_iter().map(finding).collect(),
    });
    DiagnosisBody {
        at: wire::time(diagnosis.at),
        watched_since: diagnosis.watched_since.map(wire::time),
        checks: checks.collect(),
    }
}

fn finding(finding: Finding) -> FindingBody {
    let harmless = finding.mend.is_harmless();
    let mend = MendBody { text: finding.advice, harmless, request: request(&finding.mend) };
    FindingBody {
        entity: finding.kind.word(),
        entity_id: finding.id.to_string(),
        name: finding.name,
        why: finding.why,
        mend,
    }
}

fn request(mend: &Mend) -> Option<MendRequest> {
    let version = |version: &u64| Some(format!("\"{version}\""));
    Some(match mend {
        Mend::ByHand => return None,
        Mend::StopForwarding { user, version: read } => MendRequest {
            method: "PATCH",
            path: format!("/users/{user}"),
            if_match: version(read),
            body: json!({ "alternate_number": null, "forward_behaviour": "ring_my_phone" }),
        },
        Mend::Deactivate { user } => MendRequest {
            method: "POST",
            path: "/users/deactivate".to_string(),
            if_match: None,
            body: json!({ "users": [user.to_string()] }),
        },
        Mend::IntoInventory { number, version: read } => MendRequest {
            method: "PATCH",
            path: format!("/numbers/{number}"),
            if_match: version(read),
            body: json!({ "kind": "inventory" }),
        },
        Mend::NewSecret { user, device } => MendRequest {
            method: "POST",
            path: format!("/users/{user}/credentials"),
            if_match: None,
            body: match device {
                Some(device) => json!({ "device": device }),
                None => json!({}),
            },
        },
        Mend::RevokeToken { token } => MendRequest {
            method: "DELETE",
            path: format!("/tokens/{token}"),
            if_match: None,
            body: Value::Null,
        },
    })
}
