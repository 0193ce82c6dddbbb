//! Takes files one by one, turns each into signals, and says at the end what it all was.

use std::collections::BTreeMap;

use rootline_archive::{Checker, EXTRAS, Fault, MANIFEST, Manifest};
use rootline_model::{Gap, GapKind, Kind, SOME_MOMENT};
use rootline_objects::{LogTail, Signal, read_list};

use super::clock::Clock;
use super::document::{self, Head, Next};
use super::lists::{Listing, Lists, Scope};
use super::pasted::{self, Text};
use super::unpack::Sink;
use super::{encoding, layout, yaml};
use crate::container_log as logs;
use crate::gaps::{Gaps, gap};
use crate::input::{Input, ReadError, ReadOptions};
use crate::prometheus;

/// One reading of any number of files.
pub(super) struct Reader<'o> {
    name: String,
    options: &'o ReadOptions,
    signals: Vec<Signal>,
    gaps: Gaps,
    clock: Clock,
    lists: Lists,
    texts: Vec<Text>,
    text_bytes: u64,
    recording: Option<Recording>,
    version: Option<String>,
    tally: Tally,
}

struct Recording {
    manifest: Manifest,
    checker: Checker,
    /// Folder of the manifest with its slash, or nothing.
    root: String,
}

/// What came by, for the name of the format and the source line.
#[derive(Default)]
struct Tally {
    files: usize,
    objects: usize,
    logs: usize,
    yaml: bool,
    bundle: bool,
    dump_logs: bool,
}

impl Sink for Reader<'_> {
    fn file(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), ReadError> {
        self.tally.files += 1;
        if layout::file_name(path) == MANIFEST && self.recording.is_none() {
            return self.manifest(path, &bytes);
        }
        self.check(path, &bytes);
        if self.is_extra(path) {
            return Ok(());
        }
        let Some(text) = encoding::decode(bytes) else { return Ok(()) };
        if !text.trim_start().is_empty() {
            self.text(path, text);
        }
        Ok(())
    }

    fn gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }
}

impl<'o> Reader<'o> {
    pub fn new(name: &str, options: &'o ReadOptions) -> Self {
        Reader {
            name: name.to_owned(),
            options,
            signals: Vec::new(),
            gaps: Gaps::default(),
            clock: Clock::default(),
            lists: Lists::default(),
            texts: Vec::new(),
            text_bytes: 0,
            recording: None,
            version: None,
            tally: Tally::default(),
        }
    }

    fn manifest(&mut self, path: &str, bytes: &[u8]) -> Result<(), ReadError> {
        let manifest =
            Manifest::parse(bytes).map_err(|e| ReadError::Archive { name: self.name.clone(), source: Box::new(e) })?;
        for entry in &manifest.gaps {
            self.gaps.push(entry.into());
        }
        let checker = Checker::new(&manifest);
        let root = path.strip_suffix(MANIFEST).unwrap_or_default().to_owned();
        self.version = manifest.cluster_version.clone();
        self.recording = Some(Recording { manifest, checker, root });
        Ok(())
    }

    /// Holds a file of a recording against its checksum.
    fn check(&mut self, path: &str, bytes: &[u8]) {
        let Some(recording) = &mut self.recording else { return };
        let inner = path.strip_prefix(recording.root.as_str()).unwrap_or(path);
        if let Err(fault) = recording.checker.file(inner, bytes) {
            self.fault(&fault);
        }
    }

    /// What a daemon knows beside the state.
    fn is_extra(&self, path: &str) -> bool {
        let inner = self.recording.as_ref().and_then(|r| path.strip_prefix(r.root.as_str()));
        inner.is_some_and(|inner| inner.starts_with(EXTRAS))
    }

    fn fault(&mut self, fault: &Fault) {
        let kind = if matches!(fault, Fault::Missing { .. }) { GapKind::Truncated } else { GapKind::Unreadable };
        self.gaps.push(gap(kind, fault.path(), "gap.checksum", &[("detail", fault.to_string().as_str())]));
    }

