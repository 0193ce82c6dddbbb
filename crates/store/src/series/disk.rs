//! The head's log and the chunks in SQLite.

use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;
use rootline_model::{LabelSet, SeriesBatch};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::chunk::{self, Bucket};
use super::head::{self, Head, sorted};
use super::{
    ANSWER_POINTS_MAX, Appended, FUTURE_MS, GRACE_MS, Matcher, Resolution, SeriesBuckets, SeriesQuery, SeriesStore,
};
use crate::error::{Fault, Result, StoreError};
use crate::record::{from_json, to_json};
use crate::store::Store;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
pub(crate) const RAW: i64 = 0;
pub(crate) const MINUTES: i64 = 1;
pub(crate) const HOURS: i64 = 2;
/// From so many series on, reading a whole slot is cheaper than looking each up.
const SCAN_FROM: usize = 64;

type Points = Vec<(i64, f64)>;
type Selected = BTreeMap<u32, (LabelSet, Points)>;

impl Store {
    pub(crate) fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Matching series with their points in the head, and the moment before which all points are in chunks. Taken before
    /// the chunks are read: what a cut moves in between is then seen twice, and not never.
    fn selected(&self, query: &SeriesQuery) -> (Selected, i64) {
        let head = self.head();
        let inside = |p: &(i64, f64)| (query.from..=query.to).contains(&p.0);
        let series = head.index.select(&query.matchers).into_iter().filter_map(|id| {
            let points = head.open.get(&id).map(head::Open::points).unwrap_or_default();
            Some((id, (head.index.labels(id)?.clone(), points.into_iter().filter(inside).collect())))
        });
        (series.collect(), head.cut)
    }
}

impl SeriesStore for Store {
    fn append(&self, batches: &[SeriesBatch], now: Timestamp) -> Result<Appended> {
        let newest = now.as_millisecond().saturating_add(FUTURE_MS);
        Ok(self.head().append(batches, newest, self.options.series_max))
    }

    fn backfill(&self, batches: &[SeriesBatch], now: Timestamp) -> Result<Appended> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.head().cut == 0 {
            // of a new store: or the past would have to fit into the head
            self.flush_alone(now)?;
        }
        let (mut old, mut done) = (Vec::new(), Appended::default());
        {
            let mut head = self.head();
            let newest = now.as_millisecond().saturating_add(FUTURE_MS);
            let cut = head.cut;
            let recent = |points: &[(i64, f64)]| points.iter().copied().partition::<Points, _>(|p| p.0 >= cut);
            for batch in batches.iter().filter(|b| !b.points.is_empty()) {
                let (new, before) = recent(&batch.points);
                let new = SeriesBatch { labels: batch.labels.clone(), points: new };
                done.add(head.append(&[new], newest, self.options.series_max));
                match head.id(&batch.labels, self.options.series_max) {
                    Some(id) => old.push((id, sorted(before))),
                    None => done.refused += before.len(),
                }
            }
        }
        done.written += old.iter().map(|(_, points)| points.len()).sum::<usize>();
        self.write_head(|t| {
            for (id, points) in &old {
                merge(t, *id, points)?;
            }
            Ok(())
        })?;
        Ok(done)
    }

    fn flush(&self, now: Timestamp) -> Result<()> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        self.flush_alone(now)
    }

    fn range(&self, query: &SeriesQuery) -> Result<Vec<SeriesBatch>> {
        let (mut series, _) = self.selected(query);
        let ids: Vec<u32> = series.keys().copied().collect();
        let mut count = 0;
        self.history.read(|db| {
            chunks(db, RAW, (query.from.div_euclid(HOUR_MS), query.to.div_euclid(HOUR_MS)), &ids, |id, bytes| {
                let points = chunk::decode(bytes).unwrap_or_default();
                let inside = points.into_iter().filter(|p| (query.from..=query.to).contains(&p.0));
                let Some((_, all)) = series.get_mut(&id) else { return Ok(()) };
                let before = all.len();
                all.extend(inside);
                bounded(&mut count, all.len() - before)
            })
        })?;
        let full = series.into_values().map(|(labels, points)| SeriesBatch { labels, points: sorted(points) });
        Ok(full.filter(|s| !s.points.is_empty()).collect())
    }

    fn buckets(&self, query: &SeriesQuery, resolution: Resolution) -> Result<Vec<SeriesBuckets>> {
        let width = resolution.width_ms();
        let from = query.from.div_euclid(width) * width;
        let (level, slot) = match resolution {
            Resolution::Minute => (MINUTES, HOUR_MS),
            Resolution::Hour => (HOURS, DAY_MS),
        };
        let (series, cut) = self.selected(&SeriesQuery { from, to: query.to, ..query.clone() });
        let ids: Vec<u32> = series.keys().copied().collect();
        let mut all: BTreeMap<u32, BTreeMap<i64, Bucket>> = BTreeMap::new();
        let mut count = 0;
        self.history.read(|db| {
            chunks(db, level, (from.div_euclid(slot), query.to.div_euclid(slot)), &ids, |id, bytes| {
                let inside = chunk::decode_buckets(bytes).unwrap_or_default();
                let inside = inside.into_iter().filter(|b| (from..=query.to).contains(&b.at));
                let kept = all.entry(id).or_default();
                let before = kept.len();
                kept.extend(inside.map(|b| (b.at, b)));
                bounded(&mut count, kept.len() - before)
            })
        })?;
        let full = series.into_iter().map(|(id, (labels, points))| {
            let mut kept = all.remove(&id).unwrap_or_default();
            let recent: Points = points.into_iter().filter(|p| p.0 >= cut).collect();
            kept.extend(chunk::buckets(&recent, width).into_iter().map(|b| (b.at, b)));
            SeriesBuckets { labels, buckets: kept.into_values().collect() }
        });
        Ok(full.filter(|s| !s.buckets.is_empty()).collect())
    }

    fn series(&self, matchers: &[Matcher]) -> Vec<LabelSet> {
        let head = self.head();
        head.index.select(matchers).into_iter().filter_map(|id| head.index.labels(id).cloned()).collect()
    }

    fn label_names(&self) -> Vec<String> {
        self.head().index.names()
    }

    fn label_values(&self, name: &str) -> Vec<String> {
        self.head().index.values(name)
    }
}

