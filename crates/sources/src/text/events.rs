//! Events: tables of `get events` and `kubectl events`, with and without their header, and the end of `describe`.

use rootline_objects::{Event, EventSource, ObjectRef};

use super::found::{Found, What};
use super::table::{Row, Table};
use super::time::{ago, seconds};
use super::tree::{Line, given};

/// What a line says, before it becomes an event.
#[derive(Default)]
struct Said<'a> {
    namespace: &'a str,
    kind: &'a str,
    reason: &'a str,
    /// `2m3s (x4 over 10m)`.
    seen: &'a str,
    first: &'a str,
    count: Option<i64>,
    source: &'a str,
    field_path: &'a str,
    message: &'a str,
    name: &'a str,
    /// Without a count it happened once.
    single: bool,
}

/// The lines after `Events:` of a describe text. Messages may hold line breaks, so whatever is no event goes on with the
/// one before.
pub(super) fn of_describe(lines: &[Line<'_>], what: What, of: (&str, &str), found: &mut Found) {
    let Some((header, rows)) = lines.split_first() else { return };
    let table = Table::header(header.raw);
    if !table.has("Reason") {
        return;
    }
    let (namespace, name) = of;
    let object = ObjectRef {
        kind: what.api_kind().to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        ..ObjectRef::default()
    };
    // events of things outside any namespace are kept in `default`
    let at = if what.is_namespaced() { namespace } else { "default" };
    let mut cells = Vec::new();
    let mut last: Option<usize> = None;
    for line in rows {
        if line.text.starts_with("----") {
            continue;
        }
        let is_row = line.text.starts_with("Normal ") || line.text.starts_with("Warning ");
        if !is_row || !table.cells(line.raw, &mut cells) {
            if let Some(event) = last.and_then(|i| found.events.get_mut(i)) {
                event.message.push('\n');
                event.message.push_str(line.text);
            }
            continue;
        }
        let row = table.row(&cells);
        let said = Said {
            namespace: at,
            kind: row.get("Type"),
            reason: row.get("Reason"),
            seen: row.raw(if row.has("Age") { "Age" } else { "LastSeen" }),
            first: row.get("FirstSeen"),
            count: row.number("Count"),
            source: row.get("From"),
            field_path: row.get("SubObjectPath"),
            message: row.raw("Message"),
            single: true,
            ..Said::default()
        };
        last = Some(found.events.len());
        add(&said, object.clone(), found);
    }
}

/// The rows of a `get events` or `kubectl events` table.
pub(super) fn row(row: &Row<'_, '_>, found: &mut Found) {
    let either = |a: &str, b: &str| if row.has(a) { row.raw(a).to_owned() } else { row.raw(b).to_owned() };
    let (seen, first) = (either("LAST SEEN", "LASTSEEN"), either("FIRST SEEN", "FIRSTSEEN"));
    // kubectl before 1.14 has the object's kind and name in columns of their own
    let target = if row.has("OBJECT") {
        row.get("OBJECT").to_owned()
    } else {
        format!("{}/{}", row.get("KIND"), row.get("NAME").split('.').next().unwrap_or_default())
    };
    let said = Said {
        namespace: row.get("NAMESPACE"),
        kind: row.get("TYPE"),
        reason: row.get("REASON"),
        seen: &seen,
        first: given(&first),
        count: row.number("COUNT"),
        source: row.get("SOURCE"),
        field_path: row.get("SUBOBJECT"),
        message: row.raw("MESSAGE"),
        name: if row.has("OBJECT") { row.get("NAME") } else { "" },
        single: false,
    };
    add_target(&said, &target, found);
}

/// A line of an event table that was cut off from its header: `3m  Warning  BackOff  pod/cart-1  Back-off …`.
pub(super) fn bare(line: &str, found: &mut Found) -> bool {
    let Some(said) = bare_line(line) else { return false };
    let (said, target) = said;
    add_target(&said, target, found);
    true
}

fn bare_line(line: &str) -> Option<(Said<'_>, &str)> {
    let mark = [" Normal ", " Warning ", "\tNormal\t", "\tWarning\t"].iter().find_map(|m| line.find(m))?;
    let (before, after) = line.split_at(mark);
    let before = before.trim();
    // an age, perhaps `(x4 over 10m)`, perhaps a namespace before it
    let age_at = before.find('(').unwrap_or(before.len());
    let head = before[..age_at].trim_end();
    let (namespace, age) = head.rsplit_once([' ', '\t']).map_or(("", head), |(n, a)| (n.trim(), a));
    if (seconds(age).is_none() && age != "<unknown>") || namespace.contains(' ') {
        return None;
    }
    let seen = before.get(head.len() - age.len()..)?;
    let (kind, rest) = word(after)?;
    let (reason, rest) = word(rest)?;
    let (target, rest) = word(rest)?;
    if !target.contains('/') {
        return None;
    }
    let mut said = Said { namespace, kind, reason, seen, message: rest.trim(), ..Said::default() };
    // the wide form ends in first seen, count, name
    let cells: Vec<&str> = rest.split("  ").map(str::trim).filter(|c| !c.is_empty()).collect();
    if let [.., source, message, first, count, name] = cells[..]
        && seconds(first).is_some()
        && let Ok(times) = count.parse::<i64>()
        && name.contains('.')
    {
        said = Said { source, message, first, count: Some(times), name, ..said };
        said.field_path = cells.iter().rev().nth(5).copied().filter(|c| c.starts_with("spec.")).unwrap_or_default();
    }
    Some((said, target))
}

/// The next word and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn add_target(said: &Said<'_>, target: &str, found: &mut Found) {
    let (kind, name) = target.split_once('/').unwrap_or((target, ""));
    let what = What::parse(kind);
    let namespace = if said.namespace.is_empty() { found.command_namespace() } else { said.namespace };
    let object = ObjectRef {
        kind: what.map_or_else(|| kind.to_owned(), |w| w.api_kind().to_owned()),
        namespace: if what.is_none_or(What::is_namespaced) { namespace.to_owned() } else { String::new() },
        name: name.to_owned(),
        ..ObjectRef::default()
    };
    let namespace = namespace.to_owned();
    add(&Said { namespace: &namespace, ..*said }, object, found);
}

