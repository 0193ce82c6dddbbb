//! Cron schedules as CronJobs write them: five fields, ranges, steps, lists, names, `@hourly`. Source: robfig/cron v3,
//! which the CronJob controller uses.

/// Minutes looked back over at most: eight days.
const LOOK_BACK_MIN: i64 = 8 * 24 * 60;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    /// Whether day of month and day of week are both restricted: then either of them is enough.
    either_day: bool,
    every_s: Option<i64>,
}

impl Schedule {
    pub fn parse(text: &str) -> Option<Schedule> {
        let text = text.trim();
        let text = match text.split_once(' ') {
            Some((zone, rest)) if zone.starts_with("TZ=") || zone.starts_with("CRON_TZ=") => rest.trim(),
            _ => text,
        };
        if let Some(every) = text.strip_prefix("@every ") {
            let mut blank = Schedule::parse("* * * * *")?;
            blank.every_s = Some(duration_s(every.trim())?);
            return Some(blank);
        }
        let text = match text {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let weekdays = field(weekday, 0, 7, &days, 0)?;
        let star = |f: &str| f.starts_with('*') || f.starts_with('?');
        Some(Schedule {
            minute: field(minute, 0, 59, &[], 0)?,
            hour: field(hour, 0, 23, &[], 0)?,
            day: field(day, 1, 31, &[], 0)?,
            month: field(month, 1, 12, &months, 1)?,
            // 7 is Sunday too
            weekday: weekdays | (weekdays >> 7 & 1),
            either_day: !star(day) && !star(weekday),
            every_s: None,
        })
    }

    /// Runs due in (from, to], by UTC, looking back eight days at most.
    pub fn runs_between(&self, from_s: i64, to_s: i64) -> usize {
        if let Some(every) = self.every_s.filter(|e| *e > 0) {
            return usize::try_from((to_s - from_s).max(0) / every).unwrap_or(0);
        }
        let last = to_s.div_euclid(60);
        let first = (from_s.div_euclid(60) + 1).max(last - LOOK_BACK_MIN);
        (first..=last).filter(|m| self.is_due(*m)).count()
    }

    fn is_due(&self, minute: i64) -> bool {
        let has = |set: u64, value: i64| u32::try_from(value).is_ok_and(|v| v < 64 && set >> v & 1 == 1);
        if !has(self.minute, minute.rem_euclid(60)) || !has(self.hour, minute.div_euclid(60).rem_euclid(24)) {
            return false;
        }
        let days = minute.div_euclid(24 * 60);
        let (month, day) = month_and_day(days);
        // 1970-01-01 was a Thursday
        let weekday = (days + 4).rem_euclid(7);
        let (by_day, by_weekday) = (has(self.day, day), has(self.weekday, weekday));
        let on_day = if self.either_day { by_day || by_weekday } else { by_day && by_weekday };
        has(self.month, month) && on_day
    }
}

/// Civil month and day of a day number since 1970. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
fn month_and_day(days: i64) -> (i64, i64) {
    let of_era = (days + 719_468).rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    (if shifted < 10 { shifted + 3 } else { shifted - 9 }, day)
}

/// One field as a set of bits.
fn field(text: &str, min: u32, max: u32, names: &[&str], name_base: u32) -> Option<u64> {
    let number = |word: &str| -> Option<u32> {
        let lower = word.to_ascii_lowercase();
        let named = names.iter().position(|n| *n == lower).and_then(|i| u32::try_from(i).ok()).map(|i| i + name_base);
        named.or_else(|| word.parse().ok()).filter(|n| (min..=max).contains(n))
    };
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u32>().ok().filter(|s| *s > 0)?),
            None => (part, 1),
        };
        let (low, high) = match range {
            "*" | "?" => (min, max),
            _ => match range.split_once('-') {
                Some((low, high)) => (number(low)?, number(high)?),
                None if part.contains('/') => (number(range)?, max),
                None => (number(range)?, number(range)?),
            },
        };
        if low > high {
            return None;
        }
        for value in (low..=high).step_by(usize::try_from(step).ok()?) {
            set |= 1 << value;
        }
    }
    Some(set)
}

/// Go's durations in whole seconds: `1h30m`, `90s`.
fn duration_s(text: &str) -> Option<i64> {
    let mut total = 0i64;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let factor = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<i64>().ok()?.checked_mul(factor)?)?;
        digits.clear();
    }
    (digits.is_empty() && total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_read_as_the_controller_reads_them() {
        for (text, good) in [
            ("*/5 * * * *", true),
            ("0 3 * * mon-fri", true),
            ("0 0 1,15 * *", true),
            ("@hourly", true),
            ("@every 1h30m", true),
            ("TZ=Europe/Berlin 0 3 * * *", true),
            ("0 25 * * *", false),
            ("* * * *", false),
            ("0 0 * * * *", false),
            ("every day", false),
            ("5-1 * * * *", false),
        ] {
            assert_eq!(Schedule::parse(text).is_some(), good, "{text}");
        }
    }

    #[test]
    fn due_runs_are_counted() {
        let at = |text: &str| text.parse::<rootline_model::Timestamp>().map(|t| t.as_second()).unwrap_or_default();
        let (from, to) = (at("2026-11-22T12:00:00Z"), at("2026-11-23T12:00:00Z"));
        for (text, want) in [
            ("0 * * * *", 24),
            ("*/15 * * * *", 96),
            ("30 3 * * *", 1),
            ("0 0 23 11 *", 1),
            ("0 0 24 11 *", 0),
            ("0 6 * * mon", 1),
            ("0 6 * * tue", 0),
            ("@every 6h", 4),
        ] {
            let schedule = Schedule::parse(text);
            assert_eq!(schedule.map(|s| s.runs_between(from, to)), Some(want), "{text}");
        }
        assert_eq!(month_and_day(0), (1, 1));
        assert_eq!(month_and_day(20_780), (11, 23));
    }
}
