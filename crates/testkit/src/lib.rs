//! Scenario tests: Markdown files with a world, perhaps logs and pasted texts, and what must come out.
//!
//! A development dependency only.

mod run;
mod scenario;
mod signals;

pub use run::{Outcome, check_file, check_text};
pub use scenario::{Expect, ExpectedCause, Scenario};
