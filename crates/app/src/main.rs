//! The binary `rootline`, also usable as `kubectl rootline`.
//!
//! **Invariant:** no domain logic: arguments in, answer out. Exit code 0: done; 1: could not look; 2: problems found and
//! `--exit-code` given.
#![allow(
    clippy::disallowed_methods,
    reason = "the command line is the edge: it reads files, the environment and the clock"
)]

mod catalog;
mod check_config;
mod cli;
mod client;
mod completion;
mod config;
mod diagnose;
mod explain;
mod failure;
mod given;
mod live;
mod read;
mod record;
mod replay;
mod rule_files;
mod rules;
mod run;
mod settings;
mod store;
mod terminal;
mod thresholds;
mod version;

use std::process::ExitCode;

use clap::error::ErrorKind;

use cli::{Cli, Command};
use failure::Failure;

/// Reading a cluster is allocation for a good part; measured by `make bench`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended.
pub enum Outcome {
    Done,
    /// Problems were found and the caller asked to be told by the exit code.
    Problems,
}

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            let _ = error.print();
            // 2 means "problems found"; a slip in the arguments means "could not look".
            return if asked { ExitCode::SUCCESS } else { ExitCode::from(1) };
        }
    };
    match run(&cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(2),
        Err(failure) => {
            terminal::complain(&failure, cli.color, settings::spoken(&cli));
            ExitCode::from(1)
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Diagnose(args) => diagnose::run(cli, args),
        Command::Record(args) => record::run(cli, args),
        Command::Explain(args) => explain::run(cli, args),
        Command::Rules(args) => rules::run(cli, args),
        Command::Catalog(args) => catalog::run(cli, args),
        Command::Run(args) => run::run(cli, args),
        Command::Incidents(args) => client::list(cli, args),
        Command::Show(args) => client::show(cli, args),
        Command::Ack(args) => client::ack(cli, args),
        Command::Silence(args) => client::silence(args),
        Command::Replay(args) => replay::run(cli, args),
        Command::Store(args) => store::run(cli, args),
        Command::Config(args) => config::run(cli, args),
        Command::CheckConfig(args) => check_config::run(cli, args),
        Command::Completion(args) => completion::run(args),
        Command::Version => version::run(),
    }
}
