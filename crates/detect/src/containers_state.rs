//! Which containers are in trouble now, and which only were.

use rootline_model::{EntityRef, Evidence};
use rootline_objects as o;
use rootline_world::{EventView, World};

use crate::starting::is_overdue;

/// A restart longer ago than this is over, if the container is ready. Starting value, see ADR-0003.
const RECENT_S: i64 = 600;
/// A container that is ready now but was restarted this often is still in trouble. Starting value, see ADR-0003.
const RESTARTS_MANY: i64 = 3;

/// How a container stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Fine,
    /// Ready now, ended badly once: history.
    Recovered,
    /// Runs and has not become ready in the time a start takes.
    Unready,
    /// Ends again and again, or has ended for good.
    Crashing,
}

/// One container of a pod with everything that is known of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'w> {
    pub pod: &'w o::Pod,
    pub spec: Option<&'w o::Container>,
    pub status: &'w o::ContainerStatus,
    pub init: bool,
    pub standing: Standing,
    /// How it ended last.
    pub last: Option<&'w o::Terminated>,
}

impl Seen<'_> {
    pub fn entity(&self) -> EntityRef {
        EntityRef::container(self.pod.namespace(), self.pod.name(), &self.status.name)
    }

    /// State or last state as evidence.
    pub fn evidence(&self) -> Option<Evidence> {
        let t = self.last?;
        Some(Evidence::State {
            container: self.entity(),
            state: if self.status.state.terminated.is_some() { "terminated" } else { "last terminated" }.to_owned(),
            reason: t.reason.clone(),
            exit_code: t.known_exit_code(),
            message: crate::logs_text::clip(&t.message),
            at: t.finished_at.0,
        })
    }

    /// A limit of the container, as written.
    pub fn limit(&self, resource: &str) -> Option<String> {
        self.spec.and_then(|c| c.resources.limits.get(resource)).map(ToString::to_string)
    }
}

/// Reasons of `status.reason` with which the pod as a whole was taken down; its containers are not to blame.
const TAKEN_DOWN: [&str; 8] = [
    "Evicted",
    "NodeLost",
    "NodeShutdown",
    "Shutdown",
    "Terminated",
    "Preempting",
    "NodeAffinity",
    "UnexpectedAdmissionError",
];

/// All containers of a pod that have a status.
pub(crate) fn seen<'w>(world: &World, pod: &'w o::Pod) -> Vec<Seen<'w>> {
    let init = pod.status.init_container_statuses.iter().map(|s| (s, true));
    let main = pod.status.container_statuses.iter().map(|s| (s, false));
    init.chain(main)
        .map(|(status, init)| {
            let specs = if init { &pod.spec.init_containers } else { &pod.spec.containers };
            let spec = specs.iter().find(|c| c.name == status.name);
            let last = status.state.terminated.as_ref().or(status.last_state.terminated.as_ref());
            let mut seen = Seen { pod, spec, status, init, standing: Standing::Fine, last };
            seen.standing = standing(world, &seen);
            seen
        })
        .collect()
}

fn standing(world: &World, c: &Seen<'_>) -> Standing {
    let pod = c.pod;
    if pod.metadata.deletion_timestamp.0.is_some()
        || pod.status.phase == "Succeeded"
        || TAKEN_DOWN.contains(&pod.status.reason.as_str())
        || is_past_attempt(world, pod)
    {
        return Standing::Fine;
    }
    let lasting = !c.init || c.spec.is_some_and(|s| s.restart_policy == "Always");
    let restarts_clean = lasting && restarts_always(pod, c);
    let state = &c.status.state;
    if let Some(t) = &state.terminated {
        let done = t.exit_code == 0 && !restarts_clean;
        // `Completed` is what the kubelet says of an exit that is as it should be
        return if done || (t.reason == "Completed" && !restarts_clean) { Standing::Fine } else { Standing::Crashing };
    }
    if let Some(waiting) = &state.waiting {
        return if waiting.reason == "CrashLoopBackOff" || (c.last.is_some() && c.status.restart_count > 0) {
            Standing::Crashing
        } else {
            Standing::Fine
        };
    }
    let unready = lasting && !c.status.ready && state.running.is_some() && is_overdue(world, pod);
    let Some(t) = c.last.filter(|_| c.status.restart_count > 0) else {
        return if unready { Standing::Unready } else { Standing::Fine };
    };
    let recent = world.age_s(t.finished_at).is_none_or(|s| s <= RECENT_S);
    match (c.status.ready, recent) {
        (true, true) if c.status.restart_count >= RESTARTS_MANY => Standing::Crashing,
        (true, _) => Standing::Recovered,
        // it was restarted a moment ago and has not come back
        (false, true) => Standing::Crashing,
        (false, false) if unready => Standing::Unready,
        (false, false) => Standing::Recovered,
    }
}

/// Whether the kubelet starts a container again that ended well.
fn restarts_always(pod: &o::Pod, c: &Seen<'_>) -> bool {
    let own = c.spec.map(|s| s.restart_policy.as_str()).filter(|p| !p.is_empty());
    matches!(own.unwrap_or(&pod.spec.restart_policy), "" | "Always")
}

/// A failed pod of a job that came to a good end, or of a cron job whose later run did.
fn is_past_attempt(world: &World, pod: &o::Pod) -> bool {
    let Some(owner) = pod.metadata.controller().filter(|o| o.kind == "Job") else { return false };
    let Some(job) = world.jobs.get(pod.namespace(), &owner.name) else { return false };
    let complete = |j: &o::Job| {
        j.status.conditions.iter().any(|c| c.is("Complete", "True") || c.is("SuccessCriteriaMet", "True"))
            || (j.status.conditions.is_empty() && j.status.succeeded >= j.spec.completions.unwrap_or(1))
    };
    if complete(job) {
        return true;
    }
    let Some(cron) = job.metadata.controller() else { return false };
    world
        .jobs
        .iter()
        .filter(|j| j.namespace() == pod.namespace() && j.metadata.controller().is_some_and(|o| o.name == cron.name))
        .any(|j| complete(j) && j.metadata.creation_timestamp > job.metadata.creation_timestamp)
}

/// The latest event by which the kubelet says that it kills a container for a failed probe: `liveness` or `startup`.
pub(crate) fn probe_kill<'w>(world: &'w World, pod: &EntityRef, container: &str, probe: &str) -> Option<&'w EventView> {
    let words = format!("failed {probe} probe");
    world
        .events_of(pod)
        .filter(|e| e.reason == "Killing" || e.reason == "Unhealthy")
        .filter(|e| e.message.contains(&words) && e.message.contains("will be restarted"))
        .rfind(|e| match &e.entity.part {
            Some(part) => &**part == container,
            None => e.message.contains(&format!("ontainer {container} ")) || !e.message.contains("ontainer "),
        })
}

pub(crate) fn event_evidence(event: &EventView) -> Evidence {
    Evidence::Event {
        object: event.entity.clone(),
        reason: event.reason.clone(),
        message: event.message.clone(),
        count: event.count,
        last: event.last,
    }
}
