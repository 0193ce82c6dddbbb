//! FCI: causes from independence tests where some causes may be hidden (Spirtes, Meek and Richardson 1995; Zhang 2008).
//!
//! PC takes for granted that no two columns share a cause that is not a column. On Kubernetes they do: two pods on one
//! node, two services before one database. PC then draws an arrow that is not there; FCI says ↔, or leaves a circle.
//!
//! 1. The skeleton of PC-stable, with all separators, as [`pc`](super::pc::pc) finds it.
//! 2. Colliders; then each pair that is still adjacent is tested given subsets of its Possible-D-SEP, since with hidden
//!    causes neighbours do not suffice ([`FciOptions::possible_d_sep`]). Colliders anew.
//! 3. Zhang's rules 1 to 4 and 8 to 10, complete without selection bias: what stays a circle is told by no data.
//!
//! Cut at [`FciOptions::max_k`] it is the anytime FCI of Spirtes 2001: fewer edges vanish, arrowheads stay right.

use super::independence::{FisherZ, IndependenceTest, MissingFisherZ, TableStatistic, TableTest};
use super::knowledge::Knowledge;
use super::pag::Pag;
use super::pc::{PcOptions, PcTest, SetAside};
use super::skeleton::{Adjacency, Search, Separators, each_subset, skeleton};
use super::walk::fisher_z_skeleton;
use crate::{Error, Matrix, Result};

/// How FCI works.
#[derive(Debug, Clone, PartialEq)]
pub struct FciOptions {
    /// A pair is separated where p is above this; between 0 and 1.
    pub alpha: f64,
    /// The test.
    pub test: PcTest,
    /// The largest conditioning set, in both searches.
    pub max_k: Option<usize>,
    /// Whether Possible-D-SEP is searched. Without it (as in RFCI's first step) an edge too many may stay.
    pub possible_d_sep: bool,
    /// What is known beforehand, of driving at all and not of edges: `forbid(a, b)` says that a does not drive b, not even
    /// through others, and `require(a, b)` that it does if they are adjacent. Forbidden both ways is ↔, not "no edge" as for PC.
    pub knowledge: Knowledge,
}

impl Default for FciOptions {
    fn default() -> Self {
        Self { alpha: 0.05, test: PcTest::FisherZ, max_k: None, possible_d_sep: true, knowledge: Knowledge::new() }
    }
}

/// What FCI found.
#[derive(Debug, Clone, PartialEq)]
pub struct FciResult {
    /// The graph over all columns.
    pub graph: Pag,
    /// What separated the pairs that are not adjacent.
    pub separators: Separators,
    /// Columns left alone because they are constant.
    pub constant: Vec<usize>,
    /// Columns left alone because they equal an earlier one up to scale: (column, the earlier one).
    pub merged: Vec<(usize, usize)>,
}

/// FCI over the columns of `data` (rows are observations); constant columns and copies are set aside.
///
/// Costs what [`pc`](super::pc::pc) costs, and up to 2^|Possible-D-SEP| tests for each edge that stays: bound it by
/// [`FciOptions::max_k`] from some twenty columns on. The rules cost O(nodes² · edges · degree) at worst.
///
/// Errors: [`Error::TooFew`] under 4 rows; [`Error::NotFinite`] for NaN (but [`PcTest::MissingFisherZ`]) and infinities;
/// [`Error::Parameter`] for alpha outside (0, 1).
///
/// Cannot find cycles, how strong an effect is, or what a hidden cause is. Rows must not be selected by the columns.
pub fn fci(data: &Matrix, options: &FciOptions) -> Result<FciResult> {
    Error::at_least("rows of FCI", 4, data.rows())?;
    check(options)?;
    let fisher = if options.test == PcTest::FisherZ { Some(FisherZ::new(data)?) } else { None };
    let as_pc = PcOptions { test: options.test, ..PcOptions::default() };
    let aside = SetAside::of(data, fisher.as_ref(), &as_pc);
    let inner = FciOptions { knowledge: aside.knowledge(&options.knowledge), ..options.clone() };
    let (graph, separators) = match fisher {
        Some(test) => {
            let mut test = aside.fisher(&test)?;
            let found = fisher_z_skeleton(test.correlation(), test.rows(), search(&inner, &Knowledge::new()));
            finish(&mut test, found, &inner)
        }
        None => {
            let data = aside.columns(data)?;
            match options.test {
                PcTest::ChiSquare => run(&mut TableTest::new(&data, TableStatistic::ChiSquare)?, &inner),
                PcTest::GSquare => run(&mut TableTest::new(&data, TableStatistic::GSquare)?, &inner),
                PcTest::FisherZ | PcTest::MissingFisherZ => run(&mut MissingFisherZ::new(&data)?, &inner),
            }
        }
    };
    Ok(widen(aside, data.cols(), &graph, &separators))
}

