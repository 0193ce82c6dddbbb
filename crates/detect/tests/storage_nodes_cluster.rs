//! Storage, nodes, control plane and performance, by code: what fires, and the look-alike beside it that must stay silent.
//! What scenarios show as causes is not repeated here.

use std::collections::BTreeSet;

use rootline_detect::detect;
use rootline_model::{Kind, Timestamp};
use rootline_objects::{Alert, ComponentStatus, Object, Reach, Series, Signal, read_list};
use rootline_world::World;
use serde_json::{Value, json};

const NOW: &str = "2026-06-01T12:00:00Z";

fn ago(seconds: i64) -> String {
    let now: Timestamp = NOW.parse().unwrap_or_else(|e| panic!("{e}"));
    Timestamp::from_second(now.as_second() - seconds).unwrap_or_else(|e| panic!("{e}")).to_string()
}

/// Kinds that occur count as completely listed.
fn world(objects: &[Value], more: Vec<Signal>) -> World {
    let mut signals = vec![Signal::Clock(NOW.parse().unwrap_or_else(|e| panic!("{e}")))];
    let mut kinds: BTreeSet<Kind> = BTreeSet::new();
    for object in objects {
        let mut good: Vec<Object> = Vec::new();
        let text = object.to_string();
        read_list(&text, None, |o| good.push(o), |e| panic!("{e}: {text}")).unwrap_or_else(|e| panic!("{e}: {text}"));
        kinds.extend(good.iter().filter_map(|o| Kind::parse(o.kind())));
        signals.extend(good.into_iter().map(Signal::Object));
    }
    signals.extend(kinds.into_iter().map(|kind| Signal::Listed { kind, namespace: None }));
    signals.extend(more);
    World::from_signals(signals)
}

/// Exactly these findings of the subjects of this file, as `code@entity`.
#[track_caller]
fn check(what: &str, objects: &[Value], more: Vec<Signal>, want: &[&str]) {
    let ours =
        ["volume.", "node.", "component.", "control_plane.", "etcd.", "api_service.", "crd.", "namespace.", "webhook."];
    let also = ["csr.", "certificate.", "cluster.", "monitoring.", "performance."];
    let found = detect(&world(objects, more)).findings;
    let mut got: Vec<String> = found
        .iter()
        .filter(|f| ours.iter().chain(&also).any(|p| f.code.as_str().starts_with(p)))
        .map(|f| format!("{}@{}", f.code, f.entity))
        .collect();
    got.sort();
    assert_eq!(got, want, "{what}");
}

fn node(name: &str, ready: &str) -> Value {
    json!({"kind": "Node", "metadata": {"name": name}, "status": {
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "conditions": [{"type": "Ready", "status": ready, "reason": "x", "lastTransitionTime": ago(3600)}]}})
}

fn pod(name: &str, on: &str, ready: bool) -> Value {
    json!({"kind": "Pod", "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}, "creationTimestamp": ago(3600)},
        "spec": {"nodeName": on, "containers": [{"name": "app"}]},
        "status": {"phase": "Running", "conditions": [{"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": if ready { "True" } else { "False" }, "lastTransitionTime": ago(600)}],
            "containerStatuses": [{"name": "app", "ready": ready, "state": {"running": {}}}]}})
}

fn claim(phase: &str, wants: &str, has: &str) -> Value {
    json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "creationTimestamp": ago(900)},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": wants}}},
        "status": {"phase": phase, "capacity": if has.is_empty() { json!({}) } else { json!({"storage": has}) }}})
}

fn class(name: &str, default: bool, grows: bool) -> Value {
    json!({"kind": "StorageClass", "metadata": {"name": name,
        "annotations": {"storageclass.kubernetes.io/is-default-class": default.to_string()}},
        "provisioner": "csi.example.com", "allowVolumeExpansion": grows})
}

fn volume(phase: &str) -> Value {
    json!({"kind": "PersistentVolume", "metadata": {"name": "disk"}, "status": {"phase": phase, "message": "m"},
        "spec": {"storageClassName": "fast", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "claimRef": {"namespace": "shop", "name": "older"}}})
}

#[allow(clippy::too_many_arguments, reason = "a flat row of a test table")]
fn event(kind: &str, name: &str, reason: &str, count: i64, first: i64, last: i64) -> Value {
    json!({"kind": "Event", "metadata": {"name": format!("{name}.{reason}"), "namespace": "default"}, "type": "Warning",
        "reason": reason, "message": "m", "count": count, "firstTimestamp": ago(first), "lastTimestamp": ago(last),
        "involvedObject": {"kind": kind, "name": name, "namespace": if kind == "Node" { "" } else { "shop" }}})
}

