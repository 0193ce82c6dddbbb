//! Metrics as text: Prometheus' format 0.0.4 and OpenMetrics 1.0, as kubelet, kube-state-metrics and node-exporter serve it.
//!
//! Samples only: types, units and help are skipped, as are exemplars and `_created` series of OpenMetrics. A line that is
//! none is left out and counted; one bad line does not cost a scrape.
//!
//! Source: "Exposition formats" (prometheus.io), OpenMetrics 1.0 section 4; `expfmt/text_parse.go`; quoted UTF-8 names as
//! in Prometheus 3 (`{"metric.name", "label.name"="value"}`).

use rootline_model::{LabelSet, SeriesBatch};

use super::gathered::Gathered;
use super::{Limits, Refused, Reply, Taken};

/// Content types to accept in a scrape, best first.
pub const ACCEPT: &str = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// One page of metrics as it came.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    pub text: &'a [u8],
    /// Tells the formats apart: times are milliseconds in format 0.0.4 and seconds in OpenMetrics.
    pub content_type: &'a str,
    /// For samples without a time of their own, milliseconds since 1970.
    pub at_ms: i64,
}

/// Whose page it is, and what of it is wanted.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// `job`, `instance`, `node`.
    pub labels: &'a LabelSet,
    /// A label of the same name in the text counts (`honor_labels`); else it is renamed `exported_…`, as Prometheus does.
    pub honor_labels: bool,
    /// Names of metrics to read; what it refuses costs no label.
    pub wants: &'a (dyn Fn(&str) -> bool + Send + Sync),
}

/// All series of a page, with `extra` as labels of the target; see [`parse_wanted`].
///
/// # Errors
/// 413 for more series than the limit, 400 for what is not UTF-8.
pub fn parse(page: &Page<'_>, extra: &LabelSet, limits: &Limits) -> Result<Taken<Vec<SeriesBatch>>, Refused> {
    parse_wanted(page, &Target { labels: extra, honor_labels: false, wants: &|_| true }, limits)
}

/// Series of a page whose names are wanted.
///
/// # Errors
/// 413 for more series than the limit, 400 for what is not UTF-8.
pub fn parse_wanted(page: &Page<'_>, target: &Target<'_>, limits: &Limits) -> Result<Taken<Vec<SeriesBatch>>, Refused> {
    let text =
        std::str::from_utf8(page.text).map_err(|e| Refused::malformed(format!("metrics that are not UTF-8: {e}")))?;
    let open = page.content_type.trim_start().starts_with("application/openmetrics-text");
    let mut taken = Taken { reply: Reply::empty(204), ..Taken::<Vec<SeriesBatch>>::default() };
    let mut gathered = Gathered::default();
    for line in text.lines() {
        let line = line.trim_matches(BLANKS);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // a plain name is known before anything else is read; a quoted one only afterwards
        let plain = line.find(['{', ' ', '\t']).map_or("", |end| &line[..end]);
        if !plain.is_empty() && !(target.wants)(plain) {
            continue;
        }
        let Some(sample) = sample(line) else {
            taken.note("bad_line", 1);
            continue;
        };
        if (open && sample.name.ends_with("_created")) || (plain.is_empty() && !(target.wants)(&sample.name)) {
            continue;
        }
        let Some(labels) = labels(&sample, target, limits) else {
            taken.note("bad_series", 1);
            continue;
        };
        let at = sample.at.map_or(Some(page.at_ms), |t| milliseconds(t, open));
        let Some(at) = at else {
            taken.note("bad_line", 1);
            continue;
        };
        gathered.push(labels, (at, sample.value), limits)?;
    }
    taken.data = gathered.series();
    Ok(taken)
}

const BLANKS: [char; 3] = [' ', '\t', '\r'];

struct Sample<'a> {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
    at: Option<&'a str>,
}

/// `name{label="value",…} value [time] [# exemplar]`
fn sample(line: &str) -> Option<Sample<'_>> {
    let name_ends = line.find(['{', ' ', '\t'])?;
    let (name, mut rest) = line.split_at(name_ends);
    let mut name = name.to_owned();
    rest = rest.trim_start_matches(BLANKS);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        let (quoted, after) = label_pairs(inner, &mut labels)?;
        if let Some(quoted) = quoted {
            if !name.is_empty() {
                return None;
            }
            name = quoted;
        }
        rest = after;
    }
    let mut words = rest.split(BLANKS).filter(|w| !w.is_empty());
    let value = number(words.next()?)?;
    let at = words.next().filter(|w| !w.starts_with('#'));
    let done = at.is_none() || words.next().is_none_or(|w| w.starts_with('#'));
    (!name.is_empty() && done).then_some(Sample { name, labels, value, at })
}

