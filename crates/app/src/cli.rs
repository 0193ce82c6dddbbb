//! What can be typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use rootline_model::Lang;

use crate::{catalog, check_config, client, completion, config, diagnose, explain, record, replay, rules, run, store};

/// Finds the root cause of what is wrong in a Kubernetes cluster, from a live cluster or from files.
///
/// Reads only; never writes to the cluster.
#[derive(Debug, Parser)]
#[command(name = "rootline", version, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// Language of the answer [default: from the configuration, else from LC_ALL, LC_MESSAGES, LANG]
    #[arg(long, global = true, value_enum)]
    pub lang: Option<LangArg>,
    /// Colour of text
    #[arg(long, global = true, value_enum, default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
    /// Your defaults [default: ~/.config/rootline/rootline.yaml if it exists]
    #[arg(short, long, global = true, value_name = "FILE", env = "ROOTLINE_CONFIG")]
    pub config: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Names what is wrong, why, how sure that is, and what to do next
    Diagnose(diagnose::Args),
    /// Keeps the state of a cluster in a file, redacted, to diagnose it later or elsewhere
    Record(record::Args),
    /// Shows what a code means, what can fool it, how to confirm it, how to fix it
    Explain(explain::Args),
    /// Lists and tests rules
    Rules(rules::Args),
    /// Lists everything that can be found
    Catalog(catalog::Args),
    /// Watches a cluster and its alerts, folds storms into incidents, tells people
    Run(Box<run::Args>),
    /// Lists the incidents of a running daemon
    Incidents(client::ListArgs),
    /// Shows one incident of a running daemon
    Show(client::ShowArgs),
    /// Takes an incident, gives it back, ends it, adds a remark
    Ack(client::AckArgs),
    /// Keeps messages about matching alerts back for a while
    Silence(client::SilenceArgs),
    /// Plays a recorded storm through the live pipeline
    Replay(replay::Args),
    /// Copies and checks the daemon's store
    Store(store::Args),
    /// Writes, checks or describes the configuration
    Config(config::Args),
    /// Checks the configuration and the rules it names
    CheckConfig(check_config::Args),
    /// Prints a completion script for a shell
    Completion(completion::Args),
    /// Prints the version
    Version,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LangArg {
    En,
    Zh,
}

impl From<LangArg> for Lang {
    fn from(arg: LangArg) -> Lang {
        match arg {
            LangArg::En => Lang::En,
            LangArg::Zh => Lang::Zh,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// If it goes to a terminal and NO_COLOR is not set
    Auto,
    Always,
    Never,
}

impl Cli {
    /// What counts for every command, to read the configuration again.
    pub fn bare(&self) -> Cli {
        Cli { lang: self.lang, color: self.color, config: self.config.clone(), command: Command::Version }
    }
}

/// Reads arguments; under the name `kubectl-rootline` help speaks of `kubectl rootline`.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let args: Vec<OsString> = args.into_iter().collect();
    let program = args.first().map(PathBuf::from).unwrap_or_default();
    let plugin = program.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("kubectl-"));
    let mut command = Cli::command();
    if plugin {
        command = command.name("kubectl-rootline").bin_name("kubectl rootline");
    }
    Cli::from_arg_matches(&command.try_get_matches_from(args)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Cli, clap::Error> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn as_a_plugin_it_calls_itself_one() {
        let help = |line: &str| parsed(line).expect_err("help is shown").to_string();
        assert!(help("/usr/bin/kubectl-rootline diagnose --help").contains("Usage: kubectl rootline diagnose"));
        assert!(help("rootline diagnose --help").contains("Usage: rootline diagnose"));
    }

    #[test]
    fn contradictions_are_refused() {
        for line in [
            "rootline",
            "rootline diagnose -n shop -A",
            "rootline diagnose -o xml",
            "rootline diagnose --lang de",
            "rootline explain",
            "rootline record",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
        for line in ["rootline diagnose", "rootline diagnose a.tar b.json --lang zh", "kubectl-rootline version"] {
            assert!(parsed(line).is_ok(), "{line}");
        }
    }
}
