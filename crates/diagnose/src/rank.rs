//! Candidates → incidents with ranked causes.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{
    Cause, Class, Contribution, EntityRef, Finding, Folded, Gap, Incident, Kind, Message, Nats, Probability, Severity,
    Verdict,
};
use rootline_world::World;

use crate::candidate::{Candidate, FindingIndex, propose};
use crate::explain::Explainer;
use crate::group;
use crate::load::RuleSet;

/// Causes named per incident.
const CAUSES_MAX: usize = 5;
/// Relations shown per incident.
const EDGES_MAX: usize = 40;
/// Entities named as affected.
const AFFECTED_MAX: usize = 24;
/// "Something else" competes with this many nats. Starting value, see ADR-0004.
const NULL_NATS: f64 = 1.0;
/// A candidate that another explains is this much less likely to be the root. Starting value, see ADR-0004.
const EXPLAINED_NATS: f64 = 3.0;
/// What was not seen makes "something else" likelier, per gap, up to a bound.
const GAP_NATS: f64 = 0.15;
const GAP_NATS_MAX: f64 = 0.6;
/// Verdict by probability of the first cause. Starting values, see ADR-0004.
const LIKELY: f64 = 0.7;
const POSSIBLE: f64 = 0.35;
/// An unexplained symptom below this is a note, not an incident.
const HARD_NATS: f64 = 2.0;

/// The outcome of ranking.
#[derive(Debug, Default)]
pub struct Ranked {
    pub incidents: Vec<RankedIncident>,
    /// Findings that are no incident: risks, and weak symptoms that nothing explains.
    pub notes: Vec<Finding>,
}

/// An incident with the score it is sorted by.
#[derive(Debug)]
pub struct RankedIncident {
    pub incident: Incident,
    pub score: f64,
}

/// Ranks causes of everything found in a world.
pub fn rank(world: &World, findings: &[Finding], rules: &RuleSet, class_of: &dyn Fn(&str) -> Class) -> Ranked {
    let index = FindingIndex::new(world, findings);
    let candidates = propose(world, &index, rules.rules(), |code| class_of(code) == Class::Fact);
    let explainer = Explainer::new(world, rules.rules(), &candidates);
    let parents = fold(&candidates, findings, &explainer);
    let roots: Vec<usize> = (0..candidates.len()).filter(|&i| parents[i].is_none()).collect();
    let root_refs: Vec<&Candidate> = roots.iter().map(|&i| &candidates[i]).collect();
    let mut ranking =
        Ranking { world, findings, class_of, candidates: &candidates, explainer, parents, owner: BTreeMap::new() };
    let mut groups: Vec<Vec<usize>> =
        group::group(world, &root_refs).into_iter().map(|g| g.into_iter().map(|i| roots[i]).collect()).collect();
    for members in &mut groups {
        members.sort_by(|&a, &b| better(&candidates[a], &candidates[b]));
    }
    ranking.assign(&groups);
    let mut ranked = Ranked::default();
    for number in 0..groups.len() {
        ranked.incidents.push(ranking.incident(&groups, number));
    }
    ranking.leftovers(&mut ranked);
    ranked.incidents.sort_by(|a, b| {
        let key = |r: &RankedIncident| r.incident.causes.first().map(|c| (c.entity.clone(), c.code.clone()));
        (b.incident.severity, b.score)
            .partial_cmp(&(a.incident.severity, a.score))
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(key(a).cmp(&key(b)))
    });
    for (number, ranked) in (1..).zip(&mut ranked.incidents) {
        ranked.incident.number = number;
    }
    ranked
}

/// Higher score first, then the broader entity, then by name.
fn better(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.score().total_cmp(&a.score()).then_with(|| (&a.entity, &a.id).cmp(&(&b.entity, &b.id)))
}

