//! Live incidents as messages: every channel in both languages against files that a person has read, and foreign text
//! that wants to be markup. `UPDATE_EXPECT=1` refreshes the files.
#![allow(clippy::disallowed_methods, reason = "a test reads its own expectations")]

use std::path::Path;

use rootline_model::{
    Ack, Alert, Answer, Both, Lang, LiveIncident, Member, Moment, Origin, Role, Severity, Stage, Timestamp,
};
use rootline_report as report;
use serde_json::Value;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + seconds).expect("in range")
}

fn both(en: &str, zh: &str) -> Both {
    Both { en: en.to_owned(), zh: zh.to_owned() }
}

fn member(name: &str, pod: usize, role: Role, origin: Origin) -> Member {
    let pod = format!("cart-{pod}");
    Member {
        origin,
        alert: Alert {
            labels: [("alertname", name), ("namespace", "shop"), ("pod", &pod)].into_iter().collect(),
            starts_at: at(0),
            ..Alert::default()
        },
        entity: format!("pod/shop/{pod}"),
        role,
        reason: both("depends on it", "依赖于它"),
    }
}

fn incident() -> LiveIncident {
    let mut members = vec![member("KubePodCrashLooping", 0, Role::Core, Origin::Alert)];
    members.extend((1..13).map(|n| member("HighErrorRate", n, Role::Folded, Origin::Alert)));
    members.extend((1..4).map(|n| member("TargetDown", n, Role::Folded, Origin::Alert)));
    members.push(member("SlowAnswers", 1, Role::Folded, Origin::Alert));
    members.push(member("series.level_shift", 1, Role::Folded, Origin::Anomaly));
    LiveIncident {
        id: 17,
        version: 1,
        stage: Stage::Open,
        severity: Severity::Critical,
        title: both("cart is killed for memory", "cart 因内存超限反复被终止"),
        onset: at(-780),
        opened: at(-700),
        updated: at(0),
        resolved: None,
        acked: None,
        members,
        causes: vec![Answer {
            code: "container.oom_killed".to_owned(),
            entity: "deployment/shop/cart".to_owned(),
            confidence: 0.94,
            title: both("a container needs more memory than its limit", "容器所需内存超过其限制"),
            why: both("killed 4 times, each time at its limit", "被终止 4 次，每次都达到内存限制"),
            evidence: (1..6)
                .map(|n| both(&format!("state Terminated ×{n}"), &format!("状态 Terminated ×{n}")))
                .collect(),
            next: vec![
                both("Raise the limit, or find the leak", "提高内存限制，或排查内存泄漏"),
                Both::same("kubectl -n shop set resources deployment/cart --limits=memory=512Mi"),
                both("Then look at the heap", "然后检查堆内存"),
            ],
        }],
        affected: (1..8).map(|n| format!("service/shop/front-{n}")).collect(),
        edges: Vec::new(),
        gaps: Vec::new(),
        timeline: vec![
            Moment { at: at(-700), what: both("opened", "已创建") },
            Moment { at: at(0), what: both("12 more alerts folded in", "又收拢 12 条告警") },
        ],
    }
}

fn states() -> Vec<(&'static str, LiveIncident)> {
    let update = LiveIncident { version: 3, ..incident() };
    vec![
        ("new", incident()),
        ("acked", LiveIncident { acked: Some(Ack { by: "li.wei".to_owned(), at: at(0) }), ..update.clone() }),
        ("unknown", LiveIncident { causes: Vec::new(), ..incident() }),
        (
            "resolved",
            LiveIncident { stage: Stage::Resolved, resolved: Some(at(420)), updated: at(420), ..update.clone() },
        ),
        ("update", LiveIncident { acked: Some(Ack { by: "li.wei".to_owned(), at: at(-60) }), ..update }),
    ]
}

const LINK: &str = "https://rootline.example/incidents/17";

fn expect(name: &str, got: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/card").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("folder is writable");
        std::fs::write(&file, got).expect("file is writable");
        return;
    }
    let want = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(want == got, "{} differs; read the change, then run with UPDATE_EXPECT=1\n{got}", file.display());
}

fn pretty(value: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(value).expect("JSON"))
}

