//! What must survive: alerts, incidents, outbox, events, series.
