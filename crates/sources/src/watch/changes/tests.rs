//! Two states of one object, and what a person would say changed.

use rootline_objects::Object;

use super::*;

const AT: &str = "2026-01-02T03:04:05Z";

fn read(kind: &str, json: &str) -> Option<Object> {
    let json = json.replace("NAMED", r#""metadata":{"name":"cart","namespace":"shop","uid":"1"}"#);
    (!json.is_empty()).then(|| Object::from_json(kind, &json).expect("a kind that is read").expect("JSON"))
}

fn check(kind: &str, old: &str, new: &str, expect: &[&str]) {
    let at = AT.parse().expect("a time");
    let got: Vec<String> =
        changes(read(kind, old).as_ref(), read(kind, new).as_ref(), at).iter().map(|c| c.words().en).collect();
    assert_eq!(got, expect, "{kind} {old} → {new}");
}

fn deployment(container: &str, rest: &str) -> String {
    format!(
        r#"{{"metadata":{{"name":"cart","namespace":"shop","uid":"1","generation":3}},"spec":{{{rest}"template":{{"spec":{{"containers":[{{"name":"app",{container}}}]}}}}}}}}"#
    )
}

#[test]
fn a_rollout_is_named_field_by_field() {
    let rolls = "deployment/shop/cart rolls out a new template, generation 3";
    let from = deployment(r#""image":"cart:1""#, "");
    for (to, expect) in [
        (r#""image":"cart:2""#, "image of app in deployment/shop/cart: cart:1 → cart:2"),
        (r#""image":"cart:1","args":["-v"]"#, "command or arguments of app in deployment/shop/cart changed"),
        (
            r#""image":"cart:1","env":[{"name":"DB","value":"secret"}]"#,
            "environment variable app/DB in deployment/shop/cart changed",
        ),
        (
            r#""image":"cart:1","resources":{"limits":{"memory":"64Mi"}}"#,
            "limits.memory of app in deployment/shop/cart: none → 64Mi",
        ),
        (
            r#""image":"cart:1","readinessProbe":{"httpGet":{"path":"/ok","port":8080},"periodSeconds":5}"#,
            "readinessProbe of app in deployment/shop/cart changed",
        ),
    ] {
        check("Deployment", &from, &deployment(to, ""), &[rolls, expect]);
    }
    let two = deployment(r#""image":"cart:1"},{"name":"proxy","image":"proxy:1""#, "");
    check("Deployment", &from, &two, &[rolls, "container proxy in the template of deployment/shop/cart changed"]);
}

#[test]
fn scaling_pausing_and_restarting_are_no_rollouts() {
    let image = r#""image":"cart:1""#;
    let (three, none) = (deployment(image, r#""replicas":3,"#), deployment(image, r#""replicas":0,"#));
    check("Deployment", &three, &none, &["deployment/shop/cart was scaled: 3 → 0"]);
    let paused = deployment(image, r#""replicas":3,"paused":true,"#);
    check("Deployment", &three, &paused, &["rollouts of deployment/shop/cart were paused"]);
    let restart = three.replace(
        r#""template":{"#,
        r#""template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"2026-01-02T03:04:00Z"}},"#,
    );
    check("Deployment", &three, &restart, &["deployment/shop/cart was restarted by hand"]);
    // a status alone is nothing
    let status = three.replacen('{', r#"{"status":{"readyReplicas":1},"#, 1);
    check("Deployment", &three, &status, &[]);
}

#[test]
fn nodes_tell_cordons_taints_and_conditions_once() {
    let node = |spec: &str, ready: &str| {
        format!(
            r#"{{"metadata":{{"name":"w1","uid":"1"}},"spec":{{{spec}}},"status":{{"conditions":[{{"type":"Ready","status":"{ready}","lastTransitionTime":"2026-01-02T03:00:00Z"}}]}}}}"#
        )
    };
    let plain = node("", "True");
    // the controller taints a cordoned node: one word is enough
    let cordoned = node(
        r#""unschedulable":true,"taints":[{"key":"node.kubernetes.io/unschedulable","effect":"NoSchedule"}]"#,
        "True",
    );
    check("Node", &plain, &cordoned, &["node/w1 was cordoned"]);
    check("Node", &cordoned, &plain, &["node/w1 was uncordoned"]);
    let tainted = node(r#""taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"}]"#, "True");
    check("Node", &plain, &tainted, &["node/w1 was tainted: gpu=yes:NoSchedule"]);
    check("Node", &plain, &node("", "Unknown"), &["Ready of node/w1: True → Unknown"]);
    let at = AT.parse().expect("a time");
    let flip = changes(read("Node", &plain).as_ref(), read("Node", &node("", "False")).as_ref(), at);
    assert_eq!(flip.first().map(|c| c.at.to_string()), Some("2026-01-02T03:00:00Z".into()), "its own time");
}

#[test]
fn services_and_routes_tell_what_leads_elsewhere() {
    let service = |selector: &str, target: &str| {
        format!(
            r#"{{NAMED,"spec":{{"type":"ClusterIP","selector":{{"app":"{selector}"}},"ports":[{{"name":"http","port":80,"targetPort":{target},"protocol":"TCP"}}]}}}}"#
        )
    };
    check(
        "Service",
        &service("cart", "8080"),
        &service("card", "8081"),
        &[
            "selector of service/shop/cart: app=cart → app=card",
            "port http of service/shop/cart: 80→8080/TCP → 80→8081/TCP",
        ],
    );
    let ingress = |service: &str| {
        format!(
            r#"{{NAMED,"spec":{{"rules":[{{"host":"a.example.com","http":{{"paths":[{{"path":"/x","backend":{{"service":{{"name":"{service}","port":{{"number":80}}}}}}}}]}}}}]}}}}"#
        )
    };
    check(
        "Ingress",
        &ingress("cart"),
        &ingress("gone"),
        &["routes of ingress/shop/cart changed: a.example.com/x: cart:80 → gone:80"],
    );
    let route = |weight: u8| {
        format!(r#"{{NAMED,"spec":{{"rules":[{{"backendRefs":[{{"name":"new","port":80,"weight":{weight}}}]}}]}}}}"#)
    };
    check("HTTPRoute", &route(1), &route(50), &["routes of route/shop/cart changed: rule 1: new:80 → new:80 ×50"]);
}

#[test]
fn quotas_autoscalers_and_the_rest() {
    let quota = |cpu: &str| format!(r#"{{NAMED,"spec":{{"hard":{{"cpu":"{cpu}"}}}}}}"#);
    check("ResourceQuota", &quota("4"), &quota("1"), &["cpu of quota/shop/cart: 4 → 1"]);
    let hpa = |max: u8, desired: u8| {
        format!(
            r#"{{NAMED,"spec":{{"maxReplicas":{max},"scaleTargetRef":{{"kind":"Deployment","name":"cart"}}}},"status":{{"desiredReplicas":{desired}}}}}"#
        )
    };
    check(
        "HorizontalPodAutoscaler",
        &hpa(5, 2),
        &hpa(9, 4),
        &["maxReplicas of hpa/shop/cart: 5 → 9", "hpa/shop/cart wants 4 replicas instead of 2"],
    );
    let cron =
        |schedule: &str, suspend: bool| format!(r#"{{NAMED,"spec":{{"schedule":"{schedule}","suspend":{suspend}}}}}"#);
    check(
        "CronJob",
        &cron("* * * * *", false),
        &cron("0 * * * *", true),
        &["schedule of cronjob/shop/cart: * * * * * → 0 * * * *", "cronjob/shop/cart was suspended"],
    );
}

#[test]
fn coming_and_going_is_told_of_what_people_make() {
    let deployment = deployment(r#""image":"cart:1""#, "");
    check("Deployment", "", &deployment, &["deployment/shop/cart was created (cart:1)"]);
    check("Deployment", &deployment, "", &["deployment/shop/cart was deleted"]);
    let again = deployment.replace(r#""uid":"1""#, r#""uid":"2""#);
    check(
        "Deployment",
        &deployment,
        &again,
        &["deployment/shop/cart was deleted", "deployment/shop/cart was created (cart:1)"],
    );
    check("Pod", "", "{NAMED}", &[]);
    let owned = r#"{"metadata":{"name":"j","namespace":"shop","ownerReferences":[{"kind":"CronJob","name":"c"}]}}"#;
    check("Job", "", owned, &[]);
    check("Secret", "{NAMED}", "", &["secret/shop/cart was deleted"]);
}
