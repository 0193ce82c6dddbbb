//! kubectl text as people paste it into tickets: tables, `describe`, YAML and JSON, events, logs, service states.
//!
//! Texts are read one after another into what they say (`found`), and joined at the end: a row, its labels and its
//! describe text become one object.
//!
//! **Invariant:** pure; any input is skipped rather than refused, and what looked like kubectl but could not be read is
//! named by a gap.

mod blocks;
mod clean;
mod command;
mod component;
mod derive;
mod describe;
mod events;
mod found;
mod get;
mod join;
mod logs;
mod merge;
mod table;
mod templates;
#[cfg(test)]
mod tests;
mod time;
mod tree;
mod yaml;

use jiff::Timestamp;
use rootline_objects::{Meta, Signal};

use command::Command;
pub use component::status as component_status;
use found::Found;

/// Collects pasted texts, then joins what they say about one object into one object each.
pub struct TextReader {
    found: Found,
}

impl TextReader {
    /// `now` is the moment the texts are of: ages are relative to it.
    pub fn new(now: Timestamp) -> Self {
        TextReader { found: Found::new(now) }
    }

    /// A text with the command that printed it.
    pub fn command(&mut self, command: &str, output: &str) {
        let output = clean::clean(output);
        blocks::output(&output, Command::parse(command).as_ref(), &mut self.found);
    }

    /// A text as somebody pasted it, with or without prompts. The name of its file tells whose log it is.
    pub fn paste(&mut self, text: &str, file_name: Option<&str>) {
        let text = clean::clean(text);
        self.found.begin("");
        if file_name.is_some_and(|name| logs::of_file(name, &text, &mut self.found)) {
            return;
        }
        blocks::paste(&text, &mut self.found);
    }

    /// Objects, what was listed completely, logs, components, gaps.
    pub fn finish(self) -> Vec<Signal> {
        join::finish(self.found)
    }
}

fn mark_default(meta: &mut Meta) {
    meta.annotations.0.set("storageclass.kubernetes.io/is-default-class", "true");
}
