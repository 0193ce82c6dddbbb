//! The tree's own rules (tidy) and the generator of reference pages.
#![allow(clippy::disallowed_methods, reason = "reads and writes the tree")]

pub mod docs;
pub mod tidy;

use std::path::{Path, PathBuf};

/// The top of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
