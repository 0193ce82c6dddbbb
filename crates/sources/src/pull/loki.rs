//! Loki by query: only the lines that tell of trouble.
//!
//! Source: Loki 3, "HTTP API", `GET /loki/api/v1/query_range`; `pkg/loghttp/query.go`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::Deserialize;

use super::{Client, PullError, Pulled, Server};
use crate::intake::{Line, StreamLabels};

/// A Loki server.
#[derive(Clone, Debug)]
pub struct Loki {
    client: Client,
    settings: LokiSettings,
}

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LokiSettings {
    /// The label that holds the namespace.
    pub namespace_label: String,
    /// The label that holds the pod.
    pub pod_label: String,
    /// Only these namespaces; all without one.
    pub namespaces: Vec<String>,
    /// Only pods whose names match this expression; all if it is empty.
    pub pods: String,
    /// What a line must match, in RE2's syntax; every line if it is empty.
    pub line_filter: String,
    /// Lines of one answer. Loki's own limit is 5,000 by default.
    pub page: usize,
}

/// Words by which lines of trouble are found before they are read; the first two are warnings' alone.
pub(super) const TROUBLE: &[&str] =
    &["warn", "warning", "error", "err", "fatal", "panic", "critical", "crit", "severe", "exception", "traceback"];

/// A filter for lines that tell of trouble, without those that only warn unless they are wanted.
pub fn trouble(warnings: bool) -> String {
    let (words, letters) = if warnings { (TROUBLE, "EWF") } else { (&TROUBLE[2..], "EF") };
    format!(r"(?i)\b({})|(?-i)^[{letters}][0-9]{{4}} ", words.join("|"))
}

impl Default for LokiSettings {
    fn default() -> Self {
        LokiSettings {
            namespace_label: "namespace".to_owned(),
            pod_label: "pod".to_owned(),
            namespaces: Vec::new(),
            pods: String::new(),
            line_filter: trouble(true),
            page: 5_000,
        }
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    result: Vec<Stream<'a>>,
}

#[derive(Deserialize)]
struct Stream<'a> {
    stream: BTreeMap<String, String>,
    /// Nanoseconds and the line; what follows them is not read.
    #[serde(borrow)]
    values: Vec<Vec<Cell<'a>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Cell<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Other(serde::de::IgnoredAny),
}

impl Loki {
    /// # Errors
    /// [`PullError::Settings`].
    pub fn new(server: Server, settings: LokiSettings) -> Result<Self, PullError> {
        Client::new(server).map(|client| Loki { client, settings })
    }

    /// The query in LogQL.
    pub fn query(&self) -> String {
        let s = &self.settings;
        let mut matchers = Vec::new();
        match s.namespaces.as_slice() {
            [] => matchers.push(format!("{}=~{}", s.namespace_label, quoted(".+"))),
            [one] => matchers.push(format!("{}={}", s.namespace_label, quoted(one))),
            many => {
                let any: Vec<String> = many.iter().map(|n| regex::escape(n)).collect();
                matchers.push(format!("{}=~{}", s.namespace_label, quoted(&any.join("|"))));
            }
        }
        if !s.pods.is_empty() {
            matchers.push(format!("{}=~{}", s.pod_label, quoted(&s.pods)));
        }
        let filter = if s.line_filter.is_empty() { String::new() } else { format!(" |~ {}", quoted(&s.line_filter)) };
        format!("{{{}}}{filter}", matchers.join(", "))
    }

    /// Lines from `start` up to, not with, `end`, page by page, at most `most` and the rest of a page.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn lines(&self, (start, end): (Timestamp, Timestamp), most: usize) -> Result<Pulled, PullError> {
        let query = self.query();
        let mut pulled = Pulled { until: Some(start), ..Pulled::default() };
        let mut from = nanos(start);
        // what was read at exactly `from` already
        let mut seen: HashSet<(i64, u64)> = HashSet::new();
        while pulled.lines.len() < most {
            let mut page = self.page(&query, from, nanos(end)).await?;
            page.sort_by_key(|(at, _)| *at);
            let (full, last) = (page.len() >= self.settings.page, page.last().map(|(at, _)| *at));
            let before = pulled.lines.len();
            for (at, line) in page {
                if seen.insert((at, key(&line))) {
                    pulled.lines.push(line);
                }
            }
            let Some(last) = last.filter(|_| full) else {
                pulled.complete = true;
                pulled.until = Some(end);
                return Ok(pulled);
            };
            seen.retain(|(at, _)| *at == last);
            // a page of one moment alone cannot be asked for again: what more it holds is passed over
            from = if pulled.lines.len() == before { last.saturating_add(1) } else { last };
            pulled.until = Timestamp::from_nanosecond(from.into()).ok();
        }
        Ok(pulled)
    }

    async fn page(&self, query: &str, from: i64, to: i64) -> Result<Vec<(i64, Line)>, PullError> {
        const PATH: &str = "/loki/api/v1/query_range";
        let parameters = [
            ("query", query.to_owned()),
            ("start", from.to_string()),
            ("end", to.to_string()),
            ("limit", self.settings.page.to_string()),
            ("direction", "forward".to_owned()),
        ];
        let answered = self.client.get(PATH, &parameters).await?;
        if !answered.status.is_success() {
            return Err(self.client.status(PATH, &answered));
        }
        let answer: Answer<'_> = serde_json::from_slice(&answered.body)
            .map_err(|e| self.client.malformed(PATH, format!("not an answer of Loki: {e}")))?;
        let mut lines = Vec::new();
        for stream in &answer.data.result {
            let of = StreamLabels::of(stream.stream.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            for value in &stream.values {
                let [Cell::Text(at), Cell::Text(text), ..] = value.as_slice() else { continue };
                let Ok(at_ns) = at.parse::<i64>() else { continue };
                let at = Timestamp::from_nanosecond(at_ns.into()).ok();
                lines.push((at_ns, Line { of: of.clone(), at, text: text.clone().into_owned() }));
            }
        }
        Ok(lines)
    }
}

fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

/// Which line it is, among those of one moment.
fn key(line: &Line) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    line.of.labels.hash(&mut hasher);
    line.text.hash(&mut hasher);
    hasher.finish()
}

/// A string of LogQL.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