/// FCI with a test of one's own; `options.test` is not read.
pub fn fci_with(test: &mut dyn IndependenceTest, options: &FciOptions) -> Result<FciResult> {
    check(options)?;
    let (graph, separators) = run(test, options);
    Ok(FciResult { graph, separators, constant: Vec::new(), merged: Vec::new() })
}

fn check(options: &FciOptions) -> Result<()> {
    let alpha = options.alpha;
    Error::parameter(alpha > 0.0 && alpha < 1.0, "alpha", alpha, "between 0 and 1")
}

/// Knowledge takes no part in the skeleton: a pair of which neither drives the other may share a hidden cause.
fn search<'a>(options: &FciOptions, nothing: &'a Knowledge) -> Search<'a> {
    Search { alpha: options.alpha, stable: true, max_k: options.max_k, knowledge: nothing }
}

fn run(test: &mut dyn IndependenceTest, options: &FciOptions) -> (Pag, Separators) {
    let found = skeleton(test, search(options, &Knowledge::new()));
    finish(test, found, options)
}

fn finish(
    test: &mut dyn IndependenceTest,
    (mut adjacency, mut separators): (Adjacency, Separators),
    options: &FciOptions,
) -> (Pag, Separators) {
    if options.possible_d_sep {
        let mut first = Pag::open(&adjacency);
        first.collide(&separators);
        separate_further(test, &first, (&mut adjacency, &mut separators), options);
    }
    let mut graph = Pag::open(&adjacency);
    graph.apply_knowledge(&options.knowledge);
    graph.collide(&separators);
    graph.orient(&separators);
    (graph, separators)
}

/// Tests each edge given subsets of the Possible-D-SEP of either end, small ones first, until one separates. Edges leave
/// at the end, so that the order of columns does not matter to what is tested.
fn separate_further(
    test: &mut dyn IndependenceTest,
    graph: &Pag,
    (adjacency, separators): (&mut Adjacency, &mut Separators),
    options: &FciOptions,
) {
    let near: Vec<Vec<usize>> = (0..graph.nodes()).map(|x| graph.possible_d_sep(x)).collect();
    for (x, y, ..) in graph.edges() {
        let without = |of: usize| -> Vec<usize> { near[of].iter().copied().filter(|v| *v != x && *v != y).collect() };
        let sides = [without(x), without(y)];
        let largest = sides[0].len().max(sides[1].len()).min(options.max_k.unwrap_or(usize::MAX));
        let separator = (0..=largest).find_map(|size| {
            sides.iter().find_map(|around| {
                let mut found = None;
                each_subset(around, size, &mut |given| {
                    if test.p_value(x, y, given) > options.alpha {
                        found = Some(given.to_vec());
                    }
                    found.is_none()
                });
                found
            })
        });
        if let Some(given) = separator {
            given.iter().for_each(|s| separators.add(x, y, *s));
            adjacency.remove(x, y);
        }
    }
}

fn widen(aside: SetAside, cols: usize, graph: &Pag, separators: &Separators) -> FciResult {
    let kept = &aside.kept;
    let mut wide = Pag::new(cols);
    let mut sets = Separators::new(cols);
    for (i, j, at_i, at_j) in graph.edges() {
        wide.set(kept[i], kept[j], at_i, at_j);
    }
    for (j, b) in kept.iter().enumerate() {
        for (i, a) in kept[..j].iter().enumerate().filter(|(i, _)| !graph.adjacent(*i, j)) {
            separators.union(i, j).iter().for_each(|m| sets.add(*a, *b, kept[*m]));
        }
    }
    FciResult { graph: wide, separators: sets, constant: aside.constant, merged: aside.merged }
}
