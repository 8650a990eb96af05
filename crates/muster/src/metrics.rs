//! What the program counts, for `/metrics`.

use std::sync::Arc;

use muster_api::Metric;
use muster_app::App;
use muster_edge::EdgeHandle;

/// Asks the phone core and the edge each time that somebody looks.
pub fn of(app: &App, edge: &EdgeHandle) -> Arc<dyn Fn() -> Vec<Metric> + Send + Sync> {
    let (app, edge) = (app.clone(), edge.clone());
    Arc::new(move || {
        let mut metrics = Vec::new();
        let (registered, on_call) = app.phones().totals();
        let gauge = |name, help, value: usize| Metric::gauge(name, help, value as f64);
        metrics.push(gauge("muster_people_registered", "People with a phone registered.", registered));
        metrics.push(gauge("muster_people_on_call", "People on a call.", on_call));
        metrics.push(gauge(
            "muster_credentials_unreadable",
            "SIP passwords that do not decrypt: their phones cannot register.",
            app.phones().unreadable_credentials(),
        ));
        let backups = app.backups();
        metrics.push(Metric::counter(
            "muster_backups_total",
            "Backups of the installation that were made.",
            backups.made() as f64,
        ));
        metrics.push(Metric::gauge(
            "muster_backup_last_timestamp_seconds",
            "When the last of them was made; 0 if none was since the program started.",
            backups.last_at().map_or(0.0, |at| at.0 as f64 / 1000.0),
        ));
        edge_metrics(&edge, &mut metrics);
        core_metrics(&edge, &mut metrics);
        metrics
    })
}

fn edge_metrics(edge: &EdgeHandle, metrics: &mut Vec<Metric>) {
    let c = edge.counters();
    let requests = |name, help, counts: &[(&'static str, u64)]| {
        let metric = |(method, n): &(&'static str, u64)| {
            Metric::counter(name, help, *n as f64).label("method", *method)
        };
        counts.iter().map(metric).collect::<Vec<_>>()
    };
    let answers = |name, help, counts: &[(u16, u64)]| {
        let metric = |(status, n): &(u16, u64)| {
            Metric::counter(name, help, *n as f64).label("status", status.to_string())
        };
        counts.iter().map(metric).collect::<Vec<_>>()
    };
    metrics.extend(requests(
        "muster_sip_requests_received_total",
        "SIP requests received.",
        &c.requests_received,
    ));
    metrics.extend(requests("muster_sip_requests_sent_total", "SIP requests sent.", &c.requests_sent));
    metrics.extend(answers(
        "muster_sip_responses_received_total",
        "SIP responses received.",
        &c.responses_received,
    ));
    metrics.extend(answers("muster_sip_responses_sent_total", "SIP responses sent.", &c.responses_sent));
    for (name, help, value) in [
        ("muster_sip_malformed_total", "Datagrams that are no SIP at all.", c.malformed),
        ("muster_sip_dropped_received_total", "Messages thrown away at a limit.", c.dropped_received),
        ("muster_sip_dropped_sent_total", "Messages that could not be sent.", c.dropped_sent),
        ("muster_sip_panics_total", "Messages that the phone core failed on.", c.panics),
        ("muster_sip_tcp_refused_total", "TCP connections refused at a limit.", c.tcp_refused),
        ("muster_journal_errors_total", "Failed writes of the journal of registrations.", c.journal_errors),
        ("muster_call_events_lost_total", "Events that nobody had room for.", c.events_lost),
    ] {
        metrics.push(Metric::counter(name, help, value as f64));
    }
    metrics.push(Metric::gauge("muster_sip_tcp_connections", "TCP connections open.", c.tcp_open as f64));
    metrics.push(Metric::gauge(
        "muster_journal_bytes",
        "Size of the journal of registrations.",
        c.journal_bytes as f64,
    ));
}

fn core_metrics(edge: &EdgeHandle, metrics: &mut Vec<Metric>) {
    let Ok(c) = edge.core_counters() else { return };
    for (name, help, value) in [
        ("muster_sip_bindings", "Registered contacts.", c.bindings),
        ("muster_calls", "Calls that have not ended.", c.calls),
        ("muster_sip_subscriptions", "Subscriptions of watchers.", c.subscriptions),
        ("muster_sip_transactions", "Transactions remembered.", c.transactions),
    ] {
        metrics.push(Metric::gauge(name, help, value as f64));
    }
    for (name, help, value) in [
        ("muster_calls_started_total", "Calls started.", c.calls_started),
        ("muster_calls_answered_total", "Calls answered.", c.calls_answered),
        ("muster_sip_digest_wrong_total", "Wrong passwords.", c.digest_wrong),
        ("muster_sip_digest_replayed_total", "Digests that were seen before.", c.digest_replayed),
        (
            "muster_sip_digest_limited_total",
            "Wrong passwords beyond what one address may try for one name.",
            c.digest_limited,
        ),
        ("muster_sip_digest_misdirected_total", "Digests made for another request.", c.digest_misdirected),
        ("muster_sip_limited_total", "Requests refused at a limit.", c.limited),
    ] {
        metrics.push(Metric::counter(name, help, value as f64));
    }
}
