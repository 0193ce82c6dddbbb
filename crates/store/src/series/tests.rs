//! Chunks are exact, the head survives, the cut loses nothing, retention cuts.

use jiff::Timestamp;
use proptest::prelude::*;
use rootline_model::{LabelSet, STALE, SeriesBatch};

use super::chunk::{Bucket, buckets, decode, decode_buckets, encode, encode_buckets};
use super::*;
use crate::tests::Folder;
use crate::{Keep, Options, Store};

const HOUR: i64 = 3_600_000;
/// A full hour.
const T0: i64 = 472_222 * HOUR;

fn ms(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap()
}

fn labels(name: &str, pod: &str) -> LabelSet {
    [("__name__", name), ("pod", pod)].into_iter().collect()
}

fn batch(name: &str, pod: &str, points: &[(i64, f64)]) -> SeriesBatch {
    SeriesBatch { labels: labels(name, pod), points: points.to_vec() }
}

fn all(name: &str) -> SeriesQuery {
    SeriesQuery { matchers: vec![Matcher::Is("__name__".into(), name.into())], from: 0, to: i64::MAX }
}

fn bits(points: &[(i64, f64)]) -> Vec<(i64, u64)> {
    points.iter().map(|p| (p.0, p.1.to_bits())).collect()
}

fn exact(points: &[(i64, f64)]) {
    assert_eq!(decode(&encode(points)).map(|p| bits(&p)), Some(bits(points)));
}

#[test]
fn hard_values_come_back_to_the_bit() {
    let stale = f64::from_bits(STALE);
    let hard =
        [stale, f64::INFINITY, -0.0, 0.0, 0.1, f64::NAN, f64::MIN_POSITIVE / 2.0, f64::MAX, f64::NEG_INFINITY, 1e300];
    let points: Vec<(i64, f64)> = hard.iter().enumerate().map(|(i, v)| (T0 + 15_000 * i as i64, *v)).collect();
    exact(&points);
    exact(&[]);
    for point in &points {
        exact(&[*point]);
    }
    // a counter that ends: whole numbers with the stale marker in between
    let mut counter: Vec<(i64, f64)> = (0..240).map(|i| (T0 + i * 15_000 + i % 3, (i * i) as f64)).collect();
    counter[200].1 = stale;
    exact(&counter);
    exact(&[(i64::MIN, 1.0), (-1, 2.5), (0, 9_007_199_254_740_993.0), (i64::MAX, -1e18)]);
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i64>().prop_map(|n| n as f64),
        (-1_000_000_i64..1_000_000, 0..6_u32).prop_map(|(n, d)| n as f64 / f64::from(10_u32.pow(d))),
        Just(f64::from_bits(STALE)),
        Just(f64::INFINITY),
        Just(0.0),
        (0_i64..1000).prop_map(|n| (n * 4096) as f64),
    ]
}

