//! A finding: something abnormal about one entity, with evidence.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;

use crate::{Args, EntityRef, Evidence};

/// Stable dotted name of what can be wrong: `container.oom_killed`, `service.selects_nothing`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(Cow<'static, str>);

impl Code {
    pub const fn known(code: &'static str) -> Self {
        Code(Cow::Borrowed(code))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if the code equals the pattern, or the pattern ends in `*` and the code begins with the rest.
    pub fn matches(&self, pattern: &str) -> bool {
        match pattern.strip_suffix('*') {
            Some(start) => self.0.starts_with(start),
            None => self.0 == pattern,
        }
    }
}

impl From<String> for Code {
    fn from(code: String) -> Self {
        Code(Cow::Owned(code))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a finding is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Can be a root cause or stands right beside one.
    Fact,
    /// Something suffers; the cause is elsewhere.
    Symptom,
    /// Nothing is broken now.
    Risk,
}

/// Evidence strength in natural log units; 0 says nothing, +4 is near proof.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Nats(f64);

impl Nats {
    pub const ZERO: Nats = Nats(0.0);

    /// A finite number; anything else becomes 0 nats (no evidence).
    pub const fn new(value: f64) -> Self {
        if value.is_finite() { Nats(value) } else { Nats(0.0) }
    }

    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A probability in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    /// Clamped into [0, 1]; not-a-number becomes 0.
    pub fn new(value: f64) -> Self {
        Probability(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Something abnormal about one entity.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub code: Code,
    pub entity: EntityRef,
    /// When it began, as well as it can be told.
    pub onset: Option<Timestamp>,
    pub strength: Nats,
    /// Values for the finding's title and for rules: `reason`, `message`, `image`, `port`.
    pub args: Args,
    /// Other entities the finding speaks of: the missing Secret, the called Service.
    pub about: Vec<EntityRef>,
    pub evidence: Vec<Evidence>,
}

impl Finding {
    pub fn new(code: &'static str, entity: EntityRef) -> Self {
        Finding {
            code: Code::known(code),
            entity,
            onset: None,
            strength: Nats::new(2.0),
            args: Args::default(),
            about: Vec::new(),
            evidence: Vec::new(),
        }
    }

    #[must_use]
    pub fn nats(mut self, value: f64) -> Self {
        self.strength = Nats::new(value);
        self
    }

    #[must_use]
    pub fn since(mut self, onset: Option<Timestamp>) -> Self {
        self.onset = onset;
        self
    }

    #[must_use]
    pub fn arg(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.args.set(key, value);
        self
    }

    #[must_use]
    pub fn about(mut self, entity: EntityRef) -> Self {
        if !self.about.contains(&entity) {
            self.about.push(entity);
        }
        self
    }

    #[must_use]
    pub fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }
}