fn add(said: &Said<'_>, mut object: ObjectRef, found: &mut Found) {
    let (last, again) = said.seen.split_once(" (x").unwrap_or((said.seen, ""));
    let (times, over) = again.trim_end_matches(')').split_once(" over ").unwrap_or(("", ""));
    // `kubectl events` shortens the series to `2m (x5)`
    let times = if times.is_empty() { again.trim_end_matches(')') } else { times };
    let last = ago(found.now, last.trim());
    let first = [said.first, over.trim()].into_iter().map(|age| ago(found.now, age)).find(|t| t.0.is_some());
    let (field_path, message) = match (said.field_path, said.message.split_once(": ")) {
        ("", Some((path, rest))) if path.starts_with("spec.") && path.ends_with('}') => (path, rest),
        (path, _) => (path, said.message),
    };
    field_path.clone_into(&mut object.field_path);
    let mut event = Event {
        kind: said.kind.to_owned(),
        reason: said.reason.to_owned(),
        message: message.trim().to_owned(),
        involved_object: object,
        count: said.count.or_else(|| times.parse().ok()),
        // a table without FIRST SEEN does not tell when it began; under an object one without a count happened once
        first_timestamp: first.or(said.single.then_some(last)).unwrap_or_default(),
        last_timestamp: last,
        ..Event::default()
    };
    let (component, host) = said.source.split_once(", ").unwrap_or((said.source, ""));
    event.source = EventSource { component: component.to_owned(), host: host.to_owned() };
    said.namespace.clone_into(&mut event.metadata.namespace);
    said.name.clone_into(&mut event.metadata.name);
    found.events.push(event);
}
