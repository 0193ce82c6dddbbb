//! Findings + rules → candidate causes.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use rootline_model::{Args, Code, EntityRef, Evidence, Finding, Kind, Severity, Timestamp};
use rootline_world::World;

use crate::related;
use crate::rule::{Place, Reach, Rule, Side};

/// A cause that some rule, or an unruled finding, proposes.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub id: Code,
    pub entity: EntityRef,
    /// The rule; `None` for a finding that no rule speaks of.
    pub rule: Option<usize>,
    pub base_nats: f64,
    /// Added for the number of findings that say the same.
    pub support_nats: f64,
    /// Positions of the findings it stands on.
    pub findings: Vec<usize>,
    pub args: Args,
    pub about: Vec<EntityRef>,
    pub evidence: Vec<Evidence>,
    pub onset: Option<Timestamp>,
    pub severity: Severity,
    pub reach: Reach,
    /// Workloads that the findings are about: what hurts them hurts what depends on them.
    pub homes: Vec<EntityRef>,
    /// Some finding is a fact; a candidate of symptoms alone is explained by whatever lies upstream.
    pub on_facts: bool,
}

impl Candidate {
    pub fn score(&self) -> f64 {
        self.base_nats + self.support_nats
    }
}

/// Facts that no rule speaks of weigh this much at most. Starting value, see ADR-0004.
const UNRULED_NATS_MAX: f64 = 2.0;
/// Workloads from which a cause's effects are followed, beside its own entity.
const HOMES_MAX: usize = 16;
/// Evidence shown with a cause.
const EVIDENCE_MAX: usize = 8;

/// Findings by code and by entity, for the look-ups of rules.
pub(crate) struct FindingIndex<'f> {
    pub findings: &'f [Finding],
    by_entity: HashMap<EntityRef, Vec<usize>>,
}

impl<'f> FindingIndex<'f> {
    pub fn new(world: &World, findings: &'f [Finding]) -> Self {
        let mut by_entity: HashMap<EntityRef, Vec<usize>> = HashMap::new();
        for (i, finding) in findings.iter().enumerate() {
            let mut names = vec![finding.entity.clone(), finding.entity.whole(), world.top_of(&finding.entity)];
            names.sort();
            names.dedup();
            for name in names {
                by_entity.entry(name).or_default().push(i);
            }
        }
        FindingIndex { findings, by_entity }
    }

    /// Findings about an entity, its containers or, for a workload, its pods.
    pub fn of(&self, entity: &EntityRef) -> &[usize] {
        self.by_entity.get(entity).map_or(&[], Vec::as_slice)
    }

    /// The first finding that a side condition asks for.
    fn meets(&self, world: &World, from: &Finding, side: &Side) -> Option<usize> {
        if side.on == Place::Any {
            return (0..self.findings.len()).find(|&i| side.trigger.matches(&self.findings[i]));
        }
        related::at(world, &from.entity, &from.about, side.on)
            .iter()
            .flat_map(|e| self.of(e))
            .copied()
            .find(|&i| side.trigger.matches(&self.findings[i]))
    }
}

/// All candidates, sorted by id and entity. `is_fact` tells which findings may stand without a rule.
pub(crate) fn propose(
    world: &World,
    index: &FindingIndex<'_>,
    rules: &[Rule],
    is_fact: impl Fn(&str) -> bool,
) -> Vec<Candidate> {
    let mut merged: BTreeMap<(Code, EntityRef), Candidate> = BTreeMap::new();
    let mut ruled = vec![false; index.findings.len()];
    for (r, rule) in rules.iter().enumerate() {
        for (i, finding) in index.findings.iter().enumerate() {
            if !rule.when.iter().any(|t| t.matches(finding)) {
                continue;
            }
            ruled[i] = true;
            if let Some((entity, and)) = fires(world, index, rule, finding) {
                let fresh = Candidate {
                    id: rule.id.clone(),
                    entity: entity.clone(),
                    rule: Some(r),
                    base_nats: weigh(rule.nats, finding),
                    support_nats: 0.0,
                    findings: Vec::new(),
                    args: Args::default(),
                    about: Vec::new(),
                    evidence: Vec::new(),
                    onset: None,
                    severity: rule.severity,
                    reach: rule.reach,
                    homes: Vec::new(),
                    on_facts: false,
                };
                let slot = merged.entry((rule.id.clone(), entity)).or_insert(fresh);
                slot.base_nats = slot.base_nats.max(weigh(rule.nats, finding));
                slot.take(i, finding);
                for j in and {
                    slot.take(j, &index.findings[j]);
                }
            }
        }
    }
    for (i, finding) in index.findings.iter().enumerate() {
        if !ruled[i] && is_fact(finding.code.as_str()) {
            let entity = match finding.entity.kind {
                Kind::Pod | Kind::Container => world.top_of(&finding.entity),
                _ => finding.entity.clone(),
            };
            let fresh = Candidate {
                id: finding.code.clone(),
                entity: entity.clone(),
                rule: None,
                base_nats: finding.strength.get().min(UNRULED_NATS_MAX),
                support_nats: 0.0,
                findings: Vec::new(),
                args: Args::default(),
                about: Vec::new(),
                evidence: Vec::new(),
                onset: None,
                severity: Severity::Error,
                reach: Reach::Downstream,
                homes: Vec::new(),
                on_facts: true,
            };
            merged.entry((finding.code.clone(), entity)).or_insert(fresh).take(i, finding);
        }
    }
    merged.into_values().map(|candidate| finish(locate(world, index, candidate, &is_fact))).collect()
}

