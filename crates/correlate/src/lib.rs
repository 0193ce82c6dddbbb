//! Findings and alerts → incidents.
