//! Exporters and kubelets scraped, for clusters without a Prometheus.
//!
//! One task a target, spread over the interval. A page with metrics of core series is read every core interval, of which
//! only those are taken; every whole interval everything that the catalogue wants. What ends, or cannot be read, is
//! marked stale; `up` tells how a target does.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rootline_config::{Config, ScrapeTarget};
use rootline_model::{LabelSet, SeriesBatch};
use rootline_sources::live::LiveOptions;
use rootline_sources::pull::scrape::{Exporter, Kubelets, Scraped};
use rootline_sources::pull::{Credentials, Server};
use rootline_sources::receive::exposition::{self, Page};
use rootline_sources::receive::{Limits, Refused};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use crate::DaemonError;
use crate::input::Input;
use crate::meters;
use crate::pull::Edge;
use crate::seen::Seen;

/// How often nodes are listed.
const NODES_EVERY: Duration = Duration::from_secs(60);
/// Series of one page: kube-state-metrics of a big cluster.
const SERIES_MAX: usize = 500_000;
const KIND: &str = "scrape";

/// Wanted families; true: of core series.
type Wants = Arc<BTreeMap<&'static str, bool>>;

/// What all targets share.
pub struct Scraping {
    edge: Edge,
    wants: Wants,
    core_every: Duration,
    rest_every: Duration,
    permits: Semaphore,
    limits: Limits,
}

enum Place {
    Exporter(Exporter),
    Kubelet { kubelets: Arc<Kubelets>, node: String, path: String, board: Arc<Board> },
}

struct Target {
    name: String,
    labels: LabelSet,
    honor_labels: bool,
    place: Place,
}

/// How the kubelets do, as one source a path: a thousand nodes are no thousand sources.
#[derive(Debug, Default)]
struct Board(Mutex<BTreeMap<String, Option<String>>>);

impl Board {
    /// The nodes that fail, in a line; `None`: none does.
    fn tell(&self, node: &str, error: Option<String>) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(node.to_owned(), error);
        let failing = all.values().flatten().count();
        let (node, error) = all.iter().find_map(|(n, e)| Some((n, e.as_ref()?)))?;
        Some(format!("{failing} of {} nodes; {node}: {error}", all.len()))
    }

    fn forget(&self, node: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(node);
    }
}

/// Starts what the configuration names.
///
/// # Errors
/// An address, a file with authorities, a kubeconfig that cannot be used.
pub async fn start(
    config: &Config,
    cluster: Option<&LiveOptions>,
    families: BTreeMap<&'static str, bool>,
    edge: &Edge,
) -> Result<(), DaemonError> {
    let scrape = &config.scrape;
    let limit = usize::try_from(scrape.limit_mib).unwrap_or(usize::MAX).saturating_mul(1 << 20);
    let timeout = Duration::from_secs(u64::from(scrape.timeout_s));
    let mut wants = families;
    wants.remove("up");
    let scraping = Arc::new(Scraping {
        edge: edge.clone(),
        wants: Arc::new(wants),
        core_every: Duration::from_secs(u64::from(config.detection.core_interval_s)),
        rest_every: Duration::from_secs(u64::from(config.detection.interval_s)),
        permits: Semaphore::new(usize::try_from(scrape.at_once).unwrap_or(1).max(1)),
        limits: Limits { series: SERIES_MAX, samples: SERIES_MAX * 2, ..Limits::default() },
    });
    for target in &scrape.targets {
        let target = exporter(target, edge, (timeout, limit))?;
        // such a target is there for good: nobody ever says that it is gone
        let (stays, gone) = oneshot::channel();
        let scraping = scraping.clone();
        tokio::spawn(async move {
            let _stays = stays;
            scraping.follow(target, gone).await;
        });
    }
    if scrape.kubelets.enabled {
        let Some(live) = cluster else {
            let why = "kubelets are reached through the API server, but no cluster is watched".to_owned();
            return Err(DaemonError::Pull { what: "scrape.kubelets".to_owned(), why });
        };
        let options = LiveOptions { request_timeout: timeout, ..live.clone() };
        let kubelets = Kubelets::connect(&options, limit).await.map_err(|e| DaemonError::Cluster(e.to_string()))?;
        tokio::spawn(scraping.nodes(Arc::new(kubelets), scrape.kubelets.paths.clone()));
    }
    Ok(())
}

