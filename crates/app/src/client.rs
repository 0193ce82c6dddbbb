//! `rootline incidents | show | ack | silence | record`: the running daemon asked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Method, StatusCode, Url};
use rootline_model::Lang;
use rootline_report::words;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::{Outcome, terminal};

/// Where the daemon is.
#[derive(Clone, Debug, clap::Args)]
pub struct Where {
    /// Address of the daemon
    #[arg(long, value_name = "URL", env = "ROOTLINE_URL", default_value = "http://127.0.0.1:9099")]
    url: String,
    /// Token, where the daemon wants one
    #[arg(long, value_name = "TOKEN", env = "ROOTLINE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    place: Where,
    /// Also those that are over
    #[arg(short, long)]
    all: bool,
    /// Only those that touch this namespace
    #[arg(short, long)]
    namespace: Option<String>,
    /// Prints the answer as it came
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Number of the incident
    id: u64,
    #[command(flatten)]
    place: Where,
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct AckArgs {
    /// Number of the incident
    id: u64,
    /// Gives it back
    #[arg(long)]
    undo: bool,
    /// Says that it is over, whatever its alerts say
    #[arg(long, conflicts_with = "undo")]
    resolve: bool,
    /// Adds a remark to its history
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["undo", "resolve"])]
    note: Option<String>,
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, clap::Args)]
pub struct SilenceArgs {
    /// What to silence: `alertname=KubePodCrashLooping`, `namespace=~shop-.*`; all must match
    #[arg(required = true, value_name = "LABEL=VALUE")]
    matchers: Vec<String>,
    /// For how long: 30m, 2h, 1d
    #[arg(long = "for", default_value = "2h", value_name = "DURATION")]
    lasts: String,
    /// Why
    #[arg(long, default_value = "")]
    comment: String,
    #[command(flatten)]
    place: Where,
}

#[derive(Deserialize)]
struct Both {
    en: String,
    zh: String,
}

impl Both {
    fn get(&self, lang: Lang) -> &str {
        if lang == Lang::Zh { &self.zh } else { &self.en }
    }
}

#[derive(Deserialize)]
struct Row {
    id: u64,
    stage: String,
    severity: String,
    title: Both,
    onset: jiff::Timestamp,
    alerts: u64,
    acked: Option<Value>,
    #[serde(default)]
    maintenance: Option<String>,
    cause: Option<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    entity: String,
}

#[derive(Deserialize)]
struct Rows {
    items: Vec<Row>,
}

pub fn list(cli: &Cli, args: &ListArgs) -> Result<Outcome, Failure> {
    let lang = Settings::load(cli)?.lang;
    let mut query = vec![("limit", "100")];
    if !args.all {
        query.push(("stage", "open"));
    }
    if let Some(namespace) = &args.namespace {
        query.push(("namespace", namespace));
    }
    let answer = Daemon::at(&args.place)?.ask(Method::GET, "/api/v1/incidents", &query, None)?;
    if args.json {
        return done(&answer);
    }
    let rows: Rows = serde_json::from_str(&answer).map_err(strange)?;
    if rows.items.is_empty() {
        terminal::print(if lang == Lang::Zh { "没有进行中的事件\n" } else { "no open incidents\n" })?;
        return Ok(Outcome::Done);
    }
    let mut out = String::new();
    for row in rows.items {
        let state = match (row.stage.as_str(), row.acked.is_some(), lang) {
            ("resolved", _, Lang::En) => "over",
            ("resolved", _, Lang::Zh) => "已恢复",
            (_, true, Lang::En) => "acked",
            (_, true, Lang::Zh) => "已认领",
            (_, false, Lang::En) => "open",
            (_, false, Lang::Zh) => "进行中",
        };
        let since = row.onset.strftime("%m-%d %H:%M");
        let title = row.title.get(lang);
        let severity = severity(lang, &row.severity);
        let quiet = row.maintenance.as_deref().map(|name| quiet(lang, name)).unwrap_or_default();
        // what is wrong seldom says where
        let place = row.cause.map(|c| c.entity).filter(|e| !title.contains(e.as_str()));
        let place = place.map(|e| format!(" · {e}")).unwrap_or_default();
        out.push_str(&format!(
            "#{:<5} {severity:<9} {state:<6} {since}  {title}{place} ({}){quiet}\n",
            row.id, row.alerts
        ));
    }
    terminal::print(&out)?;
    Ok(Outcome::Done)
}

