//! What an exit code and a reason mean together with everything else that is known of the container.

use rootline_objects as o;
use rootline_world::World;

use crate::containers_memory as memory;
use crate::containers_state::{Seen, probe_kill};

/// Why a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The kernel killed it at its own memory limit.
    Memory,
    /// The kernel killed another process inside it.
    Child,
    /// The node ran out of memory.
    NodeMemory,
    /// The kubelet killed it for a failed probe.
    Probe,
    /// SIGKILL, and nobody says from whom.
    Killed,
    /// A signal of the processor or the C library.
    Signal(&'static str),
    /// SIGTERM, and nobody says from whom.
    Stopped,
    /// It went away with its node.
    Lost,
    /// It ended well, and is to run for ever.
    Clean,
    /// It never ran, or the shell did not find the program.
    NotStarted,
    /// The program's own doing.
    Program,
}

/// 128 + number of the signal. Source: POSIX shells and the container runtimes.
const SIGNALS: [(i32, &str); 6] =
    [(132, "SIGILL"), (133, "SIGTRAP"), (134, "SIGABRT"), (135, "SIGBUS"), (136, "SIGFPE"), (139, "SIGSEGV")];

pub(crate) fn classify(world: &World, c: &Seen<'_>, t: &o::Terminated) -> Exit {
    if t.message.contains("OOM-killed") {
        return Exit::NotStarted;
    }
    if matches!(t.reason.as_str(), "StartError" | "ContainerCannotRun") || matches!(t.exit_code, 126 | 127) {
        return Exit::NotStarted;
    }
    if t.reason == "OOMKilled" {
        return if memory::node_ran_out(world, c, t) {
            Exit::NodeMemory
        } else if matches!(t.exit_code, 137 | 0) {
            Exit::Memory
        } else {
            Exit::Child
        };
    }
    if matches!(t.exit_code, 137 | 143 | 0 | 1 | 2 | o::UNKNOWN_EXIT_CODE) && killed_by_probe(world, c) {
        return Exit::Probe;
    }
    let signal = t.signal.filter(|s| *s > 0).map(|s| s + 128).filter(|_| t.exit_code == 0).unwrap_or(t.exit_code);
    match signal {
        137 if memory::node_ran_out(world, c, t) => Exit::NodeMemory,
        137 if memory::log_tells(world, c) => Exit::Memory,
        137 if t.reason == "ContainerStatusUnknown" => Exit::Lost,
        137 => Exit::Killed,
        143 => Exit::Stopped,
        255 if t.reason != "Error" || node_came_back(world, c) => Exit::Lost,
        0 => Exit::Clean,
        other => SIGNALS.iter().find(|(code, _)| *code == other).map_or(Exit::Program, |(_, name)| Exit::Signal(name)),
    }
}

/// The kubelet says so, or, where that event is gone, the probe has failed and the container has no other reason to end.
fn killed_by_probe(world: &World, c: &Seen<'_>) -> bool {
    let pod = c.entity().whole();
    let told = ["liveness", "startup"].iter().any(|p| probe_kill(world, &pod, &c.status.name, p).is_some());
    let failing = || {
        let has_probe = c.spec.is_some_and(|s| s.liveness_probe.is_some() || s.startup_probe.is_some());
        let signal = c.last.is_some_and(|t| matches!(t.exit_code, 137 | 143));
        has_probe
            && signal
            && world.events_of(&pod).any(|e| {
                e.reason == "Unhealthy"
                    && (e.message.starts_with("Liveness") || e.message.starts_with("Startup"))
                    && e.entity.part.as_deref().is_none_or(|p| p == c.status.name)
            })
    };
    told || failing()
}

/// The node is not ready, or was booted again after the container began.
fn node_came_back(world: &World, c: &Seen<'_>) -> bool {
    let name = c.pod.spec.node_name.as_str();
    let down = world.nodes.get("", name).is_some_and(|n| !n.is_ready());
    let booted = world.events_of(&rootline_model::EntityRef::node(name)).any(|e| e.reason == "Rebooted");
    down || booted
}
