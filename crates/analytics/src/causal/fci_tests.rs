//! FCI against d-separation itself: text-book graphs, every graph of four nodes, random graphs with hidden causes.

use std::collections::BTreeMap;

use super::fci::{FciOptions, fci, fci_with};
use super::independence::IndependenceTest;
use super::knowledge::Knowledge;
use super::pag::{Mark, Pag};
use super::pc::PcTest;
use crate::{Error, Matrix, Rng};

/// A graph of causes of which the first `observed` nodes are columns; the answer to a test is d-separation.
#[derive(Clone)]
struct Truth {
    observed: usize,
    parents: Vec<Vec<usize>>,
}

impl Truth {
    fn new(observed: usize, edges: &[(usize, usize)]) -> Self {
        let nodes = edges.iter().map(|(a, b)| a.max(b) + 1).max().unwrap_or(0).max(observed);
        let mut parents = vec![Vec::new(); nodes];
        edges.iter().for_each(|(a, b)| parents[*b].push(*a));
        Self { observed, parents }
    }

    /// Whether `a` is `b` or drives it, maybe through others.
    fn drives(&self, a: usize, b: usize) -> bool {
        a == b || self.parents[b].iter().any(|p| self.drives(a, *p))
    }

    /// Reachability by active trails (Koller and Friedman, algorithm 3.1).
    fn are_separated(&self, x: usize, y: usize, given: &[usize]) -> bool {
        let opens = |v: usize| given.iter().any(|g| self.drives(v, *g));
        let mut seen = vec![[false; 2]; self.parents.len()];
        let mut stack = vec![(x, true)];
        while let Some((v, up)) = stack.pop() {
            if std::mem::replace(&mut seen[v][usize::from(up)], true) {
                continue;
            }
            let is_given = given.contains(&v);
            if v == y && !is_given {
                return false;
            }
            if (up && !is_given) || (!up && opens(v)) {
                self.parents[v].iter().for_each(|p| stack.push((*p, true)));
            }
            if !is_given {
                (0..self.parents.len()).filter(|c| self.parents[*c].contains(&v)).for_each(|c| stack.push((c, false)));
            }
        }
        true
    }

    /// Whether no set of other columns separates the two.
    fn are_adjacent(&self, x: usize, y: usize) -> bool {
        let others: Vec<usize> = (0..self.observed).filter(|v| *v != x && *v != y).collect();
        !subsets(&others).any(|given| self.are_separated(x, y, &given))
    }

    fn pag(&self) -> Pag {
        fci_with(&mut self.clone(), &FciOptions::default()).unwrap().graph
    }
}

impl IndependenceTest for Truth {
    fn variables(&self) -> usize {
        self.observed
    }

    fn p_value(&mut self, x: usize, y: usize, given: &[usize]) -> f64 {
        if self.are_separated(x, y, given) { 1.0 } else { 0.0 }
    }
}

/// The mark at i of the edge between i and j, at `[i][j]`.
type Marks = [[Option<Mark>; 4]; 4];

fn subsets(items: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    (0..1_usize << items.len())
        .map(|bits| items.iter().enumerate().filter(|(k, _)| bits >> k & 1 == 1).map(|(_, v)| *v).collect())
}

/// Edges as text: `0o>1`, `1<>2`, `2->3`, `0oo1`.
fn text(graph: &Pag) -> String {
    let left = |m| match m {
        Mark::Circle => 'o',
        Mark::Arrow => '<',
        Mark::Tail => '-',
    };
    let right = |m| if m == Mark::Arrow { '>' } else { left(m) };
    let edges = graph.edges().into_iter().map(|(i, j, a, b)| format!("{i}{}{}{j}", left(a), right(b)));
    edges.collect::<Vec<_>>().join(" ")
}

