//! The daemon as a user meets it: started, fed, asked, killed, started again.
#![allow(clippy::disallowed_methods, reason = "a test writes its own files")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A folder of one test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the target folder is writable");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootline"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).env("LANG", "en_US.UTF-8");
    command
}

/// A running daemon without a cluster; killed when it goes.
struct Daemon {
    child: Child,
    address: String,
}

impl Daemon {
    fn start(folder: &Folder) -> Daemon {
        Daemon::start_with(folder, &[])
    }

    fn start_with(folder: &Folder, more: &[&str]) -> Daemon {
        let mut args = vec!["run", "--no-cluster", "--listen", "127.0.0.1:0", "--data", "data"];
        args.extend(more);
        let mut child =
            program(&folder.0, &args).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let line = lines.next().expect("it says where it is").expect("text");
        let address = line.rsplit("http://").next().expect("an address").to_owned();
        // whatever it says later must not block it
        std::thread::spawn(move || lines.for_each(drop));
        Daemon { child, address }
    }

    /// Status line and body.
    fn http(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}",
            self.address
        )
        .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
    }

    /// Value of a metric without labels.
    fn metric(&self, name: &str) -> f64 {
        let text = self.http("GET", "/metrics", "").1;
        let line = text.lines().find(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
        let value = line.and_then(|l| l.rsplit(' ').next()).and_then(|v| v.parse().ok());
        value.unwrap_or_else(|| panic!("no {name}: {text}"))
    }

    fn ask(&self, folder: &Folder, args: &[&str]) -> String {
        let url = format!("http://{}", self.address);
        let output = program(&folder.0, args).env("ROOTLINE_URL", url).output().expect("the program starts");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Asks until the answer holds, a minute at most.
    fn until(&self, folder: &Folder, args: &[&str], holds: impl Fn(&str) -> bool) -> String {
        let start = std::time::Instant::now();
        loop {
            let answer = self.ask(folder, args);
            if holds(&answer) {
                return answer;
            }
            assert!(start.elapsed().as_secs() < 60, "{args:?}: {answer}");
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ALERT: &str = r#"[{"labels":{"alertname":"HTTPErrorRateHigh","severity":"critical","namespace":"shop","service":"cart"},
  "annotations":{"summary":"cart answers 5xx"},"generatorURL":"http://p/g"}]"#;

#[test]
fn alerts_become_an_incident_that_outlives_a_kill_with_its_number_and_who_took_it() {
    let folder = Folder::new("kill");
    let daemon = Daemon::start(&folder);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    let listed = daemon.until(&folder, &["incidents"], |text| text.contains("#1"));
    assert!(listed.contains("critical") && listed.contains("cart answers 5xx"), "{listed}");
    assert!(daemon.ask(&folder, &["ack", "1"]).contains("#1: yours"));
    // `Child::kill` is SIGKILL: nothing is told, nothing can be tidied up
    drop(daemon);

    let daemon = Daemon::start(&folder);
    let listed = daemon.until(&folder, &["incidents"], |text| text.contains("#1"));
    assert!(listed.contains("acked"), "{listed}");
    let shown = daemon.ask(&folder, &["show", "1"]);
    assert!(shown.contains("acknowledged by") && shown.contains("HTTPErrorRateHigh service/shop/cart"), "{shown}");
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    let again = daemon.ask(&folder, &["incidents", "--all"]);
    assert_eq!(again.lines().count(), 1, "{again}");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill_in_the_same_moment() {
    let folder = Folder::new("durable");
    for round in 0..5 {
        let daemon = Daemon::start(&folder);
        let alert = ALERT.replace("cart", &format!("cart-{round}"));
        assert!(daemon.http("POST", "/api/v2/alerts", &alert).0.contains("200"));
    }
    let daemon = Daemon::start(&folder);
    for round in 0..5 {
        let (_, alerts) = daemon.http("GET", "/api/v2/alerts", "");
        assert!(alerts.contains(&format!("cart-{round}")), "{alerts}");
    }
    // and each of them is in an incident by and by
    let in_incidents = |_: &str| {
        let shown: String = (1..=5).map(|id| daemon.ask(&folder, &["show", &id.to_string()])).collect();
        (0..5).all(|round| shown.contains(&format!("service/shop/cart-{round}")))
    };
    daemon.until(&folder, &["incidents"], in_incidents);
}

#[test]
fn a_second_daemon_on_the_same_store_is_told_so() {
    let folder = Folder::new("second");
    let _first = Daemon::start(&folder);
    let args = ["run", "--no-cluster", "--listen", "127.0.0.1:0", "--data", "data"];
    let output = program(&folder.0, &args).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("the store in data"), "{text}");
}

#[test]
fn garbage_is_refused_with_its_reason_and_hurts_nobody() {
    let folder = Folder::new("garbage");
    let daemon = Daemon::start(&folder);
    for body in ["", "{", "null", "[{}]", r#"[{"labels":{"":""}}]"#, r#"[{"labels":5}]"#] {
        let (status, answer) = daemon.http("POST", "/api/v2/alerts", body);
        assert!(status.contains("400"), "{body}: {status} {answer}");
    }
    assert!(daemon.ask(&folder, &["show", "7"]).contains("there is no incident 7"));
    assert!(daemon.ask(&folder, &["incidents"]).contains("no open incidents"));
}

/// A receiver of webhooks: bodies as they come.
fn receiver() -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
    let (sender, bodies) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 0) && !line.trim().is_empty() {
                if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = n.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_ok() {
                let _ = sender.send(String::from_utf8_lossy(&body).into_owned());
            }
            let _ = reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, bodies)
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

fn config(folder: &Folder, text: &str) {
    let common = "daemon: {tick_s: 1}\nmessages: {first_after_s: 0}\n";
    std::fs::write(folder.0.join("rootline.yaml"), format!("{common}{text}")).expect("written");
}

fn hook(name: &str, url: &str) -> String {
    format!("notify: [{{name: {name}, kind: webhook, url: '{url}'}}]\n")
}

#[test]
fn a_new_channel_counts_after_a_reload_and_a_wrong_file_changes_nothing() {
    let folder = Folder::new("reload");
    let ((one, first), (two, second)) = (receiver(), receiver());
    config(&folder, &hook("one", &one));
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    assert!(first.recv_timeout(PATIENCE).expect("a message").contains("cart answers 5xx"));

    config(&folder, "notify: [{name: one, kind: webhok, url: 'http://x'}]\n");
    let (status, answer) = daemon.http("POST", "/-/reload", "");
    assert!(status.contains("409") && answer.contains("rootline.yaml:3:") && answer.contains("webhok"), "{answer}");
    assert_eq!(daemon.metric("rootline_config_last_reload_successful"), 0.0);
    assert!(daemon.http("GET", "/api/v1/status", "").1.contains("webhok"));
    assert!(daemon.http("POST", "/api/v2/alerts", &ALERT.replace("cart", "pay")).0.contains("200"));
    assert!(first.recv_timeout(PATIENCE).expect("the old channel works on").contains("pay answers 5xx"));

    config(&folder, &format!("{}correlation: {{mode: text}}\n", hook("two", &two)));
    let (status, answer) = daemon.http("POST", "/api/v1/-/reload", "");
    assert!(status.contains("200"), "{answer}");
    assert_eq!(answer, r#"{"changed":["notify"],"needs_restart":["correlation.mode"]}"#);
    assert_eq!(daemon.metric("rootline_config_last_reload_successful"), 1.0);
    assert!(daemon.http("POST", "/api/v2/alerts", &ALERT.replace("cart", "user")).0.contains("200"));
    assert!(second.recv_timeout(PATIENCE).expect("a message").contains("user answers 5xx"));
    assert!(first.try_recv().is_err(), "the old channel is told nothing more");
}

#[test]
fn what_waits_for_a_removed_channel_is_a_dead_letter_that_says_so() {
    let folder = Folder::new("removed");
    // nobody listens there
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("bound"));
    drop(silent);
    config(&folder, &hook("gone", &url));
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    let waits = |text: &str| text.contains(r#"rootline_outbox_waiting_messages{channel="gone"} 1"#);
    let begun = std::time::Instant::now();
    while !waits(&daemon.http("GET", "/metrics", "").1) {
        assert!(begun.elapsed() < PATIENCE, "the message is queued");
    }
    config(&folder, "");
    assert!(daemon.http("POST", "/-/reload", "").0.contains("200"));
    let letters = daemon.http("GET", "/api/v1/dead-letters", "").1;
    assert!(letters.contains("channel `gone` is not in the configuration any more"), "{letters}");
    let id: String =
        letters.split(r#""id":"#).nth(1).expect("an id").chars().take_while(char::is_ascii_digit).collect();
    let (status, answer) = daemon.http("POST", &format!("/api/v1/dead-letters/{id}/retry"), "");
    assert!(status.contains("409") && answer.contains("no channel `gone`"), "{answer}");
}

#[test]
fn maintenance_keeps_incidents_quiet_and_what_still_stands_at_its_end_is_told() {
    let folder = Folder::new("maintenance");
    let (url, bodies) = receiver();
    let window = "maintenance: [{name: move, from: '2020-01-01T00:00:00Z', to: '2099-01-01T00:00:00Z', \
                  matchers: ['namespace=\"shop\"']}]\n";
    config(&folder, &format!("{}{window}", hook("one", &url)));
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    let listed = daemon.until(&folder, &["incidents"], |text| text.contains("#1"));
    assert!(listed.contains("in maintenance: move"), "{listed}");
    let other = ALERT.replace("shop", "bank").replace("cart", "ledger");
    assert!(daemon.http("POST", "/api/v2/alerts", &other).0.contains("200"));
    let told = bodies.recv_timeout(PATIENCE).expect("what is not in maintenance is told");
    assert!(told.contains("ledger answers 5xx") && !told.contains("cart"), "{told}");
    assert!(daemon.http("GET", "/api/v1/status", "").1.contains(r#""maintenance":[{"name":"move""#));

    config(&folder, &hook("one", &url));
    assert!(daemon.http("POST", "/-/reload", "").0.contains("200"));
    assert!(bodies.recv_timeout(PATIENCE).expect("it still stands").contains("cart answers 5xx"));
    assert!(!daemon.ask(&folder, &["show", "1"]).contains("maintenance"));
}

#[test]
fn resolved_by_hand_stays_so_over_a_restart_until_something_new_joins() {
    let folder = Folder::new("by-hand");
    let daemon = Daemon::start(&folder);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    daemon.until(&folder, &["incidents"], |text| text.contains("#1"));
    assert!(daemon.ask(&folder, &["ack", "1", "--resolve"]).contains("#1"));
    drop(daemon);

    config(&folder, "");
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    assert!(daemon.http("POST", "/api/v2/alerts", ALERT).0.contains("200"));
    let begun = std::time::Instant::now();
    while daemon.metric("rootline_ticks_total") < 3.0 {
        assert!(begun.elapsed() < PATIENCE, "it looks at everything");
    }
    let listed = daemon.ask(&folder, &["incidents"]);
    assert!(listed.contains("no open incidents"), "{listed}");
    let all = daemon.ask(&folder, &["incidents", "--all"]);
    assert_eq!(all.lines().count(), 1, "no second incident either: {all}");
}

#[test]
fn a_recording_of_an_incident_is_read_and_played_and_holds_no_secret() {
    let folder = Folder::new("recorded");
    config(&folder, "redaction: {patterns: ['card-[0-9]+']}\n");
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    let alert = ALERT.replace("answers 5xx", "answers 5xx for card-4711");
    assert!(daemon.http("POST", "/api/v2/alerts", &alert).0.contains("200"));
    daemon.until(&folder, &["incidents"], |text| text.contains("#1"));
    let said = daemon.ask(&folder, &["record", "1"]);
    assert!(said.contains("incident-1.rootline"), "{said}");
    assert!(daemon.ask(&folder, &["record", "1"]).contains("the file exists"));
    let recording = folder.0.join("incident-1.rootline");
    let member = |name: &str| {
        let found = rootline_archive::member(&recording, name, 1 << 20).expect("a recording");
        String::from_utf8(found.unwrap_or_else(|| panic!("no {name}"))).expect("text")
    };
    assert!(rootline_archive::verify_path(&recording).expect("a recording").is_sound());
    for name in ["daemon/incident.json", "daemon/tape.jsonl", "prometheus/alerts.json"] {
        let text = member(name);
        assert!(text.contains("HTTPErrorRateHigh") && !text.contains("card-4711"), "{name}: {text}");
    }
    for name in ["daemon/events.json", "daemon/changes.json", "daemon/series.json"] {
        assert!(member(name).starts_with('['), "{name}");
    }
    drop(daemon);
    let output = program(&folder.0, &["diagnose", "incident-1.rootline"]).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("from incident-1.rootline"), "{text}");
    let output = program(&folder.0, &["replay", "incident-1.rootline"]).output().expect("the program starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("new · critical · cart answers 5xx") && text.contains("1 incident,"), "{text}");
}

#[test]
fn what_was_lived_with_a_tape_is_played_again() {
    let folder = Folder::new("tape");
    let text = "daemon: {tick_s: 1, tape: {folder: tape, mib: 16}}\nmessages: {first_after_s: 0}\n";
    std::fs::write(folder.0.join("rootline.yaml"), text).expect("written");
    let daemon = Daemon::start_with(&folder, &["--config", "rootline.yaml"]);
    for name in ["cart", "pay", "user"] {
        assert!(daemon.http("POST", "/api/v2/alerts", &ALERT.replace("cart", name)).0.contains("200"));
    }
    let begun = std::time::Instant::now();
    loop {
        let output = program(&folder.0, &["replay", "tape"]).output().expect("the program starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.contains("3 alerts received") {
            assert!(text.contains("new · critical"), "{text}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{text}{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_recorded_storm_is_few_incidents_with_the_cause_first() {
    let folder = Folder::new("storm");
    let storm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/storm");
    let run = || program(&folder.0, &["replay", &storm.display().to_string()]).output().expect("the program starts");
    let text = String::from_utf8_lossy(&run().stdout).into_owned();
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("node worker-1 no longer reports"), "{text}");
    assert!(text.contains("19 alerts received"), "{text}");
    assert!(text.matches(" new · ").count() <= 3, "{text}");
    assert_eq!(text, String::from_utf8_lossy(&run().stdout), "two replays say the same");
}
