//! Secrets inside text, told by their own shape or by the name before them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::REDACTED;
use super::name::names_secret;

/// How much a `name: value` in a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A configuration file: `password: wrong` is a password.
    Config,
    /// Words for people: in `invalid token: expired` nothing is secret.
    Prose,
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern that the tests compile")
}

/// `scheme://user:password@`; the password may hold slashes, so the end is looked for by hand.
static URL_USER: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"([A-Za-z][A-Za-z0-9+.-]*://)([^\s/@:"'<>`]*)(:([^\s"'<>`@]*(?:@[^\s/"'<>`@]*)*))?@"#));

/// `user:password@tcp(host:3306)/db` as Go's MySQL driver takes it, and `user:password@host:port`.
static BARE_USER: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(\\[nrt])?[A-Za-z0-9_.-]+:([^\s:@/"'<>\\]+)@(tcp\(|unix\(|[A-Za-z0-9_.-]+:[0-9]+)"#));

/// Tokens that are known by their first letters: JWT, clouds' access keys, code hosts, chat.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}|LTAI[A-Za-z0-9]{12,}|AKID[A-Za-z0-9]{13,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abposr]-[A-Za-z0-9-]{10,}|AIza[A-Za-z0-9_-]{35}|npm_[A-Za-z0-9]{30,}|sk-[A-Za-z0-9_]{4,}-?[A-Za-z0-9_-]{20,}",
    )
});

static BEARER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)((?:authorization\s*[:=]\s*)?(?:bearer|basic|token)\s+)([A-Za-z0-9._~+/=-]{8,})"));

/// `name=value`, `name: value`, `"name": "value"`, `--name value` is left to the caller.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(["']?)([\p{L}\p{N}_.-]{2,80})(["']?)([ \t]*[:=：][ \t]*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s"',;&{}\[\]()<>\\]+)"#,
    )
});

/// Takes secrets out of a text of any number of lines. Text without any comes back as it is. What is JSON before is
/// JSON after.
pub fn text(text: &str, style: Style) -> Cow<'_, str> {
    if is_json(text) {
        return json(text, style);
    }
    if !text.lines().any(|line| line.starts_with('{')) {
        return plain(text, style);
    }
    // a log of JSON lines: each by itself, and what stands between them as one
    let mut out = String::with_capacity(text.len());
    let mut between = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if line.starts_with('{') && is_json(line) {
            out.push_str(&plain(&text[between..at], style));
            out.push_str(&json(line, style));
            between = end;
        }
        at = end;
    }
    out.push_str(&plain(&text[between..], style));
    Cow::Owned(out)
}

fn is_json(text: &str) -> bool {
    let start = text.trim_start();
    start.starts_with(['{', '[', '"']) && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// JSON in a text. The patterns keep its layout; where one of them would break it, the value itself is walked.
fn json(text: &str, style: Style) -> Cow<'_, str> {
    let clean = plain(text, style);
    if is_json(&clean) {
        return clean;
    }
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return Cow::Owned(REDACTED.to_owned()) };
    walk_json(&mut value, style);
    let end = if text.ends_with('\n') { "\n" } else { "" };
    Cow::Owned(format!("{value}{end}"))
}

fn walk_json(value: &mut Value, style: Style) {
    match value {
        Value::String(content) => *content = plain(content, style).into_owned(),
        Value::Array(items) => items.iter_mut().for_each(|v| walk_json(v, style)),
        Value::Object(fields) => {
            let old = std::mem::take(fields);
            for (name, mut field) in old {
                let single = !matches!(field, Value::Array(_) | Value::Object(_) | Value::Null | Value::Bool(_));
                if single && names_secret(&name, false) {
                    field = REDACTED.into()
                } else {
                    walk_json(&mut field, style)
                }
                fields.insert(plain(&name, style).into_owned(), field);
            }
        }
        _ => {}
    }
}

fn plain(text: &str, style: Style) -> Cow<'_, str> {
    let mut out = private_keys(text);
    replace(&mut out, &URL_USER, url_user);
    replace(&mut out, &BARE_USER, bare_user);
    replace(&mut out, &SHAPES, |_| Some(REDACTED.to_owned()));
    replace(&mut out, &BEARER, bearer);
    replace(&mut out, &NAMED, |c| named(c, style));
    out
}

