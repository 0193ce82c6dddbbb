//! A live incident as one short message: what, since when, why, what to do. Chats and mail lay the same card out.
//!
//! Everything in a card is plain text of one line per string; each channel makes it harmless in its own markup
//! (`foreign`). Nothing is computed but counts.

use rootline_model::{Both, Lang, LiveIncident, Origin, Role, Severity, Stage, Timestamp};

use crate::say::{count, fill, word};
use crate::{plain, time};

/// Columns of each kind of text at most; a card is read on a telephone.
const TITLE: usize = 120;
const PARAGRAPH: usize = 400;
const LINE: usize = 200;
/// A command that is cut cannot be run: longer ones are left to the page.
const COMMAND: usize = 400;
const EVIDENCE: usize = 3;
const AFFECTED: usize = 5;
const NAMES: usize = 4;
const COMMANDS: usize = 2;
/// Incidents named one by one in a digest.
const DIGEST: usize = 20;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    New,
    Update,
    Acknowledged,
    Resolved,
}

/// A message before it has a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    pub lang: Lang,
    pub severity: Severity,
    pub state: State,
    /// One line that says all: `Resolved: cart is killed for memory`.
    pub title: String,
    /// Number, severity, since when, who has it.
    pub status: String,
    pub parts: Vec<Part>,
    pub link: Option<String>,
}

/// A heading and what stands under it.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Our own words.
    pub label: String,
    pub body: Body,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Text(String),
    List(Vec<Item>),
    /// To be copied, one line each.
    Commands(Vec<String>),
}

/// One line of a list, with an address where it has a page of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub text: String,
    pub link: Option<String>,
}

impl Card {
    /// Circle of the severity, green when it is over.
    pub fn mark(&self) -> &'static str {
        match (self.state, self.severity) {
            (State::Resolved, _) => "🟢",
            (_, Severity::Critical) => "🔴",
            (_, Severity::Error) => "🟠",
            (_, Severity::Warning) => "🟡",
        }
    }

    /// The words on what leads to the page.
    pub fn link_text(&self) -> &'static str {
        word(self.lang, "card.link")
    }
}

/// The card of one incident. `link`: its page.
pub fn card(incident: &LiveIncident, lang: Lang, link: Option<&str>) -> Card {
    let state = state(incident);
    let mut parts = Vec::new();
    if state == State::Update
        && let Some(moment) = incident.timeline.last()
    {
        text(&mut parts, word(lang, "card.latest"), moment.what.get(lang), PARAGRAPH);
    }
    cause(&mut parts, incident, lang, state);
    affected(&mut parts, incident, lang);
    folded(&mut parts, incident, lang);
    if state != State::Resolved {
        next(&mut parts, incident, lang);
    }
    Card {
        lang,
        severity: incident.severity,
        state,
        title: plain::shorten(&title(incident, lang, state), TITLE),
        status: status(incident, lang, state),
        parts,
        link: link.map(ToOwned::to_owned),
    }
}

/// One card for several incidents, each with its page. The worst decides how it looks.
pub fn digest(incidents: &[(&LiveIncident, Option<String>)], lang: Lang) -> Card {
    let open = incidents.iter().filter(|(i, _)| i.stage == Stage::Open).count();
    let resolved = incidents.len() - open;
    let mut items: Vec<Item> = incidents
        .iter()
        .take(DIGEST)
        .map(|(incident, link)| Item { text: digest_line(incident, lang), link: link.clone() })
        .collect();
    if incidents.len() > DIGEST {
        let more = (incidents.len() - DIGEST).to_string();
        items.push(Item { text: fill(lang, "card.more", &[("count", &more)]), link: None });
    }
    let mut title = vec![count(lang, "card.digest", incidents.len())];
    if open > 0 && resolved > 0 {
        title.push(fill(lang, "card.digest_open", &[("n", &open.to_string())]));
        title.push(fill(lang, "card.digest_resolved", &[("n", &resolved.to_string())]));
    }
    Card {
        lang,
        severity: incidents.iter().map(|(i, _)| i.severity).max().unwrap_or(Severity::Warning),
        state: if open == 0 { State::Resolved } else { State::Update },
        title: title.join(word(lang, "list.join")),
        status: word(lang, "card.digest_why").to_owned(),
        parts: vec![Part { label: word(lang, "card.incidents").to_owned(), body: Body::List(items) }],
        link: None,
    }
}

