//! Clustering: which rows, sets or texts belong together.
