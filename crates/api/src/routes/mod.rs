//! Routes of `/api/v1`, one file per subject.

pub mod incidents;
