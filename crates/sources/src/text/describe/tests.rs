//! Describe texts of all kinds but pods and nodes, which are read in the reader's own tests.

use rootline_objects::*;

use crate::text::TextReader;

fn read(text: &str) -> Vec<Signal> {
    let mut reader = TextReader::new("2026-03-01T12:00:00Z".parse().expect("a moment"));
    reader.paste(text, None);
    reader.finish()
}

/// The only object of a kind in the text.
macro_rules! one {
    ($text:expr, $kind:ident) => {{
        let mut found = read($text).into_iter().filter_map(|s| match s {
            Signal::Object(Object::$kind(o)) => Some(*o),
            _ => None,
        });
        let first = found.next().expect("an object of the kind");
        assert!(found.next().is_none(), "more than one");
        first
    }};
}

const TEMPLATE: &str = "\
Pod Template:
  Labels:           app=cart
                    tier=web
  Annotations:      kubectl.kubernetes.io/restartedAt: 2026-02-01T00:00:00Z
  Service Account:  cart
  Containers:
   app:
    Image:      cart:1.4
    Port:       8080/TCP
    Host Port:  0/TCP
    Limits:
      memory:  128Mi
    Liveness:   http-get http://:8080/healthz delay=5s timeout=1s period=10s #success=1 #failure=3
    Environment:
      DB_HOST:  db:5432
    Mounts:
      /etc/cart from settings (ro)
   proxy:
    Image:        proxy:2
    Port:         <none>
    Host Port:    <none>
    Environment:  <none>
    Mounts:       <none>
  Volumes:
   settings:
    Type:      ConfigMap (a volume populated by a ConfigMap)
    Name:      cart-files
    Optional:  false
  Priority Class Name:  high
  Node-Selectors:       disk=ssd
  Tolerations:          <none>
";

fn check_template(template: &Template) {
    assert_eq!(template.metadata.labels.to_line(), "app=cart,tier=web");
    let names: Vec<&str> = template.spec.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["app", "proxy"]);
    assert_eq!(template.spec.containers[0].env[0].value, "db:5432");
    assert_eq!(template.spec.volumes[0].config_map.as_ref().map(|c| c.name.as_str()), Some("cart-files"));
    assert_eq!(
        (template.spec.priority_class_name.as_str(), template.spec.node_selector.get("disk")),
        ("high", Some("ssd"))
    );
}

#[test]
fn deployments_and_the_replica_sets_they_name() {
    let text = format!(
        "Name:                   cart\nNamespace:              shop\nCreationTimestamp:      Sun, 01 Mar 2026 10:00:00 +0000\nLabels:                 app=cart\nAnnotations:            deployment.kubernetes.io/revision: 3\nSelector:               app=cart,tier in (web)\nReplicas:               3 desired | 1 updated | 4 total | 2 available | 2 unavailable\nStrategyType:           RollingUpdate\nMinReadySeconds:        0\n{TEMPLATE}Conditions:\n  Type           Status  Reason\n  ----           ------  ------\n  Available      False   MinimumReplicasUnavailable\n  Progressing    False   ProgressDeadlineExceeded\nOldReplicaSets:  cart-7d9c4b8f6 (3/3 replicas created)\nNewReplicaSet:   cart-5b6c7d8f9 (1/1 replicas created)\nEvents:          <none>\n"
    );
    let deployment = one!(&text, Deployment);
    check_template(&deployment.spec.template);
    assert_eq!(
        (deployment.spec.replicas, deployment.status.updated_replicas, deployment.status.unavailable_replicas),
        (Some(3), 1, 2)
    );
    assert_eq!(deployment.status.conditions[1].reason, "ProgressDeadlineExceeded");
    assert_eq!(deployment.spec.selector.match_expressions.len(), 1);
    let sets: Vec<String> = read(&text)
        .iter()
        .filter_map(|s| match s {
            Signal::Object(Object::ReplicaSet(r)) => {
                Some(format!("{} {:?}", r.name(), r.metadata.controller().map(|o| &o.name)))
            }
            _ => None,
        })
        .collect();
    assert_eq!(sets, ["cart-7d9c4b8f6 Some(\"cart\")", "cart-5b6c7d8f9 Some(\"cart\")"]);
}

