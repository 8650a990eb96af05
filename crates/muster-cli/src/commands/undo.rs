//! `muster undo SEQ`, `muster undo --job ID`, `muster undo --to TIME`.

use serde_json::json;

use crate::args::UndoArgs;
use crate::client::{Request, escape};
use crate::commands::back;
use crate::failure::Failure;
use crate::hints::{Hints, shell_word};
use crate::problem::sentence;
use crate::session::Session;
use crate::value::{count_of, counted, list_of, text_of};

pub(crate) fn run(session: &mut Session<'_, '_>, args: &UndoArgs) -> Result<(), Failure> {
    does_not_hold(args)?;
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
    let hints = session.hints.clone();
    let answer =
        answer.map_err(|failure| with_the_one_in_the_way(&hints, why_not(session, args, failure)))?;
    session.tell(&answer.value, |console, undone| {
        let count = count_of(undone, "changes");
        console.line(&format!("Taken back: {}.", counted(count, "change", "changes")))?;
        console.line(&numbers(&hints, count, count_of(undone, "seq")))?;
        list_of(undone, "notes").iter().try_for_each(|note| console.line(&sentence(&text_of(note))))
    })
}

/// An option that says nothing about what is taken back.
fn does_not_hold(args: &UndoArgs) -> Result<(), Failure> {
    let (what, mend) = match (args.seq, &args.job) {
        (Some(seq), _) if args.review || args.yes => {
            let option = if args.review { "--review" } else { "--yes" };
            let mend = format!(
                "Type `muster undo {seq}`: it acts at once, and its own undo takes it back. --job ID --review and \
                 --to show first what would change."
            );
            (format!("{option} is not for a single change."), mend)
        }
        (None, _) if args.together => (
            "--together is for a single change.".to_owned(),
            "A job and --to are taken back whole.".to_owned(),
        ),
        (None, None) if args.review => {
            ("--review is for --job.".to_owned(), "--to always shows first what would change.".to_owned())
        }
        _ => return Ok(()),
    };
    Err(Failure::usage(what, mend))
}

/// The numbers of the changes that were made, of which `last` is the newest: they follow each other.
fn numbers(hints: &Hints, count: u64, last: u64) -> String {
    if count <= 1 {
        let back = hints.command(&format!("undo {last}"));
        return format!("This is change {last} now; to take this back: {back}");
    }
    let first = last.saturating_sub(count - 1).max(1);
    let back = hints.command(&format!("undo {last} --together"));
    format!("These are changes {first} to {last} now; to take this back: {back}")
}

/// How all that was made together with the one change that is in the way is taken back.
fn with_the_one_in_the_way(hints: &Hints, failure: Failure) -> Failure {
    match failure {
        Failure::Problem(mut problem) if problem.hint.is_none() => {
            if let Some(by) = problem.undone_by() {
                let again = hints.command(&format!("undo {by} --together"));
                problem.hint = Some(format!("To have all of it again: {again}"));
                return Failure::Problem(problem);
            }
            let seq = problem.only_change_in_the_way();
            problem.hint = seq.map(|seq| {
                let together = hints.command(&format!("undo {seq} --together"));
                format!(
                    "Whatever was made together with change {seq}, such as an import, goes with: {together}"
                )
            });
            Failure::Problem(problem)
        }
        other => other,
    }
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
