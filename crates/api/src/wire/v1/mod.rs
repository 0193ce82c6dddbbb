//! `/api/v1`. Times are RFC 3339 in UTC, durations seconds, texts in both languages.

mod incident;
mod rows;

pub use incident::{Incident, Note, Summary};
pub use rows::{Alert, Change, Chart, DeadLetter, Event, Id, NewSilence, Pair, Reloaded, Silence, Status};

use rootline_model::Both;
use serde::Serialize;

/// A page of a list. `next` is given back as `cursor`.
#[derive(Debug, Serialize)]
pub struct List<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// The same text in English and Chinese.
#[derive(Debug, Serialize)]
pub struct Text {
    pub en: String,
    pub zh: String,
}

impl From<Both> for Text {
    fn from(text: Both) -> Text {
        Text { en: text.en, zh: text.zh }
    }
}

fn texts(all: Vec<Both>) -> Vec<Text> {
    all.into_iter().map(Text::from).collect()
}
