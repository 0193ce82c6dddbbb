//! Reading of snapshot bytes: every length is checked before anything is taken.

use std::fmt;

use rootline_model::{EntityRef, Kind};

use crate::catalog::Subject;

/// Why snapshot bytes were refused; the bank starts empty then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotError(pub(crate) String);

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "series snapshot cannot be restored: {}", self.0)
    }
}

impl std::error::Error for SnapshotError {}

/// A place in bytes.
pub(crate) struct Read<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Read<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Read { bytes, at: 0 }
    }

    pub fn wrong(&self, what: &str) -> SnapshotError {
        SnapshotError(format!("{what} at byte {}", self.at))
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], SnapshotError> {
        let end =
            self.at.checked_add(count).filter(|e| *e <= self.bytes.len()).ok_or_else(|| self.wrong("too short"))?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub fn u16(&mut self) -> Result<u16, SnapshotError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub fn u32(&mut self) -> Result<u32, SnapshotError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub fn u64(&mut self) -> Result<u64, SnapshotError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub fn byte(&mut self) -> Result<u8, SnapshotError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub fn f64(&mut self) -> Result<f64, SnapshotError> {
        Ok(f64::from_bits(self.u64()?))
    }

    pub fn i64(&mut self) -> Result<i64, SnapshotError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A count of things that take at least `size` bytes each.
    pub fn count(&mut self, size: usize) -> Result<usize, SnapshotError> {
        let count = self.u32()? as usize;
        if count.saturating_mul(size) > self.bytes.len() - self.at { Err(self.wrong("too short")) } else { Ok(count) }
    }

    pub fn text(&mut self) -> Result<&'a str, SnapshotError> {
        let length = self.count(1)?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| self.wrong("not text"))
    }

    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }
}

/// Seconds since 1970 that a bank can count to.
pub(crate) const MOMENT_MAX_S: i64 = 0xffff_ffff;

/// A moment in seconds since 1970, within what a bank can count to.
pub(crate) fn moment(read: &mut Read<'_>) -> Result<i64, SnapshotError> {
    Ok(read.i64()?.clamp(0, MOMENT_MAX_S))
}

/// A count of what follows.
pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

pub(crate) fn put_entity(out: &mut Vec<u8>, entity: &EntityRef) {
    put_text(out, entity.kind.word());
    put_text(out, &entity.namespace);
    put_text(out, &entity.name);
    // an absent part and an empty one are the same thing
    put_text(out, entity.part.as_deref().unwrap_or_default());
}

pub(crate) fn entity(read: &mut Read<'_>) -> Result<EntityRef, SnapshotError> {
    let kind = read.text()?;
    let kind = Kind::ALL.into_iter().find(|k| k.word() == kind).ok_or_else(|| read.wrong("no such kind"))?;
    let mut entity = EntityRef::new(kind, read.text()?, read.text()?);
    let part = read.text()?;
    entity.part = (!part.is_empty()).then(|| part.into());
    Ok(entity)
}

pub(crate) fn put_subject(out: &mut Vec<u8>, subject: &Subject) {
    put_entity(out, &subject.entity);
    put_text(out, &subject.part);
}

pub(crate) fn subject(read: &mut Read<'_>) -> Result<Subject, SnapshotError> {
    Ok(Subject { entity: entity(read)?, part: read.text()?.into() })
}

/// A text with its length.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend(text.as_bytes());
}
