//! PC: from independence tests to a graph of causes (Spirtes and Glymour 1991; order-independent form by Colombo and
//! Maathuis 2014).
//!
//! The semantics are those of causal-learn 0.1.4.8, which differ from the text-book in that *all* sets that separate a pair
//! are looked for, and their union decides about colliders. Besides, constant columns stay alone and copies of a column
//! are merged; [`PcOptions::compat`] leaves both out, as the reference does.

use super::independence::{
    FisherZ, IndependenceTest, MissingFisherZ, TableStatistic, TableTest, constant_columns, duplicates,
    has_equal_columns,
};
use super::knowledge::Knowledge;
use super::mixed::MixedGraph;
use super::skeleton::{Adjacency, Search, Separators, skeleton};
use super::walk::fisher_z_skeleton;
use super::{meek, orient};
use crate::{Error, Matrix, Result};

/// The test of independence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PcTest {
    /// Partial correlation; by far the fastest.
    #[default]
    FisherZ,
    /// Partial correlation over the rows that are complete for each test; NaN is missing.
    MissingFisherZ,
    /// Pearson's χ² for columns of few distinct values.
    ChiSquare,
    /// Likelihood ratio G² for columns of few distinct values.
    GSquare,
}

/// What makes an unshielded triple a collider (`uc_rule` of causal-learn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColliderRule {
    /// 0: its middle separated the ends in no test.
    #[default]
    Separators,
    /// 1: the largest p-value is found without the middle. Tests all subsets of neighbours: 2^degree of them.
    LargestP,
    /// 2: as 1, and triples that speak for both stay open.
    DefiniteLargestP,
}

/// Who wins where colliders disagree (`uc_priority` of causal-learn).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColliderPriority {
    /// 0: the later one.
    Overwrite,
    /// 1: both, by a bidirected edge.
    Bidirected,
    /// 2: the earlier one.
    #[default]
    Existing,
    /// 3: the one with the smaller p-value given the middle.
    Stronger,
    /// 4: the one with the larger p-value without the middle.
    StrongerStar,
}

/// How PC works.
#[derive(Debug, Clone, PartialEq)]
pub struct PcOptions {
    /// A pair is separated where p is above this; between 0 and 1. 0.05 as in causal-learn.
    pub alpha: f64,
    /// The test.
    pub test: PcTest,
    /// Edges leave at the end of a level, so that the order of columns does not matter.
    pub stable: bool,
    /// The rule for colliders.
    pub rule: ColliderRule,
    /// The rule for colliders that disagree. [`ColliderRule::DefiniteLargestP`] knows 2, 3 and 4 only.
    pub priority: ColliderPriority,
    /// The largest conditioning set.
    pub max_k: Option<usize>,
    /// What is known beforehand.
    pub knowledge: Knowledge,
    /// As the reference: constant columns become hubs, equal columns are [`Error::Singular`].
    pub compat: bool,
}

impl Default for PcOptions {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            test: PcTest::FisherZ,
            stable: true,
            rule: ColliderRule::Separators,
            priority: ColliderPriority::Existing,
            max_k: None,
            knowledge: Knowledge::new(),
            compat: false,
        }
    }
}

/// What PC found.
#[derive(Debug, Clone, PartialEq)]
pub struct PcResult {
    /// The graph over all columns.
    pub graph: MixedGraph,
    /// What separated the pairs that are not adjacent.
    pub separators: Separators,
    /// Columns left alone because they are constant.
    pub constant: Vec<usize>,
    /// Columns left alone because they equal an earlier one up to scale: (column, the earlier one).
    pub merged: Vec<(usize, usize)>,
}

