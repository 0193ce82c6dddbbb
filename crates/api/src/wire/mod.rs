//! What goes over the wire, by version. Version 1 only ever gains fields.

pub mod am2;
pub mod v1;
