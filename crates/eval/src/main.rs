//! `rootline-eval`: reads public benchmarks without their labels, asks the engine, writes predictions.
//!
//! **Invariant:** uses only what a user's archive could hold; the vocabularies of benchmarks live here and nowhere else;
//! no name of a case, system, service or node.
#![allow(clippy::disallowed_methods, reason = "reads files and measures time")]

mod adbench;
mod alarm_causality;
mod alert_storms;
mod cloud_opsbench;
mod entities;
mod forecast;
mod holmesgpt;
mod hosted_database;
mod log_anomaly;
mod logs_templates;
mod nab;
mod negatives;
mod oom;
mod opensre;
mod output;
mod rootcausebench;
mod table;
mod vocabulary;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use output::EvalError;
use rootline_analytics::text::MinerConfig;

/// As in the program that is measured.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Clone, Copy, ValueEnum)]
enum Suite {
    Adbench,
    AlarmCausality,
    AlertStorms,
    Asd,
    CloudOpsbench,
    Forecast,
    Holmesgpt,
    LogAnomaly,
    LogsTemplates,
    Nab,
    Negatives,
    Oom,
    Opensre,
    Rootcausebench,
    Smd,
}

/// Answers the cases of a benchmark suite.
#[derive(Parser)]
#[command(name = "rootline-eval", version)]
struct Args {
    suite: Suite,
    /// The folder that `blind.py` wrote.
    #[arg(long)]
    data: PathBuf,
    /// Where predictions go.
    #[arg(long)]
    predictions: PathBuf,
    /// Only this case, with the whole answer on standard error.
    #[arg(long)]
    case: Option<String>,
    /// alert-storms: how alerts are grouped.
    #[arg(long, default_value = "full")]
    mode: rootline_correlate::Mode,
    /// alert-storms: seconds within which groups may still become one; 0 fixes an alert's incident when it arrives.
    #[arg(long)]
    revise: Option<u32>,
    /// logs-templates: another setting than the default one, for leaving a system out.
    #[arg(long)]
    free_words: Option<usize>,
    #[arg(long)]
    marked_words: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let only = args.case.as_deref();
    let done = match args.suite {
        Suite::Adbench => adbench::run(&args.data, &args.predictions),
        Suite::AlarmCausality => alarm_causality::run(&args.data, &args.predictions),
        Suite::AlertStorms => alert_storms::run(&args.data, &args.predictions, args.mode, args.revise),
        Suite::Asd | Suite::Smd => entities::run(&args.data, &args.predictions),
        Suite::Forecast => forecast::run(&args.data, &args.predictions),
        Suite::LogAnomaly => log_anomaly::run(&args.data, &args.predictions),
        Suite::LogsTemplates => {
            let mut config = MinerConfig::default();
            config.free_words = args.free_words.unwrap_or(config.free_words);
            config.marked_words = args.marked_words.unwrap_or(config.marked_words);
            logs_templates::run(&args.data, &args.predictions, &config)
        }
        Suite::Nab => nab::run(&args.data, &args.predictions),
        Suite::Oom => oom::run(&args.data, &args.predictions),
        Suite::CloudOpsbench => cloud_opsbench::run(&args.data, &args.predictions, only),
        Suite::Holmesgpt => holmesgpt::run(&args.data, &args.predictions, only),
        Suite::Negatives => negatives::run(&args.data, &args.predictions),
        Suite::Opensre => opensre::run(&args.data, &args.predictions),
        Suite::Rootcausebench => rootcausebench::run(&args.data, &args.predictions),
    };
    match done {
        Ok(count) => {
            eprintln!("{count} cases answered");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("rootline-eval: {e}");
            ExitCode::FAILURE
        }
    }
}

/// The engine with the built-in rules.
fn engine() -> Result<rootline_engine::Engine, EvalError> {
    rootline_engine::Engine::new(rootline_engine::Options::default()).map_err(|e| EvalError::Engine(e.to_string()))
}
