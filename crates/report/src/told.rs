//! A diagnosis in words to keep: both languages at once, for the daemon's incidents.

use jiff::Timestamp;
use rootline_model::{Answer, Both, Cause, Diagnosis, EntityRef, Evidence, Finding, Incident, Knowledge, Lang};

use crate::say;
use crate::view::{Teller, named};

/// Pieces of evidence kept of one cause.
const MOST_EVIDENCE: usize = 8;
/// Causes kept of one incident.
const MOST_CAUSES: usize = 5;

/// One incident of a diagnosis in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub title: Both,
    /// Best first; empty where no cause is sure enough to be named.
    pub causes: Vec<Answer>,
    pub gaps: Vec<Both>,
    pub edges: Vec<(String, String, String)>,
}

/// Says an incident in both languages.
pub fn told(diagnosis: &Diagnosis, incident: &Incident, knowledge: &Knowledge) -> Told {
    let teller = |lang| Teller { at: diagnosis.at, knowledge, lang, verbose: false };
    let (en, zh) = (teller(Lang::En), teller(Lang::Zh));
    let both = |say: &dyn Fn(&Teller<'_>) -> String| Both { en: say(&en), zh: say(&zh) };
    let causes = if named(incident) { &incident.causes[..] } else { &[] };
    Told {
        title: both(&|t| t.incident_title(incident)),
        causes: causes.iter().take(MOST_CAUSES).map(|c| answer(&en, &zh, c)).collect(),
        gaps: incident.gaps.iter().map(|g| both(&|t| t.gap(g))).collect(),
        edges: incident
            .edges
            .iter()
            .map(|(from, word, to)| (from.to_string(), (*word).to_owned(), to.to_string()))
            .collect(),
    }
}

/// What a finding is called, in both languages.
pub fn finding_title(knowledge: &Knowledge, finding: &Finding) -> Both {
    let say = |lang| Teller { at: rootline_model::SOME_MOMENT, knowledge, lang, verbose: false }.finding_title(finding);
    Both { en: say(Lang::En), zh: say(Lang::Zh) }
}

/// A piece of evidence in both languages.
pub fn evidence(at: Timestamp, evidence: &Evidence) -> Both {
    let say = |lang| say::seen(lang, at, evidence).sentence(lang);
    Both { en: say(Lang::En), zh: say(Lang::Zh) }
}

/// A thing as people name it: `deployment shop/cart`.
pub fn entity(entity: &EntityRef) -> String {
    crate::names::shown(entity)
}

fn answer(en: &Teller<'_>, zh: &Teller<'_>, cause: &Cause) -> Answer {
    let both = |say: &dyn Fn(&Teller<'_>) -> String| Both { en: say(en), zh: say(zh) };
    let evidence =
        cause.evidence.iter().take(MOST_EVIDENCE).map(|e| both(&|t| say::seen(t.lang, t.at, e).sentence(t.lang)));
    let fix = both(&|t| t.cause_text(cause, |texts| &texts.fix).unwrap_or_default());
    let commands = en.commands(cause).into_iter().map(Both::same);
    Answer {
        code: cause.code.to_string(),
        entity: cause.entity.to_string(),
        confidence: cause.probability.get(),
        title: both(&|t| t.cause_title(cause)),
        why: both(&|t| t.cause_text(cause, |texts| &texts.means).unwrap_or_default()),
        evidence: evidence.collect(),
        next: std::iter::once(fix).filter(|f| !f.en.is_empty()).chain(commands).collect(),
    }
}