#[test]
fn other_workloads() {
    let head = "Name:  cart-7d9c4b8f6\nNamespace:  shop\nSelector:  app=cart\nLabels:  <none>\nAnnotations:  <none>\n";
    let set = one!(
        &format!(
            "{head}Controlled By:  Deployment/cart\nReplicas:  2 current / 3 desired\nPods Status:  1 Running / 1 Waiting / 0 Succeeded / 0 Failed\n{TEMPLATE}Conditions:\n  Type             Status  Reason\n  ----             ------  ------\n  ReplicaFailure   True    FailedCreate\nEvents:  <none>\n"
        ),
        ReplicaSet
    );
    check_template(&set.spec.template);
    assert_eq!((set.spec.replicas, set.status.replicas, set.status.ready_replicas), (Some(3), 2, 1));
    assert!(set.status.conditions[0].is("ReplicaFailure", "True"));

    let set = one!(
        &format!(
            "{head}Replicas:  3 desired | 2 total\nUpdate Strategy:  RollingUpdate\n  Partition:  0\nPods Status:  2 Running / 0 Waiting / 0 Succeeded / 0 Failed\n{TEMPLATE}Volume Claims:\n  Name:          data\n  StorageClass:  fast\n  Labels:        <none>\n  Annotations:   <none>\n  Capacity:      1Gi\n  Access Modes:  [ReadWriteOnce]\nEvents:  <none>\n"
        ),
        StatefulSet
    );
    check_template(&set.spec.template);
    let claim = &set.spec.volume_claim_templates[0];
    assert_eq!(
        (claim.name(), claim.spec.storage_class_name.as_deref(), claim.spec.access_modes.len()),
        ("data", Some("fast"), 1)
    );

    let set = one!(
        &format!(
            "{head}Node-Selector:  <none>\nDesired Number of Nodes Scheduled: 3\nCurrent Number of Nodes Scheduled: 3\nNumber of Nodes Scheduled with Up-to-date Pods: 2\nNumber of Nodes Scheduled with Available Pods: 1\nNumber of Nodes Misscheduled: 0\nPods Status:  1 Running / 2 Waiting / 0 Succeeded / 0 Failed\n{TEMPLATE}Events:  <none>\n"
        ),
        DaemonSet
    );
    assert_eq!(
        (set.status.desired_number_scheduled, set.status.updated_number_scheduled, set.status.number_unavailable),
        (3, 2, 2)
    );

    let text = format!(
        "{head}Controlled By:  CronJob/nightly\nParallelism:  1\nCompletions:  1\nBackoff Limit:  4\nStart Time:  Sun, 01 Mar 2026 10:00:00 +0000\nPods Statuses:  0 Active (0 Ready) / 0 Succeeded / 5 Failed\n{TEMPLATE}Events:\n  Type     Reason                Age   From            Message\n  ----     ------                ----  ----            -------\n  Warning  BackoffLimitExceeded  3m    job-controller  Job has reached the specified backoff limit\n"
    );
    let job = one!(&text, Job);
    assert_eq!(
        (job.spec.backoff_limit, job.status.failed, job.metadata.controller().map(|o| o.kind.as_str())),
        (Some(4), 5, Some("CronJob"))
    );
    assert!(job.status.conditions[0].is("Failed", "True") && job.status.conditions[0].reason == "BackoffLimitExceeded");

    let job = one!(
        &format!(
            "Name:  nightly\nNamespace:  shop\nLabels:  <none>\nAnnotations:  <none>\nSchedule:  0 3 * * *\nConcurrency Policy:  Forbid\nSuspend:  True\nTime Zone:  <unset>\nStarting Deadline Seconds:  30s\nSelector:  <unset>\nParallelism:  <unset>\nCompletions:  <unset>\n{TEMPLATE}Last Schedule Time:  Sun, 01 Mar 2026 03:00:00 +0000\nActive Jobs:  nightly-1, nightly-2\nEvents:  <none>\n"
        ),
        CronJob
    );
    assert_eq!(
        (job.spec.schedule.as_str(), job.spec.suspend, job.spec.starting_deadline_seconds),
        ("0 3 * * *", Some(true), Some(30))
    );
    check_template(&job.spec.job_template.spec.template);
    assert_eq!(job.status.active.len(), 2);
}

