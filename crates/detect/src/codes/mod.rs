//! The catalogue of finding codes: what can be wrong, in two languages.

mod cluster;
mod config;
mod network;
mod nodes;
mod pods;
mod storage;
mod workloads;

pub use rootline_model::Class;

/// One entry of the catalogue. Titles are templates over the finding's args.
#[derive(Clone, Copy, Debug)]
pub struct FindingDoc {
    pub code: &'static str,
    pub class: Class,
    pub en: &'static str,
    pub zh: &'static str,
}

const TABLES: [&[FindingDoc]; 7] = [
    pods::FINDINGS,
    config::FINDINGS,
    workloads::FINDINGS,
    network::FINDINGS,
    storage::FINDINGS,
    nodes::FINDINGS,
    cluster::FINDINGS,
];

/// All entries.
pub fn all() -> impl Iterator<Item = &'static FindingDoc> {
    TABLES.into_iter().flatten()
}

/// The entry of a code.
pub fn doc_of(code: &str) -> Option<&'static FindingDoc> {
    all().find(|d| d.code == code)
}

const fn fact(code: &'static str, en: &'static str, zh: &'static str) -> FindingDoc {
    FindingDoc { code, class: Class::Fact, en, zh }
}

const fn symptom(code: &'static str, en: &'static str, zh: &'static str) -> FindingDoc {
    FindingDoc { code, class: Class::Symptom, en, zh }
}

const fn risk(code: &'static str, en: &'static str, zh: &'static str) -> FindingDoc {
    FindingDoc { code, class: Class::Risk, en, zh }
}
