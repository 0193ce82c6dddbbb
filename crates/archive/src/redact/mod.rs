//! Takes secrets out of what is recorded, and nothing else: a recording that hides the host and port of a database is
//! useless, one that shows its password cannot be sent to anybody.
//!
//! Three doors: `object` for a Kubernetes object as JSON, `text` for logs and pasted text, `names_secret` for the name
//! of a variable or key.

mod name;
mod object;
mod text;

pub use name::names_secret;
pub use object::object;
pub use text::{Style, text};

/// What stands where a secret stood.
pub const REDACTED: &str = "REDACTED";

#[cfg(test)]
mod tests;