/// For each candidate the one that explains it best; `None` for roots. Of two that explain each other the better stays.
fn fold(candidates: &[Candidate], findings: &[Finding], explainer: &Explainer<'_>) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by(|&a, &b| better(&candidates[a], &candidates[b]));
    let mut place = vec![0; candidates.len()];
    for (position, &i) in order.iter().enumerate() {
        place[i] = position;
    }
    let mut parents: Vec<Option<usize>> = vec![None; candidates.len()];
    for &i in order.iter().rev() {
        let explains_me = |&a: &usize| {
            a != i
                && (explainer.explains(&candidates[a], &candidates[i], findings)
                    || same_evidence(&candidates[a], &candidates[i]))
        };
        let parent = order.iter().copied().filter(explains_me).find(|&a| {
            let mutual = explainer.explains(&candidates[i], &candidates[a], findings)
                || same_evidence(&candidates[i], &candidates[a]);
            (!mutual || place[a] < place[i]) && !leads_to(&parents, a, i)
        });
        parents[i] = parent;
    }
    parents
}

fn leads_to(parents: &[Option<usize>], from: usize, to: usize) -> bool {
    let mut at = from;
    while let Some(next) = parents[at] {
        if next == to {
            return true;
        }
        at = next;
    }
    from == to
}

/// Two names for the same findings about the same entity: a user's decision tree beside the built-in rule.
fn same_evidence(a: &Candidate, b: &Candidate) -> bool {
    a.entity == b.entity && b.findings.iter().all(|f| a.findings.contains(f))
}

struct Ranking<'a> {
    world: &'a World,
    findings: &'a [Finding],
    class_of: &'a dyn Fn(&str) -> Class,
    candidates: &'a [Candidate],
    explainer: Explainer<'a>,
    parents: Vec<Option<usize>>,
    /// finding → group that it belongs to, and the root it hangs on
    owner: BTreeMap<usize, (usize, usize)>,
}

