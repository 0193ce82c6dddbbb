//! The bank's work at a tick: sweep, then the detectors, then what holds.

use std::collections::BTreeMap;

use rootline_model::{EntityRef, Evidence, Finding, Timestamp};

use crate::bank::{Bank, fold};
use crate::catalog::{Nature, Subject};
use crate::context::{Change, ChangeKind, Context};
use crate::detectors::absent::Absent;
use crate::detectors::burn::Budget;
use crate::detectors::forecast::{self, Expected};
use crate::detectors::view::{Sighting, View, describe, group_query};
use crate::store::{Detail, Group, Member, NONE};
use crate::window::{MINUTES, SLOT_S, SLOTS, SLOTS_DAY};

/// Detectors in [`crate::holds::Key`].
pub(crate) const THRESHOLD: u8 = 0;
const SIGMA: u8 = 1;
const SHIFT: u8 = 2;
const CLIMB: u8 = 3;
const PEERS: u8 = 4;
const BURN: u8 = 5;
const FORECAST: u8 = 6;
const ABSENT: u8 = 7;

/// A clock that goes back by more was set back.
const CLOCK_BACK_S: i64 = 300;

/// Newest change of each thing: age in seconds, kind.
type Changes<'a> = BTreeMap<&'a EntityRef, (i64, ChangeKind)>;

fn newest<'a>(changes: &'a [Change], now_s: i64) -> Changes<'a> {
    let mut map: Changes<'a> = BTreeMap::new();
    for change in changes {
        let age = now_s - change.at.as_second();
        if age >= 0 && map.get(&change.entity).is_none_or(|(known, _)| age < *known) {
            map.insert(&change.entity, (age, change.kind));
        }
    }
    map
}

impl Bank {
    /// Works on what came since the last tick and returns everything that holds now, in a fixed order: the same finding
    /// again at every tick while it holds, with the same onset, and no more once it has ended.
    pub fn tick(&mut self, now: Timestamp, context: &Context<'_>) -> Vec<Finding> {
        let now_s = now.as_second();
        if now_s < self.swept_s - CLOCK_BACK_S {
            self.rewind(now_s);
        }
        self.resume(now_s);
        self.derive(now_s);
        let changes = newest(context.changes, now_s);
        let bits = self.sweep(now_s, context);
        self.count_bits(now_s, &bits, context, &changes);
        self.thresholds(now_s, context);
        if now_s.div_euclid(60) > self.minute {
            self.minute = now_s.div_euclid(60);
            self.watch(now_s, context, &changes);
            self.burn(now_s);
            self.forecast(now_s, context, &changes);
            self.absences(now_s, context, &changes);
            self.forget(now_s);
        }
        self.holds.expire(now_s);
        self.findings(now_s)
    }

    /// The clock was set back: what was stamped with a time that is yet to come would shut out all that comes.
    fn rewind(&mut self, now_s: i64) {
        self.swept_s = now_s;
        self.minute = now_s.div_euclid(60) - 1;
        self.forgot_s = self.forgot_s.min(now_s);
        let now = u32::try_from(now_s).unwrap_or(0);
        self.store.groups.iter_mut().for_each(|g| g.last_s = g.last_s.min(now));
        for member in self.store.members.iter_mut().flatten() {
            member.last_s = member.last_s.min(now_s - 1);
            member.minutes = crate::window::Ring::new(crate::store::MEMBER_MINUTES);
        }
        self.store.details.iter_mut().for_each(|d| d.window.rewind(now_s));
        self.holds.rewind(now_s);
        self.budgets.clear();
        self.outlooks.clear();
    }