impl Store {
    /// What is new of the head to the log, without a cut.
    pub(crate) fn log_head(&self) -> Result<()> {
        let _one = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        self.write_head(|_| Ok(()))
    }

    /// With `flushing` held.
    fn flush_alone(&self, now: Timestamp) -> Result<()> {
        let hour = now.as_millisecond().saturating_sub(GRACE_MS).div_euclid(HOUR_MS) * HOUR_MS;
        let before = self.head().cut;
        if hour <= before {
            return self.write_head(|_| Ok(()));
        }
        // from here on older points are refused: none may come between reading the head and emptying it
        self.head().cut = hour;
        let cut = self.cut(hour);
        let mut head = self.head();
        match &cut {
            Ok(()) => head.forget_before(hour),
            Err(_) => head.cut = before,
        }
        cut
    }

    /// New series, the log of new points, and whatever `also` writes, in one transaction.
    fn write_head(&self, also: impl FnOnce(&Transaction) -> std::result::Result<(), Fault>) -> Result<()> {
        let (new_series, record, whole) = {
            let mut head = self.head();
            let whole = std::mem::take(&mut head.log_behind);
            let unwritten = std::mem::take(&mut head.unwritten);
            let record = if whole { whole_record(&head, i64::MIN) } else { some_record(&unwritten) };
            (std::mem::take(&mut head.new_series), record, whole)
        };
        let written = self.history.write(|t| {
            name_series(t, &new_series)?;
            if whole {
                t.execute("DELETE FROM head", [])?;
            }
            log(t, &record)?;
            also(t)
        });
        self.settled(written, new_series)
    }

    /// All points before `hour` become chunks; the log keeps the others.
    fn cut(&self, hour: i64) -> Result<()> {
        let (new_series, closed, record) = {
            let mut head = self.head();
            let closed: Vec<(u32, Points)> = head
                .open
                .iter()
                .map(|(id, open)| (*id, open.points().into_iter().filter(|p| p.0 < hour).collect::<Points>()))
                .filter(|(_, points)| !points.is_empty())
                .collect();
            head.unwritten.clear();
            head.log_behind = false;
            (std::mem::take(&mut head.new_series), closed, whole_record(&head, hour))
        };
        let written = self.history.write(|t| {
            name_series(t, &new_series)?;
            // in the order of the table
            let mut slots: BTreeMap<(i64, u32), &[(i64, f64)]> = BTreeMap::new();
            for (id, points) in &closed {
                for part in points.chunk_by(|a, b| a.0.div_euclid(HOUR_MS) == b.0.div_euclid(HOUR_MS)) {
                    slots.insert((part[0].0.div_euclid(HOUR_MS), *id), part);
                }
            }
            for ((slot, id), points) in slots {
                put_hour(t, slot, id, points)?;
            }
            t.execute("DELETE FROM head", [])?;
            log(t, &record)?;
            t.execute("UPDATE meta SET value = ?1 WHERE name = 'cut'", [hour])?;
            Ok(())
        });
        self.settled(written, new_series)
    }

