//! What workloads and the network give away, by code: symptoms and risks, which no scenario shows as a cause, and the
//! facts beside which they must stay silent.

use std::collections::BTreeSet;

use rootline_detect::{Class, detect, doc_of};
use rootline_model::{EntityRef, Finding, Kind, Timestamp};
use rootline_objects::{LogTail, Object, Reach, Signal, read_list};
use rootline_world::World;

const NOW: &str = "2026-06-01T12:00:00Z";

/// Objects as JSON, one per line; kinds that occur, and those named, count as completely listed.
fn world(objects: &str, listed: &[Kind], more: Vec<Signal>) -> World {
    let now: Timestamp = NOW.parse().unwrap_or_else(|e| panic!("{e}"));
    let mut signals = vec![Signal::Clock(now)];
    let mut kinds: BTreeSet<Kind> = listed.iter().copied().collect();
    for line in objects.lines().map(str::trim).filter(|l| !l.is_empty()) {
        let mut good: Vec<Object> = Vec::new();
        read_list(line, None, |o| good.push(o), |e| panic!("{e}: {line}")).unwrap_or_else(|e| panic!("{e}: {line}"));
        assert!(!good.is_empty(), "nothing read: {line}");
        kinds.extend(good.iter().filter_map(|o| Kind::parse(o.kind())));
        signals.extend(good.into_iter().map(Signal::Object));
    }
    signals.extend(kinds.into_iter().map(|kind| Signal::Listed { kind, namespace: None }));
    signals.extend(more);
    World::from_signals(signals)
}

fn deployment(name: &str, replicas: i64, ready: i64, env: &str) -> String {
    format!(
        r#"{{"kind":"Deployment","metadata":{{"name":"{name}","namespace":"shop","creationTimestamp":"2026-06-01T10:00:00Z"}},"spec":{{"replicas":{replicas},"selector":{{"matchLabels":{{"app":"{name}"}}}},"template":{{"metadata":{{"labels":{{"app":"{name}"}}}},"spec":{{"containers":[{{"name":"app","resources":{{"requests":{{"cpu":"1"}}}},"ports":[{{"containerPort":8080}}],"env":[{env}]}}]}}}}}},"status":{{"readyReplicas":{ready},"updatedReplicas":{ready}}}}}"#
    )
}

fn pod(name: &str, ready: &str, created: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"name":"{name}-5d9-x","namespace":"shop","creationTimestamp":"{created}","labels":{{"app":"{name}","pod-template-hash":"5d9"}},"ownerReferences":[{{"kind":"ReplicaSet","name":"{name}-5d9","controller":true}}]}},"spec":{{"nodeName":"w1","containers":[{{"name":"app","ports":[{{"containerPort":8080}}]}}]}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"{ready}","lastTransitionTime":"{created}"}}],"containerStatuses":[{{"name":"app","ready":{},"state":{{"running":{{}}}}}}]}}}}"#,
        ready == "True"
    )
}

fn service(name: &str, selects: &str, port: i64, target: i64) -> String {
    format!(
        r#"{{"kind":"Service","metadata":{{"name":"{name}","namespace":"shop","creationTimestamp":"2026-06-01T10:00:00Z"}},"spec":{{"clusterIP":"10.96.0.7","selector":{{"app":"{selects}"}},"ports":[{{"port":{port},"targetPort":{target}}}]}}}}"#
    )
}

const LONG_AGO: &str = "2026-06-01T11:00:00Z";

fn app(name: &str) -> String {
    format!("{}\n{}", deployment(name, 1, 1, ""), pod(name, "True", LONG_AGO))
}

fn findings(world: &World) -> Vec<Finding> {
    detect(world).findings
}

/// The code is found, about the entity, and no fact is.
#[track_caller]
fn check_quiet(world: &World, code: &str, entity: &str) {
    let found = findings(world);
    let lines: Vec<String> = found.iter().map(|f| format!("{} {}", f.code, f.entity)).collect();
    assert!(lines.contains(&format!("{code} {entity}")), "{code} {entity} is not among {lines:#?}");
    let facts: Vec<&String> = found
        .iter()
        .zip(&lines)
        .filter(|(f, _)| doc_of(f.code.as_str()).map(|d| d.class) == Some(Class::Fact))
        .map(|(_, line)| line)
        .collect();
    assert!(facts.is_empty(), "facts beside {code}: {facts:#?}");
}