/// What it shows, columns, edges, the graph to be found.
type Case = (&'static str, usize, &'static [(usize, usize)], &'static str);

#[test]
fn graphs_of_text_books() {
    let table: [Case; 8] = [
        ("a chain tells no direction", 3, &[(0, 1), (1, 2)], "0oo1 1oo2"),
        ("a collider tells what its ends are not", 3, &[(0, 1), (2, 1)], "0o>1 1<o2"),
        ("below a collider is a cause", 4, &[(0, 2), (1, 2), (2, 3)], "0o>2 1o>2 2->3"),
        ("a hidden cause between two effects", 4, &[(0, 1), (4, 1), (4, 2), (3, 2)], "0o>1 1<>2 2<o3"),
        ("a hidden cause alone", 2, &[(2, 0), (2, 1)], "0oo1"),
        // 0 → 1 ← 2 with 1 and 2 driving 3: the path 0, 1, 2, 3 discriminates 2
        ("a discriminating path to a cause", 4, &[(0, 1), (4, 1), (4, 2), (1, 3), (2, 3)], "0o>1 1<o2 1->3 2->3"),
        (
            "a discriminating path to a collider",
            4,
            &[(0, 1), (4, 1), (4, 2), (1, 3), (5, 2), (5, 3)],
            "0o>1 1<>2 1->3 2<>3",
        ),
        // rule 9: 1 may lead to 3 by way of 0 and 2, so no hidden cause can stand for 1 → 3
        ("a square", 4, &[(0, 1), (0, 2), (1, 3), (2, 3)], "0oo1 0oo2 1->3 2->3"),
    ];
    for (what, observed, edges, expected) in table {
        assert_eq!(text(&Truth::new(observed, edges).pag()), expected, "{what}");
    }
}

/// A graph over four nodes as the kind of each pair: none, →, ←, ↔; `None` where it is no maximal ancestral graph.
fn ancestral(code: usize) -> Option<(Truth, Marks)> {
    let (mut edges, mut marks, mut hidden, mut hiders) = (Vec::new(), [[None; 4]; 4], 4, Vec::new());
    let pairs = (0..4).flat_map(|i| (i + 1..4).map(move |j| (i, j)));
    for (k, (i, j)) in pairs.clone().enumerate() {
        (marks[i][j], marks[j][i]) = match code >> (2 * k) & 3 {
            0 => continue,
            1 => (Some(Mark::Tail), Some(Mark::Arrow)),
            2 => (Some(Mark::Arrow), Some(Mark::Tail)),
            _ => (Some(Mark::Arrow), Some(Mark::Arrow)),
        };
        match code >> (2 * k) & 3 {
            1 => edges.push((i, j)),
            2 => edges.push((j, i)),
            _ => {
                edges.extend([(hidden, i), (hidden, j)]);
                hiders.push((i, j));
                hidden += 1;
            }
        }
    }
    let mut left: Vec<usize> = (0..4).collect();
    while let Some(at) = left.iter().position(|v| !edges.iter().any(|(a, b)| b == v && left.contains(a))) {
        left.remove(at);
    }
    if !left.is_empty() {
        return None;
    }
    let truth = Truth::new(4, &edges);
    let is_ancestral = hiders.iter().all(|(i, j)| !truth.drives(*i, *j) && !truth.drives(*j, *i));
    let is_maximal = pairs.clone().all(|(i, j)| marks[i][j].is_some() == truth.are_adjacent(i, j));
    (is_ancestral && is_maximal).then_some((truth, marks))
}

#[test]
fn every_graph_of_four_nodes_is_oriented_as_far_as_can_be() {
    // graphs that no test tells apart, and the marks that all of them share
    let mut classes: BTreeMap<Vec<bool>, (Truth, Marks)> = BTreeMap::new();
    for (truth, marks) in (0..1 << 12).filter_map(ancestral) {
        let mut answers = Vec::new();
        for (i, j) in (0..4).flat_map(|i| (i + 1..4).map(move |j| (i, j))) {
            let others: Vec<usize> = (0..4).filter(|v| *v != i && *v != j).collect();
            answers.extend(subsets(&others).map(|given| truth.are_separated(i, j, &given)));
        }
        let (_, shared) = classes.entry(answers).or_insert((truth, marks));
        for (mine, other) in shared.iter_mut().flatten().zip(marks.iter().flatten()) {
            if mine != other {
                *mine = Some(Mark::Circle);
            }
        }
    }
    assert!(classes.len() > 100, "{}", classes.len());
    for (truth, shared) in classes.values() {
        let graph = truth.pag();
        for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            assert_eq!(graph.end(i, j), shared[i][j], "{i} {j} of {} for {:?}", text(&graph), truth.parents);
        }
    }
}

#[test]
fn random_graphs_with_hidden_causes() {
    let mut rng = Rng::new(11);
    for _ in 0..300 {
        let (observed, hidden) = (6, 3);
        // hidden nodes drive two columns each; columns drive later ones
        let mut edges: Vec<(usize, usize)> = Vec::new();
        for i in 0..observed {
            edges.extend((i + 1..observed).filter(|_| rng.uniform() < 0.3).map(|j| (i, j)));
        }
        for h in observed..observed + hidden {
            let (a, b) = (rng.below(observed), rng.below(observed));
            edges.extend([(h, a), (h, b)]);
        }
        edges.sort_unstable();
        edges.dedup();
        let truth = Truth::new(observed, &edges);
        let graph = truth.pag();
        for (i, j) in (0..observed).flat_map(|i| (0..observed).map(move |j| (i, j))).filter(|(i, j)| i != j) {
            assert_eq!(graph.adjacent(i, j), truth.are_adjacent(i, j), "{i} {j} of {edges:?}");
            match graph.end(i, j) {
                Some(Mark::Arrow) => assert!(!truth.drives(i, j), "{i} {j} of {edges:?}"),
                Some(Mark::Tail) => assert!(truth.drives(i, j), "{i} {j} of {edges:?}"),
                _ => {}
            }
        }
    }
}

#[test]
fn neighbours_do_not_always_separate() {
    // hidden 6 drives 3 and 4, 7 drives 2 and 3, 8 drives 1 and 5: no neighbours of 2 or of 5 part these two
    let edges = [(0, 1), (0, 3), (1, 2), (3, 5), (6, 3), (6, 4), (7, 2), (7, 3), (8, 1), (8, 5)];
    let mut truth = Truth::new(6, &edges);
    let near = FciOptions { possible_d_sep: false, ..FciOptions::default() };
    assert!(fci_with(&mut truth, &near).unwrap().graph.adjacent(2, 5));
    assert!(!truth.pag().adjacent(2, 5));
}

