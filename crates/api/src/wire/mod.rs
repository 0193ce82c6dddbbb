//! What goes over the wire, by version. Version 1 only ever gains fields.

pub mod am2;
pub mod v1;

/// An incident as `GET /api/v1/incidents/{id}` answers it, for those who hand incidents on.
pub fn incident_json(incident: rootline_model::LiveIncident) -> serde_json::Value {
    serde_json::to_value(v1::Incident::from(incident)).unwrap_or_default()
}
