//! `/metrics`: all names stand here. What the API counts itself, and what the daemon says of itself at each scrape.

use std::fmt::Write;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::Timestamp;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::intake::Why;
use crate::words::{Gauges, IncidentGauge};

/// The Alertmanager whose API this one is like; karma chooses its dialect by it.
pub const ALERTMANAGER: &str = "0.34.0";
/// Series of anomalies, of forecasts, and relations of incidents in one scrape, the highest first: it stays small in a storm.
const LEVELS_MAX: usize = 500;

type Labels = Vec<(&'static str, String)>;
type Real = Gauge<f64, AtomicU64>;

/// What this crate counts.
pub struct Telemetry {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram, fn() -> Histogram>,
    accepted: Family<Labels, Counter>,
    refused: Family<Labels, Counter>,
    dropped: Family<Labels, Counter>,
    bytes: Family<Labels, Counter>,
    unknown: Counter,
}

fn histogram() -> Histogram {
    Histogram::new([0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0])
}

impl Telemetry {
    pub fn new() -> Telemetry {
        let mut registry = Registry::default();
        let new = Telemetry {
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            accepted: Family::default(),
            refused: Family::default(),
            dropped: Family::default(),
            bytes: Family::default(),
            unknown: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("rootline_http_requests", "HTTP requests answered", new.requests.clone());
        registry.register_with_unit(
            "rootline_http_request_duration",
            "Time until an answer's head was ready",
            Unit::Seconds,
            new.seconds.clone(),
        );
        registry.register(
            "rootline_receiver_accepted_items",
            "Alerts, series, log lines, call statistics and events taken in",
            new.accepted.clone(),
        );
        registry.register(
            "rootline_receiver_refused_requests",
            "Pushed requests that were not taken in, by reason",
            new.refused.clone(),
        );
        registry.register(
            "rootline_receiver_dropped_items",
            "Items left out of requests that were taken in, by reason",
            new.dropped.clone(),
        );
        registry.register("rootline_receiver_bytes", "Bytes pushed, as they came", new.bytes.clone());
        registry.register(
            "rootline_http_unknown_callers",
            "Requests without a token, or with one that nobody knows",
            new.unknown.clone(),
        );
        Telemetry { registry, ..new }
    }

    pub fn request(&self, method: &Method, route: &str, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET | Method::POST | Method::PUT | Method::DELETE | Method::HEAD => method.as_str(),
            _ => "other",
        };
        let route = ("route", route.to_owned());
        let labels = vec![("method", method.to_owned()), route.clone(), ("status", status.as_str().to_owned())];
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&vec![route]).observe(took.as_secs_f64());
    }

    pub fn accepted(&self, receiver: &'static str, items: usize, bytes: usize) {
        let labels = vec![("receiver", receiver.to_owned())];
        self.accepted.get_or_create(&labels).inc_by(items as u64);
        self.bytes.get_or_create(&labels).inc_by(bytes as u64);
    }

    pub fn refused(&self, receiver: &'static str, why: Why) {
        self.refused.get_or_create(&vec![("receiver", receiver.to_owned()), ("reason", why.word().to_owned())]).inc();
    }

    pub fn dropped(&self, receiver: &'static str, reason: &str, items: u64) {
        let labels = vec![("receiver", receiver.to_owned()), ("reason", reason.to_owned())];
        self.dropped.get_or_create(&labels).inc_by(items);
    }

    pub fn unknown_caller(&self) {
        self.unknown.inc();
    }

    /// OpenMetrics 1.0 text.
    pub fn open_metrics(&self, gauges: &Gauges, now: Timestamp, listeners: usize) -> String {
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = encode(&mut out, &self.registry);
        let _ = encode(&mut out, &of_daemon(gauges, now, listeners));
        let body = out.replace("# EOF\n", "");
        format!("{body}# EOF\n")
    }

    /// The older text format, for who does not ask for OpenMetrics: counters carry their whole name in `TYPE`, and there are
    /// neither units nor an end mark.
    pub fn text(&self, gauges: &Gauges, now: Timestamp, listeners: usize) -> String {
        let open = self.open_metrics(gauges, now, listeners);
        let mut out = String::with_capacity(open.len());
        let mut counters = Vec::new();
        for line in open.lines() {
            if let Some(name) = line.strip_prefix("# TYPE ").and_then(|l| l.strip_suffix(" counter")) {
                counters.push(name);
            }
        }
        for line in open.lines().filter(|l| !l.starts_with("# UNIT ") && *l != "# EOF") {
            let told = line.strip_prefix("# HELP ").or_else(|| line.strip_prefix("# TYPE "));
            match told.and_then(|rest| rest.split_once(' ')) {
                Some((name, rest)) if counters.contains(&name) => {
                    let _ = writeln!(out, "{}{name}_total {rest}", &line[..7]);
                }
                _ => {
                    out.push_str(line);
                    out.push('\n');
                }
            }
        }
        out
    }
}

