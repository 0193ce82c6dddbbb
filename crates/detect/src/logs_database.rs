//! Databases that refuse: whose fault it is, the caller's or the database's.
//!
//! One caller with refused credentials has the wrong ones; when all callers are refused, the database changed. A connection
//! limit and a read-only state are the database's own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Finding, Kind, Relation};
use rootline_world::World;

use crate::containers_state::Standing;
use crate::logs::Trouble;
use crate::logs_hosts::{Who, database_of, is_database, workload_behind};

pub(crate) fn judge(world: &World, troubles: &[Trouble<'_>], out: &mut Vec<Finding>) {
    let mut by_database: BTreeMap<(&str, Option<EntityRef>), Vec<&Trouble<'_>>> = BTreeMap::new();
    for t in troubles {
        by_database.entry((t.code, database_behind(world, t))).or_default().push(t);
    }
    for ((code, database), members) in by_database {
        let finding = match code {
            "database.credentials_refused" => credentials(world, database.as_ref(), &members),
            "database.pool_exhausted" => {
                members.iter().map(|t| at_caller(world, t, "database.pool_exhausted", 0.5)).collect()
            }
            "database.connections_exhausted" => {
                at_database(world, database.as_ref(), &members, "database.connections_exhausted")
            }
            _ => at_database(world, database.as_ref(), &members, "database.read_only"),
        };
        out.extend(finding.into_iter().map(|f| dress(f, database.as_ref(), &members)));
    }
}

/// The workload, or the outside host, that the line is about; the speaker itself if it is a database.
fn database_behind(world: &World, t: &Trouble<'_>) -> Option<EntityRef> {
    if is_database(world, &t.workload) {
        return Some(t.workload.clone());
    }
    let named = t.target.as_ref().and_then(|target| match &target.who {
        Who::Service(e) | Who::Pod(e) => Some(workload_behind(world, e).unwrap_or_else(|| e.clone())),
        Who::Outside(e) => Some(e.clone()),
        _ => None,
    });
    named.or_else(|| {
        let service = database_of(world, &t.workload, t.line)?;
        Some(workload_behind(world, &service).unwrap_or(service))
    })
}

fn weigh(t: &Trouble<'_>) -> f64 {
    match (t.standing, t.count) {
        (Standing::Crashing | Standing::Unready, _) if t.telling => 2.5,
        (_, 0..=1) => 0.7,
        (_, 2) => 1.0,
        _ => 1.6,
    }
}

fn at_caller(world: &World, t: &Trouble<'_>, code: &'static str, less: f64) -> Finding {
    Finding { entity: t.workload.clone(), ..t.finding(world, code, weigh(t) - less) }
}

/// Workloads that call a database by one of its services.
fn callers_of(world: &World, database: &EntityRef) -> BTreeSet<EntityRef> {
    let services: Vec<EntityRef> = if database.kind == Kind::Service {
        vec![database.clone()]
    } else {
        let pods = world.pods_of(database).map(|p| EntityRef::pod(p.namespace(), p.name()));
        pods.flat_map(|p| world.graph.sources(&p, Relation::Selects)).filter(|s| s.kind == Kind::Service).collect()
    };
    services.iter().flat_map(|s| world.graph.sources(s, Relation::Calls)).filter(|c| c != database).collect()
}

fn credentials(world: &World, database: Option<&EntityRef>, members: &[&Trouble<'_>]) -> Vec<Finding> {
    // a database that logs refusals says that somebody fails, not who
    let speakers: Vec<&&Trouble<'_>> = members.iter().filter(|t| Some(&t.workload) != database).collect();
    let complaining: BTreeSet<&EntityRef> = speakers.iter().map(|t| &t.workload).collect();
    if let Some(database) = database.filter(|d| d.kind != Kind::External && complaining.len() > 1) {
        let callers = callers_of(world, database);
        if callers.iter().all(|c| complaining.contains(c)) {
            let best = speakers.iter().max_by(|a, b| weigh(a).total_cmp(&weigh(b)));
            return best
                .map(|t| Finding {
                    entity: database.clone(),
                    ..t.finding(world, "database.rejects_all_callers", weigh(t))
                })
                .into_iter()
                .collect();
        }
    }
    speakers.iter().map(|t| at_caller(world, t, "database.credentials_refused", 0.0)).collect()
}

fn at_database(
    world: &World,
    database: Option<&EntityRef>,
    members: &[&Trouble<'_>],
    code: &'static str,
) -> Vec<Finding> {
    let Some(database) = database else {
        return members.iter().map(|t| at_caller(world, t, code, 0.5)).collect();
    };
    let own = members.iter().any(|t| t.workload == *database);
    let callers: BTreeSet<&EntityRef> = members.iter().map(|t| &t.workload).filter(|w| *w != database).collect();
    let Some(best) = members.iter().max_by(|a, b| weigh(a).total_cmp(&weigh(b))) else { return Vec::new() };
    // two witnesses are better than one
    let more = if own && !callers.is_empty() || callers.len() > 1 { 0.8 } else { 0.0 };
    let finding = best.finding(world, code, weigh(best) + more);
    let mut finding = Finding { entity: database.clone(), ..finding };
    for t in members.iter().filter(|t| !std::ptr::eq(**t, *best)).take(3) {
        finding = finding.evidence(crate::logs_text::quote(world, t.tail, t.line, t.count));
    }
    vec![finding]
}

fn dress(finding: Finding, database: Option<&EntityRef>, members: &[&Trouble<'_>]) -> Finding {
    static USER: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)(?:for user|login failed for user|user) \\?["'`]?([\w.-]+)"#)
            .expect("the pattern is fixed and tested")
    });
    let user = members.iter().find_map(|t| Some(USER.captures(t.line)?.get(1)?.as_str())).unwrap_or("?");
    let callers: BTreeSet<&EntityRef> = members.iter().map(|t| &t.workload).filter(|w| Some(*w) != database).collect();
    let finding = finding
        .arg("user", user)
        .arg("database", database.map_or_else(|| "?".to_owned(), ToString::to_string))
        .arg("callers", crate::traffic::names(callers.iter().copied()));
    match database {
        Some(d) => finding.about(d.clone()),
        None => finding,
    }
}
