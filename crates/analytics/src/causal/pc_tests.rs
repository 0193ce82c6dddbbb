//! PC on data whose graph is known, and on data that is no data.

use super::knowledge::Knowledge;
use super::pc::{PcOptions, PcTest, pc};
use crate::{Error, Matrix, Rng};

fn collider(rows: usize) -> Matrix {
    let mut rng = Rng::new(7);
    let data: Vec<[f64; 3]> = (0..rows)
        .map(|_| {
            let (a, b) = (rng.normal(), rng.normal());
            [a, b, a + b + 0.5 * rng.normal()]
        })
        .collect();
    Matrix::from_rows(&data).unwrap()
}

#[test]
fn a_collider_is_directed() {
    let found = pc(&collider(500), &PcOptions::default()).unwrap();
    assert_eq!(found.graph.directed(), [(0, 2), (1, 2)]);
    assert!(found.graph.undirected().is_empty() && found.separators.union(0, 1).is_empty());
}

#[test]
fn constants_and_copies_change_nothing() {
    let data = collider(500);
    let rows: Vec<Vec<f64>> = data.iter_rows().map(|r| vec![4.0, r[0], r[1], r[2], -3.0 * r[0] + 1.0]).collect();
    let found = pc(&Matrix::from_rows(&rows).unwrap(), &PcOptions::default()).unwrap();
    assert_eq!(found.graph.directed(), [(1, 3), (2, 3)]);
    assert_eq!((found.constant, found.merged), (vec![0], vec![(4, 1)]));
}

#[test]
fn knowledge_rules() {
    let mut knowledge = Knowledge::new();
    knowledge.forbid(0, 2).forbid(2, 0).forbid(1, 2);
    let found = pc(&collider(500), &PcOptions { knowledge, ..PcOptions::default() }).unwrap();
    assert_eq!(found.graph.directed(), [(2, 1)]);
    assert!(!found.graph.adjacent(0, 2));
}

#[test]
fn degenerate_input_is_an_error_or_an_empty_graph() {
    let options = |test| PcOptions { test, ..PcOptions::default() };
    for test in [PcTest::FisherZ, PcTest::MissingFisherZ, PcTest::ChiSquare, PcTest::GSquare] {
        assert!(matches!(pc(&Matrix::zeros(0, 3), &options(test)), Err(Error::TooFew { .. })));
        assert_eq!(pc(&Matrix::zeros(9, 0), &options(test)).unwrap().graph.nodes(), 0);
        let one = pc(&Matrix::zeros(9, 1), &options(test)).unwrap();
        assert_eq!(one.graph.nodes(), 1);
        let huge = Matrix::new(4, 2, vec![1e300, -1e300, 1e-300, 5.0, 7.0, 1e308, -1e308, 0.0]).unwrap();
        assert!(pc(&huge, &options(test)).is_ok());
        let infinite = Matrix::new(4, 1, vec![0.0, f64::INFINITY, 1.0, 2.0]).unwrap();
        assert!(pc(&infinite, &options(test)).is_err());
    }
    let nan = Matrix::new(4, 2, vec![0.0, f64::NAN, 1.0, 2.0, 3.0, 1.0, f64::NAN, 2.0]).unwrap();
    assert!(matches!(pc(&nan, &options(PcTest::FisherZ)), Err(Error::NotFinite { .. })));
    assert!(pc(&nan, &options(PcTest::MissingFisherZ)).is_ok());
    let alpha = PcOptions { alpha: 1.5, ..PcOptions::default() };
    assert!(matches!(pc(&Matrix::zeros(9, 2), &alpha), Err(Error::Parameter { .. })));
}