    /// Folds members to their baselines and shows every baseline to its operator; returns the scores above 0. What is under
    /// maintenance is kept for charts and learnt by nobody.
    pub(crate) fn sweep(&mut self, now_s: i64, context: &Context<'_>) -> Vec<(u32, f32)> {
        let Bank { store, tiers, entries, options, .. } = self;
        for detail in &mut store.details {
            let group = &store.groups[detail.group as usize];
            if group.count == 0 {
                continue;
            }
            let series = entries[usize::from(group.entry)];
            let live = detail.members.iter().filter_map(|m| store.members.get(*m as usize)?.as_ref());
            let fresh = live.filter(|m| now_s - m.last_s <= options.lookback_s && m.value.is_finite());
            let value = fold(series.fold, fresh.map(|m| m.value));
            if value.is_finite() {
                let is_spoilt = |minute: i64| {
                    let entity = store.names.get(group.name).map(|subject| &subject.entity);
                    entity.is_some_and(|e| context.maintenance.iter().any(|m| m.spoils(minute, e)))
                };
                detail.window.take(now_s, value, series.bad.sign(), is_spoilt);
            }
        }
        let (groups, covered) = (&store.groups, context.covered(now_s));
        let is_covered = |g: &Group| store.names.get(g.name).is_some_and(|subject| covered.has(&subject.entity));
        let value = |i: usize| match groups.get(i) {
            Some(g) if !covered.is_empty() && is_covered(g) => f64::NAN,
            Some(g) if g.count > 0 => f64::from(g.sum) / f64::from(g.count),
            _ => f64::NAN,
        };
        let mut bits = Vec::new();
        tiers.sweep(now_s, value, |index, sight| bits.push((u32::try_from(index).unwrap_or(NONE), sight.score)));
        for group in &mut self.store.groups {
            (group.sum, group.count) = (0.0, 0);
        }
        self.swept_s = self.swept_s.max(now_s);
        self.stats.bits = bits.len() as u64;
        bits
    }

    fn count_bits(&mut self, now_s: i64, bits: &[(u32, f32)], context: &Context<'_>, changes: &Changes<'_>) {
        let settings = self.options.detectors.dynamic.clone();
        if !settings.enabled {
            return;
        }
        self.bits.expire(now_s - settings.within_s);
        for (number, score) in bits.iter().filter(|b| b.1 >= settings.score) {
            let Some(group) = self.store.groups.get(*number as usize) else { continue };
            let Some(subject) = self.store.names.get(group.name) else { continue };
            let begun_s = self.taught_s.max(i64::from(group.first_h) * 3600);
            let is_young = now_s - begun_s < self.options.detectors.warm_s;
            let is_changed = changes.get(&subject.entity).is_some_and(|(age, _)| *age < 3600);
            if !is_young && !is_changed && !context.is_maintained(now_s, &[&subject.entity]) {
                self.bits.add(&subject.entity, now_s, group.entry, *score);
            }
        }
    }

    /// The detectors that look at windows, once a minute.
    fn watch(&mut self, now_s: i64, context: &Context<'_>, changes: &Changes<'_>) {
        let settings = self.options.detectors.clone();
        let mut sightings: Vec<(u8, u32, u32, Finding, i64)> = Vec::new();
        let mut distances: Vec<(u32, f64)> = Vec::new();
        let minute = now_s.div_euclid(60) - 1;
        let recent = context.windows_in(minute - i64::try_from(MINUTES).unwrap_or(0), minute);
        for detail in &self.store.details {
            let Some(mut view) = self.view(detail, now_s, changes) else { continue };
            view.spoilt = recent.iter().filter_map(|m| m.minutes(&view.subject.entity)).collect();
            let is_quiet = context.is_maintained(now_s, &[&view.subject.entity]);
            let mut say = |detector: u8, member: u32, about: Option<&Member>, s: &Sighting| {
                if !is_quiet {
                    sightings.push((detector, detail.group, member, view.finding(s, about), s.linger_s));
                }
            };
            for apart in settings.peers.look(&view) {
                if !is_quiet {
                    distances.push((apart.member, apart.distance));
                }
                let about = self.store.member(apart.member);
                if let (Some(s), Some(_)) = (&apart.sighting, about) {
                    say(PEERS, apart.member, about, s);
                }
            }
            if view.age_s < settings.warm_s || now_s - i64::from(self.store.groups[detail.group as usize].last_s) > 180
            {
                continue;
            }
            for (detector, seen) in [
                (SIGMA, settings.sigma.look(&view)),
                (SHIFT, settings.shift.look(&view)),
                (CLIMB, settings.climb.look(&view)),
            ] {
                if let Some(s) = seen {
                    say(detector, NONE, None, &s);
                }
            }
        }
        for (detector, group, member, finding, linger_s) in sightings {
            self.holds.sight((detector, 0, group, member), now_s, finding, linger_s);
        }
        for (number, distance) in distances {
            if let Some(Some(m)) = self.store.members.get_mut(number as usize) {
                m.learn_distance(distance);
            }
        }
    }

