//! `prometheus.WriteRequest { timeseries = 1, metadata = 3 }`,
//! `TimeSeries { labels = 1, samples = 2, exemplars = 3, histograms = 4 }`.

use rootline_model::SeriesBatch;

use super::super::proto::{Fields, Malformed, Value};
use super::{Decoded, Limits, Refused, SeriesCache, sample};

pub(super) fn decode(bytes: &[u8], limits: &Limits, cache: &mut SeriesCache) -> Result<Decoded, Refused> {
    let mut decoded = Decoded::default();
    let mut scratch = Vec::new();
    let mut request = Fields::new(bytes);
    while let Some((number, value)) = request.field()? {
        if let (1, Value::Bytes(series)) = (number, value) {
            let key = label_bytes(series, &mut scratch)?;
            match cache.labels(key, limits) {
                Err(reason) => decoded.refuse(reason),
                Ok(labels) => {
                    let points = points(series, &mut decoded)?;
                    if !points.is_empty() {
                        decoded.add(SeriesBatch { labels, points }, limits)?;
                    }
                }
            }
        }
    }
    Ok(decoded)
}

/// The label fields of a series, tags and lengths included. Writers put them first and in one piece, which is then not
/// copied.
fn label_bytes<'a>(series: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Malformed> {
    let mut fields = Fields::new(series);
    let mut in_front = 0;
    let mut scattered = false;
    scratch.clear();
    loop {
        let before = fields.rest();
        let Some((number, _)) = fields.field()? else { break };
        let end = series.len() - fields.rest().len();
        if number != 1 {
            continue;
        }
        let start = series.len() - before.len();
        if start == in_front && !scattered {
            in_front = end;
        } else {
            if !scattered {
                scratch.extend_from_slice(&series[..in_front]);
                scattered = true;
            }
            scratch.extend_from_slice(&series[start..end]);
        }
    }
    Ok(if scattered { scratch } else { &series[..in_front] })
}

fn points(series: &[u8], decoded: &mut Decoded) -> Result<Vec<(i64, f64)>, Malformed> {
    let mut points = Vec::new();
    let mut fields = Fields::new(series);
    while let Some((number, value)) = fields.field()? {
        match (number, value) {
            (2, Value::Bytes(bytes)) => {
                if points.is_empty() {
                    points.reserve_exact(1);
                }
                points.push(sample(bytes)?);
            }
            (3, _) => decoded.exemplars += 1,
            (4, _) => decoded.histograms += 1,
            _ => {}
        }
    }
    Ok(points)
}
