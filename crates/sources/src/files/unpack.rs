//! Directories, archives and compression, down to plain files. Nothing is ever written to disk, so a path inside an
//! archive is only a name; what has to be watched is size.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use rootline_model::{Gap, GapKind};

use crate::gaps::gap;
use crate::input::{Limits, ReadError};

/// Takes plain files in the order they are found.
pub(super) trait Sink {
    fn file(&mut self, path: &str, bytes: Vec<u8>) -> Result<(), ReadError>;
    fn gap(&mut self, gap: Gap);
}

/// Packed bytes that a ratio is not looked at before this many came out.
const RATIO_FLOOR: u64 = 64 << 20;

/// A zstd frame may ask for this much window, as a power of two; `--long=27` is what the zstd tool takes unasked.
const ZSTD_WINDOW_LOG: u32 = 27;

const DIRECTORY_DEPTH: usize = 32;

pub(super) struct Unpacker<'a> {
    limits: &'a Limits,
    /// The name a limit is reported under.
    name: String,
    unpacked: Rc<Cell<u64>>,
    files: usize,
    sink: &'a mut dyn Sink,
}

impl<'a> Unpacker<'a> {
    pub fn new(name: &str, limits: &'a Limits, sink: &'a mut dyn Sink) -> Self {
        Unpacker { limits, name: name.to_owned(), unpacked: Rc::default(), files: 0, sink }
    }

    pub fn path(&mut self, path: &Path) -> Result<(), ReadError> {
        let open = |source| ReadError::Open { path: path.to_owned(), source };
        let about = fs::metadata(path).map_err(open)?;
        if about.is_dir() {
            return self.directory(path, "", 0);
        }
        let mut file = File::open(path).map_err(open)?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        self.stream(&name, &mut file, about.len(), 0)
    }

    /// Files in the order of their names, so that the same directory gives the same signals everywhere. The manifest of
    /// a recording comes first: the others are checked against it.
    fn directory(&mut self, path: &Path, prefix: &str, depth: usize) -> Result<(), ReadError> {
        let listed = fs::read_dir(path).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut entries = match listed {
            Ok(entries) => entries,
            Err(source) if depth == 0 => return Err(ReadError::Open { path: path.to_owned(), source }),
            Err(e) => {
                self.unreadable(prefix, &e);
                return Ok(());
            }
        };
        entries.sort_by_key(|e| (e.file_name() != rootline_archive::MANIFEST, e.file_name()));
        for entry in entries {
            let name = entry.file_name().to_string_lossy().into_owned();
            let inner = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            // a link may point anywhere, and a hidden folder is some tool's own
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && !name.starts_with('.') && depth < DIRECTORY_DEPTH {
                self.directory(&entry.path(), &inner, depth + 1)?;
            } else if kind.is_file() {
                self.plain(entry.path(), &inner)?;
            }
        }
        Ok(())
    }

    fn plain(&mut self, path: PathBuf, inner: &str) -> Result<(), ReadError> {
        let opened = File::open(&path).and_then(|f| f.metadata().map(|m| (f, m.len())));
        match opened {
            Ok((mut file, size)) => self.stream(inner, &mut file, size, 0),
            Err(e) => {
                self.unreadable(inner, &e);
                Ok(())
            }
        }
    }

    /// Reads one stream, looking at its first bytes only: names lie.
    pub fn stream(&mut self, path: &str, input: &mut dyn Read, size: u64, depth: usize) -> Result<(), ReadError> {
        let mut head = Vec::with_capacity(512);
        let read = input.take(512).read_to_end(&mut head);
        if let Err(e) = read {
            return self.cut(path, &e);
        }
        let container = container_of(&head);
        let mut whole = Cursor::new(head).chain(input);
        match container {
            None => self.file(path, &mut whole, size),
            Some(Container::Zip) => {
                self.sink.gap(gap(GapKind::Unreadable, path, "gap.zip", &[]));
                Ok(())
            }
            Some(_) if depth > self.limits.depth => {
                self.sink.gap(gap(GapKind::Truncated, path, "gap.too_deep", &[]));
                Ok(())
            }
            Some(Container::Tar) => self.tar(path, &mut whole, depth + 1),
            Some(Container::Gzip) => {
                let packed = Rc::<Cell<u64>>::default();
                let decoder = MultiGzDecoder::new(Counting { inner: whole, count: packed.clone() });
                let mut meter = self.meter(decoder, packed);
                self.stream(inner_name(path), &mut meter, 0, depth + 1)
            }
            Some(Container::Zstd) => {
                let packed = Rc::<Cell<u64>>::default();
                let decoder = zstd::Decoder::new(Counting { inner: whole, count: packed.clone() })
                    .and_then(|mut d| d.window_log_max(ZSTD_WINDOW_LOG).map(|()| d));
                match decoder {
                    Ok(decoder) => {
                        let mut meter = self.meter(decoder, packed);
                        self.stream(inner_name(path), &mut meter, 0, depth + 1)
                    }
                    Err(e) => self.cut(path, &e),
                }
            }
        }
    }

