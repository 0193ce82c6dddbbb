//! Reading why the API server refused to create an object.
//!
//! Texts of the admission plugins (`plugin/pkg/admission/*`), pod security admission and the webhook dispatcher.

use crate::create_state::between;

/// One refusal, classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Quota(QuotaRefusal),
    /// The quota counts a resource that the pod does not state.
    MustSpecify {
        quota: String,
        missing: String,
    },
    LimitRange {
        rule: String,
    },
    PodSecurity {
        level: String,
        violations: String,
    },
    WebhookFailed {
        webhook: String,
        why: WebhookTrouble,
        service: Option<(String, String)>,
    },
    WebhookDenied {
        webhook: String,
        reason: String,
    },
    ServiceAccount {
        name: String,
    },
    PriorityClass {
        name: String,
    },
    Other,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuotaRefusal {
    pub quota: String,
    /// `requests.cpu`; the first one where several are exceeded.
    pub resource: String,
    pub requested: String,
    pub used: String,
    pub limited: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookTrouble {
    NoEndpoints,
    ServiceMissing,
    Refused,
    Timeout,
    Tls,
    Other,
}

impl WebhookTrouble {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            WebhookTrouble::NoEndpoints => "no_endpoints",
            WebhookTrouble::ServiceMissing => "service_missing",
            WebhookTrouble::Refused => "refused",
            WebhookTrouble::Timeout => "timeout",
            WebhookTrouble::Tls => "tls",
            WebhookTrouble::Other => "other",
        }
    }
}

pub(crate) fn read(message: &str) -> Refusal {
    quota(message)
        .or_else(|| webhook(message))
        .or_else(|| pod_security(message))
        .or_else(|| named_object(message))
        .or_else(|| limit_range(message))
        .unwrap_or(Refusal::Other)
}

/// `exceeded quota: team, requested: cpu=1,memory=1Gi, used: cpu=9,memory=1Gi, limited: cpu=10,memory=2Gi`
fn quota(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("failed quota: ") {
        let (quota, missing) = rest.split_once(": must specify ")?;
        return Some(Refusal::MustSpecify { quota: quota.trim().into(), missing: missing.trim().into() });
    }
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let part = |name: &str| {
        between(rest, &format!("{name}: "), ", used: ").or_else(|| between(rest, &format!("{name}: "), ", limited: "))
    };
    let requested = part("requested").unwrap_or_default();
    let used = between(rest, "used: ", ", limited: ").unwrap_or_default();
    let limited = rest.split_once("limited: ").map_or("", |(_, l)| l).lines().next().unwrap_or_default().trim();
    let first = requested.split(',').next().unwrap_or_default();
    let (resource, amount) = first.split_once('=').unwrap_or((first, ""));
    let of = |list: &str| {
        let pair = list.split(',').filter_map(|p| p.trim().split_once('=')).find(|(k, _)| *k == resource);
        pair.map_or(String::new(), |(_, v)| v.to_owned())
    };
    Some(Refusal::Quota(QuotaRefusal {
        quota: rest.split(',').next().unwrap_or_default().trim().to_owned(),
        resource: resource.trim().to_owned(),
        requested: amount.trim().to_owned(),
        used: of(used),
        limited: of(limited),
    }))
}

/// `failed calling webhook "w": failed to call webhook: Post "https://svc.ns.svc:443/x": …` and
/// `admission webhook "w" denied the request: …`
fn webhook(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("admission webhook \"") {
        let (webhook, reason) = rest.split_once('"')?;
        let reason = reason.split_once("denied the request").map_or(reason, |(_, r)| r).trim_start_matches([':', ' ']);
        return Some(Refusal::WebhookDenied { webhook: webhook.into(), reason: reason.trim().into() });
    }
    let (_, rest) =
        message.split_once("failed calling webhook \"").or_else(|| message.split_once("failed to call webhook \""))?;
    let (webhook, detail) = rest.split_once('"')?;
    let has = |words: &[&str]| words.iter().any(|w| detail.contains(w));
    let why = if has(&["no endpoints available for service"]) {
        WebhookTrouble::NoEndpoints
    } else if detail.contains("service \"") && detail.contains("not found") {
        WebhookTrouble::ServiceMissing
    } else if has(&["x509", "tls:", "certificate"]) {
        WebhookTrouble::Tls
    } else if has(&["connection refused", "no route to host", "connection reset", "EOF"]) {
        WebhookTrouble::Refused
    } else if has(&["deadline exceeded", "timeout", "Timeout"]) {
        WebhookTrouble::Timeout
    } else {
        WebhookTrouble::Other
    };
    let host = between(detail, "https://", "/").unwrap_or_default();
    let mut parts = host.split(':').next().unwrap_or_default().split('.');
    let service = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(ns), Some("svc")) => Some((ns.to_owned(), name.to_owned())),
        _ => None,
    };
    Some(Refusal::WebhookFailed { webhook: webhook.into(), why, service })
}

