//! The thresholds of `rootline.yaml` in the words of the catalogue of series.

use rootline_config::{Config, ConfigError, SeriesThreshold, nearest};
use rootline_engine::LimitSetting;
use rootline_engine::series_catalog::{self as catalog, OWN_LIMIT, Series};

/// Hysteresis and hold of a threshold that the catalogue does not have.
const OWN_GAP: f64 = 0.05;
const OWN_HOLD_S: u32 = 300;

/// What the user set, and the series that are not to be watched. `file` is only for messages.
///
/// # Errors
/// Ids that the catalogue does not have, a clearing value on the wrong side, a threshold that could be one of several.
pub fn of(file: &str, config: &Config) -> Result<(Vec<LimitSetting>, Vec<String>), ConfigError> {
    let (mut limits, mut disabled) = (Vec::new(), Vec::new());
    for wanted in &config.detection.thresholds {
        let wrong = |detail: String| ConfigError::at(file, &wanted.series, detail);
        let id = &wanted.series.value;
        let Some(series) = catalog::by_id(id) else {
            let near = nearest(id, catalog::all().map(|s| s.id)).map(|n| format!("; did you mean `{n}`?"));
            return Err(wrong(format!("the catalogue has no series `{id}`{}", near.unwrap_or_default())));
        };
        if !wanted.enabled && wanted.code.is_empty() && wanted.namespace.is_empty() {
            disabled.push(id.clone());
            continue;
        }
        limits.extend(settings(wanted, series).map_err(wrong)?);
    }
    Ok((limits, disabled))
}

fn settings(wanted: &SeriesThreshold, series: &Series) -> Result<Vec<LimitSetting>, String> {
    let id = series.id;
    let codes = || series.limits.iter().map(|l| l.code).collect::<Vec<_>>().join(", ");
    let limit = match (wanted.code.as_str(), series.limits) {
        ("", [one]) => Some(one),
        ("", []) => None,
        ("", _) if !wanted.enabled => {
            let off = |l: &catalog::Limit| setting(wanted, id, l.code, (l.at, l.clear, l.hold_s));
            return Ok(series.limits.iter().map(off).collect());
        }
        ("", _) => return Err(format!("`{id}` has several thresholds ({}); say with `code` which", codes())),
        (OWN_LIMIT, _) => None,
        (code, limits) => match limits.iter().find(|l| l.code == code) {
            Some(limit) => Some(limit),
            None if limits.is_empty() => {
                return Err(format!("`{id}` has no threshold of its own, so `code` has nothing to name; leave it out"));
            }
            None => return Err(format!("`{id}` has no threshold `{code}`, expected one of {}", codes())),
        },
    };
    let sign = series.bad.sign();
    let at = match (wanted.threshold, limit) {
        (Some(at), _) if at.is_finite() => at,
        (Some(at), _) => return Err(format!("the threshold of `{id}` is {at}, expected a number")),
        (None, Some(limit)) => limit.at,
        (None, None) if !wanted.enabled => 0.0,
        (None, None) => return Err(format!("`{id}` has no threshold in the catalogue; `threshold` is missing")),
    };
    let clear = wanted.clear.unwrap_or_else(|| match limit {
        // the catalogue's gap, in proportion
        Some(l) if l.at != 0.0 => at * (l.clear / l.at),
        Some(l) => at - (l.at - l.clear),
        None => at - sign * OWN_GAP * at.abs(),
    });
    if !clear.is_finite() || sign * (at - clear) < 0.0 {
        let side = if sign > 0.0 { "at most" } else { "at least" };
        return Err(format!("`{id}` clears at {clear}, expected {side} its threshold {at}"));
    }
    let hold_s = wanted.for_s.or(limit.map(|l| l.hold_s)).unwrap_or(OWN_HOLD_S);
    let code = limit.map_or(OWN_LIMIT, |l| l.code);
    Ok(vec![setting(wanted, id, code, (at, clear, hold_s))])
}

fn setting(wanted: &SeriesThreshold, series: &str, code: &str, (at, clear, hold_s): (f64, f64, u32)) -> LimitSetting {
    let (series, code, namespace) = (series.to_owned(), code.to_owned(), wanted.namespace.clone());
    LimitSetting { series, code, namespace, at, clear, hold_s, enabled: wanted.enabled }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<(Vec<LimitSetting>, Vec<String>), String> {
        let text = format!("detection:\n  thresholds:\n  - {list}\n");
        let config = rootline_config::parse("r.yaml", &text).map_err(|e| e.to_string())?;
        of("r.yaml", &config).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_in_the_catalogue() {
        let (limits, _) = read("{series: container_memory_share, threshold: 0.81}").expect("fine");
        let [one] = limits.as_slice() else { panic!("{limits:?}") };
        assert_eq!((one.code.as_str(), one.at, one.hold_s), ("series.memory_near_limit", 0.81, 60));
        assert!((one.clear - 0.765).abs() < 1e-9, "as far from it as 0.85 is from 0.9: {}", one.clear);
        let (limits, _) =
            read("{series: pvc_share, code: series.volume_full, for_s: 600, namespace: db}").expect("fine");
        assert_eq!((limits[0].at, limits[0].hold_s, limits[0].namespace.as_str()), (0.98, 600, "db"));
        let (limits, _) = read("{series: http_latency_p99, threshold: 0.8}").expect("fine");
        assert_eq!((limits[0].code.as_str(), limits[0].clear, limits[0].hold_s), ("series.threshold", 0.76, 300));
    }

    #[test]
    fn a_series_or_one_of_its_thresholds_is_switched_off() {
        let off = read("{series: container_threads, enabled: false}").expect("fine");
        assert_eq!(off, (vec![], vec!["container_threads".to_owned()]));
        let (limits, disabled) = read("{series: pvc_share, namespace: scratch, enabled: false}").expect("fine");
        assert!(disabled.is_empty() && limits.len() == 2 && limits.iter().all(|l| !l.enabled), "{limits:?}");
    }

    #[test]
    fn slips_are_named_with_their_place_and_what_was_expected() {
        for (list, expect) in [
            (
                "{series: container_memry_share, threshold: 0.8}",
                "r.yaml:3:14: the catalogue has no series `container_memry_share`; did you mean `container_memory_share`?",
            ),
            (
                "{series: pvc_share, threshold: 0.8}",
                "r.yaml:3:14: `pvc_share` has several thresholds (series.volume_nearly_full, series.volume_full); say with \
                 `code` which",
            ),
            (
                "{series: hpa_share, code: x, threshold: 0.8}",
                "r.yaml:3:14: `hpa_share` has no threshold `x`, expected one of series.autoscaler_at_max",
            ),
            (
                "{series: container_memory_share, threshold: 0.8, clear: 0.9}",
                "r.yaml:3:14: `container_memory_share` clears at 0.9, expected at most its threshold 0.8",
            ),
            (
                "{series: kubelet_certificate_left, code: series.certificate_expires, threshold: 100, clear: 50}",
                "r.yaml:3:14: `kubelet_certificate_left` clears at 50, expected at least its threshold 100",
            ),
            (
                "{series: container_threads}",
                "r.yaml:3:14: `container_threads` has no threshold in the catalogue; `threshold` is missing",
            ),
        ] {
            assert_eq!(read(list), Err(expect.to_owned()));
        }
    }
}
