//! Signals in: from a live cluster, from files, from pasted text.
//!
//! - `live` lists a cluster with the reader's own account, page by page.
//! - `watch` follows a cluster for as long as the daemon runs.
//! - `files` reads what people send: recordings, support bundles, `kubectl cluster-info dump`, `kubectl get -o json|yaml`,
//!   packed or not.
//! - `text` reads what `kubectl` prints for people.
//! - `receive` decodes what others push (alerts, remote write, logs, traces, events): bytes in, values and an answer out.
//! - `intake` makes log records of the lines that agents ship.
//! - `pull` asks others by query: Prometheus, Loki, Elasticsearch.
//!
//! **Invariant:** turns foreign bytes into `Signal`s at the edge and never calls a stage. What cannot be read is a named
//! gap, never a panic and never silence. Memory is bounded by the stated limits.

mod container_log;
mod files;
mod gaps;
mod input;
pub mod intake;
pub mod live;
mod prometheus;
pub mod pull;
pub mod receive;
pub mod text;
pub mod watch;

pub use files::{read_bytes, read_path};
pub use gaps::{GAP_TEXTS, gap_text};
pub use input::{Input, Limits, ReadError, ReadOptions};