#[test]
fn claims_that_nobody_waits_for_and_volumes_left_behind_are_notes() {
    check(
        "unused claim, class missing",
        &[claim("Pending", "1Gi", ""), class("other", false, true)],
        vec![],
        &["volume.claim_idle@pvc/shop/data"],
    );
    check("bound claim", &[claim("Bound", "1Gi", "1Gi"), class("fast", true, true)], vec![], &[]);
    check(
        "two defaults",
        &[class("fast", true, true), class("slow", true, true)],
        vec![],
        &["volume.default_classes_several@storageclass/fast"],
    );
    check("released", &[volume("Released")], vec![], &["volume.left_over@pv/disk"]);
    check("failed", &[volume("Failed")], vec![], &["volume.reclaim_failed@pv/disk"]);
}

#[test]
fn growing_a_claim() {
    let waits = |mut c: Value| {
        c["status"]["conditions"] = json!([{"type": "FileSystemResizePending", "status": "True"}]);
        c
    };
    check("grown", &[claim("Bound", "2Gi", "2Gi"), class("fast", true, true)], vec![], &[]);
    check("on its way", &[claim("Bound", "2Gi", "1Gi"), class("fast", true, true)], vec![], &[]);
    check(
        "waits for its pod",
        &[waits(claim("Bound", "2Gi", "1Gi")), class("fast", true, true)],
        vec![],
        &["volume.resize_pending@pvc/shop/data"],
    );
    check(
        "class forbids it",
        &[claim("Bound", "2Gi", "1Gi"), class("fast", true, false)],
        vec![],
        &["volume.resize_failed@pvc/shop/data"],
    );
}

#[test]
fn node_events_hurt_only_while_they_hurt() {
    let n = || node("w1", "True");
    check(
        "kernel, all well",
        &[n(), pod("cart", "w1", true), event("Node", "w1", "TaskHung", 1, 60, 60)],
        vec![],
        &["node.past_trouble@node/w1"],
    );
    check(
        "kernel, a pod suffers",
        &[n(), pod("cart", "w1", false), event("Node", "w1", "TaskHung", 1, 60, 60)],
        vec![],
        &["node.kernel_trouble@node/w1"],
    );
    check("an hour ago", &[n(), pod("cart", "w1", false), event("Node", "w1", "TaskHung", 1, 3700, 3600)], vec![], &[]);
    check(
        "clean-up without pressure",
        &[n(), event("Node", "w1", "ImageGCFailed", 3, 120, 60)],
        vec![],
        &["node.past_trouble@node/w1"],
    );
    let mut full = n();
    full["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure"}]);
    check(
        "clean-up under pressure",
        &[full, event("Node", "w1", "ImageGCFailed", 3, 120, 60)],
        vec![],
        &["node.disk_pressure@node/w1", "node.image_gc_failing@node/w1"],
    );
    check(
        "flapping",
        &[n(), event("Node", "w1", "NodeNotReady", 4, 700, 60)],
        vec![],
        &["node.readiness_flapping@node/w1"],
    );
    check("not ready once", &[n(), event("Node", "w1", "NodeNotReady", 1, 60, 60)], vec![], &[]);
    check("not ready over hours", &[n(), event("Node", "w1", "NodeNotReady", 8, 9000, 60)], vec![], &[]);
}

#[test]
fn a_wave_of_evictions_is_one_finding() {
    let evicted = |name: &str| {
        let mut p = pod(name, "w1", false);
        p["status"] = json!({"phase": "Failed", "reason": "Evicted", "startTime": ago(600),
            "message": "The node was low on resource: memory. Threshold quantity: 100Mi"});
        p
    };
    let three = [node("w1", "True"), evicted("a"), evicted("b"), evicted("c")];
    check("three", &three, vec![], &["node.eviction_wave@node/w1"]);
    check("two", &three[..3], vec![], &[]);
}

#[test]
fn versions_and_capacity_are_notes() {
    let mut old = node("w1", "True");
    old["status"]["nodeInfo"] = json!({"kubeletVersion": "v1.29.4"});
    check(
        "four minors behind",
        &[old.clone()],
        vec![Signal::Version("v1.33.1".into())],
        &["node.version_skew@node/w1"],
    );
    check("three minors behind", &[old], vec![Signal::Version("v1.32.0".into())], &[]);
    let asks = |name: &str, on: &str, cpu: &str| {
        let mut p = pod(name, on, true);
        p["spec"]["containers"][0]["resources"] = json!({"requests": {"cpu": cpu}});
        p
    };
    let (a, b) = (node("w1", "True"), node("w2", "True"));
    check(
        "one node could not carry it",
        &[a.clone(), b.clone(), asks("cart", "w1", "3"), asks("mail", "w2", "2")],
        vec![],
        &["node.overcommitted@cluster/cluster"],
    );
    check("one node could", &[a, b, asks("cart", "w1", "3"), asks("mail", "w2", "1")], vec![], &[]);
}

