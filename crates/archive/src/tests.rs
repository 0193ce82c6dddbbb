//! A recording written, read and held against its manifest, and the golden file of version 1.

#![allow(clippy::disallowed_methods, reason = "a test reads its own expectations")]

use rootline_model::{Gap, GapKind};

use super::*;

fn sample() -> Writer {
    let mut writer = Writer::new(About {
        tool: "rootline 0.1.0".into(),
        recorded_at: "2026-01-02T03:04:05Z".parse().ok(),
        cluster_version: Some("v1.36.1".into()),
        source: "cluster https://10.0.0.1:6443".into(),
    });
    let form = writer.form();
    let pod = form.item(
        r#"{"metadata":{"name":"cart-1","namespace":"shop","managedFields":[{}]},
            "spec":{"containers":[{"name":"app","env":[{"name":"DB","value":"postgres://cart:hunter2@db:5432/x"}]}]}}"#,
        "Pod",
        "v1",
    );
    let secret = form.item(
        r#"{"metadata":{"name":"db","namespace":"shop"},"data":{"password":"aHVudGVyMg=="}}"#,
        "Secret",
        "v1",
    );
    writer.objects("pods", "Pod", "v1", vec![pod]);
    writer.objects("secrets", "Secret", "v1", vec![secret]);
    writer.objects("deployments.apps", "Deployment", "apps/v1", Vec::new());
    let log = LogPath { namespace: "shop", pod: "cart-1", container: "app", previous: true };
    writer.log(log, "connecting to postgres://cart:hunter2@db:5432/x\npanic: refused\n");
    writer.metrics("kube-state-metrics", "# HELP up x\n# TYPE up gauge\nup 1\n");
    writer.text("describe.txt", "Name: cart-1\n");
    writer.listed("pod", None);
    writer.listed("deployment", None);
    writer.gap(&Gap::new(GapKind::Forbidden, "nodes", "nodes is forbidden"));
    writer
}

fn packed() -> Vec<u8> {
    sample().write(Vec::new()).expect("in memory").1
}

fn golden() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/version-1")
}

#[test]
fn version_1_is_written_as_the_golden_files_say() {
    let folder = golden();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        sample().write_directory(&folder).expect("golden files");
    }
    let scratch = std::env::temp_dir().join(format!("rootline-golden-{}", std::process::id()));
    let manifest = sample().write_directory(&scratch).expect("temporary folder");
    for path in manifest.files.iter().map(|f| f.path.as_str()).chain([MANIFEST]) {
        let written = std::fs::read_to_string(scratch.join(path)).expect(path);
        let expected = std::fs::read_to_string(folder.join(path)).expect(path);
        assert_eq!(written, expected, "{path}");
        assert!(!written.contains("hunter2"), "{path}");
    }
    std::fs::remove_dir_all(&scratch).expect("temporary folder");
}

#[test]
fn the_golden_files_of_version_1_are_sound_for_ever() {
    let verified = verify_path(&golden()).expect("readable");
    assert_eq!((verified.is_sound(), verified.faults), (true, vec![]));
    assert_eq!(verified.manifest.gaps.len(), 1);
}

#[test]
fn the_same_content_gives_the_same_bytes() {
    assert_eq!(packed(), packed());
    assert!(verify_bytes(&packed()).expect("readable").is_sound());
}

#[test]
fn damage_is_named_by_file() {
    let tar = zstd::decode_all(packed().as_slice()).expect("just packed");
    let with = |old: &str, new: &str| {
        let mut tar = tar.clone();
        let last = tar.windows(old.len()).rposition(|w| w == old.as_bytes()).expect("is in it");
        tar[last..last + new.len()].copy_from_slice(new.as_bytes());
        let verified = verify_bytes(&zstd::encode_all(tar.as_slice(), 1).expect("in memory")).expect("readable");
        verified.faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        with("panic: refused", "panic: accepts"),
        ["logs/shop/cart-1/app.previous.log: wrong checksum, the file was changed or damaged"]
    );

    let cut = verify_bytes(&zstd::encode_all(&tar[..tar.len() / 2], 1).expect("in memory")).expect("readable");
    assert!(!cut.is_sound() && cut.faults.iter().any(|f| matches!(f, Fault::Missing { .. })), "{cut:?}");
    let half = verify_bytes(&packed()[..300]);
    assert!(half.is_err() || half.is_ok_and(|v| !v.is_sound()));
    assert!(matches!(
        verify_bytes(&zstd::encode_all(&[0u8; 1024][..], 1).expect("in memory")),
        Err(ArchiveError::NoManifest)
    ));
    assert!(verify_bytes(b"not zstd").is_err());
}

#[test]
fn names_cannot_leave_the_recording() {
    let mut writer = sample();
    writer.log(LogPath { namespace: "..", pod: "../../etc", container: "a/b", previous: false }, "x");
    writer.text("/etc/passwd", "x");
    let (manifest, bytes) = writer.write(Vec::new()).expect("in memory");
    assert!(
        manifest.files.iter().all(|f| f.path.split('/').all(|p| !p.is_empty() && p != "..")),
        "{:?}",
        manifest.files
    );
    assert!(verify_bytes(&bytes).expect("readable").is_sound());
}
