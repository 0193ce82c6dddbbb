//! Snippets in every format, read and joined.

use jiff::Timestamp;
use rootline_model::GapKind;
use rootline_objects::*;

use super::TextReader;

const NOW: &str = "2026-03-01T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a moment")
}

fn commands(texts: &[(&str, &str)]) -> Vec<Signal> {
    let mut reader = TextReader::new(now());
    for (command, output) in texts {
        reader.command(command, output);
    }
    reader.finish()
}

fn paste(text: &str) -> Vec<Signal> {
    let mut reader = TextReader::new(now());
    reader.paste(text, None);
    reader.finish()
}

fn objects(signals: &[Signal]) -> Vec<String> {
    let named = signals.iter().filter_map(|s| match s {
        Signal::Object(Object::Event(e)) => {
            Some(format!("Event {}/{} {} x{}", e.involved_object.kind, e.involved_object.name, e.reason, e.times()))
        }
        Signal::Object(o) => Some(format!("{} {}/{}", o.kind(), o.metadata().namespace, o.metadata().name)),
        _ => None,
    });
    named.collect()
}

fn listed(signals: &[Signal]) -> Vec<String> {
    let lists = signals.iter().filter_map(|s| match s {
        Signal::Listed { kind, namespace } => Some(format!("{kind} in {}", namespace.as_deref().unwrap_or("*"))),
        _ => None,
    });
    lists.collect()
}

fn gaps(signals: &[Signal]) -> Vec<(GapKind, String)> {
    let gaps = signals.iter().filter_map(|s| match s {
        Signal::Gap(g) => Some((g.kind, g.subject.clone())),
        _ => None,
    });
    gaps.collect()
}

/// The only object of a kind.
macro_rules! one {
    ($signals:expr, $kind:ident) => {{
        let mut found = $signals.iter().filter_map(|s| match s {
            Signal::Object(Object::$kind(o)) => Some(o),
            _ => None,
        });
        let first = found.next().expect("an object of the kind");
        assert!(found.next().is_none(), "more than one");
        first
    }};
}

const PODS: &str = "\
NAME                    READY   STATUS                  RESTARTS        AGE     IP           NODE     NOMINATED NODE   READINESS GATES
cart-7d9c4b8f6-x2x4q    0/1     CrashLoopBackOff        5 (3m10s ago)   3d4h    10.0.0.4     w1       <none>           <none>
cart-7d9c4b8f6-kk9zt    1/1     Running                 0               3d4h    10.0.0.5     w2       <none>           <none>
mail-0                  1/2     ImagePullBackOff        0               94s     10.0.0.6     w1       <none>           <none>
pay-5c9f8d7b4-lq8wz     0/1     Init:0/2                0               94s     <none>       w1       <none>           <none>
pay-5c9f8d7b4-zz8wz     0/1     Init:CrashLoopBackOff   4 (20s ago)     94s     10.0.0.8     w1       <none>           <none>
report-28-abcde         0/1     Completed               0               5h      10.0.0.7     w1       <none>           <none>
import-x9x9x            0/1     OOMKilled               0               5h      10.0.0.9     w1       <none>           <none>
old-1                   0/1     Evicted                 0               9d      <none>       w3       <none>           <none>
leaving-1               1/1     Terminating             0               9d      10.0.0.10    w3       <none>           <none>
waiting-1               0/1     Pending                 0               9d      <none>       <none>   <none>           <none>
new-1                   0/1     ContainerCreating       0               9s      <none>       w3       <none>           <none>
";

