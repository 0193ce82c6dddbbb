//! `io.prometheus.write.v2.Request { symbols = 4, timeseries = 5 }`,
//! `TimeSeries { labels_refs = 1, samples = 2, histograms = 3, exemplars = 4, metadata = 5 }`; field 6 was the creation time
//! until rc.4 moved it into samples, and is ignored like theirs.

use rootline_model::SeriesBatch;

use super::super::proto::{Fields, Value, put_varint, varint};
use super::{Decoded, Limits, Refused, SeriesCache, sample};

pub(super) fn decode(bytes: &[u8], limits: &Limits, cache: &mut SeriesCache) -> Result<Decoded, Refused> {
    let symbols = symbols(bytes)?;
    let mut decoded = Decoded::default();
    let mut key = Vec::new();
    let mut request = Fields::new(bytes);
    while let Some((number, value)) = request.field()? {
        if let (5, Value::Bytes(series)) = (number, value) {
            one(series, &symbols, &mut key, limits, (&mut decoded, cache))?;
        }
    }
    Ok(decoded)
}

fn symbols(bytes: &[u8]) -> Result<Vec<&[u8]>, Refused> {
    let mut symbols = Vec::new();
    let mut request = Fields::new(bytes);
    while let Some((number, value)) = request.field()? {
        if let (4, Value::Bytes(symbol)) = (number, value) {
            symbols.push(symbol);
        }
    }
    match symbols.first() {
        Some(first) if !first.is_empty() => Err(Refused::malformed("the first symbol must be empty")),
        _ => Ok(symbols),
    }
}

fn one(
    series: &[u8],
    symbols: &[&[u8]],
    key: &mut Vec<u8>,
    limits: &Limits,
    (decoded, cache): (&mut Decoded, &mut SeriesCache),
) -> Result<(), Refused> {
    let (mut points, mut histograms, mut exemplars) = (Vec::new(), 0, 0);
    let mut labels = LabelRefs { symbols, key, name: None, wrong: None };
    labels.key.clear();
    let mut fields = Fields::new(series);
    while let Some((number, value)) = fields.field()? {
        match (number, value) {
            (1, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    labels.add(varint(&mut packed)?);
                }
            }
            (1, Value::Varint(reference)) => labels.add(reference),
            (2, Value::Bytes(bytes)) => {
                if points.is_empty() {
                    points.reserve_exact(1);
                }
                points.push(sample(bytes)?);
            }
            (3, _) => histograms += 1,
            (4, _) => exemplars += 1,
            _ => {}
        }
    }
    let found = match (labels.wrong, labels.name) {
        (Some(reason), _) => Err(reason.to_owned()),
        (None, Some(_)) => Err("a label without a value".to_owned()),
        (None, None) => cache.labels(key, limits),
    };
    match found {
        Err(reason) => decoded.refuse(reason),
        Ok(labels) => {
            decoded.histograms += histograms;
            decoded.exemplars += exemplars;
            if !points.is_empty() {
                decoded.add(SeriesBatch { labels, points }, limits)?;
            }
        }
    }
    Ok(())
}

/// References into the symbols, name and value in turn, written as version 1 writes labels.
struct LabelRefs<'a, 'k> {
    symbols: &'a [&'a [u8]],
    key: &'k mut Vec<u8>,
    name: Option<&'a [u8]>,
    wrong: Option<&'static str>,
}

impl LabelRefs<'_, '_> {
    #[inline]
    fn add(&mut self, reference: u64) {
        let Some(symbol) = usize::try_from(reference).ok().and_then(|i| self.symbols.get(i)) else {
            self.wrong = Some("a label refers to a symbol that is not there");
            return;
        };
        let Some(name) = self.name.take() else {
            self.name = Some(symbol);
            return;
        };
        // references are short and symbols may be long: what they blow up to is bounded as labels are
        if self.key.len() + name.len() + symbol.len() > KEY_BYTES {
            self.wrong = Some("labels are too long");
            return;
        }
        let length = field_bytes(name) + field_bytes(symbol);
        self.key.push(1 << 3 | 2);
        put_varint(length as u64, self.key);
        for (tag, text) in [(1 << 3 | 2, name), (2 << 3 | 2, *symbol)] {
            self.key.push(tag);
            put_varint(text.len() as u64, self.key);
            self.key.extend_from_slice(text);
        }
    }
}

/// Bytes of all labels of a series, at most.
const KEY_BYTES: usize = 512 << 10;

fn field_bytes(text: &[u8]) -> usize {
    let mut bytes = 2;
    let mut rest = text.len();
    while rest >= 0x80 {
        rest >>= 7;
        bytes += 1;
    }
    bytes + text.len()
}