const SERVICE: &str = "\
Name:                     cart
Namespace:                shop
Labels:                   <none>
Annotations:              <none>
Selector:                 app=cart,tier=web
Type:                     LoadBalancer
IP Family Policy:         SingleStack
IP Families:              IPv4
IP:                       10.1.0.1
IPs:                      10.1.0.1
LoadBalancer Ingress:     203.0.113.7 (VIP)
Port:                     http  80/TCP
TargetPort:               web/TCP
NodePort:                 http  30080/TCP
Endpoints:                10.0.0.4:8080,10.0.0.5:8080
Port:                     <unset>  9090/UDP
TargetPort:               9091/UDP
Endpoints:                10.0.0.4:9091,10.0.0.5:9091
Session Affinity:         None
Events:                   <none>
";

#[test]
fn services_with_their_endpoints() {
    let service = one!(SERVICE, Service);
    assert_eq!((service.spec.selector.to_line().as_str(), service.spec.ports.len()), ("app=cart,tier=web", 2));
    let [http, other] = &service.spec.ports[..] else { panic!("two ports") };
    assert_eq!((http.name.as_str(), &http.target_port, http.node_port), ("http", &PortRef::Name("web".into()), 30080));
    assert_eq!((other.port, &other.target_port, other.protocol.as_str()), (9090, &PortRef::Number(9091), "UDP"));
    assert_eq!(service.status.load_balancer.ingress[0].ip, "203.0.113.7");
    let slice = one!(SERVICE, EndpointSlice);
    assert_eq!((slice.service(), slice.endpoints.len(), slice.ports.len()), (Some("cart"), 2, 2));
    let empty = one!(
        &SERVICE.replace("10.0.0.4:8080,10.0.0.5:8080", "<none>").replace("10.0.0.4:9091,10.0.0.5:9091", "<none>"),
        EndpointSlice
    );
    assert!(empty.endpoints.is_empty(), "a service that selects nothing has an empty slice");

    let real =
        "NAME         ADDRESSTYPE   PORTS   ENDPOINTS   AGE\ncart-x2x4q   IPv4          8080    10.0.0.4    9d\n";
    let slice = one!(&format!("{SERVICE}\n\n$ kubectl get endpointslices -n shop\n{real}"), EndpointSlice);
    assert_eq!(slice.name(), "cart-x2x4q", "the real slice stands for the one in the service's text");
}

#[test]
fn endpoints_old_and_new() {
    let old = one!(
        "Name:         cart\nNamespace:    shop\nLabels:       <none>\nAnnotations:  <none>\nSubsets:\n  Addresses:          10.0.0.4\n  NotReadyAddresses:  10.0.0.5,10.0.0.6\n  Ports:\n    Name  Port  Protocol\n    ----  ----  --------\n    http  8080  TCP\n\nEvents:  <none>\n",
        EndpointSlice
    );
    let ready: Vec<Option<bool>> = old.endpoints.iter().map(|e| e.conditions.ready).collect();
    assert_eq!(
        (old.service(), ready, old.ports[0].port),
        (Some("cart"), vec![Some(true), Some(false), Some(false)], Some(8080))
    );
    let new = one!(
        "Name:         cart-x2x4q\nNamespace:    shop\nLabels:       kubernetes.io/service-name=cart\nAnnotations:  <none>\nAddressType:  IPv4\nPorts:\n  Name     Port  Protocol\n  ----     ----  --------\n  <unset>  8080  TCP\nEndpoints:\n  - Addresses:  10.0.0.4\n    Conditions:\n      Ready:    false\n    Hostname:   <unset>\n    TargetRef:  Pod/cart-1\n    NodeName:   w1\n    Zone:       <unset>\n  - Addresses:  10.0.0.5\n    Conditions:\n      Ready:    true\n    Hostname:   <unset>\n    NodeName:   <unset>\nEvents:         <none>\n",
        EndpointSlice
    );
    assert_eq!((new.service(), new.endpoints.len(), new.endpoints[0].node_name.as_str()), (Some("cart"), 2, "w1"));
    assert_eq!(new.endpoints[0].target_ref.as_ref().map(|t| t.name.as_str()), Some("cart-1"));
    assert_eq!(new.endpoints[1].conditions.ready, Some(true));
}

