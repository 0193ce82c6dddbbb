//! `rootline.json`: what the recording is, and a checksum of every file in it.

use rootline_model::{Gap, GapKind, Lang, Timestamp};
use serde::{Deserialize, Serialize};

/// Name of the manifest inside a recording.
pub const MANIFEST: &str = "rootline.json";

/// Folder of what a daemon knows beside the state.
pub const EXTRAS: &str = "daemon/";

/// First word of every manifest, so that another tool's `rootline.json` is not taken for one.
pub const FORMAT: &str = "rootline-recording";

/// The newest version that is written and read.
pub const VERSION: u32 = 1;

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{MANIFEST} is not the manifest of a recording: {detail}")]
    NotAManifest { detail: String },
    #[error("the recording has format version {found}, this program reads versions up to {VERSION}")]
    NewerVersion { found: u64 },
    #[error("the recording holds no {MANIFEST}")]
    NoManifest,
    #[error("could not {doing}: {source}")]
    Io {
        doing: String,
        #[source]
        source: std::io::Error,
    },
    #[error("{subject} is too large: {detail}")]
    TooLarge { subject: String, detail: String },
}

/// What the system says of a file or a connection, in words.
pub fn io_words(error: &std::io::Error, lang: Lang) -> String {
    use std::io::ErrorKind;
    let words = match error.kind() {
        _ if lang == Lang::En => return error.to_string(),
        ErrorKind::NotFound => "文件或目录不存在",
        ErrorKind::PermissionDenied => "没有权限",
        ErrorKind::AlreadyExists => "已经存在",
        ErrorKind::IsADirectory => "这是目录，不是文件",
        ErrorKind::NotADirectory => "路径中有一段不是目录",
        ErrorKind::StorageFull => "磁盘已满",
        ErrorKind::ReadOnlyFilesystem => "文件系统只读",
        ErrorKind::InvalidData => "内容无法解析",
        ErrorKind::UnexpectedEof => "内容不完整，提前结束",
        ErrorKind::ConnectionRefused => "连接被拒绝",
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => "连接中断",
        ErrorKind::TimedOut => "超时",
        ErrorKind::AddrInUse => "地址已被占用",
        ErrorKind::AddrNotAvailable => "本机没有这个地址",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "网络不可达",
        _ => return error.to_string(),
    };
    words.to_owned()
}

impl ArchiveError {
    pub fn words(&self, lang: Lang) -> String {
        match self {
            _ if lang == Lang::En => self.to_string(),
            ArchiveError::NotAManifest { detail } => format!("{MANIFEST} 不是录制文件的清单：{detail}"),
            ArchiveError::NewerVersion { found } => {
                format!("录制文件的格式版本是 {found}，本程序最高支持 {VERSION}")
            }
            ArchiveError::NoManifest => format!("录制文件中没有 {MANIFEST}"),
            ArchiveError::Io { doing, source } => format!("{doing} 失败：{}", io_words(source, lang)),
            ArchiveError::TooLarge { subject, detail } => format!("{subject} 太大：{detail}"),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            ArchiveError::NewerVersion { .. } => ("install a newer version of rootline", "请安装更新版本的 rootline"),
            ArchiveError::NotAManifest { .. } | ArchiveError::NoManifest => (
                "record it again, or unpack it and read its objects/ folder",
                "请重新录制，或解包后读取其中的 objects/ 目录",
            ),
            ArchiveError::Io { .. } => {
                ("check the path, the free space and the permissions", "请检查路径、剩余空间和权限")
            }
            ArchiveError::TooLarge { .. } => (
                "a recording that grows this much while unpacking is damaged or hostile",
                "解包后膨胀到如此程度的录制文件，不是损坏就是恶意构造",
            ),
        };
        if lang == Lang::Zh { zh } else { en }
    }
}

/// The manifest of version 1. A reader skips fields that it does not know; a change of meaning is a new version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    pub format: String,
    pub version: u32,
    /// Name and version of the writer: `rootline 0.1.0`.
    pub tool: String,
    /// RFC 3339: the moment the state is of.
    pub recorded_at: String,
    pub cluster_version: Option<String>,
    /// One line: from where it was read.
    pub source: String,
    pub redacted: bool,
    /// Which kinds were listed completely: what is not there did not exist.
    pub listed: Vec<ListedEntry>,
    /// What could not be seen while recording.
    pub gaps: Vec<GapEntry>,
    pub files: Vec<FileEntry>,
}

/// A kind that was listed completely, of one namespace or of all (`null`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedEntry {
    pub kind: String,
    pub namespace: Option<String>,
}

/// Something that could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GapEntry {
    /// `forbidden`, `absent`, `unreadable`, `truncated` or `stale`.
    pub kind: String,
    pub subject: String,
    pub detail: String,
}

/// One file of the recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    pub path: String,
    pub size: u64,
    /// Lower-case hex.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

impl Manifest {
    /// Reads a manifest; the version is looked at before anything else, so that a newer one is named as such.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ArchiveError> {
        let not = |e: serde_json::Error| ArchiveError::NotAManifest { detail: e.to_string() };
        let head: Head = serde_json::from_slice(bytes).map_err(not)?;
        if head.format != FORMAT {
            return Err(ArchiveError::NotAManifest { detail: format!("its format is {:?}", head.format) });
        }
        if head.version > u64::from(VERSION) {
            return Err(ArchiveError::NewerVersion { found: head.version });
        }
        serde_json::from_slice(bytes).map_err(not)
    }

    /// The moment the state is of, if it is written as it should be.
    pub fn clock(&self) -> Option<Timestamp> {
        self.recorded_at.parse().ok()
    }
}

impl From<&Gap> for GapEntry {
    fn from(gap: &Gap) -> Self {
        let kind = match gap.kind {
            GapKind::Forbidden => "forbidden",
            GapKind::Absent => "absent",
            GapKind::Unreadable => "unreadable",
            GapKind::Truncated => "truncated",
            GapKind::Stale => "stale",
        };
        GapEntry { kind: kind.into(), subject: gap.subject.clone(), detail: plain_text(gap) }
    }
}

/// The English sentence where the message carries one, else its key.
fn plain_text(gap: &Gap) -> String {
    gap.detail.args.get("text").unwrap_or(gap.detail.key).to_owned()
}

impl From<&GapEntry> for Gap {
    fn from(entry: &GapEntry) -> Self {
        let kind = match entry.kind.as_str() {
            "forbidden" => GapKind::Forbidden,
            "absent" => GapKind::Absent,
            "truncated" => GapKind::Truncated,
            "stale" => GapKind::Stale,
            _ => GapKind::Unreadable,
        };
        Gap::new(kind, entry.subject.clone(), entry.detail.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_is_wrong_with_it() {
        for (json, expect) in [
            (r#"{"format":"rootline-recording","version":2,"files":"new shape"}"#, "format version 2"),
            (r#"{"format":"other","version":1}"#, "its format is \"other\""),
            (r#"{"version":1}"#, "missing field `format`"),
            ("{\"format\":\"rootline-rec", "EOF"),
        ] {
            let error = Manifest::parse(json.as_bytes()).expect_err(json).to_string();
            assert!(error.contains(expect), "{error}");
        }
    }

    #[test]
    fn unknown_fields_of_version_1_are_skipped() {
        let json = r#"{"format":"rootline-recording","version":1,"recorded_at":"2026-01-02T03:04:05Z","mood":"good"}"#;
        let manifest = Manifest::parse(json.as_bytes()).expect("valid");
        assert_eq!(manifest.clock().map(|t| t.to_string()).as_deref(), Some("2026-01-02T03:04:05Z"));
    }
}
