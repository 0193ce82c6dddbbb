//! `rootline completion SHELL`: what the shell needs to complete arguments.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::{Outcome, terminal};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rootline completion bash > /etc/bash_completion.d/rootline
  rootline completion zsh > \"${fpath[1]}/_rootline\"
  rootline completion fish > ~/.config/fish/completions/rootline.fish")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "rootline", &mut script);
    terminal::print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Done)
}
