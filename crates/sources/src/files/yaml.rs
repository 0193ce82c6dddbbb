//! YAML to JSON text, straight from lines or the parser's events: no tree of values is built in between.

use std::fmt::{self, Write};

use serde::Deserializer;
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::yaml_block;

/// One document of a YAML stream.
pub(super) struct YamlDocument {
    /// Line of the stream on which it begins, from 1.
    pub line: usize,
    /// JSON text, or what is wrong and where.
    pub json: Result<String, String>,
}

/// Splits a stream at its `---` lines and turns every document into JSON on its own, so that one broken document does
/// not spoil the others.
pub(super) fn documents(text: &str) -> impl Iterator<Item = YamlDocument> {
    split(text)
        .into_iter()
        .filter(|(_, part)| has_content(part))
        .map(|(line, part)| YamlDocument { line, json: to_json(part).map_err(|e| describe(&e, line)) })
}

/// True if the text reads like a Kubernetes object in YAML: `apiVersion:` and `kind:` at the start of a line, or as
/// the first key of a list item.
pub(super) fn looks_like(text: &str) -> bool {
    let mut seen = (false, false);
    for line in text.lines().take(100_000) {
        let line = line.strip_prefix("- ").unwrap_or(line).trim_start_matches(' ');
        seen.0 |= line.starts_with("apiVersion:");
        seen.1 |= line.starts_with("kind:");
        if seen == (true, true) {
            return true;
        }
    }
    false
}

fn split(text: &str) -> Vec<(usize, &str)> {
    let (mut parts, mut start, mut start_line, mut at) = (Vec::new(), 0, 1, 0);
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let end = at + line.len();
        let mark = line.trim_end();
        if mark == "---" || mark == "..." {
            parts.push((start_line, &text[start..at]));
            (start, start_line) = (end, i + 2);
        }
        at = end;
    }
    parts.push((start_line, &text[start..]));
    parts
}

fn has_content(part: &str) -> bool {
    part.lines().any(|l| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
}

fn to_json(part: &str) -> Result<String, serde_saphyr::Error> {
    let block = yaml_block::to_json(part, &|scalar| general(scalar).ok());
    if cfg!(debug_assertions)
        && let Some(block) = &block
    {
        assert_eq!(Some(block), general(part).ok().as_ref(), "two readers of one document disagree: {part:?}");
    }
    block.map_or_else(|| general(part), Ok)
}

/// By the general parser.
fn general(part: &str) -> Result<String, serde_saphyr::Error> {
    // A list of thousands of pods has millions of nodes; what is bounded is what a few bytes can blow up: aliases.
    let room = part.len().max(1_000_000);
    let budget = serde_saphyr::budget! {
        max_events: room,
        max_nodes: room,
        max_depth: 100,
        max_total_scalar_bytes: room.saturating_mul(2),
        max_aliases: 10_000,
        max_anchors: 10_000,
        max_documents: 2,
    };
    let options = serde_saphyr::options! {
        budget: budget,
        with_snippet: false,
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        // Kubernetes reads YAML with YAML 1.1 leanings, but what kubectl writes is quoted wherever it matters
        strict_booleans: true,
    };
    let mut out = String::with_capacity(part.len());
    serde_saphyr::with_deserializer_from_str_with_options(part, options, |de| ToJson(&mut out).deserialize(de))?;
    Ok(out)
}

fn describe(error: &serde_saphyr::Error, first_line: usize) -> String {
    let text = error.to_string().lines().next().unwrap_or_default().to_owned();
    match error.location() {
        Some(at) => {
            let line = usize::try_from(at.line()).unwrap_or(1) + first_line - 1;
            format!("line {line}: {text}")
        }
        None => text,
    }
}

/// Writes whatever it is given as JSON.
struct ToJson<'o>(&'o mut String);

impl<'de> DeserializeSeed<'de> for ToJson<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ToJson<'_> {
    fn plain<E: serde::de::Error>(self, value: impl fmt::Display) -> Result<(), E> {
        write!(self.0, "{value}").map_err(E::custom)
    }

    fn text<E>(self, value: &str) -> Result<(), E> {
        yaml_block::push_json_text(self.0, value);
        Ok(())
    }
}

impl<'de> Visitor<'de> for ToJson<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_bool<E: serde::de::Error>(self, v: bool) -> Result<(), E> {
        self.plain(v)
    }

    fn visit_i64<E: serde::de::Error>(self, v: i64) -> Result<(), E> {
        self.plain(v)
    }

    fn visit_u64<E: serde::de::Error>(self, v: u64) -> Result<(), E> {
        self.plain(v)
    }

    fn visit_i128<E: serde::de::Error>(self, v: i128) -> Result<(), E> {
        self.text(&v.to_string())
    }

    fn visit_u128<E: serde::de::Error>(self, v: u128) -> Result<(), E> {
        self.text(&v.to_string())
    }

    fn visit_f64<E: serde::de::Error>(self, v: f64) -> Result<(), E> {
        if v.is_finite() { self.plain(v) } else { self.plain("null") }
    }

    fn visit_str<E: serde::de::Error>(self, v: &str) -> Result<(), E> {
        self.text(v)
    }

    fn visit_bytes<E: serde::de::Error>(self, v: &[u8]) -> Result<(), E> {
        self.text(&String::from_utf8_lossy(v))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.plain("null")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.plain("null")
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.push('[');
        let start = self.0.len();
        loop {
            let before = self.0.len();
            if before > start {
                self.0.push(',');
            }
            if seq.next_element_seed(ToJson(self.0))?.is_none() {
                self.0.truncate(before);
                break;
            }
        }
        self.0.push(']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut first = true;
        while let Some(key) = map.next_key::<Key>()? {
            if !std::mem::take(&mut first) {
                self.0.push(',');
            }
            ToJson(self.0).text(&key.0)?;
            self.0.push(':');
            map.next_value_seed(ToJson(self.0))?;
        }
        self.0.push('}');
        Ok(())
    }
}

