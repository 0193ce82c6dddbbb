//! Hour-of-day and hour-of-week profile in 220 bytes.

pub(super) const HOURS_DAY: usize = 24;
pub(super) const HOURS_WEEK: usize = 168;
/// Steps of the week's slots are this many steps of the day's.
pub(super) const COARSE: f32 = 256.0;

/// What is usual at this hour: a slot for each hour of the day, and for each hour of the week its deviation from that.
///
/// The day is learnt within days, the week only where it differs, so a series of a few days is not judged by empty slots.
/// Slots are small integers of one step that doubles when a value no longer fits: the resolution is at least 1/16,384 of
/// the largest value seen (day) and 1/64 (week). Hours are those of UTC; a fixed offset only renames them, a change of
/// daylight saving shifts the profile by an hour, which it relearns.
#[derive(Debug, Clone, PartialEq)]
pub struct WeekProfile {
    pub(super) step: f32,
    /// `i16::MIN` where nothing was seen.
    pub(super) day: [i16; HOURS_DAY],
    pub(super) week: [i8; HOURS_WEEK],
}

impl Default for WeekProfile {
    fn default() -> Self {
        Self { step: 0.0, day: [i16::MIN; HOURS_DAY], week: [0; HOURS_WEEK] }
    }
}

impl WeekProfile {
    /// Size of [`WeekProfile::write`]'s bytes.
    pub(super) const BYTES: usize = 4 + 2 * HOURS_DAY + HOURS_WEEK;

    /// What is usual at a moment (seconds since the epoch); `None` until that hour of the day was seen.
    #[must_use]
    pub fn usual(&self, time_s: i64) -> Option<f32> {
        self.usual_at(Self::hour(time_s))
    }

    /// Hour of the week, 0 to 167.
    #[inline(always)]
    pub(super) fn hour(time_s: i64) -> usize {
        time_s.div_euclid(3600).rem_euclid(HOURS_WEEK as i64) as usize
    }

    #[inline(always)]
    pub(super) fn usual_at(&self, w: usize) -> Option<f32> {
        let d = w % HOURS_DAY;
        (self.day[d] != i16::MIN)
            .then(|| f32::from(self.day[d]) * self.step + f32::from(self.week[w]) * self.step * COARSE)
    }

    /// Sets the hour of a first value, or moves hour of day and hour of week towards `usual + deviation` by `gain`.
    pub fn learn(&mut self, time_s: i64, deviation: f32, gain: f32) {
        self.learn_at(Self::hour(time_s), deviation, gain);
    }

    #[inline(always)]
    pub(super) fn learn_at(&mut self, w: usize, deviation: f32, gain: f32) {
        let d = w % HOURS_DAY;
        let first = self.day[d] == i16::MIN;
        let day = if first { deviation } else { f32::from(self.day[d]) * self.step + gain * deviation };
        let week = f32::from(self.week[w]) * self.step * COARSE + if first { 0.0 } else { gain * deviation };
        if !(day.is_finite() && week.is_finite()) {
            return;
        }
        let week_room = week.abs() * (32_767.0 / (127.0 * COARSE));
        self.make_room(if day.abs() > week_room { day.abs() } else { week_room });
        if self.step > 0.0 {
            let steps = 1.0 / self.step;
            self.day[d] = nearest(day * steps) as i16;
            self.week[w] = nearest(week * steps * (1.0 / COARSE)) as i8;
        } else {
            self.day[d] = 0;
        }
    }

    /// Where `value` does not fit: a step with which it takes half of the range of a day's slot.
    #[inline(always)]
    fn make_room(&mut self, value: f32) {
        if value > 32_767.0 * self.step && value > 0.0 {
            self.widen(value);
        }
    }

    #[cold]
    fn widen(&mut self, value: f32) {
        let step = value / 16_384.0;
        let shrink = self.step / step;
        for slot in self.day.iter_mut().filter(|s| **s != i16::MIN) {
            *slot = nearest(f32::from(*slot) * shrink) as i16;
        }
        for slot in &mut self.week {
            *slot = nearest(f32::from(*slot) * shrink) as i8;
        }
        self.step = step;
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.step.to_le_bytes());
        out.extend(self.day.iter().flat_map(|v| v.to_le_bytes()));
        out.extend(self.week.iter().map(|v| *v as u8));
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (step, rest) = bytes.split_first_chunk::<4>()?;
        let (day, week) = rest.split_at_checked(2 * HOURS_DAY)?;
        let mut profile = Self { step: f32::from_le_bytes(*step), ..Self::default() };
        for (slot, pair) in profile.day.iter_mut().zip(day.chunks_exact(2)) {
            *slot = i16::from_le_bytes([pair[0], pair[1]]);
        }
        for (slot, byte) in profile.week.iter_mut().zip(week) {
            *slot = *byte as i8;
        }
        (week.len() == HOURS_WEEK && profile.step.is_finite()).then_some(profile)
    }
}

/// The nearest whole number, of two as near the even one, in the low bits of what is returned; |x| below 2²².
///
/// Adding 1.5 · 2²³ leaves no bits for a fraction. A cast from `f32` saturates, and that does not become vector
/// instructions.
#[inline(always)]
pub(super) fn nearest(x: f32) -> u32 {
    (x + 12_582_912.0).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_low_bits_of_the_nearest_whole_number_are_it() {
        for (x, n) in
            [(0.0, 0), (-0.4, 0), (0.6, 1), (-0.6, -1), (2.5, 2), (3.5, 4), (32_767.4, 32_767), (-32_767.4, -32_767)]
        {
            assert_eq!(nearest(x) as i16, n, "{x}");
        }
        assert_eq!((nearest(-127.3) as i8, nearest(126.7) as i8), (-127, 127));
    }

    #[test]
    fn a_weekly_rhythm_is_learnt_and_an_unseen_hour_says_nothing() {
        let mut p = WeekProfile::default();
        assert_eq!(p.usual(0), None);
        let truth = |h: i64| if (h / 24) % 7 < 5 { 100.0 + (h % 24) as f32 } else { 20.0 };
        for h in 0..24 * 7 * 30 {
            let x = truth(h);
            let d = p.usual(h * 3600).map_or(x, |u| x - u);
            p.learn(h * 3600, d, 0.2);
        }
        for h in 0..168 {
            let found = p.usual((24 * 7 * 31 + h) * 3600).unwrap();
            assert!((found - truth(h)).abs() < 6.0, "hour {h}: {found} {}", truth(h));
        }
    }

    #[test]
    fn growth_by_powers_of_ten_keeps_what_was_learnt_and_nothing_overflows() {
        let mut p = WeekProfile::default();
        p.learn(0, 1.0, 0.1);
        p.learn(3600, 1e6, 0.1);
        p.learn(7200, -1e30, 0.1);
        p.learn(10_800, f32::INFINITY, 0.1);
        assert!((p.usual(7200).unwrap() / -1e30 - 1.0).abs() < 1e-3);
        assert_eq!(p.usual(10_800), None);
        let mut bytes = Vec::new();
        p.write(&mut bytes);
        assert_eq!(bytes.len(), WeekProfile::BYTES);
        assert_eq!(WeekProfile::read(&bytes), Some(p));
        assert_eq!(WeekProfile::read(&bytes[1..]), None);
    }
}