pub fn show(cli: &Cli, args: &ShowArgs) -> Result<Outcome, Failure> {
    let lang = Settings::load(cli)?.lang;
    let daemon = Daemon::at(&args.place)?;
    let path = format!("/api/v1/incidents/{}", args.id);
    if args.json {
        return done(&daemon.ask(Method::GET, &path, &[], None)?);
    }
    let code = if lang == Lang::Zh { "zh" } else { "en" };
    let text = daemon.ask(Method::GET, &path, &[], None)?;
    let incident: Value = serde_json::from_str(&text).map_err(strange)?;
    terminal::print(&shown(&incident, code))?;
    Ok(Outcome::Done)
}

/// That a maintenance window keeps it quiet.
fn quiet(lang: Lang, window: &str) -> String {
    if lang == Lang::Zh { format!(" · 维护中：{window}") } else { format!(" · in maintenance: {window}") }
}

/// One incident for a terminal.
fn shown(incident: &Value, lang: &str) -> String {
    let zh = lang == "zh";
    let both = |v: &Value| v.get(lang).and_then(Value::as_str).unwrap_or_default().to_owned();
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |v: &Value, key: &str| v.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = format!(
        "#{} {}\n{} · {} · {}\n",
        incident.get("id").and_then(Value::as_u64).unwrap_or_default(),
        incident.get("title").map(both).unwrap_or_default(),
        severity(if zh { Lang::Zh } else { Lang::En }, &text(incident, "severity")),
        match (text(incident, "stage").as_str(), zh) {
            ("resolved", false) => "over",
            ("resolved", true) => "已恢复",
            (_, false) => "open",
            (_, true) => "进行中",
        },
        at(&text(incident, "onset")),
    );
    if let Some(window) = incident.get("maintenance").and_then(Value::as_str) {
        let quiet = quiet(if zh { Lang::Zh } else { Lang::En }, window);
        out.push_str(&format!("{}\n", quiet.trim_start_matches(" · ")));
    }
    let mut section = |en: &str, name: &str, lines: Vec<String>| {
        if !lines.is_empty() {
            out.push_str(&format!("\n{}\n", if zh { name } else { en }));
            lines.iter().for_each(|l| out.push_str(&format!("  {l}\n")));
        }
    };
    let causes = list(incident, "causes");
    let sure = |c: &Value| (c.get("confidence").and_then(Value::as_f64).unwrap_or_default() * 100.0).round();
    let cause =
        |c: &Value| format!("{} %  {}  ({})", sure(c), c.get("title").map(both).unwrap_or_default(), text(c, "entity"));
    section("Root cause", "根因", causes.iter().map(cause).collect());
    if let Some(first) = causes.first() {
        section("Evidence", "证据", list(first, "evidence").iter().map(both).collect());
        section("Next", "下一步", list(first, "next").iter().map(both).collect());
    }
    let member = |m: &Value| {
        let labels = m.get("alert").or(Some(m)).and_then(|a| a.get("labels")).cloned().unwrap_or_default();
        let reason = m.get("reason").map(both).unwrap_or_default();
        format!("{} {} · {reason}", text(&labels, "alertname"), text(m, "entity"))
    };
    section("Signals", "信号", list(incident, "members").iter().take(30).map(member).collect());
    let moment = |m: &Value| format!("{}  {}", at(&text(m, "at")), m.get("what").map(both).unwrap_or_default());
    section("History", "经过", list(incident, "timeline").iter().map(moment).collect());
    out
}

/// A word of the API in the reader's language; one that is not known as it came.
fn severity(lang: Lang, word: &str) -> String {
    words::word(lang, &format!("severity.{word}")).unwrap_or(word).to_owned()
}

