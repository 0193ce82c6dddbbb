//! Recent minutes and past days of one series, in fixed memory. Gaps stay gaps: nothing is filled in.

/// Minutes kept.
pub const MINUTES: usize = 240;
/// Seconds of one slot of the past.
pub const SLOT_S: i64 = 600;
/// Slots of a day.
pub const SLOTS_DAY: usize = 144;
/// Slots kept: a week and a bit, so that the same hour a week ago is there with its neighbours.
pub const SLOTS: usize = 7 * SLOTS_DAY + 12;

/// In a ring: there was something, but it is not to be learnt from. One NaN among the others, so that it reads as a gap and
/// takes no room of its own.
const ASIDE: f32 = f32::from_bits(0x7fc0_0a51);

/// A ring of values by number of their time step; NaN where none came.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ring {
    values: Box<[f32]>,
    /// Number of the newest step; −1 before the first.
    newest: i64,
}

impl Ring {
    pub fn new(length: usize) -> Self {
        Ring { values: vec![f32::NAN; length].into(), newest: -1 }
    }

    pub fn newest(&self) -> i64 {
        self.newest
    }

    fn place(&self, step: i64) -> usize {
        // the length is a small positive number, so the remainder fits
        usize::try_from(step.rem_euclid(i64::try_from(self.values.len()).unwrap_or(1))).unwrap_or(0)
    }

    /// The value of a step; NaN where there is none or it has left.
    pub fn get(&self, step: i64) -> f64 {
        if self.is_inside(step) { f64::from(self.values[self.place(step)]) } else { f64::NAN }
    }

    /// Sets a step; steps between the newest and it become gaps. Steps that have left are ignored.
    pub fn set(&mut self, step: i64, value: f64) {
        let length = i64::try_from(self.values.len()).unwrap_or(0);
        if step < 0 || step <= self.newest - length {
            return;
        }
        if self.newest < 0 || step - self.newest >= length {
            self.values.fill(f32::NAN);
        } else {
            for gap in self.newest + 1..=step {
                let place = self.place(gap);
                self.values[place] = f32::NAN;
            }
        }
        self.newest = self.newest.max(step);
        let place = self.place(step);
        #[allow(clippy::cast_possible_truncation, reason = "windows keep seven digits")]
        let small = value as f32;
        self.values[place] = small;
    }

    /// Notes for a step without a value that there was one, though nothing may be learnt from it.
    pub fn set_aside(&mut self, step: i64) {
        if self.get(step).is_nan() {
            self.set(step, f64::NAN);
            if self.is_inside(step) {
                let place = self.place(step);
                self.values[place] = ASIDE;
            }
        }
    }

    /// True for a step with a value, learnt from or not.
    pub fn is_seen(&self, step: i64) -> bool {
        let value = || self.values[self.place(step)];
        self.is_inside(step) && (value().is_finite() || value().to_bits() == ASIDE.to_bits())
    }

    fn is_inside(&self, step: i64) -> bool {
        let length = i64::try_from(self.values.len()).unwrap_or(0);
        step >= 0 && step <= self.newest && step > self.newest - length
    }

    /// Values of the steps `to - count + 1 ..= to`, oldest first, NaN for gaps.
    pub fn last(&self, to: i64, count: usize) -> Vec<f64> {
        let count = i64::try_from(count).unwrap_or(0);
        (to - count + 1..=to).map(|step| self.get(step)).collect()
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend(self.newest.to_le_bytes());
        out.extend(self.values.iter().flat_map(|v| v.to_le_bytes()));
    }

    pub fn read(read: &mut crate::snapshot::Read<'_>, length: usize) -> Result<Self, crate::SnapshotError> {
        let newest = read.i64()?;
        let mut ring = Ring::new(length);
        for value in &mut ring.values {
            *value = f32::from_bits(read.u32()?);
        }
        ring.newest = newest.max(-1);
        Ok(ring)
    }
}

/// Minutes and days of one series. A minute is the mean of its values; a slot of the past keeps the worst minute, since
/// the question to it is always "was it so bad at this hour before?".
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    pub minutes: Ring,
    pub slots: Ring,
    sum: f64,
    count: u32,
}

impl Window {
    pub fn new() -> Self {
        Window { minutes: Ring::new(MINUTES), slots: Ring::new(SLOTS), sum: 0.0, count: 0 }
    }

    /// Takes a value; `sign` 1 where up is bad. `is_spoilt` says of a minute that its value is no pattern for later days.
    pub fn take(&mut self, at_s: i64, value: f64, sign: f64, is_spoilt: impl Fn(i64) -> bool) {
        let minute = at_s.div_euclid(60);
        if minute > self.minutes.newest() {
            self.close(sign, is_spoilt);
            (self.sum, self.count) = (0.0, 0);
        }
        self.sum += value;
        self.count += 1;
        self.minutes.set(minute, self.sum / f64::from(self.count));
    }

    /// The finished minute goes into its slot.
    fn close(&mut self, sign: f64, is_spoilt: impl Fn(i64) -> bool) {
        let minute = self.minutes.newest();
        let value = self.minutes.get(minute);
        if minute < 0 || !value.is_finite() {
            return;
        }
        let slot = (minute * 60).div_euclid(SLOT_S);
        if is_spoilt(minute) {
            self.slots.set_aside(slot);
            return;
        }
        let before = self.slots.get(slot);
        let worse = if before.is_finite() && sign * before >= sign * value { before } else { value };
        self.slots.set(slot, worse);
    }

