//! Series back to Prometheus, VictoriaMetrics or Mimir: remote write 1.0.
//!
//! Protobuf `prometheus.WriteRequest` in snappy's block format, `POST` to any path. 429 and 5xx may be tried again, every other
//! 4xx never (Remote-Write specification 1.0). Labels are sorted by name, as a [`LabelSet`](rootline_model::LabelSet) is.

use prost::Message;
use rootline_model::SeriesBatch;

use crate::client::refused;
use crate::{Client, Endpoint, SendError};

/// Samples of one request, as Prometheus' own queue has it (`max_samples_per_send`).
const SAMPLES_MAX: usize = 2_000;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// A place to write series to.
#[derive(Clone)]
pub struct RemoteWrite {
    endpoint: Endpoint,
    bearer: String,
    client: Client,
}

impl RemoteWrite {
    /// `endpoint`: `http://prometheus:9090/api/v1/write`. `bearer`: sent as `Authorization: Bearer …` unless empty.
    pub fn new(endpoint: Endpoint, bearer: &str, client: Client) -> RemoteWrite {
        RemoteWrite { endpoint, bearer: bearer.to_owned(), client }
    }

    /// Writes everything, in several requests if need be. After an error that may be
    /// tried again, send newer points alone: Prometheus refuses older ones as out of order.
    pub async fn write(&self, series: &[SeriesBatch]) -> Result<(), SendError> {
        for request in requests(series) {
            self.post(&request).await?;
        }
        Ok(())
    }

    async fn post(&self, request: &WriteRequest) -> Result<(), SendError> {
        let packed = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .map_err(|e| SendError::rejected(format!("series cannot be packed: {e}")))?;
        let bearer = format!("Bearer {}", self.bearer);
        let mut headers = vec![
            ("Content-Type", "application/x-protobuf"),
            ("Content-Encoding", "snappy"),
            ("X-Prometheus-Remote-Write-Version", "0.1.0"),
        ];
        if !self.bearer.is_empty() {
            headers.push(("Authorization", &bearer));
        }
        let reply = self.client.post(&self.endpoint, &headers, packed).await?;
        if reply.is_success() { Ok(()) } else { Err(refused(&self.endpoint, &reply)) }
    }
}

/// Series cut so that no request holds too many samples.
fn requests(series: &[SeriesBatch]) -> Vec<WriteRequest> {
    let mut all = Vec::new();
    let (mut open, mut samples) = (WriteRequest::default(), 0);
    for batch in series {
        for points in batch.points.chunks(SAMPLES_MAX) {
            if samples + points.len() > SAMPLES_MAX {
                all.push(std::mem::take(&mut open));
                samples = 0;
            }
            samples += points.len();
            open.timeseries.push(TimeSeries {
                labels: batch.labels.iter().map(|(n, v)| Label { name: n.to_owned(), value: v.to_owned() }).collect(),
                samples: points
                    .iter()
                    .map(|(timestamp, value)| Sample { value: *value, timestamp: *timestamp })
                    .collect(),
            });
        }
    }
    if samples > 0 {
        all.push(open);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_what_the_specification_draws() {
        let batch =
            SeriesBatch { labels: [("__name__", "up"), ("a", "b")].into_iter().collect(), points: vec![(1, 1.0)] };
        // by hand: field 1 of the request, of it labels (1) and samples (2)
        let mut want: Vec<u8> = vec![0x0a, 0];
        want.extend([0x0a, 14, 0x0a, 8]);
        want.extend(b"__name__");
        want.extend([0x12, 2, b'u', b'p']);
        want.extend([0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'b']);
        want.extend([0x12, 11, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x10, 1]);
        want[1] = u8::try_from(want.len() - 2).expect("short");
        assert_eq!(requests(&[batch])[0].encode_to_vec(), want);
    }

    #[test]
    fn many_samples_are_several_requests_and_none_is_none() {
        let batch = |n: i64| SeriesBatch { points: (0..n).map(|i| (i, 0.0)).collect(), ..SeriesBatch::default() };
        assert_eq!(requests(&[batch(0)]).len(), 0);
        let all = requests(&[batch(1_500), batch(600), batch(4_500)]);
        let sizes: Vec<usize> = all.iter().map(|r| r.timeseries.iter().map(|t| t.samples.len()).sum()).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 6_600);
        assert!(sizes.iter().all(|n| (1..=SAMPLES_MAX).contains(n)), "{sizes:?}");
    }
}
