//! Operators that take one sample at a time in fixed memory.
//!
//! [`Tier0`] watches every series; its pieces stand beside it for use alone. State is plain numbers; snapshots begin with a
//! schema version and restore to the same bits.

mod pieces;
mod profile;
mod tier0;

pub use pieces::{Cusum, Ewma, FrugalQuartiles, Record, Refractory};
pub use profile::WeekProfile;
pub use tier0::{Part, Sight, Tier0};
