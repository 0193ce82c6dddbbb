//! `kubectl describe` of config maps, secrets, service accounts.

use std::collections::BTreeMap;

use rootline_objects::{ConfigMap, Keys, LocalRef, Secret, ServiceAccount};

use super::super::tree::{Line, entries};
use super::common_meta;

/// Values are taken from the raw text: their blank lines and indentation count.
pub(super) fn config_map(text: &str, lines: &[Line<'_>]) -> ConfigMap {
    let mut out = ConfigMap::default();
    for e in entries(lines) {
        if e.key == "Data" || e.key == "====" {
            break;
        }
        common_meta(&mut out.metadata, &e);
    }
    out.data = data(text);
    out
}

/// `key:` and `----` begin a value, which goes on to the next such pair or to `BinaryData`.
fn data(text: &str) -> Option<BTreeMap<String, String>> {
    let mut rest = text.lines();
    let title = |a: &str, b: Option<&str>, word: &str| a.trim_end() == word && b.is_some_and(|l| l.starts_with("===="));
    let mut previous = "";
    loop {
        let line = rest.next()?;
        if title(previous, Some(line), "Data") {
            break;
        }
        previous = line;
    }
    let body: Vec<&str> = rest.collect();
    let mut out = BTreeMap::new();
    let mut current: Option<(&str, Vec<&str>)> = None;
    let mut at = 0;
    while let Some(&line) = body.get(at) {
        let next = body.get(at + 1).copied();
        if title(line, next, "BinaryData") || (line.starts_with("Events:") && current.is_none()) {
            break;
        }
        let key = line.trim_end().strip_suffix(':').filter(|k| is_key(k));
        if let Some(key) = key.filter(|_| next.is_some_and(|n| n.trim_end() == "----")) {
            close(&mut out, current.take());
            current = Some((key, Vec::new()));
            at += 2;
            continue;
        }
        // kubectl before 1.20 prints no BinaryData section
        if line.starts_with("Events:") && body.get(at + 1).is_none_or(|n| n.trim_start().starts_with("Type ")) {
            break;
        }
        if let Some((_, value)) = current.as_mut() {
            value.push(line);
        }
        at += 1;
    }
    close(&mut out, current);
    Some(out)
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// kubectl adds line ends of its own after each value; those at the end are dropped.
fn close(out: &mut BTreeMap<String, String>, value: Option<(&str, Vec<&str>)>) {
    if let Some((key, lines)) = value {
        let joined = lines.join("\n");
        out.insert(key.to_owned(), joined.trim_end_matches('\n').to_owned());
    }
}

/// `key:  12 bytes`.
pub(super) fn secret(lines: &[Line<'_>]) -> Secret {
    let mut out = Secret::default();
    let mut keys = Keys::default();
    let mut in_data = false;
    for e in entries(lines) {
        if in_data {
            if !e.value.is_empty() && is_key(e.key) {
                keys.0.push(e.key.to_owned());
            }
        } else if e.key == "====" {
            in_data = true;
        } else if e.key == "Type" {
            out.kind = e.text();
        } else {
            common_meta(&mut out.metadata, &e);
        }
    }
    out.keys = in_data.then_some(keys);
    out
}

pub(super) fn service_account(lines: &[Line<'_>]) -> ServiceAccount {
    let mut out = ServiceAccount::default();
    for e in entries(lines) {
        let names = || e.values().map(|v| LocalRef { name: v.split(" (").next().unwrap_or(v).to_owned() });
        match e.key {
            "Image pull secrets" => out.image_pull_secrets = names().collect(),
            "Mountable secrets" => out.secrets = names().collect(),
            _ => {
                common_meta(&mut out.metadata, &e);
            }
        }
    }
    out
}
