//! The bank as bytes: baselines, windows, error budgets and what is known of logs outlive a restart, conditions in bytes of
//! their own (`holds_snapshot.rs`); pods and raw counters begin anew.

use rootline_analytics::stream::Tier0;

use crate::bank::Bank;
use crate::detectors::burn::Budget;
use crate::detectors::logs::LogWatch;
use crate::options::Options;
use crate::snapshot::{Read, SnapshotError, put_count, put_subject, put_text, subject};
use crate::store::{Detail, Group, NONE};
use crate::window::Window;

/// First bytes.
const MAGIC: &[u8; 4] = b"RLSB";
/// Raised with every change of what follows. Version 1 ends after the baselines and is still read.
const VERSION: u16 = 2;
/// Bytes are handed over in pieces of about this size.
const PIECE: usize = 1 << 16;

impl Bank {
    /// All that is learnt, in pieces: about 440 bytes a baseline and 5 KB a window. Little-endian, versioned.
    pub fn snapshot(&self, sink: &mut dyn FnMut(&[u8])) {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        out.extend(self.taught_s.to_le_bytes());
        put_count(&mut out, self.entries.len());
        self.entries.iter().for_each(|s| put_text(&mut out, s.id));
        put_count(&mut out, self.store.names.len());
        for subject in self.store.names.iter() {
            put_subject(&mut out, subject);
            flush(&mut out, sink, PIECE);
        }
        put_count(&mut out, self.store.groups_len());
        let mut bytes = Vec::new();
        for (group, number) in self.store.groups.iter().zip(0_u32..).filter(|(g, _)| g.name != NONE) {
            out.extend(group.entry.to_le_bytes());
            [group.name, group.first_h, group.last_s].iter().for_each(|v| out.extend(v.to_le_bytes()));
            bytes.clear();
            self.tiers.snapshot(number as usize, &mut bytes);
            put_count(&mut out, bytes.len());
            out.extend(&bytes);
            match self.store.detail(number) {
                Some(detail) => {
                    out.push(1);
                    detail.window.write(&mut out);
                }
                None => out.push(0),
            }
            flush(&mut out, sink, PIECE);
        }
        put_count(&mut out, self.budgets.len());
        for ((which, subject), budget) in &self.budgets {
            put_text(&mut out, self.options.slos.get(usize::from(*which)).map_or("", |s| s.id));
            put_subject(&mut out, subject);
            budget.write(&mut out);
            flush(&mut out, sink, PIECE);
        }
        self.logs.write(&mut out, &mut |out| flush(out, sink, PIECE));
        flush(&mut out, sink, 0);
    }

    /// A bank with what a snapshot holds. Entries that the catalogue no longer has are left out; what does not fit into the
    /// options' bounds too. Other bytes and other versions are refused.
    pub fn restore(options: Options, bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut bank = Bank::new(options);
        let mut read = Read::new(bytes);
        if read.take(4)? != MAGIC {
            return Err(read.wrong("not a snapshot of series"));
        }
        let version = read.u16()?;
        if !(1..=VERSION).contains(&version) {
            return Err(SnapshotError(format!("version {version}, this program knows 1 to {VERSION}")));
        }
        bank.taught_s = read.i64()?;
        let mut entries = Vec::new();
        for _ in 0..read.count(4)? {
            let id = read.text()?;
            entries.push(bank.entries.iter().position(|s| s.id == id));
        }
        let mut names = Vec::new();
        for _ in 0..read.count(14)? {
            let subject = subject(&mut read)?;
            names.push(bank.store.names.number(&subject));
        }
        for _ in 0..read.count(19)? {
            bank.restore_group(&mut read, &entries, &names)?;
        }
        if version >= 2 {
            for _ in 0..read.count(100)? {
                bank.restore_budget(&mut read)?;
            }
            bank.logs = LogWatch::read(&mut read, &bank.options.detectors.logs)?;
        }
        if read.is_done() { Ok(bank) } else { Err(read.wrong("bytes left over")) }
    }

    fn restore_budget(&mut self, read: &mut Read<'_>) -> Result<(), SnapshotError> {
        let id = read.text()?;
        let subject = subject(read)?;
        let budget = Budget::read(read)?;
        let which = self.options.slos.iter().position(|s| s.id == id).and_then(|i| u8::try_from(i).ok());
        if let Some(which) = which
            && self.budgets.len() < self.options.detectors.burn.budgets_max
        {
            self.budgets.insert((which, subject), budget);
        }
        Ok(())
    }

    fn restore_group(
        &mut self,
        read: &mut Read<'_>,
        entries: &[Option<usize>],
        names: &[u32],
    ) -> Result<(), SnapshotError> {
        let entry = entries.get(usize::from(read.u16()?)).copied().ok_or_else(|| read.wrong("no such entry"))?;
        let name = names.get(read.u32()? as usize).copied().ok_or_else(|| read.wrong("no such name"))?;
        let (first_h, last_s) = (read.u32()?, read.u32()?);
        let length = read.count(1)?;
        let operator = Tier0::restore(read.take(length)?).map_err(|e| SnapshotError(e.to_string()))?;
        let window = if read.take(1)? == [1] { Some(Window::read(read)?) } else { None };
        let Some(entry) = entry.and_then(|e| u16::try_from(e).ok()) else { return Ok(()) };
        if self.store.groups_len() >= self.options.series_max || self.store.group(entry, name).is_some() {
            return Ok(());
        }
        let (group, _) = self.store.add_group(Group { name, entry, first_h, last_s, ..Group::default() });
        self.tiers.push();
        self.tiers.set(group as usize, &operator);
        if let Some(window) = window.filter(|_| self.store.details.len() < self.options.details_max) {
            let place = u32::try_from(self.store.details.len()).unwrap_or(NONE);
            self.store.details.push(Detail { group, members: Vec::new(), window });
            self.store.detail_of.insert(group, place);
        }
        self.fed[usize::from(entry)].is_filled = true;
        Ok(())
    }
}

fn flush(out: &mut Vec<u8>, sink: &mut dyn FnMut(&[u8]), least: usize) {
    if out.len() > least {
        sink(out);
        out.clear();
    }
}
