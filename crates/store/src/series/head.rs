//! Points since the last cut, in memory, with what of them is not on disk yet.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::{LabelSet, SeriesBatch};

use super::bits::{put_varint, take, take_varint};
use super::chunk;
use super::index::Index;

/// Points of one series between two cuts at most.
const POINTS_MAX: usize = chunk::POINTS_MAX;
/// Points of all series between two cuts at most: two hours of 20,000 series at 15 s. What is above is refused; it is
/// reached only while the disk takes nothing.
const HEAD_POINTS_MAX: usize = 10_000_000;
/// Points are packed in memory by so many: 16 bytes become about two.
const PACK: usize = 64;

/// What became of appended points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    pub written: usize,
    /// Before the last cut: on disk already, `backfill` takes them.
    pub too_old: usize,
    /// Too far ahead of now.
    pub too_new: usize,
    /// Of new series above `Options::series_max`, or more than the head holds.
    pub refused: usize,
}

impl Appended {
    pub(crate) fn add(&mut self, more: Appended) {
        self.written += more.written;
        self.too_old += more.too_old;
        self.too_new += more.too_new;
        self.refused += more.refused;
    }
}

#[derive(Default)]
pub(crate) struct Head {
    pub index: Index,
    pub open: BTreeMap<u32, Open>,
    /// All points before it are in chunks, milliseconds.
    pub cut: i64,
    /// Points and series that no flush has written.
    pub unwritten: BTreeMap<u32, Vec<(i64, f64)>>,
    pub new_series: Vec<(u32, LabelSet)>,
    pub next_id: u32,
    /// A write failed: the log lacks points, the next write is of the whole head.
    pub log_behind: bool,
    /// Of all series.
    points: usize,
}

/// One series since the cut.
#[derive(Default)]
pub(crate) struct Open {
    packed: Vec<Box<[u8]>>,
    loose: Vec<(i64, f64)>,
    count: usize,
}

impl Open {
    fn push(&mut self, point: (i64, f64)) -> bool {
        if self.count >= POINTS_MAX {
            return false;
        }
        self.loose.push(point);
        self.count += 1;
        if self.loose.len() >= PACK {
            self.loose.sort_by_key(|p| p.0);
            self.packed.push(chunk::encode(&self.loose).into());
            self.loose.clear();
        }
        true
    }

    /// All of it, in the order of time; of two points of one time the one that came later.
    pub(crate) fn points(&self) -> Vec<(i64, f64)> {
        let mut all: Vec<(i64, f64)> = Vec::with_capacity(self.count);
        for pack in &self.packed {
            // what we packed ourselves in memory
            all.extend(chunk::decode(pack).unwrap_or_default());
        }
        all.extend(&self.loose);
        sorted(all)
    }

    fn forget_before(&mut self, cut: i64) {
        let kept: Vec<(i64, f64)> = self.points().into_iter().filter(|p| p.0 >= cut).collect();
        *self = Open::default();
        for point in kept {
            self.push(point);
        }
    }
}

/// In the order of time, each time once: the last given value of it.
pub(crate) fn sorted(mut points: Vec<(i64, f64)>) -> Vec<(i64, f64)> {
    if points.is_sorted_by(|a, b| a.0 < b.0) {
        return points;
    }
    points.reverse();
    points.sort_by_key(|p| p.0);
    points.dedup_by_key(|p| p.0);
    points
}

impl Head {
    pub(crate) fn append(&mut self, batches: &[SeriesBatch], newest: i64, series_max: usize) -> Appended {
        let mut done = Appended::default();
        for batch in batches.iter().filter(|b| !b.points.is_empty()) {
            let Some(id) = self.id(&batch.labels, series_max) else {
                done.refused += batch.points.len();
                continue;
            };
            let log_behind = self.log_behind;
            let unwritten = self.unwritten.entry(id).or_default();
            let open = self.open.entry(id).or_default();
            for point in &batch.points {
                if point.0 < self.cut {
                    done.too_old += 1;
                } else if point.0 > newest {
                    done.too_new += 1;
                } else if self.points < HEAD_POINTS_MAX && open.push(*point) {
                    if !log_behind {
                        unwritten.push(*point);
                    }
                    self.points += 1;
                    done.written += 1;
                } else {
                    done.refused += 1;
                }
            }
        }
        done
    }

    /// The number of a series, a new one if there is room.
    pub(crate) fn id(&mut self, labels: &LabelSet, series_max: usize) -> Option<u32> {
        if let Some(id) = self.index.find(labels) {
            return Some(id);
        }
        if self.index.len() >= series_max {
            return None;
        }
        let id = self.next_id.max(1);
        self.next_id = id.checked_add(1)?;
        self.index.insert(id, labels.clone());
        self.new_series.push((id, labels.clone()));
        Some(id)
    }

    pub(crate) fn has_points(&self, id: u32) -> bool {
        self.open.get(&id).is_some_and(|open| open.count > 0)
    }

    pub(crate) fn forget(&mut self, gone: &BTreeSet<u32>) {
        gone.iter().for_each(|id| self.index.remove(*id));
        self.open.retain(|id, _| !gone.contains(id));
        self.unwritten.retain(|id, _| !gone.contains(id));
        self.new_series.retain(|(id, _)| !gone.contains(id));
    }

    /// After a start: points that a flush had written.
    pub(crate) fn replay(&mut self, id: u32, points: &[(i64, f64)]) {
        let open = self.open.entry(id).or_default();
        for point in points.iter().filter(|p| p.0 >= self.cut) {
            self.points += usize::from(open.push(*point));
        }
    }

    pub(crate) fn forget_before(&mut self, cut: i64) {
        self.open.values_mut().for_each(|open| open.forget_before(cut));
        self.open.retain(|_, open| open.count > 0);
        self.points = self.open.values().map(|open| open.count).sum();
    }
}

/// Points of many series as one record: number, length, chunk; again and again.
pub(crate) fn record<'a>(all: impl Iterator<Item = (u32, &'a [(i64, f64)])>) -> Vec<u8> {
    let mut out = Vec::new();
    for (id, points) in all {
        for part in points.chunks(POINTS_MAX) {
            let bytes = chunk::encode(part);
            put_varint(&mut out, u64::from(id));
            put_varint(&mut out, bytes.len() as u64);
            out.extend(bytes);
        }
    }
    out
}

/// A series' number and some of its points.
type Recorded = (u32, Vec<(i64, f64)>);

/// `None`: not bytes of `record`.
pub(crate) fn read_record(mut bytes: &[u8]) -> Option<Vec<Recorded>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let id = u32::try_from(take_varint(&mut bytes)?).ok()?;
        let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
        all.push((id, chunk::decode(take(&mut bytes, length)?)?));
    }
    Some(all)
}
