//! Suite `alert-storms`: alerts as they fire → incidents and messages, by one mode of the correlator.
//!
//! The storm plays through the correlator with a tick every 15 s, as in the daemon. An alert is shown when it fires,
//! and once more when it has ended; nothing is looked at earlier. Each line's incident is the group that its alert was
//! put in, with what was merged within the correlator's settling time.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use rootline_correlate::{
    Change, Correlator, GroupId, Item, Mode, NoticePolicy, Notices, Options, Topology, correlator,
};
use rootline_model::{Alert, EntityRef, Fingerprint, Kind, LabelSet, Origin, Relation, Severity};
use serde::{Deserialize, Serialize};

use crate::output::{EvalError, Predictions, each_line, files};

/// Seconds between two looks of the daemon.
const TICK_S: f64 = 15.0;

#[derive(Deserialize)]
struct Line {
    t: f64,
    end: f64,
    for_s: f64,
    labels: LabelSet,
    #[serde(default)]
    summary: String,
}

#[derive(Deserialize)]
struct Cluster {
    nodes: Vec<Node>,
    services: Vec<Service>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    zone: String,
}

#[derive(Deserialize)]
struct Service {
    name: String,
    namespace: String,
    kind: String,
    calls: Vec<String>,
    pods: Vec<Pod>,
}

#[derive(Deserialize)]
struct Pod {
    name: String,
    node: String,
}

#[derive(Serialize)]
struct Belongs<'a> {
    storm: &'a str,
    alert: usize,
    incident: String,
}

#[derive(Serialize)]
struct Told<'a> {
    storm: &'a str,
    notify: String,
    t: f64,
    severity: &'static str,
    alerts: Vec<usize>,
    lead: usize,
}

/// Plays each storm of a folder; returns their number.
pub fn run(data: &Path, predictions: &Path, mode: Mode, revise_s: Option<u32>) -> Result<usize, EvalError> {
    let mut out = Predictions::create(predictions)?;
    let mut count = 0;
    for file in files(data, &[".jsonl"])? {
        let name = file.file_stem().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
        let mut lines: Vec<Line> = Vec::new();
        each_line(&file, |line| {
            lines.push(line);
            Ok(())
        })?;
        let topology = topology(&file.with_extension("topology.json"))?;
        let mut options = Options::of(mode);
        options.revise_s = revise_s.unwrap_or(options.revise_s);
        let mut play = Play::new(&name, &lines, &topology, options);
        play.run(&mut out)?;
        count += 1;
    }
    out.finish()?;
    Ok(count)
}

fn topology(file: &Path) -> Result<Topology, EvalError> {
    let mut topology = Topology::new();
    if !file.exists() {
        return Ok(topology);
    }
    let mut cluster = Cluster { nodes: Vec::new(), services: Vec::new() };
    each_line(file, |read: Cluster| {
        cluster = read;
        Ok(())
    })?;
    for node in &cluster.nodes {
        topology.set_zone(&EntityRef::node(&node.name), &node.zone);
    }
    for service in &cluster.services {
        let door = EntityRef::new(Kind::Service, &service.namespace, &service.name);
        let kind = Kind::parse(&service.kind).unwrap_or(Kind::Deployment);
        let workload = EntityRef::new(kind, &service.namespace, &service.name);
        for pod in &service.pods {
            let entity = EntityRef::pod(&service.namespace, &pod.name);
            topology.relate(&entity, Relation::RunsOn, &EntityRef::node(&pod.node));
            topology.relate(&entity, Relation::OwnedBy, &workload);
            topology.relate(&door, Relation::Selects, &entity);
        }
        for callee in &service.calls {
            // a bare name means the caller's own namespace first, as DNS has it
            let named = |s: &&Service| s.name == *callee;
            let own = cluster.services.iter().filter(named).find(|s| s.namespace == service.namespace);
            if let Some(callee) = own.or_else(|| cluster.services.iter().find(named)) {
                let to = EntityRef::new(Kind::Service, &callee.namespace, &callee.name);
                topology.relate(&workload, Relation::Calls, &to);
            }
        }
    }
    Ok(topology)
}

