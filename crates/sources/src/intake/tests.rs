//! Lines as agents ship them, and the records they become.

use rootline_model::{LogLevel, LogRecord};

use super::*;

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().expect("a time")
}

/// Records of lines of one stream.
fn records(lines: &[&str]) -> Vec<LogRecord> {
    let mut intake = Intake::default();
    let mut out = Vec::new();
    let of = StreamLabels::of([("namespace", "shop"), ("pod", "cart-1")]);
    for text in lines {
        intake.take(Line { of: of.clone(), at: None, text: (*text).to_owned() }, now(), &mut out);
    }
    intake.finish(&mut out);
    out
}

fn only(line: &str) -> LogRecord {
    let mut all = records(&[line]);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

#[test]
fn each_format_gives_level_time_and_message() {
    let t = "2026-01-02T03:04:05.678Z";
    for (line, level, at, text) in [
        ("2026-01-02T03:04:05.678Z stderr F ERROR no", LogLevel::Error, t, "ERROR no"),
        (
            r#"{"log":"WARN slow\n","stream":"stdout","time":"2026-01-02T03:04:05.678Z"}"#,
            LogLevel::Warn,
            t,
            "WARN slow",
        ),
        (
            r#"{"MESSAGE":"Out of memory: Killed process 7","PRIORITY":"3","_TRANSPORT":"kernel","__REALTIME_TIMESTAMP":"1767323045678000"}"#,
            LogLevel::Error,
            t,
            "Out of memory: Killed process 7",
        ),
        (
            r#"{"MESSAGE":[104,105,255],"PRIORITY":"6","__REALTIME_TIMESTAMP":"1767323045678000"}"#,
            LogLevel::Info,
            t,
            "hi\u{fffd}",
        ),
        (
            "E0102 03:04:05.678901    1234 pod.go:56] \"Error syncing pod\" err=\"x\"",
            LogLevel::Error,
            "",
            "\"Error syncing pod\" err=\"x\"",
        ),
        (
            r#"ts=2026-01-02T03:04:05.678Z caller=x.go:1 level=warn msg="a \"b\"" err=gone"#,
            LogLevel::Warn,
            t,
            "a \"b\": gone",
        ),
        (r#"{"level":"error","ts":1767323045.678,"msg":"failed","error":"eof"}"#, LogLevel::Error, t, "failed: eof"),
        (
            r#"{"level":50,"time":1767323045678,"msg":"no","err":{"message":"m","stack":"Error: m\n at x"}}"#,
            LogLevel::Error,
            t,
            "no: Error: m\n at x",
        ),
        (r#"{"@timestamp":"2026-01-02T03:04:05.678Z","log":{"level":"info"},"message":"hi"}"#, LogLevel::Info, t, "hi"),
        (r#"{"severity":"CRITICAL","timestamp":"2026-01-02 03:04:05,678","message":"hi"}"#, LogLevel::Fatal, t, "hi"),
        (r#"{"a":1}"#, LogLevel::Unknown, "", r#"{"a":1}"#),
        ("<11>1 2026-01-02T03:04:05.678Z h app - - [x a=\"1\"] it failed", LogLevel::Error, t, "it failed"),
        ("<4>Jan  2 03:04:05 host kernel: slow", LogLevel::Warn, "", "kernel: slow"),
        (
            "2026-01-02 03:04:05,678 ERROR c.e.Cart - no",
            LogLevel::Error,
            t,
            "2026-01-02 03:04:05,678 ERROR c.e.Cart - no",
        ),
        ("[2026-01-02T03:04:05.678Z] hi", LogLevel::Unknown, t, "[2026-01-02T03:04:05.678Z] hi"),
        ("<11>", LogLevel::Error, "", "<11>"),
        ("hello", LogLevel::Unknown, "", "hello"),
    ] {
        let record = only(line);
        let want = if at.is_empty() { now() } else { at.parse().expect("a time") };
        assert_eq!((record.level, record.at, record.text.as_str()), (level, want, text), "{line}");
        assert_eq!(record.labels.value("pod"), "cart-1");
    }
}

#[test]
fn the_journal_tells_node_and_component() {
    let record = only(r#"{"MESSAGE":"x","_SYSTEMD_UNIT":"kubelet.service","_HOSTNAME":"n1","PRIORITY":"6"}"#);
    assert_eq!((record.labels.value("node"), record.labels.value("component")), ("n1", "kubelet"));
}

#[test]
fn pieces_of_a_long_line_are_one_line() {
    let all = records(&[
        "2026-01-02T03:04:05Z stdout P one ",
        "2026-01-02T03:04:05Z stderr F other stream",
        "2026-01-02T03:04:05Z stdout P two ",
        "2026-01-02T03:04:05Z stdout F three",
        r#"{"log":"a","stream":"stdout","time":"2026-01-02T03:04:06Z"}"#,
        r#"{"log":"b\n","stream":"stdout","time":"2026-01-02T03:04:06Z"}"#,
    ]);
    let mut texts: Vec<&str> = all.iter().map(|r| r.text.as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["ab", "one two three", "other stream"]);
}

#[test]
fn stack_traces_are_one_record() {
    let java = [
        "2026-01-02 03:04:05,678 ERROR Cart - no",
        "java.lang.IllegalStateException: no",
        "\tat a.B.c(B.java:7)",
        "Caused by: java.io.IOException: x",
        "\t... 12 more",
    ];
    let python = [
        "Traceback (most recent call last):",
        "  File \"a.py\", line 1, in f",
        "    g()",
        "KeyError: 'a'",
        "",
        "During handling of the above exception, another exception occurred:",
        "",
        "Traceback (most recent call last):",
        "  File \"a.py\", line 2",
        "shop.CartError: full",
    ];
    let go = [
        "panic: runtime error: index out of range [1]",
        "[signal SIGSEGV: segmentation violation]",
        "",
        "goroutine 1 [running]:",
        "main.main()",
        "\t/app/main.go:10 +0x1d",
        "created by main.start in goroutine 1",
        "exit status 2",
    ];
    let node = ["TypeError: x is not a function", "    at f (/app/a.js:1:2)", "    at node:internal/main:1:2"];
    let dotnet = [
        "Unhandled exception. System.InvalidOperationException: no",
        " ---> System.IO.IOException: x",
        "   at A.B() in /src/A.cs:line 7",
        "   --- End of inner exception stack trace ---",
        "   at A.Main()",
    ];
    let ruby = ["cart.rb:3:in `add': full (RuntimeError)", "\tfrom cart.rb:7:in `<main>'"];
    let rust = [
        "thread 'main' panicked at src/main.rs:2:5:",
        "boom",
        "note: run with `RUST_BACKTRACE=1` environment variable",
    ];
    for trace in [&java[..], &python, &go, &node, &dotnet, &ruby, &rust] {
        let mut lines = vec!["INFO starting"];
        lines.extend(trace);
        lines.push("INFO going on");
        let all = records(&lines);
        let joined = trace.iter().filter(|l| !l.is_empty()).copied().collect::<Vec<_>>().join("\n");
        assert_eq!(
            all.iter().map(|r| r.text.as_str()).collect::<Vec<_>>(),
            ["INFO starting", &joined, "INFO going on"]
        );
        if trace != rust && trace != ruby {
            assert!(all[1].level >= LogLevel::Error, "{:?}", all[1]);
        }
    }
}

#[test]
fn separate_lines_stay_separate() {
    let lines = [
        "ERROR one",
        "two",
        r#"{"msg":"three"}"#,
        "  indented after JSON",
        "INFO java.lang.Error: not a trace",
        "KeyError: 1",
    ];
    assert_eq!(records(&lines).len(), lines.len());
}

#[test]
fn what_is_held_back_is_bounded_in_lines_bytes_age_and_streams() {
    let mut intake = Intake::new(Options { lines: 3, bytes: 40, age_ms: 1_000, streams: 2 });
    let mut out = Vec::new();
    let line = |pod: &str, text: &str, ms: i64| Line {
        of: StreamLabels::of([("pod", pod)]),
        at: Some(Timestamp::from_millisecond(ms).expect("a time")),
        text: text.to_owned(),
    };
    for _ in 0..10 {
        intake.take(line("a", "  at x", 0), now(), &mut out);
    }
    assert_eq!((out.len(), intake.cut_lines()), (0, 7));
    intake.take(line("a", "  at y", 1_500), now(), &mut out);
    assert_eq!(out.len(), 1, "too late to belong to it");
    intake.take(line("b", "b", 2_000), now(), &mut out);
    intake.take(line("c", "c", 2_000), now(), &mut out);
    assert_eq!(out.len(), 3, "one stream too many");
    intake.flush(Timestamp::from_millisecond(2_999).expect("a time"), &mut out);
    assert_eq!(out.len(), 3);
    intake.flush(Timestamp::from_millisecond(3_000).expect("a time"), &mut out);
    assert_eq!(out.len(), 4);
    for _ in 0..100 {
        intake.take(line("a", "1970-01-01T00:00:00Z stdout P 0123456789", 0), now(), &mut out);
    }
    intake.take(line("a", "1970-01-01T00:00:00Z stdout F !", 0), now(), &mut out);
    intake.finish(&mut out);
    assert_eq!(out.last().map(|r| r.text.len()), Some(40));
}

proptest::proptest! {
    #[test]
    fn no_line_panics_and_none_is_lost(lines in proptest::collection::vec("[ -~\t{}\"\\[<>éß内]{0,60}", 0..20)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let all = records(&lines);
        let solid = lines.iter().any(|l| !l.trim().is_empty());
        proptest::prop_assert!(solid || all.is_empty());
    }
}