#[test]
fn ingresses_with_backends_that_are_missing() {
    let ingress = one!(
        "Name:             web\nLabels:           <none>\nNamespace:        shop\nAddress:          203.0.113.9\nIngress Class:    nginx\nDefault backend:  <default>\nTLS:\n  shop-tls terminates shop.example.com,www.example.com\nRules:\n  Host              Path  Backends\n  ----              ----  --------\n  shop.example.com  \n                    /api   cart:80 (10.0.0.4:8080)\n                    /      web:http (<error: endpoints \"web\" not found>)\n  *                 \n                    /all   mail:25 ()\nAnnotations:        kubernetes.io/ingress.class: nginx\nEvents:             <none>\n",
        Ingress
    );
    let paths: Vec<String> = ingress
        .spec
        .rules
        .iter()
        .flat_map(|r| r.http.iter().flat_map(|h| &h.paths).map(|p| (r.host.clone(), p)))
        .filter_map(|(host, p)| {
            p.backend.service.as_ref().map(|s| format!("{host}{} {}:{}{}", p.path, s.name, s.port.name, s.port.number))
        })
        .collect();
    assert_eq!(paths, ["shop.example.com/api cart:80", "shop.example.com/ web:http0", "/all mail:25"]);
    assert_eq!((ingress.spec.tls[0].secret_name.as_str(), ingress.spec.tls[0].hosts.len()), ("shop-tls", 2));
    assert_eq!((ingress.spec.ingress_class_name.as_str(), ingress.spec.default_backend), ("nginx", None));
}

#[test]
fn configuration() {
    let map = one!(
        "Name:         conf\nNamespace:    shop\nLabels:       <none>\nAnnotations:  <none>\n\nData\n====\napp.yaml:\n----\nserver:\n  port: 8080\n\nname: cart\n\nmode:\n----\nfast\n\n\nBinaryData\n====\n\nEvents:  <none>\n",
        ConfigMap
    );
    let data = map.data.expect("data");
    assert_eq!(data.get("app.yaml").map(String::as_str), Some("server:\n  port: 8080\n\nname: cart"));
    assert_eq!((data.get("mode").map(String::as_str), data.len()), (Some("fast"), 2));
    let secret = one!(
        "Name:         login\nNamespace:    shop\nLabels:       <none>\nAnnotations:  <none>\n\nType:  Opaque\n\nData\n====\npassword:  12 bytes\nuser:      4 bytes\n",
        Secret
    );
    assert_eq!((secret.kind.as_str(), secret.keys), ("Opaque", Some(Keys(vec!["password".into(), "user".into()]))));
    let account = one!(
        "Name:                cart\nNamespace:           shop\nLabels:              <none>\nAnnotations:         <none>\nImage pull secrets:  registry\n                     mirror (not found)\nMountable secrets:   <none>\nTokens:              <none>\nEvents:              <none>\n",
        ServiceAccount
    );
    let names: Vec<&str> = account.image_pull_secrets.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["registry", "mirror"]);
}

