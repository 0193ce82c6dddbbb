//! Conditions as bytes: what holds when the program stops holds when it comes back, with its beginning.
//!
//! Apart from the baselines, since they are small and change all the time: written every minute, they cost a kill little.
//! A condition of a pod brings the pod's series along, so that its next value finds it.

use std::collections::BTreeMap;

use rootline_model::{Finding, LabelSet, Timestamp};

use crate::bank::Bank;
use crate::codes::doc_of;
use crate::holds::{Hold, Key};
use crate::snapshot::{
    MOMENT_MAX_S, Read, SnapshotError, entity, moment, put_count, put_entity, put_subject, put_text, subject,
};
use crate::store::{Instance, MEMBER_MINUTES, Member, NONE};
use crate::window::Ring;

const MAGIC: &[u8; 4] = b"RLSH";
const VERSION: u16 = 1;
/// A longer stop than this, in seconds, and what held before it says nothing about now.
const STOP_MAX_S: i64 = 3600;
/// Seconds that a condition may stay unseen at most; detectors ask for less.
const LINGER_MAX_S: i64 = 86_400;
/// No moment.
const NEVER: i64 = i64::MIN;

/// Names of findings' values, which are static in a finding.
const ARGS: &[&str] = &[
    "subject",
    "series",
    "what",
    "what_zh",
    "value",
    "limit",
    "low",
    "high",
    "minutes",
    "from",
    "peers",
    "eta",
    "probability",
    "burn",
    "errors",
    "window",
    "count",
    "template",
    "usual",
    "score",
];

impl Bank {
    /// Everything that holds or is about to, some hundred bytes each. Evidence is left out: it comes with the next value.
    pub fn snapshot_holds(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.swept_s.to_le_bytes());
        let fingerprints: BTreeMap<u32, u64> = self
            .store
            .instances
            .iter()
            .filter(|i| i.group != NONE && i.member != NONE)
            .map(|i| (i.member, i.fingerprint))
            .collect();
        let mut rows = 0;
        let mut body = Vec::new();
        for (key, hold) in self.holds.iter() {
            let Some(group) = self.store.groups.get(key.2 as usize).filter(|g| g.name != NONE) else { continue };
            let Some(baseline) = self.store.names.get(group.name) else { continue };
            let member = self.store.member(key.3).zip(fingerprints.get(&key.3));
            if key.3 != NONE && member.is_none() {
                continue;
            }
            rows += 1;
            body.extend([key.0, key.1]);
            put_text(&mut body, self.entries[usize::from(group.entry)].id);
            put_subject(&mut body, baseline);
            match member {
                None => body.push(0),
                Some((member, fingerprint)) => {
                    body.push(1);
                    body.extend(fingerprint.to_le_bytes());
                    put_member(&mut body, member);
                }
            }
            put_hold(&mut body, hold);
        }
        put_count(&mut out, rows);
        out.extend(body);
        out
    }

    /// Takes back what [`Bank::snapshot_holds`] gave. The first tick afterwards knows how long nobody looked. Conditions of
    /// series that are not watched any more are left out.
    ///
    /// # Errors
    /// Other bytes and other versions; what was read before the error stays.
    pub fn restore_holds(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        let mut read = Read::new(bytes);
        if read.take(4)? != MAGIC {
            return Err(read.wrong("not a snapshot of conditions"));
        }
        let version = read.u16()?;
        if version != VERSION {
            return Err(SnapshotError(format!("version {version} of conditions, this program knows {VERSION}")));
        }
        let stopped_s = read.i64()?;
        if !(0..=MOMENT_MAX_S).contains(&stopped_s) {
            return Err(read.wrong("no such moment"));
        }
        self.stopped_s = Some(stopped_s);
        for _ in 0..read.count(64)? {
            self.restore_hold(&mut read)?;
        }
        if read.is_done() { Ok(()) } else { Err(read.wrong("bytes left over")) }
    }

    fn restore_hold(&mut self, read: &mut Read<'_>) -> Result<(), SnapshotError> {
        let (detector, variant) = (read.byte()?, read.byte()?);
        let id = read.text()?;
        let baseline = subject(read)?;
        let member = if read.byte()? == 1 { Some((read.u64()?, member(read)?)) } else { None };
        let hold = hold(read)?;
        let entry = self.entries.iter().position(|s| s.id == id).and_then(|i| u16::try_from(i).ok());
        let (Some(entry), Some(hold)) = (entry, hold) else { return Ok(()) };
        let Ok(group) = self.group(entry, &baseline, hold.since_s) else { return Ok(()) };
        if let Some(known) = self.store.groups.get_mut(group as usize) {
            // one that only this snapshot knows must not look forgotten
            known.last_s = known.last_s.max(u32::try_from(hold.seen_s).unwrap_or(0));
        }
        let number = match member {
            None => NONE,
            Some((fingerprint, member)) => match self.restore_member(group, fingerprint, member) {
                Some(number) => number,
                None => return Ok(()),
            },
        };
        let key: Key = (detector, variant, group, number);
        self.holds.insert(key, hold);
        Ok(())
    }

    fn restore_member(&mut self, group: u32, fingerprint: u64, member: Member) -> Option<u32> {
        if let Some(known) = self.store.instance(fingerprint) {
            return self.store.instances.get(known as usize).map(|i| i.member).filter(|m| *m != NONE);
        }
        let place = *self.store.detail_of.get(&group)?;
        if self.store.members_len() >= self.options.members_max {
            return None;
        }
        let number = self.store.add_member(Member { group, ..member });
        self.store.details.get_mut(place as usize)?.members.push(number);
        self.store.add_instance(Instance { fingerprint, group, member: number });
        Some(number)
    }

    /// At the first tick after a restart: the time in which nobody looked counts for nothing.
    pub(crate) fn resume(&mut self, now_s: i64) {
        let Some(stopped_s) = self.stopped_s.take() else { return };
        let gap_s = now_s - stopped_s;
        if (1..=STOP_MAX_S).contains(&gap_s) {
            self.holds.pause(gap_s);
        }
    }
}

