//! Change points: when a series became another.