#[test]
fn every_state_reads_well_in_both_languages() {
    for (lang, word) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        let mut all = String::new();
        for (name, incident) in states() {
            let card = report::card(&incident, lang, Some(LINK));
            all.push_str(&format!("-- {name}\n{}\n", report::card_text(&card)));
        }
        let many: Vec<LiveIncident> = (1..24).map(|id| LiveIncident { id, ..incident() }).collect();
        let many: Vec<_> =
            many.iter().map(|i| (i, Some(format!("https://rootline.example/incidents/{}", i.id)))).collect();
        all.push_str(&format!("-- digest\n{}", report::card_text(&report::digest(&many[..3], lang))));
        expect(&format!("states.{word}.txt"), &all);
        assert!(report::card_text(&report::digest(&many, lang)).lines().count() < 60, "a digest stays short");
    }
}

#[test]
fn every_channel_has_its_shape() {
    for (lang, word) in [(Lang::En, "en"), (Lang::Zh, "zh")] {
        let card = report::card(&incident(), lang, Some(LINK));
        expect(&format!("slack.{word}.json"), &pretty(&report::slack(&card)));
        expect(&format!("feishu.{word}.json"), &pretty(&report::feishu(&card)));
        let text =
            |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        expect(&format!("dingtalk.{word}.md"), &format!("{}\n", text(&report::dingtalk(&card), "/actionCard/text")));
        expect(&format!("wecom.{word}.md"), &format!("{}\n", text(&report::wecom(&card), "/markdown/content")));
        expect(&format!("card.{word}.md"), &report::card_markdown(&card));
        expect(&format!("mail.{word}.html"), &report::card_html(&card));
    }
    expect("webhook.en.json", &pretty(&report::webhook(&[(&incident(), Some(LINK.to_owned()))], "ops", Lang::En)));
}

/// Text that wants to call people, to be a link, or to break out of its place.
const HOSTILE: &[&str] = &[
    "@all",
    "@channel @here",
    "<!here> <!channel> <@U123> <#C1|x>",
    "<at id=all></at> <at user_id=\"all\">x</at>",
    "<@all> <font color=\"warning\">x</font>",
    "[win](http://evil.example/x) ![p](http://evil.example/p.png)",
    "<http://evil.example|click> http://evil.example www.evil.example",
    "**bold** `code` ~~x~~ # head > quote",
    "<script>alert(1)</script><a href=\"http://evil.example\">x</a>",
    "\u{202e}gnp.exe \u{1b}[31m\r\n\r\n# head\n- item",
    "`` ` ```",
];

fn hostile(text: &str) -> LiveIncident {
    let mut it = incident();
    it.title = Both::same(text);
    it.affected = vec![text.to_owned(); 3];
    it.acked = Some(Ack { by: text.to_owned(), at: at(-1) });
    for member in &mut it.members {
        member.alert.labels = member.alert.labels.with("alertname", text);
        member.alert.annotations = [("summary", text)].into_iter().collect();
    }
    for cause in &mut it.causes {
        cause.title = Both::same(text);
        cause.why = Both::same(text);
        cause.entity = text.to_owned();
        cause.evidence = vec![Both::same(text); 5];
        // a command with the text in it, quoted as rules quote it
        cause.next = vec![both("en", "zh"), Both::same(format!("kubectl get pod '{text}'"))];
    }
    it
}

#[test]
fn foreign_text_calls_nobody_and_links_nowhere() {
    for text in HOSTILE {
        for version in [1, 2] {
            let it = LiveIncident { version, ..hostile(text) };
            let card = report::card(&it, Lang::En, Some(LINK));
            let slack = report::slack(&card);
            // what Slack reads as markup: the fallback text alone
            let read = slack["text"].as_str().unwrap_or_default();
            assert!(!read.contains('<') && !read.contains("@all") && !read.contains("@channel"), "{read}");
            assert!(!slack.to_string().contains("mrkdwn"), "no place of the blocks is read as markup");
            // what Feishu reads as markup holds our own labels alone
            for element in report::feishu(&card)["elements"].as_array().expect("elements") {
                if element["text"]["tag"] == "lark_md" {
                    let label = element["text"]["content"].as_str().unwrap_or_default();
                    assert!(label.starts_with("**") && !label.contains("at ") && !label.contains("evil"), "{label}");
                }
            }
            let dingtalk = report::dingtalk(&card);
            let wecom = report::wecom(&card);
            for read in [&dingtalk["actionCard"]["text"], &wecom["markdown"]["content"]] {
                let read = read.as_str().unwrap_or_default();
                for bad in ["@all", "@channel", "@here", "<@", "<at ", "](http://evil", "<script", "<a "] {
                    assert!(!read.contains(bad), "{bad} in {read}");
                }
            }
            let html = report::card_html(&card);
            for bad in ["<script", "<font", "<at ", "href=\"http://evil"] {
                assert!(!html.contains(bad), "{bad} in {html}");
            }
            let markdown = report::card_markdown(&card);
            let outside = markdown.split("```").next().unwrap_or_default();
            for bad in ["](http://evil", "@all", "<script", "<@"] {
                assert!(!outside.contains(bad), "{bad} in {outside}");
            }
            assert!(!report::card_subject(&card).contains(['\n', '\r']), "a subject is one line");
        }
    }
}

