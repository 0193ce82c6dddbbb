//! Points of one series in one slot of time as bytes: times, then one column of values (raw) or five (buckets).

use super::bits::{BitReader, BitWriter, put_varint, take, take_varint, unzigzag, zigzag};
use super::column;

/// First byte of every chunk; another layout gets the next number and this one keeps its reader.
const FORMAT: u8 = 1;
/// Points of a chunk at most: an hour at a tenth of a second.
pub(crate) const POINTS_MAX: usize = 36_000;

/// What one minute or one hour of a series was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Start of the minute or hour, milliseconds since 1970.
    pub at: i64,
    pub min: f64,
    pub max: f64,
    pub sum: f64,
    /// Values that are numbers; NaN is not counted.
    pub count: u64,
    pub last: f64,
}

/// Sorted by time. Exact to the bit, NaN and infinities too.
pub(crate) fn encode(points: &[(i64, f64)]) -> Vec<u8> {
    let times: Vec<i64> = points.iter().map(|p| p.0).collect();
    let values: Vec<f64> = points.iter().map(|p| p.1).collect();
    let mut out = head(&times);
    out.extend(column::encode(&values));
    out
}

/// `None`: not bytes of `encode`.
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<(i64, f64)>> {
    let (times, rest) = un_head(bytes)?;
    let values = column::decode(rest, times.len())?;
    Some(times.into_iter().zip(values).collect())
}

/// How a column of buckets stands in its chunk, with its length.
const OWN: u64 = 0;
/// The same as the column of last values; nothing more.
const SAME: u64 = 1;
/// As the difference from the last value (of the sum: from count times it): small where a series moves little.
const DIFFERENCE: u64 = 2;

/// Last values and counts, then the largest, the smallest and the sum each as it is smallest.
pub(crate) fn encode_buckets(buckets: &[Bucket]) -> Vec<u8> {
    let times: Vec<i64> = buckets.iter().map(|b| b.at).collect();
    let column = |pick: fn(&Bucket) -> f64| buckets.iter().map(pick).collect::<Vec<f64>>();
    let (last, count) = (column(|b| b.last), column(|b| b.count as f64));
    let total: Vec<f64> = last.iter().zip(&count).map(|(l, n)| l * n).collect();
    let mut out = head(&times);
    put_column(&mut out, OWN, &column::encode(&last));
    put_column(&mut out, OWN, &column::encode(&count));
    for (values, base) in [(column(|b| b.max), &last), (column(|b| b.min), &last), (column(|b| b.sum), &total)] {
        if same(&values, base) {
            put_column(&mut out, SAME, &[]);
            continue;
        }
        let own = column::encode(&values);
        let off: Vec<f64> = base.iter().zip(&values).map(|(b, v)| b - v).collect();
        let exact = same(&values, &base.iter().zip(&off).map(|(b, o)| b - o).collect::<Vec<f64>>());
        let difference = if exact { Some(column::encode(&off)) } else { None };
        match difference.filter(|d| d.len() < own.len()) {
            Some(difference) => put_column(&mut out, DIFFERENCE, &difference),
            None => put_column(&mut out, OWN, &own),
        }
    }
    out
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}

fn put_column(out: &mut Vec<u8>, form: u64, bytes: &[u8]) {
    put_varint(out, ((bytes.len() as u64) << 2) | form);
    out.extend(bytes);
}

fn take_column(bytes: &mut &[u8], base: &[f64], count: usize) -> Option<Vec<f64>> {
    let word = take_varint(bytes)?;
    let coded = take(bytes, usize::try_from(word >> 2).ok()?)?;
    match word & 3 {
        OWN => column::decode(coded, count),
        SAME if base.len() == count => Some(base.to_vec()),
        DIFFERENCE if base.len() == count => {
            let off = column::decode(coded, count)?;
            Some(base.iter().zip(off).map(|(b, o)| b - o).collect())
        }
        _ => None,
    }
}

pub(crate) fn decode_buckets(bytes: &[u8]) -> Option<Vec<Bucket>> {
    let (times, mut rest) = un_head(bytes)?;
    let n = times.len();
    // the first two have nothing to differ from
    let last = take_column(&mut rest, &[], n)?;
    let count = take_column(&mut rest, &[], n)?;
    let total: Vec<f64> = last.iter().zip(&count).map(|(l, n)| l * n).collect();
    let max = take_column(&mut rest, &last, n)?;
    let min = take_column(&mut rest, &last, n)?;
    let sum = take_column(&mut rest, &total, n)?;
    let bucket = |(i, at)| Bucket { at, last: last[i], min: min[i], max: max[i], sum: sum[i], count: count[i] as u64 };
    Some(times.into_iter().enumerate().map(bucket).collect())
}

