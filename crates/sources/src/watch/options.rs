//! How a cluster is watched.

use std::time::Duration;

use crate::live::LiveOptions;

/// Patience and bounds of a watch. Waiting times are spread by chance, so that many watchers do not ask at once.
#[derive(Clone, Debug)]
pub struct WatchOptions {
    /// Which cluster, page size, time-outs.
    pub live: LiveOptions,
    /// Deltas waiting to be taken; when it is full the watches stop reading and the server waits.
    pub queue: usize,
    /// Readings of everything at the same time: bounds the memory of a start.
    pub lists_at_once: usize,
    /// Ask for lists as streams where the server serves them.
    pub streaming_lists: bool,
    /// A stream that has brought bookmarks and is silent for this long is dead. Servers send one a minute.
    pub silence: Duration,
    /// The server is asked to end a watch after about this time.
    pub watch_for: Duration,
    /// Pause after the first failure; doubles with each one up to `pause_max`.
    pub pause: Duration,
    pub pause_max: Duration,
    /// Pause before what the account may not read, or the server does not know, is tried again.
    pub refused_pause: Duration,
    /// Pause between lists where the account may list and not watch.
    pub poll: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        WatchOptions {
            live: LiveOptions::default(),
            queue: 1024,
            lists_at_once: 4,
            streaming_lists: true,
            silence: Duration::from_secs(180),
            watch_for: Duration::from_secs(300),
            pause: Duration::from_millis(800),
            pause_max: Duration::from_secs(30),
            refused_pause: Duration::from_secs(300),
            poll: Duration::from_secs(60),
        }
    }
}
