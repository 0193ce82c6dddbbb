//! Rows into ClickHouse through its HTTP interface: `INSERT INTO … FORMAT JSONEachRow`.
//!
//! Plain HTTP with the client that all sinks share. The crate `clickhouse` would bring a second HTTP stack for what is one
//! `POST`; at the rates of one cluster the text format is not what costs. Source: ClickHouse 26, "HTTP interface".

use crate::client::{refused, words_of};
use crate::{Client, Endpoint, SendError};

/// Tables of `create` and the version of what they hold. Codecs and orders: measured, see `docs/internals/store.md`.
/// `{db}`, `{series}`, `{events}`, `{incidents}` are the database and days.
///
/// Tables of things that are written again (at least once) replace by version; samples drop a block that comes twice.
const TABLES: &[&str] = &[
    "CREATE DATABASE IF NOT EXISTS {db}",
    "CREATE TABLE IF NOT EXISTS {db}.series (series UInt64, name LowCardinality(String),
       labels Map(LowCardinality(String), String), seen DateTime)
     ENGINE = ReplacingMergeTree(seen) ORDER BY (name, series) TTL seen + INTERVAL {series} DAY",
    "CREATE TABLE IF NOT EXISTS {db}.samples (series UInt64 CODEC(ZSTD(1)), ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)),
       v Float64 CODEC(Gorilla(8), ZSTD(1)))
     ENGINE = MergeTree PARTITION BY toDate(ts) ORDER BY (series, ts) TTL toDateTime(ts) + INTERVAL {series} DAY
     SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000",
    "CREATE TABLE IF NOT EXISTS {db}.events (ts DateTime64(3), cluster LowCardinality(String), ns LowCardinality(String),
       kind LowCardinality(String), name String, uid String, reason LowCardinality(String), type LowCardinality(String),
       source LowCardinality(String), host LowCardinality(String), count UInt32, first DateTime64(3),
       message String CODEC(ZSTD(3)), INDEX m message TYPE tokenbf_v1(10240, 3, 0) GRANULARITY 4)
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(ts) ORDER BY (cluster, ns, kind, name, ts, uid, count)
     TTL toDateTime(ts) + INTERVAL {events} DAY",
    "CREATE TABLE IF NOT EXISTS {db}.logs (ts DateTime64(3) CODEC(DoubleDelta, ZSTD(1)), cluster LowCardinality(String),
       ns LowCardinality(String), workload LowCardinality(String), pod String, container LowCardinality(String),
       level LowCardinality(String), message String CODEC(ZSTD(3)), labels Map(LowCardinality(String), String),
       INDEX m message TYPE tokenbf_v1(10240, 3, 0) GRANULARITY 4)
     ENGINE = MergeTree PARTITION BY toDate(ts) ORDER BY (cluster, ns, workload, ts) TTL toDateTime(ts) + INTERVAL {series} DAY
     SETTINGS ttl_only_drop_parts = 1, non_replicated_deduplication_window = 1000",
    "CREATE TABLE IF NOT EXISTS {db}.incidents (id UInt64, version UInt32, cluster LowCardinality(String),
       stage LowCardinality(String), severity LowCardinality(String), title String, cause LowCardinality(String),
       entity String, confidence Float64, onset DateTime64(3), opened DateTime64(3), updated DateTime64(3),
       resolved Nullable(DateTime64(3)), members UInt32, body String CODEC(ZSTD(3)))
     ENGINE = ReplacingMergeTree PARTITION BY toYYYYMM(opened) ORDER BY (cluster, id, version)
     TTL toDateTime(updated) + INTERVAL {incidents} DAY",
];

/// Days that rows stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// Series, samples, logs.
    pub series: u32,
    pub events: u32,
    pub incidents: u32,
}

/// Where rows go.
#[derive(Clone)]
pub struct ClickHouseOptions {
    /// `http://clickhouse:8123`
    pub endpoint: Endpoint,
    /// Letters, digits and `_`.
    pub database: String,
    pub user: String,
    pub password: String,
    pub lasting: Lasting,
}

/// A place to write rows to.
#[derive(Clone)]
pub struct ClickHouse {
    options: ClickHouseOptions,
    client: Client,
}

impl ClickHouse {
    pub fn new(options: ClickHouseOptions, client: Client) -> ClickHouse {
        ClickHouse { options, client }
    }

    /// Makes database and tables that are not there. Those that are stay as they are, with the TTL they were made with.
    ///
    /// # Errors
    /// As of `insert`.
    pub async fn create(&self) -> Result<(), SendError> {
        for statement in TABLES {
            self.ask(&self.filled(statement), Vec::new()).await?;
        }
        Ok(())
    }

    fn filled(&self, statement: &str) -> String {
        let Lasting { series, events, incidents } = self.options.lasting;
        statement
            .replace("{db}", &self.options.database)
            .replace("{series}", &series.max(1).to_string())
            .replace("{events}", &events.max(1).to_string())
            .replace("{incidents}", &incidents.max(1).to_string())
    }

    /// Writes rows, one JSON object a line, all or none.
    ///
    /// # Errors
    /// `Retry`: nothing may be there, the same rows may be sent again. `Rejected`: these rows never fit. `Dead`: no such
    /// table (make them again), or the server does not let us.
    pub async fn insert(&self, table: &str, rows: Vec<u8>) -> Result<(), SendError> {
        // moments are written as ISO 8601; a column that the table has not is left out rather than losing the row
        let query = format!(
            "INSERT INTO {}.{table} SETTINGS date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1 FORMAT JSONEachRow",
            self.options.database
        );
        self.ask(&query, rows).await
    }

    async fn ask(&self, query: &str, body: Vec<u8>) -> Result<(), SendError> {
        let endpoint = self.options.endpoint.with_query(&[("query", query)]);
        let mut headers = vec![("Content-Type", "application/x-ndjson"), ("X-ClickHouse-User", &*self.options.user)];
        if !self.options.password.is_empty() {
            headers.push(("X-ClickHouse-Key", &*self.options.password));
        }
        let reply = self.client.post(&endpoint, &headers, body).await?;
        if reply.is_success() {
            return Ok(());
        }
        // the statement is ours and no secret, but the answer may repeat it at length
        let said = words_of(&self.options.endpoint, &reply.body);
        match code(&said) {
            // unknown table, unknown database
            Some(60 | 81) => Err(SendError::dead(format!("{} has not our tables: {said}", self.options.endpoint))),
            // authentication failed, unknown user, access denied
            Some(516 | 192 | 497) => Err(SendError::dead(format!("{} does not let us: {said}", self.options.endpoint))),
            // cannot parse: of the rows
            Some(6 | 26 | 27 | 38 | 41 | 53 | 117 | 130) => {
                Err(SendError::rejected(format!("{} cannot read the rows: {said}", self.options.endpoint)))
            }
            // too many parts, memory, too many queries, read-only disk: it may pass
            Some(_) => {
                Err(SendError::Retry { after: reply.retry_after, why: format!("{}: {said}", self.options.endpoint) })
            }
            None => Err(refused(&self.options.endpoint, &reply)),
        }
    }
}

/// `Code: 60. DB::Exception: …`
fn code(said: &str) -> Option<u32> {
    let (_, rest) = said.split_once("Code: ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