impl Ranking<'_> {
    fn root_of(&self, candidate: usize) -> usize {
        let mut at = candidate;
        while let Some(next) = self.parents[at] {
            at = next;
        }
        at
    }

    /// Gives every finding that something explains to a group.
    fn assign(&mut self, groups: &[Vec<usize>]) {
        let mut group_of = BTreeMap::new();
        for (g, members) in groups.iter().enumerate() {
            for &root in members {
                group_of.insert(root, g);
            }
        }
        let mut order: Vec<usize> = (0..self.candidates.len()).collect();
        order.sort_by(|&a, &b| {
            (self.parents[a].is_some())
                .cmp(&self.parents[b].is_some())
                .then_with(|| better(&self.candidates[a], &self.candidates[b]))
        });
        for i in order {
            let root = self.root_of(i);
            if let Some(&g) = group_of.get(&root) {
                for &f in &self.candidates[i].findings {
                    self.owner.entry(f).or_insert((g, root));
                }
            }
        }
        for (f, finding) in self.findings.iter().enumerate() {
            if self.owner.contains_key(&f) || (self.class_of)(finding.code.as_str()) != Class::Symptom {
                continue;
            }
            // what a root explains spreads too: a pod that waits for a broken node makes its deployment short
            let nearest = (0..self.candidates.len())
                .filter_map(|i| {
                    let root = self.root_of(i);
                    let g = *group_of.get(&root)?;
                    let near = |e: &EntityRef| self.explainer.distance(&self.candidates[i], e);
                    let distance = near(&finding.entity).or_else(|| finding.about.iter().find_map(near))?;
                    Some(((i != root, distance), root, g))
                })
                .min_by(|a, b| a.0.cmp(&b.0).then_with(|| better(&self.candidates[a.1], &self.candidates[b.1])));
            if let Some((_, root, g)) = nearest {
                self.owner.insert(f, (g, root));
            }
        }
    }

    fn incident(&self, groups: &[Vec<usize>], g: usize) -> RankedIncident {
        let members = &groups[g];
        let lead = &self.candidates[members[0]];
        let mut own: BTreeSet<usize> = BTreeSet::new();
        let folded: Vec<Folded> = {
            own.extend(&lead.findings);
            self.owner
                .iter()
                .filter(|(f, (group, _))| *group == g && !own.contains(f))
                .map(|(&f, &(_, root))| self.fold_entry(f, root, lead))
                .collect()
        };
        let causes = self.causes(members, folded.len());
        let best = causes.first().map_or(0.0, |c| c.probability.get());
        let severity = members.iter().map(|&m| self.candidates[m].severity).max().unwrap_or(Severity::Error);
        let affected = self.affected(lead, &folded);
        let onset = folded.iter().filter_map(|f| f.finding.onset).chain(lead.onset).min();
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let score = causes.first().map_or(0.0, |c| c.nats.get()) + 0.3 * (folded.len() as f64).ln_1p();
        let verdict = match best {
            p if p >= LIKELY => Verdict::Likely,
            p if p >= POSSIBLE => Verdict::Possible,
            _ => Verdict::NoConfidentCause,
        };
        let gaps = if verdict == Verdict::Likely { Vec::new() } else { self.world.gaps.clone() };
        let edges = self.edges(members, &affected, &folded);
        let incident = Incident { number: g + 1, severity, verdict, onset, affected, causes, folded, edges, gaps };
        RankedIncident { incident, score }
    }

    fn fold_entry(&self, f: usize, root: usize, lead: &Candidate) -> Folded {
        let finding = self.findings[f].clone();
        let cause = &self.candidates[root];
        let top = self.world.top_of(&finding.entity);
        let reason = if cause.id == lead.id && cause.entity != lead.entity {
            Message::new("fold.same").arg("entity", cause.entity.to_string())
        } else if top == self.world.top_of(&cause.entity) {
            Message::new("fold.same_workload").arg("entity", top.to_string())
        } else {
            Message::new("fold.downstream")
                .arg("entity", finding.entity.to_string())
                .arg("cause", cause.entity.to_string())
        };
        Folded { finding, reason }
    }

    /// The members of a group, then what they explained on the same workload, with probabilities.
    fn causes(&self, members: &[usize], folded: usize) -> Vec<Cause> {
        let lead = members[0];
        let home = self.world.top_of(&self.candidates[lead].entity);
        let mut others: Vec<usize> = (0..self.candidates.len())
            .filter(|&i| {
                self.parents[i].is_some_and(|p| !same_evidence(&self.candidates[p], &self.candidates[i]))
                    && members.contains(&self.root_of(i))
                    && self.world.top_of(&self.candidates[i].entity) == home
            })
            .collect();
        others.sort_by(|&a, &b| better(&self.candidates[a], &self.candidates[b]));
        // one rule on several workloads is one cause; the others are named as affected
        let mut seen = BTreeSet::new();
        let ranked: Vec<usize> = members
            .iter()
            .chain(&others)
            .copied()
            .filter(|&i| seen.insert(self.candidates[i].id.clone()))
            .take(CAUSES_MAX)
            .collect();
        #[allow(clippy::cast_precision_loss, reason = "a count")]
        let gap_nats = (GAP_NATS * self.world.gaps.len() as f64).min(GAP_NATS_MAX);
        let effective =
            |i: usize| self.candidates[i].score() - if self.parents[i].is_some() { EXPLAINED_NATS } else { 0.0 };
        let total: f64 = ranked.iter().map(|&i| effective(i).exp()).sum::<f64>() + (NULL_NATS + gap_nats).exp();
        let best = self.candidates[lead].score();
        ranked
            .iter()
            .map(|&i| {
                let candidate = &self.candidates[i];
                let lost = (i != lead).then(|| match self.parents[i] {
                    Some(parent) => Message::new("lost.explained").arg("cause", self.candidates[parent].id.to_string()),
                    None => Message::new("lost.weaker")
                        .arg("nats", format!("{:.1}", candidate.score()))
                        .arg("best", format!("{best:.1}")),
                });
                Cause {
                    code: candidate.id.clone(),
                    entity: candidate.entity.clone(),
                    nats: Nats::new(effective(i)),
                    probability: Probability::new(effective(i).exp() / total),
                    args: candidate.args.clone(),
                    about: candidate.about.clone(),
                    evidence: candidate.evidence.clone(),
                    contributions: contributions(
                        candidate,
                        i == lead,
                        folded,
                        &self.world.gaps,
                        self.parents[i].is_some(),
                    ),
                    onset: candidate.onset,
                    lost,
                }
            })
            .collect()
    }

    /// What a user would name as hurt: workloads, services, nodes, claims with findings here.
    fn affected(&self, lead: &Candidate, folded: &[Folded]) -> Vec<EntityRef> {
        let mut all: Vec<EntityRef> = Vec::new();
        let named = |e: &EntityRef| {
            e.kind.is_workload()
                || matches!(
                    e.kind,
                    Kind::Pod | Kind::Service | Kind::Ingress | Kind::Route | Kind::Node | Kind::Pvc | Kind::Hpa
                )
        };
        let own = lead.findings.iter().map(|&f| &self.findings[f]);
        for finding in own.chain(folded.iter().map(|f| &f.finding)) {
            let top = self.world.top_of(&finding.entity);
            if named(&top) && !all.contains(&top) && all.len() < AFFECTED_MAX {
                all.push(top);
            }
        }
        all.sort();
        all
    }

    fn edges(
        &self,
        members: &[usize],
        affected: &[EntityRef],
        folded: &[Folded],
    ) -> Vec<(EntityRef, &'static str, EntityRef)> {
        let mut edges = Vec::new();
        let ends = affected.iter().chain(folded.iter().map(|f| &f.finding.entity));
        for end in ends {
            for &m in members.iter().take(CAUSES_MAX) {
                for edge in self.explainer.path(&self.candidates[m], end) {
                    if edges.len() < EDGES_MAX && !edges.contains(&edge) {
                        edges.push(edge);
                    }
                }
            }
        }
        edges
    }

    /// Symptoms that nothing explains: hard ones become incidents without a confident cause, the rest notes.
    fn leftovers(&self, ranked: &mut Ranked) {
        let mut groups: BTreeMap<EntityRef, Vec<usize>> = BTreeMap::new();
        for (f, finding) in self.findings.iter().enumerate() {
            if self.owner.contains_key(&f) {
                continue;
            }
            match (self.class_of)(finding.code.as_str()) {
                Class::Symptom => groups.entry(self.home(&finding.entity)).or_default().push(f),
                Class::Risk | Class::Fact => ranked.notes.push(finding.clone()),
            }
        }
        for (home, members) in groups {
            let hard = members.iter().any(|&f| self.findings[f].strength.get() >= HARD_NATS);
            if !hard {
                ranked.notes.extend(members.iter().map(|&f| self.findings[f].clone()));
                continue;
            }
            let folded: Vec<Folded> = members
                .iter()
                .map(|&f| Folded {
                    finding: self.findings[f].clone(),
                    reason: Message::new("fold.same_workload").arg("entity", home.to_string()),
                })
                .collect();
            let onset = folded.iter().filter_map(|f| f.finding.onset).min();
            ranked.incidents.push(RankedIncident {
                score: 0.0,
                incident: Incident {
                    number: 0,
                    severity: Severity::Error,
                    verdict: Verdict::NoConfidentCause,
                    onset,
                    affected: vec![home],
                    causes: Vec::new(),
                    folded,
                    edges: Vec::new(),
                    gaps: self.world.gaps.clone(),
                },
            });
        }
    }

    /// Where an unexplained symptom is at home: its workload; a service's is the workload it selects.
    fn home(&self, entity: &EntityRef) -> EntityRef {
        if entity.kind == Kind::Service
            && let Some(pod) = self.world.graph.targets(entity, rootline_model::Relation::Selects).first()
        {
            return self.world.top_of(pod);
        }
        self.world.top_of(entity)
    }
}

fn contributions(candidate: &Candidate, lead: bool, folded: usize, gaps: &[Gap], explained: bool) -> Vec<Contribution> {
    let mut all = vec![Contribution {
        nats: Nats::new(candidate.base_nats),
        note: Message::new("why.rule")
            .arg("rule", candidate.id.to_string())
            .arg("nats", format!("{:.1}", candidate.base_nats)),
    }];
    if candidate.support_nats > 0.0 {
        let count = candidate.findings.len().to_string();
        all.push(Contribution {
            nats: Nats::new(candidate.support_nats),
            note: Message::new("why.evidence_count").arg("count", count),
        });
    }
    if lead && folded > 0 {
        all.push(Contribution {
            nats: Nats::ZERO,
            note: Message::new("why.explains").arg("count", folded.to_string()),
        });
    }
    if explained {
        all.push(Contribution { nats: Nats::new(-EXPLAINED_NATS), note: Message::new("why.explained") });
    }
    if !gaps.is_empty() {
        let subjects: Vec<&str> = gaps.iter().map(|g| g.subject.as_str()).take(3).collect();
        all.push(Contribution { nats: Nats::ZERO, note: Message::new("why.gap").arg("what", subjects.join(", ")) });
    }
    all
}
