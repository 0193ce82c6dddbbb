//! What a user sends, and what is read of it.

use std::io::Write;

use rootline_objects::Signal;

use super::*;
use crate::input::Limits;

const PODS: &str = r#"{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7"},"items":[
    {"metadata":{"name":"cart-1","namespace":"shop","creationTimestamp":"2026-01-02T03:04:05Z"}},
    {"metadata":{"name":"cart-2","namespace":"shop"}}]}"#;

/// Every signal in a short form, in order.
fn lines(input: &Input) -> Vec<String> {
    let line = |signal: &Signal| match signal {
        Signal::Object(o) => format!("{} {}/{}", o.kind(), o.metadata().namespace, o.metadata().name),
        Signal::Listed { kind, namespace } => format!("listed {kind} {}", namespace.as_deref().unwrap_or("*")),
        Signal::Log(l) => {
            let run = if l.previous { " previous" } else { "" };
            format!("log {}/{}/{}{run}: {}", l.namespace, l.pod, l.container, l.lines.join("|"))
        }
        Signal::Gap(g) => format!("gap {:?} {} {}", g.kind, g.subject, g.detail.key),
        Signal::Clock(t) => format!("now {t}"),
        other => format!("{other:?}"),
    };
    input.signals.iter().map(line).collect()
}

fn check_bytes(name: &str, bytes: impl Into<Vec<u8>>, expect: &[&str]) {
    let input = read_bytes(name, bytes.into(), &ReadOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(lines(&input), expect, "{name}");
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        // names that the builder itself refuses are what a hostile archive has
        let name = header.as_mut_bytes().get_mut(..path.len()).expect("short names");
        name.copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, *bytes).expect("in memory");
    }
    builder.into_inner().expect("in memory")
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("in memory")
}

const SHOP: [&str; 4] = ["now 2026-01-02T03:04:05Z", "Pod shop/cart-1", "Pod shop/cart-2", "listed pod shop"];

