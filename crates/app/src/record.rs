//! `rootline record`: the state of a cluster in a file, to be looked at later or by somebody else.

use std::path::PathBuf;

use rootline_archive::{About, Writer};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, live, terminal};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The data of secrets is never read. Tokens, passwords in environment values and the like are left out
of the file unless --unredacted is given. `rootline diagnose FILE` reads it."
)]
pub struct Args {
    /// File to write
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Namespace to read where the account may not read the whole cluster
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: live::ClusterArgs,
    /// Writes over a file that exists
    #[arg(long)]
    force: bool,
    /// Keeps everything as it came: the file must then be kept as a secret
    #[arg(long)]
    unredacted: bool,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    if args.output.exists() && !args.force {
        return Err(Failure::new(format!("could not write {}", args.output.display()))
            .detail("the file exists")
            .hint("--force writes over it"));
    }
    let engine = settings.engine(&[])?;
    let tool = format!("rootline {}", env!("CARGO_PKG_VERSION"));
    let mut writer = Writer::new(About { tool, ..About::default() }).redacting(settings.redaction()?);
    if args.unredacted {
        writer = writer.unredacted();
    }
    live::read(&args.cluster, args.namespace.as_deref(), &settings, &engine, Some(&mut writer))?;
    let manifest = writer
        .write_file(&args.output)
        .map_err(|e| Failure::new(format!("could not write {}", args.output.display())).detail(&e).hint(e.hint()))?;
    terminal::print(&format!(
        "{}: {} files of {}, {}\n",
        args.output.display(),
        manifest.files.len(),
        manifest.recorded_at,
        if manifest.redacted { "redacted" } else { "not redacted: keep it as a secret" },
    ))?;
    Ok(Outcome::Done)
}