/// Pairs up to the closing brace: a quoted name of the metric if there is one, and what follows the brace.
pub(super) fn label_pairs<'a>(
    mut rest: &'a str,
    labels: &mut Vec<(String, String)>,
) -> Option<(Option<String>, &'a str)> {
    let mut metric = None;
    loop {
        rest = rest.trim_start_matches(BLANKS);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((metric, after));
        }
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = rest.find(['=', ' ', '\t', ',', '}'])?;
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        let was_quoted = rest.starts_with('"');
        rest = after.trim_start_matches(BLANKS);
        if let Some(value) = rest.strip_prefix('=') {
            let (value, after) = unquoted(value.trim_start_matches(BLANKS).strip_prefix('"')?)?;
            if name.is_empty() {
                return None;
            }
            labels.push((name, value));
            rest = after.trim_start_matches(BLANKS);
        } else if was_quoted && metric.is_none() {
            metric = Some(name);
        } else {
            return None;
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Text up to the closing quote, and what follows it. `\\`, `\"` and `\n` are escapes; a backslash before anything else
/// stays one.
fn unquoted(rest: &str) -> Option<(String, &str)> {
    let end = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
    if rest.as_bytes().get(end) == Some(&b'"') {
        return Some((rest[..end].to_owned(), &rest[end + 1..]));
    }
    let mut text = rest[..end].to_owned();
    let mut letters = rest[end..].char_indices();
    while let Some((i, letter)) = letters.next() {
        match letter {
            '"' => return Some((text, &rest[end + i + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => text.push('\n'),
                escaped @ ('"' | '\\') => text.push(escaped),
                other => text.extend(['\\', other]),
            },
            other => text.push(other),
        }
    }
    None
}

/// As Go's `ParseFloat` reads it, without hexadecimal: `+Inf`, `-Inf`, `NaN` in any case.
fn number(word: &str) -> Option<f64> {
    // Rust also takes "infinity", as Go does
    word.parse().ok()
}

/// Milliseconds of a time, which is an integer of them in the old format and a float of seconds in OpenMetrics.
#[allow(clippy::cast_possible_truncation, reason = "what is too large is refused")]
fn milliseconds(word: &str, open: bool) -> Option<i64> {
    if !open {
        return word.parse().ok();
    }
    let ms = word.parse::<f64>().ok()? * 1e3;
    (ms.abs() < 1e15).then(|| ms.round() as i64)
}

fn labels(sample: &Sample<'_>, target: &Target<'_>, limits: &Limits) -> Option<LabelSet> {
    let fits = |(name, value): &(String, String)| {
        name.len() <= limits.label_name_bytes && value.len() <= limits.label_value_bytes
    };
    let extra = target.labels;
    if sample.labels.len() + extra.len() >= limits.labels
        || sample.name.len() > limits.label_value_bytes
        || !sample.labels.iter().all(fits)
    {
        return None;
    }
    // a label that is there and empty counts as one that is not there
    let told = |name: &str| sample.labels.iter().any(|(n, v)| n == name && !v.is_empty());
    let own = sample.labels.iter().filter(|(_, v)| !v.is_empty()).map(|(name, value)| {
        let renamed = !target.honor_labels && extra.get(name).is_some();
        (if renamed { format!("exported_{name}") } else { name.clone() }, value.clone())
    });
    let ours = extra.iter().filter(|(n, _)| !target.honor_labels || !told(n));
    let set: LabelSet = own
        .chain(ours.map(|(n, v)| (n.to_owned(), v.to_owned())))
        .chain([("__name__".to_owned(), sample.name.clone())])
        .collect();
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(text: &str, kind: &str) -> Taken<Vec<SeriesBatch>> {
        let extra: LabelSet = [("node", "n1")].into_iter().collect();
        let page = Page { text: text.as_bytes(), content_type: kind, at_ms: 5_000 };
        parse(&page, &extra, &Limits::default()).expect("UTF-8")
    }

    fn shown(taken: &Taken<Vec<SeriesBatch>>) -> Vec<String> {
        taken.data.iter().map(|b| format!("{} {:?}", b.labels, b.points)).collect()
    }

    #[test]
    fn the_old_format_is_read_with_escapes_and_times() {
        let text = "# HELP x y\n# TYPE x counter\nx 1\n x{a=\"1\",} 2.5e3 1000\r\n\
                    x { b = \"q\\\"\\\\\\n\\d}\" , c=\"\" }\t+Inf\nx{node=\"other\"} NaN 7 \nx{a=\"1\"} 3 900\n";
        let taken = series(text, "text/plain; version=0.0.4");
        assert_eq!(
            shown(&taken),
            [
                r#"{__name__="x", node="n1"} [(5000, 1.0)]"#,
                r#"{__name__="x", a="1", node="n1"} [(900, 3.0), (1000, 2500.0)]"#,
                r#"{__name__="x", b="q\"\\\n\\d}", node="n1"} [(5000, inf)]"#,
                r#"{__name__="x", exported_node="other", node="n1"} [(7, NaN)]"#,
            ]
        );
        assert!(taken.dropped.is_empty(), "{:?}", taken.dropped);
    }

    #[test]
    fn openmetrics_has_seconds_exemplars_and_an_end() {
        let text = "# TYPE r histogram\nr_bucket{le=\"1\"} 4 1.5 # {trace_id=\"a b\"} 0.3 1.4\nr_bucket{le=\"+Inf\"} 5 # {} 9\n\
                    r_created 1\n{\"my.metric\",\"a.b\"=\"c\"} 1\n# EOF\n";
        let taken = series(text, "application/openmetrics-text; version=1.0.0");
        assert_eq!(
            shown(&taken),
            [
                r#"{__name__="r_bucket", le="1", node="n1"} [(1500, 4.0)]"#,
                r#"{__name__="r_bucket", le="+Inf", node="n1"} [(5000, 5.0)]"#,
                r#"{__name__="my.metric", a.b="c", node="n1"} [(5000, 1.0)]"#,
            ]
        );
    }

    #[test]
    fn bad_lines_are_counted_and_cost_nothing_else() {
        let text = "ok 1\nx\nx{a=\"1\" 2\nx{a=1} 2\nx one\nx 1 2 3\nx{=\"a\"} 1\nx 1 later\n{a=\"b\"} 1\nok2 1";
        let taken = series(text, "");
        assert_eq!((taken.data.len(), taken.dropped.get("bad_line")), (2, Some(&8)));
    }

    #[test]
    fn limits_hold() {
        let limits = Limits { series: 2, labels: 3, label_value_bytes: 4, ..Limits::default() };
        let page = |text| Page { text, content_type: "", at_ms: 1 };
        let read = |text: &'static str| parse(&page(text.as_bytes()), &LabelSet::default(), &limits);
        assert_eq!(read("a 1\nb 1\nc 1").expect_err("refused").status, 413);
        let taken = read("a{x=\"1\",y=\"2\",z=\"3\"} 1\nb{x=\"12345\"} 1\nc{x=\"1\"} 1").expect("text");
        assert_eq!((taken.data.len(), taken.dropped.get("bad_series")), (1, Some(&2)));
        assert_eq!(parse(&page(b"\xff"), &LabelSet::default(), &limits).expect_err("refused").status, 400);
    }

    #[test]
    fn only_what_is_wanted_is_read_and_labels_are_honoured_where_told() {
        let text = "up{job=\"x\"} 1\nnode_load1 2\nup_more 3\n{\"up\",instance=\"\"} 4\nnoise{a=\"1\" 2\n";
        let labels: LabelSet = [("job", "ksm"), ("instance", "a:1")].into_iter().collect();
        let page = Page { text: text.as_bytes(), content_type: "", at_ms: 1 };
        let read = |honor_labels| {
            let target = Target { labels: &labels, honor_labels, wants: &|name| name == "up" };
            let taken = parse_wanted(&page, &target, &Limits::default()).expect("UTF-8");
            assert!(taken.dropped.is_empty(), "what is not wanted is not even looked at: {:?}", taken.dropped);
            taken.data.iter().map(|b| b.labels.to_string()).collect::<Vec<_>>()
        };
        let own = r#"{__name__="up", instance="a:1", job="ksm"}"#;
        assert_eq!(read(true), [r#"{__name__="up", instance="a:1", job="x"}"#, own]);
        assert_eq!(read(false), [r#"{__name__="up", exported_job="x", instance="a:1", job="ksm"}"#, own]);
    }
}