    fn tar(&mut self, path: &str, input: &mut dyn Read, depth: usize) -> Result<(), ReadError> {
        let mut archive = tar::Archive::new(input);
        let entries = match archive.entries() {
            Ok(entries) => entries,
            Err(e) => return self.cut(path, &e),
        };
        for entry in entries {
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(e) => return self.cut(path, &e),
            };
            // links and devices have nothing to read
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let inner = clean_path(&String::from_utf8_lossy(&entry.path_bytes()));
            let size = entry.size();
            self.stream(&inner, &mut entry, size, depth)?;
        }
        Ok(())
    }

    fn file(&mut self, path: &str, input: &mut dyn Read, size: u64) -> Result<(), ReadError> {
        self.files += 1;
        if self.files > self.limits.files {
            return Err(self.too_large("the number of files", self.limits.files as u64));
        }
        let most = self.limits.file_bytes;
        if size > most {
            self.sink.gap(gap(GapKind::Truncated, path, "gap.too_large", &[("detail", most.to_string().as_str())]));
            return Ok(());
        }
        // a claimed size is believed only so far
        let mut bytes = Vec::with_capacity(usize::try_from(size.min(256 << 20)).unwrap_or(0));
        let read = input.take(most + 1).read_to_end(&mut bytes);
        let length = bytes.len() as u64;
        if length > most {
            self.sink.gap(gap(GapKind::Truncated, path, "gap.too_large", &[("detail", most.to_string().as_str())]));
            return Ok(());
        }
        // a tar entry that ends early gives no error of its own
        let early = (size > length).then(|| io::Error::from(io::ErrorKind::UnexpectedEof));
        match read.err().or(early) {
            None => self.sink.file(path, bytes),
            Some(e) => {
                self.cut(path, &e)?;
                self.sink.file(path, bytes)
            }
        }
    }

    /// An input that ends or breaks: an error if a limit was the reason, else a gap, and what came before is kept.
    fn cut(&mut self, path: &str, error: &io::Error) -> Result<(), ReadError> {
        if let Some(over) = error.get_ref().and_then(|e| e.downcast_ref::<OverLimit>()) {
            return Err(self.too_large(over.what, over.limit));
        }
        let detail = if error.kind() == io::ErrorKind::UnexpectedEof {
            "unexpected end of file".to_owned()
        } else {
            error.to_string()
        };
        self.sink.gap(gap(GapKind::Truncated, path, "gap.truncated", &[("detail", detail.as_str())]));
        Ok(())
    }

    fn unreadable(&mut self, path: &str, error: &io::Error) {
        self.sink.gap(gap(GapKind::Unreadable, path, "gap.broken", &[("detail", error.to_string().as_str())]));
    }

    fn too_large(&self, what: &'static str, limit: u64) -> ReadError {
        ReadError::TooLarge { name: self.name.clone(), what, limit }
    }

    fn meter<R: Read>(&self, inner: R, packed: Rc<Cell<u64>>) -> Meter<R> {
        Meter {
            inner,
            packed,
            here: 0,
            unpacked: self.unpacked.clone(),
            total_bytes: self.limits.total_bytes,
            ratio: self.limits.ratio,
        }
    }
}

enum Container {
    Gzip,
    Zstd,
    Tar,
    Zip,
}

fn container_of(head: &[u8]) -> Option<Container> {
    match head {
        [0x1F, 0x8B, ..] => Some(Container::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Container::Zstd),
        [b'P', b'K', 3, 4, ..] => Some(Container::Zip),
        _ if head.get(257..262) == Some(b"ustar") => Some(Container::Tar),
        _ => None,
    }
}

/// `pods.json.gz` holds `pods.json`.
fn inner_name(path: &str) -> &str {
    [".gz", ".zst", ".tgz"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path)
}

/// A path as its plain parts: `./a/../../b` is `a/b`. It is a name to show and to look for folders in, nothing is
/// written to it.
fn clean_path(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|p| !matches!(*p, "" | "." | "..")).collect();
    parts.join("/")
}

/// Counts the bytes that go in.
struct Counting<R> {
    inner: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.count.set(self.count.get() + n as u64);
        Ok(n)
    }
}

/// Fails once more comes out than may.
struct Meter<R> {
    inner: R,
    packed: Rc<Cell<u64>>,
    /// Out of this decoder.
    here: u64,
    /// Out of all decoders of this reading.
    unpacked: Rc<Cell<u64>>,
    total_bytes: u64,
    ratio: u64,
}

#[derive(Debug)]
struct OverLimit {
    what: &'static str,
    limit: u64,
}

impl std::fmt::Display for OverLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is more than {}", self.what, self.limit)
    }
}

impl std::error::Error for OverLimit {}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.here += n as u64;
        self.unpacked.set(self.unpacked.get() + n as u64);
        if self.unpacked.get() > self.total_bytes {
            return Err(io::Error::other(OverLimit { what: "its unpacked size", limit: self.total_bytes }));
        }
        if self.here > RATIO_FLOOR && self.here / self.packed.get().max(1) > self.ratio {
            return Err(io::Error::other(OverLimit { what: "its compression ratio", limit: self.ratio }));
        }
        Ok(n)
    }
}