    /// After a failed write the next one writes everything again.
    fn settled(&self, written: Result<()>, mut new_series: Vec<(u32, LabelSet)>) -> Result<()> {
        if written.is_err() {
            let mut head = self.head();
            head.log_behind = true;
            head.unwritten.clear();
            new_series.append(&mut head.new_series);
            head.new_series = new_series;
        }
        written
    }
}

/// Reads labels, the cut and the log.
pub(crate) fn load(db: &Connection, file: &str) -> std::result::Result<Head, Fault> {
    let mut head = Head::default();
    let mut query = db.prepare("SELECT id, labels FROM series")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        let labels: LabelSet = from_json("series", &r.get::<_, String>(1)?)?;
        head.index.insert(r.get(0)?, labels);
    }
    head.next_id = head.index.next();
    head.cut = db.query_row("SELECT value FROM meta WHERE name = 'cut'", [], |r| r.get(0))?;
    let mut query = db.prepare("SELECT seq, crc, bytes FROM head ORDER BY seq")?;
    let mut rows = query.query([])?;
    while let Some(r) = rows.next()? {
        let (seq, crc, bytes): (i64, u32, Vec<u8>) = (r.get(0)?, r.get(1)?, r.get(2)?);
        let record = (crc32fast::hash(&bytes) == crc).then(|| head::read_record(&bytes)).flatten();
        match record {
            Some(record) => record.iter().for_each(|(id, points)| head.replay(*id, points)),
            // a gap of some seconds is better than no start
            None => tracing::warn!(file, seq, "a damaged record of the head was left out"),
        }
    }
    Ok(head)
}

fn some_record(unwritten: &BTreeMap<u32, Points>) -> Vec<u8> {
    head::record(unwritten.iter().filter(|(_, p)| !p.is_empty()).map(|(id, points)| (*id, points.as_slice())))
}

fn whole_record(head: &Head, from: i64) -> Vec<u8> {
    let mut out = Vec::new();
    for (id, open) in &head.open {
        let points: Points = open.points().into_iter().filter(|p| p.0 >= from).collect();
        if !points.is_empty() {
            out.extend(head::record([(*id, points.as_slice())].into_iter()));
        }
    }
    out
}

fn log(t: &Transaction, record: &[u8]) -> std::result::Result<(), Fault> {
    if !record.is_empty() {
        let mut put = t.prepare_cached("INSERT INTO head (crc, bytes) VALUES (?1, ?2)")?;
        put.execute(params![crc32fast::hash(record), record])?;
    }
    Ok(())
}

fn name_series(t: &Transaction, series: &[(u32, LabelSet)]) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached("INSERT OR REPLACE INTO series (id, labels) VALUES (?1, ?2)")?;
    for (id, labels) in series {
        put.execute(params![id, to_json("series", labels)?])?;
    }
    Ok(())
}

/// One series' points of one hour that has none yet, their minutes, and their hour in its day.
fn put_hour(t: &Transaction, slot: i64, id: u32, points: &[(i64, f64)]) -> std::result::Result<(), Fault> {
    put_chunk(t, (RAW, slot, id), points.len(), &chunk::encode(points))?;
    let minutes = chunk::buckets(points, Resolution::Minute.width_ms());
    if !minutes.is_empty() {
        put_chunk(t, (MINUTES, slot, id), minutes.len(), &chunk::encode_buckets(&minutes))?;
    }
    let day = slot.div_euclid(24);
    let before = get_chunk(t, (HOURS, day, id))?.and_then(|b| chunk::decode_buckets(&b)).unwrap_or_default();
    let mut hours: BTreeMap<i64, Bucket> = before.into_iter().map(|b| (b.at, b)).collect();
    hours.extend(chunk::buckets(points, Resolution::Hour.width_ms()).into_iter().map(|b| (b.at, b)));
    let hours: Vec<Bucket> = hours.into_values().collect();
    // empty for a series of NaN alone: while there are points there is a row here, by which retention knows
    put_chunk(t, (HOURS, day, id), hours.len(), &chunk::encode_buckets(&hours))
}

