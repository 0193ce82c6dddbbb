//! A diagnosis made by hand: a missing Secret with forty followers, a dead node, and something nobody can explain.

use rootline_model::{
    Args, Bilingual, Cause, Check, Code, Contribution, Diagnosis, EntityRef, Evidence, Finding, Folded, Gap, GapKind,
    Incident, Kind, Knowledge, Message, Nats, Probability, Scope, Severity, Texts, Timestamp, Verdict,
};

pub fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_second(1_772_619_324 - seconds_ago).expect("a moment in 2026")
}

fn args(pairs: &[(&'static str, &str)]) -> Args {
    pairs.iter().map(|(k, v)| (*k, (*v).to_owned())).collect()
}

pub fn knowledge() -> Knowledge {
    let texts = |title: (&str, &str), means: (&str, &str), fix: (&str, &str), confirm: &[&str]| Texts {
        title: Bilingual::new(title.0, title.1),
        means: Bilingual::new(means.0, means.1),
        fix: Bilingual::new(fix.0, fix.1),
        confirm: confirm.iter().map(|c| (*c).to_owned()).collect(),
        ..Texts::default()
    };
    let title = |en, zh| texts((en, zh), ("", ""), ("", ""), &[]);
    let mut k = Knowledge::default();
    k.causes.insert(
        "config.secret_missing".to_owned(),
        texts(
            ("Secret {secret} does not exist", "Secret {secret} 不存在"),
            (
                "A pod names a Secret that is not in its namespace. The kubelet waits for it and starts no container.",
                "Pod 引用了所在命名空间中不存在的 Secret，kubelet 会一直等待，容器无法启动。",
            ),
            (
                "Create Secret {secret} in namespace {namespace}, or correct the name in the pod template of {entity}.",
                "在命名空间 {namespace} 中创建 Secret {secret}，或修正 {entity} 的 Pod 模板中的名称。",
            ),
            &[
                "kubectl -n {namespace} get secret {secret}",
                "kubectl -n {namespace} get {kind} {name} -o jsonpath={.spec.template.spec.volumes}",
            ],
        ),
    );
    k.causes.insert(
        "node.kubelet_down".to_owned(),
        texts(
            ("The kubelet of node {node} does not report", "节点 {node} 的 kubelet 未上报状态"),
            ("", ""),
            (
                "Log in to {node}, look at the kubelet's journal and start it again.",
                "登录 {node}，查看 kubelet 的日志并将其重新启动。",
            ),
            &["kubectl describe node {node}", "ssh {node} journalctl -u kubelet -n 100 --no-pager"],
        ),
    );
    k.causes.insert("node.memory_pressure".to_owned(), title("Node {node} runs out of memory", "节点 {node} 内存不足"));
    k.causes.insert("image.not_found".to_owned(), title("Image {image} does not exist", "镜像 {image} 不存在"));
    k.findings.insert("pod.not_ready".to_owned(), title("Pod is not ready", "Pod 未就绪"));
    k.findings.insert(
        "container.waiting".to_owned(),
        title("Container {container} waits: {reason}", "容器 {container} 处于等待状态：{reason}"),
    );
    k.findings.insert(
        "workload.unavailable".to_owned(),
        title("{ready} of {wanted} replicas are available", "{wanted} 个副本中只有 {ready} 个可用"),
    );
    k.findings
        .insert("service.no_endpoints".to_owned(), title("Service has no ready endpoint", "Service 没有就绪的端点"));
    k.findings.insert("log.errors".to_owned(), title("Requests fail with {status}", "请求失败，状态码 {status}"));
    k.findings.insert("pod.no_limits".to_owned(), title("Containers without a memory limit", "容器未设置内存上限"));
    k
}

fn cause(code: &'static str, entity: EntityRef, nats: f64, probability: f64) -> Cause {
    Cause {
        code: Code::known(code),
        entity,
        nats: Nats::new(nats),
        probability: Probability::new(probability),
        args: Args::default(),
        about: Vec::new(),
        evidence: Vec::new(),
        contributions: Vec::new(),
        onset: None,
        lost: None,
    }
}

fn incident(number: usize, severity: Severity, verdict: Verdict) -> Incident {
    Incident {
        number,
        severity,
        verdict,
        onset: None,
        affected: Vec::new(),
        causes: Vec::new(),
        folded: Vec::new(),
        edges: Vec::new(),
        gaps: Vec::new(),
    }
}

fn cart_pod(i: usize) -> EntityRef {
    EntityRef::pod(
        "shop",
        &format!(
            "cart-7f9c5d8b4-{}",
            ["x2x4q", "k8v5t", "m9r2c", "p7d6w", "z4h3n"][i % 5].replace(char::is_numeric, &i.to_string())
        ),
    )
}

/// The cause with its evidence.
fn secret_cause(cart: &EntityRef, secret: &EntityRef) -> Cause {
    let mut first = cause("config.secret_missing", cart.clone(), 6.42, 0.957);
    first.args = args(&[("secret", "cart-db")]);
    first.about = vec![secret.clone()];
    first.onset = Some(at(793));
    first.evidence = vec![
        Evidence::Event {
            object: cart_pod(0),
            reason: "FailedMount".into(),
            message: "MountVolume.SetUp failed for volume \"db\" : secret \"cart-db\" not found".into(),
            count: 14,
            last: Some(at(12)),
        },
        Evidence::Absent { object: secret.clone(), referred_by: cart.clone() },
        Evidence::Field {
            object: cart.clone(),
            path: "spec.template.spec.volumes[0].secret.secretName".into(),
            value: "cart-db".into(),
        },
        Evidence::Condition {
            object: cart.clone(),
            condition: "Available".into(),
            status: "False".into(),
            reason: "MinimumReplicasUnavailable".into(),
            message: "Deployment does not have minimum availability.".into(),
            since: Some(at(790)),
        },
    ];
    first.contributions = vec![
        Contribution {
            nats: Nats::new(4.0),
            note: Message::new("why.finding").arg("finding", "config.secret_missing").arg("entity", cart.to_string()),
        },
        Contribution { nats: Nats::new(2.92), note: Message::new("why.explains").arg("count", "40") },
        Contribution { nats: Nats::new(-0.5), note: Message::new("why.gap").arg("what", "secrets in shop") },
    ];
    first
}

/// One missing Secret, forty findings that follow from it.
fn missing_secret() -> Incident {
    let (cart, secret) =
        (EntityRef::new(Kind::Deployment, "shop", "cart"), EntityRef::new(Kind::Secret, "shop", "cart-db"));
    let service = EntityRef::new(Kind::Service, "shop", "cart");
    let first = secret_cause(&cart, &secret);
    let mut second = cause("image.not_found", cart_pod(1), 1.2, 0.031);
    second.args = args(&[("image", "registry.example/shop/cart:1.9")]);
    second.lost = Some(Message::new("lost.weaker").arg("nats", "1.2").arg("best", "6.4"));
    let mut all = incident(1, Severity::Error, Verdict::Likely);
    all.onset = Some(at(793));
    all.affected = vec![cart.clone(), service.clone(), EntityRef::new(Kind::Ingress, "shop", "front")];
    all.folded = (0..36)
        .map(|i| Folded {
            finding: Finding::new(
                "container.waiting",
                EntityRef { part: Some("app".into()), kind: Kind::Container, ..cart_pod(i) },
            )
            .arg("reason", if i % 2 == 0 { "ContainerCreating" } else { "CreateContainerConfigError" })
            .arg("container", "app"),
            reason: Message::new("fold.explained").arg("cause", "config.secret_missing"),
        })
        .collect();
    all.folded.push(Folded {
        finding: Finding::new("workload.unavailable", cart.clone()).arg("ready", "0").arg("wanted", "36"),
        reason: Message::new("fold.explained").arg("cause", "config.secret_missing"),
    });
    for (name, service) in
        [("cart", &service), ("cart-metrics", &EntityRef::new(Kind::Service, "shop", "cart-metrics"))]
    {
        all.folded.push(Folded {
            finding: Finding::new("service.no_endpoints", service.clone()),
            reason: Message::new("fold.downstream")
                .arg("entity", format!("service/shop/{name}"))
                .arg("cause", "config.secret_missing"),
        });
    }
    all.folded.push(Folded {
        finding: Finding::new("config.secret_missing", cart.clone()).arg("secret", "cart-db"),
        reason: Message::new("fold.cause"),
    });
    all.edges = vec![
        (cart.clone(), "uses_config", secret),
        (service.clone(), "selects", cart_pod(0)),
        (EntityRef::new(Kind::Ingress, "shop", "front"), "routes_to", service),
    ];
    all.edges.extend((0..36).map(|i| (cart_pod(i), "owned_by", cart.clone())));
    all.edges.extend((0..36).map(|i| (cart_pod(i), "runs_on", EntityRef::node(["w1", "w2"][i % 2]))));
    all.causes = vec![first, second];
    all
}

/// A node that went silent; the cause is possible only, because nobody could look at the node.
fn silent_node() -> Incident {
    let node = EntityRef::node("w3");
    let mut first = cause("node.kubelet_down", EntityRef::component("w3", "kubelet"), 3.1, 0.642);
    first.evidence = vec![
        Evidence::Condition {
            object: node.clone(),
            condition: "Ready".into(),
            status: "Unknown".into(),
            reason: "NodeStatusUnknown".into(),
            message: "Kubelet stopped posting node status.".into(),
            since: Some(at(7_500)),
        },
        Evidence::Quote {
            object: EntityRef::component("w3", "kubelet"),
            source: "systemctl status kubelet".into(),
            text: "\u{1b}[31mActive: failed\u{1b}[0m (Result: oom-kill) since Wed 2026-03-04 08:09:12 UTC".into(),
        },
        Evidence::Alert { name: "KubeNodeUnreachable".into(), object: node.clone(), since: Some(at(7_200)) },
        Evidence::Sample { query: "up{job=\"kubelet\",node=\"w3\"}".into(), value: "0".into() },
        Evidence::Arithmetic {
            object: node.clone(),
            what: "memory".into(),
            left: "requested 15.2Gi".into(),
            relation: ">".into(),
            right: "allocatable 14.9Gi".into(),
        },
        Evidence::State {
            container: EntityRef::container("ledger", "writer-0", "app"),
            state: "Terminated".into(),
            reason: "Error".into(),
            exit_code: Some(137),
            message: String::new(),
            at: Some(at(7_510)),
        },
        Evidence::Log {
            container: EntityRef::container("ledger", "writer-0", "app"),
            line: "level=error msg=\"write failed\" err=\"context deadline exceeded\"".into(),
            previous: true,
            count: 211,
        },
        Evidence::Field { object: node.clone(), path: "spec.unschedulable".into(), value: "false".into() },
    ];
    let mut second = cause("node.memory_pressure", node.clone(), 2.6, 0.301);
    second.lost = Some(Message::new("lost.explained").arg("cause", "node.kubelet_down"));
    let mut all = incident(2, Severity::Critical, Verdict::Possible);
    all.onset = Some(at(7_500));
    all.affected = vec![EntityRef::new(Kind::StatefulSet, "ledger", "writer")];
    all.folded = vec![Folded {
        finding: Finding::new("pod.not_ready", EntityRef::pod("ledger", "writer-0")),
        reason: Message::new("fold.same_node").arg("entity", "node/w3"),
    }];
    all.edges = vec![
        (EntityRef::component("w3", "kubelet"), "part_of", node.clone()),
        (EntityRef::pod("ledger", "writer-0"), "runs_on", node),
        (EntityRef::pod("ledger", "writer-0"), "owned_by", EntityRef::new(Kind::StatefulSet, "ledger", "writer")),
    ];
    all.gaps = vec![Gap::new(GapKind::Absent, "journal of node w3", "")];
    all.causes = vec![first, second];
    all
}

/// Errors with three weak candidates.
fn unknown() -> Incident {
    let mut all = incident(3, Severity::Warning, Verdict::NoConfidentCause);
    let gateway =
        EntityRef::new(Kind::Deployment, "edge", "网关-very-long-name-that-somebody-chose-for-a-gateway-deployment");
    all.causes = vec![
        cause("node.memory_pressure", EntityRef::node("w1"), 0.4, 0.22),
        cause("some.rule_of_a_user", gateway.clone(), 0.1, 0.18),
    ];
    if let Some(second) = all.causes.last_mut() {
        second.lost = Some(Message::new("a.key.nobody.knows").arg("x", "own reason").arg("y", "二"));
    }
    all.affected = vec![gateway.clone()];
    all.folded = vec![Folded {
        finding: Finding::new("log.errors", gateway.clone()).arg("status", "502").evidence(Evidence::Log {
            container: EntityRef::container("edge", "gateway-0", "proxy"),
            line: "上游服务返回 502，请求编号 8f2c，耗时 3001 毫秒，重试 3 次后放弃：upstream prematurely closed connection while reading response header".into(),
            previous: false,
            count: 1,
        }),
        reason: Message::new("fold.time"),
    }];
    all.gaps = vec![Gap {
        kind: GapKind::Stale,
        subject: "events".into(),
        detail: Message::new("gap.old_events").arg("age", "1 h"),
    }];
    all
}

pub fn diagnosis() -> Diagnosis {
    Diagnosis {
        at: at(0),
        scope: Scope {
            source: "ticket-4711.tar.gz".into(),
            cluster_version: Some("v1.36.1".into()),
            objects: vec![("nodes", 3), ("deployments", 40), ("ingresses", 2), ("pods", 1_159)],
            namespaces: vec!["edge".into(), "ledger".into(), "shop".into()],
            events: 312,
            log_lines: 88,
            elsewhere: 0,
        },
        incidents: vec![missing_secret(), silent_node(), unknown()],
        notes: vec![Finding::new("pod.no_limits", EntityRef::pod("shop", "search-0")).nats(0.5)],
        checks: vec![
            Check { name: "images", looked_at: 240, problems: 0 },
            Check { name: "quotas", looked_at: 3, problems: 0 },
            Check { name: "config_references", looked_at: 412, problems: 1 },
            Check { name: "services", looked_at: 61, problems: 0 },
        ],
        gaps: vec![Gap::new(
            GapKind::Forbidden,
            "secrets in ledger",
            "secrets is forbidden: User \"viewer\" cannot list",
        )],
    }
}

/// Nothing wrong.
#[allow(dead_code, reason = "not every test needs it")]
pub fn healthy() -> Diagnosis {
    Diagnosis {
        incidents: Vec::new(),
        notes: Vec::new(),
        gaps: Vec::new(),
        checks: diagnosis().checks.into_iter().filter(|c| c.problems == 0).collect(),
        ..diagnosis()
    }
}
