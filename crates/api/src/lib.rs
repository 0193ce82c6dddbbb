//! HTTP: the API, receivers' routes, the first page.
//!
//! **Invariant:** nothing is decided here. What is read comes from a [`Backend`], what is pushed goes to an [`Intake`];
//! wire types stand in `wire` and are converted by hand.

mod backend;
mod feed;
mod guard;
mod intake;
mod matcher;
mod problem;
mod push;
mod routes;
mod server;
mod wire;
mod words;

pub use backend::{Answered, Backend, Fault, Recording};
pub use intake::{Accepted, Intake, PushedEvent, Refusal, Why};
pub use matcher::{Compare, Matcher, matches_all};
pub use server::{Bound, Options, ServeError, Server};
pub use words::{
    Action, AlertState, ChangeQuery, ChangeRow, Chart, DeadLetter, EventQuery, EventRow, Forecast, Gauges,
    IncidentQuery, Level, News, Page, Paging, Silence, SourceState, Status, What,
};

#[cfg(test)]
mod tests;
