//! `rootline rules`: the rules in force, and tests of one's own.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use rootline_engine::Engine;
use rootline_testkit::{Outcome as Played, check_text};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, rule_files, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Reads rule files, names every mistake, and plays the scenarios (*.md) beside them
    Test {
        /// Folder or file with rules
        #[arg(value_name = "DIR", required = true)]
        dirs: Vec<PathBuf>,
    },
    /// Lists the rules in force
    List {
        /// Folder or file with your own rules; may be given more than once
        #[arg(long, value_name = "DIR")]
        rules: Vec<PathBuf>,
    },
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    match &args.command {
        Command::Test { dirs } => test(&settings, dirs),
        Command::List { rules } => list(&settings, rules),
    }
}

fn list(settings: &Settings, dirs: &[PathBuf]) -> Result<Outcome, Failure> {
    let engine = settings.engine(dirs)?;
    let rules = engine.rules().rules();
    let column = rules.iter().map(|r| r.id.as_str().len()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for rule in rules {
        let when: Vec<&str> = rule.when.iter().map(|t| t.finding.as_str()).collect();
        out.push_str(&format!("{:<column$}{}:{}  {}\n", rule.id.as_str(), rule.file, rule.line, when.join(", ")));
    }
    terminal::print(&out)?;
    Ok(Outcome::Done)
}

/// Everything that is wrong counts as "could not look": the exit code is 1.
fn test(settings: &Settings, dirs: &[PathBuf]) -> Result<Outcome, Failure> {
    let (engine, warnings) = settings.engine_and_warnings(dirs)?;
    let mut out = String::new();
    let mut failed = 0;
    let mut played = 0;
    for dir in dirs {
        for (path, text) in rule_files::scenarios(dir)? {
            played += 1;
            failed += usize::from(!play(&engine, &path, &text, &mut out));
        }
    }
    let own = dirs.iter().map(|d| rule_files::collect(d).map(|f| f.len())).sum::<Result<usize, _>>()?;
    out.push_str(&format!(
        "{own} rule files read, {warnings} warnings; {played} scenarios played, {} passed, {failed} failed\n",
        played - failed
    ));
    terminal::print(&out)?;
    if failed > 0 || warnings > 0 {
        return Err(Failure::new("the rules are not what they should be")
            .detail(format!("{failed} scenarios failed, {warnings} warnings"))
            .hint("a rule that never can fire names a finding that does not exist; `rootline catalog findings` lists them"));
    }
    Ok(Outcome::Done)
}

fn play(engine: &Engine, path: &Path, text: &str, out: &mut String) -> bool {
    match check_text(engine, text) {
        Played::Passed => {
            out.push_str(&format!("✔ {}\n", path.display()));
            true
        }
        Played::Failed(why) => {
            out.push_str(&format!("✖ {}\n    {why}\n", path.display()));
            false
        }
    }
}
