//! `rootline replay`: a recorded storm through the live pipeline, with the recording's clock.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rootline_engine::{Live, LiveOptions, NoticeKind, Outcome as Ticked};
use rootline_model::{Alert, LabelSet, Lang, LiveIncident, STALE, SeriesBatch, Severity};
use rootline_objects::Signal;
use rootline_report::words;
use rootline_sources::read_path;
use rootline_sources::receive::{self, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, terminal};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "A storm is a folder with `tape.jsonl` and recordings of the cluster's state. A line of the tape is
{\"at\": \"2026-01-02T03:04:05Z\", \"alerts\": [...], \"holds\": {\"Name\": 900}} with alerts as Prometheus sends them to Alertmanager; a recording counts
from the moment that stands in it. A folder of such folders (`daemon.tape` of a daemon) and what `rootline record INCIDENT` wrote are
played too.

Examples:
  rootline replay testdata/storm
  rootline replay testdata/storm --speed 100     a hundred times as fast as it was
  rootline replay testdata/storm -o json         one incident a line, as it ended"
)]
pub struct Args {
    /// Folder of a storm, or tapes (*.jsonl) and recordings
    #[arg(required = true, value_name = "FOLDER|FILE")]
    input: Vec<PathBuf>,
    /// Times as fast as it was; 0: without waiting
    #[arg(long, value_name = "N", default_value_t = 0.0)]
    speed: f64,
    /// Seconds of the recording between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=3600))]
    tick: u32,
    /// Seconds of the recording that go on after its last line
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    tail: u32,
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// What people are told, as it happens
    Text,
    /// The incidents at the end, one a line
    Json,
}

/// An alert that nobody repeats counts as resolved after this time, as in Alertmanager (`resolve_timeout`).
const RESOLVE_TIMEOUT: SignedDuration = SignedDuration::from_mins(5);

/// Bytes of a tape inside a recording.
const TAPE_MAX: u64 = 256 << 20;

/// One series; `null`: it ended there.
type Points = (LabelSet, Vec<(i64, Option<f64>)>);

/// Something of the recording, at its moment.
enum Piece {
    Alerts(Vec<Alert>),
    State(Vec<Signal>),
    Samples { batches: Vec<SeriesBatch>, is_history: bool },
}

#[derive(Deserialize)]
struct Line<'a> {
    at: Timestamp,
    #[serde(borrow, default)]
    alerts: Option<&'a RawValue>,
    /// `for:` of alert rules in seconds, from here on.
    #[serde(default)]
    holds: BTreeMap<String, u32>,
    /// Labels and points (milliseconds, value) of the series that are watched.
    #[serde(default)]
    samples: Vec<Points>,
    #[serde(default)]
    history: bool,
}

const COULD_NOT: (&str, &str) = ("could not replay", "无法重放");

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let settings = Settings::load(cli)?;
    let engine = settings.engine(&[])?;
    let mut pieces = Vec::new();
    for input in &args.input {
        collect(input, &settings, &mut pieces)?;
    }
    // of one moment the state comes first: it is what the alerts are about
    pieces.sort_by_key(|(at, piece)| (*at, matches!(piece, Piece::Alerts(_))));
    let (Some(first), Some(last)) = (pieces.first().map(|p| p.0), pieces.last().map(|p| p.0)) else {
        return Err(Failure::new(COULD_NOT).said(("nothing is recorded there", "这里没有任何录制内容")));
    };
    let mut live =
        Live::new(engine, LiveOptions { cluster: settings.config.daemon.cluster.clone(), ..LiveOptions::default() });
    let step = SignedDuration::from_secs(i64::from(args.tick));
    let end = last + SignedDuration::from_secs(i64::from(args.tail));
    let mut pieces = pieces.into_iter().peekable();
    let mut now = first;
    let mut messages = 0;
    let mut alerts = 0;
    while now <= end {
        while let Some((_, piece)) = pieces.next_if(|(at, _)| *at <= now) {
            match piece {
                Piece::Alerts(more) => {
                    alerts += more.len();
                    live.take_alerts(more);
                }
                Piece::State(signals) => live.take_state(signals),
                Piece::Samples { batches, is_history } => {
                    live.take_samples(&batches, is_history);
                }
            }
        }
        let ticked = live.tick(now);
        messages += ticked.notifications.len();
        if args.output == Format::Text {
            tell(&live, now, &ticked, settings.lang)?;
        }
        now += step;
        if args.speed > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(step.as_secs_f64() / args.speed));
        }
    }
    finish(&live, args.output, (alerts, messages), settings.lang)
}

