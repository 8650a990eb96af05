//! What reports of imports say of somebody who is erased: the cells that were not right stand there as they were
//! written.

use muster_domain::ids::OrgId;
use muster_domain::user::User;
use muster_store::{Job, JobState, Tx};
use serde_json::Value;

use crate::AppError;

/// In the place of a text that told of them.
const ERASED: &str = "(erased)";
/// Shorter texts of a person, such as a username of two letters, stand in too many others.
const TELLING_MIN: usize = 4;
/// Jobs read at once.
const PAGE: usize = 100;

pub(super) fn forget(tx: &mut Tx, org: OrgId, user: &User) -> Result<(), AppError> {
    let telling = telling(user);
    let mut before = None;
    loop {
        let jobs = tx.jobs(org, before, Some(crate::jobs::IMPORT), PAGE)?;
        let Some(last) = jobs.last() else { return Ok(()) };
        before = Some(last.id);
        for job in jobs.iter().filter(|job| !matches!(job.state, JobState::Queued | JobState::Running)) {
            let Some(summary) = &job.summary else { continue };
            // Most reports name nobody: those are not taken apart.
            if !telling.iter().any(|text| summary.contains(text.as_str())) {
                continue;
            }
            let Ok(mut report) = serde_json::from_str::<Value>(summary) else { continue };
            blank(&mut report, &telling);
            tx.put_job(&Job { summary: Some(report.to_string()), ..job.clone() })?;
        }
    }
}

/// Texts by which the person is known.
fn telling(user: &User) -> Vec<String> {
    let numbers = [&user.direct_number, &user.mobile_number, &user.caller_id_number];
    let numbers = numbers.into_iter().flatten().map(|number| number.to_string());
    let names = [Some(user.display_name.to_string()), Some(user.username.to_string())];
    let email = user.email.as_ref().map(ToString::to_string);
    let all = names.into_iter().flatten().chain(email).chain(numbers);
    all.filter(|text| text.chars().count() >= TELLING_MIN).collect()
}

/// Every text in it that holds one of these becomes another; names of fields stay.
fn blank(value: &mut Value, telling: &[String]) {
    match value {
        Value::String(text) if telling.iter().any(|told| text.contains(told.as_str())) => {
            *text = ERASED.to_string();
        }
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, telling)),
        Value::Object(members) => members.values_mut().for_each(|member| blank(member, telling)),
        _ => {}
    }
}

#[test]
fn texts_that_tell_of_somebody_are_blanked_and_others_stay() {
    let mut report = serde_json::json!({
        "rows": 2,
        "problems": [{ "found": "ana@example.com", "reason": "is taken by Ana Silva", "row": 1 },
            { "found": "bo@example.com", "reason": "is not an email", "row": 2 }],
    });
    blank(&mut report, &["ana@example.com".to_string(), "Ana Silva".to_string()]);
    assert_eq!(report["problems"][0], serde_json::json!({ "found": ERASED, "reason": ERASED, "row": 1 }));
    assert_eq!(report["problems"][1]["found"], "bo@example.com");
}
