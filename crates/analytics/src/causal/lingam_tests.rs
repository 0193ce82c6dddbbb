//! LiNGAM on data that is no data.

use super::ica::{IcaOptions, ica_lingam};
use super::lingam::{LingamMeasure, LingamOptions, direct_lingam, first_round_scores};
use super::prior::PathKnowledge;
use super::var_lingam::{VarLingamOptions, var_lingam};
use crate::{Error, Matrix, Rng};

fn chain(rows: usize) -> Matrix {
    let mut rng = Rng::new(5);
    let data: Vec<[f64; 3]> = (0..rows)
        .map(|_| {
            let a = rng.uniform();
            let b = 2.0 * a + rng.uniform();
            [b - a + rng.uniform(), b, a]
        })
        .collect();
    Matrix::from_rows(&data).unwrap()
}

#[test]
fn a_chain_is_found() {
    let found = direct_lingam(&chain(2000), &LingamOptions::default()).unwrap();
    assert_eq!(found.order, [2, 1, 0]);
    assert!((found.effects[(1, 2)] - 2.0).abs() < 0.1 && (found.effects[(0, 2)] + 1.0).abs() < 0.2);
    assert_eq!(ica_lingam(&chain(2000), &IcaOptions::default()).unwrap().order, [2, 1, 0]);
}

#[test]
fn the_best_first_search_picks_the_best_score() {
    let data = chain(300);
    let scores = first_round_scores(&data).unwrap();
    let best = (0..3).reduce(|a, b| if scores[b] > scores[a] { b } else { a }).unwrap();
    assert_eq!(direct_lingam(&data, &LingamOptions::default()).unwrap().order[0], best);
}

#[test]
fn degenerate_columns_do_no_harm() {
    for measure in [LingamMeasure::Pairwise, LingamMeasure::Kernel] {
        let rows: Vec<Vec<f64>> =
            chain(60).iter_rows().map(|r| vec![r[0], 7.0, r[1], r[1], r[2], 1e-200, 1e120 * r[2]]).collect();
        let data = Matrix::from_rows(&rows).unwrap();
        let found = direct_lingam(&data, &LingamOptions { measure, knowledge: None }).unwrap();
        let mut order = found.order.clone();
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3, 4, 5, 6]);
        assert!(found.effects.data().iter().all(|b| b.is_finite()));
        assert!((0..7).all(|i| found.effects[(i, 1)] == 0.0 && found.effects[(1, i)] == 0.0));
    }
    let constant = Matrix::new(9, 2, vec![3.0; 18]).unwrap();
    assert_eq!(direct_lingam(&constant, &LingamOptions::default()).unwrap().order, [0, 1]);
    assert!(matches!(ica_lingam(&constant, &IcaOptions::default()), Err(Error::Singular { .. })));
    assert!(var_lingam(&constant, &VarLingamOptions::default()).is_err());
}

#[test]
fn wrong_input_is_an_error() {
    let options = LingamOptions::default();
    assert!(matches!(direct_lingam(&Matrix::zeros(2, 2), &options), Err(Error::TooFew { .. })));
    assert!(direct_lingam(&Matrix::zeros(9, 0), &options).unwrap().order.is_empty());
    assert!(ica_lingam(&Matrix::zeros(9, 0), &IcaOptions::default()).unwrap().order.is_empty());
    let nan = Matrix::new(3, 1, vec![1.0, f64::NAN, 2.0]).unwrap();
    assert!(matches!(direct_lingam(&nan, &options), Err(Error::NotFinite { .. })));
    let no_lags = VarLingamOptions { lags: 0, ..VarLingamOptions::default() };
    assert!(matches!(var_lingam(&chain(50), &no_lags), Err(Error::Parameter { .. })));
    let many = VarLingamOptions { lags: usize::MAX, ..VarLingamOptions::default() };
    assert!(matches!(var_lingam(&chain(50), &many), Err(Error::TooFew { .. })));
    let mut paths = Matrix::new(3, 3, vec![-1.0; 9]).unwrap();
    (paths[(0, 1)], paths[(1, 0)]) = (1.0, 1.0);
    let knowledge = Some(PathKnowledge { paths, soft: false });
    let both = LingamOptions { knowledge, ..LingamOptions::default() };
    assert!(matches!(direct_lingam(&chain(50), &both), Err(Error::Parameter { .. })));
}
