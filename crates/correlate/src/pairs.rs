//! Which alerts go together: learnt from groups that were made by place, used for alerts that tell no place.
//!
//! For every ordered pair of alert names: in how many groups that have the first the second came, and how long after
//! it; for a name with itself, how many more. From that follows, for an alert without a place, how many of its name an
//! open group lets expect at this moment (a Hawkes process with a histogram as its kernel), beside how many come alone.
//! The share of one group in their sum is the probability that the alert belongs to it.

use std::sync::Arc;

use hashbrown::HashMap;

/// Names kept at most. With more pairs than this all counts are halved, and what was seen once goes.
const NAMES_MAX: usize = 2_000;
const PAIRS_MAX: usize = 40_000;
/// Bounds of the delays told apart, seconds: evaluation and delivery blur half a minute.
const EDGES: [f64; BINS + 1] = [-LONGEST_S, -600.0, -180.0, -60.0, -20.0, 0.0, 20.0, 60.0, 180.0, 600.0, LONGEST_S];
const BINS: usize = 10;
/// No effect is looked for later: the longest that a rule of relations waits.
pub(crate) const LONGEST_S: f64 = 1800.0;

/// Number of an alert's name.
pub(crate) type Name = u32;

/// What is known of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    /// Groups that had it, by place.
    groups: f64,
    /// Those of them that had no other name.
    alone: f64,
}

/// Delays of one name after the first of another in the same group.
type Delays = [f64; BINS];

/// The learnt pairs of alert names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pairs {
    ids: HashMap<Arc<str>, Name>,
    names: Vec<Arc<str>>,
    tallies: Vec<Tally>,
    pairs: HashMap<(Name, Name), Delays>,
    /// Groups that had any name.
    groups: f64,
    /// Seconds of the first and the last onset seen.
    seen: Option<(f64, f64)>,
}

/// Two names of alerts and how often they went together, for people. Counts are of groups that were made by place, halved
/// when there are too many, so that they need not be whole.
#[derive(Clone, Debug, PartialEq)]
pub struct LearntPair {
    pub name: Arc<str>,
    /// The one beside which it came.
    pub beside: Arc<str>,
    /// Groups that had both within half an hour; of a name with itself, how many more of it came.
    pub together: f64,
    /// Groups that had `name`, those of them that had nothing else, groups that had `beside`.
    pub groups: f64,
    pub alone: f64,
    pub beside_groups: f64,
    /// How many times more often both came together than if they had nothing to do with each other; `None` of a name with
    /// itself.
    pub lift: Option<f64>,
    /// Between these seconds after `beside` it came most often; below 0: before it.
    pub delay_s: (f64, f64),
}

/// [`Pairs`] as plain rows, for a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PairRows {
    /// Name, groups that had it, those that had nothing else.
    pub names: Vec<(Arc<str>, f64, f64)>,
    /// Two places in `names`: the first of one, then each of the other; how many in each bin of delays.
    pub pairs: Vec<(u32, u32, Vec<f64>)>,
    /// Groups that had any name.
    pub groups: f64,
    /// Seconds of the first and the last onset seen.
    pub seen: Option<(f64, f64)>,
}

impl Pairs {
    pub(crate) fn known(&self, name: &Arc<str>) -> Option<Name> {
        self.ids.get(name).copied()
    }

    /// The number of a name, a new one too; `None` if there are too many.
    pub(crate) fn name(&mut self, name: &Arc<str>) -> Option<Name> {
        if let Some(id) = self.known(name) {
            return Some(id);
        }
        if self.names.len() >= NAMES_MAX {
            return None;
        }
        let id = self.names.len() as Name;
        self.ids.insert(name.clone(), id);
        self.names.push(name.clone());
        self.tallies.push(Tally::default());
        Some(id)
    }

    pub(crate) fn word(&self, name: Name) -> Arc<str> {
        self.names.get(name as usize).cloned().unwrap_or_else(|| "".into())
    }

    /// An alert that tells its place became a member of a group that has `others`, with the first onset of each.
    pub(crate) fn learn(&mut self, name: Name, onset: f64, others: &[(Name, f64)]) {
        self.seen = Some(self.seen.map_or((onset, onset), |(a, b)| (a.min(onset), b.max(onset))));
        if self.pairs.len() >= PAIRS_MAX {
            self.halve();
        }
        if let Some((_, first)) = others.iter().find(|(n, _)| *n == name) {
            // more of the same follow each other; what they follow else was counted with the first
            if let Some(bin) = bin(onset - first) {
                self.pairs.entry((name, name)).or_default()[bin] += 1.0;
            }
            return;
        }
        self.groups += f64::from(u8::from(others.is_empty()));
        let tally = &mut self.tallies[name as usize];
        tally.groups += 1.0;
        tally.alone += f64::from(u8::from(others.is_empty()));
        if let [(only, _)] = others {
            let tally = &mut self.tallies[*only as usize];
            tally.alone = (tally.alone - 1.0).max(0.0);
        }
        for (other, first) in others {
            let Some(bin) = bin(onset - first) else { continue };
            self.pairs.entry((*other, name)).or_default()[bin] += 1.0;
            // what was there came so long before it
            self.pairs.entry((name, *other)).or_default()[BINS - 1 - bin] += 1.0;
        }
    }

