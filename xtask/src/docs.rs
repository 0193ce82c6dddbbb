//! Reference pages from the catalogues: causes and findings, in both languages.

use std::fmt::Write as _;
use std::path::Path;

use rootline_engine::series_catalog::{self, Bad, Limit, Series, Step};
use rootline_engine::{Engine, Options};
use rootline_model::{Class, Lang, Texts};

/// Pages with their text.
pub fn pages() -> Result<Vec<(&'static str, String)>, String> {
    let engine = Engine::new(Options::default()).map_err(|e| e.to_string())?;
    Ok(vec![
        ("docs/reference/causes.md", causes(&engine, Lang::En)),
        ("docs/zh/reference/causes.md", causes(&engine, Lang::Zh)),
        ("docs/reference/findings.md", findings(Lang::En)),
        ("docs/zh/reference/findings.md", findings(Lang::Zh)),
        ("docs/reference/series.md", series(Lang::En)),
        ("docs/zh/reference/series.md", series(Lang::Zh)),
        ("docs/reference/coverage.md", coverage(&engine)),
    ])
}

/// Writes the pages below a checkout; returns their names.
///
/// # Errors
/// What could not be made or written.
pub fn write(root: &Path) -> Result<Vec<&'static str>, String> {
    let mut names = Vec::new();
    for (name, text) in pages()? {
        let path = root.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| format!("{}: {e}", parent.display()))?;
        }
        std::fs::write(&path, text).map_err(|e| format!("{name}: {e}"))?;
        names.push(name);
    }
    Ok(names)
}

const MADE: &str = "<!-- made by `make docs` from the rules; do not edit -->\n\n";

fn causes(engine: &Engine, lang: Lang) -> String {
    let words = match lang {
        Lang::En => [
            "# Root causes",
            "What it means",
            "What can look like it",
            "Confirm by hand",
            "What to do",
            "Rows of the failure mode catalogue",
            "Set off by",
            "certainty, nats",
        ],
        Lang::Zh => [
            "# 根因",
            "含义",
            "容易混淆的情况",
            "人工确认",
            "处理办法",
            "故障模式目录行号",
            "触发的发现",
            "确信度（nat）",
        ],
    };
    // optional parts stand without their brackets
    let whole = |text: &str| text.replace("[[", "").replace("]]", "");
    let mut out = format!("{MADE}{}\n\n", words[0]);
    let mut rules: Vec<_> = engine.rules().rules().iter().collect();
    rules.sort_by_key(|r| r.id.clone());
    for rule in rules {
        let Texts { title, means, fooled_by, confirm, fix, catalogue } = &rule.texts;
        let when: Vec<String> = rule.when.iter().map(|t| format!("`{}`", t.finding)).collect();
        let rows: Vec<String> = catalogue.iter().map(ToString::to_string).collect();
        let _ = writeln!(out, "## {}\n\n**{}**\n", rule.id, whole(title.get(lang)));
        let _ = writeln!(out, "{}: {} ({}: {})\n", words[6], when.join(", "), words[7], rule.nats);
        for (head, text) in [(words[1], means), (words[2], fooled_by), (words[4], fix)] {
            let _ = writeln!(out, "*{head}.* {}\n", whole(text.get(lang)));
        }
        if !confirm.is_empty() {
            let _ = writeln!(out, "*{}.*\n\n```sh\n{}\n```\n", words[3], whole(&confirm.join("\n")));
        }
        if !rows.is_empty() {
            let _ = writeln!(out, "*{}:* {}\n", words[5], rows.join(", "));
        }
    }
    out
}

fn findings(lang: Lang) -> String {
    let (title, head, classes) = match lang {
        Lang::En => ("# Findings", "| code | class | says |", ["fact", "symptom", "risk"]),
        Lang::Zh => ("# 发现", "| 代码 | 类别 | 含义 |", ["事实", "症状", "隐患"]),
    };
    let mut out = format!("{MADE}{title}\n\n{head}\n|---|---|---|\n");
    let mut docs: Vec<_> = rootline_detect::codes::all().collect();
    docs.sort_by_key(|d| d.code);
    for doc in docs {
        let class = match doc.class {
            Class::Fact => classes[0],
            Class::Symptom => classes[1],
            Class::Risk => classes[2],
        };
        let text = if lang == Lang::En { doc.en } else { doc.zh };
        let _ = writeln!(
            out,
            "| `{}` | {class} | {} |",
            doc.code,
            text.replace("[[", "").replace("]]", "").replace('|', "\\|")
        );
    }
    out
}

/// The catalogue of series, for `detection.thresholds`.
fn series(lang: Lang) -> String {
    let (title, head) = match lang {
        Lang::En => (
            "# Catalogue of series\n\nIds for `detection.thresholds`, see [what the daemon pulls](../how-to/pull.md). Core \
             series come every `core_interval_s`, the others every `interval_s`.",
            "| id | what | unit | core | thresholds: code, bad from, good again, seconds |",
        ),
        Lang::Zh => (
            "# 指标目录\n\n用于 `detection.thresholds` 的 id，见[主动采集](../how-to/pull.md)。核心指标间隔为 `core_interval_s`，\
             其余为 `interval_s`。",
            "| id | 含义 | 单位 | 核心 | 阈值：代码、触发值、恢复值、持续秒数 |",
        ),
    };
    let mut out = format!("{MADE}{title}\n\n{head}\n|---|---|---|---|---|\n");
    let mut all: Vec<&Series> = series_catalog::all().collect();
    all.sort_by_key(|s| s.id);
    for s in all {
        let sign = if s.bad == Bad::Up { "≥" } else { "≤" };
        let limit = |l: &Limit| format!("`{}` {sign} {}, {}, {}", l.code, l.at, l.clear, l.hold_s);
        let limits: Vec<String> = s.limits.iter().map(limit).collect();
        let what = if lang == Lang::En { s.en } else { s.zh };
        let core = if s.step == Step::Core { "●" } else { "" };
        let _ = writeln!(out, "| `{}` | {what} | {} | {core} | {} |", s.id, s.unit.word(), limits.join("; "));
    }
    out
}

/// Which rows of the failure mode catalogue have a rule.
fn coverage(engine: &Engine) -> String {
    let mut rows: std::collections::BTreeMap<u16, Vec<String>> = std::collections::BTreeMap::new();
    for rule in engine.rules().rules() {
        for &row in &rule.texts.catalogue {
            rows.entry(row).or_default().push(format!("`{}`", rule.id));
        }
    }
    let mut out = format!(
        "{MADE}# Failure modes covered\n\n{} of 187 rows have at least one rule.\n\n| row | rules |\n|---|---|\n",
        rows.len()
    );
    for (row, ids) in rows {
        let _ = writeln!(out, "| {row} | {} |", ids.join(", "));
    }
    out
}
