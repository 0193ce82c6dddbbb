//! Real programs of others, where this machine has them.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A program on the path or among those that `testbed/` unpacks. Says so loudly when there is none.
#[expect(clippy::disallowed_methods, reason = "a test looks for programs of the machine it runs on")]
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let home = std::env::var("HOME").unwrap_or_default();
    let unpacked = format!("{home}/.cache/rootline/testbed/root/trixie/usr/bin");
    let found =
        path.split(':').chain([unpacked.as_str()]).map(|dir| PathBuf::from(dir).join(name)).find(|p| p.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not on this machine, see testbed/README.md");
    }
    found
}

/// Runs a program with a text on its standard input, beside the tasks of the test.
pub async fn run(program: PathBuf, arguments: Vec<String>, input: String) -> Output {
    let work = move || {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut pipe = child.stdin.take().expect("a pipe was asked for");
        std::io::Write::write_all(&mut pipe, input.as_bytes()).expect("it reads its input");
        drop(pipe);
        child.wait_with_output().expect("it ends")
    };
    tokio::task::spawn_blocking(work).await.expect("no panic")
}
