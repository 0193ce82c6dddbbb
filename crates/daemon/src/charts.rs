//! Series behind an incident, as the page draws them.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rootline_api::Chart;
use rootline_engine::{Bank, SeriesChart};
use rootline_model::{Both, EntityRef, LiveIncident};

/// Charts of one incident.
const CHARTS_MAX: usize = 12;
/// Points of one chart.
const POINTS_MAX: usize = 500;
/// What is shown before the trouble began, and at least.
const BEFORE: SignedDuration = SignedDuration::from_mins(30);

/// Series of the things an incident is about, its core first.
pub fn of(bank: &Bank, incident: &LiveIncident, now: Timestamp) -> Vec<Chart> {
    let until = incident.resolved.unwrap_or(now);
    let from = incident.onset - BEFORE;
    let mut out: Vec<Chart> = Vec::new();
    let core = incident.causes.iter().map(|c| &c.entity).chain(incident.members.iter().map(|m| &m.entity));
    for entity in core.chain(&incident.affected).filter_map(|e| EntityRef::from_str(e).ok()) {
        for id in bank.series_of(&entity) {
            let Some(chart) = bank.chart(&id, from, until) else { continue };
            let chart = drawn(&chart, incident);
            if out.len() < CHARTS_MAX && !out.iter().any(|c| c.title == chart.title && c.entity == chart.entity) {
                out.push(chart);
            }
        }
    }
    out
}

fn drawn(chart: &SeriesChart, incident: &LiveIncident) -> Chart {
    let every = chart.points.len().div_ceil(POINTS_MAX).max(1);
    let series = rootline_engine::series_title(chart.id.series);
    Chart {
        title: series.unwrap_or_else(|| Both::same(chart.id.series)),
        entity: chart.id.subject.entity.to_string(),
        unit: chart.unit.word().to_owned(),
        points: chart.points.iter().step_by(every).map(|(s, v)| (s * 1000, *v)).collect(),
        limit: chart.limit,
        onset: Some(incident.onset),
        ..Chart::default()
    }
}
