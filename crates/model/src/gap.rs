//! What could not be seen. A gap is part of the answer.

use crate::Message;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GapKind {
    /// The account may not read it.
    Forbidden,
    /// The source does not hold it (a pasted `get pods` has no events).
    Absent,
    /// It was there and could not be read.
    Unreadable,
    /// A limit cut it short.
    Truncated,
    /// Too old or of another time than the rest.
    Stale,
}

/// One thing that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub kind: GapKind,
    /// What is missing: a resource (`events`, `secrets in shop`), a file, a log.
    pub subject: String,
    pub detail: Message,
}

impl Gap {
    pub fn new(kind: GapKind, subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Gap { kind, subject: subject.into(), detail: Message::plain(detail) }
    }
}
