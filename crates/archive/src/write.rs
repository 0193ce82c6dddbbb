//! Writing a recording.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use rootline_model::{Gap, Timestamp};
use serde_json::Value;

use crate::check::sha256_hex;
use crate::manifest::{ArchiveError, EXTRAS, FORMAT, FileEntry, GapEntry, ListedEntry, MANIFEST, Manifest, VERSION};
use crate::redact;

/// Packs well and costs little: 20,000 pods in under a second.
const ZSTD_LEVEL: i32 = 9;

/// What the manifest says about the whole.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// Name and version of the writer.
    pub tool: String,
    pub recorded_at: Option<Timestamp>,
    pub cluster_version: Option<String>,
    /// One line: from where it was read.
    pub source: String,
}

/// Whose log it is.
#[derive(Clone, Copy, Debug)]
pub struct LogPath<'a> {
    pub namespace: &'a str,
    pub pod: &'a str,
    pub container: &'a str,
    pub previous: bool,
}

/// How items are written; may be used from several threads while the writer waits.
#[derive(Clone, Debug)]
pub struct Form {
    redact: bool,
    /// What else is a secret, by the user's word.
    patterns: Arc<[Regex]>,
}

impl Form {
    /// One object as it is recorded: with its kind, without managed fields and, unless asked otherwise, without secrets.
    pub fn item(&self, json: &str, kind: &str, api_version: &str) -> String {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(json) else { return "null".to_owned() };
        // items of a list leave these out, and lists of names carry another kind
        fields.insert("kind".into(), kind.into());
        fields.insert("apiVersion".into(), api_version.into());
        let mut value = Value::Object(fields);
        if self.redact {
            redact::object(&mut value);
            redact::matches(&mut value, &self.patterns);
        } else if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
        value.to_string()
    }

    /// Any JSON: texts in it without secrets.
    pub fn value(&self, value: Value) -> Value {
        if !self.redact {
            return value;
        }
        // as a field of an object, which is what redaction looks into
        let mut whole = serde_json::json!({ "content": value });
        redact::object(&mut whole);
        redact::matches(&mut whole, &self.patterns);
        whole.get_mut("content").map(Value::take).unwrap_or_default()
    }

    /// A log or a pasted text.
    pub fn text(&self, text: &str) -> String {
        if !self.redact {
            return text.to_owned();
        }
        redact::text_matches(&redact::text(text, redact::Style::Prose), &self.patterns).into_owned()
    }
}

/// Collects the files of a recording and writes them in one go, the manifest first.
pub struct Writer {
    manifest: Manifest,
    files: BTreeMap<String, Vec<u8>>,
    form: Form,
}

