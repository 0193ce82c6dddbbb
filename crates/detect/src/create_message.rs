//! Reading why a container could not be created or started: texts of the kubelet and of the runtimes.

use crate::create_state::between;

/// A config map, secret or key that the kubelet did not find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConfigFault {
    ConfigMap(String),
    Secret(String),
    /// Kind word (`ConfigMap` or `Secret`), object name (may be unknown), key.
    Key {
        secret: bool,
        name: String,
        key: String,
    },
    RunsAsRoot,
    /// The image names its user by name, so that nobody can tell whether it is root.
    NamedUser(String),
}

/// Faults named in one message; projected volumes list several.
pub(crate) fn config_faults(message: &str) -> Vec<ConfigFault> {
    let mut faults = Vec::new();
    if message.contains("not registered") || message.contains("timed out waiting for the condition") {
        // the kubelet's cache is not filled yet; it mends itself
        return faults;
    }
    for (mark, secret) in [("configmap \"", false), ("secret \"", true)] {
        for (at, _) in message.match_indices(mark) {
            let rest = &message[at + mark.len()..];
            if let Some((name, after)) = rest.split_once('"')
                && after.trim_start().starts_with("not found")
            {
                let name = name.rsplit('/').next().unwrap_or(name).to_owned();
                faults.push(if secret { ConfigFault::Secret(name) } else { ConfigFault::ConfigMap(name) });
            }
        }
    }
    if let Some((_, rest)) = message.split_once("couldn't find key ") {
        // `couldn't find key password in Secret shop/db`
        if let Some((key, rest)) = rest.split_once(" in ") {
            let (kind, object) = rest.split_once(' ').unwrap_or((rest, ""));
            let object = object.split_whitespace().next().unwrap_or_default().trim_end_matches([',', '.']);
            let name = object.rsplit('/').next().unwrap_or(object).to_owned();
            faults.push(ConfigFault::Key { secret: kind.eq_ignore_ascii_case("secret"), name, key: key.to_owned() });
        }
    }
    for (mark, secret) in [("non-existent config key: ", false), ("non-existent secret key: ", true)] {
        if let Some((_, rest)) = message.split_once(mark) {
            let key = rest.split_whitespace().next().unwrap_or_default().to_owned();
            faults.push(ConfigFault::Key { secret, name: String::new(), key });
        }
    }
    if message.contains("image will run as root") || message.contains("runAsUser breaks non-root policy") {
        faults.push(ConfigFault::RunsAsRoot);
    }
    if message.contains("non-numeric user") {
        let user = between(message, "non-numeric user (", ")").unwrap_or_default();
        faults.push(ConfigFault::NamedUser(user.to_owned()));
    }
    faults
}

/// Why the runtime could not start a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartFault {
    CommandNotFound,
    NotExecutable,
    WrongPlatform,
    Mount,
    LimitTooLow,
    RuntimeTimeout,
    NameReserved,
    Other,
}

pub(crate) fn start_fault(message: &str) -> StartFault {
    let has = |words: &[&str]| words.iter().any(|w| message.contains(w));
    if has(&["exec format error"]) {
        StartFault::WrongPlatform
    } else if has(&["OOM-killed (memory limit too low?)", "container init was OOM-killed"]) {
        StartFault::LimitTooLow
    } else if has(&[
        "error mounting",
        "failed to prepare subPath",
        "not a directory: unknown",
        "mountpoint for",
        "failed to mkdir",
    ]) {
        StartFault::Mount
    } else if has(&["executable file not found", "no command specified", "no such file or directory"]) {
        StartFault::CommandNotFound
    } else if has(&["permission denied", "is a directory"]) {
        StartFault::NotExecutable
    } else if has(&["is reserved for"]) {
        StartFault::NameReserved
    } else if has(&["context deadline exceeded", "DeadlineExceeded", "context canceled"]) {
        StartFault::RuntimeTimeout
    } else {
        StartFault::Other
    }
}

/// The program that the runtime wanted to run: `exec: "serve": executable file not found`.
pub(crate) fn program(message: &str) -> Option<&str> {
    between(message, "exec: \"", "\"").filter(|p| !p.is_empty())
}

/// Why a pod sandbox, that is its network, could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SandboxFault {
    NoAddress,
    Network,
    /// The memory limit is too small even for the runtime's own init process (runc: `container init was OOM-killed`).
    LimitTooLow,
    Runtime,
}

