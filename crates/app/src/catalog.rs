//! `rootline catalog`: everything that can be found, with its code.

use std::path::PathBuf;

use clap::ValueEnum;
use rootline_detect::{Class, codes};
use rootline_model::Knowledge;
use serde::Serialize;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these
    #[arg(value_enum)]
    what: Option<What>,
    /// Form of the list
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Folder or file with your own rules; may be given more than once
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Root causes that rules can name
    Causes,
    /// Things that are looked for
    Findings,
    /// What looks for them
    Checks,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Text,
    Json,
}

/// The list for programs.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Catalog<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Entry<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checks: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    code: &'a str,
    title: &'a str,
    /// Of findings: `fact`, `symptom`, `risk`.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    #[serde(skip_serializing_if = "<[u16]>::is_empty")]
    catalogue: &'a [u16],
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    let engine = settings.engine(&args.rules)?;
    let catalog = gather(engine.knowledge(), settings.lang, args.what);
    let text = match args.output {
        Form::Text => text(&catalog),
        Form::Json => {
            let json = serde_json::to_string_pretty(&catalog);
            json.map_err(|e| Failure::new("could not write the catalogue").detail(e))? + "\n"
        }
    };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}

fn gather(knowledge: &Knowledge, lang: rootline_model::Lang, what: Option<What>) -> Catalog<'_> {
    let wanted = |kind| what.is_none_or(|w| w == kind);
    let mut catalog = Catalog::default();
    if wanted(What::Causes) {
        catalog.causes = knowledge
            .causes
            .iter()
            .map(|(code, t)| Entry { code, title: t.title.get(lang), class: None, catalogue: &t.catalogue })
            .collect();
    }
    if wanted(What::Findings) {
        catalog.findings = knowledge
            .findings
            .iter()
            .map(|(code, t)| Entry { code, title: t.title.get(lang), class: class(code), catalogue: &t.catalogue })
            .collect();
    }
    if wanted(What::Checks) {
        catalog.checks = rootline_detect::catalog().iter().map(|d| d.name()).collect();
    }
    catalog
}

fn class(code: &str) -> Option<&'static str> {
    Some(match codes::doc_of(code)?.class {
        Class::Fact => "fact",
        Class::Symptom => "symptom",
        Class::Risk => "risk",
    })
}

fn text(catalog: &Catalog<'_>) -> String {
    let all = || catalog.causes.iter().chain(&catalog.findings);
    let column = all().map(|e| e.code.len()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for (head, entries) in [("CAUSES", &catalog.causes), ("FINDINGS", &catalog.findings)] {
        if entries.is_empty() {
            continue;
        }
        out.push_str(&format!("{head} ({})\n", entries.len()));
        for entry in entries {
            out.push_str(&format!("  {:<column$}{}\n", entry.code, entry.title.replace("[[", "").replace("]]", "")));
        }
        out.push('\n');
    }
    if !catalog.checks.is_empty() {
        out.push_str(&format!("CHECKS ({})\n", catalog.checks.len()));
        for check in &catalog.checks {
            out.push_str(&format!("  {check}\n"));
        }
    }
    format!("{}\n", out.trim_end())
}
