//! A probe as it is meant: named ports resolved, a mesh's rewriting undone, defaults filled in.

use std::sync::LazyLock;

use regex::Regex;
use rootline_objects as o;

use crate::probes_words::Which;

/// Ports of sidecars that answer for the application in a mesh.
const MESH_PORTS: [i64; 4] = [15000, 15020, 15021, 15090];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub which: Which,
    /// `http`, `tcp`, `grpc` or `exec`.
    pub protocol: &'static str,
    pub https: bool,
    /// `None`: no port, an unknown name, or one that only the mesh knows.
    pub port: Option<i64>,
    /// A name that no port of the container carries.
    pub unknown_name: Option<String>,
    pub path: String,
    /// The port in the kubelet's messages; differs from `port` under a mesh.
    pub asked_port: Option<i64>,
    pub delay: i64,
    pub period: i64,
    pub timeout: i64,
    pub failures: i64,
    pub successes: i64,
}

pub(crate) fn probe_of(container: &o::Container, which: Which) -> Option<&o::Probe> {
    match which {
        Which::Startup => container.startup_probe.as_deref(),
        Which::Liveness => container.liveness_probe.as_deref(),
        Which::Readiness => container.readiness_probe.as_deref(),
    }
}

impl View {
    pub fn of(pod: &o::Pod, container: &o::Container, which: Which) -> Option<View> {
        let probe = probe_of(container, which)?;
        let path = probe.http_get.as_ref().map(|h| h.path.clone()).unwrap_or_default();
        let mut view = View {
            which,
            protocol: probe.protocol(),
            https: probe.http_get.as_ref().is_some_and(|h| h.scheme.eq_ignore_ascii_case("https")),
            port: None,
            unknown_name: None,
            path,
            asked_port: None,
            delay: probe.initial_delay_seconds.unwrap_or(0).max(0),
            period: probe.period_seconds.filter(|p| *p > 0).unwrap_or(10),
            timeout: probe.timeout_seconds.filter(|t| *t > 0).unwrap_or(1),
            failures: probe.failure_threshold.filter(|f| *f > 0).unwrap_or(3),
            successes: probe.success_threshold.filter(|s| *s > 0).unwrap_or(1),
        };
        match probe.port() {
            Some(o::PortRef::Number(n)) if *n > 0 => view.port = Some(*n),
            Some(o::PortRef::Name(name)) if !name.is_empty() => {
                view.port = container.ports.iter().find(|p| p.name == *name).map(|p| p.container_port);
                // pasted `describe` text shows no port names at all
                let names_known = container.ports.iter().any(|p| !p.name.is_empty()) || container.ports.is_empty();
                view.unknown_name = (view.port.is_none() && names_known).then(|| name.clone());
            }
            _ => {}
        }
        view.asked_port = view.port;
        if view.path.starts_with("/app-health/") || view.port.is_some_and(|p| MESH_PORTS.contains(&p)) {
            view.unwrap_mesh(pod);
        }
        Some(view)
    }

    /// A mesh lets its agent ask in the kubelet's place; what the application was asked stands in the agent's environment.
    /// Source: `ISTIO_KUBE_APP_PROBERS` of Istio's sidecar injector.
    fn unwrap_mesh(&mut self, pod: &o::Pod) {
        static PORT: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r#""port"\s*:\s*"?(\d{1,5})"#).expect("the pattern is fixed and tested"));
        static PATH: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r#""path"\s*:\s*"([^"]*)""#).expect("the pattern is fixed and tested"));
        self.port = None;
        let probers = pod.spec.containers.iter().chain(&pod.spec.init_containers).flat_map(|c| &c.env);
        let Some(env) = probers.into_iter().find(|e| e.name == "ISTIO_KUBE_APP_PROBERS") else { return };
        let key = format!("\"{}\"", self.path);
        let Some((_, rest)) = env.value.split_once(&key) else { return };
        let own = rest.split("\"/app-health/").next().unwrap_or(rest);
        self.port = PORT.captures(own).and_then(|c| c.get(1)?.as_str().parse().ok());
        self.protocol = if own.contains("\"grpc\"") {
            "grpc"
        } else if own.contains("\"tcpSocket\"") {
            "tcp"
        } else {
            "http"
        };
        self.path = PATH.captures(own).and_then(|c| c.get(1)).map(|m| m.as_str().to_owned()).unwrap_or_default();
    }

