//! Kubernetes events that others push: in the shape of EventRouter, or as they are.
//!
//! Source: `heptiolabs/eventrouter` (`sinks/eventdata.go`): `{"verb": "ADDED", "event": {…}, "old_event": {…}}`, one, several
//! lines, or an array; its HTTP sink puts each behind a syslog header.

use rootline_objects::{Object, read_list};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Limits, Refused, Reply, Request, Taken, body};

#[derive(Deserialize)]
struct Routed<'a> {
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
}

/// Events of a request as objects of kind `Event`; answered with 204. What cannot be read is left out and counted.
///
/// # Errors
/// 400 for what holds no event, 413.
pub fn events(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Object>>, Refused> {
    let body = body::decoded(request, limits)?;
    let text = std::str::from_utf8(&body).map_err(|e| Refused::malformed(format!("a body that is not UTF-8: {e}")))?;
    let mut taken = Taken { reply: Reply::empty(204), ..Taken::<Vec<Object>>::default() };
    if text.trim_start().starts_with('[') {
        let all: Vec<&RawValue> =
            serde_json::from_str(text).map_err(|e| Refused::malformed(format!("not an array of events: {e}")))?;
        all.into_iter().try_for_each(|raw| one(raw.get(), &mut taken, limits))?;
    } else if let Ok(raw) = serde_json::from_str::<&RawValue>(text) {
        one(raw.get(), &mut taken, limits)?;
    } else {
        text.lines().filter(|l| !l.trim().is_empty()).try_for_each(|line| one(line, &mut taken, limits))?;
    }
    if taken.data.is_empty() {
        return Err(Refused::malformed("no event in the body"));
    }
    Ok(taken)
}

fn one(text: &str, taken: &mut Taken<Vec<Object>>, limits: &Limits) -> Result<(), Refused> {
    if taken.data.len() >= limits.alerts {
        return Err(Refused::too_large(format!("more than {} events in one request", limits.alerts)));
    }
    // what stands before the object is a syslog header
    let json = text.find('{').map_or("", |i| &text[i..]).trim();
    let routed = serde_json::from_str::<Routed<'_>>(json).ok().and_then(|r| r.event).map_or(json, RawValue::get);
    let before = taken.data.len();
    let read = read_list(routed, Some("Event"), |object| taken.data.push(object), |_| {});
    taken.data.truncate(before + 1);
    let is_event = matches!(taken.data.get(before), Some(Object::Event(e)) if !e.involved_object.kind.is_empty());
    if read.is_err() || !is_event {
        taken.data.truncate(before);
        taken.note("bad_event", 1);
    }
    Ok(())
}
