//! The program as a user meets it: arguments, files, pipes, exit codes.
#![allow(clippy::disallowed_methods, reason = "a test writes its own files")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A pod whose image does not exist, and its healthy neighbour.
const PODS: &str = r#"{"apiVersion":"v1","kind":"List","items":[
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"cart-1","namespace":"shop","creationTimestamp":"2026-03-04T10:00:00Z"},
  "spec":{"nodeName":"w1","containers":[{"name":"app","image":"registry.example/shop/cart:1.9"}]},
  "status":{"phase":"Pending","startTime":"2026-03-04T10:00:00Z",
   "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","lastTransitionTime":"2026-03-04T10:00:00Z"}],
   "containerStatuses":[{"name":"app","ready":false,"restartCount":0,"image":"registry.example/shop/cart:1.9","imageID":"",
    "state":{"waiting":{"reason":"ImagePullBackOff","message":"Back-off pulling image \"registry.example/shop/cart:1.9\": ErrImagePull: rpc error: code = NotFound desc = failed to pull and unpack image \"registry.example/shop/cart:1.9\": failed to resolve reference \"registry.example/shop/cart:1.9\": registry.example/shop/cart:1.9: not found"}}}]}},
 {"apiVersion":"v1","kind":"Pod","metadata":{"name":"search-1","namespace":"find","creationTimestamp":"2026-03-04T10:00:00Z"},
  "spec":{"nodeName":"w1","containers":[{"name":"app","image":"registry.example/find/search:2"}]},
  "status":{"phase":"Running","startTime":"2026-03-04T10:00:00Z",
   "conditions":[{"type":"Ready","status":"True"}],
   "containerStatuses":[{"name":"app","ready":true,"restartCount":0,"image":"registry.example/find/search:2","imageID":"x",
    "state":{"running":{"startedAt":"2026-03-04T10:00:05Z"}}}]}}]}"#;

/// A folder of one test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the target folder is writable");
        Folder(path)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rootline"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).env("LANG", "en_US.UTF-8");
    command
}

fn run(folder: &Folder, args: &[&str]) -> (Option<i32>, String, String) {
    told(command(&folder.0, args).output().expect("the program starts"))
}

