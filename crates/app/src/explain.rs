//! `rootline explain CODE`: what is known about a cause or a finding.

use std::path::PathBuf;

use rootline_report::page;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Code of a cause or a finding, such as container.oom_killed
    code: String,
    /// Folder or file with your own rules; may be given more than once
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Columns of text
    #[arg(long, value_name = "COLUMNS")]
    width: Option<u16>,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    let engine = settings.engine(&args.rules)?;
    let knowledge = engine.knowledge();
    let Some(text) = page(knowledge, &args.code, &settings.report_options(args.width)) else {
        let codes = knowledge.causes.keys().chain(knowledge.findings.keys()).map(String::as_str);
        let alike = alike(&args.code, codes);
        let failure = Failure::new((format!("could not explain `{}`", args.code), format!("无法解释 `{}`", args.code)))
            .said(("there is no such code", "没有这个代码"));
        return Err(failure.hint(match alike.is_empty() {
            true => "`rootline catalog` lists all codes".to_owned(),
            false => format!("did you mean {}? `rootline catalog` lists all codes", alike.join(", ")),
        }));
    };
    terminal::print(&text)?;
    Ok(Outcome::Done)
}

/// Up to five known codes that somebody may have meant, nearest first.
fn alike<'a>(code: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found: Vec<(usize, &str)> = known.filter(|k| near(k, code)).map(|k| (distance(k, code), k)).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(5).map(|(_, k)| k).collect()
}

/// True for words that differ by a slip, or where one is a part of the other.
pub fn near(known: &str, typed: &str) -> bool {
    let last = known.rsplit('.').next().unwrap_or(known);
    let whole = typed.len() >= 3 && (known.contains(typed) || typed.contains(known));
    whole || distance(known, typed) <= 2 + typed.chars().count() / 8 || (typed.len() >= 4 && distance(last, typed) <= 2)
}

/// Levenshtein's distance over the first 80 letters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(80).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(80).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        row[0] = left;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            left = changed.min(diagonal + 1).min(left + 1);
            row[j + 1] = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood() {
        let known = ["container.oom_killed", "image.not_found", "config.secret_missing", "config.secret_key_missing"];
        let find = |typed| alike(typed, known.into_iter());
        assert_eq!(find("container.oomkilled"), ["container.oom_killed"]);
        assert_eq!(find("oom_kiled"), ["container.oom_killed"]);
        assert_eq!(find("secret"), ["config.secret_missing", "config.secret_key_missing"]);
        assert!(find("banana").is_empty());
        assert!(find("").is_empty());
        assert_eq!(distance("端口", "端品"), 1);
    }
}
