//! A daemon that comes back: what the store remembers, put in again.

use jiff::{SignedDuration, Timestamp};
use rootline_engine::SetBack;
use rootline_store::StoreError;

use super::{BY_HAND, Core, TOLD, WIDE};

impl Core {
    /// Puts back what the store remembers.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn restore(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let alerts = self.store.alerts()?.into_iter().map(|k| k.alert).collect();
        let mut incidents = self.store.open_incidents()?;
        let recent = rootline_store::IncidentFilter {
            since: Some(now - SignedDuration::from_hours(1)),
            ..rootline_store::IncidentFilter::default()
        };
        for incident in self.store.incidents(&recent, None, rootline_store::PAGE_MAX)?.items {
            if !incidents.iter().any(|i| i.id == incident.id) {
                incidents.push(incident);
            }
        }
        let by_hand = self.store.snapshot(BY_HAND)?.and_then(|(_, bytes)| serde_json::from_slice(&bytes).ok());
        let by_hand: Vec<(u64, usize)> = by_hand.unwrap_or_default();
        for (id, _) in &by_hand {
            // however long ago: its alerts may still fire
            if !incidents.iter().any(|i| i.id == *id) {
                incidents.extend(self.store.incident(*id)?);
            }
        }
        self.live.restore_by_hand(&by_hand);
        incidents.sort_by_key(|i| i.id);
        if let Some((_, bytes)) = self.store.snapshot(TOLD)?
            && let Ok(rows) = serde_json::from_slice(&bytes)
        {
            self.live.restore_told(rows);
        }
        if let Some((_, bytes)) = self.store.snapshot(WIDE)? {
            match self.live.restore_wide(&bytes) {
                Ok(()) => self.wide_kept = bytes,
                Err(error) => tracing::warn!(error, "which incidents are wider than their members cannot be read"),
            }
        }
        let is_ahead = incidents.iter().any(|i| i.updated > now);
        self.live.restore(now, incidents, alerts, self.store.next_incident_id()?);
        if is_ahead {
            // by how much nobody knows
            self.set_back(SetBack { now, by: SignedDuration::ZERO });
        }
        self.publish(now, &[]);
        Ok(())
    }
}
