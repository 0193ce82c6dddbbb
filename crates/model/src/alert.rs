//! An alert as a rule engine sends it, and what people call its life.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Fingerprint, LabelSet, Severity};

/// One alert. Its identity is the fingerprint of its labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub labels: LabelSet,
    pub annotations: LabelSet,
    /// When it fired.
    pub starts_at: Timestamp,
    /// When it was resolved, or when it counts as resolved if nobody repeats it.
    pub ends_at: Option<Timestamp>,
    /// The `for:` of its rule in seconds, where it is known; the condition holds at least that long already.
    pub hold_s: Option<u32>,
    pub generator_url: String,
}

impl Alert {
    pub fn fingerprint(&self) -> Fingerprint {
        self.labels.fingerprint()
    }

    pub fn name(&self) -> &str {
        self.labels.value("alertname")
    }

    /// When the condition began: firing time minus the rule's `for:`.
    pub fn onset(&self) -> Timestamp {
        let hold = SignedDuration::from_secs(i64::from(self.hold_s.unwrap_or(0)));
        self.starts_at.checked_sub(hold).unwrap_or(self.starts_at)
    }

    pub fn is_firing(&self, now: Timestamp) -> bool {
        self.ends_at.is_none_or(|end| end > now)
    }

    /// By the label `severity`: `critical` (also `page`, `emergency`, `disaster`), `error` (also `major`, `high`), and
    /// everything else a warning. `None` for `info` and `none`, which are nobody's incident alone.
    pub fn severity(&self) -> Option<Severity> {
        match self.labels.value("severity").to_ascii_lowercase().as_str() {
            "critical" | "page" | "emergency" | "disaster" | "fatal" | "p1" | "p0" => Some(Severity::Critical),
            "error" | "major" | "high" | "p2" => Some(Severity::Error),
            "info" | "none" | "debug" | "information" => None,
            _ => Some(Severity::Warning),
        }
    }
}
