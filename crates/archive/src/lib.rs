//! The recording format: what a cluster said at one moment, kept for later.
//!
//! A recording is a zstd-compressed tar (`NAME.rootline`), or the same files in a directory. Everything in it is
//! somebody else's format (Kubernetes `List` JSON, plain logs, Prometheus text), so that it can be read without this
//! tool; `rootline.json` says when and from where, and holds a checksum of every file. See
//! `docs/reference/archive-format.md`.
//!
//! **Invariant:** versioned, checked, redacted on write; knows nothing of what is abnormal.

mod check;
mod manifest;
mod member;
pub mod redact;
mod verify;
mod write;

pub use check::{Checker, Fault};
pub use manifest::{
    ArchiveError, EXTRAS, FORMAT, FileEntry, GapEntry, ListedEntry, MANIFEST, Manifest, VERSION, io_words,
};
pub use member::member;
pub use verify::{Verified, verify_bytes, verify_path};
pub use write::{About, Form, LogPath, Writer};

#[cfg(test)]
mod tests;
