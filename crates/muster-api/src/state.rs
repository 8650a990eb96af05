//! What the handlers share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use muster_app::{App, AppError, InstallationTotals};
use muster_domain::ids::OrgId;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::events::Hub;
use crate::metrics::{HttpCounters, Metric};
use crate::problem::Problem;
use crate::shares::{Share, Shares};

/// Use cases that run at once; they mostly wait for the database, which has fewer connections.
const BLOCKING_MAX: usize = 32;
/// Exports that are read at once: each holds one of the database's readers, which are few.
const EXPORTS_MAX: usize = 2;
/// Exports that wait for their clients at once: each holds a thread, and memory or a file.
const EXPORTS_SENT_MAX: usize = 8;
/// Of these, one organization's; one token has one.
const EXPORTS_SENT_OF_ONE_MAX: usize = 4;
/// Of the use cases, those that read what was: they go through whole logs.
const PAST_MAX: usize = BLOCKING_MAX / 4;
/// Of these, one organization's.
const PAST_OF_ONE_MAX: usize = 2;
/// Files that are received at once: each is in memory.
const UPLOADS_MAX: usize = 4;
/// Of these, one organization's.
const UPLOADS_OF_ONE_MAX: usize = 2;
/// Files that are unpacked at once: a workbook takes several times its size.
const OPENED_MAX: usize = 1;
/// How long a request waits for that: a large one takes a minute on a busy machine.
const OPEN_WAIT: Duration = Duration::from_secs(90);
/// A request waits this long for one of the other places.
const PLACE_WAIT: Duration = Duration::from_secs(10);
/// The public status is counted at most this often.
const TOTALS_KEPT: Duration = Duration::from_secs(5);

type MetricsSource = Arc<dyn Fn() -> Vec<Metric> + Send + Sync>;

/// Where phones register, as it is told to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SipServer {
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: String,
    pub host: String,
    pub port: u16,
}

/// What the API serves from. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    app: App,
    ready: Arc<AtomicBool>,
    metrics: MetricsSource,
    version: String,
    sip_servers: Vec<SipServer>,
    token_file: String,
    organization: Option<String>,
    started: Instant,
    blocking: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    exports_sent: Arc<Semaphore>,
    exporting: Shares<OrgId>,
    exporting_by: Shares<Uuid>,
    past: Arc<Semaphore>,
    looking_back: Shares<OrgId>,
    uploads: Arc<Semaphore>,
    opened: Arc<Semaphore>,
    opening: Shares<OrgId>,
    uploading: Shares<OrgId>,
    verifying: Shares<OrgId>,
    hub: Hub,
    http: HttpCounters,
    totals: Mutex<Option<(Instant, InstallationTotals)>>,
    ending: watch::Sender<bool>,
}

/// A place among a bounded number; whoever holds it works.
pub type Place = tokio::sync::OwnedSemaphorePermit;

/// A workbook is opened, and whose it is.
pub type Opening = (Place, Share<OrgId>);

/// That a token's export is under way. Ends when it is dropped or ended before.
pub(crate) struct ExportClaim(Arc<Mutex<Option<Exporting>>>);

struct Exporting {
    _of_token: Share<Uuid>,
    _of_org: Share<OrgId>,
    _place: Place,
}

/// That what was is read for an organization.
pub(crate) struct LookingBack {
    _share: Share<OrgId>,
    _place: Place,
}

impl ExportClaim {
    /// Ends the claim from elsewhere, without keeping it.
    pub(crate) fn ender(&self) -> impl FnOnce() + Send + use<> {
        let claim = Arc::downgrade(&self.0);
        move || {
            if let Some(claim) = claim.upgrade() {
                drop(claim.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
        }
    }
}

impl ApiState {
    /// `ready` is what `/readyz` answers; `metrics` is asked each time that `/metrics` is.
    pub fn new(
        app: App,
        ready: Arc<AtomicBool>,
        metrics: MetricsSource,
        version: impl Into<String>,
    ) -> ApiState {
        let hub = Hub::listening_to(&app);
        ApiState(Arc::new(Inner {
            app,
            ready,
            metrics,
            version: version.into(),
            sip_servers: Vec::new(),
            token_file: "muster-data/owner.token".into(),
            organization: None,
            started: Instant::now(),
            blocking: Arc::new(Semaphore::new(BLOCKING_MAX)),
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            exports_sent: Arc::new(Semaphore::new(EXPORTS_SENT_MAX)),
            exporting: Shares::default(),
            exporting_by: Shares::default(),
            past: Arc::new(Semaphore::new(PAST_MAX)),
            looking_back: Shares::default(),
            uploads: Arc::new(Semaphore::new(UPLOADS_MAX)),
            opened: Arc::new(Semaphore::new(OPENED_MAX)),
            opening: Shares::default(),
            uploading: Shares::default(),
            verifying: Shares::default(),
            hub,
            http: HttpCounters::default(),
            totals: Mutex::new(None),
            ending: watch::Sender::new(false),
        }))
    }

    /// What credentials name as the servers to register at. Only before the state is shared.
    pub fn with_sip_servers(mut self, servers: Vec<SipServer>) -> ApiState {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.sip_servers = servers;
        }
        self
    }

    /// What the commands on the page at `/` name: the file with the owner's token, as it is typed, and the
    /// organization that is there from the beginning. Only before the state is shared.
    pub fn with_commands(mut self, token_file: String, organization: Option<String>) -> ApiState {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.token_file = token_file;
            inner.organization = organization;
        }
        self
    }

