//! Rule files → rules, with errors that name file, line, column and what was expected.

use std::collections::BTreeMap;
use std::fmt;

use rootline_model::{Bilingual, Code, Severity, Texts};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::rule::{Place, Reach, Rule, Side, Trigger};
use crate::tree;

include!(concat!(env!("OUT_DIR"), "/rule_files.rs"));

/// A user's rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFile {
    pub name: String,
    pub text: String,
}

/// Where and why a rule file could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {detail}")]
pub struct RuleError {
    pub file: String,
    pub line: u64,
    pub column: u64,
    pub detail: String,
}

/// All rules in force, by id.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// Warnings about rules that were read but look wrong.
    pub warnings: Vec<RuleError>,
}

impl RuleSet {
    /// The rules that ship.
    ///
    /// # Errors
    /// Names the file and place; a test keeps the shipped files free of errors.
    pub fn builtin() -> Result<RuleSet, RuleError> {
        let mut set = RuleSet::default();
        for (name, text) in FILES {
            set.add(name, text, false)?;
        }
        Ok(set)
    }

    /// Adds a user's file: a rule of an id that exists replaces it, `extend: true` changes only what it gives,
    /// `silence: true` removes it.
    ///
    /// # Errors
    /// Unknown keys, wrong types, unknown words: with file, line, column and what was expected.
    pub fn add_user_file(&mut self, file: &RuleFile) -> Result<(), RuleError> {
        self.add(&file.name, &file.text, true)
    }

    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    pub fn get(&self, id: &str) -> Option<&Rule> {
        self.rules.iter().find(|r| r.id.as_str() == id)
    }

    fn add(&mut self, file: &str, text: &str, user: bool) -> Result<(), RuleError> {
        let text = text.trim_start_matches('\u{feff}');
        let (trees, rest) = tree::split(text);
        for item in trees {
            for rule in tree::parse(file, &item)? {
                self.put(rule);
            }
        }
        if rest.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#')) {
            return Ok(());
        }
        let wires: Vec<Spanned<WireRule>> = serde_saphyr::from_str(&rest).map_err(|e| yaml_error(file, &e))?;
        for wire in wires {
            let line = wire.referenced.line();
            let column = wire.referenced.column();
            let at = |detail: String| RuleError { file: file.to_owned(), line, column, detail };
            self.accept(file, line, wire.value, user).map_err(at)?;
        }
        Ok(())
    }

    fn accept(&mut self, file: &str, line: u64, wire: WireRule, user: bool) -> Result<(), String> {
        if wire.id.is_empty() {
            return Err("a rule needs an `id`, such as `shop.cart_cache_down`".to_owned());
        }
        let known = self.rules.iter().position(|r| r.id.as_str() == wire.id);
        match (known, user) {
            (Some(_), false) => return Err(format!("the id `{}` stands twice", wire.id)),
            (None, true) if wire.silence || wire.extend => {
                return Err(format!("there is no rule `{}` to silence or extend; see `rootline catalog`", wire.id));
            }
            _ => {}
        }
        if wire.silence {
            self.rules.retain(|r| r.id.as_str() != wire.id);
            return Ok(());
        }
        let base = known.filter(|_| wire.extend).map(|i| self.rules[i].clone());
        let rule = wire.into_rule(file, line, base)?;
        self.put(rule);
        Ok(())
    }

    fn put(&mut self, rule: Rule) {
        match self.rules.iter_mut().find(|r| r.id == rule.id) {
            Some(slot) => *slot = rule,
            None => self.rules.push(rule),
        }
    }

    /// Warns of rules whose trigger is no known finding: they never can fire.
    pub fn check_triggers(&mut self, known: impl Fn(&str) -> bool) {
        for rule in &self.rules {
            for trigger in rule.when.iter().chain(rule.and.iter().chain(&rule.unless).map(|s| &s.trigger)) {
                if !known(&trigger.finding) {
                    self.warnings.push(RuleError {
                        file: rule.file.clone(),
                        line: rule.line,
                        column: 1,
                        detail: format!(
                            "rule `{}` can never fire: there is no finding `{}` (see `rootline catalog`)",
                            rule.id, trigger.finding
                        ),
                    });
                }
            }
        }
    }
}

