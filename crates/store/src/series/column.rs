//! One column of numbers as few bytes, exact to the bit.
//!
//! The smallest of: one value; whole numbers (decimals scaled by a power of ten, divided by what all steps share, level or
//! step against its median, Rice codes as in Golomb 1966 and FLAC); Gorilla's XOR (Pelkonen et al., VLDB 2015, section
//! 4.1.3); plain. Values that no decimal hits (the stale marker, infinities, -0) stand in a list beside.

use super::bits::{BitReader, BitWriter, put_varint, take, take_varint, unzigzag, zigzag};

const SAME: u8 = 0;
const WHOLE: u8 = 1;
const XOR: u8 = 2;
const PLAIN: u8 = 3;

/// Largest power of ten tried.
const DECIMALS_MAX: usize = 9;
const TENS: [f64; DECIMALS_MAX + 1] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Up to here every whole number is an f64.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
/// Ones of a Rice code before it is written plainly.
const ESCAPE: u32 = 24;

/// Empty for no values.
pub(crate) fn encode(values: &[f64]) -> Vec<u8> {
    let Some(first) = values.first() else { return Vec::new() };
    if values.iter().all(|v| v.to_bits() == first.to_bits()) {
        let mut out = vec![SAME];
        // round numbers have empty low bytes
        put_varint(&mut out, first.to_bits().swap_bytes());
        return out;
    }
    let whole = whole(values);
    // XOR spends two bits a value at least, and seldom less than a byte
    if let Some(whole) = whole.as_ref().filter(|w| w.len() <= values.len()) {
        return whole.clone();
    }
    let xor = xor(values);
    let best = whole.filter(|w| w.len() <= xor.len()).unwrap_or(xor);
    if best.len() <= values.len() * 8 {
        return best;
    }
    let mut out = vec![PLAIN];
    out.extend(values.iter().flat_map(|v| v.to_bits().to_le_bytes()));
    out
}

/// `None`: not bytes of `encode` with that many values.
pub(crate) fn decode(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    if count == 0 {
        return bytes.is_empty().then(Vec::new);
    }
    let (mode, mut rest) = bytes.split_first()?;
    match *mode {
        SAME => Some(vec![f64::from_bits(take_varint(&mut rest)?.swap_bytes()); count]),
        WHOLE => un_whole(rest, count),
        XOR => un_xor(rest, count),
        PLAIN => {
            let (words, more) = rest.as_chunks::<8>();
            let all = words.len() == count && more.is_empty();
            all.then(|| words.iter().map(|w| f64::from_bits(u64::from_le_bytes(*w))).collect())
        }
        _ => None,
    }
}

/// `value` as a whole number of 10^-decimals, if that gives back the same bits.
fn scaled(value: f64, decimals: usize) -> Option<i64> {
    let number = (value * TENS[decimals]).round();
    // also false for NaN
    let fits = number.abs() < WHOLE_MAX;
    (fits && (number / TENS[decimals]).to_bits() == value.to_bits()).then_some(number as i64)
}

/// The fewest decimals that hit nine of ten of the values.
fn decimals(values: &[f64]) -> Option<usize> {
    (0..=DECIMALS_MAX).find(|d| {
        let mut misses = 0;
        values.iter().all(|v| {
            misses += usize::from(scaled(*v, *d).is_none());
            misses * 10 <= values.len()
        })
    })
}

fn whole(values: &[f64]) -> Option<Vec<u8>> {
    let decimals = decimals(values)?;
    let mut odd: Vec<(usize, u64)> = Vec::new();
    let mut numbers: Vec<i64> = Vec::with_capacity(values.len());
    for (i, value) in values.iter().enumerate() {
        let number = scaled(*value, decimals).unwrap_or_else(|| {
            odd.push((i, value.to_bits()));
            numbers.last().copied().unwrap_or(0)
        });
        numbers.push(number);
    }
    let levels = residuals(&numbers, 0);
    let steps = residuals(&numbers, 1);
    let (order, coded) = if steps.1.len() <= levels.1.len() { (1, steps) } else { (0, levels) };
    let (head, bits) = coded;
    let mut out = vec![WHOLE, (decimals as u8) | (order << 4)];
    put_varint(&mut out, odd.len() as u64);
    let mut before = 0;
    for (i, bits) in odd {
        put_varint(&mut out, (i - before) as u64);
        out.extend(bits.to_le_bytes());
        before = i;
    }
    out.extend(head);
    out.extend(bits);
    Some(out)
}