/// Sorted points of the past into the hours they belong to.
fn merge(t: &Transaction, id: u32, points: &[(i64, f64)]) -> std::result::Result<(), Fault> {
    for part in points.chunk_by(|a, b| a.0.div_euclid(HOUR_MS) == b.0.div_euclid(HOUR_MS)) {
        let slot = part[0].0.div_euclid(HOUR_MS);
        let mut all = get_chunk(t, (RAW, slot, id))?.and_then(|b| chunk::decode(&b)).unwrap_or_default();
        all.extend(part);
        let mut all = sorted(all);
        all.truncate(chunk::POINTS_MAX);
        put_hour(t, slot, id, &all)?;
    }
    Ok(())
}

type Place = (i64, i64, u32);

fn put_chunk(t: &Transaction, place: Place, points: usize, bytes: &[u8]) -> std::result::Result<(), Fault> {
    let mut put = t.prepare_cached(
        "INSERT OR REPLACE INTO chunk (level, slot, series, points, crc, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    put.execute(params![place.0, place.1, place.2, points, crc32fast::hash(bytes), bytes])?;
    Ok(())
}

fn get_chunk(db: &Connection, place: Place) -> std::result::Result<Option<Vec<u8>>, Fault> {
    let mut get = db.prepare_cached("SELECT crc, bytes FROM chunk WHERE level = ?1 AND slot = ?2 AND series = ?3")?;
    let found = get.query_row(place, |r| Ok((r.get::<_, u32>(0)?, r.get::<_, Vec<u8>>(1)?))).optional()?;
    Ok(found.and_then(|(crc, bytes)| sound(place, crc, bytes)))
}

/// A damaged chunk is a gap with a warning, not the end of the answer; `verify` lists it.
fn sound(place: Place, crc: u32, bytes: Vec<u8>) -> Option<Vec<u8>> {
    if crc32fast::hash(&bytes) == crc {
        return Some(bytes);
    }
    tracing::warn!(level = place.0, slot = place.1, series = place.2, "a chunk with a wrong checksum was left out");
    None
}

/// Calls `take` with each sound chunk of these series in these slots, in the order of time.
fn chunks(
    db: &Connection,
    level: i64,
    (first, last): (i64, i64),
    ids: &[u32],
    mut take: impl FnMut(u32, &[u8]) -> std::result::Result<(), Fault>,
) -> std::result::Result<(), Fault> {
    // apart: SQLite finds one end of an index at once, for both together it reads all of it
    let mut ends = db.prepare_cached(
        "SELECT (SELECT min(slot) FROM chunk WHERE level = ?1), (SELECT max(slot) FROM chunk WHERE level = ?1)",
    )?;
    let (from, to): (Option<i64>, Option<i64>) = ends.query_row([level], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let (Some(from), Some(to)) = (from, to) else { return Ok(()) };
    let mut scan = db.prepare_cached(
        "SELECT series, crc, bytes FROM chunk WHERE level = ?1 AND slot = ?2 AND series BETWEEN ?3 AND ?4",
    )?;
    let (Some(lowest), Some(highest)) = (ids.first(), ids.last()) else { return Ok(()) };
    for slot in first.max(from)..=last.min(to) {
        if ids.len() < SCAN_FROM {
            for id in ids {
                if let Some(bytes) = get_chunk(db, (level, slot, *id))? {
                    take(*id, &bytes)?;
                }
            }
            continue;
        }
        let mut rows = scan.query(params![level, slot, lowest, highest])?;
        while let Some(r) = rows.next()? {
            let id: u32 = r.get(0)?;
            if ids.binary_search(&id).is_err() {
                continue;
            }
            if let Some(bytes) = sound((level, slot, id), r.get(1)?, r.get(2)?) {
                take(id, &bytes)?;
            }
        }
    }
    Ok(())
}

fn bounded(count: &mut usize, more: usize) -> std::result::Result<(), Fault> {
    *count += more;
    if *count > ANSWER_POINTS_MAX {
        return Err(StoreError::TooMuch { limit: ANSWER_POINTS_MAX }.into());
    }
    Ok(())
}
