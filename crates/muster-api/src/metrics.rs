//! `/metrics`: the Prometheus text exposition (version 0.0.4), written by hand.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a number does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows while the program runs.
    Counter,
    Gauge,
}

/// One number at this moment. Metrics of one name stand together and differ in their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// In the form that Prometheus wants, the unit last: `muster_sip_registrations_total`.
    pub name: &'static str,
    /// One sentence.
    pub help: &'static str,
    pub kind: MetricKind,
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

impl Metric {
    pub fn counter(name: &'static str, help: &'static str, value: f64) -> Metric {
        Metric { name, help, kind: MetricKind::Counter, labels: Vec::new(), value }
    }

    pub fn gauge(name: &'static str, help: &'static str, value: f64) -> Metric {
        Metric { name, help, kind: MetricKind::Gauge, labels: Vec::new(), value }
    }

    pub fn label(mut self, name: &'static str, value: impl Into<String>) -> Metric {
        self.labels.push((name, value.into()));
        self
    }
}

pub const CONTENT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The exposition of these metrics. Those of one name must be neighbours.
pub fn exposition(metrics: &[Metric]) -> String {
    let mut text = String::with_capacity(metrics.len() * 96);
    let mut before = "";
    for metric in metrics {
        if metric.name != before {
            head(
                &mut text,
                metric.name,
                metric.help,
                match metric.kind {
                    MetricKind::Counter => "counter",
                    MetricKind::Gauge => "gauge",
                },
            );
            before = metric.name;
        }
        let labels: Vec<(&str, &str)> = metric.labels.iter().map(|(n, v)| (*n, v.as_str())).collect();
        sample(&mut text, metric.name, &labels, metric.value);
    }
    text
}

fn head(text: &mut String, name: &str, help: &str, kind: &str) {
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: f64) {
    text.push_str(name);
    for (at, (label, value)) in labels.iter().enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{}{label}=\"{value}\"", if at == 0 { '{' } else { ',' });
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// Upper ends of the histogram of durations, in seconds.
const BUCKETS_S: [f64; 9] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0, 10.0];

/// Requests by method, route and status. The routes are those of the router, so this stays small.
#[derive(Default)]
pub struct HttpCounters {
    by_route: Mutex<BTreeMap<(String, String, u16), Count>>,
    in_flight: AtomicI64,
}

#[derive(Clone, Copy, Default)]
struct Count {
    requests: u64,
    seconds: f64,
    buckets: [u64; BUCKETS_S.len()],
}

impl HttpCounters {
    pub fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub fn end(&self, method: &str, route: &str, status: u16, took: Duration) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        let mut by_route = self.by_route.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_route.entry((route.to_string(), method.to_string(), status)).or_default();
        count.requests += 1;
        count.seconds += seconds;
        for (end, bucket) in BUCKETS_S.iter().zip(&mut count.buckets) {
            *bucket += u64::from(seconds <= *end);
        }
    }

    pub fn exposition(&self) -> String {
        let mut text = String::new();
        let in_flight = self.in_flight.load(Ordering::Relaxed).max(0) as f64;
        head(&mut text, "muster_http_requests_in_flight", "HTTP requests being answered.", "gauge");
        sample(&mut text, "muster_http_requests_in_flight", &[], in_flight);
        let name = "muster_http_request_duration_seconds";
        head(&mut text, name, "Time until the answer's head, by route, method and status.", "histogram");
        for ((route, method, status), count) in &*self.by_route.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let status = status.to_string();
            let labels =
                [("route", route.as_str()), ("method", method.as_str()), ("status", status.as_str())];
            let with = |end: &str| {
                [labels.as_slice(), &[("le", end)]]
                    .concat()
                    .iter()
                    .map(|(n, v)| (n.to_string(), v.to_string()))
                    .collect::<Vec<_>>()
            };
            for (end, bucket) in BUCKETS_S
                .iter()
                .map(f64::to_string)
                .zip(count.buckets)
                .chain([("+Inf".into(), count.requests)])
            {
                let owned = with(&end);
                let labels: Vec<(&str, &str)> = owned.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                sample(&mut text, &format!("{name}_bucket"), &labels, bucket as f64);
            }
            sample(&mut text, &format!("{name}_sum"), &labels, count.seconds);
            sample(&mut text, &format!("{name}_count"), &labels, count.requests as f64);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_one_name_share_a_head_and_labels_are_escaped() {
        let metrics = [
            Metric::counter("a_total", "Things.", 1.0).label("why", "a \"b\"\\\n"),
            Metric::counter("a_total", "Things.", 2.5),
            Metric::gauge("b", "Others.", 0.0),
        ];
        assert_eq!(
            exposition(&metrics),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{why=\"a \\\"b\\\"\\\\\\n\"} 1\n\
             a_total 2.5\n# HELP b Others.\n# TYPE b gauge\nb 0\n"
        );
    }

    #[test]
    fn durations_are_counted_in_every_bucket_that_holds_them() {
        let counters = HttpCounters::default();
        counters.begin();
        counters.end("GET", "/x", 200, Duration::from_millis(30));
        let text = counters.exposition();
        assert!(
            text.contains("_bucket{route=\"/x\",method=\"GET\",status=\"200\",le=\"0.02\"} 0\n"),
            "{text}"
        );
        assert!(text.contains("le=\"0.05\"} 1\n") && text.contains("le=\"+Inf\"} 1\n"), "{text}");
        assert!(text.contains("_count{route=\"/x\",method=\"GET\",status=\"200\"} 1\n"), "{text}");
        assert!(text.contains("in_flight 0\n"), "{text}");
    }
}
