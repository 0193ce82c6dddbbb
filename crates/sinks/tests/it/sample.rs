//! Incidents to send, and the words of `report` as the daemon hands them in.

use std::sync::Arc;

use rootline_model::{
    Alert, Answer, Both, Lang, LiveIncident, Member, Moment, Origin, Role, Severity, Stage, Timestamp,
};
use rootline_report as report;
use rootline_sinks::{Delivery, Form, Mail, Words};
use serde_json::Value;

/// 2023-11-14 22:13:20 UTC
pub const NOW: i64 = 1_700_000_000;

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).expect("in range")
}

pub fn both(en: &str, zh: &str) -> Both {
    Both { en: en.to_owned(), zh: zh.to_owned() }
}

pub fn alert(name: &str, pod: &str, starts_at: Timestamp) -> Alert {
    Alert {
        labels: [("alertname", name), ("namespace", "shop"), ("pod", pod), ("severity", "critical")]
            .into_iter()
            .collect(),
        annotations: [("summary", format!("{name} on {pod}"))].into_iter().collect(),
        starts_at,
        ends_at: None,
        hold_s: Some(60),
        generator_url: "http://prometheus.example/graph?g0.expr=up".to_owned(),
    }
}

pub fn member(alert: Alert, role: Role) -> Member {
    Member {
        origin: Origin::Alert,
        entity: format!("pod/shop/{}", alert.labels.value("pod")),
        alert,
        role,
        reason: both("depends on it", "依赖于它"),
    }
}

/// One core and three folded alerts, with a cause.
pub fn incident(id: u64, version: u32) -> LiveIncident {
    let mut members = vec![member(alert("KubePodCrashLooping", "cart-1", at(-120)), Role::Core)];
    for pod in ["front-1", "front-2", "front-3"] {
        members.push(member(alert("HighErrorRate", pod, at(-60)), Role::Folded));
    }
    LiveIncident {
        id,
        version,
        stage: Stage::Open,
        severity: Severity::Critical,
        title: both("cart is killed for memory", "cart 因内存超限被终止"),
        onset: at(-180),
        opened: at(-100),
        updated: at(0),
        resolved: None,
        acked: None,
        members,
        causes: vec![Answer {
            code: "container.oom_killed".to_owned(),
            entity: "deployment/shop/cart".to_owned(),
            confidence: 0.94,
            title: both("a container needs more memory than its limit", "容器所需内存超过其限制"),
            why: both("killed 4 times, each time at its limit", "被终止 4 次，每次都达到限制"),
            evidence: vec![
                both("state Terminated · OOMKilled · exit code 137", "状态 Terminated · OOMKilled · 退出码 137"),
                both("memory 256Mi of 256Mi", "内存 256Mi / 256Mi"),
            ],
            next: vec![
                both("Raise the limit, or find the leak", "提高内存限制，或排查泄漏"),
                Both::same("kubectl -n shop set resources deployment/cart --limits=memory=512Mi"),
            ],
        }],
        affected: vec!["deployment/shop/cart".to_owned(), "service/shop/front".to_owned()],
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: vec![Moment { at: at(-100), what: both("opened", "已创建") }],
    }
}

pub fn delivery(incidents: Vec<LiveIncident>, lang: Lang) -> Delivery {
    Delivery {
        key: format!("{}/test", incidents.first().map(LiveIncident::key).unwrap_or_default()),
        incidents: incidents.into_iter().map(Arc::new).collect(),
        lang,
        link: Some("https://rootline.example/incidents/{id}".to_owned()),
        reference: None,
        now: at(0),
    }
}

/// `report` behind the trait.
pub struct Reported;

impl Reported {
    fn card(delivery: &Delivery) -> report::Card {
        match delivery.incidents.as_slice() {
            [one] => report::card(one, delivery.lang, delivery.link_of(one).as_deref()),
            many => {
                let many: Vec<_> = many.iter().map(|i| (&**i, delivery.link_of(i))).collect();
                report::digest(&many, delivery.lang)
            }
        }
    }
}

impl Words for Reported {
    fn message(&self, form: Form, delivery: &Delivery) -> Value {
        match form {
            Form::Slack => report::slack(&Self::card(delivery)),
            Form::DingTalk => report::dingtalk(&Self::card(delivery)),
            Form::WeCom => report::wecom(&Self::card(delivery)),
            Form::Feishu => report::feishu(&Self::card(delivery)),
            Form::Webhook => {
                let all: Vec<_> = delivery.incidents.iter().map(|i| (&**i, delivery.link_of(i))).collect();
                report::webhook(&all, "test", delivery.lang)
            }
        }
    }

    fn mail(&self, delivery: &Delivery) -> Mail {
        let card = Self::card(delivery);
        Mail { subject: report::card_subject(&card), text: report::card_text(&card), html: report::card_html(&card) }
    }
}