#[test]
fn the_status_column_becomes_container_states() {
    let signals = commands(&[("kubectl get pods -n shop -o wide", PODS)]);
    assert_eq!(listed(&signals), ["pod in shop"]);
    let state = |s: &ContainerState| match s {
        ContainerState { waiting: Some(w), .. } => format!("waiting {}", w.reason),
        ContainerState { terminated: Some(t), .. } => format!("ended {} {}", t.reason, t.exit_code),
        ContainerState { running: Some(_), .. } => "running".to_owned(),
        _ => "none".to_owned(),
    };
    let shown: Vec<String> = signals
        .iter()
        .filter_map(|s| match s {
            Signal::Object(Object::Pod(p)) => {
                let all = p.status.init_container_statuses.iter().chain(&p.status.container_statuses);
                let states: Vec<String> = all.map(|c| state(&c.state)).collect();
                Some(format!("{} {} [{}] {}", p.name(), p.status.phase, states.join(", "), p.is_ready()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        shown,
        [
            "cart-7d9c4b8f6-x2x4q Running [waiting CrashLoopBackOff] false",
            "cart-7d9c4b8f6-kk9zt Running [running] true",
            "mail-0 Running [running, waiting ImagePullBackOff] false",
            "pay-5c9f8d7b4-lq8wz Pending [none, waiting PodInitializing, waiting PodInitializing] false",
            "pay-5c9f8d7b4-zz8wz Pending [waiting CrashLoopBackOff, waiting PodInitializing] false",
            "report-28-abcde Succeeded [ended Completed 0] false",
            "import-x9x9x Failed [ended OOMKilled 137] false",
            "old-1 Failed [] false",
            "leaving-1 Running [running] true",
            "waiting-1 Pending [] false",
            "new-1 Pending [waiting ContainerCreating] false",
        ]
    );
    let Some(Signal::Object(Object::Pod(cart))) = signals.first() else { panic!("no pod") };
    assert_eq!((cart.spec.node_name.as_str(), cart.status.pod_ip.as_str()), ("w1", "10.0.0.4"));
    assert_eq!(cart.status.container_statuses[0].restart_count, 5);
    assert_eq!(cart.metadata.creation_timestamp, Time::parse("2026-02-26T08:00:00Z"));
}

const DESCRIBE_POD: &str = r#"Name:             cart-7d9c4b8f6-x2x4q
Namespace:        shop
Priority:         0
Priority Class Name:  high
Service Account:  cart
Node:             w1/192.168.0.11
Start Time:       Sun, 01 Mar 2026 19:00:00 +0800
Labels:           app=cart
                  pod-template-hash=7d9c4b8f6
Annotations:      <none>
Status:           Running
IP:               10.0.0.4
IPs:
  IP:           10.0.0.4
Controlled By:  ReplicaSet/cart-7d9c4b8f6
Init Containers:
  wait:
    Container ID:  containerd://1
    Image:         tools:1
    Port:          <none>
    Host Port:     <none>
    Command:
      sh
      -c
      until nc -z db 5432; do sleep 1; done
    State:          Terminated
      Reason:       Completed
      Exit Code:    0
      Started:      Sun, 01 Mar 2026 19:00:01 +0800
      Finished:     Sun, 01 Mar 2026 19:00:02 +0800
    Ready:          True
    Restart Count:  0
    Environment:    <none>
    Mounts:         <none>
Containers:
  app:
    Container ID:   containerd://2
    Image:          registry.example/cart:1.4
    Image ID:       registry.example/cart@sha256:0
    Ports:          8080/TCP (http), 9090/TCP (metrics)
    Host Ports:     0/TCP, 0/TCP
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       Error
      Message:      panic: no database

goroutine 1 [running]:
      Exit Code:    2
      Started:      Sun, 01 Mar 2026 19:50:00 +0800
      Finished:     Sun, 01 Mar 2026 19:50:02 +0800
    Ready:          False
    Restart Count:  5
    Limits:
      cpu:     500m
      memory:  128Mi
    Requests:
      cpu:      250m
      memory:   64Mi
    Liveness:   http-get http://:8080/healthz delay=5s timeout=1s period=10s #success=1 #failure=3
    Readiness:  tcp-socket :http delay=0s timeout=1s period=10s #success=1 #failure=3
    Environment Variables from:
      cart-settings  ConfigMap              Optional: false
      cart-extra     Secret with prefix 'X_'  Optional: true
    Environment:
      DB_HOST:      db.shop.svc:5432
      DB_PASSWORD:  <set to the key 'password' in secret 'db-login'>   Optional: false
      MODE:         <set to the key 'mode' of config map 'cart-mode'>  Optional: true
      POD_IP:        (v1:status.podIP)
      EMPTY:        
    Mounts:
      /data from data (rw)
      /etc/cart/app.yaml from settings (ro,path="app.yaml")
Conditions:
  Type                        Status
  PodReadyToStartContainers   True 
  Ready                       False 
  PodScheduled                True 
Volumes:
  data:
    Type:       PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)
    ClaimName:  cart-data
    ReadOnly:   false
  settings:
    Type:      ConfigMap (a volume populated by a ConfigMap)
    Name:      cart-files
    Optional:  false
  tmp:
    Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:     Memory
    SizeLimit:  10Mi
  keys:
    Type:        Secret (a volume populated by a Secret)
    SecretName:  cart-keys
    Optional:    true
  kube-api-access-1:
    Type:                    Projected (a volume that contains injected data from multiple sources)
    TokenExpirationSeconds:  3607
    ConfigMapName:           kube-root-ca.crt
    Optional:                false
    DownwardAPI:             true
QoS Class:                   Burstable
Node-Selectors:              disk=ssd
Tolerations:                 dedicated=shop:NoSchedule
                             node.kubernetes.io/not-ready:NoExecute op=Exists for 300s
Topology Spread Constraints:  topology.kubernetes.io/zone:DoNotSchedule when max skew 1 is exceeded for selector app=cart
Events:
  Type     Reason   Age                  From     Message
  ----     ------   ----                 ----     -------
  Normal   Pulled   10m                  kubelet  spec.containers{app}: Container image already present
  Warning  BackOff  63s (x12 over 9m3s)  kubelet  Back-off restarting failed container app in pod cart
with a second line
  Warning  Unhealthy  5m                 kubelet  Readiness probe failed: refused
"#;

#[test]
fn describe_of_a_pod_is_read_whole() {
    let signals = commands(&[("kubectl describe pod cart-7d9c4b8f6-x2x4q -n shop", DESCRIBE_POD)]);
    let pod = one!(signals, Pod);
    assert_eq!((pod.name(), pod.namespace(), pod.status.phase.as_str()), ("cart-7d9c4b8f6-x2x4q", "shop", "Running"));
    assert_eq!((pod.spec.node_name.as_str(), pod.spec.service_account_name.as_str()), ("w1", "cart"));
    assert_eq!(pod.status.start_time, Time::parse("2026-03-01T11:00:00Z"));
    assert_eq!(pod.metadata.controller().map(|o| o.name.as_str()), Some("cart-7d9c4b8f6"));
    assert_eq!(pod.metadata.labels.to_line(), "app=cart,pod-template-hash=7d9c4b8f6");
    assert_eq!(pod.spec.priority_class_name, "high");
    assert_eq!(pod.spec.init_containers[0].command.len(), 3);
    assert!(!pod.is_ready() && pod.condition("PodScheduled").is_some_and(|c| c.status == "True"));
    assert_eq!(pod.spec.node_selector.get("disk"), Some("ssd"));
    assert_eq!(pod.spec.tolerations.len(), 2);
    assert_eq!(
        (pod.spec.tolerations[0].operator.as_str(), pod.spec.tolerations[1].toleration_seconds),
        ("Equal", Some(300))
    );
    assert_eq!(pod.spec.topology_spread_constraints[0].max_skew, 1);

    let app = &pod.spec.containers[0];
    assert_eq!((app.ports[1].name.as_str(), app.ports[1].container_port), ("metrics", 9090));
    assert_eq!(app.resources.limits.get("memory").map(Quantity::as_str), Some("128Mi"));
    assert_eq!(app.readiness_probe.as_ref().and_then(|p| p.port()), Some(&PortRef::Name("http".into())));
    assert_eq!(app.env_from[0].config_map_ref.as_ref().map(|r| r.name.as_str()), Some("cart-settings"));
    assert_eq!(
        (app.env_from[1].prefix.as_str(), app.env_from[1].secret_ref.as_ref().and_then(|r| r.optional)),
        ("X_", Some(true))
    );
    let env = |name: &str| app.env.iter().find(|e| e.name == name).expect(name);
    assert_eq!(env("DB_HOST").value, "db.shop.svc:5432");
    let secret = env("DB_PASSWORD").value_from.as_ref().and_then(|v| v.secret_key_ref.as_ref()).expect("a key");
    assert_eq!((secret.name.as_str(), secret.key.as_str(), secret.optional), ("db-login", "password", None));
    let map = env("MODE").value_from.as_ref().and_then(|v| v.config_map_key_ref.as_ref()).expect("a key");
    assert_eq!((map.name.as_str(), map.optional), ("cart-mode", Some(true)));
    assert!(env("POD_IP").value_from.is_some() && env("EMPTY").value.is_empty());
    assert_eq!((app.volume_mounts[1].sub_path.as_str(), app.volume_mounts[1].read_only), ("app.yaml", Some(true)));

    let status = &pod.status.container_statuses[0];
    let last = status.last_state.terminated.as_ref().expect("a last state");
    assert_eq!((last.exit_code, last.message.as_str()), (2, "panic: no database\n\ngoroutine 1 [running]:"));
    assert_eq!(last.finished_at, Time::parse("2026-03-01T11:50:02Z"));
    assert_eq!((status.restart_count, status.ready), (5, false));

    let volume = |name: &str| pod.spec.volumes.iter().find(|v| v.name == name).expect(name);
    assert_eq!(volume("data").persistent_volume_claim.as_ref().map(|c| c.claim_name.as_str()), Some("cart-data"));
    assert_eq!(volume("settings").config_map.as_ref().map(|c| c.name.as_str()), Some("cart-files"));
    assert_eq!(
        volume("keys").secret.as_ref().map(|s| (s.secret_name.as_str(), s.optional)),
        Some(("cart-keys", Some(true)))
    );
    assert!(volume("tmp").empty_dir.as_ref().is_some_and(|e| e.medium == "Memory" && e.size_limit.is_some()));
    assert_eq!(volume("kube-api-access-1").projected.as_ref().map(|p| p.sources.len()), Some(3));
    assert_eq!(
        objects(&signals)[1..],
        [
            "Event Pod/cart-7d9c4b8f6-x2x4q Pulled x1",
            "Event Pod/cart-7d9c4b8f6-x2x4q BackOff x12",
            "Event Pod/cart-7d9c4b8f6-x2x4q Unhealthy x1"
        ]
    );
    let Some(Signal::Object(Object::Event(back_off))) = signals.get(2) else { panic!("no event") };
    assert_eq!(back_off.last_seen(), Time::parse("2026-03-01T11:58:57Z"));
    assert_eq!(back_off.first_seen(), Time::parse("2026-03-01T11:50:57Z"));
    assert!(back_off.message.ends_with("\nwith a second line"));
}

#[test]
fn texts_about_one_object_become_one_object() {
    let labels = "NAME                   READY   STATUS             RESTARTS   AGE   LABELS\ncart-7d9c4b8f6-x2x4q   0/1     CrashLoopBackOff   5          1h    app=cart,pod-template-hash=7d9c4b8f6,extra=yes\n";
    let events = "LAST SEEN   TYPE      REASON    OBJECT                     MESSAGE\n63s         Warning   BackOff   pod/cart-7d9c4b8f6-x2x4q   Back-off restarting failed container app in pod cart...\n";
    let signals = commands(&[
        ("kubectl get pods -n shop --show-labels", labels),
        ("kubectl describe pod cart-7d9c4b8f6-x2x4q -n shop", DESCRIBE_POD),
        ("kubectl get events -n shop", events),
    ]);
    let pod = one!(signals, Pod);
    assert_eq!(pod.metadata.labels.get("extra"), Some("yes"));
    assert_eq!(pod.metadata.creation_timestamp, Time::parse("2026-03-01T11:00:00Z"));
    assert_eq!(pod.spec.containers[0].name, "app");
    assert_eq!(objects(&signals).len(), 4, "the event of the list is the one under the pod: {:?}", objects(&signals));
}

#[test]
fn manifests_take_their_status_from_tables() {
    let yaml = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: mail-0\n  namespace: shop\nspec:\n  containers:\n  - name: smtp\n    image: mail:2\n  - name: queue\n    image: queue:1\n";
    let table =
        "NAME     READY   STATUS             RESTARTS   AGE\nmail-0   1/2     CrashLoopBackOff   3          1h\n";
    let signals =
        commands(&[("kubectl get pod mail-0 -n shop", table), ("kubectl get pod mail-0 -n shop -o yaml", yaml)]);
    let pod = one!(signals, Pod);
    let names: Vec<&str> = pod.status.container_statuses.iter().map(|c| c.name.as_str()).collect();
    assert_eq!((names, pod.spec.containers[0].image.as_str()), (vec!["smtp", "queue"], "mail:2"));
    assert!(listed(&signals).is_empty(), "a pod that was asked for by name is no list");
}

#[test]
fn owners_and_container_names_follow_from_other_tables() {
    let deployments = "NAME   READY   UP-TO-DATE   AVAILABLE   AGE   CONTAINERS   IMAGES     SELECTOR\ncart   1/2     2            1           3d    app          cart:1.4   app=cart\n";
    let replica_sets =
        "NAME             DESIRED   CURRENT   READY   AGE\ncart-7d9c4b8f6   2         2         1       3d\n";
    let pods = "NAME                   READY   STATUS    RESTARTS   AGE\ncart-7d9c4b8f6-x2x4q   1/1     Running   0          3d\n";
    let signals = commands(&[
        ("kubectl get deploy -n shop -o wide", deployments),
        ("kubectl get rs -n shop", replica_sets),
        ("kubectl get po -n shop", pods),
    ]);
    let pod = one!(signals, Pod);
    assert_eq!(
        pod.metadata.controller().map(|o| (o.kind.as_str(), o.name.as_str())),
        Some(("ReplicaSet", "cart-7d9c4b8f6"))
    );
    assert_eq!(one!(signals, ReplicaSet).metadata.controller().map(|o| o.name.as_str()), Some("cart"));
    assert_eq!((pod.spec.containers[0].name.as_str(), pod.status.container_statuses[0].name.as_str()), ("app", "app"));
    let deployment = one!(signals, Deployment);
    assert_eq!((deployment.spec.replicas, deployment.status.ready_replicas), (Some(2), 1));
    assert_eq!(deployment.spec.selector.match_labels.to_line(), "app=cart");

    let without = commands(&[("kubectl get deploy -n shop -o wide", deployments), ("kubectl get po -n shop", pods)]);
    assert_eq!(one!(without, Pod).metadata.controller().map(|o| o.kind.as_str()), Some("Deployment"));
}

#[test]
fn the_scheduler_says_why_in_its_event() {
    let text = "Name:  big-1\nNamespace:  shop\nNode:  <none>\nLabels:  <none>\nStatus:  Pending\nIP:\nContainers:\n  app:\n    Image:  big:1\n    Port:  <none>\n    Environment:  <none>\n    Mounts:  <none>\nConditions:\n  Type           Status\n  PodScheduled   False \nVolumes:  <none>\nEvents:\n  Type     Reason            Age   From               Message\n  ----     ------            ----  ----               -------\n  Warning  FailedScheduling  5m    default-scheduler  0/3 nodes are available: 3 Insufficient cpu.\n";
    let signals = commands(&[("kubectl describe pod big-1", text)]);
    let scheduled = one!(signals, Pod).condition("PodScheduled").expect("the condition");
    assert_eq!(
        (scheduled.reason.as_str(), scheduled.message.as_str()),
        ("Unschedulable", "0/3 nodes are available: 3 Insufficient cpu.")
    );
}

const NODE: &str = "\
Name:               w1
Roles:              worker
Labels:             kubernetes.io/hostname=w1
                    topology.kubernetes.io/zone=a
Annotations:        node.alpha.kubernetes.io/ttl: 0
CreationTimestamp:  Mon, 11 Aug 2025 15:48:43 +0800
Taints:             node.kubernetes.io/unreachable:NoSchedule
                    dedicated=shop:NoExecute
Unschedulable:      true
Lease:
  HolderIdentity:  w1
  AcquireTime:     <unset>
  RenewTime:       Sun, 01 Mar 2026 19:00:00 +0800
Conditions:
  Type             Status    LastHeartbeatTime                 LastTransitionTime                Reason              Message
  ----             ------    -----------------                 ------------------                ------              -------
  MemoryPressure   False     Sun, 01 Mar 2026 18:59:00 +0800   Mon, 11 Aug 2025 15:48:43 +0800   KubeletHasMemory    kubelet has sufficient memory available
  Ready            Unknown   Sun, 01 Mar 2026 18:59:00 +0800   Sun, 01 Mar 2026 19:01:00 +0800   NodeStatusUnknown   Kubelet stopped posting node status.
Addresses:
  InternalIP:  192.168.0.11
Capacity:
  cpu:     4
  memory:  16Gi
Allocatable:
  cpu:     3800m
  memory:  15Gi
System Info:
  Kernel Version:             6.1.0
  OS Image:                   Debian GNU/Linux 12 (bookworm)
  Architecture:               amd64
  Container Runtime Version:  containerd://1.7.24
  Kubelet Version:            v1.33.1
PodCIDR:                      10.0.0.0/24
Non-terminated Pods:          (2 in total)
  Namespace                   Name               CPU Requests  CPU Limits  Memory Requests  Memory Limits  Age
  ---------                   ----               ------------  ----------  ---------------  -------------  ---
  kube-system                 proxy-7x7x7        100m (2%)     0 (0%)      50Mi (0%)        0 (0%)         110d
  shop                        cart-1             1 (26%)       2 (52%)     1Gi (6%)         2Gi (13%)      4d
Allocated resources:
  (Total limits may be over 100 percent, i.e., overcommitted.)
  Resource           Requests     Limits
  --------           --------     ------
  cpu                1100m (28%)  2 (52%)
Events:
  Type     Reason        Age   From             Message
  ----     ------        ----  ----             -------
  Normal   NodeNotReady  59m   node-controller  Node w1 status is now: NodeNotReady
";

#[test]
fn describe_of_a_node_is_read_whole() {
    let table = "NAME   STATUS                        ROLES    AGE    VERSION\nw1     NotReady,SchedulingDisabled   worker   202d   v1.33.1\n";
    let signals = commands(&[("kubectl get nodes", table), ("kubectl describe node w1", NODE)]);
    let node = one!(signals, Node);
    let ready = node.condition("Ready").expect("a condition");
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("Unknown", "NodeStatusUnknown"));
    assert_eq!(ready.last_transition_time, Time::parse("2026-03-01T11:01:00Z"));
    assert_eq!((node.spec.taints.len(), node.spec.taints[1].value.as_str(), node.is_cordoned()), (2, "shop", true));
    assert_eq!(node.status.allocatable.get("cpu").map(Quantity::as_str), Some("3800m"));
    assert_eq!(node.status.node_info.kubelet_version, "v1.33.1");
    assert_eq!(node.metadata.labels.get("topology.kubernetes.io/zone"), Some("a"));
    assert_eq!(one!(signals, Lease).spec.renew_time, Time::parse("2026-03-01T11:00:00Z"));
    let pods: Vec<(String, f64)> = signals
        .iter()
        .filter_map(|s| match s {
            Signal::Object(Object::Pod(p)) => {
                Some((format!("{}/{} on {}", p.namespace(), p.name(), p.spec.node_name), p.request("cpu")))
            }
            _ => None,
        })
        .collect();
    assert_eq!(pods, [("kube-system/proxy-7x7x7 on w1".to_owned(), 0.1), ("shop/cart-1 on w1".to_owned(), 1.0)]);
    assert!(objects(&signals).contains(&"Event Node/w1 NodeNotReady x1".to_owned()));
    assert_eq!(listed(&signals), ["node in *"]);

    let newer = "NAME     READY   STATUS    RESTARTS   AGE\ncart-2   1/1     Running   0          1m\n";
    let signals = commands(&[("kubectl describe node w1", NODE), ("kubectl get pods -n shop", newer)]);
    let names = objects(&signals);
    assert!(!names.contains(&"Pod shop/cart-1".to_owned()), "a pod that a complete list lacks is gone: {names:?}");
    assert!(names.contains(&"Pod kube-system/proxy-7x7x7".to_owned()));
}

#[test]
fn namespaces_that_a_table_leaves_out_come_from_other_texts() {
    let pods = "NAME     READY   STATUS    RESTARTS   AGE\ncart-1   1/1     Running   0          1m\ncart-2   1/1     Running   0          1m\n";
    let service = "Name:  cart\nNamespace:  shop\nLabels:  <none>\nSelector:  app=cart\nType:  ClusterIP\nIP:  10.1.0.1\nPort:  <unset>  80/TCP\nTargetPort:  http/TCP\nEndpoints:  <none>\nSession Affinity:  None\n";
    for (texts, want) in [(vec![pods], "default"), (vec![pods, service], "shop")] {
        let signals = paste(&texts.join("\n\n"));
        assert_eq!(objects(&signals)[0], format!("Pod {want}/cart-1"));
        assert_eq!(listed(&signals), [format!("pod in {want}")]);
    }
    let everywhere = "NAMESPACE   NAME     READY   STATUS    RESTARTS   AGE\nshop        cart-1   1/1     Running   0          1m\nops         cart-1   1/1     Running   0          1m\n";
    let signals = paste(everywhere);
    assert_eq!(
        (objects(&signals), listed(&signals)),
        (vec!["Pod shop/cart-1".to_owned(), "Pod ops/cart-1".to_owned()], vec!["pod in *".to_owned()])
    );
}

#[test]
fn lists_are_complete_only_where_the_command_says_so() {
    let table = "NAME   TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)   AGE\ncart   ClusterIP   10.1.0.1     <none>        80/TCP    1d\n";
    for (command, want) in [
        ("kubectl get svc -n shop", vec!["service in shop"]),
        ("kubectl get svc -n shop -l app=cart", vec![]),
        ("kubectl get svc cart -n shop", vec![]),
        ("kubectl get svc -n shop | grep cart", vec![]),
        ("kubectl get svc", vec!["service in default"]),
    ] {
        assert_eq!(listed(&commands(&[(command, table)])), want, "{command}");
    }
    assert!(listed(&paste(table)).is_empty(), "one row may have been asked for by name");
    let empty = commands(&[("kubectl get networkpolicies -n shop", "No resources found in shop namespace.\n")]);
    assert_eq!((listed(&empty), objects(&empty).len()), (vec!["networkpolicy in shop".to_owned()], 0));
    let refused = commands(&[(
        "kubectl get secrets -n shop",
        "Error from server (Forbidden): secrets is forbidden: User \"eve\" cannot list resource \"secrets\"\n",
    )]);
    assert_eq!((listed(&refused), gaps(&refused)), (vec![], vec![(GapKind::Forbidden, "secrets".to_owned())]));
    let missing = commands(&[("kubectl get pod x -n shop", "Error from server (NotFound): pods \"x\" not found\n")]);
    assert_eq!(gaps(&missing), [(GapKind::Absent, "pods \"x\"".to_owned())]);
}

#[test]
fn get_all_holds_several_tables() {
    let text = "NAME         READY   STATUS    RESTARTS   AGE\npod/cart-1   1/1     Running   0          1d\n\nNAME           TYPE        CLUSTER-IP   EXTERNAL-IP   PORT(S)          AGE\nservice/cart   NodePort    10.1.0.1     <none>        80:30080/TCP     1d\n\nNAME                   READY   UP-TO-DATE   AVAILABLE   AGE\ndeployment.apps/cart   1/1     1            1           1d\n";
    let signals = commands(&[("kubectl get all -n shop", text)]);
    assert_eq!(objects(&signals), ["Pod shop/cart-1", "Service shop/cart", "Deployment shop/cart"]);
    assert_eq!(listed(&signals).len(), 9, "what `all` does not show is not there");
    let port = &one!(signals, Service).spec.ports[0];
    assert_eq!((port.port, port.node_port, port.protocol.as_str()), (80, 30080, "TCP"));
}

/// Command, text, object.
const ROWS: [(&str, &str, &str); 22] = [
    ("kubectl get ns", "NAME   STATUS        AGE\nshop   Terminating   9d\n", "Namespace /shop"),
    ("kubectl get sts -n s", "NAME   READY   AGE\ndb     0/3     9d\n", "StatefulSet s/db"),
    (
        "kubectl get ds -n s",
        "NAME   DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE\nlog    3         3         2       3            2           disk=ssd        9d\n",
        "DaemonSet s/log",
    ),
    (
        "kubectl get jobs -n s",
        "NAME     STATUS   COMPLETIONS   DURATION   AGE\nimport   Failed   0/1           5m         5m\n",
        "Job s/import",
    ),
    (
        "kubectl get cj -n s",
        "NAME      SCHEDULE      TIMEZONE   SUSPEND   ACTIVE   LAST SCHEDULE   AGE\nnightly   0 3 * * *     <none>     False     0        9h              9d\n",
        "CronJob s/nightly",
    ),
    (
        "kubectl get ep -n s",
        "NAME   ENDPOINTS                       AGE\ncart   10.0.0.4:80,10.0.0.5:80 + 2 more...   9d\n",
        "EndpointSlice s/cart",
    ),
    (
        "kubectl get endpointslices -n s",
        "NAME         ADDRESSTYPE   PORTS   ENDPOINTS            AGE\ncart-x2x4q   IPv4          8080    10.0.0.4,10.0.0.5    9d\n",
        "EndpointSlice s/cart-x2x4q",
    ),
    (
        "kubectl get ing -n s",
        "NAME   CLASS   HOSTS              ADDRESS   PORTS     AGE\nweb    nginx   shop.example.com             80, 443   9d\n",
        "Ingress s/web",
    ),
    (
        "kubectl get pvc -n s",
        "NAME   STATUS    VOLUME   CAPACITY   ACCESS MODES   STORAGECLASS   AGE\ndata   Pending                                      fast           9d\n",
        "PersistentVolumeClaim s/data",
    ),
    (
        "kubectl get pv",
        "NAME   CAPACITY   ACCESS MODES   RECLAIM POLICY   STATUS   CLAIM    STORAGECLASS   REASON   AGE\npv-1   1Gi        RWO            Retain           Bound    s/data   fast                    9d\n",
        "PersistentVolume /pv-1",
    ),
    (
        "kubectl get sc",
        "NAME             PROVISIONER   RECLAIMPOLICY   VOLUMEBINDINGMODE      ALLOWVOLUMEEXPANSION   AGE\nfast (default)   csi.example   Delete          WaitForFirstConsumer   true                   9d\n",
        "StorageClass /fast",
    ),
    ("kubectl get cm -n s", "NAME   DATA   AGE\nconf   3      9d\n", "ConfigMap s/conf"),
    ("kubectl get secret -n s", "NAME   TYPE     DATA   AGE\nkey    Opaque   1      9d\n", "Secret s/key"),
    ("kubectl get sa -n s", "NAME   SECRETS   AGE\ncart   0         9d\n", "ServiceAccount s/cart"),
    (
        "kubectl get resourcequota -n s",
        "NAME   AGE   REQUEST                               LIMIT\nall    9d    pods: 3/10, requests.cpu: 750m/1      limits.cpu: 1/2\n",
        "ResourceQuota s/all",
    ),
    ("kubectl get limitrange -n s", "NAME   CREATED AT\ncaps   2026-02-01T00:00:00Z\n", "LimitRange s/caps"),
    (
        "kubectl get hpa -n s",
        "NAME   REFERENCE         TARGETS              MINPODS   MAXPODS   REPLICAS   AGE\ncart   Deployment/cart   cpu: <unknown>/80%   1         5         1          9d\n",
        "HorizontalPodAutoscaler s/cart",
    ),
    (
        "kubectl get pdb -n s",
        "NAME   MIN AVAILABLE   MAX UNAVAILABLE   ALLOWED DISRUPTIONS   AGE\ncart   2               N/A               0                     9d\n",
        "PodDisruptionBudget s/cart",
    ),
    ("kubectl get netpol -n s", "NAME   POD-SELECTOR   AGE\ndeny   app=cart       9d\n", "NetworkPolicy s/deny"),
    (
        "kubectl get pc",
        "NAME   VALUE   GLOBAL-DEFAULT   AGE\nhigh   1000    false            9d\n",
        "PriorityClass /high",
    ),
    (
        "kubectl get volumeattachments",
        "NAME    ATTACHER      PV     NODE   ATTACHED   AGE\ncsi-1   csi.example   pv-1   w1     false      9d\n",
        "VolumeAttachment /csi-1",
    ),
    (
        "kubectl get apiservices",
        "NAME                     SERVICE                      AVAILABLE                  AGE\nv1beta1.metrics.k8s.io   kube-system/metrics-server   False (MissingEndpoints)   9d\n",
        "APIService /v1beta1.metrics.k8s.io",
    ),
];

#[test]
fn rows_of_every_kind_are_read() {
    for (command, text, want) in ROWS {
        assert_eq!(objects(&commands(&[(command, text)])), [want], "{command}");
        // the columns alone tell the kind too
        let pasted = paste(text);
        let kind = want.split(' ').next().unwrap_or_default();
        assert!(
            objects(&pasted).iter().all(|o| o.starts_with(kind)) && gaps(&pasted).is_empty() || kind == "APIService",
            "{text}"
        );
    }
    let quota = "NAME   AGE   REQUEST                            LIMIT\nall    9d    pods: 3/10, requests.cpu: 750m/1   limits.cpu: 1/2\n";
    let signals = commands(&[("kubectl get quota -n s", quota)]);
    let used: Vec<String> = one!(signals, Quota).status.used.iter().map(|(k, v)| format!("{k} {v}")).collect();
    assert_eq!(used, ["limits.cpu 1", "pods 3", "requests.cpu 750m"]);
}

#[test]
fn events_are_read_with_and_without_header() {
    let table = "LAST SEEN             TYPE      REASON             OBJECT            MESSAGE\n3m                    Warning   BackOff            pod/cart-1        Back-off restarting failed container\n2m3s (x4 over 10m)    Warning   FailedCreate       replicaset/cart   pods is forbidden: exceeded quota\n<unknown>             Normal    Scheduled          pod/cart-2        Successfully assigned\n5m                    Normal    NodeNotReady       node/w1           Node w1 status is now: NodeNotReady\n";
    let want = [
        "Event Pod/cart-1 BackOff x1",
        "Event ReplicaSet/cart FailedCreate x4",
        "Event Pod/cart-2 Scheduled x1",
        "Event Node/w1 NodeNotReady x1",
    ];
    let signals = commands(&[("kubectl get events -n shop", table)]);
    assert_eq!(objects(&signals), want);
    let bare = table.split_once('\n').map(|(_, rows)| rows).unwrap_or_default();
    let cut = commands(&[("kubectl get events -n shop --sort-by=.lastTimestamp | tail -n 20", bare)]);
    assert_eq!(objects(&cut), want);
    let Some(Signal::Object(Object::Event(failed))) = signals.get(1) else { panic!("no event") };
    assert_eq!((failed.namespace(), failed.involved_object.namespace.as_str()), ("shop", "shop"));
    assert_eq!(
        (failed.first_seen(), failed.last_seen()),
        (Time::parse("2026-03-01T11:50:00Z"), Time::parse("2026-03-01T11:57:57Z"))
    );

    let wide = "LAST SEEN   TYPE      REASON    OBJECT       SUBOBJECT              SOURCE        MESSAGE     FIRST SEEN   COUNT   NAME\n63s         Warning   BackOff   pod/cart-1   spec.containers{app}   kubelet, w1   Back-off    9m           12      cart-1.18e\n";
    let signals = commands(&[("kubectl get events -n shop -o wide", wide)]);
    let event = one!(signals, Event);
    assert_eq!((event.times(), event.component(), event.source.host.as_str()), (12, "kubelet", "w1"));
    assert_eq!((event.involved_object.field_path.as_str(), event.name()), ("spec.containers{app}", "cart-1.18e"));
}

#[test]
fn logs_come_with_their_command_or_their_file_name() {
    let log = |signals: &[Signal]| -> Vec<(String, String, bool, usize)> {
        let logs = signals.iter().filter_map(|s| match s {
            Signal::Log(l) => {
                Some((format!("{}/{}", l.namespace, l.pod), l.container.clone(), l.previous, l.lines.len()))
            }
            _ => None,
        });
        logs.collect()
    };
    let signals = commands(&[("kubectl logs cart-1 -n shop -c app --previous", "starting\n\npanic: no database\n")]);
    assert_eq!(log(&signals), [("shop/cart-1".to_owned(), "app".to_owned(), true, 3)]);
    let mut reader = TextReader::new(now());
    reader.paste("starting\n", Some("logs-cart-1.txt"));
    reader.paste("panic\n", Some("ticket/logs-cart-1_app.previous.log"));
    reader.paste(
        "Error from server (BadRequest): previous terminated container \"c\" in pod \"x\" not found\n",
        Some("logs-previous-x.txt"),
    );
    let signals = reader.finish();
    assert_eq!(
        log(&signals),
        [
            ("default/cart-1".to_owned(), String::new(), false, 1),
            ("default/cart-1".to_owned(), "app".to_owned(), true, 1),
        ]
    );
    let signals = commands(&[(
        "kubectl logs -l app=cart --prefix -n shop",
        "[pod/cart-1/app] one\n[pod/cart-2/app] two\n[pod/cart-1/app] three\n",
    )]);
    assert_eq!(
        log(&signals),
        [
            ("shop/cart-1".to_owned(), "app".to_owned(), false, 2),
            ("shop/cart-2".to_owned(), "app".to_owned(), false, 1),
        ]
    );
}

#[test]
fn a_ticket_with_prompts_and_prose_is_read() {
    let text = "Hello, since this morning the cart is down:\r\n\r\n```console\r\nroot@cp-1:~# kubectl get pods -n shop\r\nNAME     READY   STATUS             RESTARTS      AGE\r\ncart-1   0/1     CrashLoopBackOff   7 (2m ago)    20m\r\nroot@cp-1:~# kubectl logs cart-1 -n shop\r\npanic: no database\r\nroot@cp-1:~# kubectl get svc -n shop\r\nNo resources found in shop namespace.\r\nroot@cp-1:~# systemctl status kubelet\r\n\u{25cf} kubelet.service - The Kubernetes Node Agent\r\n     Active: inactive (dead) since Sun 2026-03-01 10:00:00 UTC; 2h ago\r\n\r\nMar 01 10:00:00 cp-1 systemd[1]: Stopped kubelet.service\r\n```\r\nThanks\r\n";
    let signals = paste(text);
    assert_eq!(objects(&signals), ["Pod shop/cart-1"]);
    assert_eq!(listed(&signals), ["pod in shop", "service in shop"]);
    assert!(
        signals.iter().any(|s| matches!(s, Signal::Log(l) if l.pod == "cart-1" && l.lines == ["panic: no database"]))
    );
    let component =
        signals.iter().find_map(|s| if let Signal::Component(c) = s { Some(c) } else { None }).expect("a component");
    assert_eq!(
        (component.node.as_str(), component.component.as_str(), component.running),
        ("cp-1", "kubelet", Some(false))
    );
    let quoted: String = text.lines().map(|l| format!("> {l}\n")).collect();
    assert_eq!(objects(&paste(&quoted)), ["Pod shop/cart-1"]);
}

#[test]
fn service_states_are_read() {
    for (active, running) in [
        ("active (running) since Sun", Some(true)),
        ("inactive (dead)", Some(false)),
        ("failed (Result: exit-code)", Some(false)),
        ("activating (auto-restart) (Result: exit-code)", Some(false)),
    ] {
        let text = format!("\u{25cf} containerd.service - containerd\n   Active: {active}\n");
        assert_eq!(super::component_status("w1", "containerd", &text).running, running, "{active}");
    }
    assert_eq!(super::component_status("w1", "x", "Unit x.service could not be found.").running, None);
}

#[test]
fn text_that_is_nearly_kubectl_never_breaks_the_reader() {
    let whole = format!("{PODS}\n{DESCRIBE_POD}\n{NODE}");
    // cut at every place, doubled, and wrapped as a narrow terminal does
    for cut in (0..whole.len()).step_by(37).filter(|&i| whole.is_char_boundary(i)) {
        let _ = paste(&whole[..cut]);
        let _ = paste(&whole[cut..]);
    }
    let wrapped: String =
        whole.chars().collect::<Vec<_>>().chunks(60).map(|c| c.iter().collect::<String>() + "\n").collect();
    let _ = paste(&wrapped);
    assert_eq!(objects(&paste(&format!("{DESCRIBE_POD}\n\n{DESCRIBE_POD}"))).len(), 4, "pasted twice is said once");
    for odd in [
        "",
        "\u{1b}[",
        "Name:",
        "NAME  READY\n\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9} x",
        "apiVersion: v1\nkind: [",
        "{\"kind\":\"Pod\"",
        "---\n---\n",
        "> \n>",
        "NAME   READY   STATUS\n\u{4f60}\u{597d}   1/1   Running",
    ] {
        let _ = paste(odd);
    }
    let broken = paste("apiVersion: v1\nkind: Pod\nmetadata: {name: [\n");
    assert_eq!(gaps(&broken), [(GapKind::Unreadable, "YAML document".to_owned())]);
    let unknown = paste("NAME   FLAVOUR   COLOUR\nx      sweet     red\n");
    assert_eq!(gaps(&unknown), [(GapKind::Unreadable, "table".to_owned())]);
    assert!(paste("The pods are down.\nName: Eve\n").is_empty());
}

#[test]
fn a_described_claim_tells_which_pods_of_a_table_mount_it() {
    let text = "$ kubectl get pods -n shop\nNAME     READY   STATUS    RESTARTS   AGE\ncart-1   0/1     Pending   0          14m\n\
                $ kubectl describe pvc data -n shop\nName:          data\nNamespace:     shop\nStatus:        Pending\n\
                Used By:       cart-1\n               gone-2\n$ kubectl describe pvc logs -n shop\nName:          logs\n\
                Namespace:     shop\nStatus:        Pending\nUsed By:       cart-1\n";
    let signals = paste(text);
    let pods: Vec<&rootline_objects::Pod> =
        signals.iter().filter_map(|s| if let Signal::Object(Object::Pod(p)) = s { Some(&**p) } else { None }).collect();
    let claims = pods[0].spec.volumes.iter().filter_map(|v| v.persistent_volume_claim.as_ref());
    let claims: Vec<&str> = claims.map(|c| c.claim_name.as_str()).collect();
    assert_eq!(claims, ["data", "logs"]);
    assert_eq!(pods.len(), 1, "the table is complete: a pod that it does not list is gone");
}
