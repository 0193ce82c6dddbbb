//! `rootline check-config`: is `rootline.yaml` what it should be?

use std::path::PathBuf;

use rootline_config::{DEFAULTS, Language};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::{self, Settings};
use crate::{Outcome, terminal};

#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// File to check [default: the one in force]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Prints every key with its meaning and default
    #[arg(long)]
    print_defaults: bool,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    if args.print_defaults {
        terminal::print(DEFAULTS)?;
        return Ok(Outcome::Done);
    }
    let mut settings = match &args.file {
        // The file in force may be the broken one; it is not asked about.
        Some(file) => Settings {
            config: settings::read_config(file)?,
            file: Some(file.clone()),
            lang: settings::language(cli, Language::Auto),
            color: terminal::colored(cli.color),
        },
        None => Settings::load(cli)?,
    };
    settings.thresholds()?;
    let place = settings.file.as_ref().map(|f| f.display().to_string()).unwrap_or_default();
    rootline_daemon::check_files(&place, &settings.config).map_err(|e| Failure::config(&e))?;
    let (engine, warnings) = settings.engine_and_warnings(&[])?;
    let name = settings.file.take().map_or_else(
        || settings.words("no configuration file", "没有配置文件").to_owned(),
        |f| f.display().to_string(),
    );
    let rules = engine.rules().rules().len();
    if warnings > 0 {
        return Err(Failure::new(("could not use every rule", "有规则无法使用"))
            .said((format!("{name}: {warnings} warnings, see above"), format!("{name}：{warnings} 条警告，见上"))));
    }
    let (en, zh) =
        (format!("{name}: fine, {rules} rules in force\n"), format!("{name}：配置无误，{rules} 条规则生效\n"));
    terminal::print(settings.words(&en, &zh))?;
    Ok(Outcome::Done)
}
