//! What a reader is given and what it hands back.

use std::path::PathBuf;

use rootline_archive::{ArchiveError, io_words};
use rootline_model::{Lang, Timestamp};
use rootline_objects::Signal;

/// Everything one source had to say.
#[derive(Clone, Debug, Default)]
pub struct Input {
    pub signals: Vec<Signal>,
    /// One line: what was read.
    pub source: String,
    /// `recording`, `support-bundle`, `cluster-info-dump`, `kubectl-json`, `kubectl-yaml`, `kubectl-text`, `logs`, `live`.
    pub format: &'static str,
}

/// How files are read.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The moment the state is of, where the reader knows better than the files.
    pub now: Option<Timestamp>,
    pub limits: Limits,
}

/// How much a file may unpack to. Without these a few kilobytes could fill the machine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of everything that is read, after unpacking.
    pub total_bytes: u64,
    /// Of one file; a larger one is left out and named as a gap.
    pub file_bytes: u64,
    /// Number of files.
    pub files: usize,
    /// Archives inside archives.
    pub depth: usize,
    /// Unpacked by packed size, looked at once more than 64 MiB came out. Lists of thousands of like pods reach 100.
    pub ratio: u64,
    /// Of texts and logs that are kept.
    pub text_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            total_bytes: 4 << 30,
            file_bytes: 1 << 30,
            files: 200_000,
            depth: 3,
            ratio: 1_000,
            text_bytes: 64 << 20,
        }
    }
}

/// Why nothing could be read. Smaller troubles are gaps among the signals.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot open {}: {source}", path.display())]
    Open {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{name} is empty")]
    Empty { name: String },
    #[error("{name} holds nothing that can be read: {detail}")]
    NotRecognised { name: String, detail: String },
    #[error("{name} is too large: {what} is more than the limit of {limit}")]
    TooLarge { name: String, what: &'static str, limit: u64 },
    #[error("{name}: {source}")]
    Archive {
        name: String,
        #[source]
        source: Box<ArchiveError>,
    },
}

impl ReadError {
    pub fn words(&self, lang: Lang) -> String {
        match self {
            _ if lang == Lang::En => self.to_string(),
            ReadError::Open { path, source } => format!("无法打开 {}：{}", path.display(), io_words(source, lang)),
            ReadError::Empty { name } => format!("{name} 是空的"),
            ReadError::NotRecognised { name, detail } => format!("{name} 中没有可识别的内容：{detail}"),
            ReadError::TooLarge { name, what, limit } => format!("{name} 太大：{what} 超过上限 {limit}"),
            ReadError::Archive { name, source } => format!("{name}：{}", source.words(lang)),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self, lang: Lang) -> &'static str {
        let (en, zh) = match self {
            ReadError::Open { .. } => (
                "check the path and the permissions; '-' reads standard input",
                "请检查路径和权限；“-” 表示读取标准输入",
            ),
            ReadError::Empty { .. } => (
                "was the command that wrote it refused? its error went to the terminal",
                "写出它的命令是否被拒绝了？它的报错当时显示在终端上",
            ),
            ReadError::NotRecognised { .. } => (
                "read are: rootline recordings, Troubleshoot support bundles, kubectl cluster-info dump, \
                 kubectl get -o json or yaml, and pasted kubectl output; plain, .gz, .zst, .tar or a directory",
                "可以读取：rootline 录制文件、Troubleshoot 支持包、kubectl cluster-info dump、kubectl get -o json 或 yaml、\
                 粘贴的 kubectl 输出；纯文本、.gz、.zst、.tar 或目录均可",
            ),
            ReadError::TooLarge { .. } => {
                ("unpack it and give the parts that matter, or raise the limit", "请解包后只给出相关部分，或调高上限")
            }
            ReadError::Archive { source, .. } => return source.hint(lang),
        };
        if lang == Lang::Zh { zh } else { en }
    }
}