fn yaml_error(file: &str, error: &serde_saphyr::Error) -> RuleError {
    let location = error.location();
    let text = error.to_string();
    // the library draws the source below its message; the message alone is wanted here
    let first = text.lines().next().unwrap_or_default();
    // "error: line 2 column 9: …" would say the place twice
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let first = first.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(first, |(_, detail)| detail);
    RuleError {
        file: file.to_owned(),
        line: location.map_or(1, |l| l.line()),
        column: location.map_or(1, |l| l.column()),
        detail: first.to_owned(),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WireRule {
    id: String,
    when: Many<WireTrigger>,
    and: Many<WireSide>,
    unless: Many<WireSide>,
    cause: Option<String>,
    nats: Option<f64>,
    explains: Option<Vec<String>>,
    reach: Option<String>,
    severity: Option<String>,
    catalogue: Vec<u16>,
    title: WireText,
    means: WireText,
    fooled_by: WireText,
    confirm: Vec<String>,
    fix: WireText,
    extend: bool,
    silence: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WireText {
    en: String,
    zh: String,
}

/// A code, or a code with filters.
#[derive(Debug, Default)]
struct WireTrigger {
    finding: String,
    filters: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSide {
    finding: String,
    #[serde(default, rename = "where")]
    filters: BTreeMap<String, String>,
    on: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireTriggerMap {
    finding: String,
    #[serde(default, rename = "where")]
    filters: BTreeMap<String, String>,
}

impl<'de> Deserialize<'de> for WireTrigger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CodeOrMap;
        impl<'de> Visitor<'de> for CodeOrMap {
            type Value = WireTrigger;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a finding's code, or a mapping with `finding` and `where`")
            }

            fn visit_str<E>(self, code: &str) -> Result<WireTrigger, E> {
                Ok(WireTrigger { finding: code.to_owned(), filters: BTreeMap::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WireTrigger, A::Error> {
                let wire = WireTriggerMap::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(WireTrigger { finding: wire.finding, filters: wire.filters })
            }
        }
        deserializer.deserialize_any(CodeOrMap)
    }
}

/// One, or a list of them.
#[derive(Debug)]
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Many(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for OneOrMore<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one entry or a list of entries")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Many<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|t| Many(vec![t]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
                T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(|t| Many(vec![t]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = seq.next_element()? {
                    all.push(one);
                }
                Ok(Many(all))
            }
        }
        deserializer.deserialize_any(OneOrMore(std::marker::PhantomData))
    }
}

impl WireRule {
    fn into_rule(self, file: &str, line: u64, base: Option<Rule>) -> Result<Rule, String> {
        let place = |word: &str| {
            Place::parse(word)
                .ok_or_else(|| format!("`{word}` is no related entity; expected one of: {}", Place::WORDS.join(", ")))
        };
        let sides = |wires: Vec<WireSide>| {
            wires
                .into_iter()
                .map(|w| Ok(Side { on: place(&w.on)?, trigger: trigger(w.finding, w.filters) }))
                .collect::<Result<Vec<_>, String>>()
        };
        let extends = base.is_some();
        let mut rule = base.unwrap_or_else(|| blank(&self.id));
        rule.file = file.to_owned();
        rule.line = line;
        rule.when.extend(self.when.0.into_iter().map(|w| trigger(w.finding, w.filters)));
        if rule.when.is_empty() {
            return Err(format!("rule `{}` needs `when`: the finding that sets it off", self.id));
        }
        rule.and.extend(sides(self.and.0)?);
        rule.unless.extend(sides(self.unless.0)?);
        if let Some(word) = &self.cause {
            rule.cause = place(word)?;
        }
        if let Some(nats) = self.nats {
            if !(0.0..=6.0).contains(&nats) {
                return Err(format!("`nats: {nats}`: expected a number from 0 (nothing) to 6 (proof)"));
            }
            rule.nats = nats;
        }
        rule.explains.extend(self.explains.unwrap_or_default());
        if let Some(word) = &self.reach {
            rule.reach = match word.as_str() {
                "downstream" => Reach::Downstream,
                "namespace" => Reach::Namespace,
                "cluster" => Reach::Cluster,
                other => return Err(format!("`reach: {other}`: expected downstream, namespace or cluster")),
            };
        }
        if let Some(word) = &self.severity {
            rule.severity = match word.as_str() {
                "warning" => Severity::Warning,
                "error" => Severity::Error,
                "critical" => Severity::Critical,
                other => return Err(format!("`severity: {other}`: expected warning, error or critical")),
            };
        }
        let texts = Texts {
            title: text(self.title),
            means: text(self.means),
            fooled_by: text(self.fooled_by),
            confirm: self.confirm,
            fix: text(self.fix),
            catalogue: self.catalogue,
        };
        overlay(&mut rule.texts, texts);
        if !extends && rule.texts.title.get(rootline_model::Lang::En).is_empty() {
            return Err(format!("rule `{}` needs a `title` with `en` or `zh`", self.id));
        }
        Ok(rule)
    }
}

/// A rule that says nothing yet.
fn blank(id: &str) -> Rule {
    Rule {
        id: Code::from(id.to_owned()),
        file: String::new(),
        line: 0,
        when: Vec::new(),
        and: Vec::new(),
        unless: Vec::new(),
        cause: Place::Itself,
        nats: 3.0,
        explains: Vec::new(),
        reach: Reach::default(),
        severity: Severity::Error,
        texts: Texts::default(),
    }
}

fn trigger(finding: String, filters: BTreeMap<String, String>) -> Trigger {
    Trigger { finding, filters: filters.into_iter().collect(), ..Trigger::default() }
}

fn text(wire: WireText) -> Bilingual {
    Bilingual { en: wire.en.trim().to_owned(), zh: wire.zh.trim().to_owned() }
}

/// What is given replaces, what is empty stays.
fn overlay(base: &mut Texts, over: Texts) {
    for (slot, new) in [
        (&mut base.title, over.title),
        (&mut base.means, over.means),
        (&mut base.fooled_by, over.fooled_by),
        (&mut base.fix, over.fix),
    ] {
        if !new.en.is_empty() {
            slot.en = new.en;
        }
        if !new.zh.is_empty() {
            slot.zh = new.zh;
        }
    }
    if !over.confirm.is_empty() {
        base.confirm = over.confirm;
    }
    if !over.catalogue.is_empty() {
        base.catalogue = over.catalogue;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Result<RuleSet, RuleError> {
        let mut set = RuleSet::builtin()?;
        set.add_user_file(&RuleFile { name: "mine.yaml".into(), text: text.into() })?;
        Ok(set)
    }

    #[test]
    fn shipped_rules_are_read_and_whole() {
        let set = RuleSet::builtin().unwrap_or_else(|e| panic!("{e}"));
        for rule in set.rules() {
            let t = &rule.texts;
            for (what, text) in [("title", &t.title), ("means", &t.means), ("fooled_by", &t.fooled_by), ("fix", &t.fix)]
            {
                assert!(text.is_complete(), "{}:{}: rule {} lacks {what} in a language", rule.file, rule.line, rule.id);
            }
            assert!(!t.confirm.is_empty(), "{}:{}: rule {} lacks confirm", rule.file, rule.line, rule.id);
        }
    }

    #[test]
    fn errors_name_the_place_and_what_was_expected() {
        let check = |text: &str, line: u64, words: &[&str]| {
            let error = user(text).err().unwrap_or_else(|| panic!("no error for {text}"));
            assert_eq!((error.file.as_str(), error.line), ("mine.yaml", line), "{error}");
            for word in words {
                assert!(error.detail.contains(word), "{error} lacks {word}");
            }
        };
        check("- id: a.b\n  when: x.y\n  wen: z\n  title: {en: t}\n", 3, &["wen", "when"]);
        check("- id: a.b\n  when: x.y\n  nats: lots\n  title: {en: t}\n", 3, &[]);
        check("\n- id: a.b\n  when: x.y\n  cause: planet\n  title: {en: t}\n", 2, &["planet", "workload"]);
        check("- id: a.b\n  title: {en: t}\n", 1, &["when"]);
        check("- id: no.such\n  silence: true\n", 1, &["no.such"]);
        check("- id: a.b\n  when: [x\n", 2, &["bracket"]);
    }

    #[test]
    fn users_rules_replace_extend_and_silence() {
        let text = "- id: a.b\n  when: [x.y, {finding: z.w, where: {reason: 'Fail*'}}]\n  nats: 4\n  title: {en: first}\n\
                    - id: a.c\n  when: x.y\n  title: {zh: 第二}\n";
        let mut set = user(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(set.get("a.b").map(|r| r.when.len()), Some(2));
        let more = "- id: a.b\n  extend: true\n  nats: 1\n- id: a.c\n  silence: true\n";
        let more = RuleFile { name: "more.yaml".into(), text: more.into() };
        set.add_user_file(&more).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(set.get("a.b").map(|r| (r.nats, r.texts.title.en.clone())), Some((1.0, "first".into())));
        assert!(set.get("a.c").is_none());
    }
}
