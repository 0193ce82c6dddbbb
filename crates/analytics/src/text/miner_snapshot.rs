//! A miner as bytes and back.

use super::miner::{Element, Entry, Miner, MinerConfig, Run};
use crate::{Error, Result};

/// First bytes of every snapshot.
const MAGIC: &[u8; 4] = b"RLTM";
/// Raised with every change of the format **or of the lexer's rules**: ids of another version would not meet.
const VERSION: u16 = 1;

impl Miner {
    /// All state, little-endian, entries by id; equal miners that saw nothing evicted give equal bytes.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(VERSION.to_le_bytes());
        for n in [self.config.max_live, self.config.free_words, self.config.marked_words] {
            put(&mut out, n as u64);
        }
        for n in [self.lines, self.evicted, self.evicted_lines, self.entries.len() as u64] {
            put(&mut out, n);
        }
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_unstable_by_key(|e| e.hash);
        for e in entries {
            for n in [e.hash, e.count, e.seen, e.line.len() as u64] {
                put(&mut out, n);
            }
            out.extend_from_slice(&e.line);
            put(&mut out, e.runs.len() as u64);
            for r in &e.runs {
                put(&mut out, u64::from(r.first) << 32 | u64::from(r.len) << 1 | u64::from(r.ragged));
            }
            put(&mut out, e.elements.len() as u64);
            for x in &e.elements {
                [x.gap, x.shape, x.value].into_iter().for_each(|n| put(&mut out, n));
            }
        }
        out
    }

    /// From [`Miner::snapshot`]. Errors for other bytes, other versions, and places that contradict each other.
    pub fn restore(bytes: &[u8]) -> Result<Self> {
        let mut read = Read { bytes, at: 0 };
        if read.take(4)? != MAGIC {
            return Err(read.wrong("not a miner's snapshot"));
        }
        let version = read.take(2)?;
        if version != VERSION.to_le_bytes() {
            return Err(read.wrong("another version"));
        }
        let config = MinerConfig {
            max_live: read.number()? as usize,
            free_words: read.number()? as usize,
            marked_words: read.number()? as usize,
        };
        let mut miner = Self::new(config);
        (miner.lines, miner.evicted, miner.evicted_lines) = (read.number()?, read.number()?, read.number()?);
        let count = read.number()?;
        if count > miner.config.max_live as u64 {
            return Err(read.wrong("more entries than its bound"));
        }
        for _ in 0..count {
            let entry = read.entry()?;
            if miner.index.contains_key(&entry.hash) {
                return Err(read.wrong("an entry stands twice"));
            }
            miner.insert(entry);
        }
        if read.at == bytes.len() { Ok(miner) } else { Err(read.wrong("bytes left over")) }
    }
}

fn put(out: &mut Vec<u8>, n: u64) {
    out.extend(n.to_le_bytes());
}

struct Read<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Read<'a> {
    fn wrong(&self, detail: &str) -> Error {
        Error::Format { what: "miner snapshot", detail: format!("{detail} at byte {}", self.at) }
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(n).filter(|e| *e <= self.bytes.len()).ok_or_else(|| self.wrong("too short"))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn number(&mut self) -> Result<u64> {
        let bytes = self.take(8)?;
        bytes.try_into().map(u64::from_le_bytes).map_err(|_| self.wrong("too short"))
    }

    /// A count of things of `size` bytes each that must still follow.
    fn count(&mut self, size: usize) -> Result<usize> {
        let n = self.number()? as usize;
        if n.saturating_mul(size) > self.bytes.len() - self.at { Err(self.wrong("too short")) } else { Ok(n) }
    }

    fn entry(&mut self) -> Result<Entry> {
        let (hash, count, seen) = (self.number()?, self.number()?, self.number()?);
        let length = self.count(1)?;
        let line = self.take(length)?.into();
        let runs = (0..self.count(8)?)
            .map(|_| {
                let n = self.number()?;
                Ok(Run { first: (n >> 32) as u32, len: (n as u32) >> 1, ragged: n & 1 == 1 })
            })
            .collect::<Result<Vec<_>>>()?;
        let elements = (0..self.count(24)?)
            .map(|_| Ok(Element { gap: self.number()?, shape: self.number()?, value: self.number()? }))
            .collect::<Result<Vec<_>>>()?;
        let inside = runs.iter().all(|r| r.len >= 1 && r.first as usize + r.len as usize <= elements.len());
        let entry = Entry { hash, count, seen, line, runs, elements };
        if inside && entry.fits() { Ok(entry) } else { Err(self.wrong("an entry contradicts its line")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restored_miner_equals_the_old_one_whatever_the_order_of_lines() {
        let mut miner = Miner::default();
        for line in ["pod web-1 started", "volume attached", "a", "", "pod web-2 started", "took 3.5 ms", "\u{1}\u{2}"]
        {
            miner.observe(line);
        }
        let mut again = Miner::restore(&miner.snapshot()).unwrap();
        assert!(again == miner);
        miner.observe("lease lost");
        assert!(again != miner);
        again.observe("lease lost");
        assert!(again == miner);
    }
}
