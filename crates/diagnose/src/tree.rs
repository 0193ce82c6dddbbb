//! The decision-tree form of rules, in Chinese and English, as operators write it:
//!
//! ```yaml
//! - 故障现象: PodRestart
//!   排查规则:
//!     1. 检查容器状态 → 若OOMKilled → 根因:内存溢出
//! ```
//! Full-width and half-width punctuation, `→`, `->`, `=>` are the same. Such lists are no YAML lists, so they are read
//! line by line. Each step becomes a rule; an earlier step weighs a little more than a later one.

use rootline_model::{Bilingual, Code, Evidence, Finding, Kind, Severity, Texts};

use crate::load::RuleError;
use crate::rule::{Place, Reach, Rule, Trigger};

/// One decision tree with the line it begins on.
#[derive(Debug)]
pub(crate) struct Item {
    line: u64,
    lines: Vec<String>,
}

/// Sets decision trees apart from the rest of a file. The rest keeps its line numbers.
pub(crate) fn split(text: &str) -> (Vec<Item>, String) {
    let mut items = Vec::new();
    let mut rest = String::with_capacity(text.len());
    let mut in_tree = false;
    for (number, line) in (1u64..).zip(text.lines()) {
        if line.starts_with('-') {
            in_tree = symptom_of(line).is_some();
            if in_tree {
                items.push(Item { line: number, lines: Vec::new() });
            }
        } else if !line.starts_with([' ', '\t']) && !line.trim().is_empty() {
            in_tree = false;
        }
        match items.last_mut() {
            Some(item) if in_tree => {
                item.lines.push(line.to_owned());
                rest.push('\n');
            }
            _ => {
                rest.push_str(line);
                rest.push('\n');
            }
        }
    }
    (items, rest)
}

/// `- 故障现象: X` or `- symptom: X`.
fn symptom_of(line: &str) -> Option<String> {
    let (key, value) = plain(line)
        .trim_start_matches('-')
        .split_once(':')
        .map(|(k, v)| (k.trim().to_lowercase(), v.trim().to_owned()))?;
    matches!(key.as_str(), "故障现象" | "symptom" | "fault").then_some(value)
}

/// Full-width punctuation, arrows and quotes to plain ones; comments away.
fn plain(line: &str) -> String {
    let line = line.split(" #").next().unwrap_or(line);
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        match c {
            '：' => out.push(':'),
            '，' => out.push(','),
            '。' | '．' => out.push('.'),
            '、' => out.push('.'),
            '　' => out.push(' '),
            '（' => out.push('('),
            '）' => out.push(')'),
            '→' | '⇒' | '⟶' | '➜' | '➡' => out.push_str("->"),
            '０'..='９' => out.push(char::from_u32(u32::from(c) - 0xFF10 + 0x30).unwrap_or(c)),
            '"' | '\'' | '“' | '”' | '「' | '」' => {}
            _ => out.push(c),
        }
    }
    out.replace("=>", "->").replace("-->", "->")
}

/// Rules of one tree.
pub(crate) fn parse(file: &str, item: &Item) -> Result<Vec<Rule>, RuleError> {
    let symptom = item.lines.first().and_then(|l| symptom_of(l)).unwrap_or_default();
    let at = |offset: usize, detail: String| RuleError {
        file: file.to_owned(),
        line: item.line + offset as u64,
        column: 1,
        detail,
    };
    if symptom.is_empty() {
        return Err(at(0, "故障现象 / symptom names nothing".to_owned()));
    }
    let mut rules = Vec::new();
    for (offset, raw) in item.lines.iter().enumerate().skip(1) {
        let line = plain(raw);
        let line = line.trim().trim_start_matches('-').trim();
        let key = line.trim_end_matches(':').trim().to_lowercase();
        if line.is_empty() || line.starts_with('#') || matches!(key.as_str(), "排查规则" | "rules" | "checks" | "steps")
        {
            continue;
        }
        let step = step(line).map_err(|e| at(offset, e))?;
        rules.push(rule(file, item.line + offset as u64, &symptom, rules.len(), &step));
    }
    if rules.is_empty() {
        return Err(at(
            0,
            format!("`{symptom}` has no step: expected `1. 检查… → 若… → 根因:…` or `1. check … -> if … -> cause: …`"),
        ));
    }
    Ok(rules)
}

