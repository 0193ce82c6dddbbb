//! Elasticsearch and OpenSearch by query: only the lines that tell of trouble.
//!
//! Source: Elasticsearch 8 and OpenSearch 2, "Search API", "Paginate search results": `search_after` on the time alone,
//! since a tie breaker that both have needs a point in time, which they open in different ways. Documents of the last
//! moment of a page are asked for again and told apart by their ids.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Client, PullError, Pulled, Server, loki::TROUBLE};
use crate::intake::Line;
use crate::receive::Limits;
use crate::receive::elasticsearch::line_of;

/// An Elasticsearch or OpenSearch server.
#[derive(Clone, Debug)]
pub struct Elasticsearch {
    client: Client,
    settings: ElasticsearchSettings,
}

/// What to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElasticsearchSettings {
    /// An index, an alias, a pattern: `logs-*`.
    pub index: String,
    pub time_field: String,
    /// The field that holds the namespace, as a keyword.
    pub namespace_field: String,
    /// The field that holds the pod, as a keyword.
    pub pod_field: String,
    /// Fields with a level.
    pub level_fields: Vec<String>,
    /// Fields with the text.
    pub text_fields: Vec<String>,
    /// Only these namespaces; all without one.
    pub namespaces: Vec<String>,
    /// Only pods whose names begin so; all if it is empty.
    pub pod_prefix: String,
    /// Documents of one answer, at most 10,000 by their own limit.
    pub page: usize,
}

impl Default for ElasticsearchSettings {
    fn default() -> Self {
        ElasticsearchSettings {
            index: "logs-*".to_owned(),
            time_field: "@timestamp".to_owned(),
            namespace_field: "kubernetes.namespace_name.keyword".to_owned(),
            pod_field: "kubernetes.pod_name.keyword".to_owned(),
            level_fields: ["level", "log.level", "severity"].map(str::to_owned).to_vec(),
            text_fields: ["log", "message"].map(str::to_owned).to_vec(),
            namespaces: Vec::new(),
            pod_prefix: String::new(),
            page: 2_000,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(default, rename = "_index")]
    index: String,
    #[serde(default, rename = "_id")]
    id: String,
    #[serde(default, rename = "_source")]
    source: Map<String, Value>,
    #[serde(default)]
    sort: Vec<Value>,
}

impl Elasticsearch {
    /// # Errors
    /// [`PullError::Settings`].
    pub fn new(server: Server, settings: ElasticsearchSettings) -> Result<Self, PullError> {
        Client::new(server).map(|client| Elasticsearch { client, settings })
    }

    /// Lines from `start` up to, not with, `end`, page by page, at most `most` and the rest of a page.
    ///
    /// # Errors
    /// See [`PullError`].
    pub async fn lines(&self, (start, end): (Timestamp, Timestamp), most: usize) -> Result<Pulled, PullError> {
        let mut pulled = Pulled { until: Some(start), ..Pulled::default() };
        let mut after = None;
        let mut seen: HashSet<(i64, String)> = HashSet::new();
        while pulled.lines.len() < most {
            let hits = self.page((start, end), after).await?;
            let (full, last) = (hits.len() >= self.settings.page, hits.last().and_then(time_ms));
            let before = pulled.lines.len();
            for hit in hits {
                let key = (time_ms(&hit).unwrap_or_default(), format!("{}/{}", hit.index, hit.id));
                if seen.insert(key) {
                    pulled.lines.push(line(&hit));
                }
            }
            let Some(last) = last.filter(|_| full) else {
                pulled.complete = true;
                pulled.until = Some(end);
                return Ok(pulled);
            };
            seen.retain(|(at, _)| *at == last);
            // a page of one moment alone cannot be asked for again: what more it holds is passed over
            let from = if pulled.lines.len() == before { last.saturating_add(1) } else { last };
            after = Some(from.saturating_sub(1));
            pulled.until = Timestamp::from_millisecond(from).ok();
        }
        Ok(pulled)
    }

    async fn page(&self, span: (Timestamp, Timestamp), after: Option<i64>) -> Result<Vec<Hit>, PullError> {
        // what has no place in a path is none of an index
        let legal = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '*' | ',' | '+');
        let index: String = self.settings.index.chars().filter(legal).collect();
        let path = format!("/{index}/_search?ignore_unavailable=true&allow_no_indices=true");
        let answered = self.client.post_json(&path, &self.query(span, after)).await?;
        if !answered.status.is_success() {
            return Err(self.error(&path, &answered));
        }
        let answer: Answer = serde_json::from_slice(&answered.body)
            .map_err(|e| self.client.malformed(&path, format!("not an answer of Elasticsearch: {e}")))?;
        Ok(answer.hits.hits)
    }

    /// The body of a search.
    pub fn query(&self, (start, end): (Timestamp, Timestamp), after_ms: Option<i64>) -> Value {
        let s = &self.settings;
        let range =
            json!({ "gte": start.to_string(), "lt": end.to_string(), "format": "strict_date_optional_time_nanos" });
        let mut filter = vec![json!({ "range": { &s.time_field: range } })];
        if !s.namespaces.is_empty() {
            filter.push(json!({ "terms": { &s.namespace_field: s.namespaces } }));
        }
        if !s.pod_prefix.is_empty() {
            filter.push(json!({ "prefix": { &s.pod_field: s.pod_prefix } }));
        }
        let words = TROUBLE.join(" ");
        let any = json!({ "simple_query_string": { "query": words, "fields": s.text_fields, "default_operator": "or", "lenient": true } });
        let should: Vec<Value> = s
            .level_fields
            .iter()
            .map(|field| json!({ "match": { field: { "query": words, "lenient": true } } }))
            .chain([any])
            .collect();
        let mut body = json!({
            "size": s.page,
            "track_total_hits": false,
            "sort": [{ &s.time_field: { "order": "asc", "unmapped_type": "date" } }],
            "query": { "bool": { "filter": filter, "should": should, "minimum_should_match": 1 } },
        });
        if let (Some(after), Some(body)) = (after_ms, body.as_object_mut()) {
            body.insert("search_after".to_owned(), json!([after]));
        }
        body
    }

    /// `{"error": {"type": …, "reason": …}, "status": 400}`
    fn error(&self, path: &str, answered: &super::Answered) -> PullError {
        let told: Option<(String, String)> = serde_json::from_slice::<Value>(&answered.body).ok().and_then(|v| {
            let error = v.get("error")?;
            Some((error.get("type")?.as_str()?.to_owned(), error.get("reason")?.as_str()?.to_owned()))
        });
        match told {
            Some((kind, message)) if answered.status.is_client_error() && answered.status.as_u16() != 429 => {
                PullError::Refused { what: self.client.what(path), kind, message }
            }
            _ => self.client.status(path, answered),
        }
    }
}

fn time_ms(hit: &Hit) -> Option<i64> {
    hit.sort.first()?.as_i64()
}

fn line(hit: &Hit) -> Line {
    let (of, at, text) = line_of(&hit.source, &Limits::default());
    let text = text.map_or_else(|| Value::Object(hit.source.clone()).to_string(), str::to_owned);
    let sorted = time_ms(hit).and_then(|ms| Timestamp::from_millisecond(ms).ok());
    Line { of, at: at.or(sorted), text }
}