fn exporter(
    target: &ScrapeTarget,
    edge: &Edge,
    (timeout, answer_bytes): (Duration, usize),
) -> Result<Target, DaemonError> {
    let what = format!("scrape target `{}`", target.url.value);
    let failed = |why: String| DaemonError::Pull { what: what.clone(), why };
    let mut server = Server { timeout, answer_bytes, ..Server::new(target.url.value.clone()) };
    server.any_certificate = target.insecure_skip_verify;
    let bearer = edge.filled(&what, &target.bearer)?;
    if !bearer.is_empty() {
        server.credentials = Credentials::Bearer(bearer);
    }
    if !target.ca_file.is_empty() {
        let pem = std::fs::read_to_string(&target.ca_file).map_err(|e| failed(format!("{}: {e}", target.ca_file)))?;
        server.authorities_pem = Some(pem);
    }
    let exporter = Exporter::new(server).map_err(|e| failed(e.to_string()))?;
    let instance = if target.instance.is_empty() { host(&target.url.value) } else { target.instance.clone() };
    let named = [("job", target.job.as_str()), ("instance", &instance), ("node", &target.node)];
    Ok(Target {
        name: format!("{} {instance}", target.job),
        labels: named.into_iter().filter(|(_, v)| !v.is_empty()).collect(),
        honor_labels: target.honor_labels,
        place: Place::Exporter(exporter),
    })
}

/// Host and port of an address, the scheme's port where it names none, as Prometheus has it.
fn host(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let has_port =
        host.rsplit_once(':').is_some_and(|(h, p)| !p.ends_with(']') && (!h.contains(':') || h.ends_with(']')));
    match (has_port, scheme) {
        (true, _) => host.to_owned(),
        (false, "https") => format!("{host}:443"),
        (false, _) => format!("{host}:80"),
    }
}

/// A moment of the interval that is always the same for a target, so that not all come at once.
fn offset(name: &str, every: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let every_ms = u64::try_from(every.as_millis()).unwrap_or(1).max(1);
    Duration::from_millis(hasher.finish() % every_ms)
}

impl Scraping {
    /// Follows the list of nodes: new ones are scraped, those that are gone end.
    async fn nodes(self: Arc<Self>, kubelets: Arc<Kubelets>, paths: Vec<String>) {
        let boards: Vec<(String, Arc<Board>)> = paths.into_iter().map(|p| (p, Arc::default())).collect();
        let mut running: BTreeMap<String, Vec<oneshot::Sender<()>>> = BTreeMap::new();
        while !self.edge.inputs.is_closed() {
            match kubelets.nodes().await {
                Ok(nodes) => {
                    self.edge.states.good("kubelets", KIND, (self.edge.clock)());
                    let nodes: BTreeSet<String> = nodes.into_iter().collect();
                    // their tasks hear that the other end is gone
                    running.retain(|node, _| nodes.contains(node));
                    for node in nodes {
                        if running.contains_key(&node) {
                            continue;
                        }
                        let tasks = boards.iter().map(|(path, board)| {
                            let (stays, gone) = oneshot::channel();
                            let target = kubelet(&node, path, (kubelets.clone(), board.clone()));
                            tokio::spawn(self.clone().follow(target, gone));
                            stays
                        });
                        let tasks = tasks.collect();
                        running.insert(node, tasks);
                    }
                }
                Err(error) => self.edge.states.bad("kubelets", KIND, &format!("nodes: {error}")),
            }
            tokio::time::sleep(NODES_EVERY).await;
        }
    }

    /// Scrapes one target until it is gone.
    async fn follow(self: Arc<Self>, target: Target, mut gone: oneshot::Receiver<()>) {
        let mut pace =
            tokio::time::interval_at(Instant::now() + offset(&target.name, self.core_every), self.core_every);
        pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut seen = Seen::default();
        let (mut whole, mut has_core) = (None::<Instant>, false);
        loop {
            tokio::select! {
                _ = pace.tick() => {}
                _ = &mut gone => {
                    if let Place::Kubelet { node, board, .. } = &target.place {
                        board.forget(node);
                    }
                    let mut ended = Vec::new();
                    seen.mark(&mut ended, (self.edge.clock)().as_millisecond(), |_| true);
                    let _ = self.edge.inputs.send(Input::Samples { batches: ended, is_history: false }).await;
                    return;
                }
            }
            let is_whole = whole.is_none_or(|at| at.elapsed() + self.core_every / 2 >= self.rest_every);
            if !is_whole && !has_core {
                continue;
            }
            let Ok(permit) = self.permits.acquire().await else { return };
            let at_ms = (self.edge.clock)().as_millisecond();
            let page = target.place.page().await;
            drop(permit);
            let found = self.take(&target, page, (at_ms, is_whole));
            if is_whole {
                // what failed is tried again with the next core interval
                whole = found.is_some().then(Instant::now);
            }
            let batches = match found {
                Some(found) => {
                    has_core = found.iter().any(|b| self.is_core(&b.labels));
                    self.whole(&target, &mut seen, found, (at_ms, is_whole))
                }
                None => self.failed(&target, &mut seen, at_ms),
            };
            if self.edge.inputs.send(Input::Samples { batches, is_history: false }).await.is_err() {
                return;
            }
        }
    }

