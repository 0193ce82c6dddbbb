//! What the terminal can do, and writing to it.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use miette::{GraphicalReportHandler, GraphicalTheme};
use rootline_model::Lang;
use rootline_sources::live::Progress;

use crate::cli::ColorArg;
use crate::failure::Failure;

/// Columns where nobody says how many there are.
const WIDTH: usize = 100;

/// Columns to write for.
pub fn width(told: Option<u16>) -> usize {
    let own = || terminal_size::terminal_size().map(|(terminal_size::Width(columns), _)| columns);
    match told {
        Some(columns) => usize::from(columns),
        None if io::stdout().is_terminal() => own().map_or(WIDTH, usize::from),
        None => WIDTH,
    }
}

pub fn colored(asked: ColorArg) -> bool {
    wants_color(asked, io::stdout().is_terminal(), |key| std::env::var(key).ok())
}

fn wants_color(asked: ColorArg, terminal: bool, env: impl Fn(&str) -> Option<String>) -> bool {
    match asked {
        ColorArg::Always => true,
        ColorArg::Never => false,
        // https://no-color.org: set and not empty
        ColorArg::Auto => {
            terminal && env("NO_COLOR").is_none_or(|v| v.is_empty()) && env("TERM").is_none_or(|v| v != "dumb")
        }
    }
}

/// The language that the environment asks for; the first of these variables that says anything decides.
pub fn language(env: impl Fn(&str) -> Option<String>) -> Lang {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(env).find(|v| !v.is_empty());
    if locale.is_some_and(|l| l.to_ascii_lowercase().starts_with("zh")) { Lang::Zh } else { Lang::En }
}

/// Writes to standard output. Somebody who closes the pipe (`| head`) has seen enough; that is no error.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(("could not write the answer", "无法输出结果")).detail(e))
        }
        _ => Ok(()),
    }
}

/// One line on standard error that is not part of the answer.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Shows a failure on standard error.
pub fn complain(failure: &Failure, asked: ColorArg, lang: Lang) {
    let failure = failure.shown(lang);
    let terminal = io::stderr().is_terminal();
    let theme = match (wants_color(asked, terminal, |key| std::env::var(key).ok()), terminal) {
        (true, _) => GraphicalTheme::unicode(),
        (false, _) => GraphicalTheme::unicode_nocolor(),
    };
    let columns =
        if terminal { terminal_size::terminal_size().map_or(WIDTH, |(w, _)| usize::from(w.0)) } else { WIDTH };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(columns.clamp(40, 120));
    let mut text = String::new();
    if handler.render_report(&mut text, &failure).is_err() {
        text = failure.to_string();
    }
    let _ = writeln!(io::stderr(), "{}", text.trim_end());
}

/// A line on standard error that says how far reading is; nothing where nobody looks.
pub struct Spinner {
    bar: ProgressBar,
    counts: Mutex<BTreeMap<String, usize>>,
}

impl Spinner {
    pub fn start(message: &str) -> Self {
        let bar = if io::stderr().is_terminal() {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr())
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        bar.set_message(message.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        Spinner { bar, counts: Mutex::new(BTreeMap::new()) }
    }

    pub fn say(&self, message: &str) {
        self.bar.set_message(message.to_owned());
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Spinner {
    fn listed(&self, what: &str, count: usize) {
        let Ok(mut counts) = self.counts.lock() else { return };
        counts.insert(what.to_owned(), count);
        let total: usize = counts.values().sum();
        self.bar.set_message(format!("{total} objects · {count} {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |key| pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).to_owned())
    }

    #[test]
    fn the_locale_chooses_the_language() {
        assert_eq!(language(env(&[("LANG", "zh_CN.UTF-8")])), Lang::Zh);
        assert_eq!(language(env(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "en_US.UTF-8")])), Lang::En);
        assert_eq!(language(env(&[("LC_ALL", ""), ("LC_MESSAGES", "zh_TW"), ("LANG", "C")])), Lang::Zh);
        assert_eq!(language(env(&[])), Lang::En);
    }

    #[test]
    fn colour_follows_the_terminal_and_no_color() {
        assert!(wants_color(ColorArg::Auto, true, env(&[])));
        assert!(wants_color(ColorArg::Auto, true, env(&[("NO_COLOR", "")])));
        assert!(!wants_color(ColorArg::Auto, true, env(&[("NO_COLOR", "1")])));
        assert!(!wants_color(ColorArg::Auto, true, env(&[("TERM", "dumb")])));
        assert!(!wants_color(ColorArg::Auto, false, env(&[])));
        assert!(wants_color(ColorArg::Always, false, env(&[("NO_COLOR", "1")])));
        assert!(!wants_color(ColorArg::Never, true, env(&[])));
    }
}