#[test]
fn a_list_is_read_however_it_is_packed() {
    let utf16: Vec<u8> = [0xFF, 0xFE].into_iter().chain(PODS.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for (name, bytes) in [
        ("-", PODS.as_bytes().to_vec()),
        ("pods.json.gz", gz(PODS.as_bytes())),
        ("pods.json.zst", zst(PODS.as_bytes())),
        ("a.tar", tar(&[("pods.json", PODS.as_bytes())])),
        ("a.tgz", gz(&tar(&[("x/pods.json", PODS.as_bytes())]))),
        ("a.tar.zst", zst(&tar(&[("inner.tar.gz", &gz(&tar(&[("p.json", PODS.as_bytes())])))]))),
        ("from-powershell.json", utf16),
    ] {
        check_bytes(name, bytes, &SHOP);
    }
}

#[test]
fn one_object_is_no_list_and_yaml_is_the_same_as_json() {
    check_bytes("-", r#"{"kind":"Pod","metadata":{"name":"a","namespace":"n"}}"#, &["Pod n/a"]);
    check_bytes("-", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: n\n", &["Pod n/a"]);
    let list = "apiVersion: v1\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata:\n    name: a\n    namespace: n\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: d, namespace: n}\nkind: List\n";
    check_bytes("x.yaml", list, &["Pod n/a", "Deployment n/d", "listed deployment n", "listed pod n"]);
    let broken =
        "kind: Pod\napiVersion: v1\nmetadata: {name: a}\n---\nkind: Pod\napiVersion: v1\nmetadata: {name: [}\n";
    check_bytes("x.yaml", broken, &["Pod /a", "gap Unreadable x.yaml, document at line 5 gap.broken"]);
}

#[test]
fn a_page_of_a_list_is_not_the_list() {
    let page = PODS.replace(r#""resourceVersion":"7""#, r#""resourceVersion":"7","continue":"abc""#);
    check_bytes("-", page, &SHOP[..3]);
}

#[test]
fn the_name_of_a_file_tells_what_an_empty_list_is_of() {
    let empty = br#"{"kind":"List","apiVersion":"v1","items":[]}"#;
    check_bytes(
        "a.tar",
        tar(&[("get-pods.json", PODS.as_bytes()), ("get-secrets.json", empty)]),
        &[SHOP[0], SHOP[1], SHOP[2], "listed secret shop", SHOP[3]],
    );
}

#[test]
fn a_support_bundle_is_read_with_its_logs_and_what_its_collector_could_not_read() {
    let bytes = tar(&[
        ("b/version.yaml", b"apiVersion: troubleshoot.sh/v1beta2\nkind: SupportBundle\n"),
        ("b/cluster-info/cluster_version.json", br#"{"info":{"gitVersion":"v1.30.2"},"string":"v1.30.2"}"#),
        ("b/cluster-resources/pods/shop.json", br#"[{"metadata":{"name":"cart-1","namespace":"shop"}}]"#),
        ("b/cluster-resources/pods/logs/shop/cart-1/app.log", b"up\n"),
        ("b/cluster-resources/pods/logs/shop/cart-1/app-previous.log", b"boom\n"),
        ("b/cluster-resources/pvcs-errors.json", br#"["persistentvolumeclaims is forbidden: User x"]"#),
        ("b/cluster-resources/custom-resources/nodes.example.com.yaml", b"- apiVersion: v1\n  kind: Node\n"),
        ("b/cluster-resources/namespaces.json", br#"{"kind":"NamespaceList","items":[{"metadata":{"name":"shop"}}]}"#),
    ]);
    check_bytes(
        "b.tar",
        bytes,
        &[
            "Version(\"v1.30.2\")",
            "Pod shop/cart-1",
            "log shop/cart-1/app: up",
            "log shop/cart-1/app previous: boom",
            "Namespace /shop",
            "listed pod shop",
            "gap Forbidden pvcs gap.collector",
        ],
    );
}

#[test]
fn a_cluster_info_dump_is_read_as_folders_and_as_one_stream() {
    let log = "==== START logs for container app of pod shop/cart-1 ====\nboom\n==== END logs for container app of pod shop/cart-1 ====\n";
    let nodes = r#"{"kind":"NodeList","metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"w1"}}]}"#;
    let empty = br#"{"kind":"ServiceList","items":[]}"#;
    let bytes = tar(&[
        ("d/nodes.json", nodes.as_bytes()),
        ("d/shop/services.json", empty),
        ("d/shop/replication-controllers.json", br#"{"kind":"ReplicationControllerList","items":[]}"#),
        ("d/shop/pods.json", PODS.as_bytes()),
        ("d/shop/cart-1/logs.txt", log.as_bytes()),
    ]);
    let objects = [SHOP[0], "Node /w1", SHOP[1], SHOP[2], "log shop/cart-1/app: boom", "listed node *"];
    check_bytes("d.tar", bytes, &[&objects[..], &["listed service shop", "listed pod shop"]].concat());
    let stream = format!("{nodes}\n{}\n{PODS}\n{log}", String::from_utf8_lossy(empty));
    check_bytes("-", stream, &[&objects[..], &["listed pod shop"]].concat());
}

#[test]
fn logs_beside_objects_are_known_by_the_name_of_their_pod() {
    let pod =
        br#"{"kind":"Pod","metadata":{"name":"cart-1","namespace":"shop"},"spec":{"containers":[{"name":"app"}]}}"#;
    let bytes = tar(&[
        ("pod.json", pod),
        ("cart-1-app.log", b"up\n"),
        ("text/logs-previous-cart-1.txt", b"boom\n"),
        ("text/logs-cart-2.txt", b"who?\n"),
        ("text/logs-cart-1.txt", b"Error from server (BadRequest): waiting to start\n"),
    ]);
    check_bytes("x.tar", bytes, &["Pod shop/cart-1", "log shop/cart-1/app: up", "log shop/cart-1/ previous: boom"]);
}

#[test]
fn yaml_quoted_in_a_ticket_is_left_to_the_reader_of_texts() {
    let ticket = "it is broken, look:\n\n$ kubectl get pods -n shop\nNAME     READY   STATUS    RESTARTS   AGE\ncart-1   1/1     Running   0          5m\n\n$ kubectl get svc cart -n shop -o yaml\napiVersion: v1\nkind: Service\nmetadata:\n  name: cart\n  namespace: shop\n";
    let input = read_bytes("-", ticket.as_bytes().to_vec(), &ReadOptions::default()).expect("a ticket");
    assert_eq!(input.format, "kubectl-text");
    let lines = lines(&input);
    assert!(
        lines.contains(&"Pod shop/cart-1".to_owned()) && lines.contains(&"Service shop/cart".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn what_is_cut_off_is_read_as_far_as_it_goes_and_does_not_count_as_listed() {
    let cut = &PODS[..PODS.len() - 40];
    check_bytes("pods.json", cut, &[SHOP[0], SHOP[1], "gap Truncated pods.json gap.cut_list"]);
    let whole = tar(&[("a.json", PODS.as_bytes()), ("b.json", PODS.as_bytes())]);
    let input = read_bytes("a.tar", whole[..1024 + 512 + 200].to_vec(), &ReadOptions::default()).expect("partly");
    assert_eq!(lines(&input)[1..4], ["Pod shop/cart-1", "Pod shop/cart-2", "Pod shop/cart-1"]);
    let packed = gz(&[PODS.as_bytes(), &[b' '; 5000]].concat());
    let input = read_bytes("p.json.gz", packed[..packed.len() - 9].to_vec(), &ReadOptions::default()).expect("partly");
    assert!(lines(&input).contains(&"gap Truncated p.json gap.truncated".to_owned()), "{:?}", lines(&input));
}

#[test]
fn hostile_archives_give_clear_errors_or_gaps() {
    let zeros = vec![0u8; 96 << 20];
    let error = read_bytes("bomb.gz", gz(&zeros), &ReadOptions::default()).expect_err("a bomb").to_string();
    assert_eq!(error, "bomb.gz is too large: its compression ratio is more than the limit of 1000");

    let small = ReadOptions { limits: Limits { total_bytes: 1000, ..Limits::default() }, ..ReadOptions::default() };
    let error = read_bytes("big.zst", zst(&[b'x'; 4000]), &small).expect_err("too large").to_string();
    assert_eq!(error, "big.zst is too large: its unpacked size is more than the limit of 1000");

    // a header that claims 10 GB
    let mut claim = tar(&[("huge.json", b"{}"), ("pods.json", PODS.as_bytes())]);
    claim[124..136].copy_from_slice(b"112402762000");
    let sum: u64 =
        claim[..512].iter().enumerate().map(|(i, b)| if (148..156).contains(&i) { 32 } else { u64::from(*b) }).sum();
    claim[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = read_bytes("claim.tar", claim, &ReadOptions::default()).expect_err("nothing in it").to_string();
    assert!(error.contains("huge.json: left out, it is larger than 1073741824 bytes"), "{error}");

    // paths that climb out are names like any other: nothing is written
    check_bytes("evil.tar", tar(&[("../../etc/pods.json", PODS.as_bytes())]), &SHOP);

    let deep = (0..8).fold(PODS.as_bytes().to_vec(), |inner, _| gz(&inner));
    assert!(read_bytes("deep.gz", deep, &ReadOptions::default()).is_err());
    let error = read_bytes("a.zip", b"PK\x03\x04....".to_vec(), &ReadOptions::default()).expect_err("zip").to_string();
    assert!(error.contains("zip is not read"), "{error}");
}

#[test]
fn what_holds_nothing_is_an_error_with_a_hint() {
    for (name, bytes, expect) in [
        ("e.json", &b""[..], "e.json holds nothing that can be read"),
        ("e.json", b"{\"kind\":\"Pod\",\"metadata\":", "e.json: not readable: EOF"),
        ("x.bin", b"\x7fELF\0\0\0\0", "holds nothing"),
        ("m.txt", b"# HELP up x\n# TYPE up gauge\nup 1\n", "holds nothing"),
    ] {
        let error = read_bytes(name, bytes.to_vec(), &ReadOptions::default()).expect_err(name);
        assert!(error.to_string().contains(expect), "{error}");
        for lang in [rootline_model::Lang::En, rootline_model::Lang::Zh] {
            assert!(!error.hint(lang).is_empty() && error.words(lang).contains(name), "{error}");
        }
    }
}

#[test]
fn a_directory_gives_the_same_signals_as_its_archive_and_links_are_not_followed() {
    let folder = std::env::temp_dir().join(format!("rootline-files-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("sub")).expect("temporary folder");
    std::fs::write(folder.join("sub/pods.json"), PODS).expect("temporary file");
    std::os::unix::fs::symlink("/", folder.join("sub/root")).expect("temporary link");
    let input = read_path(&folder, &ReadOptions::default());
    std::fs::remove_dir_all(&folder).expect("temporary folder");
    assert_eq!(lines(&input.expect("readable")), SHOP);
}

#[test]
fn answers_of_prometheus_are_read_beside_the_objects() {
    let alerts = r#"{"status":"success","data":{"alerts":[
        {"labels":{"alertname":"etcdNoLeader"},"state":"firing","activeAt":"2026-01-02T03:00:00Z"}]}}"#;
    let bytes = tar(&[("get-pods.json", PODS.as_bytes()), ("alerts.json", alerts.as_bytes())]);
    let input = read_bytes("state.tar", bytes, &ReadOptions::default()).expect("readable");
    let alerts = input.signals.iter().filter(|s| matches!(s, Signal::Alert(a) if a.name == "etcdNoLeader")).count();
    assert_eq!((alerts, lines(&input).iter().filter(|l| l.starts_with("gap")).count()), (1, 0));
}
