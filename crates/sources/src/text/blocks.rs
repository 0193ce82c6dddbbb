//! Finds the blocks of a text by their form: tables, describe texts, YAML, JSON, events without header, errors, service
//! states.

use rootline_model::GapKind;

use super::command::{self, Command};
use super::found::{Found, Scope, What};
use super::table::Table;
use super::{component, describe, events, get, logs, yaml};

/// One line with its place in the text.
struct At<'a> {
    start: usize,
    line: &'a str,
}

/// Reads a pasted text: the parts that prompts begin, each with its command.
pub(super) fn paste(text: &str, found: &mut Found) {
    let mut start = 0;
    let mut current: Option<&str> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let at = offset;
        offset += line.len();
        // cheap test first: prompts are rare, lines are many
        let candidate = line.contains("kubectl")
            || line.contains("systemctl")
            || line.contains(['$', '#', '>', '%'])
            || line.contains("k ")
            || line.contains("oc ");
        if !candidate {
            continue;
        }
        if let Some(found_command) = command::prompt(line.trim_end()) {
            part(text.get(start..at).unwrap_or_default(), current, found);
            start = offset;
            current = found_command.map(|_| line.trim_end());
        }
    }
    part(text.get(start..).unwrap_or_default(), current, found);
}

fn part(text: &str, command_line: Option<&str>, found: &mut Found) {
    if text.trim().is_empty() {
        return;
    }
    let command = command_line.and_then(Command::parse);
    output(text, command.as_ref(), found);
}

/// Reads one output with its command, or a part of a text without one.
pub(super) fn output(text: &str, command: Option<&Command<'_>>, found: &mut Found) {
    found.begin(command.and_then(|c| c.namespace).filter(|_| command.is_some_and(|c| !c.everywhere)).unwrap_or(""));
    if let Some(namespace) = command.and_then(|c| c.namespace) {
        // cluster-wide things are often asked for with a namespace too
        if command.is_some_and(|c| c.kinds().iter().any(|w| w.is_namespaced())) {
            found.told.insert(namespace.to_owned());
        }
    }
    match command {
        Some(c) if matches!(c.verb, "logs" | "log") => logs::of_command(c, unfenced(text), found),
        Some(c) if c.verb == "systemctl" => component::read(text, c.words.get(1).copied().unwrap_or_default(), found),
        Some(c) if c.verb == "describe" => {
            let asked = c.kinds();
            let asked = if let [one] = asked[..] { Some(one) } else { None };
            let any = read(text, asked.as_slice(), found);
            if any && c.lists_all() {
                claim(c, found);
            }
        }
        Some(c) => {
            let any = read(text, &c.kinds(), found);
            let tabular = matches!(c.output.split('=').next(), Some("" | "wide" | "yaml" | "json"));
            if c.lists_all() && tabular && (any || says_empty(text)) {
                claim(c, found);
            }
        }
        None => {
            read(text, &[], found);
        }
    }
}

fn says_empty(text: &str) -> bool {
    text.trim_start().starts_with("No resources found")
}

/// A log that somebody pasted between code fences.
fn unfenced(text: &str) -> &str {
    let inner = text.trim_matches(['\n', '\r']);
    let inner = inner.strip_prefix("```").map_or(inner, |rest| rest.split_once('\n').map_or("", |(_, body)| body));
    inner.trim_end().strip_suffix("```").unwrap_or(inner)
}

/// All objects of the command's kinds were listed.
fn claim(command: &Command<'_>, found: &mut Found) {
    let scope = match command.namespace {
        _ if command.everywhere => Scope::Everywhere,
        Some(namespace) => Scope::In(namespace.to_owned()),
        None => Scope::Unnamed,
    };
    for kind in command.kinds().into_iter().filter_map(What::listed_kind) {
        found.list(kind, scope.clone());
    }
}

/// Reads all blocks of a text. True if any was read.
fn read(text: &str, asked: &[What], found: &mut Found) -> bool {
    let lines = lines(text);
    let mut any = false;
    let mut i = 0;
    while let Some(at) = lines.get(i) {
        let line = at.line;
        let from = i;
        if line.trim_ascii().is_empty() || line.starts_with("Warning: ") || line.starts_with("```") {
            i += 1;
            continue;
        }
        if Table::is_header(line) {
            i = table_end(&lines, i + 1);
            any |= table(&lines[from..i], asked, found);
        } else if begins_describe(&lines[i..]) {
            i = describe_end(&lines, i + 1);
            let one = if let [one] = asked { Some(*one) } else { None };
            describe::read(between(text, &lines, from, i), one, found);
            any = true;
        } else if begins_yaml(line) {
            i = yaml_end(&lines, i + 1);
            any |= yaml::read_yaml(between(text, &lines, from, i), found);
        } else if line.starts_with('{') && text.get(at.start..).is_some_and(looks_like_json) {
            let used = yaml::read_json(text.get(at.start..).unwrap_or_default(), found);
            any |= used.is_some();
            let end = at.start + used.unwrap_or(1);
            while lines.get(i).is_some_and(|l| l.start < end) {
                i += 1;
            }
        } else if component::begins(line) {
            i = component_end(&lines, i + 1);
            component::read(between(text, &lines, from, i), "", found);
        } else {
            any |= single(line, found);
            i += 1;
        }
    }
    any
}