proptest! {
    #[test]
    fn any_points_come_back_to_the_bit(
        steps in prop::collection::vec((prop_oneof![Just(15_000_i64), 14_990..15_010_i64, 1..10_000_000_i64], value()), 0..300),
        start in -1_000_000_000_000_000_i64..1_000_000_000_000_000,
    ) {
        let mut at = start;
        let points: Vec<(i64, f64)> = steps.into_iter().map(|(step, v)| { at += step; (at, v) }).collect();
        exact(&points);
    }

    #[test]
    fn values_of_one_kind_come_back_to_the_bit(values in prop::collection::vec(-5_000_i64..5_000, 1..300), decimals in 0..9_u32) {
        let points: Vec<(i64, f64)> = values.iter().enumerate()
            .map(|(i, v)| (T0 + i as i64 * 15_000, *v as f64 / f64::from(10_u32.pow(decimals)))).collect();
        exact(&points);
    }

    #[test]
    fn buckets_come_back_to_the_bit(points in prop::collection::vec((0..HOUR, prop_oneof![-1e6..1e6_f64, (0..5000_i64).prop_map(|n| n as f64), Just(f64::INFINITY)]), 1..200)) {
        let points = super::head::sorted(points);
        let made = buckets(&points, 60_000);
        let plain = |b: &Bucket| (b.at, [b.min, b.max, b.sum, b.last].map(f64::to_bits), b.count);
        let back = decode_buckets(&encode_buckets(&made)).unwrap_or_default();
        prop_assert_eq!(back.iter().map(plain).collect::<Vec<_>>(), made.iter().map(plain).collect::<Vec<_>>());
        prop_assert_eq!(made.iter().map(|b| b.count).sum::<u64>(), points.len() as u64);
        prop_assert!(made.iter().all(|b| b.min <= b.last && b.last <= b.max && b.at % 60_000 == 0));
    }

    #[test]
    fn foreign_bytes_are_refused_or_read_but_never_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), known in any::<bool>()) {
        if known && !bytes.is_empty() {
            bytes[0] = 1;
        }
        let _ = (decode(&bytes), decode_buckets(&bytes), super::head::read_record(&bytes));
    }

    #[test]
    fn a_cut_off_chunk_is_never_read_as_the_whole(values in prop::collection::vec(any::<f64>(), 2..50), cut in 1..40_usize) {
        let points: Vec<(i64, f64)> = values.iter().enumerate().map(|(i, v)| (i as i64 * 1000, *v)).collect();
        let bytes = encode(&points);
        let shorter = &bytes[..bytes.len().saturating_sub(cut)];
        prop_assert_ne!(decode(shorter).map(|p| bits(&p)), Some(bits(&points)));
    }
}

