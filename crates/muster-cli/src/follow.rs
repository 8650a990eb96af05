//! Watching a job until it has ended.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::clean::clean;
use crate::client::escape;
use crate::console::Console;
use crate::failure::Failure;
use crate::hints::Hints;
use crate::session::Session;
use crate::value::{count_of, grouped, text_of};

/// Short jobs are over after a few looks; long ones are not asked about all the time.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// A job that takes longer is one that people leave.
const LONG: Duration = Duration::from_secs(2);
/// Without a terminal, a line this often.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// A server that is restarted carries the job on; we wait this long for it to be back.
const AWAY_MAX: Duration = Duration::from_secs(60);

/// The job as it is when it has ended.
pub(crate) fn until_ended(session: &mut Session<'_, '_>, job: &str) -> Result<Value, Failure> {
    let path = session.path(&format!("/jobs/{}", escape(job)))?;
    let mut shown = Shown::new(session);
    let mut pause = PAUSE_MIN;
    let mut away_since: Option<Instant> = None;
    loop {
        match session.client.get(path.as_str()) {
            Ok(answer) if has_ended(&answer.value) => {
                shown.clear();
                return Ok(answer.value);
            }
            Ok(answer) => {
                away_since = None;
                shown.update(session.console, &answer.value);
            }
            Err(failure) => {
                let Some((what, whom)) = who_is_away(&failure) else {
                    shown.clear();
                    return Err(failure);
                };
                let since = *away_since.get_or_insert_with(|| {
                    shown.say(session.console, &format!("{what} The job is kept; waiting for the {whom}."));
                    Instant::now()
                });
                if since.elapsed() > AWAY_MAX {
                    shown.clear();
                    let to_return = shown.how_to_return(job);
                    return Err(Failure::refused(what, format!("When the {whom} is back: {to_return}")));
                }
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 3 / 2).min(PAUSE_MAX);
    }
}

/// What a failure says, and what is waited for, where the job goes on by itself: its state is not known
/// meanwhile, and nothing that the server says of the asking is about the job.
fn who_is_away(failure: &Failure) -> Option<(String, &'static str)> {
    match failure {
        Failure::Network(network) => Some((network.what.clone(), "server")),
        Failure::Problem(problem) if problem.status == 503 => {
            Some(("The server cannot reach its database.".to_owned(), "database"))
        }
        _ => None,
    }
}

pub(crate) fn has_ended(job: &Value) -> bool {
    !matches!(job["state"].as_str(), Some("queued" | "running"))
}

/// Rows of the file, rows judged and rows written so far.
pub(crate) fn rows(job: &Value) -> (u64, u64, u64) {
    let progress = &job["progress"];
    let total = count_of(progress, "rows_total").max(count_of(job, "rows_total"));
    (
        total,
        count_of(progress, "rows_judged"),
        count_of(progress, "rows_written").max(count_of(job, "rows_done")),
    )
}

/// `waiting for its turn`, `judged 20,000 of 100,000 rows`, `written 512 of 100,000 rows`.
fn doing(job: &Value) -> String {
    let of = |done: u64, total: u64| match total {
        0 => format!("{} rows", grouped(done)),
        total => format!("{} of {} rows", grouped(done), grouped(total)),
    };
    if let Some(why) = job["waiting_for"].as_str() {
        return format!("waiting: {}", clean(why));
    }
    match (job["state"].as_str(), rows(job)) {
        (Some("queued"), _) => "waiting for its turn".to_owned(),
        (_, (total, _, written)) if written > 0 => format!("written {}", of(written, total)),
        (_, (total, judged, _)) => format!("judged {}", of(judged, total)),
    }
}

/// Something moves while a file is sent; it ends when this is dropped.
pub(crate) fn while_sending(console: &Console<'_>, name: &str) -> Option<Sending> {
    console.draw_progress.then(|| {
        let bar = drawn("{spinner} {msg}");
        bar.set_message(format!("sending {}", clean(name)));
        bar.enable_steady_tick(Duration::from_millis(120));
        Sending(bar)
    })
}

pub(crate) struct Sending(ProgressBar);

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn drawn(template: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    // The templates are ours and are right; without one the bar only looks plainer.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// A bar on a terminal, a line now and then elsewhere.
struct Shown {
    bar: Option<ProgressBar>,
    began: Instant,
    last_line: Instant,
    told_how_to_return: bool,
    hints: Hints,
}

impl Shown {
    fn new(session: &Session<'_, '_>) -> Shown {
        let bar = session.console.draw_progress.then(|| drawn("{spinner} {bar:30} {msg} {elapsed}"));
        let now = Instant::now();
        Shown { bar, began: now, last_line: now, told_how_to_return: false, hints: session.hints.clone() }
    }

    fn update(&mut self, console: &mut Console<'_>, job: &Value) {
        if !self.told_how_to_return && self.began.elapsed() >= LONG {
            self.told_how_to_return = true;
            let to_return = self.how_to_return(&text_of(&job["id"]));
            self.say(console, &format!("The job goes on if you leave; to return: {to_return}"));
        }
        let text = doing(job);
        if let Some(bar) = &self.bar {
            let (total, judged, written) = rows(job);
            // Judging and writing take about the same time: each is half of the bar.
            bar.set_length(total.max(1) * 2);
            bar.set_position(judged + written);
            bar.set_message(text);
        } else if self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            let kind = text_of(&job["kind"]);
            console.note(&format!("{kind}: {text}"));
        }
    }

    fn how_to_return(&self, job: &str) -> String {
        self.hints.command(&format!("job show {job} --follow"))
    }

    fn say(&self, console: &mut Console<'_>, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| console.note(text)),
            None => console.note(text),
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