#[test]
fn storage() {
    let claim = one!(
        "Name:          data\nNamespace:     shop\nStorageClass:  fast\nStatus:        Pending\nVolume:        \nLabels:        <none>\nAnnotations:   <none>\nFinalizers:    [kubernetes.io/pvc-protection]\nCapacity:      \nAccess Modes:  \nVolumeMode:    Filesystem\nUsed By:       cart-1\nEvents:\n  Type     Reason              Age               From                         Message\n  ----     ------              ----              ----                         -------\n  Warning  ProvisioningFailed  4s (x3 over 20s)  persistentvolume-controller  storageclass.storage.k8s.io \"fast\" not found\n",
        Pvc
    );
    assert_eq!(
        (claim.spec.storage_class_name.as_deref(), claim.status.phase.as_str(), claim.spec.volume_name.as_str()),
        (Some("fast"), "Pending", "")
    );
    let volume = one!(
        "Name:              pv-1\nLabels:            <none>\nAnnotations:       <none>\nFinalizers:        [kubernetes.io/pv-protection]\nStorageClass:      fast\nStatus:            Released\nClaim:             shop/data\nReclaim Policy:    Retain\nAccess Modes:      RWO,ROX\nVolumeMode:        Filesystem\nCapacity:          1Gi\nNode Affinity:     \n  Required Terms:  \n    Term 0:        topology.kubernetes.io/zone in [a, b]\n                   disk exists\n    Term 1:        kubernetes.io/hostname in [w1]\nMessage:           \nSource:\n    Type:  LocalVolume (a persistent volume backed by local storage on a node)\n    Path:  /mnt\nEvents:    <none>\n",
        Pv
    );
    assert_eq!(volume.spec.claim_ref.as_ref().map(|c| (c.namespace.as_str(), c.name.as_str())), Some(("shop", "data")));
    assert_eq!(
        (volume.status.phase.as_str(), volume.spec.access_modes.join(",").as_str()),
        ("Released", "ReadWriteOnce,ReadOnlyMany")
    );
    let terms = volume.spec.node_affinity.and_then(|a| a.required).map(|r| r.node_selector_terms).unwrap_or_default();
    let lengths: Vec<usize> = terms.iter().map(|t| t.match_expressions.len()).collect();
    assert_eq!((lengths, terms[0].match_expressions[0].values.join("+").as_str()), (vec![2, 1], "a+b"));
    let class = one!(
        "Name:                  fast\nIsDefaultClass:        Yes\nAnnotations:           storageclass.kubernetes.io/is-default-class=true\nProvisioner:           csi.example\nParameters:            <none>\nAllowVolumeExpansion:  True\nMountOptions:          <none>\nReclaimPolicy:         Delete\nVolumeBindingMode:     WaitForFirstConsumer\nEvents:                <none>\n",
        StorageClass
    );
    assert!(class.is_default() && class.allow_volume_expansion == Some(true));
    assert_eq!(class.volume_binding_mode, "WaitForFirstConsumer");
}