/// Replaces where `with` gives something else.
fn replace(text: &mut Cow<'_, str>, pattern: &Regex, with: impl Fn(&Captures<'_>) -> Option<String>) {
    let replaced = pattern.replace_all(text, |c: &Captures<'_>| with(c).unwrap_or_else(|| c[0].to_owned()));
    if let Cow::Owned(new) = replaced
        && new != **text
    {
        *text = Cow::Owned(new);
    }
}

fn url_user(c: &Captures<'_>) -> Option<String> {
    let password = c.get(4).map_or("", |m| m.as_str());
    let to_slash = password.split('/').next().unwrap_or_default();
    // `http://host:80/path?who=a@b` has a port there, and no user
    let is_port = password.contains('/') && !to_slash.is_empty() && to_slash.bytes().all(|b| b.is_ascii_digit());
    if is_port || (c.get(3).is_none() && c[2].is_empty()) {
        return None;
    }
    Some(format!("{}{REDACTED}@", &c[1]))
}

fn bare_user(c: &Captures<'_>) -> Option<String> {
    let host = &c[3];
    // an image by digest: `shop/cart:1.2@sha256:…`
    if host.starts_with("sha256:") || host.starts_with("sha512:") {
        return None;
    }
    // what looks like the first letter may be the second half of an escape
    Some(format!("{}{REDACTED}@{host}", c.get(1).map_or("", |m| m.as_str())))
}

fn bearer(c: &Captures<'_>) -> Option<String> {
    let named = c[1].to_ascii_lowercase().contains("authorization");
    let random = c[2].len() >= 12 && c[2].bytes().any(|b| b.is_ascii_digit());
    (c[2] != *REDACTED && (named || random)).then(|| format!("{}{REDACTED}", &c[1]))
}

fn named(c: &Captures<'_>, style: Style) -> Option<String> {
    let (open, name, close, between, value) = (&c[1], &c[2], &c[3], &c[4], &c[5]);
    if !names_secret(name, style == Style::Config && !open.is_empty()) {
        return None;
    }
    let quote = value.chars().next().filter(|q| matches!(q, '"' | '\''));
    let bare = quote.map_or(value, |q| value.trim_matches(q));
    if is_no_secret(bare) {
        return None;
    }
    let is_quoted_key = !open.is_empty() && open == close;
    let assigned = between.contains('=') || is_quoted_key || style == Style::Config;
    if !assigned && !looks_random(bare) {
        return None;
    }
    // a quoted name is JSON: its value must stay a JSON value
    let quote = match quote {
        Some(q) => q.to_string(),
        None if close == "\"" => "\"".to_owned(),
        None => String::new(),
    };
    Some(format!("{open}{name}{close}{between}{quote}{REDACTED}{quote}"))
}

/// Empty, a switch, a reference to something else, or redacted already.
pub(super) fn is_no_secret(value: &str) -> bool {
    let value = value.trim();
    matches!(value, "" | "true" | "false" | "null" | "nil" | "none" | "None" | "<nil>" | "yes" | "no" | "~" | "|" | ">" | "|-" | ">-" | "\\")
        || value.starts_with(REDACTED)
        || value.starts_with("$(")
        || value.starts_with("${")
        || value.starts_with("{{")
        || value.starts_with("<set to the key ")
        || value.bytes().all(|b| b == b'*')
        // what is left of a URL after its user was taken out: its host and port are wanted
        || value.contains("://REDACTED@")
}

fn looks_random(value: &str) -> bool {
    value.len() >= 8
        && value.bytes().any(|b| b.is_ascii_digit())
        && value.bytes().any(|b| b.is_ascii_alphabetic())
        && !value.contains('/')
}

/// `-----BEGIN … PRIVATE KEY-----` to its end, or to the end of its letters where the end is lost. Certificates and
/// public keys stay: they are meant to be seen, and their dates are looked at.
fn private_keys(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "-----BEGIN ";
    if !text.contains(BEGIN) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(BEGIN) {
        let (before, block) = rest.split_at(at);
        out.push_str(before);
        let label_end = block[BEGIN.len()..].find("-----").map(|e| e + BEGIN.len());
        let label = label_end.map_or("", |e| &block[BEGIN.len()..e]);
        let plain_label =
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
        let public = label.contains("CERTIFICATE") || label.contains("PUBLIC");
        let Some(body) = label_end.map(|e| e + 5).filter(|_| plain_label && !public) else {
            out.push_str(BEGIN);
            rest = &block[BEGIN.len()..];
            continue;
        };
        out.push_str(REDACTED);
        rest = after_key(&block[body..]);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What follows the body of a key: base64, line breaks (also written as `\n`), headers of old keys, and the end mark.
fn after_key(body: &str) -> &str {
    let mut at = 0;
    let bytes = body.as_bytes();
    while let Some(byte) = bytes.get(at) {
        let is_escape = *byte == b'\\' && matches!(bytes.get(at + 1), Some(b'n' | b'r' | b't'));
        match byte {
            _ if is_escape => at += 2,
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'+'
            | b'/'
            | b'='
            | b' '
            | b'\n'
            | b'\r'
            | b'\t'
            | b':'
            | b',' => at += 1,
            _ => break,
        }
    }
    let rest = body.get(at..).unwrap_or_default();
    let Some(mark) = rest.strip_prefix("-----END ") else { return rest };
    mark.find("-----").and_then(|end| mark.get(end + 5..)).unwrap_or(rest)
}
