//! Silences in Alertmanager's shape (`api/v2/openapi.yaml`, postableSilence).

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::record::{from_json, milliseconds, to_json};
use crate::store::Store;

/// Field names as on Alertmanager's wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// A UUID.
    pub id: String,
    pub matchers: Vec<SilenceMatcher>,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
    pub updated_at: Timestamp,
    pub created_by: String,
    pub comment: String,
    #[serde(default)]
    pub annotations: rootline_model::LabelSet,
}

/// All must match. A regular expression is anchored at both ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatcher {
    pub name: String,
    pub value: String,
    pub is_regex: bool,
    #[serde(default = "equal")]
    pub is_equal: bool,
}

fn equal() -> bool {
    true
}

impl Store {
    /// New or in the place of the one with its id; on disk when this returns. To end one, put it with `ends_at` = now.
    pub fn put_silence(&self, silence: &Silence) -> Result<()> {
        self.state.write(|t| {
            let mut put = t.prepare_cached(
                "INSERT INTO silence (id, starts, ends, updated, body) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET starts = ?2, ends = ?3, updated = ?4, body = ?5",
            )?;
            let (starts, ends) = (milliseconds(silence.starts_at), milliseconds(silence.ends_at));
            let body = to_json("silence", silence)?;
            put.execute(params![silence.id, starts, ends, milliseconds(silence.updated_at), body])?;
            Ok(())
        })
    }

    /// All that are kept, ended ones for some days too; those that end last come first.
    pub fn silences(&self) -> Result<Vec<Silence>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT body FROM silence ORDER BY ends DESC, id")?;
            let rows = query.query_map([], |r| r.get::<_, String>(0))?;
            rows.map(|body| Ok(from_json("silence", &body?)?)).collect()
        })
    }

    pub fn silence(&self, id: &str) -> Result<Option<Silence>> {
        self.state.read(|db| {
            let mut query = db.prepare_cached("SELECT body FROM silence WHERE id = ?1")?;
            let body = query.query_row([id], |r| r.get::<_, String>(0)).optional()?;
            Ok(body.map(|b| from_json("silence", &b)).transpose()?)
        })
    }
}