    /// The content decides; the place of the file only where the content does not tell.
    fn text(&mut self, path: &str, text: String) {
        if layout::inside_bundle(path).is_some() {
            self.tally.bundle = true;
            if layout::is_left_out(path) {
                return;
            }
            if path.ends_with("-errors.json") {
                return self.collector_errors(path, &text);
            }
        }
        let start = text.trim_start();
        if let Some(whose) = logs::whose(path)
            && !logs::is_dump_block(start)
        {
            return self.log(logs::tail(whose, &text));
        }
        if logs::is_dump_block(start) || start.starts_with('{') || (start.starts_with('[') && is_json_array(start)) {
            self.lists.see_path(path);
            self.stream(path, &text);
        } else if is_yaml_name(path) || (!path.ends_with(".log") && yaml::looks_like(&text)) {
            self.yaml(path, text);
        } else if path.ends_with(".json") {
            self.broken(path, "not JSON");
        } else if !is_exposition(&text) {
            self.keep(path, text);
        }
    }

    /// JSON documents and log blocks behind one another.
    fn stream(&mut self, path: &str, text: &str) {
        let mut rest = text;
        let mut documents = 0usize;
        loop {
            if logs::is_dump_block(rest) {
                self.tally.dump_logs = true;
                match logs::dump_block(&mut rest) {
                    Some(log) => self.log(log),
                    None => return self.broken(path, "a log block without a proper first line"),
                }
                continue;
            }
            match document::next(&mut rest) {
                Next::End => return,
                Next::Document { head, text } => {
                    documents += 1;
                    let streamed = documents > 1 || !rest.trim_start().is_empty();
                    self.document(path, &head, text, streamed);
                }
                Next::Broken { detail } => return self.cut_document(path, rest, &detail),
            }
        }
    }

    fn document(&mut self, path: &str, head: &Head, text: &str, streamed: bool) {
        if let Some(version) = head.cluster_version() {
            self.version.get_or_insert_with(|| version.to_owned());
        }
        if head.kind.is_none() && prometheus::is_answer(text) {
            match prometheus::signals(text) {
                Ok(signals) => self.signals.extend(signals),
                Err(detail) => self.broken(path, &detail),
            }
            return;
        }
        let first = self.signals.len();
        let bundle = layout::in_bundle(path);
        let named = layout::kind_named(layout::file_name(path));
        let fallback = bundle.as_ref().map_or(named, |(kind, _)| *kind);
        let is_list = head.list_of();
        // only a list or a support bundle leaves kinds out; one object without a kind is none
        let item_kind = if is_list.is_some() || bundle.is_some() { fallback } else { None };
        self.objects(path, text, item_kind);
        let bare = text.trim_start().starts_with('[') && bundle.is_some();
        let Some(typed) = is_list.or(bare.then_some("")) else { return };
        let scope = bundle.map_or(Scope::Unknown, |(_, scope)| scope);
        // a collector told to read some namespaces writes a list of just those, without a version
        let picked = scope != Scope::Unknown && typed == "Namespace" && !head.has_version();
        if head.is_cut() || picked {
            return;
        }
        let typed = Some(typed).filter(|t| !t.is_empty());
        let listing = Listing { path, scope, typed, named: fallback, streamed };
        self.lists.add(&listing, self.signals.get(first..).unwrap_or_default());
    }

    fn objects(&mut self, path: &str, json: &str, kind: Option<&str>) {
        let (signals, clock, gaps) = (&mut self.signals, &mut self.clock, &mut self.gaps);
        let before = signals.len();
        let outcome = read_list(
            json,
            kind,
            |object| {
                clock.see(&object);
                signals.push(Signal::Object(object));
            },
            |e| {
                let subject = format!("{path}: {}", e.what);
                gaps.push(gap(GapKind::Unreadable, subject, "gap.object", &[("detail", e.detail.as_str())]));
            },
        );
        self.tally.objects += self.signals.len() - before;
        if let Err(e) = outcome {
            self.broken(path, &e.detail);
        }
    }

    /// A document that ends or breaks in the middle: the whole items before that are read, and nothing counts as listed.
    fn cut_document(&mut self, path: &str, text: &str, detail: &str) {
        let (kind, items) = document::salvage(text);
        let named = layout::in_bundle(path).map_or(layout::kind_named(layout::file_name(path)), |(kind, _)| kind);
        let kind = kind.or(named).map(str::to_owned);
        let count = items.len();
        for item in items {
            self.objects(path, item, kind.as_deref());
        }
        if count == 0 {
            return self.broken(path, detail);
        }
        let args = [("count", count.to_string()), ("detail", detail.to_owned())];
        let args = [(args[0].0, args[0].1.as_str()), (args[1].0, args[1].1.as_str())];
        self.gaps.push(gap(GapKind::Truncated, path, "gap.cut_list", &args));
    }

