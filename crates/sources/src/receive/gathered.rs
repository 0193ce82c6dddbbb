//! Points gathered into series, one series a label set.

use std::collections::HashMap;

use rootline_model::{LabelSet, SeriesBatch};

use super::{Limits, Refused};

#[derive(Default)]
pub(super) struct Gathered {
    series: Vec<SeriesBatch>,
    places: HashMap<LabelSet, usize>,
    samples: usize,
}

impl Gathered {
    /// # Errors
    /// 413 for a series or a sample too many.
    pub fn push(&mut self, labels: LabelSet, point: (i64, f64), limits: &Limits) -> Result<(), Refused> {
        self.samples += 1;
        if self.samples > limits.samples {
            return Err(Refused::too_large(format!("more than {} samples at once", limits.samples)));
        }
        if let Some(batch) = self.places.get(&labels).and_then(|place| self.series.get_mut(*place)) {
            batch.points.push(point);
            return Ok(());
        }
        if self.series.len() >= limits.series {
            return Err(Refused::too_large(format!("more than {} series at once", limits.series)));
        }
        self.places.insert(labels.clone(), self.series.len());
        self.series.push(SeriesBatch { labels, points: vec![point] });
        Ok(())
    }

    /// In the order of their first points; points by time, of equal times the last.
    pub fn series(mut self) -> Vec<SeriesBatch> {
        for batch in &mut self.series {
            in_order(&mut batch.points);
        }
        self.series
    }
}

/// Sorts points by time; of equal times the last one stays.
pub(super) fn in_order(points: &mut Vec<(i64, f64)>) {
    if !points.is_sorted_by(|a, b| a.0 < b.0) {
        points.reverse();
        points.sort_by_key(|p| p.0);
        points.dedup_by_key(|p| p.0);
    }
}
