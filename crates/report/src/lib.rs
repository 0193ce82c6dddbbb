//! Diagnosis → words: text for a terminal, Markdown, HTML, JSON, YAML; live incident → card for chats and mail; in English
//! and Chinese.
//!
//! **Invariant:** no evidence is weighed here; numbers are only counted, shortened and worded.

mod card;
mod chat;
mod command;
mod foreign;
mod html;
mod layout;
mod letter;
mod markdown;
mod names;
mod page;
mod picture;
mod plain;
mod say;
mod text;
mod time;
mod told;
mod view;
mod webhook;
pub mod wire;
pub mod words;

pub use card::{Body, Card, Item, Part, State, card, digest};
pub use chat::{dingtalk, feishu, slack, wecom};
pub use letter::{html as card_html, markdown as card_markdown, subject as card_subject, text as card_text};
pub use webhook::webhook;

use std::time::Duration;

use rootline_model::{Diagnosis, Knowledge, Lang, Message};

pub use told::{Told, entity, evidence, finding_title, told};

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal, or a pipe.
    Text,
    /// For tickets and chats.
    Markdown,
    /// One file that needs nothing else.
    Html,
    /// For programs; see `wire`.
    Json,
    /// The same fields as JSON.
    Yaml,
}

/// Knobs that change words and layout, never the content.
#[derive(Clone, Debug)]
pub struct Options {
    pub lang: Lang,
    /// Columns of the terminal; only text is wrapped.
    pub width: usize,
    /// ANSI colours in text.
    pub color: bool,
    /// Shows how causes were weighed, every line of evidence and the notes.
    pub verbose: bool,
    /// How long reading and thinking took, where the caller wants it shown.
    pub elapsed: Option<Duration>,
    /// What the question was narrowed to, where it was.
    pub narrowed: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Options { lang: Lang::En, width: 100, color: false, verbose: false, elapsed: None, narrowed: None }
    }
}

/// The whole answer as one text that ends in a line break.
pub fn render(diagnosis: &Diagnosis, knowledge: &Knowledge, options: &Options, format: Format) -> String {
    match format {
        Format::Text => text::render(&view::View::of(diagnosis, knowledge, options), options),
        Format::Markdown => markdown::render(&view::View::of(diagnosis, knowledge, options), options),
        Format::Html => html::render(diagnosis, knowledge, options),
        Format::Json => wire::json(diagnosis, knowledge, options.lang),
        Format::Yaml => wire::yaml(diagnosis, knowledge, options.lang),
    }
}

/// The page of a cause or finding: what it means, what can look like it, how to confirm it, what to do. `None`: no such
/// code.
pub fn page(knowledge: &Knowledge, code: &str, options: &Options) -> Option<String> {
    page::render(knowledge, code, options)
}

/// A message in a language: the filled text of its key, or its arguments where the key is unknown.
pub fn message(lang: Lang, message: &Message) -> String {
    say::message(lang, message)
}