/// PC over the columns of `data` (rows are observations).
///
/// For Fisher-z with `stable` the cost is the correlation matrix, O(rows · cols²/2), and a few operations a test; else each
/// test is made by itself. The count of tests grows as C(degree, k).
///
/// Errors: [`Error::TooFew`] under 4 rows; [`Error::NotFinite`] for NaN (but [`PcTest::MissingFisherZ`]) and infinities;
/// [`Error::Parameter`] for alpha outside (0, 1). No columns give an empty graph. Tests that leave no degrees of freedom
/// (rows − k − 3 < 0) are not made. A column that is a linear function of others to 1e-12 separates nothing.
///
/// Cannot find hidden common causes ([`fci`](super::fci::fci) can), cycles or, with Fisher-z, non-linear dependence.
pub fn pc(data: &Matrix, options: &PcOptions) -> Result<PcResult> {
    Error::at_least("rows of PC", 4, data.rows())?;
    let alpha = options.alpha;
    Error::parameter(alpha > 0.0 && alpha < 1.0, "alpha", alpha, "between 0 and 1")?;
    let fisher = if options.test == PcTest::FisherZ { Some(FisherZ::new(data)?) } else { None };
    let aside = SetAside::of(data, fisher.as_ref(), options);
    if aside.kept.len() == data.cols() {
        let (graph, separators) = match fisher {
            Some(test) => run_fisher_z(data, test, options)?,
            None => run(data, options)?,
        };
        return Ok(PcResult { graph, separators, constant: Vec::new(), merged: Vec::new() });
    }
    let inner = PcOptions { knowledge: aside.knowledge(&options.knowledge), ..options.clone() };
    let (graph, separators) = match fisher {
        Some(test) => run_fisher_z(data, aside.fisher(&test)?, &inner)?,
        None => run(&aside.columns(data)?, &inner)?,
    };
    Ok(aside.widen(data.cols(), &graph, &separators))
}

/// Columns that take no part.
pub(super) struct SetAside {
    pub kept: Vec<usize>,
    pub constant: Vec<usize>,
    pub merged: Vec<(usize, usize)>,
}

impl SetAside {
    pub fn of(data: &Matrix, fisher: Option<&FisherZ>, options: &PcOptions) -> Self {
        let all = Self { kept: (0..data.cols()).collect(), constant: Vec::new(), merged: Vec::new() };
        if options.compat || options.test == PcTest::MissingFisherZ {
            return all;
        }
        let constant = constant_columns(data);
        let constant: Vec<usize> = (0..data.cols()).filter(|j| constant[*j]).collect();
        let first = fisher.map_or_else(|| (0..data.cols()).collect(), |test| duplicates(test.correlation()));
        let merged: Vec<(usize, usize)> = first.iter().copied().enumerate().filter(|(j, i)| j != i).collect();
        let kept = all.kept.into_iter().filter(|j| !constant.contains(j) && first[*j] == *j).collect();
        Self { kept, constant, merged }
    }

    /// The kept columns.
    pub fn columns(&self, data: &Matrix) -> Result<Matrix> {
        let values = data.iter_rows().flat_map(|row| self.kept.iter().map(|j| row[*j])).collect();
        Matrix::new(data.rows(), self.kept.len(), values)
    }

    /// The test over the kept columns.
    pub fn fisher(&self, test: &FisherZ) -> Result<FisherZ> {
        let r = test.correlation();
        let values = self.kept.iter().flat_map(|i| self.kept.iter().map(|j| r[(*i, *j)])).collect();
        FisherZ::from_correlation(Matrix::new(self.kept.len(), self.kept.len(), values)?, test.rows())
    }

    /// The same knowledge by positions among the kept columns.
    pub fn knowledge(&self, all: &Knowledge) -> Knowledge {
        let mut knowledge = Knowledge::new();
        for (i, from) in self.kept.iter().enumerate() {
            for (j, to) in self.kept.iter().enumerate() {
                if all.is_forbidden(*from, *to) {
                    knowledge.forbid(i, j);
                }
                if all.is_required(*from, *to) {
                    knowledge.require(i, j);
                }
            }
        }
        knowledge
    }

    fn widen(self, cols: usize, graph: &MixedGraph, separators: &Separators) -> PcResult {
        let kept = &self.kept;
        let mut wide = MixedGraph::new(cols);
        let mut sets = Separators::new(cols);
        for (i, a) in kept.iter().enumerate() {
            for (j, b) in kept.iter().enumerate() {
                if graph.is_directed(i, j) {
                    wide.direct(*a, *b);
                } else if graph.is_undirected(i, j) {
                    wide.set_undirected(*a, *b);
                } else if graph.is_bidirected(i, j) {
                    wide.set_bidirected(*a, *b);
                } else if i < j {
                    separators.union(i, j).iter().for_each(|m| sets.add(*a, *b, kept[*m]));
                }
            }
        }
        PcResult { graph: wide, separators: sets, constant: self.constant, merged: self.merged }
    }
}

