//! Every format in both languages against files that a person has read. `UPDATE_EXPECT=1` refreshes them.
#![allow(clippy::disallowed_methods, reason = "a test reads its own expectations")]

mod sample;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rootline_model::Lang;
use rootline_report::{Format, Options, render};

/// Compares with a file, or writes it where the environment says so.
fn expect(file: &Path, got: &str) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(file.parent().expect("a file stands in a folder")).expect("folder is writable");
        std::fs::write(file, got).expect("file is writable");
        return;
    }
    let want = std::fs::read_to_string(file).unwrap_or_default();
    assert!(want == got, "{} differs; read the change, then run with UPDATE_EXPECT=1\n{got}", file.display());
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn options(lang: Lang) -> Options {
    Options { lang, elapsed: Some(Duration::from_millis(184)), ..Options::default() }
}

#[test]
fn every_format_in_both_languages() {
    let (diagnosis, knowledge) = (sample::diagnosis(), sample::knowledge());
    for (lang, word) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        for (format, ext) in [
            (Format::Text, "txt"),
            (Format::Markdown, "md"),
            (Format::Html, "html"),
            (Format::Json, "json"),
            (Format::Yaml, "yaml"),
        ] {
            expect(&golden(&format!("three.{word}.{ext}")), &render(&diagnosis, &knowledge, &options(lang), format));
        }
    }
}

#[test]
fn text_fits_narrow_and_wide_terminals() {
    let (diagnosis, knowledge) = (sample::diagnosis(), sample::knowledge());
    for (lang, word) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        for width in [40, 80, 120] {
            let text = render(&diagnosis, &knowledge, &Options { width, ..options(lang) }, Format::Text);
            for line in text.lines().filter(|l| !l.trim_start().starts_with("$ ")) {
                assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "wider than {width}: {line}");
            }
            expect(&golden(&format!("three.{word}.{width}.txt")), &text);
        }
    }
}

#[test]
fn verbose_shows_how_it_was_weighed() {
    let text = render(
        &sample::diagnosis(),
        &sample::knowledge(),
        &Options { verbose: true, ..options(Lang::En) },
        Format::Text,
    );
    expect(&golden("three.en.verbose.txt"), &text);
}

#[test]
fn colour_changes_nothing_but_colour() {
    let (diagnosis, knowledge) = (sample::diagnosis(), sample::knowledge());
    let colored = render(&diagnosis, &knowledge, &Options { color: true, ..options(Lang::En) }, Format::Text);
    assert!(colored.contains("\u{1b}[1;31m✖ 1"), "{colored}");
    let mut plain = String::new();
    let mut parts = colored.split('\u{1b}');
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    assert!(plain == render(&diagnosis, &knowledge, &options(Lang::En), Format::Text), "{plain}");
}

#[test]
fn a_healthy_cluster_gets_a_short_answer() {
    for (lang, word) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        for (format, ext) in [(Format::Text, "txt"), (Format::Markdown, "md"), (Format::Html, "html")] {
            let text = render(&sample::healthy(), &sample::knowledge(), &options(lang), format);
            expect(&golden(&format!("healthy.{word}.{ext}")), &text);
        }
    }
}
