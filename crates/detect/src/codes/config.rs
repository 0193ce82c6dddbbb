//! Finding codes: config.

#[allow(unused_imports)]
use super::{FindingDoc, fact, risk, symptom};

pub(super) const FINDINGS: &[FindingDoc] = &[];
