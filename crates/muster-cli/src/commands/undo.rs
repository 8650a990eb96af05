//! `muster undo SEQ`, `muster undo --job ID`.

use serde_json::json;

use crate::args::UndoArgs;
use crate::client::{Request, escape};
use crate::failure::Failure;
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, counted, list_of, text_of};

pub(crate) fn run(session: &mut Session<'_, '_>, args: &UndoArgs) -> Result<(), Failure> {
    let path = match (args.seq, &args.job) {
        (Some(seq), _) => session.path(&format!("/changes/{seq}/undo"))?,
        (None, Some(job)) => session.path(&format!("/jobs/{}/undo", escape(job)))?,
        (None, None) => {
            return Err(Failure::usage("Nothing to take back was named.", "Give SEQ or --job ID."));
        }
    };
    let answer = session.client.send(&Request::post(path, &json!({})));
    let answer = answer.map_err(|failure| why_not(session, args, failure))?;
    session.tell(&answer.value, |console, undone| {
        let changes = counted(count_of(undone, "changes"), "change", "changes");
        console.line(&format!("Taken back: {changes}. This is change {} now.", text_of(&undone["seq"])))?;
        list_of(undone, "notes").iter().try_for_each(|note| console.line(&sentence(&text_of(note))))
    })
}

/// A job that is there and has no changes wrote nothing: a dry run, or one that was refused.
fn why_not(session: &mut Session<'_, '_>, args: &UndoArgs, failure: Failure) -> Failure {
    let (Failure::Problem(problem), Some(job)) = (&failure, &args.job) else { return failure };
    let is_there = session
        .path(&format!("/jobs/{}", escape(job)))
        .is_ok_and(|path| problem.status == 404 && session.client.get(path).is_ok());
    if is_there {
        return Failure::refused("That job wrote nothing.", "There is nothing to take back.");
    }
    failure
}
