//! What differs between two versions of the file, key by key.

use serde_json::{Map, Value};

use crate::{ConfigError, DEFAULTS};

/// Keys that only other commands than the daemon look at.
const OTHERS: [&str; 3] = ["lang", "logs", "limits"];

/// Keys that a running daemon takes over; all others need a restart.
const LIVE: [&str; 10] = [
    "alertmanager",
    "correlation.settle_s",
    "daemon.external_url",
    "daemon.tokens",
    "detection",
    "maintenance",
    "messages",
    "notify",
    "redaction",
    "retention",
];

/// All values that count: the file's, and the defaults of what it leaves out.
///
/// # Errors
/// The text is no YAML.
pub fn effective(file: &str, text: &str) -> Result<Value, ConfigError> {
    let read = |file: &str, text: &str| -> Result<Value, ConfigError> {
        let blank = text.lines().all(|l| l.trim().is_empty() || l.trim_start().starts_with('#') || l.trim() == "---");
        if blank {
            return Ok(Value::Object(Map::new()));
        }
        serde_saphyr::from_str(text).map_err(|e| ConfigError::from_yaml(file, &e))
    };
    let mut all = read("defaults.yaml", DEFAULTS)?;
    lay_over(&mut all, read(file, text.strip_prefix('\u{feff}').unwrap_or(text))?);
    Ok(all)
}

fn lay_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(under.entry(key).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (under, over) => *under = over,
    }
}

/// Keys whose values differ, `daemon.listen`; two levels deep at most, so that no secret is among them.
pub fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut out = Vec::new();
    compare("", old, new, &mut out);
    out.retain(|key| !OTHERS.iter().any(|o| is_under(key, o)));
    out
}

fn compare(place: &str, old: &Value, new: &Value, out: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(a), Value::Object(b)) if !place.contains('.') => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let place = if place.is_empty() { key.clone() } else { format!("{place}.{key}") };
                compare(&place, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), out);
            }
        }
        (a, b) if a != b => out.push(place.to_owned()),
        _ => {}
    }
}

fn is_under(key: &str, place: &str) -> bool {
    key.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// True for a key that a running daemon takes over.
pub fn is_live(key: &str) -> bool {
    LIVE.iter().any(|place| is_under(key, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named_and_a_default_written_down_is_no_difference() {
        let of = |text: &str| effective("rootline.yaml", text).expect("YAML");
        let changed = |a: &str, b: &str| differences(&of(a), &of(b));
        assert_eq!(changed("", "daemon: {listen: '127.0.0.1:9099', tick_s: 15}\nlang: zh\n"), Vec::<String>::new());
        let old = "daemon: {tick_s: 5}\nnotify: [{name: a}]\n";
        let new = "daemon: {tick_s: 7}\nnotify: [{name: b}]\ncorrelation: {settle_s: 9}\n";
        assert_eq!(changed(old, new), ["correlation.settle_s", "daemon.tick_s", "notify"]);
        assert!(is_live("notify") && is_live("retention.events_days") && is_live("correlation.settle_s"));
        assert!(!is_live("daemon.tick_s") && !is_live("correlation.mode") && !is_live("notifyx"));
    }
}
