//! What holds at the moment: conditions with their history, so that they neither flap nor repeat.

use std::collections::BTreeMap;

use rootline_model::{Finding, Timestamp};

/// Which condition: detector, variant of it, baseline, member ([`crate::store::NONE`] where it is about the baseline).
pub(crate) type Key = (u8, u8, u32, u32);

/// One condition.
#[derive(Clone, Debug)]
pub(crate) struct Hold {
    /// When it became true.
    pub since_s: i64,
    /// When it was last seen to be true.
    pub seen_s: i64,
    /// Past its `hold_s`.
    pub is_firing: bool,
    pub finding: Finding,
    /// Seconds it stays after it was last seen.
    pub linger_s: i64,
}

/// All conditions, in a fixed order.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    map: BTreeMap<Key, Hold>,
}

impl Holds {
    pub fn get_mut(&mut self, key: Key) -> Option<&mut Hold> {
        self.map.get_mut(&key)
    }

    pub fn insert(&mut self, key: Key, hold: Hold) {
        self.map.insert(key, hold);
    }

    pub fn remove(&mut self, key: Key) {
        self.map.remove(&key);
    }

    /// A detector saw something: keeps the first onset and the newest numbers.
    pub fn sight(&mut self, key: Key, now_s: i64, finding: Finding, linger_s: i64) {
        match self.map.get_mut(&key) {
            Some(hold) => {
                let onset = hold.finding.onset;
                hold.finding = finding.since(onset);
                (hold.seen_s, hold.linger_s) = (now_s, linger_s);
            }
            None => self.insert(key, Hold { since_s: now_s, seen_s: now_s, is_firing: true, finding, linger_s }),
        }
    }

    /// Nothing was seen after a moment that is yet to come.
    pub fn rewind(&mut self, now_s: i64) {
        for hold in self.map.values_mut() {
            (hold.since_s, hold.seen_s) = (hold.since_s.min(now_s), hold.seen_s.min(now_s));
            hold.finding.onset = hold.finding.onset.map(|o| o.min(Timestamp::from_second(now_s).unwrap_or(o)));
        }
    }

    /// Nobody looked for `gap_s` seconds: that is neither a time in which a condition was not seen nor one in which one that
    /// does not fire yet went on.
    pub fn pause(&mut self, gap_s: i64) {
        for hold in self.map.values_mut() {
            hold.seen_s += gap_s;
            hold.since_s += if hold.is_firing { 0 } else { gap_s };
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Hold)> {
        self.map.iter()
    }

    /// Drops what was not seen for too long.
    pub fn expire(&mut self, now_s: i64) {
        self.map.retain(|_, h| now_s - h.seen_s <= h.linger_s);
    }

    /// Drops all of one baseline.
    pub fn forget(&mut self, group: u32) {
        self.map.retain(|k, _| k.2 != group);
    }

    pub fn firing(&self) -> impl Iterator<Item = (&Key, &Hold)> {
        self.map.iter().filter(|(_, h)| h.is_firing)
    }
}
