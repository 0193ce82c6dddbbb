//! Which of two replicas works: the decisions of a leader election on a `coordination.k8s.io` Lease, without any socket.
//!
//! Semantics: client-go `tools/leaderelection`. A leader counts its time from the moment before the request that
//! succeeded, by a clock that nobody sets, and steps down `renew_deadline` after it; others wait `duration` after they saw
//! the lease change. So two never lead at once, however slow the server or a stopped process is.

use std::time::Duration;

use rootline_model::Timestamp;
use serde_json::{Value, json};

/// Times of an election. Those of client-go's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElectionTimes {
    /// Others wait this long after the last sign of life.
    pub duration: Duration,
    /// A leader that could not renew for this long steps down. Shorter than `duration`.
    pub renew_deadline: Duration,
    /// Between tries.
    pub retry: Duration,
}

impl Default for ElectionTimes {
    fn default() -> Self {
        ElectionTimes {
            duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry: Duration::from_secs(2),
        }
    }
}

/// What to do about the lease.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Somebody else holds it.
    Wait,
    /// Make it.
    Create(Value),
    /// Write it, at the version it was read with.
    Update(Value),
}

/// One candidate. Times are of a monotonic clock, since any moment.
#[derive(Debug)]
pub(crate) struct Election {
    me: String,
    times: ElectionTimes,
    /// The lease as it was last seen to change, and when that was.
    seen: Option<(Seen, Duration)>,
    leads_until: Option<Duration>,
}

/// What of a lease tells that its holder lives. Its own times are of other clocks and are only compared with themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    holder: String,
    duration_s: u64,
    renewed: String,
    transitions: u64,
}

impl Election {
    /// `renew_deadline` is held under `duration`.
    pub fn new(me: &str, times: ElectionTimes) -> Election {
        let times = ElectionTimes { renew_deadline: times.renew_deadline.min(times.duration * 9 / 10), ..times };
        Election { me: me.to_owned(), times, seen: None, leads_until: None }
    }

    /// True until the time is over for which the last renewal is good.
    pub fn leads(&self, now: Duration) -> bool {
        self.leads_until.is_some_and(|until| now < until)
    }

    /// Who holds the lease, as it was last read.
    pub fn holder(&self) -> &str {
        self.seen.as_ref().map_or("", |(seen, _)| seen.holder.as_str())
    }

    pub fn leads_until(&self) -> Option<Duration> {
        self.leads_until
    }

    /// The lease was read (`None`: there is none). `wall` is written into it for people.
    pub fn on_read(&mut self, lease: Option<&Value>, now: Duration, wall: Timestamp) -> Step {
        let Some(lease) = lease else {
            return Step::Create(json!({ "spec": self.spec(&Seen::default(), wall) }));
        };
        let seen = Seen::of(lease);
        if self.seen.as_ref().is_none_or(|(before, _)| *before != seen) {
            self.seen = Some((seen.clone(), now));
        }
        let since = self.seen.as_ref().map_or(now, |(_, at)| *at);
        let mine = seen.holder == self.me;
        let alive = !seen.holder.is_empty() && now < since + Duration::from_secs(seen.duration_s);
        // mine and not leading: a process before this one had the same name, or the time was over; then as others do
        let renews = mine && self.leads(now);
        if alive && !renews {
            return Step::Wait;
        }
        let mut written = lease.clone();
        let mut spec = self.spec(&seen, wall);
        if renews && let Some(acquired) = lease.pointer("/spec/acquireTime") {
            spec["acquireTime"] = acquired.clone();
            spec["leaseTransitions"] = seen.transitions.into();
        }
        written["spec"] = spec;
        Step::Update(written)
    }

    /// A write that was begun at `asked` succeeded; the lease is as given.
    pub fn on_written(&mut self, lease: &Value, asked: Duration, now: Duration) {
        self.seen = Some((Seen::of(lease), now));
        self.leads_until = Some(asked + self.times.renew_deadline);
    }

    /// The lease is somebody else's, or could not be read or written: leadership ends when its time is over, not before.
    pub fn on_refused(&mut self, lease: Option<&Value>) {
        if lease.is_some_and(|l| Seen::of(l).holder != self.me) {
            self.leads_until = None;
        }
    }

    /// What gives the lease away at once, if it is held: as client-go's `ReleaseOnCancel`.
    pub fn release(&mut self, lease: &Value, now: Duration, wall: Timestamp) -> Option<Value> {
        let leads = self.leads(now) && Seen::of(lease).holder == self.me;
        self.leads_until = None;
        let mut written = lease.clone();
        written["spec"]["holderIdentity"] = "".into();
        written["spec"]["leaseDurationSeconds"] = 1.into();
        written["spec"]["renewTime"] = micro(wall).into();
        leads.then_some(written)
    }

    fn spec(&self, before: &Seen, wall: Timestamp) -> Value {
        json!({
            "holderIdentity": self.me,
            "leaseDurationSeconds": self.times.duration.as_secs().max(1),
            "acquireTime": micro(wall),
            "renewTime": micro(wall),
            "leaseTransitions": if before.renewed.is_empty() { 0 } else { before.transitions + 1 },
        })
    }
}

impl Seen {
    fn of(lease: &Value) -> Seen {
        let text = |path: &str| lease.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |path: &str| lease.pointer(path).and_then(Value::as_u64).unwrap_or_default();
        Seen {
            holder: text("/spec/holderIdentity"),
            duration_s: number("/spec/leaseDurationSeconds"),
            renewed: text("/spec/renewTime"),
            transitions: number("/spec/leaseTransitions"),
        }
    }
}

