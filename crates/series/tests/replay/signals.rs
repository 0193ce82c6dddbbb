//! A made cluster: quiet but lively signals, and faults laid over them. Everything is a function of time and a seed.

use rootline_model::{EntityRef, Kind, LabelSet, SeriesBatch, Timestamp};
use rootline_series::{Change, ChangeKind};

/// A Monday, 00:00 UTC.
pub const START_S: i64 = 1_704_067_200;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 86_400;

/// One point: catalogue id, labels, value.
pub type Point = (&'static str, Vec<(&'static str, String)>, f64);

/// A number in 0..1 that looks random, from what names it.
fn chance(seed: u64, what: &str, at: i64) -> f64 {
    let mut h = seed ^ 0x9e37_79b9_7f4a_7c15;
    for byte in what.bytes().map(u64::from).chain(at.to_le_bytes().map(u64::from)) {
        h = (h ^ byte).wrapping_mul(0x0100_0000_01b3);
        h ^= h >> 29;
    }
    h = (h ^ (h >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    h = (h ^ (h >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((h ^ (h >> 32)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// About normal, σ = 1, and independent from minute to minute.
fn normal(seed: u64, what: &str, at: i64) -> f64 {
    (0..4).map(|k| chance(seed + k, what, at) - 0.5).sum::<f64>() * (3.0_f64).sqrt()
}

/// 0 at night, 1 at noon, less on weekends.
fn daily(at: i64) -> f64 {
    let hour = (at % DAY) as f64 / 3600.0;
    let weekend = (at - START_S).div_euclid(DAY).rem_euclid(7) >= 5;
    (0.5 - 0.5 * ((hour - 2.0) / 24.0 * std::f64::consts::TAU).cos()) * if weekend { 0.6 } else { 1.0 }
}

#[derive(Clone, Copy, Default)]
pub struct Faults {
    /// Day on which they begin, if any.
    pub day: Option<i64>,
}

pub struct Cluster {
    pub seed: u64,
    pub faults: Faults,
}

const HASHES: [&str; 6] = ["5c689d88bb", "7d9f6c4b5d", "6b8c7f9d4c", "cf6d8b5c7f", "bd4c5f6d7b", "d8b7c6f5d4"];
const TAILS: [&str; 6] = ["x7f2k", "2bqzm", "9kcdw", "hf4zt", "mn6pv", "qw8rs"];

impl Cluster {
    fn fault(&self, at: i64, hour: i64) -> Option<f64> {
        let start = START_S + self.faults.day? * DAY + hour * HOUR;
        (at >= start).then(|| (at - start) as f64 / 3600.0)
    }

    /// Deploys of `deployed` so far: at 10:00 and 15:00 of every day.
    fn releases(at: i64) -> (i64, i64) {
        let (day, second) = (at.div_euclid(DAY), at.rem_euclid(DAY));
        let today = i64::from(second >= 10 * HOUR) + i64::from(second >= 15 * HOUR);
        let since = match today {
            0 => second + 9 * HOUR,
            1 => second - 10 * HOUR,
            _ => second - 15 * HOUR,
        };
        (2 * day + today, since)
    }

    /// What the engine would tell of the last hours.
    pub fn changes(&self, now: i64) -> Vec<Change> {
        let mut all = Vec::new();
        let mut add = |at: i64, name: &str, kind: ChangeKind| {
            if let (true, Ok(at)) = ((0..2 * DAY).contains(&(now - at)), Timestamp::from_second(at)) {
                all.push(Change { at, entity: EntityRef::new(Kind::Deployment, "shop", name), kind });
            }
        };
        let midnight = now.div_euclid(DAY) * DAY;
        for day in [midnight - DAY, midnight] {
            add(day + 10 * HOUR, "deployed", ChangeKind::Rollout);
            add(day + 15 * HOUR, "deployed", ChangeKind::Rollout);
            add(day + 13 * HOUR + 1200, "flaky", ChangeKind::Restart);
            for hour in 0..24 {
                let at = day + hour * HOUR;
                if Self::web_pods(at) != Self::web_pods(at - 60) {
                    add(at, "web", ChangeKind::Scale);
                }
            }
        }
        all
    }

    /// Three to six, set on the hour.
    fn web_pods(at: i64) -> usize {
        3 + (daily(at.div_euclid(HOUR) * HOUR) * 3.0).round() as usize
    }

    fn pod(name: &str, release: i64, index: usize) -> String {
        format!("{name}-{}-{}", HASHES[release.rem_euclid(6) as usize], TAILS[index])
    }

    pub fn points(&self, at: i64) -> Vec<Point> {
        let mut out = Vec::new();
        self.web(at, &mut out);
        self.steady(at, &mut out);
        self.changing(at, &mut out);
        self.nodes(at, &mut out);
        self.services(at, &mut out);
        out.retain(|(id, labels, _)| !self.is_gap(id, labels, at));
        out
    }

    /// Three minutes in which nothing is scraped, ten in which one pod is not.
    fn is_gap(&self, _: &str, labels: &[(&str, String)], at: i64) -> bool {
        let second = at % DAY;
        let all = (11 * HOUR + 660..11 * HOUR + 840).contains(&second);
        let one = (16 * HOUR..16 * HOUR + 600).contains(&second) && labels.iter().any(|l| l.1 == "db-1");
        all || one || (self.fault(at, 14).is_some() && labels.iter().any(|l| l.1 == "n4"))
    }

    fn n(&self, what: &str, at: i64) -> f64 {
        normal(self.seed, what, at)
    }

    fn container(&self, out: &mut Vec<Point>, pod: &str, (cpu, bytes, share): (f64, f64, f64), at: i64) {
        let labels =
            || vec![("namespace", "shop".to_owned()), ("pod", pod.to_owned()), ("container", "app".to_owned())];
        let wobble = |what: &str, size: f64| 1.0 + size * self.n(&format!("{pod}{what}"), at);
        out.push(("container_cpu", labels(), (cpu * wobble("cpu", 0.08)).max(0.0)));
        out.push(("container_memory", labels(), bytes * wobble("mem", 0.01)));
        out.push(("container_memory_share", labels(), share * wobble("mem", 0.01)));
        out.push(("container_restarts", labels(), 0.0));
        out.push(("container_cpu_throttled", labels(), 0.05 * chance(self.seed, pod, at)));
        out.push(("container_threads", labels(), 80.0 + (3.0 * self.n(&format!("{pod}thr"), at)).round()));
    }

    fn web(&self, at: i64, out: &mut Vec<Point>) {
        let pods = Self::web_pods(at);
        let load = 40.0 + 400.0 * daily(at);
        for index in 0..pods {
            let pod = Self::pod("web", 0, index);
            let mut cpu = 0.05 + load / pods as f64 / 250.0;
            if index == 1 && self.fault(at, 10).is_some() {
                cpu *= 4.0;
            }
            self.container(out, &pod, (cpu, 3.0e8, 0.45), at);
            let labels = || vec![("namespace", "shop".to_owned()), ("pod", pod.clone())];
            let requests = load / pods as f64 * (1.0 + 0.1 * self.n(&pod, at));
            let failing = if self.fault(at, 12).is_some() { 0.2 } else { 0.002 * chance(self.seed, "err", at) };
            out.push(("http_requests", labels(), requests));
            out.push(("http_errors", labels(), requests * failing));
            out.push(("http_error_share", labels(), failing));
            out.push(("http_latency_p99", labels(), 0.12 * (0.25 * self.n(&format!("{pod}lat"), at)).exp()));
        }
    }

    fn steady(&self, at: i64, out: &mut Vec<Point>) {
        let second = at % DAY;
        for index in 0..3 {
            // a collector's saw-tooth of fifty minutes, out of step between pods
            let phase = (at + index as i64 * 1100) % 3000;
            let heap = 0.45 + 0.38 * phase as f64 / 3000.0;
            self.container(out, &Self::pod("jvm", 1, index), (0.4, heap * 1.0e9, heap), at);
            // a leader that works four times as much as the others
            let cpu = if index == 0 { 1.2 } else { 0.3 };
            self.container(out, &format!("db-{index}"), (cpu, 8.0e8, 0.6), at);
            // lives near its limit, always
            self.container(out, &Self::pod("cache", 2, index), (0.2, 9.1e8, 0.88), at);
        }
        // every hour six minutes of work, every night forty
        let works = second % HOUR < 360 || (2 * HOUR..2 * HOUR + 2400).contains(&second);
        let (cpu, share) = if works { (2.0, 0.7) } else { (0.02, 0.2) };
        self.container(out, &Self::pod("batch", 3, 0), (cpu, share * 1.0e9, share), at);
        let leak = self.fault(at, 6).map_or(0.0, |h| 0.05 * h).min(0.49);
        self.container(out, &Self::pod("leaky", 4, 0), (0.3, (0.5 + leak) * 1.0e9, 0.5 + leak), at);
        let restarts = if self.fault(at, 16).is_some_and(|h| h < 0.5) { 4.0 } else { 0.0 };
        let labels = ["namespace", "pod", "container"].into_iter().zip([
            "shop".to_owned(),
            Self::pod("ill", 5, 0),
            "app".into(),
        ]);
        out.push(("container_restarts", labels.collect(), restarts));
    }

    fn changing(&self, at: i64, out: &mut Vec<Point>) {
        // a new release twice a day: new names, cold caches, a slightly other size
        let (release, since) = Self::releases(at);
        let warm = 1.0 - (-(since as f64) / 1500.0).exp();
        let size = (0.35 + 0.08 * (release % 3) as f64) * (0.5 + 0.5 * warm);
        for index in 0..2 {
            self.container(out, &Self::pod("deployed", release, index), (0.3, size * 1.0e9, size), at);
        }
        // one restart a day
        let since = (at % DAY - (13 * HOUR + 1200)).rem_euclid(DAY);
        let size = 0.3 + 0.3 * (1.0 - (-(since as f64) / 2000.0).exp());
        let pod = Self::pod("flaky", 0, 0);
        self.container(out, &pod, (0.25, size * 1.0e9, size), at);
        if since < 600 {
            let last = out.iter_mut().rfind(|p| p.0 == "container_restarts");
            last.into_iter().for_each(|p| p.2 = 1.0);
        }
    }

    fn nodes(&self, at: i64, out: &mut Vec<Point>) {
        let second = at % DAY;
        for node in ["n1", "n2", "n3", "n4"] {
            let labels = |part: &[(&'static str, &str)]| {
                let mut all = vec![("node", node.to_owned()), ("instance", format!("{node}:9100"))];
                all.extend(part.iter().map(|(n, v)| (*n, (*v).to_owned())));
                all
            };
            let n = |what: &str| self.n(&format!("{node}{what}"), at);
            out.push(("node_cpu_share", labels(&[]), (0.25 + 0.35 * daily(at) + 0.03 * n("c")).clamp(0.0, 1.0)));
            out.push(("node_memory_share", labels(&[]), 0.6 + 0.05 * daily(at) + 0.005 * n("m")));
            out.push(("node_not_ready", labels(&[]), 0.0));
            // grows all day, rotated at midnight
            let mut disk = 0.6 + 0.15 * second as f64 / DAY as f64 + 0.002 * n("d");
            if node == "n2" {
                disk = self.fault(at, 7).map_or(disk, |h| (disk + 0.06 * h).min(0.995));
            }
            out.push(("node_disk_share", labels(&[("mountpoint", "/var")]), disk));
            // four minutes of backup every night
            let backup = (3 * HOUR..3 * HOUR + 240).contains(&second);
            let mut busy = if backup { 0.97 } else { (0.12 + 0.1 * daily(at) + 0.05 * n("io")).clamp(0.0, 1.0) };
            if node == "n3" && self.fault(at, 9).is_some() {
                busy = 0.99;
            }
            out.push(("node_disk_io", labels(&[("device", "sda")]), busy));
            out.push(("node_network_drops", labels(&[]), if chance(self.seed, node, at) > 0.995 { 3.0 } else { 0.0 }));
        }
    }

    fn services(&self, at: i64, out: &mut Vec<Point>) {
        for (name, size) in [("front", 300.0), ("pay", 30.0), ("rare", 0.02)] {
            let labels = || vec![("exported_namespace", "shop".to_owned()), ("exported_service", name.to_owned())];
            let requests = size * (0.2 + daily(at)) * (1.0 + 0.1 * self.n(name, at)).max(0.1);
            let failing = if chance(self.seed, name, at) > 0.9 { 0.004 } else { 0.0005 };
            out.push(("ingress_requests", labels(), requests));
            out.push(("ingress_errors", labels(), requests * failing));
            out.push(("ingress_error_share", labels(), failing));
            let slow = if name == "pay" && self.fault(at, 8).is_some() { 0.35 } else { 0.0 };
            let latency = 0.15 * (0.2 * self.n(&format!("{name}lat"), at)).exp() + slow;
            out.push(("ingress_latency_p99", labels(), latency));
        }
        let api = || vec![("instance", "10.0.0.1:6443".to_owned())];
        let spike = if chance(self.seed, "api", at) > 0.99 { 0.6 } else { 0.0 };
        out.push(("apiserver_latency_p99", api(), 0.08 * (0.3 * self.n("apilat", at)).exp() + spike));
        out.push(("apiserver_requests", api(), 120.0 + 40.0 * daily(at) + 5.0 * self.n("apireq", at)));
        out.push(("apiserver_inflight", api(), (12.0 + 4.0 * self.n("inflight", at)).max(0.0)));
    }

    /// One batch a series for the moments given.
    pub fn batches(&self, moments: impl Iterator<Item = i64>) -> Vec<SeriesBatch> {
        let mut all: std::collections::BTreeMap<LabelSet, Vec<(i64, f64)>> = std::collections::BTreeMap::new();
        for at in moments {
            for (id, labels, value) in self.points(at) {
                let name = format!("rootline:{id}");
                let labels: LabelSet =
                    labels.iter().map(|(n, v)| (*n, v.as_str())).chain([("__name__", name.as_str())]).collect();
                all.entry(labels).or_default().push((at * 1000, value));
            }
        }
        all.into_iter().map(|(labels, points)| SeriesBatch { labels, points }).collect()
    }
}