struct Step {
    check: String,
    condition: String,
    cause: String,
}

fn step(line: &str) -> Result<Step, String> {
    let wrong = || format!("`{line}`: expected `1. 检查… → 若… → 根因:…` or `1. check … -> if … -> cause: …`");
    let mut parts = line.splitn(3, "->").map(str::trim);
    let (check, condition, cause) = (parts.next(), parts.next(), parts.next());
    let check =
        check.ok_or_else(wrong)?.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ')' | ' '));
    let condition = condition.ok_or_else(wrong)?;
    let condition = ["若", "如果", "如", "if ", "when "]
        .iter()
        .find_map(|w| condition.strip_prefix(w).or_else(|| strip_prefix_ignore_case(condition, w)))
        .unwrap_or(condition)
        .trim()
        .trim_start_matches(['为', '是', '有'])
        .trim();
    let cause = cause.ok_or_else(wrong)?;
    let cause = cause.split_once(':').map_or(cause, |(_, c)| c).trim();
    if condition.is_empty() || cause.is_empty() {
        return Err(wrong());
    }
    Ok(Step { check: check.to_owned(), condition: condition.to_owned(), cause: cause.to_owned() })
}

fn strip_prefix_ignore_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

fn rule(file: &str, line: u64, symptom: &str, position: usize, step: &Step) -> Rule {
    let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
    let id = format!("tree.{}.{}", symptom.chars().map(word).collect::<String>(), position + 1);
    #[allow(clippy::cast_precision_loss, reason = "a handful of steps")]
    let nats = (4.5 - 0.1 * position as f64).max(2.0);
    let (kinds, cause) = subject(&step.check);
    let title = Bilingual::new(format!("{} ({})", step.cause, symptom), format!("{}（{}）", step.cause, symptom));
    Rule {
        id: Code::from(id),
        file: file.to_owned(),
        line,
        when: vec![Trigger {
            finding: "*".to_owned(),
            filters: Vec::new(),
            mentions: Some(step.condition.clone()),
            kinds,
        }],
        and: Vec::new(),
        unless: Vec::new(),
        cause,
        nats,
        explains: Vec::new(),
        reach: Reach::Downstream,
        severity: Severity::Error,
        texts: Texts {
            title,
            means: Bilingual::new(
                format!(
                    "Step {} of the decision tree `{symptom}`: {} shows {}.",
                    position + 1,
                    step.check,
                    step.condition
                ),
                format!("决策树「{symptom}」第 {} 步：{}，出现 {}。", position + 1, step.check, step.condition),
            ),
            ..Texts::default()
        },
    }
}

/// Kinds of entities that a check looks at, and who is named.
fn subject(check: &str) -> (Vec<Kind>, Place) {
    let lower = check.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    if has(&["pvc", "pv", "存储", "卷", "volume"]) {
        (vec![Kind::Pvc, Kind::Pv, Kind::Pod, Kind::Container, Kind::Deployment, Kind::StatefulSet], Place::Workload)
    } else if has(&["节点", "node"]) {
        (vec![Kind::Node, Kind::Component], Place::Node)
    } else if has(&["service", "服务", "endpoint", "端点"]) {
        (vec![Kind::Service, Kind::Ingress, Kind::Route], Place::Itself)
    } else {
        (
            vec![
                Kind::Pod,
                Kind::Container,
                Kind::Deployment,
                Kind::StatefulSet,
                Kind::DaemonSet,
                Kind::Job,
                Kind::CronJob,
                Kind::ReplicaSet,
            ],
            Place::Workload,
        )
    }
}

