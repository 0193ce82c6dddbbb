//! Sixteen numbers at a time: masks and choices as the compiler likes them.
#![allow(clippy::needless_range_loop, reason = "one index over many arrays is what vectorises")]

use super::tier0::{ONES, larger, ln, smaller};

/// Series of a tile: one register of the widest vectors, two or four of narrower ones.
pub(super) const WIDE: usize = 16;

/// A number of each series of a tile.
pub(super) type Lane = [f32; WIDE];
/// All bits where it holds, none where not.
pub(super) type Mask = [u32; WIDE];
/// Numbers in steps of a 4,096th, see [`super::tier0::FINE`].
pub(super) type Fine = [u16; WIDE];

pub(super) const ZERO: Lane = [0.0; WIDE];
pub(super) const NOWHERE: Mask = [0; WIDE];

#[inline(always)]
pub(super) fn mask(is: bool) -> u32 {
    0_u32.wrapping_sub(u32::from(is))
}

#[inline(always)]
pub(super) fn any(mask: &Mask) -> bool {
    mask.iter().fold(0, |all, one| all | one) != 0
}

/// One or the other without a branch, and without a choice of where to load from.
#[inline(always)]
pub(super) fn pick(mask: u32, yes: f32, no: f32) -> f32 {
    f32::from_bits(pick_bits(mask, yes.to_bits(), no.to_bits()))
}

#[inline(always)]
pub(super) fn pick_bits(mask: u32, yes: u32, no: u32) -> u32 {
    (yes & mask) | (no & !mask)
}

/// 0 where the mask does not hold.
#[inline(always)]
pub(super) fn only(mask: u32, x: f32) -> f32 {
    f32::from_bits(x.to_bits() & mask)
}

#[inline(always)]
pub(super) fn bounded(x: f32) -> f32 {
    smaller(larger(x, 0.0), 50.0)
}

#[inline(always)]
pub(super) fn smaller_u32(a: u32, b: u32) -> u32 {
    if a < b { a } else { b }
}

/// ln(z + 1); of the volatility's mean squares ln(z).
#[inline(always)]
pub(super) fn log<const P: usize>(z: &Lane) -> Lane {
    let mut l = ZERO;
    for k in 0..WIDE {
        l[k] = ln(z[k] + ONES[P]);
    }
    l
}
