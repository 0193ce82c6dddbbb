//! What a person can look up to check a claim.

use jiff::Timestamp;

use crate::EntityRef;

#[derive(Clone, Debug, PartialEq)]
pub enum Evidence {
    /// A field of an object and its value: `spec.selector.app = carts`.
    Field {
        object: EntityRef,
        path: String,
        value: String,
    },
    /// A condition as the API states it.
    Condition {
        object: EntityRef,
        condition: String,
        status: String,
        reason: String,
        message: String,
        since: Option<Timestamp>,
    },
    /// A state or last state of a container.
    State {
        container: EntityRef,
        state: String,
        reason: String,
        exit_code: Option<i32>,
        message: String,
        at: Option<Timestamp>,
    },
    Event {
        object: EntityRef,
        reason: String,
        message: String,
        count: u32,
        last: Option<Timestamp>,
    },
    Log {
        container: EntityRef,
        line: String,
        previous: bool,
        count: u32,
    },
    /// An object that something refers to and that is not there.
    Absent {
        object: EntityRef,
        referred_by: EntityRef,
    },
    /// A sum that does not come out: `requested 6500m > free 1200m`.
    Arithmetic {
        object: EntityRef,
        what: String,
        left: String,
        relation: String,
        right: String,
    },
    /// A metric with the query that gave it.
    Sample {
        query: String,
        value: String,
    },
    /// Text of a node's service manager or another tool, quoted.
    Quote {
        object: EntityRef,
        source: String,
        text: String,
    },
    /// An alert of another system.
    Alert {
        name: String,
        object: EntityRef,
        since: Option<Timestamp>,
    },
}
