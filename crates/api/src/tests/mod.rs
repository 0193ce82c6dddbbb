//! Tests over real sockets, with a daemon in memory.

mod alertmanager;
mod door;
mod fake;
mod incidents;
mod openapi;
mod pushed;
mod started;
mod stream;
mod tls;
mod tools;
