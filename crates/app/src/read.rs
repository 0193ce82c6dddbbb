//! Files → signals.

use std::io::Read;
use std::path::Path;

use rootline_objects::Signal;
use rootline_sources::{Input, ReadOptions, read_bytes, read_path};

use crate::failure::Failure;
use crate::terminal::Spinner;

/// Reads every file and joins what they say. The latest clock counts: a file of this morning beside one of yesterday does
/// not make today's faults a day old.
pub fn files(paths: &[String], options: &ReadOptions, spinner: &Spinner) -> Result<Input, Failure> {
    let mut joined = Input::default();
    for path in paths {
        spinner.say(&format!("reading {path}"));
        let input = one(path, options)?;
        joined.format = if joined.format.is_empty() { input.format } else { joined.format };
        joined.signals.extend(input.signals);
    }
    joined.source = paths.iter().map(|p| if p == "-" { "stdin" } else { p.as_str() }).collect::<Vec<_>>().join(", ");
    keep_latest_clock(&mut joined.signals);
    Ok(joined)
}

fn one(path: &str, options: &ReadOptions) -> Result<Input, Failure> {
    let outcome = if path == "-" {
        let mut bytes = Vec::new();
        let limit = options.limits.total_bytes;
        let read = std::io::stdin().lock().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|e| Failure::new(("could not read standard input", "无法读取标准输入")).detail(e))?;
        read_bytes("stdin", bytes, options)
    } else {
        read_path(Path::new(path), options)
    };
    outcome.map_err(|e| Failure::read(&e))
}

fn keep_latest_clock(signals: &mut Vec<Signal>) {
    let latest = signals.iter().filter_map(|s| if let Signal::Clock(at) = s { Some(*at) } else { None }).max();
    let Some(latest) = latest else { return };
    signals.retain(|s| !matches!(s, Signal::Clock(_)));
    signals.insert(0, Signal::Clock(latest));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_clock_counts() {
        let at = |s| jiff::Timestamp::from_second(s).expect("in range");
        let mut signals =
            vec![Signal::Clock(at(5)), Signal::Version("v1".into()), Signal::Clock(at(9)), Signal::Clock(at(7))];
        keep_latest_clock(&mut signals);
        assert_eq!(signals, [Signal::Clock(at(9)), Signal::Version("v1".into())]);
    }
}
