//! Alertmanager's matchers: `severity="critical"`, `pod=~"cart-.*"`; anchored, and a missing label is the empty value.

use regex::Regex;
use rootline_model::LabelSet;

/// Bytes of one matcher's text, and what its compiled expression may take.
const LONGEST: usize = 4096;
const COMPILED_MAX: usize = 1 << 20;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compare {
    #[default]
    Equal,
    NotEqual,
    Matches,
    NotMatches,
}

/// One condition on one label.
#[derive(Clone, Debug, Default)]
pub struct Matcher {
    name: String,
    value: String,
    compare: Compare,
    regex: Option<Regex>,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.value, self.compare) == (&other.name, &other.value, other.compare)
    }
}

impl Matcher {
    /// An expression that does not compile is an error that says why.
    pub fn new(name: &str, compare: Compare, value: &str) -> Result<Matcher, String> {
        if name.is_empty() {
            return Err("a matcher needs the name of a label".into());
        }
        if name.len() + value.len() > LONGEST {
            return Err(format!("a matcher may have {LONGEST} bytes"));
        }
        let regex = match compare {
            Compare::Matches | Compare::NotMatches => Some(anchored(value)?),
            Compare::Equal | Compare::NotEqual => None,
        };
        Ok(Matcher { name: name.to_owned(), value: value.to_owned(), compare, regex })
    }

    /// `name="value"`, with or without quotes around name and value, as `amtool` and karma send them in `filter`.
    pub fn parse(text: &str) -> Result<Matcher, String> {
        let wrong = || format!("bad matcher format: {text}; expected name=\"value\" with =, !=, =~ or !~");
        let text = text.trim();
        let (name, rest) = match text.strip_prefix('"') {
            Some(_) => quoted(text).ok_or_else(wrong)?,
            None => {
                let end = text.find(['=', '!']).ok_or_else(wrong)?;
                (text[..end].trim_end().to_owned(), &text[end..])
            }
        };
        let rest = rest.trim_start();
        let (compare, length) = match rest.as_bytes() {
            [b'=', b'~', ..] => (Compare::Matches, 2),
            [b'!', b'~', ..] => (Compare::NotMatches, 2),
            [b'!', b'=', ..] => (Compare::NotEqual, 2),
            [b'=', ..] => (Compare::Equal, 1),
            _ => return Err(wrong()),
        };
        let value = rest[length..].trim_start();
        let value = match value.strip_prefix('"') {
            None => value.to_owned(),
            Some(_) => match quoted(value).ok_or_else(wrong)? {
                (value, "") => value,
                _ => return Err(wrong()),
            },
        };
        Matcher::new(&name, compare, &value)
    }

    /// Several, joined by commas, with or without braces around: `{a="x",b=~"y"}`.
    pub fn parse_list(text: &str) -> Result<Vec<Matcher>, String> {
        let text = text.trim();
        let inside = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
        let (mut parts, mut from, mut in_quotes, mut escaped) = (Vec::new(), 0, false, false);
        for (at, c) in inside.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if in_quotes => escaped = true,
                '"' => in_quotes = !in_quotes,
                ',' if !in_quotes => {
                    parts.push(&inside[from..at]);
                    from = at + 1;
                }
                _ => {}
            }
        }
        parts.push(&inside[from..]);
        parts.into_iter().filter(|p| !p.trim().is_empty()).map(Matcher::parse).collect()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn compare(&self) -> Compare {
        self.compare
    }

    pub fn is_match(&self, labels: &LabelSet) -> bool {
        self.is_match_value(labels.value(&self.name))
    }

    pub fn is_match_value(&self, value: &str) -> bool {
        match self.compare {
            Compare::Equal => value == self.value,
            Compare::NotEqual => value != self.value,
            Compare::Matches => self.regex.as_ref().is_some_and(|r| r.is_match(value)),
            Compare::NotMatches => self.regex.as_ref().is_some_and(|r| !r.is_match(value)),
        }
    }
}

/// True if all matchers match; true for none.
pub fn matches_all(matchers: &[Matcher], labels: &LabelSet) -> bool {
    matchers.iter().all(|m| m.is_match(labels))
}

/// An expression that must match the whole value.
pub fn anchored(expression: &str) -> Result<Regex, String> {
    regex::RegexBuilder::new(&format!("^(?:{expression})$"))
        .dot_matches_new_line(true)
        .size_limit(COMPILED_MAX)
        .build()
        .map_err(|e| format!("regular expression {expression:?}: {}", e.to_string().lines().last().unwrap_or_default()))
}

/// A double-quoted text with `\"`, `\\` and `\n`, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, text.get(at + 2..)?)),
            '\\' => match chars.next()?.1 {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                c => {
                    out.push('\\');
                    out.push(c);
                }
            },
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> LabelSet {
        [("alertname", "Down"), ("pod", "cart-1"), ("标签", "值")].into_iter().collect()
    }

    #[test]
    fn matchers_read_and_match_as_alertmanagers_do() {
        for (text, expect) in [
            (r#"alertname="Down""#, true),
            ("alertname=Down", true),
            (r#"alertname = "Down" "#, true),
            (r#"alertname!="Down""#, false),
            (r#"pod=~"cart""#, false),
            (r#"pod=~"cart|cart-1""#, true),
            (r#"pod!~"cart-.*""#, false),
            (r#"missing="""#, true),
            ("missing=", true),
            (r#"missing=~".+""#, false),
            (r#"missing!="x""#, true),
            (r#""标签"="值""#, true),
            (r#"标签="值""#, true),
        ] {
            let matcher = Matcher::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(matcher.is_match(&labels()), expect, "{text}");
        }
    }

    #[test]
    fn wrong_matchers_say_why() {
        for (text, part) in [
            ("", "bad matcher"),
            ("pod", "bad matcher"),
            (r#"pod="a" b"#, "bad matcher"),
            (r#""pod"#, "bad matcher"),
            ("=x", "name of a label"),
            (r#"pod=~"(""#, "regular expression"),
            (&format!("a={}", "x".repeat(5000)), "4096 bytes"),
            (r#"pod=~"a{1000}{1000}""#, "regular expression"),
        ] {
            let error = Matcher::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn lists_are_cut_at_commas_outside_of_quotes() {
        let list = Matcher::parse_list(r#"{a="x,\"y",b=~"c{1,2}",}"#).expect("a list");
        let shown: Vec<String> = list.iter().map(Matcher::to_string).collect();
        assert_eq!(shown, [r#"a="x,\"y""#, r#"b=~"c{1,2}""#]);
        assert!(Matcher::parse_list("").expect("an empty list").is_empty());
    }

    #[test]
    fn escapes_in_quotes_are_read() {
        let matcher = Matcher::parse(r#"a="say \"hi\"\n\d""#).expect("a matcher");
        assert_eq!(matcher.value(), "say \"hi\"\n\\d");
    }
}
