//! Sees when the system's clock jumps: set by hand or by a time server, or the machine slept.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Slower corrections and rounding are no jump.
const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// Holds the wall clock against one that only ever goes on.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    wall: Timestamp,
    steady: Instant,
}

impl Watch {
    pub fn new(wall: Timestamp, steady: Instant) -> Watch {
        Watch { wall, steady }
    }

    /// By how much the wall clock moved since the last look beyond the time that passed, if that is no mere correction.
    pub fn look(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed =
            SignedDuration::try_from(steady.saturating_duration_since(self.steady)).unwrap_or(SignedDuration::MAX);
        let jump = wall.duration_since(self.wall).saturating_sub(passed);
        (self.wall, self.steady) = (wall, steady);
        (jump.abs() >= LEAST).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_jump_is_told_once_and_passing_time_is_none() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        let mut watch = Watch::new(wall, steady);
        let mut look = |wall_s: i64, steady_s: u64| {
            let jump = watch.look(wall + SignedDuration::from_secs(wall_s), steady + Duration::from_secs(steady_s));
            jump.map(|j| j.as_secs())
        };
        assert_eq!(look(3_600, 3_600), None, "an hour without a look");
        assert_eq!(look(3_620, 3_610), None, "ten seconds of correction");
        assert_eq!(look(90_030, 3_620), Some(86_400));
        assert_eq!(look(90_045, 3_635), None);
        assert_eq!(look(3_650, 3_640), Some(-86_400));
        assert_eq!(look(3_660, 3_650), None);
    }
}
