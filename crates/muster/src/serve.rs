//! `muster serve`: opens the store, starts the phone core, its followers and the API, and ends them in
//! the opposite order.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muster_api::{ApiState, SipServer};
use muster_app::App;
use muster_edge::{EdgeConfig, EdgeError, EdgeEvent, EdgeHandle};
use muster_store::{KeyRing, Store};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::call_log::CallLog;
use crate::call_records::CallRecords;
use crate::config::{Config, LogFormat, ServeArgs};
use crate::followers::{Followers, presence};
use crate::{banner, data_dir, demo, http, metrics, owner_token, reach, registrations, restore};

/// The API gets this long to finish what it is doing; the whole end is to take less than ten seconds.
const DRAIN: Duration = Duration::from_secs(4);

pub fn serve(args: ServeArgs) -> Result<(), String> {
    let config = args.resolve()?;
    start_log(config.log);
    http::raise_descriptor_limit();
    let _folder = data_dir::take(&config.data, config.http)?;
    restore::finish_before_start(&config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start the runtime: {e}"))?;
    // The port is taken first: a second server must not touch the first one's data.
    let listener = runtime.block_on(listen(config.http))?;
    let app = open_app(&config)?;
    app.set_public_url(&public_url(&config, &listener));
    let owner = owner_token::ready(&app, &config.data)?;
    let edge = start_phones(&config, &app)?;
    let holder = format!("{}:{}", host_name(), config.data.display());
    let followers = Followers::start(&app, &edge, &config.data, &holder)?;
    let mut accounts = Vec::new();
    if config.demo {
        let operator = app.authenticate(&owner).map_err(|e| format!("the owner token does not work: {e}"))?;
        demo::make(&app, &operator, &config.data)?;
        accounts = demo::accounts(&app, &operator, &config.data);
    }
    let ready = Arc::new(AtomicBool::new(false));
    let state =
        ApiState::new(app.clone(), ready.clone(), metrics::of(&app, &edge), env!("CARGO_PKG_VERSION"))
            .with_sip_servers(sip_servers(&config, &edge))
            .with_commands(banner::token_file(&config.data), config.demo.then(|| demo::SLUG.to_owned()));
    say_what_runs(&config, &edge, &listener, &accounts);
    ready.store(true, Ordering::Release);
    runtime.block_on(serve_http(listener, state, &edge));
    ready.store(false, Ordering::Release);
    followers.stop();
    edge.shutdown();
    runtime.shutdown_timeout(Duration::from_secs(2));
    tracing::info!("ended");
    Ok(())
}

async fn serve_http(listener: TcpListener, state: ApiState, edge: &EdgeHandle) {
    let (end, ending) = tokio::sync::watch::channel(false);
    let server = http::serve(listener, muster_api::router(state.clone()), ending);
    let drained = async {
        end_asked().await;
        tracing::info!("ending");
        // The phones say goodbye while requests are finished.
        edge.end_calls();
        state.shut_down();
        end.send_replace(true);
        tokio::time::sleep(DRAIN).await;
    };
    // A client that neither reads nor goes is not waited for.
    tokio::select! {
        () = server => {}
        () = drained => {}
    }
}

async fn end_asked() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}

async fn listen(addr: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(addr).await.map_err(|e| match e.kind() {
        std::io::ErrorKind::AddrInUse => {
            let by = muster_edge::tcp_port_owner(addr);
            taken("HTTP", addr, by.as_deref(), "--http")
        }
        _ => format!("cannot listen on HTTP {addr}: {}", why_not(&e, "--http")),
    })
}

/// Which port, by whom, and which option moves us, to the next port for example.
fn taken(what: &str, addr: SocketAddr, by: Option<&str>, option: &str) -> String {
    let by = by.unwrap_or("another program");
    let next = SocketAddr::new(addr.ip(), addr.port().checked_add(1).unwrap_or(1024));
    format!("{what} port {addr} is taken by {by}; stop it, or choose another, as with {option} {next}")
}

/// Why an address cannot be had though nobody else has it, and what mends it.
fn why_not(error: &std::io::Error, option: &str) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrNotAvailable => {
            format!(
                "this machine has no such address; choose one that it has, or 0.0.0.0 for all, with {option}"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("ports below 1024 need the right to them; choose another with {option}")
        }
        _ => format!("{error}; choose another address with {option}"),
    }
}

fn no_phones(error: EdgeError) -> String {
    match error {
        EdgeError::PortTaken { addr, transport, by } => {
            taken(&format!("SIP ({transport})"), addr, by.as_deref(), "--sip")
        }
        EdgeError::Bind { addr, transport, source } => {
            format!("cannot listen on SIP ({transport}) {addr}: {}", why_not(&source, "--sip"))
        }
        other => other.to_string(),
    }
}