impl Why {
    pub const fn word(self) -> &'static str {
        match self {
            Why::Full => "full",
            Why::Limit => "limit",
            Why::Store => "store",
            Why::NotReady => "not_ready",
            Why::Malformed => "malformed",
            Why::TooLarge => "too_large",
            Why::Unsupported => "unsupported",
            Why::TooOld => "too_old",
        }
    }
}

/// Registers by one line each.
struct Book(Registry);

impl Book {
    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, help, [(Vec::new(), value)]);
    }

    fn count(&mut self, name: &str, help: &str, value: u64) {
        self.counts(name, help, [(Vec::new(), value)]);
    }

    fn family(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, f64)>) {
        let family = Family::<Labels, Real>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).set(value);
        }
        self.0.register(name, help, family);
    }

    fn counts(&mut self, name: &str, help: &str, rows: impl IntoIterator<Item = (Labels, u64)>) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in rows {
            family.get_or_create(&labels).inc_by(value);
        }
        self.0.register(name, help, family);
    }
}

fn of_daemon(g: &Gauges, now: Timestamp, listeners: usize) -> Registry {
    let mut book = Book(Registry::default());
    let build = |version: &str| {
        vec![("version", version.to_owned()), ("revision", g.revision.clone()), ("branch", String::new())]
    };
    book.family("rootline_build_info", "Version of Rootline", [(build(&g.version), 1.0)]);
    book.family("alertmanager_build_info", "Version of Alertmanager whose API is served", [(build(ALERTMANAGER), 1.0)]);
    book.gauge("rootline_ready", "1 once the state is rebuilt and sources were heard", flag(g.ready));
    book.gauge("rootline_leader", "1 for the replica that leads", flag(g.leader));
    let is_taken = flag(g.config.error.is_empty());
    book.gauge("rootline_config_last_reload_successful", "1 if the last reading of the configuration counts", is_taken);
    book.gauge(
        "rootline_config_last_reload_success_timestamp_seconds",
        "When the configuration in force was read, seconds since 1970",
        g.config.loaded.as_second() as f64,
    );
    book.gauge("rootline_start_time_seconds", "Start, seconds since 1970", g.started_s);
    book.gauge("rootline_sse_listeners", "Open event streams", listeners as f64);
    book.gauge("rootline_queue_items", "Inputs waiting for the pipeline", g.queue as f64);
    book.gauge("rootline_queue_capacity_items", "Inputs that may wait", g.queue_capacity as f64);
    book.count("rootline_ticks", "Ticks of the pipeline", g.ticks);
    book.gauge("rootline_tick_time_seconds", "Time all ticks took together", g.tick_s_sum);
    book.gauge("rootline_tick_slowest_seconds", "The slowest tick of the last minutes", g.tick_s_max);
    book.gauge("rootline_store_size_bytes", "Size of the store", g.store_bytes as f64);
    book.count("rootline_store_writes", "Transactions written", g.store_writes);
    book.count("rootline_store_errors", "Transactions that failed", g.store_errors);
    book.count("rootline_clock_jumps", "Times that the clock of the system jumped", g.clock_jumps);
    book.gauge("rootline_series", "Series watched", g.series as f64);
    book.count("rootline_series_limit_hits", "New series refused by the limit", g.series_limit_hits);
    book.gauge("rootline_log_templates", "Log templates known", g.log_templates as f64);
    book.gauge("rootline_entities", "Things known in the cluster", g.entities as f64);
    book.gauge("rootline_alerts_firing", "Alerts that fire", g.alerts_firing as f64);
    outbox(&mut book, g);
    sources(&mut book, g, now);
    pipes(&mut book, g);
    incidents(&mut book, &g.incidents);
    signals(&mut book, g);
    for rows in g.counted.chunk_by(|a, b| a.name == b.name) {
        if let Some(first) = rows.first() {
            book.counts(first.name, first.help, rows.iter().map(|r| (r.labels.clone(), r.value)));
        }
    }
    book.0
}

