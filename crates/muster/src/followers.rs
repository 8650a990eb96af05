//! The threads that follow the change log or work beside it, and their common end.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use muster_app::App;
use muster_app::followers::anchor::{self, Anchor};
use muster_app::followers::dial_plan::DialPlanFollower;
use muster_app::mail::MailWorker;
use muster_app::phones::{Presence, PresenceState};
use muster_domain::dial_plan::PlanUpdate;
use muster_edge::EdgeHandle;
use muster_phone::{PhoneState, PresenceView};

pub struct Followers {
    app: App,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Followers {
    /// Starts them all. The phones have everybody who was there when this returns.
    pub fn start(app: &App, edge: &EdgeHandle, data: &Path, holder: &str) -> Result<Followers, String> {
        let mut followers =
            Followers { app: app.clone(), stop: Arc::new(AtomicBool::new(false)), threads: Vec::new() };
        followers.dial_plan(edge)?;
        let (jobs, name) = (app.clone(), holder.to_string());
        followers.spawn("muster-jobs", move |_| jobs.work_on_jobs(&name))?;
        let cycles = app.clone();
        followers.spawn("muster-cycles", move |stop| close_cycles(&cycles, stop))?;
        let anchor = Anchor::new(app.clone(), holder.to_string(), data.join(anchor::FILE));
        followers.spawn("muster-anchor", move |stop| anchor.run(stop))?;
        let mail = MailWorker::new(app.clone(), holder.to_string());
        followers.spawn_alone("muster-mail", move |stop| mail.run(stop))?;
        Ok(followers)
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.app.stop_jobs();
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a follower had ended before its time");
            }
        }
    }

    fn dial_plan(&mut self, edge: &EdgeHandle) -> Result<(), String> {
        let mut follower = DialPlanFollower::new(self.app.clone(), |name, realm, secret| {
            let md5 = muster_sip::digest::ha1_md5(name, realm, secret);
            (md5, muster_sip::digest::ha1_sha256(name, realm, secret))
        });
        let (edge, app) = (edge.clone(), self.app.clone());
        let mut sink = move |update: PlanUpdate| tell_phones(&edge, &app, update);
        follower.step(&mut sink).map_err(|e| format!("cannot read the people: {e}"))?;
        self.spawn("muster-dial-plan", move |stop| follower.run(stop, sink))
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<(), String> {
        let thread = self.spawn_alone(name, work)?;
        self.threads.push(thread);
        Ok(())
    }

    /// One whose end is not waited for: it may wait for somebody else's server, and can be stopped anywhere.
    fn spawn_alone(
        &self,
        name: &str,
        work: impl FnOnce(&AtomicBool) + Send + 'static,
    ) -> Result<JoinHandle<()>, String> {
        let stop = self.stop.clone();
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(move || work(&stop));
        thread.map_err(|e| format!("cannot start the thread {name}: {e}"))
    }
}

/// Hands an update to the phone core. That the phones know everything up to a change is said only when
/// the core itself says so.
fn tell_phones(edge: &EdgeHandle, app: &App, update: PlanUpdate) {
    let reached = match &update {
        PlanUpdate::Reached { org, seq } => Some((*org, *seq)),
        _ => None,
    };
    // A snapshot brings registrations back from the journal; nobody has announced those yet.
    let restored = match &update {
        PlanUpdate::Organization { id, .. } => Some(*id),
        _ => None,
    };
    if edge.plan(update).is_err() {
        // The phone core is gone: the program is ending.
        return;
    }
    for view in restored.and_then(|org| edge.presence(org).ok()).unwrap_or_default() {
        if let Some(org) = restored {
            app.phones().set_presence(org, view.user, presence(&view));
        }
    }
    if let Some((org, seq)) = reached
        && edge.wait_reached(org, seq, std::time::Duration::from_secs(5))
    {
        app.phones().set_reached(org, seq);
    }
}

/// What the contact list shows for what the phone core says.
pub fn presence(view: &PresenceView) -> Presence {
    let state = match view.state {
        PhoneState::Busy => PresenceState::OnCall,
        PhoneState::Ringing => PresenceState::Ringing,
        PhoneState::Idle if view.registered => PresenceState::Available,
        PhoneState::Idle => PresenceState::Offline,
    };
    Presence { state, registered: view.registered }
}

/// How often it is looked whether a billing cycle is over.
const CYCLES_EVERY: Duration = Duration::from_secs(300);

fn close_cycles(app: &App, stop: &AtomicBool) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() >= next {
            next = Instant::now() + CYCLES_EVERY;
            if let Err(error) = app.close_due_cycles() {
                tracing::warn!(%error, "whether billing cycles are over could not be seen");
            }
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
