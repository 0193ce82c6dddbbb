//! Texts that people pasted: kept back until it is known whether the same state is there as objects.

use rootline_model::Timestamp;
use rootline_objects::Signal;

/// A text with the name of its file.
pub(super) struct Text {
    pub path: String,
    pub text: String,
}

/// Hands texts to the reader of kubectl output.
pub(super) fn read(texts: &[Text], now: Option<Timestamp>) -> Vec<Signal> {
    let _ = (texts.iter().map(|t| (&t.path, &t.text)).count(), now);
    Vec::new()
}
