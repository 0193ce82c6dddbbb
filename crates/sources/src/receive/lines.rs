//! Log lines of one request, within its limits.

use jiff::Timestamp;

use super::{Limits, Refused, Reply, Taken};
use crate::intake::{Line, StreamLabels};

pub(super) struct Lines<'l> {
    pub taken: Taken<Vec<Line>>,
    pub limits: &'l Limits,
}

impl<'l> Lines<'l> {
    pub fn new(limits: &'l Limits, reply: Reply) -> Self {
        Lines { taken: Taken { reply, ..Taken::default() }, limits }
    }

    /// Takes a line, cut if it is too long.
    ///
    /// # Errors
    /// 413 for one too many.
    pub fn push(&mut self, of: StreamLabels, at: Option<Timestamp>, text: &str) -> Result<(), Refused> {
        if self.taken.data.len() >= self.limits.lines {
            return Err(Refused::too_large(format!("more than {} lines in one request", self.limits.lines)));
        }
        let kept = text.get(..text.floor_char_boundary(self.limits.line_bytes)).unwrap_or(text);
        self.taken.note("cut_line", u64::from(kept.len() < text.len()));
        self.taken.data.push(Line { of, at, text: kept.to_owned() });
        Ok(())
    }
}

/// Labels of a stream or record that are within the limits; what is too much or too long does not matter to us and is left
/// out.
pub(super) fn fitting<'a>(
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    limits: &Limits,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (names, values) = (limits.label_name_bytes, limits.label_value_bytes);
    labels.into_iter().take(limits.labels.saturating_mul(4)).filter(move |(n, v)| n.len() <= names && v.len() <= values)
}
