//! What the daemon derives, as numbers: for its own `/metrics` and for remote write.

use rootline_api::{Forecast, IncidentGauge, Level};
use rootline_engine::{Outlook, SeriesLevel};
use rootline_model::{LabelSet, LiveIncident, SeriesBatch, Severity, Stage};

use crate::view::View;

/// Anomalies of one round, the highest first.
const LEVELS_MAX: usize = 5_000;

pub fn gauge(incident: &LiveIncident) -> IncidentGauge {
    let best = incident.causes.first();
    IncidentGauge {
        id: incident.id,
        severity: incident.severity,
        acked: incident.acked.is_some(),
        members: u32::try_from(incident.members.len()).unwrap_or(u32::MAX),
        code: best.map(|c| c.code.clone()).unwrap_or_default(),
        entity: best.map(|c| c.entity.clone()).unwrap_or_default(),
        confidence: best.map_or(0.0, |c| c.confidence),
        edges: incident.edges.clone(),
    }
}

pub fn forecast(outlook: &Outlook) -> Option<Forecast> {
    let (probability, seconds) = outlook.breach?;
    Some(Forecast {
        // with the mount point, the container: a node has several disks
        entity: outlook.id.subject.to_string(),
        series: outlook.id.series.to_owned(),
        reaches_limit_s: seconds as f64,
        probability,
    })
}

pub fn level(level: &SeriesLevel) -> Level {
    Level {
        detector: level.detector.to_owned(),
        entity: level.subject.to_string(),
        series: level.series.to_owned(),
        level: level.level,
    }
}

/// Everything of a view as series with one point, under the names that `/metrics` has. `own` are labels of this daemon.
pub fn series(view: &View, at_ms: i64, own: &LabelSet) -> Vec<SeriesBatch> {
    let mut all = Vec::new();
    let mut say = |name: &str, labels: &[(&str, &str)], value: f64| {
        let own = own.iter();
        let labels: LabelSet = own.chain(labels.iter().copied()).chain([("__name__", name)]).collect();
        all.push(SeriesBatch { labels, points: vec![(at_ms, value)] });
    };
    let mut open = [("warning", 0.0), ("error", 0.0), ("critical", 0.0)];
    for incident in view.incidents.iter().filter(|i| i.stage == Stage::Open) {
        let g = gauge(incident);
        let row = match g.severity {
            Severity::Warning => &mut open[0],
            Severity::Error => &mut open[1],
            Severity::Critical => &mut open[2],
        };
        row.1 += 1.0;
        let id = g.id.to_string();
        let cause = [("id", id.as_str()), ("cause", &g.code), ("entity", &g.entity)];
        let acked = g.acked.to_string();
        say("rootline_incident", &[&cause[..], &[("severity", row.0), ("acked", &acked)]].concat(), 1.0);
        if !g.code.is_empty() {
            say("rootline_cause_confidence", &cause, g.confidence);
        }
    }
    for (severity, count) in open {
        say("rootline_incidents_open", &[("severity", severity)], count);
    }
    let mut levels: Vec<Level> = view.levels.iter().map(level).collect();
    levels.sort_by(|a, b| b.level.total_cmp(&a.level));
    for l in levels.iter().take(LEVELS_MAX) {
        let labels = [("detector", l.detector.as_str()), ("entity", &l.entity), ("series", &l.series)];
        say("rootline_anomaly_level", &labels, l.level);
    }
    for f in view.outlooks.iter().filter_map(forecast) {
        let labels = [("entity", f.entity.as_str()), ("series", f.series.as_str())];
        say("rootline_forecast_limit_seconds", &labels, f.reaches_limit_s);
        say("rootline_forecast_limit_probability", &labels, f.probability);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rootline_model::EntityRef;
    use std::sync::Arc;

    #[test]
    fn a_view_is_series_under_the_names_of_metrics() {
        let incident = |id: u64, stage: &str| -> LiveIncident {
            let now = jiff::Timestamp::UNIX_EPOCH;
            serde_json::from_value(serde_json::json!({"id": id, "version": 1, "stage": stage, "severity": "error",
                "title": {"en": "", "zh": ""}, "onset": now, "opened": now, "updated": now, "resolved": null,
                "acked": null, "members": [], "causes": [], "affected": [], "edges": [], "gaps": [], "timeline": []}))
            .expect("an incident")
        };
        let (incident, over) = (incident(7, "open"), incident(8, "resolved"));
        let subject = EntityRef::node("w1");
        let subject = rootline_engine::series_catalog::Subject { entity: subject, part: "/var".into() };
        let levels = vec![SeriesLevel { detector: "threshold", series: "node_disk_share", subject, level: 0.63 }];
        let view = View { incidents: vec![Arc::new(incident), Arc::new(over)], levels, ..View::default() };
        let own: LabelSet = [("job", "rootline")].into_iter().collect();
        let shown: Vec<String> =
            series(&view, 5, &own).iter().map(|b| format!("{} {:?}", b.labels, b.points)).collect();
        assert_eq!(
            shown,
            [
                r#"{__name__="rootline_incident", acked="false", id="7", job="rootline", severity="error"} [(5, 1.0)]"#,
                r#"{__name__="rootline_incidents_open", job="rootline", severity="warning"} [(5, 0.0)]"#,
                r#"{__name__="rootline_incidents_open", job="rootline", severity="error"} [(5, 1.0)]"#,
                r#"{__name__="rootline_incidents_open", job="rootline", severity="critical"} [(5, 0.0)]"#,
                r#"{__name__="rootline_anomaly_level", detector="threshold", entity="node/w1 /var", job="rootline", series="node_disk_share"} [(5, 0.63)]"#,
            ]
        );
    }
}
