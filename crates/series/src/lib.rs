//! Samples → findings: the catalogue of series and the detectors on them.