fn outbox(book: &mut Book, g: &Gauges) {
    let by = |channel: &str| vec![("channel", channel.to_owned())];
    let waiting = g.outbox.iter().map(|o| (by(&o.channel), o.waiting as f64));
    book.family("rootline_outbox_waiting_messages", "Messages not sent yet", waiting);
    let sent = g.outbox.iter().map(|o| (by(&o.channel), o.sent));
    book.counts("rootline_outbox_sent_messages", "Messages sent", sent);
    let failed = g.outbox.iter().map(|o| (by(&o.channel), o.failed));
    book.counts("rootline_outbox_failed_attempts", "Attempts to send that failed", failed);
    let dead = g.outbox.iter().map(|o| (by(&o.channel), o.dead as f64));
    book.family("rootline_outbox_dead_messages", "Messages given up", dead);
}

fn sources(book: &mut Book, g: &Gauges, now: Timestamp) {
    let by = |s: &crate::words::SourceState| vec![("source", s.name.clone()), ("kind", s.kind.clone())];
    book.family(
        "rootline_source_up",
        "1 if the last attempt went well",
        g.sources.iter().map(|s| (by(s), flag(s.error.is_empty() && s.last_success.is_some()))),
    );
    book.family(
        "rootline_source_silence_seconds",
        "Time since a source was heard",
        g.sources.iter().filter_map(|s| Some((by(s), now.duration_since(s.last_success?).as_secs_f64().max(0.0)))),
    );
    book.family(
        "rootline_source_lag_seconds",
        "How far a source's data is behind",
        g.sources.iter().filter_map(|s| Some((by(s), s.lag_s?))),
    );
}