fn put_member(out: &mut Vec<u8>, member: &Member) {
    put_subject(out, &member.subject);
    put_count(out, member.labels.len());
    for (name, value) in member.labels.iter() {
        put_text(out, name);
        put_text(out, value);
    }
    [member.first_s, member.last_s].iter().for_each(|s| out.extend(s.to_le_bytes()));
    out.extend(member.apart.to_le_bytes());
    out.extend(member.apart_n.to_le_bytes());
}

fn member(read: &mut Read<'_>) -> Result<Member, SnapshotError> {
    let subject = subject(read)?;
    let mut labels = Vec::new();
    for _ in 0..read.count(8)? {
        labels.push((read.text()?, read.text()?));
    }
    Ok(Member {
        subject,
        group: NONE,
        labels: labels.into_iter().collect::<LabelSet>(),
        first_s: moment(read)?,
        last_s: moment(read)?,
        value: f64::NAN,
        minutes: Ring::new(MEMBER_MINUTES),
        apart: f32::from_bits(read.u32()?),
        apart_n: read.u32()?,
    })
}

fn put_hold(out: &mut Vec<u8>, hold: &Hold) {
    [hold.since_s, hold.seen_s, hold.linger_s].iter().for_each(|s| out.extend(s.to_le_bytes()));
    out.push(u8::from(hold.is_firing));
    let finding = &hold.finding;
    put_text(out, finding.code.as_str());
    put_entity(out, &finding.entity);
    out.extend(finding.onset.map_or(NEVER, Timestamp::as_second).to_le_bytes());
    out.extend(finding.strength.get().to_bits().to_le_bytes());
    put_count(out, finding.args.iter().count());
    for (name, value) in finding.args.iter() {
        put_text(out, name);
        put_text(out, value);
    }
}

/// `None`: of a code that this program does not have.
fn hold(read: &mut Read<'_>) -> Result<Option<Hold>, SnapshotError> {
    let (since_s, seen_s) = (moment(read)?, moment(read)?);
    let linger_s = read.i64()?.clamp(0, LINGER_MAX_S);
    let is_firing = read.byte()? == 1;
    let code = read.text()?;
    let entity = entity(read)?;
    let onset = read.i64()?;
    let strength = read.f64()?;
    let mut args = Vec::new();
    for _ in 0..read.count(8)? {
        args.push((read.text()?, read.text()?));
    }
    let Some(doc) = doc_of(code) else { return Ok(None) };
    let mut finding = Finding::new(doc.code, entity).nats(strength).since(Timestamp::from_second(onset).ok());
    for (name, value) in args {
        if let Some(known) = ARGS.iter().find(|a| **a == name) {
            finding = finding.arg(known, value);
        }
    }
    Ok(Some(Hold { since_s, seen_s, is_firing, finding, linger_s }))
}

#[cfg(test)]
mod tests {
    use super::ARGS;

    #[test]
    fn every_value_of_a_title_can_be_kept() {
        for doc in crate::codes::all() {
            for part in [doc.en, doc.zh].iter().flat_map(|t| t.split('{').skip(1)) {
                let name = part.split('}').next().unwrap_or_default();
                assert!(ARGS.contains(&name), "{}: {name}", doc.code);
            }
        }
    }
}