/// True if a word stands in an argument of a finding or in its evidence, or is the last part of its code.
pub(crate) fn mentions(finding: &Finding, word: &str) -> bool {
    let word = word.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&word);
    finding.args.iter().any(|(_, v)| has(v))
        || finding.code.as_str().rsplit('.').next().is_some_and(|last| last.replace('_', "") == word)
        || finding.evidence.iter().any(|e| match e {
            Evidence::Field { value, .. } => has(value),
            Evidence::Condition { condition, status, reason, message, .. } => {
                has(reason) || has(message) || (has(condition) && status == "True")
            }
            Evidence::State { reason, message, .. } => has(reason) || has(message),
            Evidence::Event { reason, message, .. } => has(reason) || has(message),
            Evidence::Log { line, .. } => has(line),
            Evidence::Quote { text, .. } => has(text),
            Evidence::Alert { name, .. } => has(name),
            Evidence::Absent { .. } | Evidence::Arithmetic { .. } | Evidence::Sample { .. } => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::{RuleFile, RuleSet};

    fn rules(text: &str) -> Result<Vec<(String, String, String)>, RuleError> {
        let mut set = RuleSet::default();
        set.add_user_file(&RuleFile { name: "tree.yaml".into(), text: text.into() })?;
        let mention = |r: &Rule| r.when.first().and_then(|w| w.mentions.clone()).unwrap_or_default();
        Ok(set.rules().iter().map(|r| (r.id.to_string(), mention(r), r.texts.title.zh.clone())).collect())
    }

    const SEED: &str = "# Pod异常根因规则\n- 故障现象: PodRestart\n  排查规则:\n    1. 检查容器状态 → 若OOMKilled → 根因:内存溢出\n    2. 检查Pod事件 → 若Evicted → 根因:节点资源不足\n    3. 检查镜像拉取状态 → 若ImagePullBackOff → 根因:镜像拉取失败\n    4. 检查PVC状态 → 若Pending → 根因:存储卷未绑定\n";

    #[test]
    fn the_seed_form_is_read_unchanged() {
        let got = rules(SEED).unwrap_or_else(|e| panic!("{e}"));
        let conditions: Vec<_> = got.iter().map(|r| r.1.as_str()).collect();
        assert_eq!(conditions, ["OOMKilled", "Evicted", "ImagePullBackOff", "Pending"]);
        assert_eq!(got[0].2, "内存溢出（PodRestart）");
    }

    #[test]
    fn full_width_half_width_and_english_are_the_same() {
        let full = SEED.replace(": ", "：").replace(':', "：").replace("1. ", "１．").replace("2. ", "2、");
        let english = "- symptom: PodRestart\n  steps:\n    1. check container state -> if OOMKilled -> cause: out of memory\n    2) check events => If Evicted => root cause: node short of resources\n";
        let conditions =
            |text: &str| rules(text).unwrap_or_else(|e| panic!("{e}")).into_iter().map(|r| r.1).collect::<Vec<_>>();
        assert_eq!(conditions(&full), conditions(SEED));
        assert_eq!(conditions(english), ["OOMKilled", "Evicted"]);
    }

    #[test]
    fn both_forms_live_in_one_file_and_errors_name_the_line() {
        let both = format!("- id: a.b\n  when: x.y\n  title: {{en: t}}\n{SEED}");
        assert_eq!(rules(&both).map(|r| r.len()).ok(), Some(5));
        let broken = "- 故障现象: PodRestart\n  排查规则:\n    1. 检查容器状态 若OOMKilled\n";
        let error = rules(broken).err().unwrap_or_else(|| panic!("no error"));
        assert_eq!(error.line, 3);
        assert!(error.detail.contains("根因"), "{error}");
        let after = format!("{SEED}- id: a.b\n  wen: x\n");
        assert_eq!(rules(&after).err().map(|e| e.line), Some(9));
    }
}