fn open_app(config: &Config) -> Result<App, String> {
    let path = config.data.join("muster.keys");
    let is_new = !path.exists();
    let keys = KeyRing::load_or_create(&path).map_err(|e| e.to_string())?;
    let store =
        Store::open(&muster_store::Config { url: config.database.clone(), keys, readers: 0, writers: 0 })
            .map_err(|e| format!("cannot open the database {}: {e}", named(&config.database)))?;
    let organizations =
        store.read(|r| r.organizations()).map_err(|e| format!("cannot read the database: {e}"))?;
    if is_new && !organizations.is_empty() {
        // A new key opens nothing that is there, and must not pass for the old one.
        let _ = std::fs::remove_file(&path);
        let path = path.display();
        return Err(format!(
            "{path} is missing: without it no SIP secret of this database can be read; restore it"
        ));
    }
    Ok(App::in_folder(store, Some(config.data.clone())))
}

/// The database's address as it can be shown: its password is nobody's who reads the log.
pub fn named(database: &str) -> String {
    let database = database.split('?').next().unwrap_or_default();
    let (scheme, rest) = database.split_once("://").unwrap_or(("", database));
    match rest.rsplit_once('@') {
        Some((_, place)) if !scheme.is_empty() => format!("{scheme}://…@{place} (--database)"),
        _ => format!("{database} (--database)"),
    }
}

fn start_phones(config: &Config, app: &App) -> Result<EdgeHandle, String> {
    let mut edge = EdgeConfig::new(&config.data);
    edge.udp = vec![config.sip];
    edge.tcp = vec![config.sip];
    edge.public_host = config.public_host.clone();
    let log = CallLog::open(&config.data.join("calls.jsonl"))
        .map_err(|e| format!("cannot write call records in {}: {e}", config.data.display()))?;
    let log = std::sync::Mutex::new(log);
    let records = CallRecords::start(app)?;
    let events = app.clone();
    let handle = muster_edge::start(edge, move |event| {
        if let EdgeEvent::Presence { org, view } = &event {
            events.phones().set_presence(*org, view.user, presence(view));
        }
        log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).write(&event);
        records.send(&event);
    })
    .map_err(no_phones)?;
    registrations::connect(app, &handle);
    Ok(handle)
}

/// What links in mails begin with.
fn public_url(config: &Config, listener: &TcpListener) -> String {
    config.public_url.clone().unwrap_or_else(|| {
        let listens = listener.local_addr().unwrap_or(config.http);
        // The last one is what others reach it by.
        let host = reach::hosts(listens, config.public_host.as_deref()).pop();
        format!("http://{}", host.unwrap_or_else(|| listens.to_string()))
    })
}

/// Where people are told to register.
fn sip_servers(config: &Config, edge: &EdgeHandle) -> Vec<SipServer> {
    let of = |transport: &str, addrs: &[SocketAddr]| {
        let addr = addrs.first().copied().unwrap_or(config.sip);
        let host = reach::phones_host(addr, config.public_host.as_deref());
        SipServer { transport: transport.to_string(), host, port: addr.port() }
    };
    vec![of("udp", edge.udp_addrs()), of("tcp", edge.tcp_addrs())]
}

fn start_log(format: LogFormat) {
    let filter = EnvFilter::try_from_env("MUSTER_LOG_FILTER").unwrap_or_else(|_| EnvFilter::new("info"));
    // Colours are for eyes: not in a file, and not for who declines them (no-color.org).
    let declined = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = std::io::stderr().is_terminal() && !declined;
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    // A line that cannot be written is lost; saying so on the same stderr would panic on a full disk.
    let lines = lines.log_internal_errors(false);
    match format {
        LogFormat::Text => lines.with_target(false).init(),
        LogFormat::Json => lines.json().init(),
    }
}

fn say_what_runs(config: &Config, edge: &EdgeHandle, listener: &TcpListener, accounts: &[demo::Account]) {
    let http = listener.local_addr().unwrap_or(config.http);
    let sip = edge.udp_addrs().first().copied().unwrap_or(config.sip);
    for addr in [http, sip] {
        if !addr.ip().is_loopback() {
            tracing::warn!(%addr, "listens beyond this machine without TLS: passwords and calls can be read on the way");
        }
    }
    banner::print(config, http, sip, accounts);
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "host".into(), |name| name.trim().to_string())
}

#[test]
fn the_password_of_a_database_is_not_shown() {
    assert_eq!(named("postgres://ana:p@ss@db:5432/muster"), "postgres://…@db:5432/muster (--database)");
    assert_eq!(named("postgres://db/muster?password=p"), "postgres://db/muster (--database)");
    assert_eq!(named("sqlite:/a@b/muster.db"), "sqlite:/a@b/muster.db (--database)");
}
