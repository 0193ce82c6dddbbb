//! News for those who listen.
