//! `cargo run -p xtask -- tidy | docs`: the tree's own rules, and pages generated from catalogues.
#![allow(clippy::disallowed_methods, reason = "reads and writes the tree")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let root = xtask::root();
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => {
            let problems = xtask::tidy::problems(&root);
            for problem in &problems {
                eprintln!("{problem}");
            }
            if problems.is_empty() {
                println!("tidy: nothing to say");
                return ExitCode::SUCCESS;
            }
            eprintln!("tidy: {} problems", problems.len());
            ExitCode::FAILURE
        }
        Some("docs") => match xtask::docs::write(&root) {
            Ok(files) => {
                println!("wrote {}", files.join(", "));
                ExitCode::SUCCESS
            }
            Err(e) => {
                eprintln!("docs: {e}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: cargo run -p xtask -- tidy | docs");
            ExitCode::FAILURE
        }
    }
}
