//! `rootline version`.

use crate::failure::Failure;
use crate::{Outcome, terminal};

pub fn run() -> Result<Outcome, Failure> {
    terminal::print(&format!("rootline {}\n", env!("CARGO_PKG_VERSION")))?;
    Ok(Outcome::Done)
}
