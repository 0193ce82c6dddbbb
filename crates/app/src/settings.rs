//! The user's defaults joined with what was typed.

use std::path::{Path, PathBuf};

use rootline_config::{Config, Language};
use rootline_engine::{Engine, LimitSetting, Options as EngineOptions};
use rootline_model::Lang;
use rootline_report::Options as ReportOptions;
use rootline_sources::{Limits, ReadOptions};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::{rule_files, terminal, thresholds};

pub struct Settings {
    pub config: Config,
    /// Where it was read from; `None`: nothing but defaults.
    pub file: Option<PathBuf>,
    pub lang: Lang,
    pub color: bool,
}

/// What the command line asks for, then the configuration, then the environment.
pub fn language(cli: &Cli, configured: Language) -> Lang {
    match (cli.lang, configured) {
        (Some(lang), _) => lang.into(),
        (None, Language::En) => Lang::En,
        (None, Language::Zh) => Lang::Zh,
        (None, Language::Auto) => terminal::language(|key| std::env::var(key).ok()),
    }
}

/// The language of errors: as of answers, and where the configuration cannot be read, as if there were none.
pub fn spoken(cli: &Cli) -> Lang {
    Settings::load(cli).map_or_else(|_| language(cli, Language::Auto), |settings| settings.lang)
}

/// The English or the Chinese words.
pub fn words<'a>(lang: Lang, en: &'a str, zh: &'a str) -> &'a str {
    if lang == Lang::Zh { zh } else { en }
}

impl Settings {
    pub fn load(cli: &Cli) -> Result<Settings, Failure> {
        let file = cli.config.clone().or_else(usual_file);
        let config = match &file {
            Some(file) => read_config(file)?,
            None => Config::default(),
        };
        let lang = language(cli, config.lang);
        Ok(Settings { config, file, lang, color: terminal::colored(cli.color) })
    }

    pub fn words<'a>(&self, en: &'a str, zh: &'a str) -> &'a str {
        words(self.lang, en, zh)
    }

    /// All values of the file and of the defaults.
    pub fn values(&self) -> Result<serde_json::Value, Failure> {
        let text = self.file.as_deref().map_or_else(|| Ok(String::new()), read_text)?;
        let name = self.file.as_deref().map(|f| f.display().to_string()).unwrap_or_default();
        rootline_config::effective(&name, &text).map_err(|e| Failure::config(&e))
    }

    /// The engine with the rules of the configuration and, after them, those named on the command line.
    pub fn engine(&self, more: &[PathBuf]) -> Result<Engine, Failure> {
        self.engine_and_warnings(more).map(|(engine, _)| engine)
    }

    /// The engine, and how many of the user's own rules look wrong; each is said on standard error.
    pub fn engine_and_warnings(&self, more: &[PathBuf]) -> Result<(Engine, usize), Failure> {
        let beside = self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
        let own = self.config.rules.dirs.iter().map(|dir| beside.join(dir));
        let mut files = Vec::new();
        for place in own.chain(more.iter().cloned()) {
            files.extend(rule_files::collect(&place)?);
        }
        let names: Vec<String> = files.iter().map(|f| f.name.clone()).collect();
        let engine = Engine::new(EngineOptions { rule_files: files }).map_err(|e| Failure::engine(&e))?;
        let mut warnings = 0;
        for warning in engine.warnings().iter().filter(|w| names.contains(&w.file)) {
            terminal::note(&format!("warning: {warning}"));
            warnings += 1;
        }
        Ok((engine, warnings))
    }

    /// Thresholds that the user set, and series that are not to be watched.
    pub fn thresholds(&self) -> Result<(Vec<LimitSetting>, Vec<String>), Failure> {
        let name = self.file.as_ref().map_or_else(|| "rootline.yaml".to_owned(), |f| f.display().to_string());
        thresholds::of(&name, &self.config).map_err(|e| Failure::config(&e))
    }

    /// What the user wants left out of recordings beside what always is.
    pub fn redaction(&self) -> Result<Vec<regex::Regex>, Failure> {
        let compile = |pattern: &str| {
            regex::Regex::new(pattern).map_err(|e| Failure::new("could not redact as configured").detail(e))
        };
        self.config.redaction.patterns.iter().map(|p| compile(&p.value)).collect()
    }

    pub fn read_options(&self, now: Option<jiff::Timestamp>) -> ReadOptions {
        let mib = |n: u32| u64::from(n) << 20;
        let told = &self.config.limits;
        let limits = Limits {
            total_bytes: mib(told.total_mib),
            file_bytes: mib(told.file_mib),
            files: usize::try_from(told.files).unwrap_or(usize::MAX),
            text_bytes: mib(told.text_mib),
            ..Limits::default()
        };
        ReadOptions { now, limits }
    }

    pub fn report_options(&self, width: Option<u16>) -> ReportOptions {
        ReportOptions { lang: self.lang, width: terminal::width(width), color: self.color, ..ReportOptions::default() }
    }
}

pub fn read_config(file: &Path) -> Result<Config, Failure> {
    parse(&file.display().to_string(), &read_text(file)?)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|e| {
        Failure::new(("could not use the configuration", "配置无法使用")).file(file.display(), &e).hint((
            "`rootline check-config --print-defaults > FILE` writes one to start from",
            "`rootline check-config --print-defaults > FILE` 可生成一份作为起点",
        ))
    })
}

pub fn parse(name: &str, text: &str) -> Result<Config, Failure> {
    let config = rootline_config::parse(name, text).map_err(|e| Failure::config(&e))?;
    rootline_daemon::check(name, &config).map_err(|e| Failure::config(&e))?;
    Ok(config)
}

/// `$XDG_CONFIG_HOME/rootline/rootline.yaml`, `~/.config/rootline/rootline.yaml`, if it exists.
fn usual_file() -> Option<PathBuf> {
    let set = |key| std::env::var_os(key).filter(|v| !v.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(base.join("rootline/rootline.yaml")).filter(|file| file.is_file())
}