    /// Seconds from a container's start to its first kill, at least.
    pub fn window(&self) -> i64 {
        self.delay.saturating_add(self.period.saturating_mul(self.failures))
    }

    /// The way `kubectl describe` writes it.
    pub fn line(&self) -> String {
        let port = self.port.map(|p| p.to_string()).or(self.unknown_name.clone()).unwrap_or_default();
        let target = match self.protocol {
            "http" => format!("http-get {}://:{port}{}", if self.https { "https" } else { "http" }, self.path),
            "tcp" => format!("tcp-socket :{port}"),
            "grpc" => format!("grpc <pod>:{port}"),
            other => other.to_owned(),
        };
        format!(
            "{target} delay={}s timeout={}s period={}s #success={} #failure={}",
            self.delay, self.timeout, self.period, self.successes, self.failures
        )
    }

    /// `HTTP`, `gRPC` …, for people.
    pub fn speech(&self) -> &'static str {
        match (self.protocol, self.https) {
            ("http", true) => "HTTPS",
            ("http", false) => "HTTP",
            ("tcp", _) => "TCP",
            ("grpc", _) => "gRPC",
            _ => "exec",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(json: &str) -> o::Container {
        let mut found = None;
        let pod = format!(r#"{{"kind":"Pod","spec":{{"containers":[{json}]}}}}"#);
        let keep = |object| {
            if let o::Object::Pod(mut pod) = object {
                found = pod.spec.containers.pop();
            }
        };
        o::read_list(&pod, None, keep, |e| panic!("{e}")).unwrap_or_else(|e| panic!("{e}"));
        found.unwrap_or_else(|| panic!("no container in {json}"))
    }

    #[test]
    fn named_ports_and_defaults_are_filled_in() {
        let c = container(
            r#"{"name":"a","ports":[{"name":"web","containerPort":8080}],
               "readinessProbe":{"httpGet":{"path":"/x","port":"web"}},"livenessProbe":{"tcpSocket":{"port":"nope"}}}"#,
        );
        let view = View::of(&o::Pod::default(), &c, Which::Readiness).unwrap_or_else(|| panic!("no view"));
        assert_eq!((view.port, view.window(), view.unknown_name.clone()), (Some(8080), 30, None));
        assert_eq!(view.line(), "http-get http://:8080/x delay=0s timeout=1s period=10s #success=1 #failure=3");
        let view = View::of(&o::Pod::default(), &c, Which::Liveness);
        assert_eq!(view.and_then(|v| v.unknown_name).as_deref(), Some("nope"));
        assert_eq!(View::of(&o::Pod::default(), &c, Which::Startup), None);
    }

    #[test]
    fn a_mesh_is_seen_through() {
        let c =
            container(r#"{"name":"app","readinessProbe":{"httpGet":{"path":"/app-health/app/readyz","port":15020}}}"#);
        let mut pod = o::Pod::default();
        let hidden = View::of(&pod, &c, Which::Readiness);
        assert_eq!(hidden.map(|v| (v.port, v.asked_port)), Some((None, Some(15020))));
        let value = r#"{\"/app-health/app/livez\":{\"tcpSocket\":{\"port\":1}},\"/app-health/app/readyz\":{\"grpc\":{\"port\":7070}}}"#;
        pod.spec.containers.push(container(&format!(
            r#"{{"name":"proxy","env":[{{"name":"ISTIO_KUBE_APP_PROBERS","value":"{value}"}}]}}"#
        )));
        let seen = View::of(&pod, &c, Which::Readiness);
        assert_eq!(seen.map(|v| (v.port, v.protocol)), Some((Some(7070), "grpc")));
    }
}
