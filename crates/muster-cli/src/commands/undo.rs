//! `muster undo SEQ`, `muster undo --job ID`, `muster undo --to TIME`.

use serde_json::json;

use crate::args::UndoArgs;
use crate::client::{Request, escape};
use crate::commands::back;
use crate::failure::Failure;
use crate::hints::shell_word;
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, counted, list_of, text_of};

pub(crate) fn run(session: &mut Session<'_, '_>, args: &UndoArgs) -> Result<(), Failure> {
    if let Some(to) = &args.to {
        let order = json!({ "what": "people", "to": to });
        return back::go(session, &order, args.yes, &format!("undo --to {}", shell_word(to)));
    }
    if let Some(job) = args.job.as_ref().filter(|_| args.review) {
        let order = json!({ "what": "job", "id": job });
        let command = format!("undo --job {} --review", shell_word(job));
        let done = back::go(session, &order, args.yes, &command);
        return done.map_err(|failure| why_not(session, args, failure));
    }
    let path = match (args.seq, &args.job) {
        (Some(seq), _) => session.path(&format!("/changes/{seq}/undo"))?,
        (None, Some(job)) => session.path(&format!("/jobs/{}/undo", escape(job)))?,
        (None, None) => {
            return Err(Failure::usage(
                "Nothing to take back was named.",
                "Give SEQ, --job ID or --to TIME.",
            ));
        }
    };
    let body = if args.together { json!({ "together": true }) } else { json!({}) };
    let answer = session.client.send(&Request::post(path, &body));
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
