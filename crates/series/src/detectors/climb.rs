//! A slow climb: moving averages that rise, block after block.
//!
//! **What it finds** four hours in which every half hour's average is above the one before, to a level that a week has not
//! seen.
//! **Why it matters** leaks, queues that nobody empties, logs that nobody rotates: no single sample is unusual.
//! **Evidence used** four hours in eight blocks; the highest value of the week before.
//! **How to confirm by hand** the finding's query over a day; for memory, whether it falls after a collection.
//! **What can fool it** collectors' saw-teeth and nightly growth: what was reached before is no news; warming caches after
//! a restart: usage is mute for six hours after a change; noise: the rise must be four times the spread inside blocks.
//! **Source** differences of moving averages; a line through the last hour is no better than chance (`predict_linear`).

use super::view::{Sighting, View, centre, numbers};
use crate::window::{MINUTES, SLOT_S};

/// Settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Climb {
    pub enabled: bool,
    /// Blocks of the window.
    pub blocks: usize,
    /// Least rise as a share of where it began.
    pub share: f64,
    /// Least rise in spreads inside blocks.
    pub spreads: f64,
}

impl Default for Climb {
    fn default() -> Self {
        Climb { enabled: true, blocks: 8, share: 0.2, spreads: 4.0 }
    }
}

impl Climb {
    pub(crate) fn look(&self, view: &View<'_>) -> Option<Sighting> {
        if !self.enabled || view.is_settling(6 * 3600, 4 * 3600) {
            return None;
        }
        let all = view.minutes(MINUTES);
        let length = all.len() / self.blocks.max(2);
        let mut averages = Vec::with_capacity(self.blocks);
        let mut spread = 0.0_f64;
        for block in all.chunks_exact(length) {
            let values = numbers(block);
            if values.len() * 3 < length * 2 {
                return None;
            }
            let (middle, inside) = centre(&values);
            averages.push(middle);
            spread = spread.max(inside);
        }
        let (first, last) = (*averages.first()?, *averages.last()?);
        let rise = last - first;
        // each block takes its part: a step, or a rise that has ended, is another matter
        #[allow(clippy::cast_precision_loss, reason = "a handful of blocks")]
        let part = 0.25 * rise / (averages.len() - 1) as f64;
        let is_steady = averages.windows(2).all(|w| w[1] - w[0] >= part);
        if rise <= view.floor(first, self.share).max(self.spreads * spread) || !is_steady {
            return None;
        }
        let start_s = view.now_s - i64::try_from(MINUTES).unwrap_or(240) * 60;
        let before = view.detail.window.peak_before(start_s.div_euclid(SLOT_S), view.sign())?;
        if last <= before + 0.1 * rise {
            return None;
        }
        Some(Sighting {
            code: "series.slow_climb",
            onset_s: start_s,
            nats: 1.0,
            args: vec![("minutes", MINUTES.to_string()), ("from", view.show(first)), ("value", view.show(last))],
            linger_s: 1800,
        })
    }
}
