//! What the kubelet says about a failed probe.
//!
//! Source: `pkg/probe` and `pkg/kubelet/prober` of Kubernetes, `grpc-health-probe`, Go's `net/http` and `crypto/tls`.

/// The meaning of a probe's failure message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing listens on the port.
    Refused,
    /// A gRPC dial did not come about: nothing listens, or what listens speaks something else.
    NoChannel,
    /// Connected or not, no answer came in time.
    Timeout,
    /// HTTP answered with a status that is no success.
    Status(u16),
    /// What answered is not HTTP: gRPC and other binary protocols.
    NotHttp,
    /// What answered speaks plain HTTP, the probe HTTPS.
    NotTls,
    /// What answered does not speak gRPC.
    NotGrpc,
    /// gRPC answered, and has no health service.
    NoHealthService,
    /// The program says itself that it is not well.
    NotServing,
    /// The connection was closed without an answer.
    Closed,
    /// A command gave this; its exit code was not 0.
    Command,
    /// The command, or a file that it reads, is not there.
    CommandMissing,
    /// The named port does not exist.
    NoSuchPort,
}

impl Said {
    /// True if something listens on the port, whatever it is.
    pub fn something_listens(self) -> bool {
        matches!(
            self,
            Said::Status(_) | Said::NotHttp | Said::NotTls | Said::NotGrpc | Said::NoHealthService | Said::NotServing
        )
    }
}

/// Which probe an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Which {
    Startup,
    Liveness,
    Readiness,
}

impl Which {
    pub const ALL: [Which; 3] = [Which::Startup, Which::Liveness, Which::Readiness];

    pub fn word(self) -> &'static str {
        match self {
            Which::Startup => "startup",
            Which::Liveness => "liveness",
            Which::Readiness => "readiness",
        }
    }
}

/// The probe and the rest of the message: `Readiness probe failed: HTTP probe failed with statuscode: 404`.
pub(crate) fn split(message: &str) -> Option<(Which, &str)> {
    let (which, rest) = [("Liveness", Which::Liveness), ("Readiness", Which::Readiness), ("Startup", Which::Startup)]
        .into_iter()
        .find_map(|(word, which)| Some((which, message.strip_prefix(word)?)))?;
    let rest = rest.trim_start().strip_prefix("probe ")?;
    let rest = rest.strip_prefix("failed").or_else(|| rest.strip_prefix("errored"))?;
    Some((which, rest.trim_start_matches([':', ' ']).trim_start_matches("and resulted in unknown state: ")))
}

pub(crate) fn meaning(text: &str) -> Said {
    let lower = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    if let Some(status) = status_in(&lower) {
        return Said::Status(status);
    }
    if has(&["malformed http", "malformed mime", "transport connection broken"]) {
        Said::NotHttp
    } else if has(&["server gave http response to https client", "first record does not look like a tls handshake"]) {
        Said::NotTls
    } else if has(&[
        "server preface",
        "frame too large",
        "http/1.x",
        "unexpected http status code received from server",
    ]) {
        Said::NotGrpc
    } else if has(&["unimplemented", "unknown service", "does not implement the grpc health protocol"]) {
        Said::NoHealthService
    } else if has(&["service unhealthy", "not_serving"]) {
        Said::NotServing
    } else if has(&["failed to connect service"]) {
        Said::NoChannel
    } else if has(&["connection refused", "no route to host", "connection error: desc"]) {
        Said::Refused
    } else if has(&[
        "context deadline exceeded",
        "client.timeout",
        "i/o timeout",
        "timed out",
        "timeout",
        "deadlineexceeded",
    ]) {
        Said::Timeout
    } else if has(&[
        "couldn't find port",
        "port not found",
        "strconv.atoi",
        "invalid port number",
        "could not find port",
    ]) {
        Said::NoSuchPort
    } else if has(&[": eof", "connection reset", "unexpected eof", "closed"]) && has(&["get \"", "tcp", "rpc", "http"])
    {
        Said::Closed
    } else if has(&["executable file not found", "exec failed", "exec: \"", ": not found", "exec format error"]) {
        Said::CommandMissing
    } else {
        Said::Command
    }
}

fn status_in(lower: &str) -> Option<u16> {
    let (_, rest) = lower.split_once("statuscode: ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_understood() {
        for (message, which, said) in [
            ("Readiness probe failed: HTTP probe failed with statuscode: 404", Which::Readiness, Said::Status(404)),
            (
                "Liveness probe failed: Get \"http://10.1.2.3:8081/\": dial tcp 10.1.2.3:8081: connect: connection refused",
                Which::Liveness,
                Said::Refused,
            ),
            (
                "Liveness probe failed: dial tcp 10.1.2.3:6380: connect: connection refused",
                Which::Liveness,
                Said::Refused,
            ),
            (
                "Readiness probe failed: Get \"http://10.1.2.3:80/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
                Which::Readiness,
                Said::Timeout,
            ),
            (
                "Liveness probe failed: timeout: failed to connect service \"10.1.2.3:9555\" within 1s: context deadline exceeded",
                Which::Liveness,
                Said::NoChannel,
            ),
            ("Readiness probe failed: timeout: health rpc did not complete within 1s", Which::Readiness, Said::Timeout),
            (
                "Readiness probe failed: service unhealthy (responded with \"NOT_SERVING\")",
                Which::Readiness,
                Said::NotServing,
            ),
            (
                "Readiness probe failed: Get \"http://10.1.2.3:50051/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\\x00\"",
                Which::Readiness,
                Said::NotHttp,
            ),
            (
                "Liveness probe failed: rpc error: code = Unavailable desc = connection error: desc = \"error reading server preface: http2: frame too large\"",
                Which::Liveness,
                Said::NotGrpc,
            ),
            (
                "Liveness probe failed: Get \"https://10.1.2.3:80/\": http: server gave HTTP response to HTTPS client",
                Which::Liveness,
                Said::NotTls,
            ),
            ("Liveness probe failed: Get \"http://10.1.2.3:6379/\": EOF", Which::Liveness, Said::Closed),
            (
                "Startup probe failed: cat: can't open '/ready': No such file or directory",
                Which::Startup,
                Said::Command,
            ),
            (
                "Liveness probe errored: rpc error: code = DeadlineExceeded desc = failed to exec in container: timeout 1s exceeded: context deadline exceeded",
                Which::Liveness,
                Said::Timeout,
            ),
        ] {
            let (got, rest) = split(message).unwrap_or_else(|| panic!("{message}"));
            assert_eq!((got, meaning(rest)), (which, said), "{message}");
        }
        assert_eq!(split("Back-off restarting failed container"), None);
    }
}
