//! HTTP: the API, receivers' routes, the first page.
//!
//! **Invariant:** nothing is decided here. What is read comes from a [`Backend`], what is pushed goes to an [`Intake`];
//! wire types stand in `wire` and are converted by hand.

mod auth;
mod backend;
mod doors;
mod feed;
mod guard;
mod intake;
mod matcher;
mod page;
mod problem;
mod push;
mod router;
mod routes;
mod server;
mod standby;
mod telemetry;
mod wire;
mod words;

pub use auth::{Access, Auth, Caller, DoorKeeper, Rank, Token, TokenReviewer};
pub use backend::{Answered, Backend, Fault, Recording};
pub use doors::TlsFiles;
pub use intake::{Accepted, Intake, PushedEvent, Refusal, Why};
pub use matcher::{Compare, Matcher, matches_all};
pub use server::{Audit, Audited, Bound, Options, ServeError, Server};
pub use standby::{Leader, Standby};
pub use wire::incident_json;
pub use words::{
    Action, AlertPair, AlertState, ChangeQuery, ChangeRow, Chart, ConfigState, Counted, DeadLetter, EventQuery,
    EventRow, Forecast, Gauges, IncidentGauge, IncidentQuery, Level, News, OutboxGauge, Page, Paging, PipeGauge,
    Reloaded, Silence, SourceState, Status, What, Window,
};

#[cfg(test)]
mod tests;
