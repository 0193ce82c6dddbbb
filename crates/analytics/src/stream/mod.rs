//! Operators that take one sample at a time in fixed memory.
//!
//! [`Tier0`] watches one series, [`Tier0Bank`] very many in less memory and time, with the same bits; its pieces stand beside it for use alone. State is plain numbers; snapshots begin with a
//! schema version and restore to the same bits.

mod lanes;
mod pieces;
mod profile;
mod tier0;
mod tier0_bank;
mod tier0_snapshot;
mod tile;

pub use pieces::{Cusum, Ewma, FrugalQuartiles, Record, Refractory};
pub use profile::WeekProfile;
pub use tier0::{Part, Sight, Tier0};
pub use tier0_bank::Tier0Bank;