fn finish(live: &Live, format: Format, (alerts, messages): (usize, usize), lang: Lang) -> Result<Outcome, Failure> {
    let incidents: Vec<&LiveIncident> = live.incidents().collect();
    if format == Format::Json {
        for incident in incidents {
            let line = serde_json::to_string(incident).map_err(|e| Failure::new("could not write").detail(e))?;
            terminal::print(&(line + "\n"))?;
        }
        return Ok(Outcome::Done);
    }
    let n = incidents.len();
    terminal::print(&match lang {
        Lang::En => {
            let of = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
            format!("\n{} received, {}, {}\n", of(alerts, "alert"), of(n, "incident"), of(messages, "message"))
        }
        Lang::Zh => format!("\n收到告警 {alerts} 条，归并为 {n} 个事件，发出消息 {messages} 条\n"),
    })?;
    Ok(Outcome::Done)
}

fn collect(input: &Path, settings: &Settings, pieces: &mut Vec<(Timestamp, Piece)>) -> Result<(), Failure> {
    let is_tape = |p: &Path| p.extension().is_some_and(|e| e == "jsonl");
    if input.is_dir() && input.join("tape.jsonl").is_file() {
        let failed = |e: std::io::Error| Failure::new(COULD_NOT).file(input.display(), &e);
        let entries = std::fs::read_dir(input).map_err(failed)?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        files.sort();
        let readable = |p: &&PathBuf| {
            let kind = p.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
            p.is_dir()
                || matches!(
                    kind.as_str(),
                    "jsonl" | "rootline" | "zst" | "gz" | "tgz" | "tar" | "json" | "yaml" | "yml"
                )
        };
        return files.iter().filter(readable).try_for_each(|file| collect(file, settings, pieces));
    }
    if input.is_dir() && !input.join(rootline_archive::MANIFEST).is_file() {
        let parts = segments(input);
        if !parts.is_empty() {
            return parts.iter().try_for_each(|part| collect(part, settings, pieces));
        }
    }
    if is_tape(input) {
        let failed = |e: std::io::Error| Failure::new(COULD_NOT).file(input.display(), &e);
        return tape(input, &std::fs::read_to_string(input).map_err(failed)?, pieces);
    }
    let first = pieces.len();
    if let Some(text) = own_tape(input)? {
        tape(input, &text, pieces)?;
    }
    let began = pieces.get(first..).unwrap_or_default().iter().map(|(at, _)| *at).min();
    let state = read_path(input, &settings.read_options(None)).map_err(|e| Failure::read(&e))?;
    let at = state.signals.iter().find_map(|s| if let Signal::Clock(at) = s { Some(*at) } else { None });
    let at = at.ok_or_else(|| {
        Failure::new(COULD_NOT).detail(format!("{}: does not tell of which moment it is", input.display()))
    })?;
    let mut signals = state.signals;
    if began.is_some() {
        // they come by themselves
        signals.retain(|s| !matches!(s, Signal::Alert(_)));
    }
    // of an incident there is one state: it stands from the beginning
    pieces.push((began.map_or(at, |began| began.min(at)), Piece::State(signals)));
    Ok(())
}

/// Parts of a daemon's tape, oldest first.
fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut parts: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.join("tape.jsonl").is_file()).collect();
    parts.sort();
    parts
}