    fn view<'a>(&'a self, detail: &'a Detail, now_s: i64, changes: &Changes<'_>) -> Option<View<'a>> {
        let group = self.store.groups.get(detail.group as usize)?;
        let subject = self.store.names.get(group.name)?;
        let is_restarted = |m: &Member| changes.get(&m.subject.entity.whole()).is_some_and(|(age, _)| *age < 900);
        let members = detail.members.iter().filter_map(|n| Some((*n, self.store.member(*n)?)));
        Some(View {
            series: self.entries[usize::from(group.entry)],
            subject,
            detail,
            members: members.filter(|(_, m)| changes.is_empty() || !is_restarted(m)).collect(),
            spoilt: Vec::new(),
            now_s,
            age_s: now_s - i64::from(group.first_h) * 3600,
            change: changes.get(&subject.entity).copied(),
        })
    }

    /// Feeds the last whole minute to the budgets and looks at them.
    pub(crate) fn burn(&mut self, now_s: i64) {
        let settings = self.options.detectors.burn.clone();
        if !settings.enabled {
            return;
        }
        let minute = now_s.div_euclid(60) - 1;
        let number_of = |id: &str| self.entries.iter().position(|s| s.id == id).and_then(|i| u16::try_from(i).ok());
        let slos: Vec<(u16, u16, f64, u8)> = self
            .options
            .slos
            .iter()
            .zip(0_u8..)
            .filter_map(|(s, which)| Some((number_of(s.total)?, number_of(s.errors)?, s.objective, which)))
            .collect();
        for detail in &self.store.details {
            let group = &self.store.groups[detail.group as usize];
            let Some((_, errors, objective, which)) = slos.iter().find(|s| s.0 == group.entry) else { continue };
            let Some(subject) = self.store.names.get(group.name) else { continue };
            let key = (*which, subject.clone());
            if !self.budgets.contains_key(&key) && self.budgets.len() >= settings.budgets_max {
                continue;
            }
            let failed = self.store.group(*errors, group.name).and_then(|g| self.store.detail(g));
            let failed = failed.map_or(0.0, |d| d.window.minutes.get(minute));
            let requests = detail.window.minutes.get(minute);
            let budget = self.budgets.entry(key).or_insert_with(Budget::new);
            budget.take(minute, requests * 60.0, if failed.is_finite() { failed * 60.0 } else { 0.0 });
            let series = self.entries[usize::from(*errors)];
            for variant in 0..3 {
                let hold = (BURN, variant, detail.group, NONE);
                match budget.look(&settings, minute, *objective).filter(|b| b.which == variant) {
                    None => self.holds.remove(hold),
                    Some(burning) => {
                        let query = group_query(series, subject, None);
                        let finding = describe(burning.code, series, subject)
                            .since(Timestamp::from_second(burning.onset_min * 60).ok())
                            .arg("burn", format!("{:.1}", burning.burn))
                            .arg("errors", format!("{:.1} %", burning.failed * 100.0))
                            .arg("window", format!("{} min", burning.window_min))
                            .evidence(Evidence::Sample { query, value: format!("{:.4}", burning.failed) });
                        self.holds.sight(hold, now_s, finding, 300);
                    }
                }
            }
        }
    }

    /// Looks ahead, a bounded number of series a tick.
    fn forecast(&mut self, now_s: i64, context: &Context<'_>, changes: &Changes<'_>) {
        let settings = self.options.detectors.forecast.clone();
        if !settings.enabled {
            return;
        }
        let mut done: Vec<(u32, Option<Expected>, Option<Finding>)> = Vec::new();
        for detail in &self.store.details {
            if done.len() >= settings.per_tick {
                break;
            }
            let last = self.outlooks.get(&detail.group).map_or(0, |o| o.0);
            let group = &self.store.groups[detail.group as usize];
            let Some(limit) =
                self.entries[usize::from(group.entry)].forecast.filter(|_| now_s - last >= settings.every_s)
            else {
                continue;
            };
            let Some(view) = self.view(detail, now_s, changes) else { continue };
            let is_restarted = view.series.nature == Nature::Usage && view.is_settling(7200, 7200);
            let is_old = now_s - i64::from(group.last_s) > 900;
            if view.age_s < self.options.detectors.warm_s || is_restarted || is_old {
                done.push((detail.group, None, None));
                continue;
            }
            let values = detail.window.slots.last(now_s.div_euclid(SLOT_S) - 1, SLOTS);
            let seen = forecast::expected(&values, limit, settings.horizon);
            let is_quiet = context.is_maintained(now_s, &[&view.subject.entity]);
            let likely = seen.filter(|e| e.probability >= settings.probability && !is_quiet);
            let finding = likely.map(|e| {
                let now = values.last().copied().unwrap_or(f64::NAN);
                let args = vec![
                    ("limit", view.show(limit)),
                    ("value", view.show(now)),
                    ("probability", format!("{:.0}", e.probability * 100.0)),
                    ("eta", span(e.slots * 600.0)),
                ];
                let onset_s = now_s;
                view.finding(
                    &Sighting { code: "series.forecast_breach", onset_s, nats: 1.0, args, linger_s: 1500 },
                    None,
                )
            });
            done.push((detail.group, seen, finding));
        }
        for (group, seen, finding) in done {
            self.outlooks.insert(group, (now_s, seen));
            match finding {
                Some(finding) => self.holds.sight((FORECAST, 0, group, NONE), now_s, finding, 1500),
                None => self.holds.remove((FORECAST, 0, group, NONE)),
            }
        }
    }

    fn absences(&mut self, now_s: i64, context: &Context<'_>, changes: &Changes<'_>) {
        let settings = self.options.detectors.absent.clone();
        let newest =
            self.store.groups.iter().filter(|g| g.name != NONE).map(|g| i64::from(g.last_s)).max().unwrap_or(0);
        let alive = self.store.groups.iter().filter(|g| g.name != NONE && newest - i64::from(g.last_s) < 120).count();
        let is_silent = settings.enabled && now_s - newest > settings.source_s && alive >= settings.source_min;
        self.silent = is_silent.then_some((newest, alive));
        if !settings.enabled || is_silent {
            return;
        }
        let mut found = Vec::new();
        for detail in &self.store.details {
            let group = &self.store.groups[detail.group as usize];
            let series = self.entries[usize::from(group.entry)];
            let silent_s = now_s - i64::from(group.last_s);
            // after a day of silence it is gone and no news
            if !Absent::watches(series) || silent_s < settings.silent_s || silent_s > 86_400 {
                continue;
            }
            let Some(view) = self.view(detail, now_s, changes) else { continue };
            let is_gone = changes.get(&view.subject.entity).is_some_and(|(_, kind)| *kind == ChangeKind::Gone);
            if is_gone || context.is_maintained(now_s, &[&view.subject.entity]) {
                continue;
            }
            let last_slot = i64::from(group.last_s).div_euclid(SLOT_S);
            let past = last_slot - i64::try_from(SLOTS_DAY).unwrap_or(0)..last_slot;
            let there = past.filter(|slot| detail.window.slots.is_seen(*slot)).count();
            #[allow(clippy::cast_precision_loss, reason = "at most 144")]
            let is_steady = there as f64 >= settings.presence * SLOTS_DAY as f64;
            let others = self.store.groups.iter().filter(|g| g.name != NONE && g.entry == group.entry);
            let is_alone = others.clone().count() > 1 && !others.into_iter().any(|g| now_s - i64::from(g.last_s) < 120);
            if is_steady && !is_alone {
                let onset_s = i64::from(group.last_s);
                let args = Vec::new();
                let sighting = Sighting { code: "series.absent", onset_s, nats: 1.0, args, linger_s: 120 };
                found.push((detail.group, view.finding(&sighting, None)));
            }
        }
        for (group, finding) in found {
            self.holds.sight((ABSENT, 0, group, NONE), now_s, finding, 120);
        }
    }

    fn findings(&mut self, now_s: i64) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.holds.firing().map(|(_, hold)| hold.finding.clone()).collect();
        all.extend(self.logs.look(&self.options.detectors.logs, now_s));
        for (entity, entries, first, score) in self.bits.agreed(self.options.detectors.dynamic.series_min) {
            let names = |zh: bool| {
                let words = entries.iter().map(|e| self.entries[usize::from(*e)]);
                words.map(|s| if zh { s.zh } else { s.en }).collect::<Vec<_>>().join(if zh { "、" } else { ", " })
            };
            all.push(
                Finding::new("series.unusual", entity.clone())
                    .nats(1.0)
                    .since(Timestamp::from_second(first).ok())
                    .arg("subject", entity.to_string())
                    .arg("what", names(false))
                    .arg("what_zh", names(true))
                    .arg("score", format!("{score:.1}")),
            );
        }
        if let Some((newest, count)) = self.silent {
            let finding = Finding::new("series.source_silent", EntityRef::cluster());
            all.push(finding.since(Timestamp::from_second(newest).ok()).arg("count", count.to_string()));
        }
        let subject = |f: &Finding| f.args.get("subject").map(str::to_owned);
        all.sort_by(|a, b| {
            (&a.entity, &a.code, subject(a), a.args.get("series")).cmp(&(
                &b.entity,
                &b.code,
                subject(b),
                b.args.get("series"),
            ))
        });
        if all.len() > self.options.findings_max {
            self.stats.findings_dropped += (all.len() - self.options.findings_max) as u64;
            all.sort_by(|a, b| b.strength.get().total_cmp(&a.strength.get()));
            all.truncate(self.options.findings_max);
        }
        all
    }

    /// Lets go of pods that ended and of baselines nobody has seen for long; every ten minutes.
    fn forget(&mut self, now_s: i64) {
        if now_s - self.forgot_s < 600 {
            return;
        }
        self.forgot_s = now_s;
        let old = |s: i64, after: i64| now_s - s > after;
        let is_old = |i: &crate::store::Instance| {
            let group = self.store.groups.get(i.group as usize);
            match self.store.member(i.member) {
                Some(m) => old(m.last_s, 3600),
                None => group.is_none_or(|g| old(i64::from(g.last_s), 3600)),
            }
        };
        let ended: Vec<u32> = self
            .store
            .instances
            .iter()
            .zip(0_u32..)
            .filter(|(i, _)| i.group != NONE && is_old(i))
            .map(|(_, n)| n)
            .collect();
        for number in ended {
            self.store.drop_instance(number);
        }
        let forget_s = self.options.forget_s;
        let groups = self.store.groups.iter().zip(0_u32..);
        let gone: Vec<u32> =
            groups.filter(|(g, _)| g.name != NONE && old(i64::from(g.last_s), forget_s)).map(|(_, n)| n).collect();
        for number in gone {
            self.store.drop_group(number);
            self.holds.forget(number);
            self.outlooks.remove(&number);
        }
        self.store.shorten_names();
        self.logs.forget(now_s - forget_s);
        let known: std::collections::BTreeSet<&Subject> = self.store.names.iter().collect();
        self.budgets.retain(|(_, subject), _| known.contains(subject));
    }
}

/// `40 min`, `3.2 h`, `2.1 d`.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}
