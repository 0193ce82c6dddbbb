//! Sinks against servers: small ones of the test, and the real Alertmanager.
#![allow(clippy::disallowed_methods, reason = "tests of the outside world have a clock and files")]

mod alertmanager;
mod bulk;
mod channels;
mod courier;
mod fake;
mod guard;
mod mail;
mod remote_write;
mod sample;