    fn is_core(&self, labels: &LabelSet) -> bool {
        self.wants.get(labels.value("__name__")).copied().unwrap_or(false)
    }

    /// Reads a page, tells how the target does.
    fn take(
        &self,
        target: &Target,
        page: Result<Scraped, String>,
        (at_ms, is_whole): (i64, bool),
    ) -> Option<Vec<SeriesBatch>> {
        let job = ("job", target.labels.value("job"));
        let meters = &self.edge.states.meters;
        let read = page.and_then(|page| {
            meters.add(meters::SCRAPE_BYTES, &[job], page.text.len());
            let wants = |name: &str| self.wants.get(name).is_some_and(|core| is_whole || *core);
            self.read(target, &page, at_ms, &wants).map_err(|refused| refused.reason)
        });
        let result = if read.is_ok() { "ok" } else { "failed" };
        meters.add(meters::SCRAPES, &[job, ("result", result)], 1);
        self.tell(target, read.as_ref().err().cloned());
        let batches = read.ok()?;
        meters.add(meters::SCRAPE_SAMPLES, &[job], batches.iter().map(|b| b.points.len()).sum());
        Some(batches)
    }

    fn read(
        &self,
        target: &Target,
        page: &Scraped,
        at_ms: i64,
        wants: &(dyn Fn(&str) -> bool + Send + Sync),
    ) -> Result<Vec<SeriesBatch>, Refused> {
        let of = exposition::Target { labels: &target.labels, honor_labels: target.honor_labels, wants };
        let page = Page { text: &page.text, content_type: &page.content_type, at_ms };
        exposition::parse_wanted(&page, &of, &self.limits).map(|taken| taken.data)
    }

    fn tell(&self, target: &Target, error: Option<String>) {
        let states = &self.edge.states;
        let now = (self.edge.clock)();
        let (name, error) = match &target.place {
            Place::Exporter(_) => (target.name.clone(), error),
            Place::Kubelet { node, path, board, .. } => (format!("kubelets {path}"), board.tell(node, error)),
        };
        match error {
            None => states.good(&name, KIND, now),
            Some(error) => states.bad(&name, KIND, &error),
        }
    }

    /// A page that was read: what ended is marked, and the target is up.
    fn whole(
        &self,
        target: &Target,
        seen: &mut Seen,
        mut found: Vec<SeriesBatch>,
        (at_ms, is_whole): (i64, bool),
    ) -> Vec<SeriesBatch> {
        seen.mark(&mut found, at_ms, |labels| is_whole || self.is_core(labels));
        found.push(up(target, at_ms, 1.0));
        found
    }

    /// A page that was not: everything ends, as with Prometheus, and the target is down.
    fn failed(&self, target: &Target, seen: &mut Seen, at_ms: i64) -> Vec<SeriesBatch> {
        let mut ended = Vec::new();
        seen.mark(&mut ended, at_ms, |_| true);
        ended.push(up(target, at_ms, 0.0));
        ended
    }
}

fn up(target: &Target, at_ms: i64, value: f64) -> SeriesBatch {
    SeriesBatch { labels: target.labels.with("__name__", "up"), points: vec![(at_ms, value)] }
}

fn kubelet(node: &str, path: &str, (kubelets, board): (Arc<Kubelets>, Arc<Board>)) -> Target {
    let labels = [("job", "kubelet"), ("instance", node), ("node", node), ("metrics_path", path)];
    Target {
        name: format!("kubelet {node} {path}"),
        labels: labels.into_iter().collect(),
        // as kube-prometheus: cAdvisor's labels are those of the containers
        honor_labels: true,
        place: Place::Kubelet { kubelets, node: node.to_owned(), path: path.to_owned(), board },
    }
}