fn moment(seconds: f64) -> Timestamp {
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn alert(line: &Line) -> Alert {
    Alert {
        labels: line.labels.clone(),
        annotations: [("summary", line.summary.as_str())].into_iter().collect(),
        starts_at: moment(line.t),
        ends_at: None,
        hold_s: Some(line.for_s as u32),
        generator_url: String::new(),
    }
}

/// One storm on its way through the correlator.
struct Play<'a> {
    storm: &'a str,
    lines: &'a [Line],
    topology: &'a Topology,
    correlator: Box<dyn Correlator>,
    notices: Notices,
    /// The last line of each alert.
    latest: HashMap<Fingerprint, usize>,
    incident: Vec<GroupId>,
    members: HashMap<GroupId, Vec<usize>>,
    merged: HashMap<GroupId, GroupId>,
}

impl<'a> Play<'a> {
    fn new(storm: &'a str, lines: &'a [Line], topology: &'a Topology, options: Options) -> Play<'a> {
        Play {
            storm,
            lines,
            topology,
            correlator: correlator(options),
            notices: Notices::new(NoticePolicy { tell_resolved: false, ..NoticePolicy::default() }),
            latest: HashMap::new(),
            incident: vec![GroupId(0); lines.len()],
            members: HashMap::new(),
            merged: HashMap::new(),
        }
    }

    fn run(&mut self, out: &mut Predictions) -> Result<(), EvalError> {
        let mut ends: Vec<usize> = (0..self.lines.len()).collect();
        ends.sort_by(|a, b| self.lines[*a].end.total_cmp(&self.lines[*b].end).then(a.cmp(b)));
        let (mut next, mut over) = (0, 0);
        let mut now = self.lines.first().map_or(0.0, |l| (l.t / TICK_S).floor() * TICK_S);
        let last = self.lines.iter().map(|l| l.t).fold(now, f64::max) + 4.0 * TICK_S;
        while now <= last {
            let mut batch: Vec<(Item, Option<usize>)> = Vec::new();
            while over < ends.len() && self.lines[ends[over]].end <= now {
                let mut alert = alert(&self.lines[ends[over]]);
                alert.ends_at = Some(moment(self.lines[ends[over]].end));
                batch.push((Item::from_alert(&alert, Origin::Alert, self.topology), None));
                over += 1;
            }
            while next < self.lines.len() && self.lines[next].t <= now {
                let alert = alert(&self.lines[next]);
                batch.push((Item::from_alert(&alert, Origin::Alert, self.topology), Some(next)));
                next += 1;
            }
            self.tick(now, &batch, out)?;
            now += TICK_S;
        }
        for alert in 0..self.lines.len() {
            let incident = self.live(self.incident[alert]).to_string();
            out.write(&Belongs { storm: self.storm, alert, incident })?;
        }
        Ok(())
    }

    fn live(&self, mut group: GroupId) -> GroupId {
        while let Some(into) = self.merged.get(&group) {
            group = *into;
        }
        group
    }

    fn tick(&mut self, now: f64, batch: &[(Item, Option<usize>)], out: &mut Predictions) -> Result<(), EvalError> {
        let items: Vec<Item> = batch.iter().map(|(item, _)| item.clone()).collect();
        for change in self.correlator.observe(moment(now), &items, self.topology) {
            match change {
                Change::Merged { from, into, .. } => {
                    self.merged.insert(from, into);
                    let moved = self.members.remove(&from).unwrap_or_default();
                    self.members.entry(into).or_default().extend(moved);
                    self.notices.forget(from);
                }
                Change::Forgotten { group } => {
                    self.members.remove(&group);
                    self.notices.forget(group);
                }
                _ => {}
            }
        }
        for (item, line) in batch {
            if let Some(line) = line
                && let Some(group) = self.correlator.group_of(item.id)
            {
                self.latest.insert(item.id, *line);
                self.incident[*line] = group;
                self.members.entry(group).or_default().push(*line);
            }
        }
        let groups = self.correlator.groups();
        for notice in self.notices.due(moment(now), groups) {
            let mut alerts = self.members.get(&notice.group).cloned().unwrap_or_default();
            alerts.sort_unstable();
            let core = self.latest.get(&notice.core).copied();
            let Some(lead) = core.or_else(|| alerts.first().copied()) else { continue };
            let severity = match notice.severity {
                Some(Severity::Critical) => "critical",
                Some(Severity::Error) => "error",
                Some(Severity::Warning) => "warning",
                None => "info",
            };
            out.write(&Told { storm: self.storm, notify: notice.group.to_string(), t: now, severity, alerts, lead })?;
        }
        Ok(())
    }
}