/// A key of any scalar type as its text.
struct Key(String);

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[Result<&str, &str>]) {
        let got: Vec<_> = documents(text).map(|d| d.json).collect();
        assert_eq!(got.len(), expect.len(), "{got:?}");
        for (got, expect) in got.iter().zip(expect) {
            match (got, expect) {
                (Ok(json), Ok(want)) => assert_eq!(json, want),
                (Err(error), Err(want)) => assert!(error.contains(want), "{error} / {want}"),
                _ => panic!("{got:?} instead of {expect:?}"),
            }
        }
    }

    #[test]
    fn yaml_becomes_the_same_json() {
        check(
            "a: 1\nb: [x, 'true', true, null, 1.5, \"8080\"]\nc:\n  d: |\n    two\n    lines\ne: {}\nf: []\n",
            &[Ok(r#"{"a":1,"b":["x","true",true,null,1.5,"8080"],"c":{"d":"two\nlines\n"},"e":{},"f":[]}"#)],
        );
    }

    /// Debug builds compare the reader of block form with the general one inside `to_json`; this names what each takes.
    #[test]
    fn what_programs_print_is_read_from_its_lines_and_the_rest_by_the_general_parser() {
        let block = |text: &str| {
            let json = yaml_block::to_json(text, &|scalar| general(scalar).ok());
            assert!(json.is_none() || json == general(text).ok(), "{text:?}: {json:?}");
            json
        };
        for text in [
            "kind: Pod\nmetadata:\n  name: a\n  labels: {}\nspec:\n  containers:\n  - args:\n    - --v=2\n    - -c\n    image: a:1\n    name: a\n",
            "a: 'it''s'\nb: 'two\n  lines '\nc: \"x\\n\\\"y\\\"\"\nd: more\n  words - on\n  lines\ne: z\n",
            "a: |\n  x: 1\n\n   # y\n\nb: |-\n    two\n\nc: |+\n  three\n\n\nd: 1\n",
            "a:\nb: null\nc: ~\nd: 007\ne: 1.5\nf: 10.0.0.1\ng: 1e3\nh: 128Mi\ni: -3\nj: 0x1f\nk: yes\nl: 2024-01-01\nm: 99999999999999999999\n",
            "# first\na:\n\n  # inside\n  - b: 1\n    c:\n    - d\n  -\n    e: 2\n  - - f\n    - g\n  - []\n.dot: x\n\"q k\": 1\n8080: 2\n",
            "- kind: Pod\n- kind: Node\n",
            "a: http://x:80/#y\nb: a#b\nc: é\n",
            "a: 1 # why\n# c\nb: # d\n  c: x y #z\nd: | # e\n  f # g\nh: []  # i\nj:\n- k # l\n- # m\n  n: 1\n",
        ] {
            assert!(block(text).is_some(), "{text:?}");
        }
        for text in [
            "a: [1]\n",
            "a: &x 1\nb: *x\n",
            "a: !!str 1\n",
            "a: >\n  folded\n",
            "a: 1 # why\n  b\n",
            "a: '1' # why\n",
            "a: b: c\n",
            "a: 1\na: 2\n",
            "a:\n    b: 1\n  c: 2\n",
            "a: 'x\n\n  y'\n",
            "a: |\n  x",
            "? a\n: b\n",
            "a:\tb\n",
            "a: ---\n",
            "... a: 1\n",
            "null: 1\n",
            "<<: 1\n",
            "a: x\n\n  y\n",
            "a: \"x\\\n  y\"\n",
            "a: {}\n  b: 1\n",
            "text\n",
            "",
            "- a\nb: 1\n",
            "a: 1\n- b\n",
            "a: \u{85}\n",
        ] {
            assert_eq!(block(text), None, "{text:?}");
        }
    }

    #[test]
    fn one_broken_document_does_not_spoil_the_others_and_its_line_is_named() {
        check(
            "a: 1\n---\n# nothing\n---\nb: 2\nc: [1\n---\nd: 3\n",
            &[Ok(r#"{"a":1}"#), Err("line "), Ok(r#"{"d":3}"#)],
        );
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
        for (name, of) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip(["a", "b", "c", "d", "e", "f", "g", "h"])
        {
            let refs = vec![format!("*{of}"); 10].join(", ");
            text.push_str(&format!("{name}: &{name} [{refs}]\n"));
        }
        let documents: Vec<_> = documents(&text).collect();
        assert!(documents.iter().all(|d| d.json.is_err()));
    }
}
