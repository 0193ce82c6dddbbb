//! Log lines that name a cause by themselves.

use std::sync::LazyLock;

use regex::Regex;
use rootline_model::{EntityRef, Evidence, Finding, Kind};
use rootline_objects as o;
use rootline_world::World;

use crate::containers_state::Standing;
use crate::logs::Trouble;
use crate::logs_patterns::{path_in, setting_in};

/// Troubles that hurt while the container stays ready.
const LASTING: [&str; 5] =
    ["log.disk_full", "log.read_only_filesystem", "log.file_limit", "log.certificate_expired", "log.api_forbidden"];
/// In a ready container a trouble counts from so many lines on.
const LASTING_LINES: u32 = 3;

/// How much a line says, by how its container stands (2 and more: as sure as its rule); `None`: nothing that counts.
fn weigh(t: &Trouble<'_>) -> Option<f64> {
    match (t.standing, t.telling) {
        (Standing::Crashing, true) => Some(2.5),
        (Standing::Crashing, false) => Some(0.5),
        (Standing::Unready, true) => Some(1.3),
        (Standing::Unready, false) => Some(0.3),
        (Standing::Fine | Standing::Recovered, _) => {
            let lasting = LASTING.contains(&t.code) && t.count >= LASTING_LINES && t.telling;
            lasting.then_some(0.2)
        }
    }
}

/// The finding of a line that is neither about connections nor about databases.
pub(crate) fn fact(world: &World, t: &Trouble<'_>) -> Option<Finding> {
    // a program that the shell may not run is named by its exit code
    let not_run = t.seen.and_then(|s| s.last).is_some_and(|l| matches!(l.exit_code, 126 | 127));
    if not_run && t.code == "log.permission_denied" {
        return None;
    }
    if t.code == "log.child_killed" {
        return child_killed(world, t);
    }
    let nats = weigh(t)?;
    let base = |code: &'static str, less: f64| t.finding(world, code, nats - less);
    Some(match t.code {
        "log.permission_denied" => permission(world, t, nats),
        "log.port_in_use" => base(t.code, 0.0).arg("port", port_in(t.line).unwrap_or_else(|| "?".to_owned())),
        "log.config_missing" => base(t.code, 0.0).arg("setting", setting_in(t.line).unwrap_or("?")),
        "log.schema_missing" => base(t.code, 0.5),
        "log.unauthorized" => with_target(t, base(t.code, 1.0)),
        "log.api_forbidden" => forbidden(t, base(t.code, 0.0)),
        "log.disk_full" => on_volume(t, base(t.code, 0.0)),
        "log.read_only_filesystem" => read_only(t, base(t.code, 0.0)),
        "log.certificate_expired" | "log.certificate_untrusted" => with_target(t, base(t.code, 0.0)),
        "log.heap_exhausted" => base(t.code, 0.0).arg("limit", limit(t)),
        other => base(other, 0.0),
    })
}

fn limit(t: &Trouble<'_>) -> String {
    t.seen.and_then(|s| s.limit("memory")).unwrap_or_else(|| "-".to_owned())
}

/// A process inside the container was killed and the container lives on.
fn child_killed(world: &World, t: &Trouble<'_>) -> Option<Finding> {
    let alive = !matches!(t.standing, Standing::Crashing) && !t.tail.previous && t.telling;
    let limited = t.seen.is_some_and(|s| s.limit("memory").is_some());
    (alive && limited).then(|| {
        t.finding(world, "container.oom_child", 1.2)
            .arg("limit", limit(t))
            .arg("restarts", "0")
            .arg("exit_code", "-")
            .arg("reason", "-")
    })
}

fn with_target(t: &Trouble<'_>, finding: Finding) -> Finding {
    match &t.target {
        Some(target) => {
            let finding = finding.arg("target", target.written());
            target.entity().into_iter().fold(finding, |f, e| f.about(e.clone()))
        }
        None => finding.arg("target", "?"),
    }
}