/// Format, number of points, first time, usual step, then differences from that step as Gorilla writes them.
fn head(times: &[i64]) -> Vec<u8> {
    let mut out = vec![FORMAT];
    put_varint(&mut out, times.len() as u64);
    let Some(first) = times.first() else { return out };
    put_varint(&mut out, zigzag(*first));
    let steps: Vec<i64> = times.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    let mut sorted = steps.clone();
    let middle = sorted.len() / 2;
    let usual = if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(middle).1 };
    put_varint(&mut out, zigzag(usual));
    if steps.iter().all(|s| *s == usual) {
        put_varint(&mut out, 0);
        return out;
    }
    // a late point is followed by an early one: counted from the first point each jitter is paid for once
    let mut drift = 0_i64;
    let mut codes = Vec::with_capacity(steps.len());
    for step in steps {
        let off = step.wrapping_sub(usual);
        codes.push(off.wrapping_add(drift));
        drift = if off.unsigned_abs() < JITTER_MS { drift + off } else { drift };
    }
    // and if the first point itself was late, from where most are
    let mut sorted = codes.clone();
    let middle = sorted.len() / 2;
    let most = *sorted.select_nth_unstable(middle).1;
    let mut bits = BitWriter::default();
    codes.iter().for_each(|code| put_difference(&mut bits, code.wrapping_sub(most)));
    let coded = bits.finish();
    put_varint(&mut out, coded.len() as u64);
    put_varint(&mut out, zigzag(most));
    out.extend(coded);
    out
}

fn un_head(mut bytes: &[u8]) -> Option<(Vec<i64>, &[u8])> {
    if take(&mut bytes, 1)? != [FORMAT] {
        return None;
    }
    let count = usize::try_from(take_varint(&mut bytes)?).ok().filter(|n| *n <= POINTS_MAX)?;
    if count == 0 {
        return Some((Vec::new(), bytes));
    }
    let mut at = unzigzag(take_varint(&mut bytes)?);
    let usual = unzigzag(take_varint(&mut bytes)?);
    let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
    let most = if length == 0 { 0 } else { unzigzag(take_varint(&mut bytes)?) };
    let mut bits = BitReader::new(take(&mut bytes, length)?);
    let mut times = Vec::with_capacity(count);
    times.push(at);
    let mut drift = 0_i64;
    for _ in 1..count {
        let off = if length == 0 { 0 } else { take_difference(&mut bits)?.wrapping_add(most).wrapping_sub(drift) };
        drift = if off.unsigned_abs() < JITTER_MS { drift + off } else { drift };
        at = at.wrapping_add(usual).wrapping_add(off);
        times.push(at);
    }
    Some((times, bytes))
}

/// Steps off by this much are gaps, not jitter.
const JITTER_MS: u64 = 1000;
/// Bits that follow each prefix.
const WIDTHS: [u32; 4] = [4, 8, 13, 20];

fn put_difference(bits: &mut BitWriter, value: i64) {
    let code = zigzag(value);
    if code == 0 {
        bits.put(0, 1);
        return;
    }
    for (i, width) in WIDTHS.into_iter().enumerate() {
        if code >> width == 0 {
            bits.put((1 << (i + 2)) - 2, i as u32 + 2);
            bits.put(code, width);
            return;
        }
    }
    bits.put(0b1_1111, 5);
    bits.put(code, 64);
}

fn take_difference(bits: &mut BitReader) -> Option<i64> {
    let mut ones = 0;
    while ones < 5 && bits.bit()? {
        ones += 1;
    }
    match ones {
        0 => Some(0),
        5 => bits.get(64).map(unzigzag),
        n => bits.get(WIDTHS[n - 1]).map(unzigzag),
    }
}

/// Minutes or hours of sorted points; NaN (the stale marker too) is nothing.
pub(crate) fn buckets(points: &[(i64, f64)], width_ms: i64) -> Vec<Bucket> {
    let mut all: Vec<Bucket> = Vec::new();
    for (time, value) in points.iter().filter(|p| !p.1.is_nan()) {
        let at = time - time.rem_euclid(width_ms);
        match all.last_mut().filter(|b| b.at == at) {
            Some(b) => {
                b.min = b.min.min(*value);
                b.max = b.max.max(*value);
                b.sum += value;
                b.count += 1;
                b.last = *value;
            }
            None => all.push(Bucket { at, min: *value, max: *value, sum: *value, count: 1, last: *value }),
        }
    }
    all
}
