//! What findings may do together, and their words.

use std::collections::BTreeSet;

use rootline_model::{Both, Finding};

use crate::catalog::{self, Nature};
use crate::codes::{Group, Strength, doc_of};

/// Onsets further apart than this speak of different things, in seconds.
const TOGETHER_S: i64 = 900;
/// Groups that must agree.
const GROUPS_MIN: usize = 3;

/// What a finding is independent of others by.
pub fn group_of(finding: &Finding) -> Option<Group> {
    let code = finding.code.as_str();
    if code.starts_with("log.") {
        return Some(Group::Logs);
    }
    Some(match code {
        "series.forecast_breach" => Group::Forecast,
        "series.absent" | "series.source_silent" => Group::Missing,
        _ if code.starts_with("slo.") => Group::Outcome,
        // many series at once, already counted one by one
        "series.unusual" => return None,
        _ => match catalog::by_id(finding.args.get("series")?)?.nature {
            Nature::Usage => Group::Usage,
            Nature::Outcome => Group::Outcome,
            Nature::Load => Group::Load,
        },
    })
}

/// True where findings about **one** entity (and its pods) may open an incident: one hard fact, or evidence of at least
/// three independent groups that began within a quarter of an hour, one of which says that somebody suffers (outcome or
/// logs). Usage alone, load alone, forecasts alone never do.
///
/// False alarms, measured by `tests/replay` (daily cycles, cron jobs, collectors, deploys, autoscaling, restarts, gaps):
/// see `docs/internals/series.md`.
pub fn corroborated(findings: &[Finding]) -> bool {
    let is_fact = |f: &&Finding| doc_of(f.code.as_str()).is_some_and(|d| d.strength == Strength::Fact);
    if findings.iter().any(|f| is_fact(&f)) {
        return true;
    }
    let of: Vec<(Group, i64)> = findings.iter().filter_map(|f| Some((group_of(f)?, f.onset?.as_second()))).collect();
    of.iter().any(|(_, start)| {
        let near = of.iter().filter(|(_, at)| (0..=TOGETHER_S).contains(&(at - start)));
        let groups: BTreeSet<Group> = near.map(|(g, _)| *g).collect();
        groups.len() >= GROUPS_MIN && (groups.contains(&Group::Outcome) || groups.contains(&Group::Logs))
    })
}

/// Title and explanation of a finding in both languages; `None` for codes that are not of this crate.
pub fn words(finding: &Finding) -> Option<(Both, Both)> {
    let doc = doc_of(finding.code.as_str())?;
    let fill = |en: &str, zh: &str| Both { en: finding.args.fill(en), zh: finding.args.fill(zh) };
    Some((fill(doc.en, doc.zh), fill(doc.why_en, doc.why_zh)))
}
