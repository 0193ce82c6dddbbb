//! `rootline config`: the configuration's beginning, check and schema.

use std::path::PathBuf;

use rootline_config::{DEFAULTS, Language, schema};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::{Outcome, check_config, settings, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Writes every key with its meaning and default into a new file
    Init {
        /// Where to; an existing file is left alone
        #[arg(default_value = "rootline.yaml")]
        file: PathBuf,
    },
    /// Is the file what it should be, with the rules it names?
    Check(check_config::Args),
    /// Prints the JSON Schema, for editors
    Schema,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    match &args.command {
        Command::Init { file } => {
            let name = file.display();
            let could_not = ("could not write the configuration", "无法写入配置");
            let failed = |e: std::io::Error| Failure::new(could_not).file(&name, &e);
            let mut options = std::fs::OpenOptions::new();
            let made = options.write(true).create_new(true).open(file).map_err(failed)?;
            std::io::Write::write_all(&mut &made, DEFAULTS.as_bytes()).map_err(failed)?;
            let lang = settings::language(cli, Language::Auto);
            let done = settings::words(lang, "written; keep only what you change", "已写入；只需保留要修改的项");
            terminal::print(&format!("{name}: {done}\n"))?;
        }
        Command::Check(args) => return check_config::run(cli, args),
        Command::Schema => terminal::print(&schema())?,
    }
    Ok(Outcome::Done)
}
