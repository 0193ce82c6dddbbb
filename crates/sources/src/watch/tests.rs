//! Servers that behave badly, played line by line; real ones are asked in `testbed/watch.sh`.

use std::sync::Mutex;
use std::time::Duration;

use rootline_model::{Kind, Lang, Timestamp};
use rootline_objects::{Object, Signal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::gap_text;
use crate::live::LiveOptions;

/// What the server does with one request for pods.
#[derive(Clone)]
struct Reply {
    status: u16,
    headers: &'static str,
    body: String,
    /// Stays open and silent after the body.
    hangs: bool,
}

impl Reply {
    fn hangs(self) -> Reply {
        Reply { hangs: true, ..self }
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, headers: "", body: body.to_owned(), hangs: false }
}

fn lines(lines: &[String]) -> Reply {
    reply(200, &lines.iter().map(|l| format!("{l}\n")).collect::<String>())
}

fn refused(code: u16, message: &str) -> Reply {
    reply(code, &format!(r#"{{"kind":"Status","message":"{message}","code":{code}}}"#))
}

fn pod(name: &str, version: u32) -> String {
    format!(r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"{name}","resourceVersion":"{version}"}}}}"#)
}

fn line(kind: &str, name: &str, version: u32) -> String {
    format!(r#"{{"type":"{kind}","object":{}}}"#, pod(name, version))
}

fn added(name: &str, version: u32) -> String {
    line("ADDED", name, version)
}

fn bookmark(version: u32) -> String {
    format!(r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}"}}}}}}"#)
}

/// The end of the initial events.
fn end(version: u32) -> String {
    format!(
        r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}}"#
    )
}

fn error(code: u16, message: &str) -> String {
    format!(r#"{{"type":"ERROR","object":{{"kind":"Status","code":{code},"message":"{message}"}}}}"#)
}

fn page(pods: &[(&str, u32)], version: u32, next: &str) -> Reply {
    let items: Vec<String> = pods.iter().map(|(n, v)| pod(n, *v)).collect();
    let items = items.join(",");
    reply(200, &format!(r#"{{"metadata":{{"resourceVersion":"{version}","continue":"{next}"}},"items":[{items}]}}"#))
}

/// Serves pods by a script and knows nothing else; when the script is over it answers nothing more.
struct Server {
    script: Mutex<std::collections::VecDeque<Reply>>,
    asked: Mutex<Vec<String>>,
}

impl Server {
    async fn start(script: Vec<Reply>) -> (Arc<Server>, kube::Config) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = Arc::new(Server { script: Mutex::new(script.into()), asked: Mutex::default() });
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move { own.serve(stream).await });
            }
        });
        let mut config = kube::Config::new(format!("http://{address}").parse().expect("an address"));
        config.default_namespace = "shop".into();
        (server, config)
    }

    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut buffer = Vec::new();
        stream.set_nodelay(true)?;
        loop {
            while !buffer.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
            }
            let request = String::from_utf8_lossy(&buffer).into_owned();
            buffer.clear();
            let target = request.split(' ').nth(1).unwrap_or_default();
            let reply = if target.split('?').next().is_some_and(|p| p.ends_with("/pods")) {
                self.asked.lock().expect("no panic inside").push(target.to_owned());
                self.script.lock().expect("no panic inside").pop_front()
            } else {
                Some(refused(404, "no such thing"))
            };
            let Some(reply) = reply else { return std::future::pending().await };
            let head = format!(
                "HTTP/1.1 {} X\r\nContent-Type: application/json\r\n{}Transfer-Encoding: chunked\r\n\r\n",
                reply.status, reply.headers
            );
            stream.write_all(head.as_bytes()).await?;
            // in small pieces, as a network gives them
            for piece in reply.body.as_bytes().chunks((reply.body.len() / 200).max(37)) {
                let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
                stream.write_all(&framed).await?;
            }
            if reply.hangs {
                return std::future::pending().await;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic inside").clone()
    }
}

fn options() -> WatchOptions {
    let ms = Duration::from_millis;
    WatchOptions {
        live: LiveOptions { request_timeout: ms(400), ..LiveOptions::default() },
        silence: ms(200),
        pause: ms(2),
        pause_max: ms(20),
        refused_pause: ms(30),
        poll: ms(20),
        ..WatchOptions::default()
    }
}

/// What came of a script.
struct Followed {
    store: ObjectStore,
    changes: Vec<String>,
    asked: Vec<String>,
}

impl Followed {
    fn pods(&self) -> Vec<String> {
        pods(&self.store)
    }

    /// Gaps of pods and whether all pods are known to be listed.
    fn said(&self, now: Timestamp) -> Vec<String> {
        said(&self.store, now)
    }
}

fn pods(store: &ObjectStore) -> Vec<String> {
    store.objects().map(|o| o.metadata().name.clone()).collect()
}

fn said(store: &ObjectStore, now: Timestamp) -> Vec<String> {
    let of = |signal: &Signal| match signal {
        Signal::Listed { kind: Kind::Pod, namespace } => {
            Some(format!("listed {}", namespace.as_deref().unwrap_or("*")))
        }
        Signal::Gap(gap) if gap.subject.starts_with("pods") => Some(gap_text(gap, Lang::En)),
        _ => None,
    };
    store.signals(now).iter().filter_map(of).collect()
}

