//! Words, templates of log lines, likeness of texts.
