//! Words, templates of log lines, likeness of texts.

pub mod distance;
mod hash;
mod lexer;
mod lexer_bytes;
mod lexer_words;
pub mod miner;
mod miner_memo;
mod miner_merge;
mod miner_render;
mod miner_snapshot;
pub mod sessions;
pub mod sparse;
pub mod tfidf;
pub mod tokens;

pub use miner::{Miner, MinerConfig, TemplateId, variables};
pub use miner_render::{Template, Templates};