/// Follows a script until the state is as wanted.
async fn follow(script: Vec<Reply>, until: impl Fn(&Followed) -> bool) -> Followed {
    follow_with(options(), script, until).await
}

async fn follow_with(options: WatchOptions, script: Vec<Reply>, until: impl Fn(&Followed) -> bool) -> Followed {
    let (server, config) = Server::start(script).await;
    let session = || Session::stay_at(config.clone(), &options.live).expect("plain HTTP");
    let (_watch, mut deltas) = Watch::with_sessions((session(), session()), &options);
    let mut followed = Followed { store: ObjectStore::default(), changes: Vec::new(), asked: Vec::new() };
    let bound = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        followed.asked = server.asked();
        if until(&followed) {
            return followed;
        }
        assert!(tokio::time::Instant::now() < bound, "{:?} after {:?}", followed.pods(), followed.asked);
        // some ends show only in what is asked
        if let Ok(delta) = tokio::time::timeout(Duration::from_millis(20), deltas.recv()).await {
            let applied = followed.store.apply(delta.expect("it runs"), Timestamp::UNIX_EPOCH);
            followed.changes.extend(applied.changes.iter().map(|c| c.words().en));
        }
    }
}

/// Follows a script that must end with these pods, all listed.
async fn check(script: Vec<Reply>, expect: &[&str]) -> Followed {
    let last = script.len();
    let done = |f: &Followed| {
        f.asked.len() >= last && f.pods() == expect && f.said(Timestamp::UNIX_EPOCH).iter().any(|s| s == "listed *")
    };
    follow(script, done).await
}

fn has(asked: &[String], at: usize, words: &str) {
    assert!(asked.get(at).is_some_and(|a| a.contains(words)), "{words} in request {at} of {asked:#?}");
}

