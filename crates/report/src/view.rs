//! The answer as words, before anybody decides where on a page they stand. Text and Markdown and HTML lay out the same
//! view, so that they cannot say different things.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rootline_model::{
    Args, Cause, Diagnosis, EntityRef, Finding, Folded, Gap, Incident, Knowledge, Lang, Message, Severity, Verdict,
};

use crate::say::{self, Seen, count, fill, word};
use crate::{Options, command, names, plain, time};

/// Names shown of a group before `and 35 more`.
const MOST_NAMES: usize = 5;
/// Groups of findings shown under an incident.
const MOST_GROUPS: usize = 5;
/// Lines of evidence shown without `-v`.
const MOST_EVIDENCE: usize = 6;
/// Runners-up shown without `-v`.
const MOST_CONSIDERED: usize = 2;

/// Checks listed by name without `-v`.
const MOST_CHECKS: usize = 8;

/// The whole answer in words.
pub struct View {
    pub lang: Lang,
    /// The worst severity; `None` where nothing is wrong.
    pub worst: Option<Severity>,
    pub headline: String,
    /// What was looked at, when, from where.
    pub scope: Vec<String>,
    pub incidents: Vec<IncidentView>,
    pub notes: Vec<String>,
    pub clean: Vec<String>,
    pub unseen: Vec<String>,
}

pub struct IncidentView {
    pub number: usize,
    pub severity: Severity,
    /// Sure enough to name the first cause.
    pub named: bool,
    pub title: String,
    /// Where, how sure, how bad, since when.
    pub entity: String,
    pub verdict: String,
    pub sure: Verdict,
    pub severity_word: &'static str,
    pub since: Option<String>,
    pub affected: Option<String>,
    pub means: Option<String>,
    pub why: Vec<Seen>,
    pub more_why: Option<String>,
    /// Weight and reason; empty unless asked for.
    pub score: Vec<(String, String)>,
    pub considered: Vec<Considered>,
    pub follows: Vec<Group>,
    pub more_follows: Option<String>,
    pub fix: Option<String>,
    pub commands: Vec<String>,
    /// The code to ask `rootline explain` about.
    pub code: Option<String>,
    pub unseen: Vec<String>,
}

/// A cause that is not the answer.
pub struct Considered {
    pub percent: String,
    pub title: String,
    pub entity: String,
    pub reason: String,
}

/// Findings of one kind that an incident explains.
pub struct Group {
    pub count: usize,
    pub title: String,
    pub names: String,
    pub reason: String,
}

impl View {
    pub fn of(diagnosis: &Diagnosis, knowledge: &Knowledge, options: &Options) -> View {
        let teller = Teller { at: diagnosis.at, knowledge, lang: options.lang, verbose: options.verbose };
        View {
            lang: options.lang,
            worst: diagnosis.incidents.iter().map(|i| i.severity).max(),
            headline: teller.headline(diagnosis),
            scope: teller.scope(diagnosis, options),
            incidents: diagnosis.incidents.iter().map(|i| teller.incident(i, &diagnosis.gaps)).collect(),
            notes: teller.notes(&diagnosis.notes),
            clean: teller.clean(diagnosis),
            unseen: teller.gaps(diagnosis.gaps.iter()),
        }
    }
}

/// Knows the language, the moment and the texts.
pub struct Teller<'a> {
    pub at: Timestamp,
    pub knowledge: &'a Knowledge,
    pub lang: Lang,
    pub verbose: bool,
}