/// Where the findings of a candidate are at home, and whether any of them is a fact.
fn locate(
    world: &World,
    index: &FindingIndex<'_>,
    mut candidate: Candidate,
    is_fact: &impl Fn(&str) -> bool,
) -> Candidate {
    for &f in &candidate.findings {
        let finding = &index.findings[f];
        candidate.on_facts |= is_fact(finding.code.as_str());
        let home = world.top_of(&finding.entity);
        if candidate.homes.len() < HOMES_MAX && home != candidate.entity && !candidate.homes.contains(&home) {
            candidate.homes.push(home);
        }
    }
    candidate
}

/// The entity a rule names for a finding, with the findings that its `and` used.
fn fires(world: &World, index: &FindingIndex<'_>, rule: &Rule, finding: &Finding) -> Option<(EntityRef, Vec<usize>)> {
    let mut used = Vec::new();
    for side in &rule.and {
        used.push(index.meets(world, finding, side)?);
    }
    if rule.unless.iter().any(|side| index.meets(world, finding, side).is_some()) {
        return None;
    }
    let entity = related::at(world, &finding.entity, &finding.about, rule.cause).into_iter().next();
    Some((entity.unwrap_or_else(|| world.top_of(&finding.entity)), used))
}

/// A rule's certainty, less what the finding lacks of full strength (2 nats), a little more for what it has above.
fn weigh(nats: f64, finding: &Finding) -> f64 {
    let strength = finding.strength.get();
    nats + (strength - 2.0).min(0.0) + 0.1 * (strength - 2.0).clamp(0.0, 4.0)
}

impl Candidate {
    fn take(&mut self, position: usize, finding: &Finding) {
        if self.findings.contains(&position) {
            return;
        }
        self.findings.push(position);
        self.onset = [self.onset, finding.onset].into_iter().flatten().min();
        for (key, value) in finding.args.iter() {
            if self.args.get(key).is_none() {
                self.args.set(key, value);
            }
        }
        for entity in &finding.about {
            if !self.about.contains(entity) {
                self.about.push(entity.clone());
            }
        }
        for evidence in &finding.evidence {
            if self.evidence.len() < EVIDENCE_MAX && !self.evidence.contains(evidence) {
                self.evidence.push(evidence.clone());
            }
        }
        let pod = finding.entity.whole();
        if pod.kind == Kind::Pod && self.args.get("pod").is_none() {
            self.args.set("pod", &*pod.name);
            if let Some(container) = &finding.entity.part {
                self.args.set("container", &**container);
            }
        }
    }
}

/// Arguments that every text may use.
fn finish(mut candidate: Candidate) -> Candidate {
    let entity = candidate.entity.clone();
    candidate.args.set("entity", entity.to_string());
    candidate.args.set("kind", entity.kind.word());
    candidate.args.set("namespace", &*entity.namespace);
    let name = if entity.name.is_empty() { entity.part.as_deref().unwrap_or_default() } else { &*entity.name };
    candidate.args.set("name", name);
    if candidate.args.get("workload").is_none() {
        candidate.args.set("workload", format!("{}/{name}", entity.kind));
    }
    if entity.kind == Kind::Node || entity.kind == Kind::Component {
        candidate.args.set("node", &*entity.name);
    }
    #[allow(clippy::cast_precision_loss, reason = "a count")]
    let support = (candidate.findings.len().max(1) as f64).ln();
    candidate.support_nats = (0.1 * support).min(0.5);
    candidate
}