/// What people are told of by this version.
fn state(incident: &LiveIncident) -> State {
    match (incident.stage, &incident.acked) {
        (Stage::Resolved, _) => State::Resolved,
        (Stage::Open, Some(ack)) if ack.at >= incident.updated => State::Acknowledged,
        (Stage::Open, _) if incident.version > 1 => State::Update,
        (Stage::Open, _) => State::New,
    }
}

const fn severity_key(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "severity.critical",
        Severity::Error => "severity.error",
        Severity::Warning => "severity.warning",
    }
}

fn title(incident: &LiveIncident, lang: Lang, state: State) -> String {
    let title = plain::line(incident.title.get(lang));
    match state {
        State::New => fill(
            lang,
            "card.title_new",
            &[("severity", word(lang, severity_key(incident.severity))), ("title", &title)],
        ),
        State::Update => fill(lang, "card.title_update", &[("title", &title)]),
        State::Acknowledged => {
            let by = incident.acked.as_ref().map(|ack| plain::line(&ack.by)).unwrap_or_default();
            fill(lang, "card.title_acked", &[("by", &by), ("title", &title)])
        }
        State::Resolved => fill(lang, "card.title_resolved", &[("title", &title)]),
    }
}

fn status(incident: &LiveIncident, lang: Lang, state: State) -> String {
    let mut facts = vec![
        fill(lang, "card.number", &[("id", &incident.id.to_string())]),
        word(lang, severity_key(incident.severity)).to_owned(),
    ];
    let end = incident.resolved.filter(|_| state == State::Resolved);
    facts.push(match end {
        Some(end) => fill(
            lang,
            "card.lasted",
            &[("age", &lasted(lang, incident.onset, end)), ("from", &time::stamp(incident.onset)), ("to", &clock(end))],
        ),
        None => time::since(lang, incident.updated, incident.onset),
    });
    if let Some(ack) = incident.acked.as_ref().filter(|_| state != State::Acknowledged) {
        facts.push(fill(lang, "card.with", &[("by", &plain::line(&ack.by))]));
    }
    plain::shorten(&facts.join(" · "), PARAGRAPH)
}

