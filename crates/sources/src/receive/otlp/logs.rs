//! Log records: resource and record attributes are the labels, the body is the text.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use rootline_model::LogLevel;

use super::super::lines::{Lines, fitting};
use super::super::{Limits, Refused, Reply, Request, Taken};
use super::{borrowed, find, message, moment, pairs, reply, text};
use crate::intake::{Line, StreamLabels, of_otel};

/// Lines of `POST /v1/logs`. An exception in the attributes stands behind the body.
///
/// # Errors
/// 400, 413, 415.
pub fn logs(request: &Request<'_>, limits: &Limits) -> Result<Taken<Vec<Line>>, Refused> {
    let (export, encoding) = message::<ExportLogsServiceRequest>(request, limits, limits.lines)?;
    let mut lines = Lines::new(limits, Reply::default());
    for resource in &export.resource_logs {
        let own = pairs(resource.resource.as_ref().map_or(&[][..], |r| &r.attributes), limits);
        let of_resource = StreamLabels::of(fitting(borrowed(&own), limits));
        for record in resource.scope_logs.iter().flat_map(|s| &s.log_records) {
            let attributes = pairs(&record.attributes, limits);
            let mut of = if attributes.is_empty() {
                of_resource.clone()
            } else {
                StreamLabels::of(fitting(borrowed(&attributes).chain(borrowed(&own)), limits))
            };
            let level = of_otel(record.severity_number);
            if level != LogLevel::Unknown {
                of.level = level;
            } else if !record.severity_text.is_empty() {
                of.level = StreamLabels::of([("level", record.severity_text.as_str())]).level;
            }
            let mut body = text(record.body.as_ref());
            for name in ["exception.stacktrace", "exception.message"] {
                let more = find(&attributes, name);
                if !more.is_empty() && !body.contains(more) {
                    body.push('\n');
                    body.push_str(more);
                    break;
                }
            }
            let at = moment(record.time_unix_nano).or(moment(record.observed_time_unix_nano));
            lines.push(of, at, &body)?;
        }
    }
    let mut taken = lines.taken;
    taken.reply = reply(encoding, 0, "rejectedLogRecords", "");
    Ok(taken)
}