    pub(crate) fn token_file(&self) -> &str {
        &self.0.token_file
    }

    pub(crate) fn organization(&self) -> Option<&str> {
        self.0.organization.as_deref()
    }

    /// Ends the event streams, which would otherwise keep a graceful shutdown waiting.
    pub fn shut_down(&self) {
        self.0.ending.send_replace(true);
    }

    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.0.ending.subscribe()
    }

    pub(crate) fn app(&self) -> &App {
        &self.0.app
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.0.hub
    }

    pub(crate) fn http(&self) -> &HttpCounters {
        &self.0.http
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        (self.0.metrics)()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn version(&self) -> &str {
        &self.0.version
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.0.started.elapsed()
    }

    pub(crate) fn sip_servers(&self) -> &[SipServer] {
        &self.0.sip_servers
    }

    /// Runs a use case on a thread that may block. The place is given back when the work ends, also when
    /// the request has gone away meanwhile.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&App) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, Problem> {
        let place = self.place(&self.0.blocking).await?;
        let app = self.0.app.clone();
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&app);
            drop(place);
            result
        });
        match done.await {
            Ok(result) => result.map_err(Problem::from),
            Err(stopped) => Err(Problem::internal(&stopped)),
        }
    }

    /// One at a time per token, and a bounded number of an organization and in all: whoever reads slowly keeps
    /// nobody else waiting.
    pub(crate) fn claim_export(&self, by: Uuid, org: OrgId) -> Result<ExportClaim, Problem> {
        let of_token = self.0.exporting_by.take(by, 1).ok_or_else(|| {
            Problem::busy("this token is fetching a file already: try again when that has ended")
        })?;
        let of_org = self.0.exporting.take(org, EXPORTS_SENT_OF_ONE_MAX).ok_or_else(|| {
            Problem::busy("this organization is being exported already: try again when that has ended")
        })?;
        let place =
            self.0.exports_sent.clone().try_acquire_owned().map_err(|_| {
                Problem::busy("too many exports are under way already: try again in a moment")
            })?;
        let exporting = Exporting { _of_token: of_token, _of_org: of_org, _place: place };
        Ok(ExportClaim(Arc::new(Mutex::new(Some(exporting)))))
    }

    /// What was takes long to read: a few at a time per organization, and a quarter of all places for all of
    /// them together.
    pub(crate) async fn looking_back(&self, org: OrgId) -> Result<LookingBack, Problem> {
        let share = self.0.looking_back.take(org, PAST_OF_ONE_MAX).ok_or_else(|| {
            Problem::busy("this organization is reading what was already: try again when that has ended")
        })?;
        Ok(LookingBack { _share: share, _place: self.place(&self.0.past).await? })
    }

    pub(crate) async fn place_for_export(&self) -> Result<Place, Problem> {
        self.place(&self.0.exports).await
    }

    pub(crate) async fn place_for_upload(&self, org: OrgId) -> Result<(Place, Share<OrgId>), Problem> {
        let share = self.0.uploading.take(org, UPLOADS_OF_ONE_MAX).ok_or_else(|| {
            Problem::busy("this organization is sending other files: try again when one has arrived")
        })?;
        Ok((self.place(&self.0.uploads).await?, share))
    }

    /// For as long as a file is opened, where it has to be unpacked. The job that imports it opens it once
    /// more, one job at a time.
    ///
    /// An organization has one place in the queue, also while what it sent before is still being read: those of
    /// the others come in between, and each waits for no more than theirs.
    pub async fn place_to_open(&self, org: OrgId, is_packed: bool) -> Result<Option<Opening>, Problem> {
        if !is_packed {
            return Ok(None);
        }
        let share = self.0.opening.take(org, 1).ok_or_else(|| {
            Problem::busy(
                "a workbook of this organization is being read already: try again when that has ended",
            )
        })?;
        match tokio::time::timeout(OPEN_WAIT, self.0.opened.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Some((place, share))),
            _ => Err(Problem::busy("other workbooks are being read: try again in a moment")),
        }
    }

    /// Reading a whole log takes a reader of the database for long: one at a time per organization.
    pub(crate) fn share_to_verify(&self, org: OrgId) -> Result<Share<OrgId>, Problem> {
        let share = self.0.verifying.take(org, 1);
        share.ok_or_else(|| Problem::busy("this log is being checked already: try again when that has ended"))
    }

    async fn place(&self, among: &Arc<Semaphore>) -> Result<Place, Problem> {
        match tokio::time::timeout(PLACE_WAIT, among.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(Problem::busy("too many requests are waiting already: try again in a moment")),
        }
    }

    /// What anybody may know of the installation, counted at most every few seconds.
    pub(crate) async fn totals(&self) -> Result<InstallationTotals, Problem> {
        let kept = *self.0.totals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, totals)) = kept
            && at.elapsed() < TOTALS_KEPT
        {
            return Ok(totals);
        }
        let totals = self.blocking(App::installation_totals).await?;
        *self.0.totals.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), totals));
        Ok(totals)
    }
}
