//! Running a scenario and saying how it differs.

use std::path::Path;

use rootline_engine::{Engine, Target};
use rootline_model::{Diagnosis, Verdict};

use crate::scenario::{ExpectedCause, Scenario};

/// How a scenario went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// What was expected and what came.
    Failed(String),
}

/// Runs one file.
#[allow(clippy::disallowed_methods, reason = "tests read their files")]
pub fn check_file(engine: &Engine, path: &Path) -> Outcome {
    match std::fs::read_to_string(path) {
        Ok(text) => check_text(engine, &text),
        Err(e) => Outcome::Failed(e.to_string()),
    }
}

/// Runs one scenario.
pub fn check_text(engine: &Engine, text: &str) -> Outcome {
    let scenario = match Scenario::parse(text) {
        Ok(scenario) => scenario,
        Err(e) => return Outcome::Failed(e),
    };
    let diagnosis = engine.diagnose(scenario.signals, &Target::default());
    let got: Vec<ExpectedCause> = diagnosis.incidents.iter().map(first_cause).collect();
    let want = &scenario.expect;
    let same = got.len() == want.causes.len()
        && want
            .causes
            .iter()
            .all(|w| got.iter().any(|g| g.code == w.code && (w.entity.is_empty() || g.entity == w.entity)));
    let mut wrong = Vec::new();
    if !same {
        wrong.push(format!("expected {}, got {}", list(&want.causes), list(&got)));
    }
    for code in &want.folded {
        let is_folded = diagnosis.incidents.iter().flat_map(|i| &i.folded).any(|f| f.finding.code.as_str() == code);
        if !is_folded {
            wrong.push(format!("{code} is not folded into any incident"));
        }
    }
    for code in &want.silent {
        if got.iter().any(|g| g.code == *code) {
            wrong.push(format!("{code} must stay silent"));
        }
    }
    if wrong.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("{}{}", wrong.join("; "), picture(&diagnosis)))
    }
}

fn first_cause(incident: &rootline_model::Incident) -> ExpectedCause {
    match incident.causes.first().filter(|_| incident.verdict != Verdict::NoConfidentCause) {
        Some(cause) => ExpectedCause { code: cause.code.to_string(), entity: cause.entity.to_string() },
        None => ExpectedCause {
            code: "none".to_owned(),
            entity: incident.affected.first().map(ToString::to_string).unwrap_or_default(),
        },
    }
}

fn list(causes: &[ExpectedCause]) -> String {
    let all: Vec<String> = causes.iter().map(|c| format!("{} @ {}", c.code, c.entity)).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// All causes and folded findings, to see at a glance why.
fn picture(diagnosis: &Diagnosis) -> String {
    let mut out = String::new();
    for incident in &diagnosis.incidents {
        out.push_str("\n      incident:");
        for cause in &incident.causes {
            out.push_str(&format!(" [{} @ {} {:.1}]", cause.code, cause.entity, cause.nats.get()));
        }
        for folded in &incident.folded {
            out.push_str(&format!(" {}@{}", folded.finding.code, folded.finding.entity));
        }
    }
    for note in &diagnosis.notes {
        out.push_str(&format!("\n      note: {} @ {}", note.code, note.entity));
    }
    out
}
