//! `rootline record`: the state of a cluster in a file, to be looked at later or by somebody else.

use std::path::PathBuf;

use rootline_archive::{About, Writer};
use rootline_model::Lang;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, client, live, terminal};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "The data of secrets is never read. Tokens, passwords in environment values and the like are left out
of the file unless --unredacted is given. `rootline diagnose FILE` reads it."
)]
pub struct Args {
    /// Number of an incident of a running daemon: keeps the state that it holds and what it knows of that incident
    #[arg(value_name = "INCIDENT")]
    incident: Option<u64>,
    #[command(flatten)]
    daemon: client::Where,
    /// File to write
    #[arg(short, long, value_name = "FILE", required_unless_present = "incident")]
    output: Option<PathBuf>,
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
    if let Some(id) = args.incident {
        return client::keep(cli, id, (args.output.as_deref(), args.force), &args.daemon);
    }
    let settings = Settings::load(cli)?;
    // clap asks for it where no incident is named
    let output = args.output.clone().unwrap_or_default();
    if output.exists() && !args.force {
        let name = output.display();
        return Err(Failure::new((format!("could not write {name}"), format!("无法写入 {name}")))
            .said(("the file exists", "文件已经存在"))
            .hint(("--force writes over it", "加 --force 覆盖")));
    }
    let engine = settings.engine(&[])?;
    let tool = format!("rootline {}", env!("CARGO_PKG_VERSION"));
    let mut writer = Writer::new(About { tool, ..About::default() }).redacting(settings.redaction()?);
    if args.unredacted {
        writer = writer.unredacted();
    }
    live::read(&args.cluster, args.namespace.as_deref(), &settings, &engine, Some(&mut writer))?;
    let manifest = writer.write_file(&output).map_err(|e| {
        Failure::new((format!("could not write {}", output.display()), format!("无法写入 {}", output.display())))
            .said((e.words(Lang::En), e.words(Lang::Zh)))
            .hint((e.hint(Lang::En), e.hint(Lang::Zh)))
    })?;
    let (name, n, at) = (output.display(), manifest.files.len(), &manifest.recorded_at);
    let secret = if manifest.redacted {
        settings.words("redacted", "已脱敏")
    } else {
        settings.words("not redacted: keep it as a secret", "未脱敏：请按机密保管")
    };
    let (en, zh) = (format!("{name}: {n} files of {at}, {secret}\n"), format!("{name}：{n} 个文件，{at}，{secret}\n"));
    terminal::print(settings.words(&en, &zh))?;
    Ok(Outcome::Done)
}