#[test]
fn certificate_requests() {
    let csr = |age: i64, conditions: Value| {
        json!({"kind": "CertificateSigningRequest", "metadata": {"name": "csr-1", "creationTimestamp": ago(age)},
            "spec": {"signerName": "kubernetes.io/kubelet-serving", "username": "system:node:w1"},
            "status": {"conditions": conditions}})
    };
    check("waits", &[csr(1200, json!([])), node("w1", "True")], vec![], &["csr.waiting@csr/csr-1"]);
    check("young", &[csr(20, json!([])), node("w1", "True")], vec![], &[]);
    check("denied", &[csr(1200, json!([{"type": "Denied", "status": "True"}])), node("w1", "True")], vec![], &[]);
}

#[test]
fn webhooks_by_their_backend() {
    let hook = |policy: &str| {
        json!({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "guard"}, "webhooks": [{"name": "guard.example.com",
            "failurePolicy": policy, "clientConfig": {"service": {"namespace": "shop", "name": "guard"}}}]})
    };
    let service = json!({"kind": "Service", "metadata": {"name": "guard", "namespace": "shop"},
        "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "guard"}, "ports": [{"port": 443}]}});
    let other =
        json!({"kind": "Service", "metadata": {"name": "cart", "namespace": "shop"}, "spec": {"clusterIP": "None"}});
    let bad = ["webhook.backend_unready@webhook/guard"];
    let n = || node("w1", "True");
    check("missing", &[n(), hook("Fail"), other.clone()], vec![], &bad);
    check("not ready", &[n(), hook("Fail"), service.clone(), pod("guard", "w1", false)], vec![], &bad);
    check("selects nothing", &[n(), hook(""), service.clone(), pod("cart", "w1", true)], vec![], &bad);
    check("ready", &[n(), hook("Fail"), service.clone(), pod("guard", "w1", true)], vec![], &[]);
    check("ignored", &[n(), hook("Ignore"), other], vec![], &[]);
    check("services not read", &[n(), hook("Fail")], vec![], &[]);
}

#[test]
fn api_services_point_to_their_pods_where_these_are_down() {
    let api = json!({"kind": "APIService", "metadata": {"name": "v1.x.example.com"},
        "spec": {"service": {"namespace": "shop", "name": "guard"}},
        "status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}]}});
    let service = json!({"kind": "Service", "metadata": {"name": "guard", "namespace": "shop"},
        "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "guard"}, "ports": [{"port": 443}]}});
    let n = || node("w1", "True");
    check(
        "pods down",
        &[n(), api.clone(), service.clone(), pod("guard", "w1", false)],
        vec![],
        &["api_service.backend_down@apiservice/v1.x.example.com"],
    );
    check(
        "pods well",
        &[n(), api, service, pod("guard", "w1", true)],
        vec![],
        &["api_service.unavailable@apiservice/v1.x.example.com"],
    );
}

#[test]
fn a_loud_object_is_a_note() {
    check(
        "loud",
        &[node("w1", "True"), pod("cart", "w1", true), event("Pod", "cart", "Tick", 900, 600, 5)],
        vec![],
        &["cluster.event_flood@pod/shop/cart"],
    );
    check(
        "often, over a day",
        &[node("w1", "True"), pod("cart", "w1", true), event("Pod", "cart", "Tick", 900, 86_000, 5)],
        vec![],
        &[],
    );
}

#[test]
fn one_replica_of_the_control_plane_is_a_note() {
    let part = |on: &str, ready: bool| {
        let mut p = pod(&format!("kube-scheduler-{on}"), on, ready);
        p["metadata"]["namespace"] = json!("kube-system");
        p["metadata"]["labels"] = json!({"component": "kube-scheduler"});
        p
    };
    let nodes = [node("cp-1", "True"), node("cp-2", "True")];
    let with = |more: [Value; 2]| nodes.iter().cloned().chain(more).collect::<Vec<_>>();
    check(
        "one of two",
        &with([part("cp-1", false), part("cp-2", true)]),
        vec![],
        &["control_plane.replica_down@component/cp-1/kube-scheduler"],
    );
    check(
        "both",
        &with([part("cp-1", false), part("cp-2", false)]),
        vec![],
        &["control_plane.scheduler_down@component/cp-1/kube-scheduler"],
    );
    let stopped = |on: &str, running: bool| {
        Signal::Component(ComponentStatus {
            node: on.into(),
            component: "etcd".into(),
            running: Some(running),
            text: "Active: x".into(),
        })
    };
    check(
        "one service of two",
        &nodes,
        vec![stopped("cp-1", false), stopped("cp-2", true)],
        &["control_plane.replica_down@component/cp-1/etcd"],
    );
}

#[test]
fn alerts_are_known_by_name() {
    let alert = |name: &str, labels: &[(&str, &str)]| {
        Signal::Alert(Alert { name: name.into(), labels: labels.iter().copied().collect(), ..Alert::default() })
    };
    let nodes = [node("w1", "True")];
    for (name, labels, want) in [
        ("NodeClockSkewDetected", &[("instance", "w1:9100")][..], "node.clock_skew@node/w1"),
        ("NodeFilesystemAlmostOutOfSpace", &[("instance", "w1")], "node.disk_filling@node/w1"),
        ("NodeHighNumberConntrackEntriesUsed", &[("node", "w1")], "node.limits_near@node/w1"),
        ("NodeSystemdServiceFailed", &[("instance", "w1:9100")], "node.unit_failed@node/w1"),
        ("NodeCPUHighUsage", &[("instance", "w1:9100")], "node.saturated@node/w1"),
        (
            "KubePersistentVolumeFillingUp",
            &[("namespace", "shop"), ("persistentvolumeclaim", "data")],
            "volume.filling@pvc/shop/data",
        ),
        ("KubeletServerCertificateRenewalErrors", &[], "certificate.expiring@cluster/cluster"),
        ("TargetDown", &[("job", "cart")], "monitoring.target_down@cluster/cluster"),
        ("PrometheusBadConfig", &[], "monitoring.degraded@cluster/cluster"),
        // no control plane node is seen: a managed cluster, whose scheduler nobody can scrape
        ("KubeSchedulerDown", &[], "monitoring.target_down@cluster/cluster"),
    ] {
        check(name, &nodes, vec![alert(name, labels)], &[want]);
    }
    check("unknown", &nodes, vec![alert("Watchdog", &[])], &[]);
}

#[test]
fn connection_tests_must_name_a_node_and_end() {
    let nodes = [node("w1", "True"), node("w2", "True")];
    let test = |from: &str, host: &str, reached: Option<bool>| {
        Signal::Reach(Reach {
            namespace: "shop".into(),
            host: host.into(),
            port: 80,
            reached,
            text: format!("from {from}: …"),
        })
    };
    let all = |w1: Option<bool>, w2: Option<bool>, hosts: &[&str]| {
        hosts.iter().flat_map(|h| [test("w1", h, w1), test("w2", h, w2)]).collect::<Vec<_>>()
    };
    let three = ["a", "b", "c"];
    let proxy = ["component.kube_proxy_down@component/w1/kube-proxy"];
    check("only from w1", &nodes, all(Some(false), Some(true), &three), &proxy);
    check("two services only", &nodes, all(Some(false), Some(true), &three[..2]), &[]);
    check("from nowhere", &nodes, all(Some(false), Some(false), &three), &[]);
    check("unfinished", &nodes, all(None, Some(true), &three), &[]);
    let mut partly = all(Some(false), Some(true), &three);
    partly.push(test("w1", "d", Some(true)));
    check("one is reached", &nodes, partly, &[]);
}

#[test]
fn strange_series_and_names_do_no_harm() {
    let at = |i: i64| Timestamp::from_second(i).unwrap_or(Timestamp::UNIX_EPOCH);
    let odd = |name: &str, value: f64| {
        let points = (0..40).map(|i| (at(i), value)).collect();
        Signal::Series(Series {
            name: name.into(),
            labels: [("entity", "w1"), ("metric", name)].into_iter().collect(),
            points,
        })
    };
    let signals = vec![
        odd("cpu", f64::NAN),
        odd("p90latency", f64::INFINITY),
        odd("tcp_retrans", -1.0),
        odd("", 0.0),
        odd("延迟latency", 1e300),
        Signal::Alert(Alert {
            name: "延迟".into(), text: "p99latency … 5s → 9s 延迟".into(), ..Alert::default()
        }),
        Signal::Reach(Reach { text: "延".into(), reached: Some(false), ..Reach::default() }),
        Signal::Component(ComponentStatus { running: Some(false), ..ComponentStatus::default() }),
    ];
    check("odd", &[node("w1", "True")], signals, &[]);
}
