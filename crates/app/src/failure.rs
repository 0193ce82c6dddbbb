//! Why a command could not do its work: what was attempted, what went wrong, what to do about it, in English and Chinese.
//!
//! Errors of other crates say themselves what they are in both languages (`words`, `hint`); what only the command line knows
//! is said here or where it happens, as a pair of texts. A text without a pair is shown as it is.

use std::fmt;

use rootline_config::ConfigError;
use rootline_daemon::DaemonError;
use rootline_engine::EngineError;
use rootline_model::{Both, Lang};
use rootline_sources::ReadError;
use rootline_sources::live::LiveError;

/// A text in both languages.
#[derive(Clone, Debug)]
pub struct Said(Both);

impl From<&str> for Said {
    fn from(text: &str) -> Said {
        Said(Both::same(text))
    }
}

impl From<String> for Said {
    fn from(text: String) -> Said {
        Said(Both::same(text))
    }
}

/// English, Chinese.
impl<A: Into<String>, B: Into<String>> From<(A, B)> for Said {
    fn from((en, zh): (A, B)) -> Said {
        Said(Both { en: en.into(), zh: zh.into() })
    }
}

/// An error before it is known who reads it.
#[derive(Debug)]
pub struct Failure {
    attempted: Both,
    detail: Option<Box<Both>>,
    hint: Option<Box<Both>>,
}

impl Failure {
    pub fn new(attempted: impl Into<Said>) -> Self {
        Failure { attempted: attempted.into().0, detail: None, hint: None }
    }

    /// In other people's words.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(Box::new(Both::same(detail.to_string())));
        self
    }

    /// In our own.
    #[must_use]
    pub fn said(mut self, detail: impl Into<Said>) -> Self {
        self.detail = Some(Box::new(detail.into().0));
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<Said>) -> Self {
        self.hint = Some(Box::new(hint.into().0));
        self
    }

    /// In one line, for a log.
    pub fn plain(&self) -> String {
        let detail = self.detail.as_ref().map(|d| format!(": {}", d.en)).unwrap_or_default();
        format!("{}{detail}", self.attempted.en)
    }

    /// As a person reads it.
    pub fn shown(&self, lang: Lang) -> Shown {
        let one = |text: &Both| text.get(lang).to_owned();
        Shown {
            attempted: one(&self.attempted),
            detail: self.detail.as_ref().map(|d| Detail(one(d))),
            hint: self.hint.as_ref().map(|h| one(h)),
        }
    }

    pub fn read(error: &ReadError) -> Self {
        let both = |f: &dyn Fn(Lang) -> String| (f(Lang::En), f(Lang::Zh));
        Failure::new(("could not read the state", "无法读取集群状态"))
            .said(both(&|lang| error.words(lang)))
            .hint(both(&|lang| error.hint(lang).to_owned()))
    }

    pub fn live(error: &LiveError) -> Self {
        Failure::new(("could not read the cluster", "无法读取集群"))
            .said((error.words(Lang::En), error.words(Lang::Zh)))
            .hint((error.hint(Lang::En), error.hint(Lang::Zh)))
    }

    pub fn config(error: &ConfigError) -> Self {
        Failure::new(("could not use the configuration", "配置无法使用"))
            .said((error.to_string(), error.in_chinese()))
            .hint((
                "`rootline check-config --print-defaults` prints every key with its meaning",
                "`rootline check-config --print-defaults` 会列出全部键及其含义",
            ))
    }

    pub fn engine(error: &EngineError) -> Self {
        Failure::new(("could not use the rules", "规则无法使用")).detail(error).hint((
            "`rootline rules test DIR` checks rule files; `rootline catalog` lists the findings they may name",
            "`rootline rules test DIR` 检查规则文件；`rootline catalog` 列出规则中可用的发现",
        ))
    }

    pub fn daemon(error: &DaemonError) -> Self {
        Failure::new(("could not run", "无法运行")).said((error.to_string(), error.in_chinese()))
    }

    /// A file that cannot be read or written.
    #[must_use]
    pub fn file(self, name: impl fmt::Display, error: &std::io::Error) -> Self {
        let zh = rootline_archive::io_words(error, Lang::Zh);
        self.said((format!("{name}: {error}"), format!("{name}：{zh}")))
    }
}

/// An error in one language.
#[derive(Debug)]
pub struct Shown {
    attempted: String,
    detail: Option<Detail>,
    hint: Option<String>,
}

#[derive(Debug)]
struct Detail(String);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.attempted)
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Detail {}

impl std::error::Error for Shown {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.detail.as_ref().map(|d| d as &(dyn std::error::Error + 'static))
    }
}

impl miette::Diagnostic for Shown {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|h| Box::new(h) as Box<dyn fmt::Display>)
    }
}