impl Place {
    async fn page(&self) -> Result<Scraped, String> {
        match self {
            Place::Exporter(exporter) => exporter.page().await.map_err(|e| e.to_string()),
            Place::Kubelet { kubelets, node, path, .. } => kubelets.page(node, path).await.map_err(|e| {
                let hint = "; the account needs `get` on nodes/proxy, see deploy/kubernetes/components/kubelets";
                let text = e.to_string();
                if text.contains("HTTP 403") { text + hint } else { text }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instance_is_host_and_port() {
        for (url, instance) in [
            ("http://ksm.kube-system:8080/metrics", "ksm.kube-system:8080"),
            ("https://exporter/metrics?x=a:b", "exporter:443"),
            ("http://u:p@10.0.0.5", "10.0.0.5:80"),
            ("http://[fd00::1]:9100/metrics", "[fd00::1]:9100"),
            ("http://[fd00::1]/metrics", "[fd00::1]:80"),
        ] {
            assert_eq!(host(url), instance);
        }
    }

    fn scraping() -> Scraping {
        let (inputs, _) = tokio::sync::mpsc::channel(1);
        Scraping {
            edge: Edge { inputs, states: Arc::default(), clock: || jiff::Timestamp::UNIX_EPOCH, env: |_| None },
            wants: Arc::new([("memory", true), ("limits", false)].into()),
            core_every: Duration::from_secs(15),
            rest_every: Duration::from_secs(60),
            permits: Semaphore::new(1),
            limits: Limits { series: 3, ..Limits::default() },
        }
    }

    fn target() -> Target {
        let exporter = Exporter::new(Server::new("http://127.0.0.1:1/metrics")).expect("an address");
        let labels = [("job", "ksm"), ("instance", "a:1")].into_iter().collect();
        Target { name: "ksm a:1".to_owned(), labels, honor_labels: true, place: Place::Exporter(exporter) }
    }

    fn page(text: &str) -> Result<Scraped, String> {
        Ok(Scraped { text: text.as_bytes().to_vec(), content_type: String::new() })
    }

    /// `memory a 5`, `limits a stale`, by the label `pod`.
    fn shown(batches: &[SeriesBatch]) -> Vec<String> {
        let one = |b: &SeriesBatch| {
            let value = b.points.first().map_or(f64::NAN, |p| p.1);
            let value = if rootline_model::is_stale(value) { "stale".to_owned() } else { value.to_string() };
            format!("{} {} {value}", b.labels.value("__name__"), b.labels.value("pod"))
        };
        let mut all: Vec<String> = batches.iter().map(one).collect();
        all.sort();
        all
    }

    #[test]
    fn a_core_interval_takes_core_series_a_failure_ends_everything_and_up_says_so() {
        let (scraping, target, mut seen) = (scraping(), target(), Seen::default());
        let mut scrape = |page, at: (i64, bool)| match scraping.take(&target, page, at) {
            Some(found) => shown(&scraping.whole(&target, &mut seen, found, at)),
            None => shown(&scraping.failed(&target, &mut seen, at.0)),
        };
        let all = "memory{pod=\"a\"} 5\nlimits{pod=\"a\"} 9\nnoise 1\n";
        assert_eq!(scrape(page(all), (1, true)), ["limits a 9", "memory a 5", "up  1"]);
        assert_eq!(scrape(page("memory{pod=\"b\"} 6\n"), (2, false)), ["memory a stale", "memory b 6", "up  1"]);
        assert_eq!(
            scrape(Err("connection refused".to_owned()), (3, false)),
            ["limits a stale", "memory b stale", "up  0"]
        );
        let state = |s: &Scraping| s.edge.states.list().into_iter().map(|s| s.error).collect::<Vec<_>>();
        assert_eq!(state(&scraping), ["connection refused"]);
        let many: String = (0..9).map(|i| format!("memory{{pod=\"{i}\"}} 1\n")).collect();
        assert_eq!(scrape(page(&many), (4, true)), ["up  0"], "a page with too many series is none");
        assert!(state(&scraping)[0].contains("more than 3 series"), "{:?}", state(&scraping));
        assert_eq!(scrape(page(all), (5, true)).len(), 3);
        assert_eq!(state(&scraping), [""]);
        let counted: Vec<u64> = scraping.edge.states.meters.rows().iter().map(|r| r.value).collect();
        assert_eq!(counted.len(), 4, "bytes, samples, pages that were read and that were not: {counted:?}");
    }

    #[test]
    fn targets_are_spread_over_the_interval() {
        let every = Duration::from_secs(15);
        let all: Vec<Duration> = (0..200).map(|i| offset(&format!("kubelet n{i} /metrics"), every)).collect();
        assert!(all.iter().all(|o| *o < every));
        let first = all.iter().filter(|o| o.as_secs() < 3).count();
        assert!((20..60).contains(&first), "a fifth of 200 in a fifth of the interval: {first}");
    }

    #[test]
    fn failing_nodes_are_one_line() {
        let board = Board::default();
        assert_eq!(board.tell("w1", None), None);
        assert_eq!(board.tell("w2", Some("down".into())).as_deref(), Some("1 of 2 nodes; w2: down"));
        assert_eq!(board.tell("w1", None).as_deref(), Some("1 of 2 nodes; w2: down"));
        board.forget("w2");
        assert_eq!(board.tell("w1", None), None);
    }
}