#[test]
fn wecom_is_never_longer_than_it_may_be() {
    for text in ["内存超限", "a", "👩‍👩‍👧‍👦", "`", "长\n行"] {
        for times in [1, 50, 90, 200, 3_000] {
            for link in [None, Some(LINK.to_owned()), Some(format!("https://x.example/{}", "a".repeat(5_000)))] {
                let mut it = hostile(&text.repeat(times));
                it.causes[0].evidence = vec![Both::same(text.repeat(times)); 50];
                let message = report::wecom(&report::card(&it, Lang::Zh, link.as_deref()));
                let content = message["markdown"]["content"].as_str().expect("text");
                assert!(content.len() <= 4_096, "{} bytes", content.len());
                if link.as_deref() == Some(LINK) {
                    assert!(content.ends_with("(https://rootline.example/incidents/17)"), "{content}");
                }
            }
        }
    }
}

#[test]
fn slack_and_dingtalk_keep_their_limits() {
    let it = hostile(&"很长的文字".repeat(2_000));
    let card = report::card(&it, Lang::Zh, Some(LINK));
    let slack = report::slack(&card);
    assert!(slack["blocks"].as_array().is_some_and(|blocks| blocks.len() <= 50));
    assert!(slack["blocks"][0]["text"]["text"].as_str().is_some_and(|t| t.chars().count() <= 150));
    // characters of all text of a message: 13,200 with blocks
    assert!(slack.to_string().chars().count() < 13_000);
    assert!(report::dingtalk(&card).to_string().len() < 20_000);
    assert!(report::feishu(&card).to_string().len() < 20_000);
    let many: Vec<LiveIncident> = (0..500).map(|id| LiveIncident { id, ..it.clone() }).collect();
    let many: Vec<_> = many.iter().map(|i| (i, Some(LINK.to_owned()))).collect();
    let digest = report::digest(&many, Lang::Zh);
    assert!(report::slack(&digest).to_string().chars().count() < 13_000);
    assert!(report::wecom(&digest)["markdown"]["content"].as_str().is_some_and(|c| c.len() <= 4_096));
    assert!(report::feishu(&digest).to_string().len() < 20_000);
    assert!(report::webhook(&many[..100], "ops", Lang::Zh)["alerts"].as_array().is_some_and(|a| a.len() == 256));
}

#[test]
fn nothing_at_all_is_still_a_message() {
    let empty = LiveIncident {
        title: Both::default(),
        members: Vec::new(),
        causes: Vec::new(),
        affected: Vec::new(),
        timeline: Vec::new(),
        onset: Timestamp::MAX,
        updated: Timestamp::MIN,
        resolved: Some(Timestamp::MIN),
        version: 0,
        ..incident()
    };
    for stage in [Stage::Open, Stage::Resolved] {
        let it = LiveIncident { stage, ..empty.clone() };
        let card = report::card(&it, Lang::Zh, None);
        assert!(card.status.starts_with("故障 17"), "{}", card.status);
        assert_eq!(report::dingtalk(&card)["msgtype"], "markdown");
        assert!(report::webhook(&[(&it, None)], "", Lang::En)["alerts"].as_array().is_some_and(Vec::is_empty));
    }
    assert!(report::card_text(&report::digest(&[], Lang::En)).starts_with("0 incidents"));
}