fn pipes(book: &mut Book, g: &Gauges) {
    let by = |name: &str| vec![("pipe", name.to_owned())];
    let passed = g.pipes.iter().map(|p| (by(&p.name), p.passed));
    book.counts("rootline_pipe_passed_items", "Items forwarded or read, taken by the other side", passed);
    let failed = g.pipes.iter().map(|p| (by(&p.name), p.failed));
    book.counts("rootline_pipe_failed_attempts", "Attempts to forward or read that failed", failed);
    let waiting = g.pipes.iter().map(|p| (by(&p.name), p.waiting as f64));
    book.family("rootline_pipe_waiting_items", "Items that wait to be forwarded", waiting);
    let dropped = g.pipes.iter().flat_map(|p| {
        let row =
            |(reason, n): &(&'static str, u64)| (vec![("pipe", p.name.clone()), ("reason", (*reason).to_owned())], *n);
        p.dropped.iter().map(row).collect::<Vec<_>>()
    });
    book.counts("rootline_pipe_dropped_items", "Items given up, by reason", dropped);
}

fn incidents(book: &mut Book, all: &[IncidentGauge]) {
    let labels = |i: &IncidentGauge| {
        vec![
            ("id", i.id.to_string()),
            ("severity", severity(i).to_owned()),
            ("cause", i.code.clone()),
            ("entity", i.entity.clone()),
            ("acked", i.acked.to_string()),
        ]
    };
    book.family("rootline_incident", "Open incidents, 1 each", all.iter().map(|i| (labels(i), 1.0)));
    let cause =
        |i: &IncidentGauge| vec![("id", i.id.to_string()), ("cause", i.code.clone()), ("entity", i.entity.clone())];
    let sure = all.iter().filter(|i| !i.code.is_empty()).map(|i| (cause(i), i.confidence));
    book.family("rootline_cause_confidence", "How sure the best cause of an open incident is, 0 to 1", sure);
    let members = all.iter().map(|i| (vec![("id", i.id.to_string())], f64::from(i.members)));
    book.family("rootline_incident_members", "Alerts, facts and anomalies of an open incident", members);
    book.family(
        "rootline_incident_edge",
        "Relations inside an open incident, for a picture of the fault chain",
        edges(all),
    );
    let count = |word| all.iter().filter(|i| severity(i) == word).count() as f64;
    let words = ["warning", "error", "critical"];
    let counted = words.map(|word| (vec![("severity", word.to_owned())], count(word)));
    book.family("rootline_incidents_open", "Open incidents by severity", counted);
}

fn edges(all: &[IncidentGauge]) -> Vec<(Labels, f64)> {
    let of = |i: &IncidentGauge| {
        let id = i.id.to_string();
        let row = move |(source, relation, target): &(String, String, String)| {
            vec![
                ("id", id.clone()),
                ("source", source.clone()),
                ("relation", relation.clone()),
                ("target", target.clone()),
            ]
        };
        i.edges.iter().map(row).collect::<Vec<_>>()
    };
    all.iter().flat_map(of).take(LEVELS_MAX).map(|labels| (labels, 1.0)).collect()
}

fn signals(book: &mut Book, g: &Gauges) {
    let mut levels: Vec<_> = g.anomalies.iter().collect();
    levels.sort_by(|a, b| b.level.total_cmp(&a.level));
    let rows = levels.into_iter().take(LEVELS_MAX).map(|l| {
        let by = vec![("detector", l.detector.clone()), ("entity", l.entity.clone()), ("series", l.series.clone())];
        (by, l.level)
    });
    book.family("rootline_anomaly_level", "How abnormal a series is, 0 to 1", rows);
    let mut forecasts: Vec<_> = g.forecasts.iter().collect();
    forecasts.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    forecasts.truncate(LEVELS_MAX);
    let by = |f: &crate::words::Forecast| vec![("entity", f.entity.clone()), ("series", f.series.clone())];
    let when = forecasts.iter().map(|f| (by(f), f.reaches_limit_s));
    book.family("rootline_forecast_limit_seconds", "Time until a series reaches its limit, median", when);
    let sure = forecasts.iter().map(|f| (by(f), f.probability));
    book.family("rootline_forecast_limit_probability", "That a series reaches its limit, 0 to 1", sure);
}

const fn severity(incident: &IncidentGauge) -> &'static str {
    match incident.severity {
        rootline_model::Severity::Warning => "warning",
        rootline_model::Severity::Error => "error",
        rootline_model::Severity::Critical => "critical",
    }
}

const fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_of_an_incident_are_rows_that_a_picture_can_be_drawn_from() {
        let incident = IncidentGauge {
            id: 17,
            severity: rootline_model::Severity::Error,
            acked: false,
            members: 2,
            code: "config.secret_missing".to_owned(),
            entity: "deployment/shop/db".to_owned(),
            confidence: 0.9,
            edges: vec![("deployment/shop/db".to_owned(), "calls".to_owned(), "deployment/shop/cart".to_owned())],
        };
        let gauges = Gauges { incidents: vec![incident], ..Gauges::default() };
        let text = Telemetry::new().text(&gauges, Timestamp::UNIX_EPOCH, 0);
        let row = "rootline_incident_edge{id=\"17\",source=\"deployment/shop/db\",relation=\"calls\",target=\"deployment/shop/cart\"} 1";
        assert!(text.lines().any(|l| l.starts_with(row)), "{text}");
    }
}