impl Writer {
    /// Redacts; see `unredacted`.
    pub fn new(about: About) -> Writer {
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            tool: about.tool,
            recorded_at: about.recorded_at.map(|t| t.to_string()).unwrap_or_default(),
            cluster_version: about.cluster_version,
            source: about.source,
            redacted: true,
            ..Manifest::default()
        };
        Writer { manifest, files: BTreeMap::new(), form: Form { redact: true, patterns: Arc::from([]) } }
    }

    /// Keeps everything as it came, for somebody who asked for it in so many words.
    #[must_use]
    pub fn unredacted(mut self) -> Writer {
        self.form.redact = false;
        self.manifest.redacted = false;
        self
    }

    /// Also leaves out what these match, in objects and in texts.
    #[must_use]
    pub fn redacting(mut self, patterns: Vec<Regex>) -> Writer {
        self.form.patterns = patterns.into();
        self
    }

    pub fn form(&self) -> Form {
        self.form.clone()
    }

    /// Adds all objects of a kind, each as `Form::item` gave it. `resource` is the plural with its group:
    /// `deployments.apps`.
    pub fn objects(&mut self, resource: &str, kind: &str, api_version: &str, items: Vec<String>) {
        let kind = Value::from(format!("{kind}List"));
        let api_version = Value::from(api_version);
        let room: usize = items.iter().map(|i| i.len() + 2).sum();
        let mut json = String::with_capacity(room + 100);
        json.push_str(&format!("{{\"kind\":{kind},\"apiVersion\":{api_version},\"items\":[\n"));
        let mut first = true;
        for item in items.into_iter().filter(|i| i != "null") {
            if !std::mem::take(&mut first) {
                json.push_str(",\n");
            }
            json.push_str(&item);
        }
        json.push_str("\n]}\n");
        self.files.insert(format!("objects/{}.json", safe(resource)), json.into_bytes());
    }

    pub fn log(&mut self, path: LogPath<'_>, text: &str) {
        let end = if path.previous { ".previous.log" } else { ".log" };
        let name = format!("logs/{}/{}/{}{end}", safe(path.namespace), safe(path.pod), safe(path.container));
        self.files.insert(name, self.form.text(text).into_bytes());
    }

    /// Prometheus text.
    pub fn metrics(&mut self, name: &str, text: &str) {
        self.files.insert(format!("metrics/{}.txt", safe(name)), text.as_bytes().to_vec());
    }

    /// An answer of Prometheus' HTTP API.
    pub fn prometheus(&mut self, name: &str, json: &str) {
        self.files.insert(format!("prometheus/{}.json", safe(name)), self.form.text(json).into_bytes());
    }

    /// What a daemon knows beside the state: `daemon/NAME`, one JSON document a line; no reader takes it for the state.
    pub fn extra(&mut self, name: &str, documents: Vec<Value>) {
        let lines: String = documents.into_iter().map(|d| format!("{}\n", self.form.value(d))).collect();
        self.files.insert(format!("{EXTRAS}{}", safe(name)), lines.into_bytes());
    }

    /// Output of kubectl as somebody pasted it.
    pub fn text(&mut self, name: &str, text: &str) {
        self.files.insert(format!("text/{}", safe(name)), self.form.text(text).into_bytes());
    }

    /// A kind that was listed completely, in one namespace or in all.
    pub fn listed(&mut self, kind: &str, namespace: Option<&str>) {
        self.manifest.listed.push(ListedEntry { kind: kind.into(), namespace: namespace.map(str::to_owned) });
    }

    pub fn gap(&mut self, gap: &Gap) {
        self.manifest.gaps.push(GapEntry::from(gap));
    }

    /// The moment the state is of, once it is known.
    pub fn recorded_at(&mut self, at: Timestamp) {
        self.manifest.recorded_at = at.to_string();
    }

    pub fn source(&mut self, source: &str) {
        self.manifest.source = source.into();
    }

    /// Writes `NAME.rootline`: through a temporary file, so that there is never half a recording under that name.
    pub fn write_file(self, path: &Path) -> Result<Manifest, ArchiveError> {
        let doing = format!("write {}", path.display());
        let failed = |source| ArchiveError::Io { doing: doing.clone(), source };
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        let file = File::create(&partial).map_err(failed)?;
        let outcome = self.write(io::BufWriter::new(file)).and_then(|(manifest, out)| {
            out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|f| f.sync_all()).map_err(failed)?;
            fs::rename(&partial, path).map_err(failed)?;
            Ok(manifest)
        });
        if outcome.is_err() {
            let _ = fs::remove_file(&partial);
        }
        outcome
    }

    /// Writes the zstd-compressed tar. The same content gives the same bytes.
    pub fn write<W: Write>(mut self, out: W) -> Result<(Manifest, W), ArchiveError> {
        let failed = |source| ArchiveError::Io { doing: "write the recording".into(), source };
        let manifest = self.seal();
        let encoder = zstd::Encoder::new(out, ZSTD_LEVEL).map_err(failed)?;
        let mut tar = tar::Builder::new(encoder);
        append(&mut tar, MANIFEST, &manifest_json(&manifest)).map_err(failed)?;
        for (path, bytes) in &self.files {
            append(&mut tar, path, bytes).map_err(failed)?;
        }
        let out = tar.into_inner().and_then(zstd::Encoder::finish).map_err(failed)?;
        Ok((manifest, out))
    }

    /// Writes the same files as a plain directory, which must not exist yet or be empty.
    pub fn write_directory(mut self, folder: &Path) -> Result<Manifest, ArchiveError> {
        let doing = format!("write {}", folder.display());
        let failed = |source| ArchiveError::Io { doing: doing.clone(), source };
        let manifest = self.seal();
        fs::create_dir_all(folder).map_err(failed)?;
        if fs::read_dir(folder).map_err(failed)?.next().is_some() {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "the directory is not empty")));
        }
        self.files.insert(MANIFEST.into(), manifest_json(&manifest));
        for (path, bytes) in &self.files {
            let path = folder.join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes)).map_err(failed)?;
        }
        Ok(manifest)
    }

    fn seal(&mut self) -> Manifest {
        let mut manifest = std::mem::take(&mut self.manifest);
        manifest.listed.sort();
        manifest.listed.dedup();
        manifest.files = self
            .files
            .iter()
            .map(|(path, bytes)| FileEntry { path: path.clone(), size: bytes.len() as u64, sha256: sha256_hex(bytes) })
            .collect();
        manifest
    }
}

fn manifest_json(manifest: &Manifest) -> Vec<u8> {
    let mut json = serde_json::to_vec_pretty(manifest).expect("a struct of texts and numbers is always JSON");
    json.push(b'\n');
    json
}

fn append<W: Write>(tar: &mut tar::Builder<W>, path: &str, bytes: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, path, bytes)
}

/// A name that is one part of a path on every system. Kubernetes names pass unchanged.
fn safe(name: &str) -> String {
    let part: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(200)
        .collect();
    if part.chars().all(|c| c == '.') { format!("_{part}") } else { part }
}