#[tokio::test]
async fn a_stream_brings_everything_and_goes_on() {
    let all = [added("a", 1), added("b", 2), end(5), added("c", 6), line("DELETED", "a", 7), line("MODIFIED", "b", 8)];
    let followed = check(vec![lines(&all).hangs()], &["b", "c"]).await;
    has(&followed.asked, 0, "sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
    assert_eq!(followed.asked.len(), 1);
}

#[tokio::test]
async fn a_server_without_streaming_lists_is_read_page_by_page() {
    let no = || refused(422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
    let script = vec![no(), page(&[("a", 1)], 9, "t=1"), page(&[("b", 2)], 9, ""), lines(&[added("c", 10)]).hangs()];
    let followed = check(script, &["a", "b", "c"]).await;
    has(&followed.asked, 1, "limit=500");
    has(&followed.asked, 2, "continue=t%3D1");
    has(&followed.asked, 3, "resourceVersion=9");
    // one that takes the question for a plain watch never marks the end
    check(vec![lines(&[added("a", 1)]).hangs(), page(&[("a", 1)], 9, ""), lines(&[]).hangs()], &["a"]).await;
    // pages that expire are read from the start again, and nothing comes twice
    let script = vec![
        no(),
        page(&[("a", 1)], 9, "t"),
        refused(410, "the provided continue parameter is too old"),
        page(&[("b", 2)], 20, ""),
        lines(&[]).hangs(),
    ];
    check(script, &["b"]).await;
}

#[tokio::test]
async fn a_broken_stream_is_resumed_where_it_was() {
    let start = || lines(&[added("a", 1), end(5), added("b", 6)]);
    let then = || lines(&[added("c", 7)]).hangs();
    for broken in [
        lines(&["{not json".into()]),
        lines(&["null".into()]),
        // cut in the middle of a line
        reply(200, r#"{"type":"ADDED","object":{"metadata":{"na"#),
        refused(500, "etcd"),
        refused(503, "shutting down"),
        Reply { headers: "Retry-After: 0\r\n", ..refused(429, "slow down") },
        reply(502, "<html>bad gateway</html>"),
        lines(&[error(500, "internal")]),
    ] {
        let followed = check(vec![start(), broken.clone(), broken, then()], &["a", "b", "c"]).await;
        for at in 1..4 {
            has(&followed.asked, at, "resourceVersion=6");
        }
        assert!(followed.changes.is_empty(), "{:?}", followed.changes);
    }
}

#[tokio::test]
async fn a_version_that_is_gone_is_read_anew_and_what_went_meanwhile_is_gone() {
    for gone in [lines(&[error(410, "too old resource version: 5 (9)")]), refused(410, "Expired")] {
        let start = lines(&[added("a", 1), added("b", 2), added("c", 3), end(5)]);
        let again = lines(&[added("b", 2), added("d", 8), end(9)]).hangs();
        let followed = check(vec![start, gone, again], &["b", "d"]).await;
        has(&followed.asked, 2, "sendInitialEvents=true");
    }
}

#[tokio::test]
async fn bookmarks_alone_move_the_watch_on() {
    let script = vec![lines(&[end(5), bookmark(6), bookmark(90)]), lines(&[added("a", 91)]).hangs()];
    let followed = check(script, &["a"]).await;
    has(&followed.asked, 1, "resourceVersion=90");
}

#[tokio::test]
async fn what_comes_late_or_twice_takes_nothing_back() {
    let ready = |version: u32| {
        format!(
            r#"{{"type":"MODIFIED","object":{{"metadata":{{"name":"a","namespace":"shop","uid":"a","resourceVersion":"{version}"}},"status":{{"phase":"at {version}"}}}}}}"#
        )
    };
    let script = vec![
        lines(&[end(5), ready(8), ready(7), line("DELETED", "never-seen", 6), ready(8), bookmark(3)]),
        lines(&[added("z", 9)]).hangs(),
    ];
    let followed = check(script, &["a", "z"]).await;
    has(&followed.asked, 1, "resourceVersion=8");
    let phase = followed.store.objects().find_map(|o| match o {
        Object::Pod(p) if p.name() == "a" => Some(p.status.phase.clone()),
        _ => None,
    });
    assert_eq!(phase.as_deref(), Some("at 8"));
}

#[tokio::test]
async fn a_silent_connection_is_left_for_another() {
    let script = vec![lines(&[end(5), bookmark(6)]).hangs(), lines(&[added("a", 7)]).hangs()];
    let followed = check(script, &["a"]).await;
    has(&followed.asked, 1, "resourceVersion=6");
}

#[tokio::test]
async fn what_may_not_be_read_everywhere_is_read_in_the_own_namespace() {
    let no = || refused(403, "pods is forbidden");
    // wide: stream, list; then the same in the namespace
    let script = vec![no(), no(), lines(&[added("a", 1), end(5)]).hangs()];
    let followed = follow(script, |f| f.said(Timestamp::UNIX_EPOCH).iter().any(|s| s == "listed shop")).await;
    has(&followed.asked, 2, "/api/v1/namespaces/shop/pods?");
    // nowhere: named, asked again after a while, and seen once it is allowed
    let script = vec![no(), no(), no(), no(), lines(&[added("a", 1), end(5)]).hangs()];
    let denied = std::cell::Cell::new(false);
    follow(script, |f| {
        let said = f.said(Timestamp::UNIX_EPOCH);
        denied.set(denied.get() || said.iter().any(|s| s.contains("may not list it: pods is forbidden")));
        said == ["listed *"] && denied.get()
    })
    .await;
}

#[tokio::test]
async fn an_account_that_may_list_and_not_watch_is_served_by_lists() {
    let no = || refused(403, "cannot watch");
    let script = vec![no(), page(&[("a", 1)], 5, ""), no(), page(&[("b", 2)], 6, ""), page(&[("c", 3)], 7, "")];
    let followed = check(script, &["c"]).await;
    has(&followed.asked, 2, "watch=1");
    has(&followed.asked, 4, "limit=500");
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_named_until_it_can() {
    let broken = r#"{"type":"ADDED","object":{"metadata":{"name":"x","namespace":"shop","resourceVersion":"6"},"spec":{"containers":"none"}}}"#;
    let script =
        |more: Vec<String>| vec![lines(&[vec![end(5), broken.to_owned(), added("y", 7)], more].concat()).hangs()];
    let followed = check(script(vec![]), &["y"]).await;
    let said = followed.said(Timestamp::UNIX_EPOCH);
    assert!(said.iter().any(|s| s.starts_with("this object could not be read")), "{said:?}");
    let followed = check(script(vec![line("MODIFIED", "x", 8)]), &["x", "y"]).await;
    assert_eq!(followed.said(Timestamp::UNIX_EPOCH), ["listed *"]);
}

#[tokio::test]
async fn a_full_queue_makes_the_server_wait_and_loses_nothing() {
    let all: Vec<String> = (1..=3000).map(|n| added(&format!("pod-{n:04}"), n)).chain([end(3000)]).collect();
    let options = WatchOptions { queue: 1, ..options() };
    let (server, config) = Server::start(vec![lines(&all).hangs()]).await;
    let session = || Session::stay_at(config.clone(), &options.live).expect("plain HTTP");
    let (watch, mut deltas) = Watch::with_sessions((session(), session()), &options);
    // nobody takes anything for longer than a silent connection would be left alone
    tokio::time::sleep(options.silence * 3).await;
    let read = watch.counters().next().map(|(_, c)| c.lines.load(Ordering::Relaxed));
    assert!(read.is_some_and(|n| n < 10), "{read:?} lines read and not taken");
    let mut store = ObjectStore::default();
    let pods = ResourceId::of("pods").expect("listed");
    loop {
        let delta = tokio::time::timeout(Duration::from_secs(20), deltas.recv()).await;
        let delta = delta.expect("more comes").expect("it runs");
        let last = delta == Delta::Listed { resource: pods };
        store.apply(delta, Timestamp::UNIX_EPOCH);
        if last {
            break;
        }
    }
    assert_eq!((store.len(), server.asked().len()), (3000, 1));
}
