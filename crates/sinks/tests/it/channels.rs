//! What each channel is sent, to the byte where it is signed, and what its answers mean.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rootline_model::Lang;
use rootline_sinks::{
    Client, ClientOptions, DingTalk, Feishu, PostOptions, Receipt, SendError, Sink, Slack, SlackTarget, WeCom, Webhook,
};
use sha2::Sha256;

use crate::fake::{Answer, Server};
use crate::sample::{Reported, delivery, incident};

fn client() -> Client {
    let options = ClientOptions { timeout: Duration::from_millis(600), ..ClientOptions::default() };
    Client::new(&options).expect("a client")
}

fn dingtalk(server: &Server) -> Box<dyn Sink> {
    let endpoint = server.endpoint("/robot/send?access_token=s3cr3t-t0ken");
    let options = PostOptions { secret: "SECfake".into(), ..PostOptions::new(endpoint) };
    Box::new(DingTalk::new("ops", options, client(), Arc::new(Reported)))
}

fn wecom(server: &Server) -> Box<dyn Sink> {
    let options = PostOptions::new(server.endpoint("/cgi-bin/webhook/send?key=s3cr3t-t0ken"));
    Box::new(WeCom::new("ops", options, client(), Arc::new(Reported)))
}

fn feishu(server: &Server) -> Box<dyn Sink> {
    let endpoint = server.endpoint("/open-apis/bot/v2/hook/s3cr3t-t0ken");
    let options = PostOptions { secret: "fake".into(), ..PostOptions::new(endpoint) };
    Box::new(Feishu::new("ops", options, client(), Arc::new(Reported)))
}

fn slack(server: &Server) -> Box<dyn Sink> {
    let target = SlackTarget::Webhook(server.endpoint("/services/T0/B0/s3cr3t-t0ken"));
    Box::new(Slack::new("ops", target, client(), Arc::new(Reported)))
}

fn slack_bot(server: &Server) -> Box<dyn Sink> {
    let target =
        SlackTarget::Bot { api: server.endpoint("/api"), token: "xoxb-s3cr3t-t0ken".into(), channel: "C1".into() };
    Box::new(Slack::new("ops", target, client(), Arc::new(Reported)))
}

fn webhook(server: &Server) -> Box<dyn Sink> {
    let endpoint = server.endpoint("/hook/s3cr3t-t0ken");
    let options = PostOptions { secret: "shared".into(), bearer: "b34rer".into(), ..PostOptions::new(endpoint) };
    Box::new(Webhook::new("ops", options, client(), Arc::new(Reported)))
}

