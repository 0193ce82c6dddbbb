//! The `yaml signals` block: what comes neither as an object nor as kubectl text.

use jiff::{SignedDuration, Timestamp};
use rootline_model::{Gap, GapKind};
use rootline_objects as o;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Wire {
    component: Option<Component>,
    reach: Option<Reach>,
    alert: Option<Alert>,
    series: Option<Series>,
    call: Option<Call>,
    gap: Option<String>,
    listed: Option<Listed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    kind: String,
    namespace: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Component {
    node: String,
    component: String,
    running: Option<bool>,
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Reach {
    namespace: String,
    host: String,
    port: i64,
    reached: Option<bool>,
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Alert {
    name: String,
    labels: std::collections::BTreeMap<String, String>,
    text: String,
}

/// `values` are one step apart, the last one at now.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Series {
    name: String,
    labels: std::collections::BTreeMap<String, String>,
    step_s: i64,
    values: Vec<f64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Call {
    namespace: String,
    caller: String,
    callee: String,
}

fn labels(map: &std::collections::BTreeMap<String, String>) -> o::Labels {
    map.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect()
}

pub(crate) fn read(body: &str, now: Timestamp) -> Result<Vec<o::Signal>, String> {
    let wires: Vec<Wire> = serde_saphyr::from_str(body).map_err(|e| e.to_string())?;
    let mut signals = Vec::new();
    for wire in wires {
        signals.extend(wire.component.map(|c| {
            let Component { node, component, running, text } = c;
            o::Signal::Component(o::ComponentStatus { node, component, running, text })
        }));
        signals.extend(wire.reach.map(|r| {
            let Reach { namespace, host, port, reached, text } = r;
            o::Signal::Reach(o::Reach { namespace, host, port, reached, text })
        }));
        signals.extend(wire.alert.map(|a| {
            o::Signal::Alert(o::Alert { name: a.name, labels: labels(&a.labels), text: a.text, since: None })
        }));
        signals.extend(wire.call.map(|c| {
            let Call { namespace, caller, callee } = c;
            o::Signal::Call(o::CallHint { namespace, caller, callee })
        }));
        signals.extend(wire.gap.map(|g| o::Signal::Gap(Gap::new(GapKind::Forbidden, g, "forbidden"))));
        if let Some(l) = wire.listed {
            let kind = rootline_model::Kind::parse(&l.kind).ok_or(format!("`{}` is no kind", l.kind))?;
            signals.push(o::Signal::Listed { kind, namespace: l.namespace });
        }
        if let Some(s) = wire.series {
            let step = if s.step_s == 0 { 15 } else { s.step_s };
            let count = i64::try_from(s.values.len()).unwrap_or(0);
            let points = (1..)
                .zip(&s.values)
                .filter_map(|(i, &v)| Some((now.checked_sub(SignedDuration::from_secs((count - i) * step)).ok()?, v)))
                .collect();
            signals.push(o::Signal::Series(o::Series { name: s.name, labels: labels(&s.labels), points }));
        }
    }
    Ok(signals)
}
