//! `systemctl status` of the services a node lives by.

use rootline_objects::ComponentStatus;

use super::found::Found;

/// Bytes kept of the text; the last log lines of a service status stay well below.
const KEPT_BYTES: usize = 16_384;

/// A service status begins with a coloured dot: `● kubelet.service - …`, or says that there is no such unit.
pub(super) fn begins(line: &str) -> bool {
    let marked = line.trim_start().strip_prefix(['●', '○', '×', '↻', '◌']);
    marked.is_some_and(|rest| rest.contains(".service"))
        || (line.starts_with("Unit ") && line.contains(" could not be found"))
}

pub(super) fn read(text: &str, asked: &str, found: &mut Found) {
    let mut component = asked.trim_end_matches(".service");
    let mut node = "";
    for line in text.lines() {
        if begins(line) {
            let unit = line.split_ascii_whitespace().find(|w| w.ends_with(".service"));
            component = unit.map_or(component, |u| u.trim_end_matches(".service"));
        }
        // log lines name their host: `Nov 14 16:12:30 worker-1 kubelet[4203]: …`
        let words: Vec<&str> = line.splitn(6, ' ').collect();
        if let [month, _, clock, host, process, ..] = words[..]
            && node.is_empty()
            && month.len() == 3
            && clock.len() == 8
            && process.contains('[')
        {
            node = host;
        }
    }
    if component.is_empty() || component.starts_with('-') {
        return;
    }
    found.components.push(status(node, component, text));
}

/// The state of a service by the text of its status.
pub fn status(node: &str, component: &str, text: &str) -> ComponentStatus {
    let active = text.lines().find_map(|l| l.trim_start().strip_prefix("Active:")).map(str::trim);
    let running = active.map(|a| match a.split(' ').next().unwrap_or_default() {
        "active" | "reloading" => true,
        // `activating (auto-restart)`: it has failed and waits to be tried again
        _ => false,
    });
    let mut end = text.len().min(KEPT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    ComponentStatus {
        node: node.to_owned(),
        component: component.to_owned(),
        running,
        text: text[..end].trim().to_owned(),
    }
}
