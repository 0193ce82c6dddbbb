//! Ages (`3d4h`, `94s`) and the moments `describe` prints.

use jiff::{SignedDuration, Timestamp};
use rootline_objects::Time;

/// Reads a duration as kubectl shortens it: `94s`, `2m3s`, `3d4h`, `2y10d`. `None` for `<unknown>` and other words.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let mut total: i64 = 0;
    let mut number: Option<i64> = None;
    for &b in bytes {
        if b.is_ascii_digit() {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(i64::from(b - b'0'))?);
            continue;
        }
        let unit = match b {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 604_800,
            b'y' => 31_536_000,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    (number.is_none() && !bytes.is_empty()).then_some(total)
}

/// The moment that lies `age` before `now`.
pub(super) fn ago(now: Timestamp, age: &str) -> Time {
    Time(seconds(age).and_then(|s| now.checked_sub(SignedDuration::from_secs(s)).ok()))
}

/// Reads a moment as kubectl prints it: RFC 1123 with offset, RFC 3339, or Go's `2025-11-29 21:01:41 +0800 CST`.
pub(super) fn moment(text: &str) -> Time {
    let text = text.trim();
    if text.is_empty() || text.starts_with('<') {
        return Time(None);
    }
    rfc1123(text).map_or_else(|| go_default(text).map_or_else(|| Time::parse(text), Time::from), Time::from)
}

/// `Sat, 29 Nov 2025 21:01:41 +0800`.
fn rfc1123(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split_ascii_whitespace();
    let day = words.next()?.parse().ok()?;
    let month = match words.next()? {
        "Jan" => 1,
        "Feb" => 2,
        "Mar" => 3,
        "Apr" => 4,
        "May" => 5,
        "Jun" => 6,
        "Jul" => 7,
        "Aug" => 8,
        "Sep" => 9,
        "Oct" => 10,
        "Nov" => 11,
        "Dec" => 12,
        _ => return None,
    };
    let year = words.next()?.parse().ok()?;
    let clock = clock(words.next()?)?;
    join(year, month, day, clock, words.next().unwrap_or("+0000"))
}

/// `2025-11-29 21:01:41 +0800 CST`.
fn go_default(text: &str) -> Option<Timestamp> {
    let mut words = text.split_ascii_whitespace();
    let mut date = words.next()?.split('-');
    let year = date.next()?.parse().ok()?;
    let month = date.next()?.parse().ok()?;
    let day = date.next()?.parse().ok()?;
    let clock = clock(words.next()?)?;
    join(year, month, day, clock, words.next()?)
}

/// Seconds since midnight of `21:01:41`; a fraction is dropped.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split('.').next()?.split(':');
    let hours: i64 = parts.next()?.parse().ok()?;
    let minutes: i64 = parts.next()?.parse().ok()?;
    let seconds: i64 = parts.next()?.parse().ok()?;
    let sane = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..=60).contains(&seconds);
    sane.then_some(hours * 3_600 + minutes * 60 + seconds)
}

/// Days by Howard Hinnant's `days_from_civil`: a calendar library would parse the month's name through a locale table.
fn join(year: i64, month: i64, day: i64, clock: i64, offset: &str) -> Option<Timestamp> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1..=9_998).contains(&year) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    let shift = match offset {
        "UTC" | "GMT" | "Z" => 0,
        _ => {
            let (sign, digits) =
                offset.strip_prefix('+').map(|d| (1, d)).or_else(|| offset.strip_prefix('-').map(|d| (-1, d)))?;
            let number: i64 = digits.parse().ok().filter(|n| (0..=2_400).contains(n))?;
            sign * (number / 100 * 3_600 + number % 100 * 60)
        }
    };
    Timestamp::from_second(days * 86_400 + clock - shift).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_read_as_kubectl_shortens_them() {
        for (text, want) in [
            ("94s", Some(94)),
            ("2m3s", Some(123)),
            ("3d4h", Some(273_600)),
            ("2y10d", Some(63_936_000)),
            ("0s", Some(0)),
            ("<unknown>", None),
            ("5", None),
            ("", None),
            ("m", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(seconds(text), want, "{text}");
        }
    }

    #[test]
    fn moments_keep_their_offset() {
        for (text, want) in [
            ("Sat, 29 Nov 2025 21:01:41 +0800", Some("2025-11-29T13:01:41Z")),
            ("Mon, 01 Jan 2024 00:00:00 -0330", Some("2024-01-01T03:30:00Z")),
            ("Thu, 29 Feb 2024 12:00:00 UTC", Some("2024-02-29T12:00:00Z")),
            ("2025-03-01 08:00:00 +0100 CET", Some("2025-03-01T07:00:00Z")),
            ("2025-03-01T08:00:00Z", Some("2025-03-01T08:00:00Z")),
            ("<unset>", None),
            ("Sat, 29 Nov 2025", None),
            ("Sat, 99 Nov 2025 21:01:41 +0800", None),
        ] {
            assert_eq!(moment(text).0.map(|t| t.to_string()).as_deref(), want, "{text}");
        }
    }
}
