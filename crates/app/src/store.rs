//! `rootline store`: the daemon's store looked after.

use std::path::PathBuf;

use rootline_store::{Options, Store};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, terminal};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the store [default: daemon.data of the configuration]
    #[arg(long, value_name = "FOLDER", global = true)]
    data: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Copies the store, whole and checked, into a new folder
    Backup {
        #[arg(value_name = "FOLDER")]
        to: PathBuf,
    },
    /// Reads everything and says what is damaged
    Verify,
    /// Brings the store to this version's format; the daemon does it by itself when it starts
    Migrate,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    let folder = args.data.clone().unwrap_or_else(|| PathBuf::from(&settings.config.daemon.data));
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::new(("could not open the store", "无法打开存储"))
            .said((format!("there is no folder {folder}"), format!("目录 {folder} 不存在")))
            .hint(("--data names it", "用 --data 指定目录")));
    }
    let failed = |e: rootline_store::StoreError| {
        Failure::new(("could not open the store", "无法打开存储")).detail(e).hint((
            "a running daemon holds it: stop that first, or ask its page",
            "守护进程运行时会独占存储：请先停掉它，或直接看它的页面",
        ))
    };
    let store = Store::open(&folder, &Options::default()).map_err(failed)?;
    match &args.command {
        Command::Backup { to } => {
            store.backup(to).map_err(|e| Failure::new(("could not copy the store", "无法复制存储")).detail(e))?;
            terminal::print(&format!("{}: {}\n", to.display(), settings.words("copied and checked", "已复制并校验")))?;
        }
        Command::Verify => {
            let report =
                store.verify().map_err(|e| Failure::new(("could not read the store", "无法读取存储")).detail(e))?;
            for (what, n) in &report.checked {
                terminal::print(&format!("{what}: {n}\n"))?;
            }
            if !report.is_sound() {
                return Err(Failure::new(("the store is damaged", "存储已损坏")).detail(report.problems.join("\n")));
            }
            terminal::print(settings.words("sound\n", "完好\n"))?;
        }
        Command::Migrate => terminal::print(settings.words("up to date\n", "已是最新格式\n"))?,
    }
    Ok(Outcome::Done)
}