#[test]
fn policy() {
    let quota = one!(
        "Name:            compute\nNamespace:       shop\nScopes:          NotTerminating\n * Matches all pods that do not have an active deadline.\nResource         Used   Hard\n--------         ----   ----\npods             3      10\nrequests.cpu     750m   1\n",
        Quota
    );
    assert_eq!((quota.status.used.len(), quota.status.hard.get("requests.cpu").map(Quantity::as_str)), (2, Some("1")));
    let limits = one!(
        "Name:       caps\nNamespace:  shop\nType        Resource  Min  Max  Default Request  Default Limit  Max Limit/Request Ratio\n----        --------  ---  ---  ---------------  -------------  -----------------------\nContainer   memory    -    1Gi  64Mi             128Mi          -\nContainer   cpu       -    2    -                -              -\n",
        LimitRange
    );
    let item = &limits.spec.limits[0];
    assert_eq!(
        (limits.spec.limits.len(), item.max.len(), item.default.get("memory").map(Quantity::as_str)),
        (1, 2, Some("128Mi"))
    );
    let hpa = one!(
        "Name:                                                  cart\nNamespace:                                             shop\nLabels:                                                <none>\nAnnotations:                                           <none>\nCreationTimestamp:                                     Sun, 01 Mar 2026 10:00:00 +0000\nReference:                                             Deployment/cart\nMetrics:                                               ( current / target )\n  resource cpu on pods  (as a percentage of request):  <unknown> / 80%\nMin replicas:                                          1\nMax replicas:                                          5\nDeployment pods:                                       1 current / 0 desired\nConditions:\n  Type           Status  Reason                   Message\n  ----           ------  ------                   -------\n  AbleToScale    True    SucceededGetScale        the HPA controller was able to get the target's current scale\n  ScalingActive  False   FailedGetResourceMetric  the HPA was unable to compute the replica count: no metrics returned\nEvents:          <none>\n",
        Hpa
    );
    assert_eq!(
        (hpa.spec.scale_target_ref.name.as_str(), hpa.spec.max_replicas, hpa.status.current_replicas),
        ("cart", 5, 1)
    );
    assert!(
        hpa.status.conditions[1].is("ScalingActive", "False")
            && hpa.status.conditions[1].message.ends_with("no metrics returned")
    );
    let budget = one!(
        "Name:           cart\nNamespace:      shop\nMin available:  50%\nSelector:       app=cart\nStatus:\n    Allowed disruptions:  0\n    Current:              1\n    Desired:              2\n    Total:                3\nEvents:                   <none>\n",
        Pdb
    );
    assert_eq!(
        (budget.spec.min_available, budget.status.current_healthy, budget.status.expected_pods),
        (PortRef::Name("50%".into()), 1, 3)
    );
    let policy = one!(
        "Name:         deny\nNamespace:    shop\nCreated on:   2026-03-01 10:00:00 +0000 UTC\nLabels:       <none>\nAnnotations:  <none>\nSpec:\n  PodSelector:     app=cart\n  Allowing ingress traffic:\n    To Port: 8080/TCP\n    From:\n      NamespaceSelector: team=web\n      PodSelector: app=front\n    From:\n      IPBlock:\n        CIDR: 10.0.0.0/8\n        Except: 10.9.0.0/16\n    ----------\n    To Port: <any> (traffic allowed to all ports)\n    From: <any> (traffic not restricted by source)\n  Allowing egress traffic:\n    <none> (Selected pods are isolated for egress connectivity)\n  Policy Types: Ingress, Egress\n",
        NetworkPolicy
    );
    assert_eq!((policy.spec.ingress.len(), policy.spec.egress.len(), policy.spec.policy_types.len()), (2, 0, 2));
    let rule = &policy.spec.ingress[0];
    assert_eq!((rule.ports[0].port.clone(), rule.from.len()), (PortRef::Number(8080), 2));
    assert!(
        rule.from[0].namespace_selector.is_some()
            && rule.from[1].ip_block.as_ref().is_some_and(|b| b.except.len() == 1)
    );
    assert!(policy.spec.ingress[1].from.is_empty() && policy.spec.ingress[1].ports.is_empty());
    let class = one!(
        "Name:              high\nValue:             1000\nGlobalDefault:     false\nPreemptionPolicy:  PreemptLowerPriority\nDescription:       <none>\nAnnotations:       <none>\nEvents:            <none>\n",
        PriorityClass
    );
    assert_eq!(class.value, 1000);
}

#[test]
fn namespaces_with_their_quotas() {
    let text = "Name:         shop\nLabels:       kubernetes.io/metadata.name=shop\nAnnotations:  <none>\nStatus:       Active\n\nResource Quotas\n  Name:     compute\n  Resource  Used  Hard\n  --------  ---   ---\n  pods      10    10\n  Name:     storage\n  Resource                Used  Hard\n  --------                ---   ---\n  persistentvolumeclaims  0     5\n\nNo LimitRange resource.\n";
    assert_eq!(one!(text, Namespace).status.phase, "Active");
    let quotas: Vec<String> = read(text)
        .iter()
        .filter_map(|s| match s {
            Signal::Object(Object::Quota(q)) => Some(format!("{}/{} {}", q.namespace(), q.name(), q.status.hard.len())),
            _ => None,
        })
        .collect();
    assert_eq!(quotas, ["shop/compute 1", "shop/storage 1"]);
}
