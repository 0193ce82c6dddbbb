//! What the pods behind a service listen on, as far as it can be told.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;
use rootline_objects as o;
use rootline_world::World;

/// Pods of one workload are alike; more of them tell nothing new.
const PODS_MAX: usize = 24;

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Declared {
    pub port: i64,
    pub protocol: String,
    pub name: String,
    pub container: String,
}

/// Everything known about the listening ports of some pods.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    pub declared: BTreeSet<Declared>,
    /// Ports that a log says something listens on.
    pub logged: BTreeSet<i64>,
    /// Ports that a passing probe asks, or that arguments and env values speak of.
    pub hinted: BTreeSet<i64>,
}

impl Listeners {
    pub fn of_pods<'w>(world: &'w World, pods: impl Iterator<Item = &'w o::Pod>) -> Listeners {
        let mut all = Listeners::default();
        for pod in pods.take(PODS_MAX) {
            all.add_spec(&pod.spec, pod.is_ready());
            for tail in world.logs_of(pod.namespace(), pod.name()).iter().filter(|t| !t.previous) {
                all.logged.extend(tail.lines.iter().flat_map(|l| listening_ports(l)));
            }
        }
        all
    }

    pub fn of_spec(spec: &o::PodSpec) -> Listeners {
        let mut all = Listeners::default();
        all.add_spec(spec, false);
        all
    }

    fn add_spec(&mut self, spec: &o::PodSpec, ready: bool) {
        let sidecars = spec.init_containers.iter().filter(|c| c.restart_policy == "Always");
        for container in sidecars.chain(&spec.containers) {
            for port in &container.ports {
                self.declared.insert(Declared {
                    port: port.container_port,
                    protocol: protocol(&port.protocol).to_owned(),
                    name: port.name.clone(),
                    container: container.name.clone(),
                });
            }
            self.hints(container, ready);
        }
    }

    fn hints(&mut self, container: &o::Container, ready: bool) {
        let probes = [&container.readiness_probe, &container.liveness_probe, &container.startup_probe];
        for port in probes.into_iter().flatten().filter_map(|p| p.port()).filter(|_| ready) {
            if let o::PortRef::Number(n) = port {
                self.hinted.insert(*n);
            }
        }
        for text in container.command.iter().chain(&container.args) {
            self.hinted.extend(bare_numbers(text));
        }
        for env in &container.env {
            let name = env.name.to_ascii_uppercase();
            let speaks = ["PORT", "LISTEN", "BIND", "ADDR"].iter().any(|w| name.contains(w));
            let own = env.value.parse::<i64>().is_ok()
                || [":", "0.0.0.0", "[::]", "127.0.0.1", "localhost", "*"].iter().any(|p| env.value.starts_with(p));
            if speaks && own {
                self.hinted.extend(bare_numbers(&env.value));
            }
        }
    }

    /// Nothing is known at all.
    pub fn is_unknown(&self) -> bool {
        self.declared.is_empty() && self.logged.is_empty()
    }

    /// Whether anything says that a port is served, whatever its protocol.
    pub fn serves(&self, port: i64) -> bool {
        self.declared.iter().any(|d| d.port == port) || self.logged.contains(&port) || self.hinted.contains(&port)
    }

    /// The port most likely meant by a service port: of the same number, of the same name, or the only one.
    pub fn meant(&self, service_port: &o::ServicePort) -> Option<i64> {
        let ports: BTreeSet<i64> = self.declared.iter().map(|d| d.port).collect();
        if ports.contains(&service_port.port) {
            return Some(service_port.port);
        }
        if !service_port.name.is_empty()
            && let Some(same) = self.declared.iter().find(|d| d.name == service_port.name)
        {
            return Some(same.port);
        }
        match (ports.len(), self.logged.len()) {
            (1, _) => ports.first().copied(),
            (_, 1) => self.logged.first().copied(),
            _ => None,
        }
    }

    /// `8080/TCP (http), 9090/TCP`; a dash where nothing is known.
    pub fn line(&self) -> String {
        let mut parts: Vec<String> = self
            .declared
            .iter()
            .map(|d| match d.name.as_str() {
                "" => format!("{}/{}", d.port, d.protocol),
                name => format!("{}/{} ({name})", d.port, d.protocol),
            })
            .collect();
        parts.dedup();
        if parts.is_empty() {
            parts.extend(self.logged.iter().map(ToString::to_string));
        }
        if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
    }
}

/// A protocol with its default.
pub(crate) fn protocol(text: &str) -> &str {
    if text.is_empty() { "TCP" } else { text }
}

const LISTENING: [&str; 10] = [
    "listening",
    "listen on",
    "serving",
    "started on",
    "starting on",
    "bound to",
    "running on",
    "running mode",
    "ready to accept",
    "available at",
];

/// No letter, digit or `_` on either side.
fn stands_alone(line: &str, part: Range<usize>) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    let before = line.get(..part.start).and_then(|l| l.chars().next_back());
    let after = line.get(part.end..).and_then(|l| l.chars().next());
    !before.is_some_and(joins) && !after.is_some_and(joins)
}

/// Ports that a log line says the process listens on.
fn listening_ports(line: &str) -> Vec<i64> {
    // every line of every log comes by here: words are looked for first, borders of words afterwards
    static LISTENS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(LISTENING)
            .expect("the words are few and short")
    });
    static PORT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"(?i)(?:port(?:\(s\))?["']?[ =:]+|(?:^|[\s\]*\d\w.)"'(]):)(\d{2,5})\b"#)
            .expect("the pattern is fixed and tested")
    });
    let Some(hit) = LISTENS.find_iter(line).find(|m| stands_alone(line, m.range())) else { return Vec::new() };
    PORT.captures_iter(&line[hit.start()..])
        .filter_map(|c| c.get(1)?.as_str().parse::<i64>().ok())
        .filter(|p| (1..=65535).contains(p))
        .take(4)
        .collect()
}

/// Numbers that could be ports, standing free or behind `:` and `=`.
fn bare_numbers(text: &str) -> Vec<i64> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .filter(|w| (2..=5).contains(&w.len()))
        .filter_map(|w| w.parse::<i64>().ok())
        .filter(|n| (1..=65535).contains(n))
        .take(64)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listening_ports_are_read_from_logs() {
        for (line, want) in [
            ("2026-11-23T10:11:12Z INFO listening on 0.0.0.0:8080", vec![8080]),
            ("Tomcat started on port(s): 8081 (http)", vec![8081]),
            ("{\"message\":\"starting to listen on tcp: \\\":9090\\\"\",\"port\":1}", vec![9090, 1]),
            ("server listening at [::]:50051", vec![50051]),
            ("* Running mode=standalone, port=6379.", vec![6379]),
            ("12:30:45 connected to cart:7070", vec![]),
            ("observing cart:7070", vec![]),
            ("observing, then Serving on :7070", vec![7070]),
        ] {
            let got: Vec<i64> = listening_ports(line);
            let want: Vec<i64> = want.into_iter().filter(|p| *p > 9).collect();
            assert_eq!(got, want, "{line}");
        }
    }

    #[test]
    fn numbers_in_arguments_are_hints() {
        assert_eq!(bare_numbers("httpd -f -p 8080 -h /srv"), [8080]);
        assert_eq!(bare_numbers("--listen=:9443"), [9443]);
        assert_eq!(bare_numbers("v1.25 10.0.0.1"), [] as [i64; 0]);
    }
}
