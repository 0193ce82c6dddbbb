//! The words that belong to codes: titles, explanations, commands, in two languages.

use std::collections::BTreeMap;

/// Language of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    #[default]
    En,
    Zh,
}

/// One text in both languages. Templates may hold `{name}` places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bilingual {
    pub en: String,
    pub zh: String,
}

impl Bilingual {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Bilingual { en: en.into(), zh: zh.into() }
    }

    /// The text in a language; the other one where it is missing.
    pub fn get(&self, lang: Lang) -> &str {
        let (first, second) = match lang {
            Lang::En => (&self.en, &self.zh),
            Lang::Zh => (&self.zh, &self.en),
        };
        if first.is_empty() { second } else { first }
    }

    pub fn is_complete(&self) -> bool {
        !self.en.is_empty() && !self.zh.is_empty()
    }
}

/// What a finding or a rule says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// One line, with places: `Secret {secret} does not exist`.
    pub title: Bilingual,
    /// What it means and why it matters.
    pub means: Bilingual,
    /// What can look like it and is not.
    pub fooled_by: Bilingual,
    /// Commands that show it, with places.
    pub confirm: Vec<String>,
    /// What to do next.
    pub fix: Bilingual,
    /// Rows of the failure mode catalogue.
    pub catalogue: Vec<u16>,
}

/// All texts by code.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Knowledge {
    pub findings: BTreeMap<String, Texts>,
    pub causes: BTreeMap<String, Texts>,
}

impl Knowledge {
    /// The texts of a cause, or of the finding of the same code.
    pub fn cause(&self, code: &str) -> Option<&Texts> {
        self.causes.get(code).or_else(|| self.findings.get(code))
    }

    pub fn finding(&self, code: &str) -> Option<&Texts> {
        self.findings.get(code).or_else(|| self.causes.get(code))
    }
}