    fn yaml(&mut self, path: &str, text: String) {
        let documents: Vec<_> = yaml::documents(&text).collect();
        // a ticket may quote YAML between other texts; then it is a text
        let is_yaml = |d: &yaml::YamlDocument| d.json.as_ref().is_ok_and(|json| json.starts_with(['{', '[']));
        if !is_yaml_name(path) && !documents.iter().all(is_yaml) {
            return self.keep(path, text);
        }
        let before = self.tally.objects;
        let streamed = documents.len() > 1;
        for document in documents {
            match document.json {
                Ok(json) => {
                    let mut rest = json.as_str();
                    if let Next::Document { head, text } = document::next(&mut rest) {
                        self.document(path, &head, text, streamed);
                    }
                }
                Err(e) => self.broken(&format!("{path}, document at line {}", document.line), &e),
            }
        }
        self.tally.yaml |= self.tally.objects > before;
    }

    /// What a collector could not read, by its own words: a list of messages, or messages by namespace.
    fn collector_errors(&mut self, path: &str, text: &str) {
        let lines: Vec<String> = serde_json::from_str::<Vec<String>>(text)
            .or_else(|_| serde_json::from_str::<BTreeMap<String, String>>(text).map(|m| m.into_values().collect()))
            .unwrap_or_default();
        let subject = layout::file_name(path).strip_suffix("-errors.json").unwrap_or(path).to_owned();
        for line in lines.into_iter().filter(|l| !l.is_empty()) {
            let kind = if line.contains("forbidden") { GapKind::Forbidden } else { GapKind::Unreadable };
            self.gaps.push(gap(kind, subject.as_str(), "gap.collector", &[("detail", line.as_str())]));
        }
    }

    fn log(&mut self, log: Option<LogTail>) {
        let Some(log) = log else { return };
        let bytes: usize = log.lines.iter().map(String::len).sum();
        let subject = format!("log of {}/{}/{}", log.namespace, log.pod, log.container);
        if self.has_room(&subject, bytes) {
            self.tally.logs += 1;
            self.signals.push(Signal::Log(log));
        }
    }

    fn keep(&mut self, path: &str, text: String) {
        if self.has_room(path, text.len()) {
            self.texts.push(Text { path: path.to_owned(), text });
        }
    }

    fn has_room(&mut self, subject: &str, bytes: usize) -> bool {
        let limit = self.options.limits.text_bytes;
        if self.text_bytes + bytes as u64 > limit {
            self.gaps.push(gap(
                GapKind::Truncated,
                subject,
                "gap.too_large",
                &[("detail", limit.to_string().as_str())],
            ));
            return false;
        }
        self.text_bytes += bytes as u64;
        true
    }

    fn broken(&mut self, subject: &str, detail: &str) {
        self.gaps.push(gap(GapKind::Unreadable, subject, "gap.broken", &[("detail", detail)]));
    }

    /// Puts everything together; an error if there was nothing to put together.
    pub fn finish(mut self) -> Result<Input, ReadError> {
        if self.tally.files == 0 && self.gaps.is_empty() {
            return Err(ReadError::Empty { name: self.name });
        }
        let recording = self.recording.take();
        let recorded_at = recording.as_ref().and_then(|r| r.manifest.clock());
        let (seen, ahead) = self.clock.now();
        let mut now = self.options.now.or(recorded_at).or(seen);
        let mut texts = Vec::new();
        if self.tally.objects == 0 && !self.texts.is_empty() {
            // ages in texts are relative: without any date in them, any moment will do, and the same one every time
            let moment = *now.get_or_insert_with(|| pasted::latest(&self.texts).unwrap_or(SOME_MOMENT));
            texts = pasted::read(&self.texts, moment);
        }
        if self.tally.objects > 0 {
            for log in pasted::logs_of_pods(&self.texts, &self.signals) {
                self.log(Some(log));
            }
        }
        let from_text = texts.iter().any(|s| !matches!(s, Signal::Gap(_) | Signal::Clock(_)));
        let listed_nothing = recording.is_none() && self.lists.is_empty();
        if self.tally.objects + self.tally.logs == 0 && !from_text && listed_nothing {
            return Err(self.nothing());
        }
        let format = self.format(recording.is_some(), from_text);
        let source = self.source_line(format, recording.as_ref());
        if let Some(ahead) = ahead.filter(|_| self.options.now.is_none() && recorded_at.is_none()) {
            self.gaps.push(ahead);
        }
        let listed = match recording {
            Some(recording) => self.recorded_lists(recording),
            None => self.lists.into_signals(),
        };
        let mut signals: Vec<Signal> = now.map(Signal::Clock).into_iter().collect();
        signals.extend(self.version.map(Signal::Version));
        signals.append(&mut self.signals);
        signals.extend(texts);
        signals.extend(listed);
        signals.extend(self.gaps.into_signals());
        Ok(Input { signals, source, format })
    }