    /// The lowest and the highest of `sign · value` over slots near this time of the day on each day kept before today
    /// (`reach` slots to each side), and how many days had a value.
    pub fn usual(&self, at_s: i64, reach: i64, sign: f64) -> Option<Usual> {
        let now = at_s.div_euclid(SLOT_S);
        let mut usual = Usual { low: f64::INFINITY, high: f64::NEG_INFINITY, days: 0 };
        let day = i64::try_from(SLOTS_DAY).unwrap_or(144);
        for back in 1..=7 {
            let centre = now - back * day;
            let near = (centre - reach..=centre + reach).map(|s| sign * self.slots.get(s)).filter(|v| v.is_finite());
            let before = usual.high;
            let mut seen = false;
            for value in near {
                usual.low = usual.low.min(value);
                usual.high = usual.high.max(value);
                seen = true;
            }
            usual.days += u32::from(seen);
            debug_assert!(usual.high >= before);
        }
        (usual.days > 0).then_some(usual)
    }

    /// Drops minutes that lie after a moment.
    pub fn rewind(&mut self, now_s: i64) {
        if self.minutes.newest() > now_s.div_euclid(60) {
            self.minutes = Ring::new(MINUTES);
            (self.sum, self.count) = (0.0, 0);
        }
    }

    /// The highest `sign · value` of all slots before one, where they reach back at least a day.
    pub fn peak_before(&self, slot: i64, sign: f64) -> Option<f64> {
        let length = i64::try_from(SLOTS).unwrap_or(0);
        let values = (slot - length..slot).map(|s| sign * self.slots.get(s)).filter(|v| v.is_finite());
        let (count, high) = values.fold((0_usize, f64::NEG_INFINITY), |(n, high), v| (n + 1, v.max(high)));
        (count * 10 >= SLOTS_DAY * 8).then_some(high)
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        self.minutes.write(out);
        self.slots.write(out);
    }

    pub fn read(read: &mut crate::snapshot::Read<'_>) -> Result<Self, crate::SnapshotError> {
        let (minutes, slots) = (Ring::read(read, MINUTES)?, Ring::read(read, SLOTS)?);
        Ok(Window { minutes, slots, sum: 0.0, count: 0 })
    }
}

/// What other days had at this time, as `sign · value`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usual {
    pub low: f64,
    pub high: f64,
    pub days: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_gaps_and_old_values_leave() {
        let mut r = Ring::new(4);
        r.set(10, 1.0);
        r.set(12, 3.0);
        assert_eq!((r.get(10), r.get(12)), (1.0, 3.0));
        assert!(r.get(11).is_nan() && r.get(13).is_nan() && r.get(9).is_nan());
        r.set(15, 6.0);
        assert!(r.get(10).is_nan() && r.get(11).is_nan() && r.get(12) == 3.0);
        r.set(400, 7.0);
        assert!(r.get(15).is_nan() && r.get(400) == 7.0 && r.last(400, 2)[0].is_nan());
        r.set(3, 1.0);
        assert_eq!(r.newest(), 400);
    }

    #[test]
    fn the_past_keeps_the_worst_minute_of_a_slot() {
        let mut w = Window::new();
        for day in 0..3_i64 {
            for minute in 0..1440 {
                let value = if minute == 125 { 9.0 } else { 1.0 };
                w.take(day * 86_400 + minute * 60, value, 1.0, |_| false);
            }
        }
        let usual = w.usual(3 * 86_400 + 125 * 60, 0, 1.0).expect("three days were seen");
        assert_eq!((usual.low, usual.high, usual.days), (9.0, 9.0, 3));
        let calm = w.usual(3 * 86_400 + 500 * 60, 0, 1.0).expect("three days were seen");
        assert_eq!((calm.low, calm.high), (1.0, 1.0));
    }

    #[test]
    fn spoilt_minutes_are_shown_and_counted_as_seen_but_not_learnt() {
        let mut w = Window::new();
        // minutes 123 to 144: the end of one slot, a whole one, the beginning of a third
        for minute in 0..200 {
            let value = if (123..145).contains(&minute) { 9.0 } else { 1.0 };
            w.take(minute * 60, value, 1.0, |m| (123..145).contains(&m));
        }
        assert_eq!(w.minutes.get(130), 9.0);
        assert_eq!((w.slots.get(12), w.slots.get(14)), (1.0, 1.0));
        assert!(w.slots.get(13).is_nan() && w.slots.is_seen(13) && w.slots.is_seen(12));
        assert!(!w.slots.is_seen(-1) && !w.slots.is_seen(500));
        let mut bytes = Vec::new();
        w.write(&mut bytes);
        let again = Window::read(&mut crate::snapshot::Read::new(&bytes)).expect("what was written");
        assert!(again.slots.get(13).is_nan() && again.slots.is_seen(13));
        w.take(20 * 86_400, 1.0, 1.0, |_| false);
        w.take(20 * 86_400 + 60, 1.0, 1.0, |_| false);
        assert!(!w.slots.is_seen(13), "it has left");
    }
}