/// 0 → 1 ← hidden → 2 ← 3, with normal noise.
fn services(rows: usize) -> Vec<[f64; 4]> {
    let mut rng = Rng::new(3);
    (0..rows)
        .map(|_| {
            let (a, d, node) = (rng.normal(), rng.normal(), rng.normal());
            [a, a + node + 0.5 * rng.normal(), d + node + 0.5 * rng.normal(), d]
        })
        .collect()
}

#[test]
fn a_shared_node_is_told_from_an_effect() {
    let options = FciOptions { alpha: 0.01, ..FciOptions::default() };
    let rows = services(2000);
    for test in [PcTest::FisherZ, PcTest::MissingFisherZ] {
        let found = fci(&Matrix::from_rows(&rows).unwrap(), &FciOptions { test, ..options.clone() }).unwrap();
        assert_eq!(text(&found.graph), "0o>1 1<>2 2<o3");
        assert_eq!(found.separators.union(0, 2), Vec::<usize>::new());
    }
    // a constant column and a copy stand aside
    let wide: Vec<Vec<f64>> = rows.iter().map(|r| vec![7.0, r[0], r[1], -2.0 * r[1], r[2], r[3]]).collect();
    let found = fci(&Matrix::from_rows(&wide).unwrap(), &options).unwrap();
    assert_eq!(text(&found.graph), "1o>2 2<>4 4<o5");
    assert_eq!((found.constant, found.merged), (vec![0], vec![(3, 2)]));
}

#[test]
fn states_are_tested_by_tables() {
    let mut rng = Rng::new(5);
    let rows: Vec<[f64; 3]> = (0..1500)
        .map(|_| {
            let (a, b) = (rng.uniform() < 0.5, rng.uniform() < 0.5);
            let both = (a || b) != (rng.uniform() < 0.05);
            [a, b, both].map(|v| f64::from(u8::from(v)))
        })
        .collect();
    for test in [PcTest::ChiSquare, PcTest::GSquare] {
        let options = FciOptions { test, alpha: 0.01, ..FciOptions::default() };
        assert_eq!(text(&fci(&Matrix::from_rows(&rows).unwrap(), &options).unwrap().graph), "0o>2 1o>2");
    }
}

#[test]
fn knowledge_is_of_driving() {
    let chain = Truth::new(3, &[(0, 1), (1, 2)]);
    let with = |knowledge: &Knowledge| {
        let options = FciOptions { knowledge: knowledge.clone(), ..FciOptions::default() };
        text(&fci_with(&mut chain.clone(), &options).unwrap().graph)
    };
    let mut knowledge = Knowledge::new();
    // 1 does not drive 0: then the middle of the chain drives 2
    assert_eq!(with(knowledge.forbid(1, 0)), "0o>1 1->2");
    assert_eq!(with(knowledge.require(0, 1)), "0->1 1->2");
    let mut neither = Knowledge::new();
    assert_eq!(with(neither.forbid(0, 1).forbid(1, 0)), "0<>1 1->2");
}

#[test]
fn cut_short_only_edges_are_too_many() {
    let truth = Truth::new(4, &[(0, 1), (1, 2), (0, 2), (1, 3), (2, 3)]);
    let options = |max_k| FciOptions { max_k, ..FciOptions::default() };
    let of = |k| fci_with(&mut truth.clone(), &options(k)).unwrap().graph;
    assert!(of(Some(1)).adjacent(0, 3) && !of(None).adjacent(0, 3));
}

#[test]
fn degenerate_input_is_an_error_or_an_empty_graph() {
    for test in [PcTest::FisherZ, PcTest::MissingFisherZ, PcTest::ChiSquare, PcTest::GSquare] {
        let options = FciOptions { test, ..FciOptions::default() };
        assert!(matches!(fci(&Matrix::zeros(0, 3), &options), Err(Error::TooFew { .. })));
        assert_eq!(fci(&Matrix::zeros(9, 0), &options).unwrap().graph.nodes(), 0);
        assert!(fci(&Matrix::zeros(9, 2), &options).unwrap().graph.nodes() == 2);
        let huge = Matrix::new(4, 2, vec![1e300, -1e300, 1e-300, 5.0, 7.0, 1e308, -1e308, 0.0]).unwrap();
        assert!(fci(&huge, &options).is_ok());
        assert!(fci(&Matrix::new(4, 1, vec![0.0, f64::INFINITY, 1.0, 2.0]).unwrap(), &options).is_err());
    }
    let nan = Matrix::new(4, 2, vec![0.0, f64::NAN, 1.0, 2.0, 3.0, 1.0, f64::NAN, 2.0]).unwrap();
    assert!(matches!(fci(&nan, &FciOptions::default()), Err(Error::NotFinite { .. })));
    let alpha = FciOptions { alpha: 0.0, ..FciOptions::default() };
    assert!(matches!(fci(&Matrix::zeros(9, 2), &alpha), Err(Error::Parameter { .. })));
}
