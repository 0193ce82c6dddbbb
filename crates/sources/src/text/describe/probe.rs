//! Probe lines: `http-get http://:8080/healthz delay=5s timeout=1s period=10s #success=1 #failure=3`.

use rootline_objects::{ExecAction, GrpcAction, HttpGet, PortRef, Probe, TcpSocket};

pub(super) fn read(text: &str) -> Option<Probe> {
    let (action, attributes) = match text.rfind(" delay=") {
        Some(at) => (text.get(..at)?, text.get(at..)?),
        None => (text, ""),
    };
    let mut out = Probe::default();
    for word in attributes.split_ascii_whitespace() {
        let Some((name, value)) = word.split_once('=') else { continue };
        let number = value.trim_end_matches('s').parse().ok();
        match name {
            // 0 is what the API leaves out
            "delay" => out.initial_delay_seconds = number.filter(|n| *n != 0),
            "timeout" => out.timeout_seconds = number,
            "period" => out.period_seconds = number,
            "#success" => out.success_threshold = number,
            "#failure" => out.failure_threshold = number,
            _ => {}
        }
    }
    let (kind, rest) = action.trim().split_once(' ')?;
    let rest = rest.trim();
    match kind {
        "http-get" => out.http_get = http(rest),
        "tcp-socket" => out.tcp_socket = Some(TcpSocket { port: port(rest) }),
        "grpc" => {
            let (host, service) = rest.split_once(' ').unwrap_or((rest, ""));
            out.grpc = Some(GrpcAction { port: port(host), service: service.trim().to_owned() });
        }
        "exec" => {
            let inner = rest.strip_prefix('[').unwrap_or(rest);
            let inner = inner.strip_suffix(']').unwrap_or(inner);
            out.exec = Some(ExecAction { command: inner.split(' ').map(str::to_owned).collect() });
        }
        _ => return None,
    }
    Some(out)
}

/// What stands behind the last colon.
fn port(host: &str) -> PortRef {
    PortRef::parse(host.rsplit(':').next().unwrap_or_default().trim())
}

fn http(url: &str) -> Option<HttpGet> {
    let (scheme, rest) = url.split_once("://")?;
    let (host_port, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host_port.rsplit_once(':').map_or("", |(h, _)| h);
    Some(HttpGet {
        path: unescape(path),
        port: port(host_port),
        scheme: scheme.to_ascii_uppercase(),
        host: host.trim_matches(['[', ']']).to_owned(),
    })
}

/// kubectl builds the URL with Go's `net/url`, which escapes `?` of a path with a query.
fn unescape(path: &str) -> String {
    if path.contains("%3F") { path.replace("%3F", "?") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_forms_are_read() {
        let http =
            read("http-get https://10.0.0.9:8443/ready%3Fdeep=1 delay=5s timeout=2s period=10s #success=1 #failure=3");
        let http = http.expect("a probe");
        let get = http.http_get.clone().expect("an http probe");
        assert_eq!((get.scheme.as_str(), get.host.as_str(), get.path.as_str()), ("HTTPS", "10.0.0.9", "/ready?deep=1"));
        assert_eq!(http.port(), Some(&PortRef::Number(8443)));
        assert_eq!(
            (http.initial_delay_seconds, http.timeout_seconds, http.failure_threshold),
            (Some(5), Some(2), Some(3))
        );

        let named =
            read("http-get http://:http/ delay=0s timeout=1s period=10s #success=1 #failure=3").expect("a probe");
        assert_eq!(named.port(), Some(&PortRef::Name("http".into())));
        let tcp = read("tcp-socket :3306 delay=0s timeout=1s period=10s #success=1 #failure=3").expect("a probe");
        assert_eq!((tcp.protocol(), tcp.port()), ("tcp", Some(&PortRef::Number(3306))));
        let grpc = read("grpc <pod>:50051  delay=5s timeout=1s period=10s #success=1 #failure=3").expect("a probe");
        assert_eq!((grpc.protocol(), grpc.port()), ("grpc", Some(&PortRef::Number(50051))));
        let exec = read("exec [cat /tmp/alive] delay=5s timeout=1s period=10s #success=1 #failure=3").expect("a probe");
        assert_eq!(exec.exec.map(|e| e.command), Some(vec!["cat".to_owned(), "/tmp/alive".to_owned()]));
        assert!(read("unknown delay=5s").is_none());
    }
}