#[tokio::test]
async fn dingtalk_is_signed_in_milliseconds() {
    let server = Server::start(vec![Answer::ok(r#"{"errcode":0,"errmsg":"ok"}"#)]).await;
    let receipt = dingtalk(&server).send(&delivery(vec![incident(17, 1)], Lang::Zh)).await;
    assert_eq!(receipt, Ok(Receipt::default()));
    let request = server.one();
    assert_eq!(
        request.line,
        "POST /robot/send?access_token=s3cr3t-t0ken&timestamp=1700000000000\
         &sign=stL8JpxOChrDWUKKBhnJJGK7%2FvGzirY%2FDjP66KVSfJk%3D HTTP/1.1"
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    let body = request.json();
    assert_eq!(body["msgtype"], "actionCard");
    assert_eq!(body["actionCard"]["singleURL"], "https://rootline.example/incidents/17");
    assert_eq!(body["actionCard"]["title"], "🔴 【严重】cart 因内存超限被终止");
}

#[tokio::test]
async fn feishu_is_signed_in_seconds_with_key_and_message_swapped() {
    let server = Server::start(vec![Answer::ok(r#"{"code":0,"data":{},"msg":"success"}"#)]).await;
    feishu(&server).send(&delivery(vec![incident(17, 1)], Lang::En)).await.expect("taken");
    let body = server.one().json();
    assert_eq!(body["timestamp"], "1700000000");
    assert_eq!(body["sign"], "7G0kT/0rHNjg5Hu/Gk9QFoe2bdqt1KvP9gmIdHpzwH0=");
    assert_eq!(body["msg_type"], "interactive");
    assert_eq!(body["card"]["header"]["template"], "red");
}

#[tokio::test]
async fn wecom_and_slack_get_their_shapes() {
    let server = Server::start(vec![Answer::ok(r#"{"errcode":0,"errmsg":"ok"}"#)]).await;
    wecom(&server).send(&delivery(vec![incident(17, 1)], Lang::Zh)).await.expect("taken");
    let content = server.one().json()["markdown"]["content"].as_str().unwrap_or_default().to_owned();
    assert!(content.starts_with("**<font color=\"warning\">【严重】cart 因内存超限被终止</font>**\n"), "{content}");
    assert!(content.ends_with("[查看详情](https://rootline.example/incidents/17)"), "{content}");

    let server = Server::start(vec![Answer::ok("ok")]).await;
    slack(&server).send(&delivery(vec![incident(17, 1)], Lang::En)).await.expect("taken");
    let body = server.one().json();
    assert_eq!(body["blocks"][0]["text"]["text"], "🔴 [critical] cart is killed for memory");
}

#[tokio::test]
async fn a_webhook_can_be_verified_and_recognised() {
    let server = Server::start(vec![Answer::status(202, "")]).await;
    webhook(&server).send(&delivery(vec![incident(17, 3)], Lang::En)).await.expect("taken");
    let request = server.one();
    assert_eq!(request.header("idempotency-key"), Some("17.3/test"));
    assert_eq!(request.header("authorization"), Some("Bearer b34rer"));
    assert_eq!(request.header("x-rootline-timestamp"), Some("1700000000"));
    // as a receiver would check it
    let mut mac = Hmac::<Sha256>::new_from_slice(b"shared").expect("any key");
    mac.update(format!("1700000000.{}", request.body).as_bytes());
    let wanted: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(request.header("x-rootline-signature"), Some(format!("sha256={wanted}").as_str()));

    let body = request.json();
    assert_eq!(body["version"], "4");
    assert_eq!(body["groupKey"], "{}:{rootline_incident=\"17\"}");
    assert_eq!(body["status"], "firing");
    assert_eq!(body["alerts"].as_array().map(Vec::len), Some(4));
    assert_eq!(body["alerts"][0]["labels"]["rootline_role"], "core");
    assert_eq!(body["alerts"][1]["annotations"]["rootline_reason"], "depends on it");
    assert_eq!(body["alerts"][0]["endsAt"], "0001-01-01T00:00:00Z");
    assert_eq!(body["commonLabels"]["namespace"], "shop");
    assert_eq!(body["rootline"][0]["cause"]["confidence"], 0.94);
}

#[tokio::test]
async fn a_slack_bot_changes_its_message_instead_of_adding_one() {
    let first = Answer::ok(r#"{"ok":true,"channel":"C1","ts":"170.5"}"#);
    let gone = Answer::ok(r#"{"ok":false,"error":"message_not_found"}"#);
    let server = Server::start(vec![first.clone(), first.clone(), gone, first]).await;
    let bot = slack_bot(&server);
    let mut message = delivery(vec![incident(17, 1)], Lang::En);
    let receipt = bot.send(&message).await.expect("taken");
    assert_eq!(receipt.reference.as_deref(), Some("C1/170.5"));
    message.reference = receipt.reference;
    bot.send(&message).await.expect("taken");
    // somebody removed it
    bot.send(&message).await.expect("taken");
    let lines: Vec<String> = server.requests().iter().map(|r| r.line.clone()).collect();
    let of = |method: &str| format!("POST /api/{method} HTTP/1.1");
    assert_eq!(lines, [of("chat.postMessage"), of("chat.update"), of("chat.update"), of("chat.postMessage")]);
    assert_eq!(server.requests()[1].json()["ts"], "170.5");
}

/// What a person is told and what becomes of the message.
#[derive(Debug, PartialEq, Clone, Copy)]
enum Fate {
    Retry(Option<u64>),
    Rejected,
    Dead,
}

#[tokio::test]
async fn answers_are_understood() {
    use Fate::{Dead, Rejected, Retry};
    type Make = fn(&Server) -> Box<dyn Sink>;
    let ok = Answer::ok;
    let status = Answer::status;
    #[rustfmt::skip]
    let table: Vec<(Make, Answer, Fate, &str)> = vec![
        (dingtalk, ok(r#"{"errcode":310000,"errmsg":"sign not match, more: [https://ding-doc]"}"#), Dead, "wrong signature"),
        (dingtalk, ok(r#"{"errcode":310000,"errmsg":"keywords not in content"}"#), Dead, "set `keyword`"),
        (dingtalk, ok(r#"{"errcode":310000,"errmsg":"invalid timestamp"}"#), Dead, "clock"),
        (dingtalk, ok(r#"{"errcode":310000,"errmsg":"ip 1.2.3.4 not in whitelist"}"#), Dead, "listed addresses"),
        (dingtalk, ok(r#"{"errcode":300005,"errmsg":"token is not exist"}"#), Dead, "no such robot"),
        (dingtalk, ok(r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#), Retry(Some(600)), "silent for ten"),
        (dingtalk, ok(r#"{"errcode":-1,"errmsg":"system busy"}"#), Retry(None), "busy"),
        (dingtalk, ok(r#"{"errcode":460101,"errmsg":"message too long"}"#), Rejected, "too long"),
        (dingtalk, ok(r#"{"errcode":777,"errmsg":"new"}"#), Rejected, "DingTalk 777: new"),
        (wecom, ok(r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#), Retry(Some(60)), "20 messages"),
        (wecom, ok(r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}"#), Rejected, "longer"),
        (wecom, ok(r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#), Dead, "no such robot"),
        (feishu, ok(r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#), Dead, "signature"),
        (feishu, status(400, r#"{"code":9499,"msg":"Bad Request","data":{}}"#), Rejected, "cannot read"),
        (feishu, ok(r#"{"code":11232,"msg":"frequency limited psm[lark.oapi.app_platform_runtime]"}"#), Retry(Some(60)), "in a minute"),
        (feishu, ok(r#"{"code":19024,"msg":"Key Words Not Found"}"#), Dead, "keyword"),
        (feishu, ok(r#"{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}"#), Dead, "no such bot"),
        (slack, status(429, "rate_limited").with("Retry-After", "7"), Retry(Some(7)), "patience"),
        (slack, status(404, "no_service"), Dead, "revoked"),
        (slack, status(410, "channel_is_archived"), Dead, "channel"),
        (slack, status(400, "invalid_blocks"), Rejected, "invalid_blocks"),
        (slack, status(500, "rollup_error"), Retry(None), "fails (500)"),
        (slack_bot, ok(r#"{"ok":false,"error":"invalid_auth"}"#), Dead, "token"),
        (slack_bot, ok(r#"{"ok":false,"error":"not_in_channel"}"#), Dead, "invite"),
        (slack_bot, ok(r#"{"ok":false,"error":"msg_too_long"}"#), Rejected, "longer"),
        (slack_bot, status(429, "").with("Retry-After", "30"), Retry(Some(30)), "patience"),
        (webhook, status(503, "overloaded").with("Retry-After", "5"), Retry(Some(5)), "overloaded"),
        (webhook, status(401, "no"), Dead, "key or token"),
        (webhook, status(307, "").with("Location", "http://elsewhere/"), Dead, "redirects are not followed"),
        (webhook, status(413, ""), Rejected, "too long"),
        (webhook, status(422, "bad field"), Rejected, "bad field"),
        // the same for all: the way there is broken
        (dingtalk, ok("<html>Sign in to the wireless network</html>"), Retry(None), "never says"),
        (wecom, status(502, "<html>bad gateway"), Retry(None), "fails (502)"),
        (feishu, Answer::Hangup, Retry(None), "broke"),
        (wecom, Answer::Half, Retry(None), "broke its answer off"),
        (slack, Answer::Garbage(b"\x16\x03\x01garbage\r\n\r\n".to_vec()), Retry(None), "http://127.0.0.1"),
        (webhook, Answer::Silence, Retry(None), "in time"),
    ];
    for (make, answer, fate, words) in table {
        let server = Server::start(vec![answer.clone()]).await;
        let error = make(&server).send(&delivery(vec![incident(17, 1)], Lang::En)).await;
        let error = error.expect_err("an error");
        let got = match &error {
            SendError::Retry { after, .. } => Retry(after.map(|a| a.as_secs())),
            SendError::Rejected { .. } => Rejected,
            SendError::Dead { .. } => Dead,
        };
        assert_eq!(got, fate, "{answer:?}: {error}");
        assert!(error.to_string().contains(words), "{answer:?}: {error}");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cr3t-t0ken") && !shown.contains("SECfake"), "a secret is shown: {shown}");
    }
}

#[tokio::test]
async fn a_server_that_repeats_our_address_gives_nothing_away() {
    let echo = "no route for /robot/send?access_token=s3cr3t-t0ken&timestamp=1";
    let server = Server::start(vec![Answer::status(400, echo)]).await;
    let error = dingtalk(&server).send(&delivery(vec![incident(17, 1)], Lang::En)).await.expect_err("refused");
    assert!(!format!("{error:?}").contains("s3cr3t-t0ken"), "{error:?}");
}

#[tokio::test]
async fn a_keyword_is_added_where_it_is_missing() {
    let server = Server::start(vec![Answer::ok(r#"{"errcode":0}"#)]).await;
    let options = PostOptions { keyword: "告警".into(), ..PostOptions::new(server.endpoint("/")) };
    let sink = DingTalk::new("ops", options, client(), Arc::new(Reported));
    sink.send(&delivery(vec![incident(17, 1)], Lang::En)).await.expect("taken");
    let text = server.one().json()["actionCard"]["text"].as_str().unwrap_or_default().to_owned();
    assert!(text.ends_with("\n\n告警"), "{text}");
}

#[tokio::test]
async fn nobody_there_is_tried_again() {
    // a port that was free a moment ago and that nobody listens on
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound").port();
    let endpoint = rootline_sinks::Endpoint::parse(&format!("http://127.0.0.1:{free}/s3cr3t-t0ken")).expect("valid");
    let sink = Webhook::new("ops", PostOptions::new(endpoint), client(), Arc::new(Reported));
    let error = sink.send(&delivery(vec![incident(17, 1)], Lang::En)).await.expect_err("nobody");
    assert_eq!(
        error,
        SendError::retry(format!("http://127.0.0.1:{free} cannot be reached: Connection refused (os error 111)"))
    );
}