/// A moment without its fraction.
fn at(moment: &str) -> String {
    moment
        .parse::<jiff::Timestamp>()
        .map_or_else(|_| moment.to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

pub fn ack(cli: &Cli, args: &AckArgs) -> Result<Outcome, Failure> {
    let (method, what, body, done) = match (&args.note, args.undo, args.resolve) {
        (Some(text), _, _) => (Method::POST, "notes", json!({ "text": text }), ("noted", "已备注")),
        (None, true, _) => (Method::DELETE, "ack", json!({}), ("given back", "已放回")),
        (None, _, true) => (Method::POST, "resolve", json!({}), ("over", "已标记恢复")),
        _ => (Method::POST, "ack", json!({}), ("yours", "已由你认领")),
    };
    let path = format!("/api/v1/incidents/{}/{what}", args.id);
    Daemon::at(&args.place)?.ask(method, &path, &[], Some(&body))?;
    let done = if Settings::load(cli)?.lang == Lang::Zh { done.1 } else { done.0 };
    terminal::print(&format!("#{}: {done}\n", args.id))?;
    Ok(Outcome::Done)
}

pub fn silence(args: &SilenceArgs) -> Result<Outcome, Failure> {
    let now = jiff::Timestamp::now();
    let failed = |why: String| Failure::new(("could not silence", "无法静默")).detail(why);
    let lasts: jiff::SignedDuration = args.lasts.parse().map_err(|e| failed(format!("`{}`: {e}", args.lasts)))?;
    let matchers = args.matchers.iter().map(|m| matcher(m).map_err(failed)).collect::<Result<Vec<_>, _>>()?;
    let body = json!({
        "matchers": matchers,
        "startsAt": now.to_string(),
        "endsAt": now.checked_add(lasts).map_err(|e| failed(e.to_string()))?.to_string(),
        "createdBy": std::env::var("USER").unwrap_or_else(|_| "rootline".to_owned()),
        "comment": args.comment,
    });
    let answer = Daemon::at(&args.place)?.ask(Method::POST, "/api/v2/silences", &[], Some(&body))?;
    let id: Value = serde_json::from_str(&answer).map_err(strange)?;
    terminal::print(&format!("{}\n", id.get("silenceID").and_then(Value::as_str).unwrap_or_default()))?;
    Ok(Outcome::Done)
}

/// `name=value`, `name!=value`, `name=~expression`, `name!~expression`.
fn matcher(text: &str) -> Result<Value, String> {
    for (sign, is_equal, is_regex) in
        [("!~", false, true), ("=~", true, true), ("!=", false, false), ("=", true, false)]
    {
        if let Some((name, value)) = text.split_once(sign) {
            return Ok(json!({"name": name, "value": value, "isRegex": is_regex, "isEqual": is_equal}));
        }
    }
    Err(format!("`{text}` is no matcher, expected LABEL=VALUE"))
}

/// The state that the daemon holds and what it knows of one incident, into a new file.
pub fn keep(cli: &Cli, id: u64, (output, force): (Option<&Path>, bool), place: &Where) -> Result<Outcome, Failure> {
    let file = output.map_or_else(|| PathBuf::from(format!("incident-{id}.rootline")), Path::to_owned);
    let name = file.display();
    let failed = |e: std::io::Error| Failure::new(("could not keep the incident", "无法保存故障事件")).file(&name, &e);
    if file.exists() && !force {
        return Err(Failure::new((format!("could not write {name}"), format!("无法写入 {name}")))
            .said(("the file exists", "文件已经存在"))
            .hint(("--force writes over it", "加 --force 覆盖")));
    }
    let path = format!("/api/v1/incidents/{id}/record");
    let bytes = Daemon::at(place)?.fetch(&path)?;
    std::fs::write(&file, &bytes).map_err(failed)?;
    let size = bytes.len().div_ceil(1024);
    terminal::print(&match Settings::load(cli)?.lang {
        Lang::En => format!("{name}: {size} KiB; `rootline diagnose {name}` reads it\n"),
        Lang::Zh => format!("{name}：{size} KiB；用 `rootline diagnose {name}` 查看\n"),
    })?;
    Ok(Outcome::Done)
}

fn done(text: &str) -> Result<Outcome, Failure> {
    terminal::print(&format!("{}\n", text.trim_end()))?;
    Ok(Outcome::Done)
}

fn strange(error: serde_json::Error) -> Failure {
    Failure::new(("could not read the daemon's answer", "无法解析守护进程的应答"))
        .detail(error)
        .hint(("is it another version?", "它是不是另一个版本？"))
}

/// For an answer, and for a recording of a large cluster.
const PATIENCE: Duration = Duration::from_secs(30);
const RECORDING_PATIENCE: Duration = Duration::from_secs(300);

struct Daemon {
    base: Url,
    token: Option<String>,
    runtime: tokio::runtime::Runtime,
}

impl Daemon {
    fn at(place: &Where) -> Result<Daemon, Failure> {
        let failed = |e: &dyn std::fmt::Display| Failure::new(COULD_NOT).detail(format!("{}: {e}", place.url));
        let base = Url::parse(&place.url).map_err(|e| failed(&e))?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(&e))?;
        Ok(Daemon { base, token: place.token.clone(), runtime })
    }

    fn ask(&self, method: Method, path: &str, query: &[(&str, &str)], body: Option<&Value>) -> Result<String, Failure> {
        let bytes = self.exchange(method, (path, query), body, PATIENCE)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn fetch(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.exchange(Method::GET, (path, &[]), None, RECORDING_PATIENCE)
    }

    fn exchange(
        &self,
        method: Method,
        (path, query): (&str, &[(&str, &str)]),
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let failed = |e: &reqwest::Error| {
            let (en, zh) = reason(e);
            Failure::new(COULD_NOT).said((format!("{}: {en}", self.base), format!("{}：{zh}", self.base))).hint((
                "is `rootline run` there? --url or ROOTLINE_URL name its address",
                "`rootline run` 在那里运行吗？用 --url 或 ROOTLINE_URL 指定地址",
            ))
        };
        let url = self.base.join(path).map_err(|e| Failure::new(COULD_NOT).detail(e))?;
        self.runtime.block_on(async {
            let client = reqwest::Client::builder().timeout(patience).build().map_err(|e| failed(&e))?;
            let mut request = client.request(method, url).query(query);
            if let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let answer = request.send().await.map_err(|e| failed(&e))?;
            let status = answer.status();
            let bytes = answer.bytes().await.map_err(|e| failed(&e))?;
            let refused = || refused(status, path, &String::from_utf8_lossy(&bytes));
            if status.is_success() { Ok(bytes.to_vec()) } else { Err(refused()) }
        })
    }
}

const COULD_NOT: (&str, &str) = ("could not ask the daemon", "无法访问守护进程");

/// The reason stands at the end of the chain: "connection refused".
fn reason(error: &reqwest::Error) -> (String, String) {
    let mut last: &(dyn std::error::Error + 'static) = error;
    let mut io: Option<&std::io::Error> = None;
    while let Some(source) = last.source() {
        last = source;
        io = last.downcast_ref::<std::io::Error>().or(io);
    }
    let en = last.to_string();
    let zh = match io {
        _ if error.is_timeout() => "超时未应答".to_owned(),
        Some(io) => rootline_archive::io_words(io, Lang::Zh),
        None => en.clone(),
    };
    (en, zh)
}

/// The daemon's own words where it has some (RFC 9457), and ours where the answer is one that everybody meets.
fn refused(status: StatusCode, path: &str, text: &str) -> Failure {
    let problem: Option<Value> = serde_json::from_str(text).ok();
    let detail = problem.as_ref().and_then(|p| p.get("detail").or_else(|| p.get("title"))).and_then(Value::as_str);
    let en = detail.map_or_else(|| status.to_string(), str::to_owned);
    let failure = Failure::new(("the daemon refused", "守护进程拒绝了请求"));
    let token = ("--token or ROOTLINE_TOKEN name it", "用 --token 或 ROOTLINE_TOKEN 指定令牌");
    let incident = path.strip_prefix("/api/v1/incidents/").and_then(|rest| rest.split('/').next());
    match (status, incident) {
        (StatusCode::UNAUTHORIZED, _) => failure.said((en, "没有令牌，或令牌无效".to_owned())).hint(token),
        (StatusCode::FORBIDDEN, _) => failure.said((en, "该令牌的角色无权执行此操作".to_owned())).hint(token),
        (StatusCode::NOT_FOUND, Some(id)) => failure.said((en, format!("没有编号为 {id} 的故障事件，或者它早已恢复"))),
        (StatusCode::SERVICE_UNAVAILABLE, _) => failure.said((en.clone(), format!("守护进程暂时无法应答：{en}"))),
        _ => failure.detail(en),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_that_everybody_meets_have_chinese_words_and_the_daemons_own_in_english() {
        let said = |status: u16, path: &str, lang: Lang| {
            let status = StatusCode::from_u16(status).expect("a status");
            let shown = refused(status, path, r#"{"detail":"its own words"}"#).shown(lang);
            std::error::Error::source(&shown).map(ToString::to_string).unwrap_or_default()
        };
        let (one, all) = ("/api/v1/incidents/17/ack", "/api/v1/incidents");
        for (status, path, expect) in [
            (401, all, "令牌无效"),
            (403, one, "无权执行"),
            (404, one, "没有编号为 17 的故障事件"),
            (404, all, "its own words"),
            (503, all, "暂时无法应答"),
        ] {
            assert!(said(status, path, Lang::Zh).contains(expect), "{}", said(status, path, Lang::Zh));
            assert_eq!(said(status, path, Lang::En), "its own words");
        }
    }

    #[test]
    fn matchers_are_read_as_prometheus_writes_them() {
        let read = |text: &str| matcher(text).map(|v| v.to_string());
        let json = |value: &str, regex: bool, equal: bool| {
            Ok(json!({"name": "a", "value": value, "isRegex": regex, "isEqual": equal}).to_string())
        };
        assert_eq!(read("a=b"), json("b", false, true));
        assert_eq!(read("a!=b"), json("b", false, false));
        assert_eq!(read("a=~b=c"), json("b=c", true, true));
        assert_eq!(read("a!~b"), json("b", true, false));
        assert!(read("ab").is_err());
    }
}
