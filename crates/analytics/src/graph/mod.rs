//! Index graphs: reachability, ranking, inference.
