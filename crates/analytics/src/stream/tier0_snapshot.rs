//! [`Tier0`] as bytes.

use super::WeekProfile;
use super::tier0::{BLOCK, LANES, Tier0, to_fine};
use crate::{Error, Result};

/// First bytes. Version 1 kept calibration in 32 bits and is still read.
const SCHEMA: u16 = 2;
/// Scalars in 32 bits: lowest and highest, last, short mean, quad, held score.
const SCALARS: usize = 6;
const QUADS: usize = 12;
/// What follows the numbers: samples, age, place in the block, blocks, profile.
const REST: usize = 4 + 2 + 2 + WeekProfile::BYTES;

impl Tier0 {
    /// The state as bytes: schema version, then the fields in order, little-endian.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend(SCHEMA.to_le_bytes());
        out.extend(self.origin.to_le_bytes());
        let fine = [&self.block_mean, &self.block_deviation, &self.block_max];
        let scalars = [self.low, self.high, self.last, self.short, self.quad, self.held];
        out.extend(self.mean.iter().chain(&self.variance).flat_map(|v| v.to_le_bytes()));
        out.extend(fine.into_iter().flatten().flat_map(|v| v.to_le_bytes()));
        out.extend(scalars.iter().chain(&self.quads).flat_map(|v| v.to_le_bytes()));
        out.extend(self.samples.to_le_bytes());
        out.extend(self.age.to_le_bytes());
        out.extend([self.in_block, self.blocks]);
        self.profile.write(out);
    }

    /// The state of [`Tier0::snapshot`]. [`Error::Format`] where the length or the version is another.
    pub fn restore(bytes: &[u8]) -> Result<Self> {
        let wrong = |detail: String| Error::Format { what: "tier-0 snapshot", detail };
        let mut at = Bytes(bytes);
        let version = at.u16();
        let fine_bytes = match version {
            1 => 4,
            SCHEMA => 2,
            _ => return Err(wrong(format!("schema {version}, this program knows 1 to {SCHEMA}"))),
        };
        let length = 2 + 8 + LANES * (2 * 4 + 3 * fine_bytes) + 4 * (SCALARS + QUADS) + REST;
        if bytes.len() != length {
            return Err(wrong(format!("{} bytes, not {length}", bytes.len())));
        }
        let mut one = Self { origin: f64::from_le_bytes(at.take()), ..Self::default() };
        for lane in [&mut one.mean, &mut one.variance] {
            lane.fill_with(|| at.f32());
        }
        for lane in [&mut one.block_mean, &mut one.block_deviation, &mut one.block_max] {
            lane.fill_with(|| if version == 1 { to_fine(at.f32()) } else { at.u16() });
        }
        for scalar in [&mut one.low, &mut one.high, &mut one.last, &mut one.short, &mut one.quad, &mut one.held] {
            *scalar = at.f32();
        }
        one.quads.fill_with(|| at.f32());
        one.samples = u32::from_le_bytes(at.take());
        one.age = at.u16();
        [one.in_block, one.blocks] = at.take();
        one.in_block = one.in_block.min(BLOCK - 1);
        one.profile = WeekProfile::read(at.0).ok_or_else(|| wrong("the profile does not read".into()))?;
        Ok(one)
    }
}

/// What is left to read; zeros beyond the end, which the check of the length rules out.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let Some((first, rest)) = self.0.split_first_chunk() else { return [0; N] };
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    fn f32(&mut self) -> f32 {
        f32::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sight;
    use super::super::tier0::{FINE, from_fine};
    use super::*;
    use crate::Rng;

    fn feed(op: &mut Tier0, from: i64, values: impl Iterator<Item = f64>) -> Vec<Sight> {
        (from..).zip(values).map(|(i, v)| op.observe(i * 300, v)).collect()
    }

    fn learnt() -> Tier0 {
        let mut r = Rng::new(3);
        let mut one = Tier0::default();
        feed(&mut one, 0, (0..777).map(|_| r.normal() * 1e9));
        one
    }

    #[test]
    fn a_restored_operator_goes_on_as_if_nothing_had_happened() {
        let (mut r, mut a) = (Rng::new(4), learnt());
        let mut bytes = Vec::new();
        a.snapshot(&mut bytes);
        let mut b = Tier0::restore(&bytes).unwrap();
        assert_eq!(a, b);
        let rest: Vec<f64> = (0..500).map(|_| r.normal() * 1e9).collect();
        assert_eq!(feed(&mut a, 777, rest.iter().copied()), feed(&mut b, 777, rest.iter().copied()));
        assert!(Tier0::restore(&bytes[1..]).is_err());
        bytes[0] = 9;
        assert!(Tier0::restore(&bytes).is_err_and(|e| e.to_string().contains("schema 9")));
    }

    /// As version 1 wrote it: calibration as numbers of 32 bits.
    fn version_1(one: &Tier0, calibration: impl Fn(u16) -> f32) -> Vec<u8> {
        let mut new = Vec::new();
        one.snapshot(&mut new);
        let (numbers, rest) = (10 + 8 * LANES, 10 + 14 * LANES);
        let mut old = new[..numbers].to_vec();
        old[0] = 1;
        for pair in new[numbers..rest].chunks_exact(2) {
            old.extend(calibration(u16::from_le_bytes([pair[0], pair[1]])).to_le_bytes());
        }
        old.extend(&new[rest..]);
        old
    }

    #[test]
    fn a_snapshot_of_the_version_before_still_restores() {
        let one = learnt();
        assert!(one.block_mean[0] > 0 && one.block_max[0] > 0);
        assert_eq!(Tier0::restore(&version_1(&one, from_fine)), Ok(one.clone()));
        // what lies between two steps goes to the nearer one
        assert_eq!(Tier0::restore(&version_1(&one, |x| from_fine(x) + 0.4 / FINE)), Ok(one.clone()));
        let wild = Tier0::restore(&version_1(&one, |_| f32::NAN)).unwrap();
        assert_eq!(wild.block_deviation, [0; LANES]);
        assert!(Tier0::restore(&version_1(&one, from_fine)[..400]).is_err());
    }
}
