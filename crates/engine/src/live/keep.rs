//! What outlives a restart: given as it is kept, and taken back.

use rootline_correlate::{GroupId, Item, LearntPair, NAMED, Pairs, Reason, Remembered, ToldRow, WideRow};
use rootline_model::{Alert, LiveIncident, Origin, Stage, Timestamp};
use rootline_series::Bank;

use super::{Live, draft, pairs};

impl Live {
    /// What people were told, to be kept in the transaction that keeps the messages.
    pub fn told(&self) -> Vec<ToldRow> {
        self.notices.remember()
    }

    /// Takes back what `told` gave.
    pub fn restore_told(&mut self, rows: Vec<ToldRow>) {
        self.notices.restore(rows);
    }

    /// Incidents that somebody said are over, to be kept in the transaction that keeps the word.
    pub fn by_hand(&self) -> Vec<(u64, usize)> {
        self.table.by_hand()
    }

    /// Takes back what `by_hand` gave, before `restore` brings the incidents.
    pub fn restore_by_hand(&mut self, rows: &[(u64, usize)]) {
        self.table.restore_by_hand(rows);
    }

    /// Comes back after a stop with what the store remembers: open incidents, those resolved of late, and the alerts.
    /// Ids count on from `next`.
    pub fn restore(&mut self, now: Timestamp, incidents: Vec<LiveIncident>, alerts: Vec<Alert>, next: u64) {
        for alert in alerts {
            // one that was acknowledged just before the stop is in no incident yet
            self.fresh.push(alert.fingerprint());
            self.alerts.insert(alert.fingerprint(), alert);
        }
        let topology = &self.map.topology;
        let mut groups = Vec::with_capacity(incidents.len());
        for incident in incidents {
            let mut members = Vec::with_capacity(incident.members.len());
            for member in &incident.members {
                let mut item = Item::from_alert(&member.alert, member.origin, topology);
                if member.origin != Origin::Alert {
                    item.entities = member.entity.parse().into_iter().collect();
                    if incident.causes.iter().any(|c| c.code == member.alert.name()) {
                        item.rank = item.rank.max(NAMED);
                    }
                }
                members.push((item, incident.opened, Reason::Told(Box::new(member.reason.clone()))));
                match member.origin {
                    Origin::Alert => {
                        self.alerts.entry(member.alert.fingerprint()).or_insert_with(|| member.alert.clone());
                    }
                    _ if incident.stage == Stage::Open => self.facts.restore(now, member, draft::told_of(&incident)),
                    _ => {}
                }
            }
            let (id, core) = (incident.id, incident.core().map(|m| m.alert.fingerprint()));
            let (stage, opened, updated, resolved) =
                (incident.stage, incident.opened, incident.updated, incident.resolved);
            self.table.insert(incident);
            // over by somebody's word alone: its alerts go on, and they belong to it
            let is_by_hand = self.table.is_by_hand(id);
            let stage = if is_by_hand { Stage::Open } else { stage };
            let resolved = resolved.filter(|_| !is_by_hand);
            groups.push(Remembered { id: GroupId(id), stage, opened, updated, resolved, members, core });
        }
        self.correlator.restore(now, groups, next, topology);
    }

    /// Templates of log lines as bytes.
    pub fn templates_snapshot(&self) -> Vec<u8> {
        self.numbers.templates_snapshot()
    }

    /// Takes back what `templates_snapshot` gave.
    ///
    /// # Errors
    /// Why the bytes are none; the templates known so far stay.
    pub fn restore_templates(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.numbers.restore_templates(bytes)
    }

    /// Which names of alerts go together, as bytes; nothing if the mode does not learn that.
    pub fn pairs_snapshot(&self) -> Vec<u8> {
        self.correlator.pairs().map(pairs::write).unwrap_or_default()
    }

    /// The same for people, the most frequent first.
    pub fn learnt_pairs(&self) -> Vec<LearntPair> {
        self.correlator.pairs().map(Pairs::learnt).unwrap_or_default()
    }

    /// Takes back what `pairs_snapshot` gave, before `restore`.
    ///
    /// # Errors
    /// Why the bytes are none; they are learnt anew then.
    pub fn restore_pairs(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.correlator.restore_pairs(pairs::read(bytes)?);
        Ok(())
    }

    /// Pods that went not long ago, as bytes: rules go on about them for a while.
    pub fn gone_snapshot(&self) -> Vec<u8> {
        serde_json::to_vec(&self.map.gone()).unwrap_or_default()
    }

    /// Takes back what `gone_snapshot` gave, before the first tick.
    ///
    /// # Errors
    /// Why the bytes are none.
    pub fn restore_gone(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.map.restore_gone(serde_json::from_slice(bytes).map_err(|e| e.to_string())?);
        Ok(())
    }

    /// Baselines of an earlier run.
    pub fn restore_bank(&mut self, bank: Bank) {
        self.numbers.put_back(bank);
    }

    /// Groups that are wider than their members tell (a zone, what everybody uses, a burst), as bytes, to be kept in the
    /// transaction that keeps the incidents.
    pub fn wide_snapshot(&self) -> Vec<u8> {
        let rows = self.correlator.wide();
        let rows: Vec<(u64, String, f64)> = rows.into_iter().map(|r| (r.group.0, r.kind, r.onset)).collect();
        serde_json::to_vec(&rows).unwrap_or_default()
    }

    /// Takes back what `wide_snapshot` gave, before `restore`.
    ///
    /// # Errors
    /// Why the bytes are none; what comes then joins by its relations.
    pub fn restore_wide(&mut self, bytes: &[u8]) -> Result<(), String> {
        let rows: Vec<(u64, String, f64)> = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let row = |(group, kind, onset)| WideRow { group: GroupId(group), kind, onset };
        self.correlator.restore_wide(rows.into_iter().map(row).collect());
        Ok(())
    }
}