pub(crate) fn sandbox_fault(message: &str) -> SandboxFault {
    let text = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| text.contains(w));
    if has(&[
        "no ip addresses available",
        "no available ip",
        "no addresses available",
        "failed to allocate for range",
        "failed to assign an ip address",
        "range is full",
        "no more ips",
        "insufficient free ip",
    ]) {
        SandboxFault::NoAddress
    } else if has(&["oom-killed", "memory limit too low"]) {
        SandboxFault::LimitTooLow
    } else if has(&["cni", "network plugin", "networkplugin", "setup network for sandbox", "plugin type="]) {
        SandboxFault::Network
    } else {
        SandboxFault::Runtime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_configuration_is_named() {
        let key = |secret, name: &str, key: &str| ConfigFault::Key { secret, name: name.into(), key: key.into() };
        for (message, want) in [
            ("configmap \"app\" not found", vec![ConfigFault::ConfigMap("app".into())]),
            ("Error: secret \"db\" not found", vec![ConfigFault::Secret("db".into())]),
            ("couldn't find key password in Secret shop/db", vec![key(true, "db", "password")]),
            ("couldn't find key mode in ConfigMap shop/app", vec![key(false, "app", "mode")]),
            (
                "MountVolume.SetUp failed for volume \"all\" : [configmap \"a\" not found, secret \"b\" not found]",
                vec![ConfigFault::ConfigMap("a".into()), ConfigFault::Secret("b".into())],
            ),
            (
                "MountVolume.SetUp failed for volume \"c\" : configmap references non-existent config key: app.yaml",
                vec![key(false, "", "app.yaml")],
            ),
            (
                "container has runAsNonRoot and image will run as root (pod: \"a_b(c)\", container: x)",
                vec![ConfigFault::RunsAsRoot],
            ),
            (
                "container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root",
                vec![ConfigFault::NamedUser("node".into())],
            ),
            ("MountVolume.SetUp failed for volume \"c\" : object \"shop\"/\"app\" not registered", vec![]),
            ("failed to sync configmap cache: timed out waiting for the condition", vec![]),
        ] {
            assert_eq!(config_faults(message), want, "{message}");
        }
    }

    #[test]
    fn start_errors_are_told_apart() {
        const EXEC: &str = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc \
                            create failed: unable to start container process: ";
        for (message, want) in [
            ("exec: \"serve\": executable file not found in $PATH: unknown", StartFault::CommandNotFound),
            ("exec: \"/bin/serve\": stat /bin/serve: no such file or directory: unknown", StartFault::CommandNotFound),
            ("exec: \"/srv/run.sh\": permission denied: unknown", StartFault::NotExecutable),
            ("exec /srv/run: exec format error", StartFault::WrongPlatform),
            (
                "error during container init: error mounting \"/var/x\" to rootfs at \"/etc/x\": not a directory: unknown",
                StartFault::Mount,
            ),
            ("container init was OOM-killed (memory limit too low?): unknown", StartFault::LimitTooLow),
            ("context deadline exceeded", StartFault::RuntimeTimeout),
            ("failed to reserve container name \"a\": name \"a\" is reserved for \"b\"", StartFault::NameReserved),
            ("strange", StartFault::Other),
        ] {
            assert_eq!(start_fault(&format!("{EXEC}{message}")), want, "{message}");
        }
        assert_eq!(program("x exec: \"serve\": not"), Some("serve"));
    }

    #[test]
    fn sandbox_errors_are_told_apart() {
        for (message, want) in [
            (
                "Failed to create pod sandbox: rpc error: plugin type=\"bridge\" failed (add): failed to allocate for range 0: \
                 no IP addresses available in range set: 10.1.0.1-10.1.0.254",
                SandboxFault::NoAddress,
            ),
            (
                "Failed to create pod sandbox: failed to setup network for sandbox \"x\": plugin type=\"calico\" failed (add): \
                 error getting ClusterInformation: connection is unauthorized",
                SandboxFault::Network,
            ),
            ("network is not ready: cni plugin not initialized", SandboxFault::Network),
            ("Failed to create pod sandbox: rpc error: code = DeadlineExceeded", SandboxFault::Runtime),
        ] {
            assert_eq!(sandbox_fault(message), want, "{message}");
        }
    }
}
