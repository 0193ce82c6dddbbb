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
        let args = ["run", "--no-cluster", "--listen", "127.0.0.1:0", "--data", "data"];
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
