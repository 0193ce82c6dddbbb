//! The words of all rules and findings, for reports and reference pages.

use rootline_model::{Bilingual, Knowledge, Texts};

use crate::load::RuleSet;

/// Gathers the texts of rules and the titles of findings (`code, en, zh`).
pub fn knowledge(
    rules: &RuleSet,
    findings: impl IntoIterator<Item = (&'static str, &'static str, &'static str)>,
) -> Knowledge {
    let mut all = Knowledge::default();
    for rule in rules.rules() {
        all.causes.insert(rule.id.to_string(), rule.texts.clone());
    }
    for (code, en, zh) in findings {
        let texts = Texts { title: Bilingual::new(en, zh), ..Texts::default() };
        all.findings.insert(code.to_owned(), texts);
    }
    all
}