/// The mount that a path lies on: the longest mount path that begins it. A bare file name lies wherever the program works;
/// where there is one data volume, there.
fn mount_of<'w>(t: &Trouble<'w>, path: &str) -> Option<(&'w o::VolumeMount, &'w o::Volume)> {
    let seen = t.seen?;
    let spec = seen.spec?;
    let source = |m: &o::VolumeMount| seen.pod.spec.volumes.iter().find(|v| v.name == m.name);
    let data = |m: &&o::VolumeMount| !m.mount_path.starts_with("/var/run/secrets/");
    if !path.starts_with('/') {
        let mut all = spec.volume_mounts.iter().filter(data);
        let only = all.next().filter(|_| all.next().is_none())?;
        return Some((only, source(only)?));
    }
    let under = |m: &&o::VolumeMount| {
        let at = m.mount_path.trim_end_matches('/');
        path.strip_prefix(at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mount = spec.volume_mounts.iter().filter(data).filter(under).max_by_key(|m| m.mount_path.len())?;
    Some((mount, source(mount)?))
}

fn about_volume(t: &Trouble<'_>, finding: Finding, mount: &o::VolumeMount, volume: &o::Volume) -> Finding {
    let finding = finding.arg("volume", volume.name.clone()).evidence(Evidence::Field {
        object: t.container.clone(),
        path: format!("volumeMounts[{}].mountPath", mount.name),
        value: mount.mount_path.clone(),
    });
    match &volume.persistent_volume_claim {
        Some(claim) => finding.about(EntityRef::new(Kind::Pvc, &t.container.namespace, &claim.claim_name)),
        None => finding,
    }
}

fn permission(world: &World, t: &Trouble<'_>, nats: f64) -> Finding {
    let path = path_in(t.line).unwrap_or("?");
    match mount_of(t, path) {
        Some((mount, volume)) => {
            let finding = t.finding(world, "log.volume_permission_denied", nats).arg("path", path).arg("user", user(t));
            about_volume(t, finding, mount, volume)
        }
        None => t.finding(world, "log.permission_denied", nats - 0.5).arg("path", path).arg("user", user(t)),
    }
}

/// The user that the pod asks for; the image's otherwise.
fn user(t: &Trouble<'_>) -> String {
    let own = t.seen.and_then(|s| s.spec).and_then(|c| c.security_context.as_ref()).and_then(|s| s.run_as_user);
    let pod = t.seen.and_then(|s| s.pod.spec.security_context.as_ref()).and_then(|s| s.run_as_user);
    own.or(pod).map_or_else(|| "of the image".to_owned(), |u| u.to_string())
}

fn on_volume(t: &Trouble<'_>, finding: Finding) -> Finding {
    let path = path_in(t.line).unwrap_or("?");
    let finding = finding.arg("path", path);
    match mount_of(t, path) {
        Some((mount, volume)) => about_volume(t, finding, mount, volume),
        None => finding.arg("volume", "-"),
    }
}

/// Which of the three reasons it is that a path cannot be written: the mount, the root file system, the disk.
fn read_only(t: &Trouble<'_>, finding: Finding) -> Finding {
    let path = path_in(t.line).unwrap_or("?");
    let root = t
        .seen
        .and_then(|s| s.spec)
        .and_then(|c| c.security_context.as_ref())
        .is_some_and(|s| s.read_only_root_filesystem == Some(true));
    let finding = on_volume(t, finding);
    match mount_of(t, path) {
        Some((mount, _)) if mount.read_only == Some(true) => finding.arg("why", "readOnly mount"),
        Some((_, volume)) if volume.config_map.is_some() || volume.secret.is_some() => {
            finding.arg("why", "ConfigMap or Secret volume")
        }
        None if root => finding.arg("why", "readOnlyRootFilesystem"),
        _ => finding.arg("why", "disk"),
    }
}

fn port_in(line: &str) -> Option<String> {
    static PORT: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?i)(?::|port )(\d{2,5})\b").expect("the pattern is fixed and tested"));
    Some(PORT.captures_iter(line).last()?.get(1)?.as_str().to_owned())
}

/// Who may not do what: names of the service account, the verb and the resource.
fn forbidden(t: &Trouble<'_>, finding: Finding) -> Finding {
    static WHO: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"system:serviceaccount:([a-z0-9.-]+):([a-z0-9.-]+)\\?" cannot (\w+) resource \\?"([\w./-]+)\\?"(?:.*?API group \\?"([\w.-]*)\\?")?"#)
            .expect("the pattern is fixed and tested")
    });
    let Some(found) = WHO.captures(t.line) else {
        return finding.arg("account", "?").arg("verb", "?").arg("resource", "?").arg("group", "");
    };
    let text = |i: usize| found.get(i).map_or("", |m| m.as_str());
    finding
        .arg("account", format!("{}/{}", text(1), text(2)))
        .arg("account_namespace", text(1))
        .arg("account_name", text(2))
        .arg("verb", text(3))
        .arg("resource", text(4))
        .arg("group", text(5))
        .about(EntityRef::new(Kind::ServiceAccount, text(1), text(2)))
}