#[test]
fn what_hurts_nobody_is_a_risk() {
    let cart = app("cart");
    let calls = |address: &str| {
        let env = format!(r#"{{"name":"CART_ADDR","value":"{address}"}}"#);
        format!("{}\n{}", deployment("web", 1, 1, &env), pod("web", "True", LONG_AGO))
    };
    let selector_open = service("old", "old", 80, 8080);
    check_quiet(&world(&format!("{cart}\n{selector_open}"), &[], vec![]), "service.no_backend", "service/shop/old");
    let extra = format!("{cart}\n{}\n{}", service("cart", "cart", 80, 8080), service("metrics", "cart", 9090, 9090));
    check_quiet(&world(&extra, &[], vec![]), "service.target_port_undeclared", "service/shop/metrics");
    let off = format!("{}\n{}", deployment("cart", 0, 0, ""), service("cart", "cart", 80, 8080));
    check_quiet(&world(&off, &[Kind::Pod], vec![]), "workload.idle", "deployment/shop/cart");
    let optional = format!("{cart}\n{}\n{}", service("cart", "cart", 80, 8080), calls("assistant:80"));
    check_quiet(&world(&optional, &[], vec![]), "config.address_unanswered", "deployment/shop/web");
    let balanced = service("cart", "cart", 80, 8080).replace(r#""clusterIP""#, r#""type":"LoadBalancer","clusterIP""#);
    check_quiet(
        &world(&format!("{cart}\n{balanced}"), &[], vec![]),
        "service.load_balancer_pending",
        "service/shop/cart",
    );
    let bare = cart.replace(r#""resources":{"requests":{"cpu":"1"}},"#, "");
    check_quiet(&world(&bare, &[], vec![]), "workload.no_requests", "namespace/shop");
    let policy = r#"{"kind":"NetworkPolicy","metadata":{"name":"deny","namespace":"shop"},"spec":{"podSelector":{},"policyTypes":["Ingress"]}}"#;
    let denied = format!("{cart}\n{}\n{}\n{policy}", service("cart", "cart", 80, 8080), calls("cart:80"));
    check_quiet(&world(&denied, &[], vec![]), "policy.may_deny_call", "networkpolicy/shop/deny");
    let own_dns = calls("cart:80").replace(r#""containers""#, r#""dnsPolicy":"Default","containers""#);
    let past = format!("{cart}\n{}\n{own_dns}", service("cart", "cart", 80, 8080));
    check_quiet(&world(&past, &[], vec![]), "dns.policy_past_cluster", "deployment/shop/web");
}

#[test]
fn switches_and_bounds_are_risks() {
    for (object, code, entity) in [
        (
            r#"{"kind":"CronJob","metadata":{"name":"sync","namespace":"shop"},"spec":{"schedule":"0 3 * * *","suspend":true}}"#,
            "cronjob.suspended",
            "cronjob/shop/sync",
        ),
        (
            r#"{"kind":"CronJob","metadata":{"name":"sync","namespace":"shop"},"spec":{"schedule":"* * * * *"},"status":{"active":[{"name":"a"},{"name":"b"}]}}"#,
            "cronjob.overlap",
            "cronjob/shop/sync",
        ),
        (
            r#"{"kind":"DaemonSet","metadata":{"name":"agent","namespace":"shop"},"spec":{},"status":{"desiredNumberScheduled":2,"numberReady":2,"numberMisscheduled":1}}"#,
            "daemonset.misscheduled",
            "daemonset/shop/agent",
        ),
        (
            r#"{"kind":"Deployment","metadata":{"name":"cart","namespace":"shop"},"spec":{"replicas":2,"paused":true},"status":{"readyReplicas":2,"updatedReplicas":1}}"#,
            "rollout.paused",
            "deployment/shop/cart",
        ),
        (
            r#"{"kind":"Ingress","metadata":{"name":"front","namespace":"shop","creationTimestamp":"2026-06-01T10:00:00Z"},"spec":{}}"#,
            "ingress.no_class",
            "ingress/shop/front",
        ),
        (
            r#"{"kind":"StatefulSet","metadata":{"name":"db","namespace":"shop"},"spec":{"replicas":0,"serviceName":"db"}}"#,
            "statefulset.service_absent",
            "statefulset/shop/db",
        ),
        (
            r#"{"kind":"PodDisruptionBudget","metadata":{"name":"cart","namespace":"shop"},"spec":{"minAvailable":1,"selector":{}},"status":{"expectedPods":1,"currentHealthy":1,"desiredHealthy":1}}"#,
            "pdb.no_disruption_allowed",
            "pdb/shop/cart",
        ),
    ] {
        check_quiet(&world(object, &[Kind::Service, Kind::IngressClass], vec![]), code, entity);
    }
    let hpa = r#"{"kind":"HorizontalPodAutoscaler","metadata":{"name":"cart","namespace":"shop"},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"cart"},"maxReplicas":3},"status":{"currentReplicas":3,"conditions":[{"type":"ScalingLimited","status":"True","reason":"TooManyReplicas"}]}}"#;
    check_quiet(&world(&format!("{}\n{hpa}", app("cart")), &[], vec![]), "hpa.maxed", "hpa/shop/cart");
}

#[test]
fn symptoms_are_named_and_are_no_facts() {
    let down = format!(
        "{}\n{}\n{}",
        deployment("cart", 1, 0, ""),
        pod("cart", "False", LONG_AGO),
        service("cart", "cart", 80, 8080)
    );
    for (code, entity) in [
        ("pod.not_ready", "pod/shop/cart-5d9-x"),
        ("deployment.replicas_short", "deployment/shop/cart"),
        ("service.no_ready_endpoints", "service/shop/cart"),
    ] {
        check_quiet(&world(&down, &[], vec![]), code, entity);
    }
    let none = format!("{}\n{}", deployment("cart", 1, 0, ""), service("cart", "cart", 80, 8080));
    check_quiet(&world(&none, &[Kind::Pod], vec![]), "service.no_pods", "service/shop/cart");
    let reach = Reach {
        namespace: "shop".into(),
        host: "cart".into(),
        port: 80,
        reached: Some(false),
        text: "connection refused".into(),
    };
    let test =
        world(&format!("{}\n{}", app("cart"), service("cart", "cart", 80, 8080)), &[], vec![Signal::Reach(reach)]);
    check_quiet(&test, "service.unreachable", "service/shop/cart");
}

#[test]
fn the_young_and_the_healthy_are_silent() {
    let young = format!("{}\n{}", deployment("cart", 1, 0, ""), pod("cart", "False", "2026-06-01T11:59:50Z"));
    for text in [young, format!("{}\n{}", app("cart"), service("cart", "cart", 80, 8080))] {
        let found: Vec<String> = findings(&world(&text, &[], vec![])).iter().map(|f| f.code.to_string()).collect();
        assert_eq!(found, [""; 0], "{text}");
    }
}

#[test]
fn an_unready_pod_tells_whom_it_misses() {
    let text = format!(
        "{}\n{}\n{}\n{}",
        app("cart"),
        service("cart", "cart", 80, 8080),
        deployment("web", 1, 0, ""),
        pod("web", "False", LONG_AGO)
    );
    let tail = LogTail {
        namespace: "shop".into(),
        pod: "web-5d9-x".into(),
        container: "app".into(),
        previous: false,
        lines: vec!["ERROR connect to 10.96.0.7:80 failed: Connection refused".into()],
    };
    let found = findings(&world(&text, &[], vec![Signal::Log(tail)]));
    let cart = EntityRef::new(Kind::Service, "shop", "cart");
    for code in ["pod.not_ready", "deployment.replicas_short"] {
        let finding = found.iter().find(|f| f.code.as_str() == code);
        assert!(finding.is_some_and(|f| f.about.contains(&cart)), "{code}: {finding:?}");
    }
}
