//! The engine as others see it: made once from rules, asked many times.

use rootline_detect::codes;
use rootline_diagnose::{RuleError, RuleFile, RuleSet, knowledge};
use rootline_model::{Diagnosis, EntityRef, Knowledge};
use rootline_objects::{LogWanted, Signal};
use rootline_world::World;

use crate::{narrow, pipeline, suspicious};

/// Why an engine could not be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("reading rules: {0}")]
    Rules(#[from] RuleError),
}

/// What an engine is made of.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Users' rule files, in the order they apply.
    pub rule_files: Vec<RuleFile>,
}

/// What the question is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Only incidents that touch this namespace.
    pub namespace: Option<String>,
    /// Only incidents that touch one of these.
    pub entities: Vec<EntityRef>,
}

#[derive(Debug)]
pub struct Engine {
    rules: RuleSet,
    knowledge: Knowledge,
}

impl Engine {
    /// Reads the rules.
    ///
    /// # Errors
    /// The first rule file that cannot be used, with file, line and column.
    pub fn new(options: Options) -> Result<Engine, EngineError> {
        let mut rules = RuleSet::builtin()?;
        for file in &options.rule_files {
            rules.add_user_file(file)?;
        }
        rules.check_triggers(|code| match code.strip_suffix('*') {
            Some(start) => codes::all().any(|d| d.code.starts_with(start)),
            None => codes::doc_of(code).is_some(),
        });
        let knowledge = knowledge(&rules, codes::all().map(|d| (d.code, d.en, d.zh)));
        Ok(Engine { rules, knowledge })
    }

    /// Titles, explanations and commands for every code.
    pub fn knowledge(&self) -> &Knowledge {
        &self.knowledge
    }

    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// Rules that were read but look wrong.
    pub fn warnings(&self) -> &[RuleError] {
        &self.rules.warnings
    }

    /// The answer to "what is wrong here, and why".
    pub fn diagnose(&self, signals: Vec<Signal>, target: &Target) -> Diagnosis {
        self.diagnose_in_world(signals, target).0
    }

    /// The same with the world that it was found in, for those who must name things in other words.
    pub fn diagnose_in_world(&self, signals: Vec<Signal>, target: &Target) -> (Diagnosis, World) {
        let (world, diagnosis) = pipeline::run(signals, &self.rules);
        (narrow::to(&world, diagnosis, target), world)
    }

    /// Which logs would help, after a first look without any.
    pub fn suspicious(&self, signals: &[Signal]) -> Vec<LogWanted> {
        suspicious::logs(signals)
    }
}