/// `MicroTime` of the API: six digits, no more and no less.
fn micro(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn wall(now: Duration) -> Timestamp {
        Timestamp::from_second(i64::try_from(now.as_secs()).expect("small")).expect("small")
    }

    /// A lease in an API server: writes succeed only at the version that was read.
    #[derive(Default)]
    struct Server {
        lease: Option<Value>,
        version: u64,
    }

    impl Server {
        fn write(&mut self, read_at: u64, lease: Value) -> bool {
            if read_at != self.version {
                return false;
            }
            self.version += 1;
            self.lease = Some(lease);
            true
        }
    }

    /// One round of a candidate, its write arriving `late` after its read.
    fn round(server: &mut Server, who: &mut Election, now: Duration, late: Duration) {
        let (read, version) = (server.lease.clone(), server.version);
        match who.on_read(read.as_ref(), now, wall(now)) {
            Step::Wait => who.on_refused(read.as_ref()),
            Step::Create(lease) | Step::Update(lease) => {
                if server.write(version, lease.clone()) {
                    who.on_written(&lease, now, now + late);
                } else {
                    who.on_refused(None);
                }
            }
        }
    }

    #[test]
    fn the_first_leads_and_renews_and_the_second_waits() {
        let (mut a, mut b) =
            (Election::new("a", ElectionTimes::default()), Election::new("b", ElectionTimes::default()));
        let mut server = Server::default();
        for second in (0..120).step_by(2) {
            round(&mut server, &mut a, s(second), Duration::ZERO);
            round(&mut server, &mut b, s(second + 1), Duration::ZERO);
            assert!(a.leads(s(second + 1)) && !b.leads(s(second + 1)), "at {second}");
        }
        let lease = server.lease.expect("made");
        assert_eq!(lease["spec"]["leaseTransitions"], 0);
        assert_eq!(lease["spec"]["acquireTime"], "1970-01-01T00:00:00.000000Z");
        assert_eq!(lease["spec"]["renewTime"], "1970-01-01T00:01:58.000000Z");
    }

    #[test]
    fn a_stopped_leader_is_followed_and_never_two_lead() {
        let (mut a, mut b) =
            (Election::new("a", ElectionTimes::default()), Election::new("b", ElectionTimes::default()));
        let mut server = Server::default();
        round(&mut server, &mut a, s(0), Duration::ZERO);
        let mut taken = None;
        for second in 1..60 {
            if second % 2 == 1 {
                round(&mut server, &mut b, s(second), Duration::ZERO);
            }
            assert!(!(a.leads(s(second)) && b.leads(s(second))), "two at {second}");
            if b.leads(s(second)) && taken.is_none() {
                taken = Some(second);
            }
        }
        assert_eq!(taken, Some(17), "one duration and a retry after it was last seen to change");
        // it wakes up: not a leader for a moment, and does not take it back
        assert!(!a.leads(s(60)));
        round(&mut server, &mut a, s(60), Duration::ZERO);
        assert!(!a.leads(s(60)) && b.leads(s(60)));
        assert_eq!(server.lease.expect("made")["spec"]["leaseTransitions"], 1);
    }

    #[test]
    fn whatever_the_order_of_reads_and_writes_two_never_lead() {
        // slow servers, stopped processes, both at once: a few thousand histories from a simple generator
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = |below: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % below
        };
        let mut changes = 0;
        for _ in 0..2000 {
            let mut all = [Election::new("a", ElectionTimes::default()), Election::new("b", ElectionTimes::default())];
            let mut server = Server::default();
            // the write that is under way: lease, version it was read at, when it was asked
            let mut pending: [Option<(Value, u64, Duration)>; 2] = [None, None];
            let mut now = Duration::ZERO;
            let mut leader = None;
            for _ in 0..60 {
                now += Duration::from_millis(next(4000));
                let i = usize::from(next(2) == 0);
                match pending[i].take() {
                    Some((lease, version, asked)) => {
                        if server.write(version, lease.clone()) {
                            all[i].on_written(&lease, asked, now);
                        } else {
                            all[i].on_refused(None);
                        }
                    }
                    None => match all[i].on_read(server.lease.as_ref(), now, wall(now)) {
                        Step::Wait => all[i].on_refused(server.lease.as_ref()),
                        Step::Create(lease) | Step::Update(lease) => pending[i] = Some((lease, server.version, now)),
                    },
                }
                assert!(!(all[0].leads(now) && all[1].leads(now)), "two at {now:?}");
                let leads = all.iter().position(|e| e.leads(now));
                if leads.is_some() && leads != leader {
                    changes += 1;
                    leader = leads;
                }
            }
        }
        assert!(changes > 3000, "leadership went from one to the other: {changes}");
    }

    #[test]
    fn a_released_lease_is_taken_at_the_next_look() {
        let (mut a, mut b) =
            (Election::new("a", ElectionTimes::default()), Election::new("b", ElectionTimes::default()));
        let mut server = Server::default();
        round(&mut server, &mut a, s(0), Duration::ZERO);
        let given = a.release(server.lease.as_ref().expect("made"), s(3), wall(s(3))).expect("held");
        assert!(server.write(server.version, given) && !a.leads(s(3)));
        round(&mut server, &mut b, s(4), Duration::ZERO);
        assert!(b.leads(s(4)));
    }

    #[test]
    fn a_namesake_of_an_earlier_life_waits_like_anybody() {
        let mut server = Server::default();
        let mut before = Election::new("a", ElectionTimes::default());
        round(&mut server, &mut before, s(0), Duration::ZERO);
        let mut after = Election::new("a", ElectionTimes::default());
        round(&mut server, &mut after, s(1), Duration::ZERO);
        assert!(!after.leads(s(1)));
        round(&mut server, &mut after, s(17), Duration::ZERO);
        assert!(after.leads(s(17)));
    }
}