fn run_fisher_z(data: &Matrix, mut test: FisherZ, options: &PcOptions) -> Result<(MixedGraph, Separators)> {
    if options.compat && has_equal_columns(data, test.correlation()) {
        return Err(Error::Singular { what: "correlation matrix of PC" });
    }
    if !options.stable {
        return Ok(search_and_direct(&mut test, options));
    }
    let (adjacency, separators) = fisher_z_skeleton(test.correlation(), test.rows(), search(options));
    let graph = direct(&mut test, &adjacency, &separators, options);
    Ok((graph, separators))
}

fn run(data: &Matrix, options: &PcOptions) -> Result<(MixedGraph, Separators)> {
    Ok(match options.test {
        PcTest::FisherZ => search_and_direct(&mut FisherZ::new(data)?, options),
        PcTest::MissingFisherZ => search_and_direct(&mut MissingFisherZ::new(data)?, options),
        PcTest::ChiSquare => search_and_direct(&mut TableTest::new(data, TableStatistic::ChiSquare)?, options),
        PcTest::GSquare => search_and_direct(&mut TableTest::new(data, TableStatistic::GSquare)?, options),
    })
}

fn search(options: &PcOptions) -> Search<'_> {
    Search { alpha: options.alpha, stable: options.stable, max_k: options.max_k, knowledge: &options.knowledge }
}

fn search_and_direct(test: &mut dyn IndependenceTest, options: &PcOptions) -> (MixedGraph, Separators) {
    let (adjacency, separators) = skeleton(test, search(options));
    let graph = direct(test, &adjacency, &separators, options);
    (graph, separators)
}

/// PC with a test of one's own; `options.test` and `options.compat` are not read.
pub fn pc_with(test: &mut dyn IndependenceTest, options: &PcOptions) -> Result<PcResult> {
    let alpha = options.alpha;
    Error::parameter(alpha > 0.0 && alpha < 1.0, "alpha", alpha, "between 0 and 1")?;
    let (graph, separators) = search_and_direct(test, options);
    Ok(PcResult { graph, separators, constant: Vec::new(), merged: Vec::new() })
}

fn direct(
    test: &mut dyn IndependenceTest,
    adjacency: &Adjacency,
    separators: &Separators,
    options: &PcOptions,
) -> MixedGraph {
    let nodes = adjacency.nodes;
    let (knowledge, priority) = (&options.knowledge, options.priority);
    let mut graph = MixedGraph::new(nodes);
    for i in 0..nodes {
        (i + 1..nodes).filter(|j| adjacency.is[i * nodes + j]).for_each(|j| graph.set_undirected(i, j));
    }
    if !knowledge.is_empty() {
        direct_by_knowledge(&mut graph, knowledge);
    }
    match options.rule {
        ColliderRule::Separators => orient::by_separators(&mut graph, test, separators, knowledge, priority),
        ColliderRule::LargestP => orient::by_largest_p(&mut graph, test, knowledge, priority),
        ColliderRule::DefiniteLargestP => {
            let (colliders, chains) =
                orient::by_definite_largest_p(&mut graph, test, options.alpha, knowledge, priority);
            meek::definite_meek(&mut graph, knowledge, &colliders, &chains);
        }
    }
    meek::meek(&mut graph, knowledge);
    graph
}

fn direct_by_knowledge(graph: &mut MixedGraph, knowledge: &Knowledge) {
    for (i, j) in graph.undirected() {
        if knowledge.is_forbidden(j, i) {
            graph.direct(i, j);
        } else if knowledge.is_forbidden(i, j) || knowledge.is_required(j, i) {
            graph.direct(j, i);
        } else if knowledge.is_required(i, j) {
            graph.direct(i, j);
        }
    }
}