fn told(output: Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn exit_codes_tell_scripts_what_happened() {
    let folder = Folder::new("exit");
    let pods = folder.file("pods.json", PODS);
    for (args, code) in [
        (&["diagnose", &pods][..], 0),
        (&["diagnose", &pods, "--exit-code"], 2),
        (&["diagnose", &pods, "--exit-code", "-n", "find"], 0),
        (&["diagnose", "gone.json", "--exit-code"], 1),
        (&["diagnose", "--no-such-flag"], 1),
        (&["--help"], 0),
        (&["version"], 0),
    ] {
        let (got, out, err) = run(&folder, args);
        assert_eq!(got, Some(code), "{args:?}\n{out}{err}");
    }
}

#[test]
fn the_answer_speaks_the_language_that_is_asked_for() {
    let folder = Folder::new("lang");
    let pods = folder.file("pods.json", PODS);
    let (_, english, _) = run(&folder, &["diagnose", &pods]);
    assert!(english.starts_with("1 incident"), "{english}");
    let (_, chinese, _) = run(&folder, &["diagnose", &pods, "--lang", "zh"]);
    assert!(chinese.starts_with("1 起故障"), "{chinese}");
    let by_locale =
        told(command(&folder.0, &["diagnose", &pods]).env("LC_ALL", "zh_CN.UTF-8").output().expect("starts"));
    assert_eq!(by_locale.1, chinese);
    let config = folder.file("rootline.yaml", "lang: zh\n");
    assert_eq!(run(&folder, &["diagnose", &pods, "--config", &config]).1, chinese);
}

#[test]
fn standard_input_is_a_file_and_the_same_state_is_the_same_answer() {
    let folder = Folder::new("stdin");
    let mut child = command(&folder.0, &["diagnose", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child.stdin.take().expect("piped").write_all(PODS.as_bytes()).expect("the program reads");
    let (code, first, err) = told(child.wait_with_output().expect("the program ends"));
    assert_eq!(code, Some(0), "{err}");
    let json: serde_json::Value = serde_json::from_str(&first).expect("JSON");
    assert_eq!(json["apiVersion"], "rootline.dev/v1");
    assert_eq!(json["summary"]["incidents"], 1);
    assert_eq!(json["source"], "stdin");
    let file = folder.file("stdin", PODS);
    assert_eq!(run(&folder, &["diagnose", "./stdin", "-o", "json"]).1.replace("./stdin", "stdin"), first, "{file}");
}

#[test]
fn a_closed_pipe_is_silent() {
    let folder = Folder::new("pipe");
    let mut child = command(&folder.0, &["completion", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let (code, _, err) = told(child.wait_with_output().expect("the program ends"));
    assert_eq!((code, err.as_str()), (Some(0), ""));
}

#[test]
fn narrowing_to_what_is_not_there_is_no_clean_bill() {
    let folder = Folder::new("narrow");
    let pods = folder.file("pods.json", PODS);
    let (code, out, err) = run(&folder, &["diagnose", &pods, "-n", "find", "pod/serch-1"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(err.contains("could not find pod/find/serch-1") && err.contains("did you mean search-1?"), "{err}");
    let (code, _, err) = run(&folder, &["diagnose", &pods, "-n", "shoppp"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("could not find namespace shoppp"), "{err}");
    let (_, by_kind, _) = run(&folder, &["diagnose", &pods, "ns/shop"]);
    assert!(by_kind.contains("1 incident"), "a namespace means all that is in it:\n{by_kind}");
    let (code, out, _) = run(&folder, &["diagnose", &pods, "-n", "find"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("No problems found") && out.contains("only what touches namespace find"), "{out}");
    assert!(out.contains("1 incident elsewhere"), "a clean corner does not hide the rest:\n{out}");
}

#[test]
fn logs_of_files_are_left_out_on_request() {
    let folder = Folder::new("no-logs");
    let text = "$ kubectl logs cart-1 -n shop\nError: Cannot find module 'express'\n    at node:internal/modules\n";
    let file = folder.file("paste.txt", &format!("$ kubectl get pods -n shop\nNAME READY STATUS RESTARTS AGE\ncart-1 0/1 CrashLoopBackOff 7 (1m ago) 9m\n{text}"));
    let (_, with, _) = run(&folder, &["diagnose", &file]);
    let (_, without, _) = run(&folder, &["diagnose", &file, "--no-logs"]);
    assert!(with.contains("express") && !without.contains("express"), "{with}\n{without}");
    assert!(without.contains("CrashLoopBackOff"), "{without}");
}

#[test]
fn what_is_no_state_of_a_cluster_is_not_called_healthy() {
    let folder = Folder::new("no-state");
    for (name, text) in [("empty.json", r#"{"kind":"List","apiVersion":"v1","items":[]}"#), ("notes.yaml", "a: b\n")] {
        let file = folder.file(name, text);
        let (code, out, err) = run(&folder, &["diagnose", &file]);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.contains("could not find a cluster's state in") || err.contains("holds nothing"), "{err}");
    }
}

#[test]
fn slips_are_answered_with_what_was_meant() {
    let folder = Folder::new("slips");
    folder.file("bad.yaml", "- id: shop.cart_down\n  wen: {}\n");
    let config = folder.file("conf.yaml", "langs: zh\n");
    for (args, expect) in [
        (&["explain", "container.oomkilled"][..], "did you mean container.oom_killed"),
        (&["diagnose", "banana/x"], "`banana` is no kind of object"),
        (&["diagnose", "gone.tar.gz"], "cannot open gone.tar.gz"),
        (&["rules", "test", "bad.yaml"], "bad.yaml:2:3: unknown"),
        (&["rules", "test", "nowhere"], "nowhere: No such file"),
        (&["check-config", &config], "conf.yaml:1:1: unknown key `langs`, expected one of lang"),
        (&["diagnose", "a.json", "--context", "prod"], "name files or a cluster, not both"),
        (&["diagnose", "a.json", "--prometheus", "http://p:9090"], "name files or a cluster, not both"),
        (&["diagnose", "--kubeconfig", "gone"], "cannot use the kubeconfig"),
    ] {
        let (code, out, err) = run(&folder, args);
        assert_eq!(code, Some(1), "{args:?}\n{out}");
        // The message may be wrapped anywhere between its words.
        let flat = err.replace(['│', '╰', '─', '▶'], " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(expect), "{args:?}\n{err}");
    }
}

#[test]
fn files_and_pipes_get_no_colour_unless_asked() {
    let folder = Folder::new("colour");
    let pods = folder.file("pods.json", PODS);
    assert!(!run(&folder, &["diagnose", &pods]).1.contains('\u{1b}'));
    assert!(run(&folder, &["diagnose", &pods, "--color", "always"]).1.contains('\u{1b}'));
}

#[test]
fn own_rules_are_tested_with_their_scenarios() {
    let folder = Folder::new("rules");
    folder.file(
        "silent.yaml",
        "- id: shop.never\n  when: {finding: image.not_found}\n  nats: 0.1\n  title: {en: x, zh: x}\n",
    );
    folder.file("README.md", "no scenario\n");
    folder.file("well.md", "Nothing is wrong.\n\n```yaml world\n```\n\n```yaml expect\ncauses: []\n```\n");
    let (code, out, err) = run(&folder, &["rules", "test", "."]);
    assert!(
        out.contains("✔ ./well.md") && out.contains("1 scenarios played, 1 passed, 0 failed"),
        "{code:?}\n{out}\n{err}"
    );
    folder.file("wrong.md", "Expects what is not there.\n\n```yaml expect\ncauses: [{code: shop.never}]\n```\n");
    let (code, out, _) = run(&folder, &["rules", "test", "."]);
    assert_eq!(code, Some(1));
    assert!(out.contains("✖ ./wrong.md") && out.contains("1 failed"), "{out}");
}

#[test]
fn the_catalogue_is_for_people_and_programs() {
    let folder = Folder::new("catalogue");
    let (_, text, _) = run(&folder, &["catalog", "findings"]);
    assert!(text.starts_with("FINDINGS (") && text.contains("container.oom_killed"), "{text}");
    let (_, json, _) = run(&folder, &["catalog", "-o", "json", "--lang", "zh"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert!(json["findings"].as_array().is_some_and(|f| f.len() > 100));
    assert!(json["checks"].as_array().is_some_and(|c| c.len() > 10));
}

#[test]
fn printed_defaults_are_accepted() {
    let folder = Folder::new("defaults");
    let (_, defaults, _) = run(&folder, &["check-config", "--print-defaults"]);
    let file = folder.file("rootline.yaml", &defaults);
    let (code, out, err) = run(&folder, &["check-config", &file]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("fine"), "{out}");
}

#[test]
fn what_is_done_is_said_in_both_languages() {
    let folder = Folder::new("both");
    let (code, english, _) = run(&folder, &["config", "init", "a.yaml"]);
    assert_eq!((code, english.as_str()), (Some(0), "a.yaml: written; keep only what you change\n"));
    let (code, chinese, _) = run(&folder, &["--lang", "zh", "check-config", "a.yaml"]);
    assert_eq!(code, Some(0));
    assert!(chinese.starts_with("a.yaml：配置无误，"), "{chinese}");
}

#[test]
fn errors_that_people_meet_are_said_in_chinese_where_that_is_spoken() {
    let folder = Folder::new("errors-zh");
    let empty = folder.file("empty.json", "");
    let no_recording = folder.file("x.rootline", "not an archive");
    let config = folder.file("bad.yaml", "lnag: zh\n");
    let kubeconfig = folder.file("kubeconfig", "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n");
    // nobody listens on port 1
    let daemon = ["--url", "http://127.0.0.1:1"];
    let cases: &[(&[&str], &[&str], &[&str])] = &[
        (
            &["diagnose", "./gone.json"],
            &["无法读取集群状态", "文件或目录不存在", "请检查路径和权限"],
            &["cannot open", "No such file"],
        ),
        (&["diagnose", &empty], &["没有可识别的内容"], &["holds nothing"]),
        (&["diagnose", &no_recording], &["无法读取集群状态", "没有可识别的内容"], &["holds nothing"]),
        (
            &["--config", &config, "diagnose", "./gone.json"],
            &["配置无法使用", "没有 `lnag` 这个键"],
            &["unknown key `lnag`"],
        ),
        (
            &["--config", "./gone.yaml", "diagnose"],
            &["配置无法使用", "文件或目录不存在"],
            &["could not use the configuration"],
        ),
        (&["diagnose", "--kubeconfig", &kubeconfig], &["无法读取集群", "kubeconfig"], &["cannot use the kubeconfig"]),
        (
            &["show", "17", daemon[0], daemon[1]],
            &["无法访问守护进程", "连接被拒绝", "ROOTLINE_URL 指定地址"],
            &["Connection refused"],
        ),
        (&["explain", "no.such"], &["无法解释", "没有这个代码"], &["there is no such code"]),
    ];
    for (args, zh, en) in cases {
        let english = run(&folder, args);
        let asked = run(&folder, &[&["--lang", "zh"], *args].concat());
        let by_locale = told(command(&folder.0, args).env("LANG", "zh_CN.UTF-8").output().expect("the program starts"));
        assert_eq!((english.0, asked.0, by_locale.0), (Some(1), Some(1), Some(1)), "{args:?}");
        // the terminal's width breaks lines, between Chinese characters too
        let whole = |text: &str| text.split_whitespace().collect::<String>().replace('│', "");
        for expect in *zh {
            let expect = whole(expect);
            assert!(whole(&asked.2).contains(&expect), "{args:?}: {}", asked.2);
            assert!(whole(&by_locale.2).contains(&expect), "{args:?}: {}", by_locale.2);
        }
        for expect in *en {
            assert!(whole(&english.2).contains(&whole(expect)), "{args:?}: {}", english.2);
        }
    }
}