    fn halve(&mut self) {
        self.groups /= 2.0;
        for tally in &mut self.tallies {
            tally.groups /= 2.0;
            tally.alone /= 2.0;
        }
        self.pairs.retain(|_, delays| {
            delays.iter_mut().for_each(|n| *n /= 2.0);
            delays.iter().sum::<f64>() >= 1.0
        });
    }

    /// How many alerts of a name a second a group with `others` lets expect at `onset`, and which of them does.
    pub(crate) fn expected(&self, name: Name, onset: f64, others: &[(Name, f64)]) -> Option<(f64, Name)> {
        let one = |(other, first): &(Name, f64)| {
            let bin = bin(onset - first)?;
            let delays = self.pairs.get(&(*other, name))?;
            let total: f64 = delays.iter().sum();
            let width = EDGES[bin + 1] - EDGES[bin];
            // one more delay, spread evenly, and one more group without it: what was seen seldom counts less
            let density = (delays[bin] + width / (2.0 * LONGEST_S)) / (total + 1.0) / width;
            Some((total / (self.tallies[*other as usize].groups + 1.0) * density, *other))
        };
        others.iter().filter_map(one).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// How many alerts of a name come alone, a second; at least half a one in all that was seen.
    pub(crate) fn alone(&self, name: Name) -> f64 {
        let span = self.seen.map_or(0.0, |(a, b)| b - a).max(2.0 * LONGEST_S);
        (self.tallies[name as usize].alone + 0.5) / span
    }

    /// What was learnt, for people: the most frequent first.
    pub fn learnt(&self) -> Vec<LearntPair> {
        let one = |((beside, name), delays): (&(Name, Name), &Delays)| {
            let together: f64 = delays.iter().sum();
            let (tally, other) = (self.tallies[*name as usize], self.tallies[*beside as usize]);
            let is_known = name != beside && self.groups >= tally.groups.max(other.groups);
            let by_chance = tally.groups * other.groups / self.groups;
            // of equal bins the one nearest to the moment itself
            let nearest = |bin: usize| EDGES[bin].abs().min(EDGES[bin + 1].abs());
            let most = (0..BINS)
                .max_by(|a, b| delays[*a].total_cmp(&delays[*b]).then(nearest(*b).total_cmp(&nearest(*a))))
                .unwrap_or(0);
            LearntPair {
                name: self.word(*name),
                beside: self.word(*beside),
                together,
                groups: tally.groups,
                alone: tally.alone,
                beside_groups: other.groups,
                lift: Some(together / by_chance).filter(|lift| is_known && lift.is_finite()),
                delay_s: (EDGES[most], EDGES[most + 1]),
            }
        };
        let mut all: Vec<LearntPair> = self.pairs.iter().map(one).collect();
        all.sort_by(|a, b| {
            let words = |p: &LearntPair| (p.name.clone(), p.beside.clone());
            b.together.total_cmp(&a.together).then_with(|| words(a).cmp(&words(b)))
        });
        all
    }

    /// Everything that was learnt.
    pub fn rows(&self) -> PairRows {
        let names = self.names.iter().zip(&self.tallies).map(|(n, t)| (n.clone(), t.groups, t.alone)).collect();
        let mut pairs: Vec<_> = self.pairs.iter().map(|((a, b), delays)| (*a, *b, delays.to_vec())).collect();
        pairs.sort_by_key(|(a, b, _)| (*a, *b));
        PairRows { names, pairs, groups: self.groups, seen: self.seen }
    }

    /// Takes back what [`Pairs::rows`] gave; rows that cannot be meant so are left out.
    pub fn from_rows(rows: PairRows) -> Pairs {
        let count = |n: f64| if n.is_finite() { n.max(0.0) } else { 0.0 };
        let seen = rows.seen.filter(|(a, b)| a.is_finite() && b.is_finite());
        let mut out = Pairs { seen, groups: count(rows.groups), ..Pairs::default() };
        // a number in the rows, its number here
        let ids: Vec<Option<Name>> = rows
            .names
            .into_iter()
            .map(|(name, groups, alone)| {
                let id = out.name(&name)?;
                out.tallies[id as usize] = Tally { groups: count(groups), alone: count(alone) };
                Some(id)
            })
            .collect();
        let id = |n: u32| ids.get(n as usize).copied().flatten();
        for (a, b, delays) in rows.pairs.into_iter().take(PAIRS_MAX) {
            if let (Some(a), Some(b), Ok(delays)) = (id(a), id(b), Delays::try_from(delays)) {
                out.pairs.insert((a, b), delays.map(count));
            }
        }
        out
    }
}

fn bin(lag: f64) -> Option<usize> {
    let place = EDGES.partition_point(|e| *e <= lag);
    (1..EDGES.len()).contains(&place).then(|| place - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &mut Pairs, words: &[&str]) -> Vec<Name> {
        words.iter().map(|w| pairs.name(&Arc::from(*w)).expect("few names")).collect()
    }

    /// Ten groups in which B follows A after 30 s, ten Bs alone.
    fn learnt() -> (Pairs, Name, Name) {
        let mut pairs = Pairs::default();
        let [a, b] = names(&mut pairs, &["A", "B"])[..] else { panic!("two names") };
        for n in 0..10 {
            let onset = f64::from(n) * 10_000.0;
            pairs.learn(a, onset, &[]);
            pairs.learn(b, onset + 30.0, &[(a, onset)]);
            pairs.learn(b, onset + 5_000.0, &[]);
        }
        (pairs, a, b)
    }

    #[test]
    fn what_follows_is_expected_at_its_delay_and_not_before() {
        let (pairs, a, b) = learnt();
        let at = |lag| pairs.expected(b, 1e6 + lag, &[(a, 1e6)]).map_or(0.0, |e| e.0);
        assert!(at(30.0) > 50.0 * at(-30.0), "{} {}", at(30.0), at(-30.0));
        assert!(at(30.0) > 20.0 * pairs.alone(b), "{} {}", at(30.0), pairs.alone(b));
        assert!(at(-30.0) < pairs.alone(b));
        assert_eq!(at(2_000.0), 0.0);
        // A before a B that is there already
        assert!(pairs.expected(a, 1e6 - 30.0, &[(b, 1e6)]).expect("a pair").0 > 20.0 * pairs.alone(a));
    }

    #[test]
    fn one_that_gets_company_was_not_alone() {
        let (pairs, a, b) = learnt();
        assert_eq!(pairs.tallies[a as usize], Tally { groups: 10.0, alone: 0.0 });
        assert_eq!(pairs.tallies[b as usize], Tally { groups: 20.0, alone: 10.0 });
    }

    #[test]
    fn people_see_how_often_how_late_and_how_much_more_than_by_chance() {
        let (pairs, ..) = learnt();
        let all = pairs.learnt();
        let of = |name: &str, beside: &str| all.iter().find(|p| *p.name == *name && *p.beside == *beside);
        let b = of("B", "A").expect("learnt");
        assert_eq!((b.together, b.groups, b.alone, b.beside_groups), (10.0, 20.0, 10.0, 10.0));
        // 20 groups, all of them with B: that it is there when A is says nothing
        assert_eq!((b.lift, b.delay_s), (Some(1.0), (20.0, 60.0)));
        assert_eq!(of("A", "B").expect("both ways").delay_s, (-60.0, -20.0));
        assert_eq!(all.len(), 2);
        let mut pairs = pairs;
        let c = pairs.name(&"C".into()).expect("few names");
        for n in 0..20 {
            pairs.learn(c, f64::from(n) * 7_000.0, &[]);
        }
        let all = pairs.learnt();
        assert_eq!(all.iter().map(|p| p.lift).collect::<Vec<_>>(), [Some(2.0), Some(2.0)]);
        pairs.learn(c, 30.0, &[(c, 0.0)]);
        assert!(pairs.learnt().iter().any(|p| *p.name == *"C" && *p.beside == *"C" && p.lift.is_none()));
    }

    #[test]
    fn rows_bring_everything_back_and_nonsense_is_left_out() {
        let (pairs, a, _) = learnt();
        let mut rows = pairs.rows();
        assert_eq!(Pairs::from_rows(rows.clone()), pairs);
        rows.pairs.push((a, 77, vec![1.0; BINS]));
        rows.pairs.push((a, a, vec![1.0]));
        assert_eq!(Pairs::from_rows(rows), pairs);
        let wild = PairRows { names: vec![("A".into(), f64::NAN, -1.0)], ..PairRows::default() };
        assert_eq!(Pairs::from_rows(wild).tallies, [Tally::default()]);
    }

    #[test]
    fn memory_is_bounded_and_what_is_frequent_stays() {
        let mut pairs = Pairs::default();
        let ids: Vec<Name> = (0..NAMES_MAX + 5).filter_map(|n| pairs.name(&Arc::from(format!("n{n}")))).collect();
        assert_eq!(ids.len(), NAMES_MAX);
        for round in 0..30 {
            for n in 0..NAMES_MAX - 1 {
                pairs.learn(ids[n + 1], 10.0, &[(ids[(n * (round + 1)) % NAMES_MAX], 0.0)]);
                pairs.learn(ids[1], 10.0, &[(ids[0], 0.0)]);
            }
            assert!(pairs.pairs.len() <= PAIRS_MAX + 2);
        }
        assert!(pairs.expected(ids[1], 10.0, &[(ids[0], 0.0)]).is_some());
    }
}
