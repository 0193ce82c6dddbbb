//! Snippets in every format, read and joined.
