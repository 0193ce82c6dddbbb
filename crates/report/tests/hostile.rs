//! Diagnoses made of anything: no panic, no escape from the page, the same facts in every format.
#![allow(clippy::disallowed_methods, reason = "a test reads its own expectations")]

mod sample;

use std::path::Path;

use rootline_model::{
    Diagnosis, EntityRef, Evidence, Finding, Folded, Kind, Lang, Message, Nats, Probability, Timestamp,
};
use rootline_report::{Format, Options, render, wire};

const FORMATS: [Format; 5] = [Format::Text, Format::Markdown, Format::Html, Format::Json, Format::Yaml];

/// Strings that have broken programs.
const ODD: &[&str] = &[
    "",
    " ",
    "{",
    "{secret",
    "{}{}}{",
    "null",
    "true",
    "1e3",
    "- a: b",
    "# c",
    "a: b\n  c: |\n",
    "'\"`$(id)`\"'",
    "<script>alert(1)</script>",
    "\"><svg onload=x>",
    "\u{1b}[2J\u{1b}]0;t\u{7}\u{9b}31m",
    "\u{0}\u{1}\u{7f}",
    "\u{202e}gnp.exe",
    "👩‍👩‍👧‍👦 e\u{301}\u{301}\u{301}",
    "容器反复重启，退出码 137。《》",
    "a\r\n\tb\u{2028}c",
    "~~~\n```\n",
    "-",
    "@all",
    "%s%n",
    "…………",
];

fn odd(text: &str) -> Diagnosis {
    let mut d = sample::diagnosis();
    let entity = EntityRef { part: Some(text.into()), ..EntityRef::new(Kind::Container, text, text) };
    d.scope.source = text.to_owned();
    d.scope.cluster_version = Some(text.to_owned());
    d.scope.namespaces = vec![text.to_owned()];
    for incident in &mut d.incidents {
        incident.affected.push(entity.clone());
        incident.edges.push((entity.clone(), "calls", EntityRef::node(text)));
        incident.onset = Some(Timestamp::MIN);
        incident.folded.push(Folded {
            finding: Finding::new("container.waiting", entity.clone()).arg("reason", text).arg("container", text),
            reason: Message::new("fold.downstream").arg("entity", text),
        });
        for cause in &mut incident.causes {
            cause.args.set("secret", text);
            cause.args.set("node", text);
            cause.entity = entity.clone();
            cause.probability = Probability::new(f64::NAN);
            cause.nats = Nats::new(-1e300);
            cause.lost = Some(Message::plain(text));
            cause.evidence.push(Evidence::Log {
                container: entity.clone(),
                line: text.repeat(10),
                previous: false,
                count: u32::MAX,
            });
            cause.evidence.push(Evidence::Event {
                object: entity.clone(),
                reason: text.to_owned(),
                message: text.to_owned(),
                count: 0,
                last: Some(Timestamp::MAX),
            });
            cause.evidence.push(Evidence::Quote {
                object: entity.clone(),
                source: text.to_owned(),
                text: text.to_owned(),
            });
        }
    }
    d
}

#[test]
fn anything_can_be_shown_at_any_width() {
    let knowledge = sample::knowledge();
    for text in ODD.iter().map(|t| (*t).to_owned()).chain(ODD.iter().map(|t| t.repeat(100))) {
        let d = odd(&text);
        for format in FORMATS {
            for (lang, width) in [(Lang::En, 0), (Lang::Zh, 40), (Lang::En, usize::MAX)] {
                let options = Options { lang, width, verbose: width == 40, ..Options::default() };
                let out = render(&d, &knowledge, &options, format);
                assert!(out.ends_with('\n'), "{format:?} {text:?}");
                if matches!(format, Format::Text | Format::Markdown | Format::Html) {
                    let control = out.chars().find(|c| c.is_control() && *c != '\n');
                    assert_eq!(control, None, "{format:?} {text:?}");
                }
                if format == Format::Html {
                    assert!(!out.contains("<script") && !out.contains("<svg onload"), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn yaml_says_what_json_says() {
    let knowledge = sample::knowledge();
    for text in ODD {
        let d = odd(text);
        let json: serde_json::Value =
            serde_json::from_str(&wire::json(&d, &knowledge, Lang::En)).expect("our JSON is JSON");
        let yaml = wire::yaml(&d, &knowledge, Lang::En);
        let back: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert!(back == json, "{text:?} is not the same in YAML");
    }
}

#[test]
fn nothing_at_all_is_said_so() {
    let empty = Diagnosis {
        at: Timestamp::UNIX_EPOCH,
        scope: rootline_model::Scope::default(),
        incidents: Vec::new(),
        notes: Vec::new(),
        checks: Vec::new(),
        gaps: Vec::new(),
    };
    let text = render(&empty, &sample::knowledge(), &Options::default(), Format::Text);
    assert_eq!(text, "? Nothing to look at: the source holds no objects\nof an unknown time (--now tells it)\n");
}

#[test]
fn the_published_schema_is_the_one_in_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/diagnosis.schema.json");
    let schema = wire::schema();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(file.parent().expect("docs/reference")).expect("folder is writable");
        std::fs::write(&file, &schema).expect("file is writable");
    }
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(published == schema, "docs/reference/diagnosis.schema.json is out of date; run with UPDATE_EXPECT=1");
}