#[test]
fn points_are_there_at_once_after_a_restart_and_after_the_cut() {
    let folder = Folder::new("series");
    let points: Vec<(i64, f64)> = (0..600).map(|i| (T0 + i * 15_000, (i % 7) as f64)).collect();
    let raw = |store: &Store| store.range(&all("up")).unwrap().remove(0).points;
    {
        let store = folder.open();
        store.append(&[batch("up", "a", &points[..300])], ms(points[299].0)).unwrap();
        assert_eq!(raw(&store), points[..300]);
        store.flush(ms(T0 + HOUR)).unwrap();
        store.append(&[batch("up", "a", &points[300..])], ms(points[599].0)).unwrap();
        store.flush(ms(T0 + HOUR + 1)).unwrap();
    }
    {
        let store = folder.open();
        assert_eq!(raw(&store), points, "from the log");
        store.flush(ms(T0 + 2 * HOUR + GRACE_MS)).unwrap();
        assert_eq!(raw(&store), points, "from chunks and head");
    }
    let store = folder.open();
    assert_eq!(raw(&store), points);
    let minutes = store.buckets(&all("up"), Resolution::Minute).unwrap().remove(0).buckets;
    assert_eq!(minutes, buckets(&points, 60_000), "two hours of chunks and half an hour of the head");
    let hours = store.buckets(&all("up"), Resolution::Hour).unwrap().remove(0).buckets;
    assert_eq!(hours, buckets(&points, HOUR));
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn what_was_not_flushed_is_lost_and_nothing_else() {
    let folder = Folder::new("unflushed");
    {
        let store = folder.open();
        store.append(&[batch("up", "a", &[(T0, 1.0)])], ms(T0)).unwrap();
        store.flush(ms(T0)).unwrap();
        store.append(&[batch("up", "a", &[(T0 + 1, 2.0)]), batch("up", "b", &[(T0, 1.0)])], ms(T0)).unwrap();
    }
    let store = folder.open();
    assert_eq!(store.range(&all("up")).unwrap(), [batch("up", "a", &[(T0, 1.0)])]);
}

#[test]
fn late_points_are_sorted_in_older_ones_refused_and_backfilled() {
    let folder = Folder::new("late");
    let store = folder.open();
    let now = ms(T0 + 10_000);
    let done = store.append(&[batch("up", "a", &[(T0 + 3, 3.0), (T0 + 1, 1.0), (T0 + 3, 4.0)])], now).unwrap();
    assert_eq!(done, Appended { written: 3, ..Appended::default() });
    let read = |store: &Store| bits(&store.range(&all("up")).unwrap()[0].points);
    assert_eq!(read(&store), bits(&[(T0 + 1, 1.0), (T0 + 3, 4.0)]), "sorted; of one time the later one");
    store.flush(ms(T0 + HOUR + GRACE_MS)).unwrap();
    let late = batch("up", "a", &[(T0 + 2, 2.0), (T0 + HOUR + 5, 5.0), (T0 + 9 * HOUR, 9.0)]);
    let done = store.append(std::slice::from_ref(&late), ms(T0 + HOUR)).unwrap();
    assert_eq!(done, Appended { written: 1, too_old: 1, too_new: 1, refused: 0 });
    let done = store.backfill(&[late], ms(T0 + HOUR)).unwrap();
    assert_eq!((done.written, done.too_new), (2, 1));
    let expected = [(T0 + 1, 1.0), (T0 + 2, 2.0), (T0 + 3, 4.0), (T0 + HOUR + 5, 5.0)];
    assert_eq!(read(&store), bits(&expected));
    let hours = store.buckets(&all("up"), Resolution::Hour).unwrap()[0].buckets.clone();
    assert_eq!(
        hours,
        [
            Bucket { at: T0, min: 1.0, max: 4.0, sum: 7.0, count: 3, last: 4.0 },
            Bucket { at: T0 + HOUR, min: 5.0, max: 5.0, sum: 5.0, count: 1, last: 5.0 }
        ]
    );
}

#[test]
fn a_week_is_loaded_into_a_new_store() {
    let folder = Folder::new("week");
    let store = folder.open();
    let points: Vec<(i64, f64)> = (0..7 * 24 * 60).map(|i| (T0 + i * 60_000, i as f64)).collect();
    let now = ms(T0 + 7 * 24 * HOUR);
    let done = store.backfill(&[batch("up", "a", &points)], now).unwrap();
    assert_eq!(done.written, points.len());
    assert_eq!(store.range(&all("up")).unwrap()[0].points, points);
    assert_eq!(store.buckets(&all("up"), Resolution::Hour).unwrap()[0].buckets.len(), 7 * 24);
}

#[test]
fn series_are_found_by_their_labels() {
    let folder = Folder::new("labels");
    {
        let store = folder.open();
        let some = [batch("up", "a", &[(T0, 1.0)]), batch("up", "b", &[(T0, 1.0)]), batch("down", "a", &[(T0, 1.0)])];
        store.append(&some, ms(T0)).unwrap();
        store.flush(ms(T0)).unwrap();
    }
    let store = folder.open();
    let found = |m: &[Matcher]| store.series(m).iter().map(ToString::to_string).collect::<Vec<_>>();
    let (is, not) =
        (|n: &str, v: &str| Matcher::Is(n.into(), v.into()), |n: &str, v: &str| Matcher::Not(n.into(), v.into()));
    assert_eq!(found(&[is("pod", "a")]), [r#"{__name__="up", pod="a"}"#, r#"{__name__="down", pod="a"}"#]);
    assert_eq!(found(&[is("__name__", "up"), not("pod", "a")]), [r#"{__name__="up", pod="b"}"#]);
    assert_eq!(found(&[Matcher::In("pod".into(), vec!["b".into(), "c".into()])]), [r#"{__name__="up", pod="b"}"#]);
    assert_eq!(found(&[is("node", ""), not("pod", "")]).len(), 3);
    assert_eq!(
        (store.label_names(), store.label_values("pod")),
        (vec!["__name__".into(), "pod".into()], vec!["a".into(), "b".into()])
    );
}

#[test]
fn more_series_than_allowed_are_refused_and_counted() {
    let folder = Folder::new("limit");
    let store = Store::open(&folder.0, &Options { series_max: 1, ..Options::default() }).unwrap();
    let done = store.append(&[batch("up", "a", &[(T0, 1.0)]), batch("up", "b", &[(T0, 1.0)])], ms(T0)).unwrap();
    assert_eq!(done, Appended { written: 1, refused: 1, ..Appended::default() });
}

#[test]
fn retention_drops_raw_points_first_and_forgets_series_that_are_gone() {
    let folder = Folder::new("retention");
    let store = folder.open();
    let old: Vec<(i64, f64)> = (0..48 * 60).map(|i| (T0 + i * 60_000, i as f64)).collect();
    let end = T0 + 48 * HOUR;
    store.backfill(&[batch("up", "gone", &old), batch("up", "here", &old)], ms(end)).unwrap();
    store.append(&[batch("up", "here", &[(end, 1.0)])], ms(end)).unwrap();
    let keep = Keep { raw: jiff::SignedDuration::from_hours(24), ..Keep::default() };
    let removed = store.retention(&keep, ms(end)).unwrap();
    assert_eq!((removed.chunks, removed.series), (48, 0));
    assert_eq!(store.range(&all("up")).unwrap()[0].points, old[24 * 60..]);
    assert_eq!(store.buckets(&all("up"), Resolution::Minute).unwrap()[0].buckets.len(), 48 * 60);
    // a year and a half later
    let late = end + 24 * HOUR * 550;
    store.flush(ms(late)).unwrap();
    store.append(&[batch("up", "here", &[(late, 1.0)])], ms(late)).unwrap();
    let removed = store.retention(&keep, ms(late)).unwrap();
    assert_eq!(removed.series, 1);
    assert_eq!(store.series(&[]), [labels("up", "here")]);
    assert!(store.verify().unwrap().is_sound());
}

#[test]
fn above_its_bytes_the_oldest_raw_hours_go() {
    let folder = Folder::new("bytes");
    let store = folder.open();
    let noise = |i: i64| ((i * 7919) % 100_003) as f64 / 7.0;
    let points: Vec<(i64, f64)> = (0..20 * 240).map(|i| (T0 + i * 15_000, noise(i))).collect();
    let batches: Vec<SeriesBatch> = (0..10).map(|n| batch("up", &n.to_string(), &points)).collect();
    store.backfill(&batches, ms(T0 + 21 * HOUR)).unwrap();
    let limit = store.size().unwrap().history_used * 3 / 4;
    store.retention(&Keep { history_bytes: limit, ..Keep::default() }, ms(T0 + 21 * HOUR)).unwrap();
    assert!(store.size().unwrap().history_used <= limit);
    let left = store.range(&all("up")).unwrap()[0].points.clone();
    assert!(!left.is_empty() && left.len() < points.len());
    assert_eq!(left.last(), points.last());
    assert_eq!(store.buckets(&all("up"), Resolution::Hour).unwrap()[0].buckets.len(), 20);
}

/// Bytes of chunks as released: they must be readable for ever.
#[test]
fn chunks_of_format_1_are_read_as_they_were_written() {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let times = |n: i64| T0 + n * 15_000 + i64::from(n == 3);
    let chunk = |values: &[f64]| {
        let points: Vec<(i64, f64)> = values.iter().enumerate().map(|(i, v)| (times(i as i64), *v)).collect();
        (hex(&encode(&points)), points)
    };
    let cases: [(&str, &[f64]); 4] = [
        (CONSTANT, &[4096.0; 5]),
        (COUNTER, &[1.0, 16.0, 31.5, f64::from_bits(STALE), 61.0]),
        (GORILLA, &[0.1, 0.2 + 0.1, std::f64::consts::PI, 1e-300, -7.25]),
        (EMPTY, &[]),
    ];
    for (golden, values) in cases {
        let (made, points) = chunk(values);
        assert_eq!(made, golden);
        let bytes: Vec<u8> =
            (0..golden.len()).step_by(2).map(|i| u8::from_str_radix(&golden[i..i + 2], 16).unwrap()).collect();
        assert_eq!(bits(&decode(&bytes).unwrap()), bits(&points));
    }
    let bucket = Bucket { at: T0, min: 1.0, max: 3.5, sum: 4.5, count: 2, last: 1.0 };
    assert_eq!(hex(&encode_buckets(&[bucket])), BUCKET);
}

const CONSTANT: &str = "010580ccc9fdf962b0ea010200220000c0e002";
const COUNTER: &str = "010580ccc9fdf962b0ea0102002200023ff0000000000000c247ff609fc5e7f9f000000000006fefa0000000000080";
const GORILLA: &str =
    "010580ccc9fdf962b0ea0102002200039a9999999999b93f343333333333d33f182d4454fb21094059f3f8c21f6ea5010000000000001dc0";
const EMPTY: &str = "0100";
const BUCKET: &str = "010180ccc9fdf96200001000bfe0030800400c00c018010c00c024";