/// `violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (…)`
fn pod_security(message: &str) -> Option<Refusal> {
    if let Some((_, rest)) = message.split_once("violates PodSecurity \"") {
        let (level, violations) = rest.split_once('"')?;
        let violations = violations.trim_start_matches([':', ' ']).to_owned();
        return Some(Refusal::PodSecurity { level: level.into(), violations });
    }
    let (_, rest) = message.split_once("unable to validate against any security context constraint")?;
    Some(Refusal::PodSecurity { level: "SCC".into(), violations: rest.trim_start_matches([':', ' ']).to_owned() })
}

fn named_object(message: &str) -> Option<Refusal> {
    if let Some(name) = between(message, "serviceaccount \"", "\" not found") {
        return Some(Refusal::ServiceAccount { name: name.into() });
    }
    let name = between(message, "no PriorityClass with name ", " was found")?;
    Some(Refusal::PriorityClass { name: name.trim_matches('"').into() })
}

/// `maximum memory usage per Container is 256Mi, but limit is 1Gi`
fn limit_range(message: &str) -> Option<Refusal> {
    const MARKS: [&str; 3] = [" usage per Container is ", " usage per Pod is ", " usage per PersistentVolumeClaim is "];
    const RATIO: [&str; 2] =
        [" max limit to request ratio per Container is ", " max limit to request ratio per Pod is "];
    let is_one = MARKS.iter().chain(&RATIO).any(|m| message.contains(m));
    let rule = message.rsplit_once(" is forbidden: ").map_or(message, |(_, r)| r);
    is_one.then(|| Refusal::LimitRange { rule: rule.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        let quota = |resource: &str, requested: &str, used: &str, limited: &str| {
            Refusal::Quota(QuotaRefusal {
                quota: "team".into(),
                resource: resource.into(),
                requested: requested.into(),
                used: used.into(),
                limited: limited.into(),
            })
        };
        for (message, want) in [
            (
                "(combined from similar events): Error creating: pods \"cart-1\" is forbidden: exceeded quota: team, \
                 requested: requests.cpu=1, used: requests.cpu=10, limited: requests.cpu=10",
                quota("requests.cpu", "1", "10", "10"),
            ),
            (
                "Error creating: pods \"cart-1\" is forbidden: exceeded quota: team, requested: cpu=1,memory=2Gi, used: \
                 cpu=9,memory=3Gi, limited: cpu=9500m,memory=4Gi",
                quota("cpu", "1", "9", "9500m"),
            ),
            (
                "pods \"a\" is forbidden: failed quota: team: must specify limits.cpu for: app; requests.memory for: app",
                Refusal::MustSpecify {
                    quota: "team".into(),
                    missing: "limits.cpu for: app; requests.memory for: app".into(),
                },
            ),
            (
                "Error creating: pods \"a\" is forbidden: maximum memory usage per Container is 256Mi, but limit is 1Gi",
                Refusal::LimitRange { rule: "maximum memory usage per Container is 256Mi, but limit is 1Gi".into() },
            ),
            (
                "Error creating: pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": privileged (container \
                 \"app\" must not set securityContext.privileged=true)",
                Refusal::PodSecurity {
                    level: "restricted:latest".into(),
                    violations: "privileged (container \"app\" must not set securityContext.privileged=true)".into(),
                },
            ),
            (
                "Error creating: pods \"a-\" is forbidden: error looking up service account shop/cart: serviceaccount \
                 \"cart\" not found",
                Refusal::ServiceAccount { name: "cart".into() },
            ),
            (
                "Error creating: pods \"a-\" is forbidden: no PriorityClass with name gold was found",
                Refusal::PriorityClass { name: "gold".into() },
            ),
            ("Error creating: etcdserver: request timed out", Refusal::Other),
            ("exceeded quota: ", Refusal::Quota(QuotaRefusal::default())),
        ] {
            assert_eq!(read(message), want, "{message}");
        }
    }

    #[test]
    fn webhooks_that_fail_and_webhooks_that_deny_differ() {
        let failed = |why, service: Option<(&str, &str)>| Refusal::WebhookFailed {
            webhook: "check.example.com".into(),
            why,
            service: service.map(|(a, b)| (a.into(), b.into())),
        };
        for (message, want) in [
            (
                "Error creating: Internal error occurred: failed calling webhook \"check.example.com\": failed to call \
                 webhook: Post \"https://policy.guard.svc:443/v?timeout=10s\": no endpoints available for service \"policy\"",
                failed(WebhookTrouble::NoEndpoints, Some(("guard", "policy"))),
            ),
            (
                "Internal error occurred: failed calling webhook \"check.example.com\": failed to call webhook: Post \
                 \"https://policy.guard.svc:443/v?timeout=10s\": service \"policy\" not found",
                failed(WebhookTrouble::ServiceMissing, Some(("guard", "policy"))),
            ),
            (
                "Internal error occurred: failed calling webhook \"check.example.com\": Post \"https://10.0.0.1:8443/v\": \
                 context deadline exceeded",
                failed(WebhookTrouble::Timeout, None),
            ),
            (
                "Error creating: admission webhook \"check.example.com\" denied the request: no latest tags",
                Refusal::WebhookDenied { webhook: "check.example.com".into(), reason: "no latest tags".into() },
            ),
        ] {
            assert_eq!(read(message), want, "{message}");
        }
    }
}