    /// A recording says itself what it lists; a kind of which a file is damaged or missing is not listed.
    fn recorded_lists(&mut self, recording: Recording) -> Vec<Signal> {
        let missing = recording.checker.finish();
        for fault in &missing {
            self.fault(fault);
        }
        let lost: Vec<Option<Kind>> = missing
            .iter()
            .filter_map(|f| f.path().strip_prefix("objects/"))
            .map(|file| layout::kind_named(file).and_then(Kind::parse))
            .collect();
        let entries = recording.manifest.listed.iter();
        entries
            .filter_map(|entry| Kind::parse(&entry.kind).map(|kind| (kind, entry.namespace.clone())))
            .filter(|(kind, _)| !lost.contains(&Some(*kind)))
            .map(|(kind, namespace)| Signal::Listed { kind, namespace })
            .collect()
    }

    fn nothing(self) -> ReadError {
        let first = self.gaps.into_signals().find_map(|s| match s {
            Signal::Gap(gap) => Some(format!("{}: {}", gap.subject, gap.detail.args.get("text").unwrap_or_default())),
            _ => None,
        });
        let detail = first.unwrap_or_else(|| "no Kubernetes objects, no logs, no kubectl output".to_owned());
        ReadError::NotRecognised { name: self.name, detail }
    }

    fn format(&self, is_recording: bool, from_text: bool) -> &'static str {
        match &self.tally {
            _ if is_recording => "recording",
            Tally { bundle: true, .. } => "support-bundle",
            Tally { dump_logs: true, .. } => "cluster-info-dump",
            Tally { yaml: true, .. } => "kubectl-yaml",
            Tally { objects: 1.., .. } if self.lists.has_dump_folders() => "cluster-info-dump",
            _ if from_text => "kubectl-text",
            Tally { objects: 0, logs: 1.., .. } => "logs",
            _ => "kubectl-json",
        }
    }

    fn source_line(&self, format: &str, recording: Option<&Recording>) -> String {
        let what = match format {
            "recording" => "recording",
            "support-bundle" => "support bundle",
            "cluster-info-dump" => "cluster-info dump",
            "kubectl-yaml" => "kubectl YAML",
            "kubectl-text" => "kubectl text",
            "logs" => "logs",
            _ => "kubectl JSON",
        };
        let counted = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
        let mut line = format!("{what} {}: {}", self.name, counted(self.tally.files, "file"));
        for (n, word) in [(self.tally.objects, "object"), (self.tally.logs, "log")] {
            if n > 0 {
                line.push_str(&format!(", {}", counted(n, word)));
            }
        }
        if let Some(recording) = recording {
            line.push_str(&format!(", recorded {} from {}", recording.manifest.recorded_at, recording.manifest.source));
        }
        line
    }
}

/// An array and not a log line in brackets: `[INFO] ready`.
fn is_json_array(text: &str) -> bool {
    let inner = text.trim_start_matches('[').trim_start();
    inner.starts_with(['{', ']', '"'])
}

fn is_yaml_name(path: &str) -> bool {
    path.ends_with(".yaml") || path.ends_with(".yml")
}

/// Prometheus text: metrics are read by another door.
fn is_exposition(text: &str) -> bool {
    let marks = text.lines().take(50).filter(|l| l.starts_with("# HELP ") || l.starts_with("# TYPE ")).count();
    marks >= 2
}