/// The tape inside a recording of an incident.
fn own_tape(input: &Path) -> Result<Option<String>, Failure> {
    if input.extension().is_none_or(|e| e != "rootline") {
        return Ok(None);
    }
    let found = rootline_archive::member(input, &format!("{}tape.jsonl", rootline_archive::EXTRAS), TAPE_MAX);
    let bytes = found.map_err(|e| {
        Failure::new(COULD_NOT).said((e.words(Lang::En), e.words(Lang::Zh))).hint((e.hint(Lang::En), e.hint(Lang::Zh)))
    })?;
    Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()))
}

fn tape(path: &Path, text: &str, pieces: &mut Vec<(Timestamp, Piece)>) -> Result<(), Failure> {
    let name = path.display();
    let failed = |why: String| Failure::new(COULD_NOT).detail(format!("{name}: {why}"));
    let mut holds: BTreeMap<String, u32> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, l)| !l.trim().is_empty()) {
        let line: Line<'_> = serde_json::from_str(line).map_err(|e| failed(format!("line {number}: {e}")))?;
        holds.extend(line.holds);
        if !line.samples.is_empty() {
            let batches = line.samples.into_iter().map(batch).collect();
            pieces.push((line.at, Piece::Samples { batches, is_history: line.history }));
        }
        let Some(alerts) = line.alerts else { continue };
        let request = Request::new("application/json", alerts.get().as_bytes());
        let decoded = receive::alerts::posted(&request, &receive::Limits::default(), line.at, RESOLVE_TIMEOUT);
        let mut alerts = decoded.map_err(|e| failed(format!("line {number}: {}", e.reason)))?.data;
        for alert in &mut alerts {
            alert.hold_s = holds.get(alert.name()).copied();
        }
        pieces.push((line.at, Piece::Alerts(alerts)));
    }
    Ok(())
}

fn batch((labels, points): Points) -> SeriesBatch {
    let value = |v: Option<f64>| v.unwrap_or(f64::from_bits(STALE));
    SeriesBatch { labels, points: points.into_iter().map(|(t, v)| (t, value(v))).collect() }
}

/// What people would be told now.
fn tell(live: &Live, now: Timestamp, ticked: &Ticked, lang: Lang) -> Result<(), Failure> {
    for notification in &ticked.notifications {
        let Some(incident) = live.incident(notification.incident) else { continue };
        terminal::print(&line(now, notification.kind, incident, lang))?;
    }
    Ok(())
}

fn line(now: Timestamp, kind: NoticeKind, incident: &LiveIncident, lang: Lang) -> String {
    let clock = now.strftime("%H:%M:%S");
    let zh = lang == Lang::Zh;
    let what = match (kind, zh) {
        (NoticeKind::First, false) => "new",
        (NoticeKind::First, true) => "新事件",
        (NoticeKind::Raised, false) => "worse",
        (NoticeKind::Raised, true) => "升级",
        (NoticeKind::Core, false) => "changed",
        (NoticeKind::Core, true) => "更新",
        (NoticeKind::Spread, false) => "grows",
        (NoticeKind::Spread, true) => "扩大",
        (NoticeKind::Resolved, false) => "over",
        (NoticeKind::Resolved, true) => "已恢复",
        (NoticeKind::Reopened, false) => "again",
        (NoticeKind::Reopened, true) => "再次发生",
    };
    let key = match incident.severity {
        Severity::Critical => "severity.critical",
        Severity::Error => "severity.error",
        Severity::Warning => "severity.warning",
    };
    let severity = words::word(lang, key).unwrap_or_default();
    let mut out = format!("{clock}  #{} {what} · {severity} · {}\n", incident.id, incident.title.get(lang));
    if kind == NoticeKind::Resolved {
        return out;
    }
    if let Some(cause) = incident.causes.first() {
        let percent = (cause.confidence * 100.0).round();
        out.push_str(&format!("          {} · {} · {percent} %\n", cause.entity, cause.code));
    }
    let folded = incident.members.len().saturating_sub(1);
    if folded > 0 {
        out.push_str(&match zh {
            false if folded == 1 => "          1 more signal folded under it\n".to_owned(),
            false => format!("          {folded} more signals folded under it\n"),
            true => format!("          另有 {folded} 条信号归并于此\n"),
        });
    }
    out
}
