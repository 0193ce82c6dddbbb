//! Container logs: where tools put them, and how much of them is kept.

use rootline_objects::LogTail;

/// Lines kept from the start of a log: what a server says about itself (ports, versions, settings) stands there.
const HEAD_LINES: usize = 40;

/// Lines kept from the end.
const TAIL_LINES: usize = 360;

/// Bytes kept of one line.
const LINE_BYTES: usize = 4096;

/// Whose log a file is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Whose {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    pub previous: bool,
}

/// Whose log a path holds, where its folders tell:
/// - `…/logs/<namespace>/<pod>/<container>.log` and `<container>-previous.log` or `<container>.previous.log`
///   (recordings, Troubleshoot bundles),
/// - `…/pods/<namespace>_<pod>_<uid>/<container>/<n>.log` (a node's `/var/log/pods`),
/// - `…/namespaces/<namespace>/pods/<pod>/<container>/<container>/logs/current.log` (must-gather).
pub(crate) fn whose(path: &str) -> Option<Whose> {
    let parts: Vec<&str> = path.split('/').collect();
    let own = |namespace: &str, pod: &str, container: &str, previous| {
        Some(Whose { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous })
    };
    match parts.as_slice() {
        [.., "namespaces", namespace, "pods", pod, container, _, "logs", file] => match *file {
            "current.log" => own(namespace, pod, container, false),
            "previous.log" => own(namespace, pod, container, true),
            _ => None,
        },
        [.., "logs", namespace, pod, file] => {
            let stem = file.strip_suffix(".log").or_else(|| file.strip_suffix(".txt"))?;
            let earlier = stem.strip_suffix("-previous").or_else(|| stem.strip_suffix(".previous"));
            own(namespace, pod, earlier.unwrap_or(stem), earlier.is_some())
        }
        [.., "pods", folder, container, file] if file.ends_with(".log") => {
            let mut names = folder.splitn(3, '_');
            let (namespace, pod, _uid) = (names.next()?, names.next()?, names.next()?);
            own(namespace, pod, container, false)
        }
        _ => None,
    }
}

/// What is kept of a log.
pub(crate) fn tail(whose: Whose, text: &str) -> Option<LogTail> {
    let lines = kept(text.lines().map(strip_cri).filter(|l| !is_no_log(l)));
    (!lines.is_empty()).then_some(LogTail {
        namespace: whose.namespace,
        pod: whose.pod,
        container: whose.container,
        previous: whose.previous,
        lines,
    })
}

fn kept<'t>(lines: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut kept: std::collections::VecDeque<&str> = std::collections::VecDeque::new();
    let mut head = Vec::new();
    for line in lines {
        if head.len() < HEAD_LINES {
            head.push(line);
            continue;
        }
        if kept.len() == TAIL_LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    head.into_iter().chain(kept).map(|line| cut_line(line).to_owned()).collect()
}

fn cut_line(line: &str) -> &str {
    let line = line.trim_end();
    line.get(..line.floor_char_boundary(LINE_BYTES)).unwrap_or(line)
}

/// `2026-01-02T03:04:05.6Z stdout F text` as a container runtime writes it becomes `text`.
fn strip_cri(line: &str) -> &str {
    let mut parts = line.splitn(4, ' ');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(time), Some("stdout" | "stderr"), Some("F" | "P"), text) if time.contains('T') => {
            text.unwrap_or_default()
        }
        _ => line,
    }
}

/// kubectl writes its own failure into the place of a log.
fn is_no_log(line: &str) -> bool {
    line.starts_with("Request log error:")
        || line.starts_with("Error from server ")
        || line.starts_with("unable to retrieve container logs for ")
}

/// One block of `kubectl cluster-info dump`: `==== START logs for container c of pod ns/p ====` … `==== END …`.
/// Takes it off the front; `None` if the text does not begin with one.
pub(crate) fn dump_block(rest: &mut &str) -> Option<Option<LogTail>> {
    let text = rest.trim_start_matches(['\n', '\r']);
    let (first, mut body) = text.split_once('\n').unwrap_or((text, ""));
    let about = first.trim_end().strip_prefix(START)?.strip_suffix("====")?.trim_end();
    let (container, pod) = about.split_once(" of pod ")?;
    let (namespace, pod) = pod.split_once('/')?;
    let whose = Whose { namespace: namespace.into(), pod: pod.into(), container: container.into(), previous: false };
    let log = body;
    let mut length = 0;
    for line in log.split_inclusive('\n') {
        if line.starts_with(START) {
            break; // the end mark is lost
        }
        body = &log[length + line.len()..];
        if line.starts_with("==== END logs for container ") {
            *rest = body;
            return Some(tail(whose, &log[..length]));
        }
        length += line.len();
    }
    *rest = &log[length..];
    Some(tail(whose, &log[..length]))
}

const START: &str = "==== START logs for container ";

/// True if the text begins with a log block of `kubectl cluster-info dump`.
pub(crate) fn is_dump_block(text: &str) -> bool {
    text.trim_start().starts_with(START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_found_where_tools_put_them() {
        for (path, expect) in [
            ("b/cluster-resources/pods/logs/shop/cart-1/app.log", Some(("shop", "cart-1", "app", false))),
            ("b/cluster-resources/pods/logs/shop/cart-1/app-previous.log", Some(("shop", "cart-1", "app", true))),
            ("logs/shop/cart-1/app.previous.log", Some(("shop", "cart-1", "app", true))),
            ("var/log/pods/shop_cart-1_8f2-1/app/3.log", Some(("shop", "cart-1", "app", false))),
            ("x/namespaces/shop/pods/cart-1/app/app/logs/previous.log", Some(("shop", "cart-1", "app", true))),
            ("notes/cart.log", None),
            ("a.log", None),
        ] {
            let got = whose(path);
            let got = got.as_ref().map(|w| (w.namespace.as_str(), w.pod.as_str(), w.container.as_str(), w.previous));
            assert_eq!(got, expect, "{path}");
        }
    }

    #[test]
    fn the_start_and_the_end_of_a_long_log_are_kept() {
        let text: String = (0..10_000).map(|i| format!("line {i}\n")).collect();
        let lines = kept(text.lines());
        assert_eq!(lines.len(), HEAD_LINES + TAIL_LINES);
        assert_eq!(
            (lines.first().map(String::as_str), lines.last().map(String::as_str)),
            (Some("line 0"), Some("line 9999"))
        );
        assert_eq!(cut_line(&"内".repeat(4096)).chars().count(), LINE_BYTES / 3);
    }

    #[test]
    fn blocks_of_a_dump_are_taken_one_by_one() {
        let mut rest = "==== START logs for container a of pod shop/cart ====\nboom\n==== END logs for container a of pod shop/cart ====\n\
                        ==== START logs for container b of pod shop/cart ====\nRequest log error: no\n==== END logs for container b of pod shop/cart ====\n{}";
        let first = dump_block(&mut rest).flatten().expect("a log");
        assert_eq!((first.pod.as_str(), first.container.as_str(), first.lines), ("cart", "a", vec!["boom".to_owned()]));
        assert_eq!(dump_block(&mut rest), Some(None));
        assert_eq!(dump_block(&mut rest), None);
        assert_eq!(rest, "{}");
    }
}