fn lines(text: &str) -> Vec<At<'_>> {
    let mut out = Vec::with_capacity(text.len() / 60 + 1);
    let mut start = 0;
    // the line ends of all texts are looked for here: the library's own search is several times faster
    for end in memchr::memchr_iter(b'\n', text.as_bytes()).chain((!text.ends_with('\n')).then_some(text.len())) {
        let line = text.get(start..end).unwrap_or_default();
        if start < end || end < text.len() {
            out.push(At { start, line: line.trim_end_matches('\r') });
        }
        start = end + 1;
    }
    out
}

fn between<'a>(text: &'a str, lines: &[At<'a>], from: usize, to: usize) -> &'a str {
    let start = lines.get(from).map_or(text.len(), |l| l.start);
    let end = lines.get(to).map_or(text.len(), |l| l.start);
    text.get(start..end).unwrap_or_default()
}

/// A line that is a block of its own: an event, an error, an empty list, a version.
fn single(line: &str, found: &mut Found) -> bool {
    if line.starts_with("Error from server") || line.starts_with("error: ") || line.starts_with("Unable to connect") {
        error(line, found);
        return false;
    }
    if let Some(version) = line.strip_prefix("Server Version: ") {
        let git = version.split("GitVersion:\"").nth(1).and_then(|v| v.split('"').next());
        found.version = Some(git.unwrap_or(version).trim().to_owned());
        return true;
    }
    events::bare(line, found)
}

/// `Error from server (NotFound): pods "cart-1" not found`.
fn error(line: &str, found: &mut Found) {
    let (head, detail) = line.split_once(": ").unwrap_or((line, line));
    let kind = if head.contains("Forbidden") {
        GapKind::Forbidden
    } else if head.contains("NotFound") || detail.contains("doesn't have a resource type") {
        GapKind::Absent
    } else {
        GapKind::Unreadable
    };
    // what was asked for: `pods "cart-1"`, `secrets is forbidden: User …`
    let mut subject = detail.split(" is forbidden").next().unwrap_or(detail);
    subject = subject.strip_suffix(" not found").unwrap_or(subject);
    let subject: String = subject.chars().take(120).collect();
    found.gap(kind, subject, line);
}

fn table(lines: &[At<'_>], asked: &[What], found: &mut Found) -> bool {
    let rows: Vec<&str> = lines.iter().map(|l| l.line).collect();
    let Some(read) = get::table(&rows, asked, found) else { return false };
    // nobody said how this list was asked for: two rows are taken for a list, one could have been asked for by name
    if asked.is_empty() && (read.rows >= 2 || (read.rows == 1 && read.everywhere)) {
        let scope = if read.everywhere { Scope::Everywhere } else { Scope::Unnamed };
        if let Some(kind) = read.what.listed_kind() {
            found.list(kind, scope);
        }
    }
    true
}

fn table_end(lines: &[At<'_>], from: usize) -> usize {
    let ends = |l: &At<'_>| l.line.trim_ascii().is_empty() || Table::is_header(l.line) || l.line.starts_with("```");
    (from..lines.len()).find(|&i| ends(&lines[i]) || begins_describe(&lines[i..])).unwrap_or(lines.len())
}

/// `Name:` at the left edge, with one of the entries that follow it in every describe text.
fn begins_describe(lines: &[At<'_>]) -> bool {
    let Some(rest) = lines.first().and_then(|l| l.line.strip_prefix("Name:")) else { return false };
    if !rest.starts_with([' ', '\t']) {
        return false;
    }
    let follows = [
        "Namespace:",
        "Labels:",
        "Roles:",
        "IsDefaultClass:",
        "Value:",
        "Annotations:",
        "API Version:",
        "Priority:",
        "CreationTimestamp:",
    ];
    let mut next = lines.iter().skip(1).filter(|l| !l.line.trim_ascii().is_empty()).take(2);
    next.any(|l| follows.iter().any(|f| l.line.starts_with(f)))
}

fn describe_end(lines: &[At<'_>], from: usize) -> usize {
    let ends = |i: usize| {
        let after_blank = i > 0 && lines[i - 1].line.trim_ascii().is_empty();
        lines[i].line.starts_with("```")
            || (after_blank && (begins_describe(&lines[i..]) || Table::is_header(lines[i].line)))
    };
    (from..lines.len()).find(|&i| ends(i)).unwrap_or(lines.len())
}

fn begins_yaml(line: &str) -> bool {
    line.starts_with("apiVersion:") || line == "---" || (line.starts_with("kind: ") && !line.contains("  "))
}

/// YAML ends where a line at the left edge is neither a key, a list item, a comment nor a mark.
fn yaml_end(lines: &[At<'_>], from: usize) -> usize {
    let belongs = |line: &str| {
        line.is_empty()
            || line.starts_with([' ', '\t', '#'])
            || line.starts_with("- ")
            || line.starts_with("---")
            || line.starts_with("...")
            || line.split_once(':').is_some_and(|(key, rest)| {
                let name = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                // describe aligns its values, YAML does not
                name && (rest.is_empty() || (rest.starts_with(' ') && !rest.starts_with("  ")))
            })
    };
    (from..lines.len()).find(|&i| !belongs(lines[i].line)).unwrap_or(lines.len())
}

fn looks_like_json(text: &str) -> bool {
    let head: String = text.chars().take(400).collect();
    ["\"apiVersion\"", "\"kind\"", "\"items\""].iter().any(|k| head.contains(k))
}

fn component_end(lines: &[At<'_>], from: usize) -> usize {
    (from..lines.len()).find(|&i| component::begins(lines[i].line)).unwrap_or(lines.len())
}