impl Teller<'_> {
    pub fn cause_title(&self, cause: &Cause) -> String {
        self.title(cause.code.as_str(), self.knowledge.cause(cause.code.as_str()), &cause.entity, &cause.args)
    }

    pub fn finding_title(&self, finding: &Finding) -> String {
        self.title(finding.code.as_str(), self.knowledge.finding(finding.code.as_str()), &finding.entity, &finding.args)
    }

    /// A code without texts is shown as it is.
    fn title(&self, code: &str, texts: Option<&rootline_model::Texts>, entity: &EntityRef, args: &Args) -> String {
        match texts.map(|t| t.title.get(self.lang)).filter(|t| !t.is_empty()) {
            Some(template) => plain::line(&names::standing_in_prose(entity, args).fill(template)),
            None => plain::line(code),
        }
    }

    /// A longer text of a cause, filled; `None` where the knowledge has none.
    pub fn cause_text(
        &self,
        cause: &Cause,
        pick: fn(&rootline_model::Texts) -> &rootline_model::Bilingual,
    ) -> Option<String> {
        let text = pick(self.knowledge.cause(cause.code.as_str())?).get(self.lang);
        let filled = plain::line(&names::standing_in_prose(&cause.entity, &cause.args).fill(text));
        (!filled.is_empty()).then_some(filled)
    }

    pub fn commands(&self, cause: &Cause) -> Vec<String> {
        let args = names::standing(&cause.entity, &cause.args);
        let texts = self.knowledge.cause(cause.code.as_str());
        texts.into_iter().flat_map(|t| &t.confirm).map(|c| command::fill(c, &args)).collect()
    }

    /// A message inside an incident: where it names a cause by its code, the cause's title is said.
    pub fn message(&self, incident: &Incident, message: &Message) -> String {
        let named = message.args.get("cause").and_then(|code| incident.causes.iter().find(|c| c.code.as_str() == code));
        match named {
            Some(cause) => {
                let title = say::quoted(self.lang, &self.cause_title(cause));
                say::message(self.lang, &message.clone().arg("cause", title))
            }
            None => say::message(self.lang, message),
        }
    }

    pub fn verdict_word(&self, verdict: Verdict) -> &'static str {
        word(
            self.lang,
            match verdict {
                Verdict::Likely => "verdict.likely",
                Verdict::Possible => "verdict.possible",
                Verdict::NoConfidentCause => "verdict.none",
            },
        )
    }

    pub fn severity_word(&self, severity: Severity) -> &'static str {
        word(
            self.lang,
            match severity {
                Severity::Critical => "severity.critical",
                Severity::Error => "severity.error",
                Severity::Warning => "severity.warning",
            },
        )
    }

    /// What an incident is called.
    pub fn incident_title(&self, incident: &Incident) -> String {
        if let (Some(cause), true) = (incident.causes.first(), named(incident)) {
            return self.cause_title(cause);
        }
        match incident.folded.first() {
            Some(folded) => self.finding_title(&folded.finding),
            None => word(self.lang, "title.no_cause").to_owned(),
        }
    }

    pub fn headline(&self, diagnosis: &Diagnosis) -> String {
        let with = |verdict| diagnosis.incidents.iter().filter(|i| i.verdict == verdict).count();
        let (all, likely) = (diagnosis.incidents.len(), with(Verdict::Likely));
        if all == 0 {
            let seen_nothing = diagnosis.scope.objects.iter().all(|(_, n)| *n == 0);
            let key = match (seen_nothing, diagnosis.gaps.is_empty()) {
                (true, _) if diagnosis.scope.log_lines == 0 && diagnosis.scope.events == 0 => "summary.empty",
                (_, true) => "summary.none",
                (_, false) => "summary.none_seen",
            };
            return word(self.lang, key).to_owned();
        }
        if likely == all {
            return count(self.lang, "summary.likely", all);
        }
        let parts: Vec<String> = [
            ("summary.some_likely", likely),
            ("summary.some_possible", with(Verdict::Possible)),
            ("summary.some_unknown", with(Verdict::NoConfidentCause)),
        ]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| count(self.lang, key, n))
        .collect();
        let clause = word(self.lang, "list.clause");
        format!("{}{clause}{}", count(self.lang, "summary.incidents", all), parts.join(word(self.lang, "list.join")))
    }

    fn scope(&self, diagnosis: &Diagnosis, options: &Options) -> Vec<String> {
        let scope = &diagnosis.scope;
        let objects: usize = scope.objects.iter().map(|(_, n)| n).sum();
        let amounts: Vec<String> = [
            ("scope.objects", objects),
            ("scope.events", scope.events),
            ("scope.log_lines", scope.log_lines),
            ("scope.namespaces", scope.namespaces.len()),
        ]
        .into_iter()
        .filter(|(_, n)| *n > 0)
        .map(|(key, n)| count(self.lang, key, n))
        .collect();
        let mut out = vec![amounts.join(word(self.lang, "list.join"))];
        let told = |key, place, value: &str| {
            (!value.is_empty()).then(|| plain::line(&fill(self.lang, key, &[(place, value)])))
        };
        out.extend(told("scope.narrowed", "target", options.narrowed.as_deref().unwrap_or_default()));
        out.extend((scope.elsewhere > 0).then(|| count(self.lang, "scope.elsewhere", scope.elsewhere)));
        out.extend(told("scope.version", "version", scope.cluster_version.as_deref().unwrap_or_default()));
        out.extend(told("scope.source", "source", &scope.source));
        out.push(match time::is_known(diagnosis.at) {
            true => fill(self.lang, "scope.at", &[("time", &time::stamp(diagnosis.at))]),
            false => fill(self.lang, "scope.no_time", &[]),
        });
        if let Some(elapsed) = options.elapsed {
            let seconds = elapsed.as_secs_f64();
            let shown = if seconds < 0.095 { format!("{seconds:.2}") } else { format!("{seconds:.1}") };
            out.push(fill(self.lang, "scope.elapsed", &[("seconds", &shown)]));
        }
        out.retain(|part| !part.is_empty());
        out
    }

    /// `everywhere`: gaps of the whole answer, said once at its end.
    fn incident(&self, incident: &Incident, everywhere: &[Gap]) -> IncidentView {
        let named = named(incident);
        let first = incident.causes.first();
        let answer = first.filter(|_| named);
        let evidence: Vec<Seen> = match answer {
            Some(cause) => cause.evidence.iter().map(|e| say::seen(self.lang, self.at, e)).collect(),
            None => self.symptoms(incident),
        };
        let (why, left) = self.limited(self.merged(evidence), MOST_EVIDENCE);
        let (considered, _) =
            self.limited(self.considered(incident, answer.is_some()), MOST_CONSIDERED + usize::from(!named) * 3);
        let (follows, more_follows) = self.follows(incident);
        IncidentView {
            number: incident.number,
            severity: incident.severity,
            named,
            title: self.incident_title(incident),
            entity: answer.map(|c| names::shown(&c.entity)).unwrap_or_default(),
            verdict: self.verdict(incident),
            sure: incident.verdict,
            severity_word: self.severity_word(incident.severity),
            since: incident.onset.or(first.and_then(|c| c.onset)).map(|at| time::since(self.lang, self.at, at)),
            affected: self.affected(incident, answer),
            means: answer.filter(|_| self.verbose).and_then(|c| self.cause_text(c, |t| &t.means)),
            why,
            more_why: (left > 0).then(|| count(self.lang, "more.evidence", left)),
            score: first.filter(|_| self.verbose).map(|c| self.score(incident, c)).unwrap_or_default(),
            considered,
            follows,
            more_follows,
            fix: answer.and_then(|c| self.cause_text(c, |t| &t.fix)),
            commands: answer.or(first).map(|c| self.commands(c)).unwrap_or_default(),
            code: answer.map(|c| c.code.as_str()).filter(|c| self.knowledge.cause(c).is_some()).map(str::to_owned),
            unseen: self.gaps(incident.gaps.iter().filter(|g| !everywhere.contains(g))),
        }
    }

    /// What is seen of an incident that nobody can explain; a bounded look, one piece for each finding.
    fn symptoms(&self, incident: &Incident) -> Vec<Seen> {
        let pieces = incident.folded.iter().filter_map(|f| f.finding.evidence.first());
        pieces.take(50).map(|e| say::seen(self.lang, self.at, e)).collect()
    }

    /// The same thing seen on several replicas, once.
    fn merged(&self, lines: Vec<Seen>) -> Vec<Seen> {
        let mut out: Vec<(Seen, Vec<String>)> = Vec::with_capacity(lines.len());
        for line in lines {
            let alike = |s: &Seen| s.word == line.word && s.same == line.same && s.quote == line.quote;
            match out.iter_mut().find(|(s, _)| alike(s)) {
                Some((first, more)) if first.object != line.object && !more.contains(&line.object) => {
                    more.push(line.object)
                }
                Some(_) => {}
                None => out.push((line, Vec::new())),
            }
        }
        let told = |(mut seen, more): (Seen, Vec<String>)| {
            if !more.is_empty() {
                seen.object = format!("{} {}", seen.object, count(self.lang, "more", more.len()));
            }
            seen
        };
        out.into_iter().map(told).collect()
    }

    fn limited<T>(&self, mut items: Vec<T>, most: usize) -> (Vec<T>, usize) {
        // One more line costs less room than saying that there is one more.
        let left = if self.verbose || items.len() <= most + 1 { 0 } else { items.len() - most };
        items.truncate(items.len() - left);
        (items, left)
    }

    fn verdict(&self, incident: &Incident) -> String {
        let words = self.verdict_word(incident.verdict);
        match incident.causes.first() {
            Some(cause) if named(incident) => {
                format!(
                    "{words}{}{}",
                    if self.lang == Lang::En { ", " } else { "，" },
                    plain::percent(cause.probability.get())
                )
            }
            _ => words.to_owned(),
        }
    }

    /// Things hurt other than the cause itself.
    fn affected(&self, incident: &Incident, answer: Option<&Cause>) -> Option<String> {
        let others: Vec<&EntityRef> =
            incident.affected.iter().filter(|e| answer.is_none_or(|c| c.entity != **e)).collect();
        (!others.is_empty()).then(|| names::list(self.lang, &others, MOST_NAMES))
    }

    fn score(&self, incident: &Incident, cause: &Cause) -> Vec<(String, String)> {
        let line =
            |c: &rootline_model::Contribution| (format!("{:+.1}", c.nats.get()), self.message(incident, &c.note));
        let mut lines: Vec<_> = cause.contributions.iter().map(line).collect();
        if !lines.is_empty() {
            lines.push((format!("{:+.1}", cause.nats.get()), cause.code.to_string()));
        }
        lines
    }

    fn considered(&self, incident: &Incident, skip_first: bool) -> Vec<Considered> {
        let one = |cause: &Cause| Considered {
            percent: plain::percent(cause.probability.get()),
            title: self.cause_title(cause),
            entity: names::shown(&cause.entity),
            reason: cause.lost.as_ref().map(|m| self.message(incident, m)).unwrap_or_default(),
        };
        incident.causes.iter().skip(usize::from(skip_first)).map(one).collect()
    }

    /// Folded findings in groups of the same code and sort of reason, largest first.
    fn follows(&self, incident: &Incident) -> (Vec<Group>, Option<String>) {
        let mut groups: BTreeMap<(&str, &str), Vec<&Folded>> = BTreeMap::new();
        for folded in &incident.folded {
            // The cause's own evidence already stands under "why".
            if folded.reason.key != "fold.cause" {
                groups.entry((folded.finding.code.as_str(), folded.reason.key)).or_default().push(folded);
            }
        }
        let mut groups: Vec<Vec<&Folded>> = groups.into_values().collect();
        groups.sort_by_key(|g| std::cmp::Reverse(g.len()));
        let (shown, left) = self.limited(groups.iter().collect(), MOST_GROUPS);
        let hidden: usize = groups.iter().rev().take(left).map(Vec::len).sum();
        let shown = shown.into_iter().map(|g| self.group(incident, g)).collect();
        (shown, (hidden > 0).then(|| count(self.lang, "more.groups", hidden)))
    }

    fn group(&self, incident: &Incident, members: &[&Folded]) -> Group {
        let entities: Vec<&EntityRef> = members.iter().map(|f| &f.finding.entity).collect();
        let reasons: Vec<String> = members.iter().map(|f| self.message(incident, &f.reason)).collect();
        let reason = reasons.first().filter(|r| reasons.iter().all(|other| other == *r)).cloned();
        // "Follows from it" is what the heading already says, and that it is the cause's own workload is seen.
        let cause = incident.causes.first().map(|c| c.entity.to_string());
        let own = |f: &&Folded| f.reason.key == "fold.same_workload" && f.reason.args.get("entity") == cause.as_deref();
        let says_more = members.first().is_some_and(|f| f.reason.key != "fold.explained" && !own(f));
        Group {
            count: members.len(),
            title: self.shared_title(members),
            names: names::list(self.lang, &entities, MOST_NAMES),
            reason: reason.filter(|_| says_more).unwrap_or_default(),
        }
    }

    /// One title for findings of one code: what differs between them becomes `…`.
    fn shared_title(&self, members: &[&Folded]) -> String {
        let Some(first) = members.first().map(|f| &f.finding) else { return String::new() };
        if members.len() == 1 {
            return self.finding_title(first);
        }
        let all: Vec<Args> = members.iter().map(|f| names::standing(&f.finding.entity, &f.finding.args)).collect();
        let shared = |key: &str, value: &str| all.iter().all(|args| args.get(key) == Some(value));
        let args = all.first().cloned().unwrap_or_default();
        let args: Args =
            args.iter().map(|(k, v)| (k, if shared(k, v) { v.to_owned() } else { "…".to_owned() })).collect();
        self.title(first.code.as_str(), self.knowledge.finding(first.code.as_str()), &EntityRef::cluster(), &args)
    }

    /// Subject and reason. A sentence of the catalogue says it all; foreign text stands behind the general words.
    pub fn gap(&self, gap: &Gap) -> String {
        let clause = word(self.lang, "list.clause");
        let detail = say::message(self.lang, &gap.detail);
        let mut out = format!("{}{clause}", plain::line(&gap.subject));
        if !gap.detail.key.is_empty() && !detail.is_empty() {
            out.push_str(&detail);
            return out;
        }
        out.push_str(say::gap_kind(self.lang, gap.kind));
        if !detail.is_empty() {
            out.push_str(&if self.lang == Lang::En { format!(" ({detail})") } else { format!("（{detail}）") });
        }
        out
    }

    fn gaps<'g>(&self, gaps: impl Iterator<Item = &'g Gap>) -> Vec<String> {
        distinct(gaps.map(|g| self.gap(g)).collect())
    }

    fn notes(&self, notes: &[Finding]) -> Vec<String> {
        if notes.is_empty() {
            return Vec::new();
        }
        if !self.verbose {
            return vec![count(self.lang, "more.notes", notes.len())];
        }
        distinct(notes.iter().map(|n| format!("{} · {}", self.finding_title(n), names::shown(&n.entity))).collect())
    }

    /// Checks that found nothing; for a healthy cluster also what was there to check.
    fn clean(&self, diagnosis: &Diagnosis) -> Vec<String> {
        let mut out = Vec::new();
        if diagnosis.incidents.is_empty() {
            let kinds = diagnosis.scope.objects.iter().filter(|(_, n)| *n > 0);
            out.extend(
                kinds
                    .map(|(kind, n)| fill(self.lang, "list.kind", &[("count", &plain::thousands(*n)), ("kind", kind)])),
            );
        }
        let clean: Vec<_> = diagnosis.checks.iter().filter(|c| c.problems == 0 && c.looked_at > 0).collect();
        if !self.verbose && clean.len() > MOST_CHECKS {
            out.push(count(self.lang, "more.checks", clean.len()));
            return out;
        }
        out.extend(clean.iter().map(|c| format!("{} {}", self.check_name(c.name), plain::thousands(c.looked_at))));
        out
    }

    pub fn check_name(&self, name: &'static str) -> String {
        crate::words::word(self.lang, &format!("check.{name}"))
            .map_or_else(|| name.replace(['_', '.'], " "), str::to_owned)
    }
}

/// True if the first cause may be said to be the answer.
pub(crate) fn named(incident: &Incident) -> bool {
    incident.verdict != Verdict::NoConfidentCause && !incident.causes.is_empty()
}

/// Without repetitions, order kept.
fn distinct<T: PartialEq>(items: Vec<T>) -> Vec<T> {
    let mut out: Vec<T> = Vec::with_capacity(items.len());
    for item in items {
        if !out.contains(&item) {
            out.push(item);
        }
    }
    out
}
