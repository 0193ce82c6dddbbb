//! The moment a set of files is of: the latest time that anything in it tells.

use rootline_model::{Gap, GapKind, Timestamp};
use rootline_objects::{Condition, ContainerStatus, Object, Time};

use crate::gaps::gap;

/// How many of the latest times are kept to see whether the very latest one stands alone.
const KEPT: usize = 16;

/// A single time this much later than all the rest is a wrong clock, not now. Starting value: a cluster whose second
/// latest sign of life is a day older has no kubelet that renews its lease.
const AHEAD_S: i64 = 24 * 3600;

/// With fewer objects than this near the second latest time nothing can be said about whose clock is wrong.
const WITNESSES: usize = 8;

/// Watches objects go by and keeps the latest times.
#[derive(Default)]
pub(super) struct Clock {
    /// Latest first; one entry per object.
    latest: Vec<(Timestamp, String)>,
}

impl Clock {
    pub fn see(&mut self, object: &Object) {
        let Some(at) = latest_of(object) else { return };
        if self.latest.len() == KEPT && self.latest.last().is_some_and(|(last, _)| *last >= at) {
            return;
        }
        let meta = object.metadata();
        let name = format!("{} {}/{}", object.kind(), meta.namespace, meta.name);
        let place = self.latest.partition_point(|(t, _)| *t >= at);
        self.latest.insert(place, (at, name));
        self.latest.truncate(KEPT);
    }

    /// Now, and a gap for a clock that cannot be right.
    pub fn now(&self) -> (Option<Timestamp>, Option<Gap>) {
        let Some((top, who)) = self.latest.first() else { return (None, None) };
        let Some((second, _)) = self.latest.get(1) else { return (Some(*top), None) };
        let near = |t: &Timestamp| second.as_second() - t.as_second() < 3600;
        let witnesses = self.latest.iter().skip(1).filter(|(t, _)| near(t)).count();
        if top.as_second() - second.as_second() > AHEAD_S && witnesses >= WITNESSES {
            let gap = gap(GapKind::Stale, who.as_str(), "gap.clock", &[("detail", top.to_string().as_str())]);
            return (Some(*second), Some(gap));
        }
        (Some(*top), None)
    }
}

/// The latest time that an object tells about something that has happened (an expiry date has not).
fn latest_of(object: &Object) -> Option<Timestamp> {
    let mut times: Vec<Time> = vec![object.metadata().creation_timestamp];
    let mut add = |more: &[Condition]| {
        times.extend(more.iter().flat_map(|c| [c.last_transition_time, c.last_heartbeat_time]));
    };
    match object {
        Object::Pod(pod) => {
            add(&pod.status.conditions);
            let statuses = pod.status.init_container_statuses.iter().chain(&pod.status.container_statuses);
            times.extend(statuses.flat_map(container_times));
        }
        Object::Node(o) => add(&o.status.conditions),
        Object::Deployment(o) => add(&o.status.conditions),
        Object::ReplicaSet(o) => add(&o.status.conditions),
        Object::StatefulSet(o) => add(&o.status.conditions),
        Object::DaemonSet(o) => add(&o.status.conditions),
        Object::Job(o) => {
            add(&o.status.conditions);
            times.extend([o.status.start_time, o.status.completion_time]);
        }
        Object::CronJob(o) => times.extend([o.status.last_schedule_time, o.status.last_successful_time]),
        Object::Hpa(o) => {
            add(&o.status.conditions);
            times.push(o.status.last_scale_time);
        }
        Object::ApiService(o) => add(&o.status.conditions),
        Object::Lease(o) => times.push(o.spec.renew_time),
        Object::Event(o) => times.push(o.last_seen()),
        _ => {}
    }
    times.into_iter().filter_map(|t| t.0).max()
}

fn container_times(status: &ContainerStatus) -> Vec<Time> {
    let mut times = Vec::new();
    for state in [&status.state, &status.last_state] {
        times.extend(state.running.iter().map(|r| r.started_at));
        times.extend(state.terminated.iter().map(|t| t.finished_at));
    }
    times
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(times: &[&str]) -> (Option<String>, bool) {
        let mut clock = Clock::default();
        for (i, time) in times.iter().enumerate() {
            let json = format!(
                r#"{{"metadata":{{"name":"n{i}"}},"status":{{"conditions":[{{"type":"Ready","lastHeartbeatTime":"{time}"}}]}}}}"#
            );
            let object = Object::from_json("Node", &json).expect("a kind").expect("valid");
            clock.see(&object);
        }
        let (now, gap) = clock.now();
        (now.map(|t| t.to_string()), gap.is_some())
    }

    #[test]
    fn now_is_the_latest_sign_of_life() {
        assert_eq!(now(&[]), (None, false));
        assert_eq!(
            now(&["2026-01-02T00:00:00Z", "2026-01-05T00:00:00Z", "2026-01-03T00:00:00Z"]),
            (Some("2026-01-05T00:00:00Z".into()), false)
        );
    }

    #[test]
    fn one_clock_a_year_ahead_does_not_move_now() {
        let mut times = vec!["2026-01-02T00:00:00Z"; 20];
        times.push("2027-01-02T00:00:00Z");
        assert_eq!(now(&times), (Some("2026-01-02T00:00:00Z".into()), true));
    }
}