/// First number, shared divisor, median, Rice parameter; then the codes of the levels or of the steps.
fn residuals(numbers: &[i64], order: u8) -> (Vec<u8>, Vec<u8>) {
    let first = numbers[0];
    // below 2^54 in size, so that no difference overflows
    let mut all: Vec<i64> = match order {
        0 => numbers[1..].iter().map(|n| n - first).collect(),
        _ => numbers.windows(2).map(|w| w[1] - w[0]).collect(),
    };
    let shared = all.iter().fold(0_u64, |g, n| gcd(g, n.unsigned_abs())).max(1);
    let divisor = shared.cast_signed();
    all.iter_mut().for_each(|n| *n /= divisor);
    let mut sorted = all.clone();
    let middle = sorted.len() / 2;
    let median = if sorted.is_empty() { 0 } else { *sorted.select_nth_unstable(middle).1 };
    let codes: Vec<u64> = all.iter().map(|n| zigzag(n - median)).collect();
    let parameter = rice_parameter(&codes);
    let mut head = Vec::new();
    put_varint(&mut head, zigzag(first));
    put_varint(&mut head, shared);
    put_varint(&mut head, zigzag(median));
    head.push(parameter as u8);
    let mut bits = BitWriter::default();
    codes.iter().for_each(|code| put_rice(&mut bits, *code, parameter));
    (head, bits.finish())
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The parameter with the fewest bits in all.
fn rice_parameter(codes: &[u64]) -> u32 {
    let cost = |k: u32| -> u64 {
        codes
            .iter()
            .map(|c| if c >> k < u64::from(ESCAPE) { (c >> k) + 1 + u64::from(k) } else { u64::from(ESCAPE) + 64 })
            .sum()
    };
    let mean = codes.iter().fold(0_u64, |sum, c| sum.saturating_add(*c)) / (codes.len().max(1) as u64);
    let near = 64 - mean.leading_zeros();
    // outliers lift the mean above the best by several steps, never the other way by more than one
    (near.saturating_sub(8)..=(near + 1).min(57)).min_by_key(|k| cost(*k)).unwrap_or(0)
}

fn put_rice(bits: &mut BitWriter, code: u64, parameter: u32) {
    let ones = code >> parameter;
    if ones < u64::from(ESCAPE) {
        let ones = ones as u32;
        bits.put((1 << (ones + 1)) - 2, ones + 1);
        bits.put(code, parameter);
    } else {
        bits.put((1 << ESCAPE) - 1, ESCAPE);
        bits.put(code, 64);
    }
}

fn take_rice(bits: &mut BitReader, parameter: u32) -> Option<u64> {
    let mut ones = 0;
    while ones < ESCAPE && bits.bit()? {
        ones += 1;
    }
    if ones == ESCAPE { bits.get(64) } else { Some((u64::from(ones) << parameter) | bits.get(parameter)?) }
}

fn un_whole(mut rest: &[u8], count: usize) -> Option<Vec<f64>> {
    let form = take(&mut rest, 1)?[0];
    let (decimals, order) = (usize::from(form & 0x0f), form >> 4);
    let scale = *TENS.get(decimals).filter(|_| order < 2)?;
    let odd_count = take_varint(&mut rest)?;
    if odd_count > count as u64 {
        return None;
    }
    let mut odd = Vec::new();
    let mut at = 0_usize;
    for _ in 0..odd_count {
        at = at.checked_add(usize::try_from(take_varint(&mut rest)?).ok()?)?;
        let bits = u64::from_le_bytes(take(&mut rest, 8)?.try_into().ok()?);
        odd.push((at, bits));
    }
    let first = unzigzag(take_varint(&mut rest)?);
    let shared = take_varint(&mut rest)?.cast_signed();
    let median = unzigzag(take_varint(&mut rest)?);
    let parameter = u32::from(take(&mut rest, 1)?[0]);
    if parameter > 57 {
        return None;
    }
    let mut bits = BitReader::new(rest);
    let mut values = Vec::with_capacity(count);
    values.push(first as f64 / scale);
    let mut last = first;
    for _ in 1..count {
        let code = unzigzag(take_rice(&mut bits, parameter)?);
        let difference = code.wrapping_add(median).wrapping_mul(shared);
        let number = if order == 0 { first } else { last }.wrapping_add(difference);
        values.push(number as f64 / scale);
        last = number;
    }
    for (i, bits) in odd {
        *values.get_mut(i)? = f64::from_bits(bits);
    }
    Some(values)
}

fn xor(values: &[f64]) -> Vec<u8> {
    let mut bits = BitWriter::default();
    let mut last = values[0].to_bits();
    bits.put(last, 64);
    let (mut lead, mut width) = (0_u32, 0_u32);
    for value in &values[1..] {
        let difference = value.to_bits() ^ last;
        last = value.to_bits();
        if difference == 0 {
            bits.put(0, 1);
            continue;
        }
        let (leading, trailing) = (difference.leading_zeros().min(31), difference.trailing_zeros());
        let inside = width > 0 && leading >= lead && trailing >= 64 - lead - width;
        // a window much wider than needed costs more than a new one
        if inside && width <= 64 - leading - trailing + 11 {
            bits.put(0b10, 2);
        } else {
            (lead, width) = (leading, 64 - leading - trailing);
            bits.put(0b11, 2);
            bits.put(u64::from(lead), 5);
            bits.put(u64::from(width - 1), 6);
        }
        bits.put(difference >> (64 - lead - width), width);
    }
    let mut out = vec![XOR];
    out.extend(bits.finish());
    out
}

fn un_xor(bytes: &[u8], count: usize) -> Option<Vec<f64>> {
    let mut bits = BitReader::new(bytes);
    let mut last = bits.get(64)?;
    let mut values = Vec::with_capacity(count);
    values.push(f64::from_bits(last));
    let (mut lead, mut width) = (0_u32, 0_u32);
    for _ in 1..count {
        if bits.bit()? {
            if bits.bit()? {
                lead = bits.get(5)? as u32;
                width = bits.get(6)? as u32 + 1;
            }
            if width == 0 || lead + width > 64 {
                return None;
            }
            last ^= bits.get(width)? << (64 - lead - width);
        }
        values.push(f64::from_bits(last));
    }
    Some(values)
}