fn lasted(lang: Lang, from: Timestamp, to: Timestamp) -> String {
    time::length(lang, to.as_second().saturating_sub(from.as_second()).max(0))
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

fn text(parts: &mut Vec<Part>, label: &str, text: &str, columns: usize) {
    let text = plain::shorten(&plain::line(text), columns);
    if !text.is_empty() {
        parts.push(Part { label: label.to_owned(), body: Body::Text(text) });
    }
}

fn list(parts: &mut Vec<Part>, label: &str, items: Vec<String>) {
    if !items.is_empty() {
        let items = items.into_iter().map(|text| Item { text, link: None }).collect();
        parts.push(Part { label: label.to_owned(), body: Body::List(items) });
    }
}

fn cause(parts: &mut Vec<Part>, incident: &LiveIncident, lang: Lang, state: State) {
    let Some(cause) = incident.causes.first() else {
        if state != State::Resolved {
            text(parts, word(lang, "card.cause_none"), word(lang, "card.cause_none_why"), PARAGRAPH);
        }
        return;
    };
    let entity = plain::line(&cause.entity);
    let mut what = plain::line(cause.title.get(lang));
    // a title often names the thing already
    if !entity.is_empty() && !what.contains(&entity) {
        what = format!("{what} · {entity}");
    }
    let label = fill(lang, "card.cause", &[("percent", &plain::percent(cause.confidence))]);
    text(parts, &label, &what, PARAGRAPH);
    if state == State::Resolved {
        return;
    }
    text(parts, word(lang, "label.why"), cause.why.get(lang), PARAGRAPH);
    let mut lines: Vec<String> = cause.evidence.iter().map(|e| plain::line(e.get(lang))).collect();
    lines.retain(|line| !line.is_empty());
    let more = lines.len().saturating_sub(EVIDENCE);
    lines.truncate(EVIDENCE);
    for line in &mut lines {
        *line = plain::shorten_middle(line, LINE);
    }
    if more > 0 {
        lines.push(fill(lang, "card.more", &[("count", &more.to_string())]));
    }
    list(parts, word(lang, "card.evidence"), lines);
}

fn affected(parts: &mut Vec<Part>, incident: &LiveIncident, lang: Lang) {
    let names: Vec<String> = incident.affected.iter().map(|name| plain::line(name)).collect();
    text(parts, word(lang, "label.affected"), &named(&names, AFFECTED, lang), PARAGRAPH);
}

/// Alerts of other people's rules alone: facts and anomalies woke nobody.
fn folded(parts: &mut Vec<Part>, incident: &LiveIncident, lang: Lang) {
    let mut by_name: Vec<(String, usize)> = Vec::new();
    let members = incident.members.iter().filter(|m| m.role == Role::Folded && m.origin == Origin::Alert);
    let mut total = 0;
    for member in members {
        total += 1;
        let name = plain::shorten(&plain::line(member.alert.name()), LINE);
        match by_name.iter_mut().find(|(known, _)| *known == name) {
            Some((_, number)) => *number += 1,
            None => by_name.push((name, 1)),
        }
    }
    // the order of onset decides between equals
    by_name.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
    let names: Vec<String> = by_name
        .into_iter()
        .map(|(name, number)| if number == 1 { name } else { format!("{name} ×{}", plain::thousands(number)) })
        .collect();
    if total > 0 {
        text(parts, &count(lang, "card.folded", total), &named(&names, NAMES, lang), PARAGRAPH);
    }
}

/// `a, b, c and 4 more`
fn named(names: &[String], most: usize, lang: Lang) -> String {
    let first = names.iter().take(most).map(String::as_str).collect::<Vec<_>>().join(word(lang, "list.join"));
    match names.len().saturating_sub(most) {
        0 => first,
        more => fill(lang, "card.named", &[("names", &first), ("count", &plain::thousands(more))]),
    }
}

/// The first advice in words and the first commands.
fn next(parts: &mut Vec<Part>, incident: &LiveIncident, lang: Lang) {
    let steps = incident.causes.first().map(|cause| cause.next.as_slice()).unwrap_or_default();
    let mut advice = None;
    let mut commands = Vec::new();
    for (line, is_command) in steps.iter().flat_map(|step| lines(step, lang)) {
        if is_command && line.len() <= COMMAND && commands.len() < COMMANDS {
            commands.push(line);
        } else if !is_command && advice.is_none() {
            advice = Some(line);
        }
    }
    text(parts, word(lang, "label.next"), advice.as_deref().unwrap_or_default(), PARAGRAPH);
    if !commands.is_empty() {
        parts.push(Part { label: word(lang, "card.commands").to_owned(), body: Body::Commands(commands) });
    }
}

/// The lines of a step. What is the same in both languages is a command.
fn lines(step: &Both, lang: Lang) -> Vec<(String, bool)> {
    let other: Vec<String> = match lang {
        Lang::En => step.zh.lines().map(plain::line).collect(),
        Lang::Zh => step.en.lines().map(plain::line).collect(),
    };
    let lines = step.get(lang).lines().map(plain::line).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let is_command = other.contains(&line);
            (line.strip_prefix("$ ").unwrap_or(&line).to_owned(), is_command)
        })
        .collect()
}

fn digest_line(incident: &LiveIncident, lang: Lang) -> String {
    let title = plain::shorten(&plain::line(incident.title.get(lang)), TITLE);
    let stage = match incident.stage {
        Stage::Open => word(lang, severity_key(incident.severity)),
        Stage::Resolved => word(lang, "card.resolved"),
    };
    let mut facts = vec![format!("#{}", incident.id), stage.to_owned(), title];
    if let Some(cause) = incident.causes.first() {
        let what = plain::shorten(&plain::line(cause.title.get(lang)), TITLE);
        facts.push(format!("{what} ({})", plain::percent(cause.confidence)));
    }
    facts.join(" · ")
}
