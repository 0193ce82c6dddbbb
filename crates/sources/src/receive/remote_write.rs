//! Prometheus remote write, versions 1.0 and 2.0, read in place.
//!
//! The label bytes of a series are the key of a cache of label sets: a series that comes again costs a look-up and no
//! allocation but its points.
//!
//! Source: "Prometheus Remote-Write 1.0" and "2.0-rc.4" specifications; `prompb/types.proto`,
//! `prompb/io/prometheus/write/v2/types.proto`; `storage/remote/write_handler.go` for what real senders need.

mod cache;
mod v1;
mod v2;

use rootline_model::SeriesBatch;

pub use cache::SeriesCache;

use super::gathered::in_order;
use super::proto::{Fields, Malformed, Value};
use super::{Limits, Refused, Reply, Request, Taken, body};

/// A receiver of remote write. One per worker; it is not shared while it decodes.
#[derive(Debug, Default)]
pub struct RemoteWrite {
    limits: Limits,
    cache: SeriesCache,
}

/// What one request held beside its series.
#[derive(Debug, Default)]
struct Decoded {
    series: Vec<SeriesBatch>,
    samples: u64,
    histograms: u64,
    exemplars: u64,
    /// Series left out, and why the first of them.
    bad_series: u64,
    first_error: Option<String>,
}

impl RemoteWrite {
    pub fn new(limits: Limits, cache: SeriesCache) -> Self {
        RemoteWrite { limits, cache }
    }

    /// Series of a request. Points of each are sorted by time, of equal times the last counts; stale markers are points.
    /// Native histograms and exemplars are accepted and counted (`dropped`), not kept. Series with bad labels are left out
    /// and answered with 400 after the rest is taken.
    ///
    /// # Errors
    /// 400 for what is no such message, 413 over a limit, 415 for another content type or encoding.
    pub fn decode(&mut self, request: &Request<'_>) -> Result<Taken<Vec<SeriesBatch>>, Refused> {
        let second = version_2(request)?;
        match request.content_encoding.trim() {
            "" | "snappy" => {}
            other => return Err(Refused::unsupported(format!("content encoding {other:?}, want snappy"))),
        }
        let limits = &self.limits;
        if request.body.len() > limits.body_bytes {
            let size = request.body.len();
            return Err(Refused::too_large(format!("a body of {size} bytes, at most {}", limits.body_bytes)));
        }
        let bytes = body::snappy(request.body, limits.decoded_bytes)?;
        let decoded = if second {
            v2::decode(&bytes, limits, &mut self.cache)?
        } else {
            v1::decode(&bytes, limits, &mut self.cache)?
        };
        Ok(taken(decoded, second))
    }

    pub fn cache(&self) -> &SeriesCache {
        &self.cache
    }
}

/// Which message the body holds.
fn version_2(request: &Request<'_>) -> Result<bool, Refused> {
    let essence = request.essence();
    match (essence.as_str(), request.parameter("proto")) {
        ("", _) | ("application/x-protobuf", None | Some("prometheus.WriteRequest")) => Ok(false),
        ("application/x-protobuf", Some("io.prometheus.write.v2.Request")) => Ok(true),
        _ => Err(Refused::unsupported(format!(
            "content type {:?}, want application/x-protobuf with proto=prometheus.WriteRequest or proto=io.prometheus.write.v2.Request",
            request.content_type
        ))),
    }
}

fn taken(decoded: Decoded, second: bool) -> Taken<Vec<SeriesBatch>> {
    let mut reply = match &decoded.first_error {
        None => Reply::empty(204),
        Some(error) => Reply::text(400, format!("{} series left out, the first: {error}\n", decoded.bad_series)),
    };
    if second {
        reply.headers.extend([
            ("X-Prometheus-Remote-Write-Samples-Written", decoded.samples.to_string()),
            ("X-Prometheus-Remote-Write-Histograms-Written", decoded.histograms.to_string()),
            ("X-Prometheus-Remote-Write-Exemplars-Written", decoded.exemplars.to_string()),
        ]);
    }
    let mut taken = Taken { data: decoded.series, reply, ..Taken::default() };
    taken.note("bad_series", decoded.bad_series);
    taken.note("native_histogram", decoded.histograms);
    taken.note("exemplar", decoded.exemplars);
    taken
}

impl Decoded {
    fn refuse(&mut self, reason: String) {
        self.bad_series += 1;
        self.first_error.get_or_insert(reason);
    }

    /// Adds a series whose points may be in any order.
    fn add(&mut self, mut batch: SeriesBatch, limits: &Limits) -> Result<(), Refused> {
        if self.series.len() >= limits.series {
            return Err(Refused::too_large(format!("more than {} series in one request", limits.series)));
        }
        self.samples += batch.points.len() as u64;
        if self.samples > limits.samples as u64 {
            return Err(Refused::too_large(format!("more than {} samples in one request", limits.samples)));
        }
        in_order(&mut batch.points);
        self.series.push(batch);
        Ok(())
    }
}

/// A sample of either version: value=1, timestamp=2; start_timestamp=3 of version 2 is not used.
#[inline]
fn sample(bytes: &[u8]) -> Result<(i64, f64), Malformed> {
    let (mut at, mut value) = (0, 0.0);
    let mut fields = Fields::new(bytes);
    while let Some((number, field)) = fields.field()? {
        match (number, field) {
            (1, Value::Fixed64(_)) => value = field.double(),
            (2, Value::Varint(_)) => at = field.int(),
            _ => {}
        }
    }
    Ok((at, value))
}

impl From<Malformed> for Refused {
    fn from(error: Malformed) -> Self {
        Refused::malformed(error.to_string())
    }
}
