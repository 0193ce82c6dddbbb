//! Why a command could not do its work: what was attempted, what went wrong, what to do about it.

use std::fmt;

use rootline_config::ConfigError;
use rootline_engine::EngineError;
use rootline_sources::ReadError;
use rootline_sources::live::LiveError;

/// An error as a person reads it.
#[derive(Debug)]
pub struct Failure {
    attempted: String,
    detail: Option<Detail>,
    hint: Option<String>,
}

#[derive(Debug)]
struct Detail(String);

impl Failure {
    pub fn new(attempted: impl Into<String>) -> Self {
        Failure { attempted: attempted.into(), detail: None, hint: None }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(Detail(detail.to_string()));
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// In one line, for a log.
    pub fn plain(&self) -> String {
        let detail = self.detail.as_ref().map(|d| format!(": {}", d.0)).unwrap_or_default();
        format!("{}{detail}", self.attempted)
    }

    pub fn read(error: &ReadError) -> Self {
        Failure::new("could not read the state").detail(error).hint(error.hint())
    }

    pub fn live(error: &LiveError) -> Self {
        Failure::new("could not read the cluster").detail(error).hint(error.hint())
    }

    pub fn config(error: &ConfigError) -> Self {
        Failure::new("could not use the configuration")
            .detail(error)
            .hint("`rootline check-config --print-defaults` prints every key with its meaning")
    }

    pub fn engine(error: &EngineError) -> Self {
        Failure::new("could not use the rules")
            .detail(error)
            .hint("`rootline rules test DIR` checks rule files; `rootline catalog` lists the findings they may name")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Detail {}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail.as_ref().map(|d| d as &(dyn std::error::Error + 'static))
    }
}

impl miette::Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }
}
