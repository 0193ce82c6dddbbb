//! Outliers in rows, windows and series.
