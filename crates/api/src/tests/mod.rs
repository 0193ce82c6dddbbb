//! Tests over real sockets, with a daemon in memory.

mod fake;
mod incidents;
mod started;
