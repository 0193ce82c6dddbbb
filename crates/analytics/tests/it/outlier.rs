//! outlier against reference values: PyOD, scikit-learn, ADTK, stumpy.

use crate::fixtures::{json, number};
use rootline_analytics::Matrix;
use rootline_analytics::outlier::{copod, ecod, hbos, lof, neighbours, pca};
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let file = format!("{}/../../testdata/analytics/outlier/{name}.json", env!("CARGO_MANIFEST_DIR"));
    json(std::path::Path::new(&file))["cases"].as_array().expect("cases").clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(number).collect()
}

fn table(value: &Value) -> Matrix {
    let rows: Vec<Vec<f64>> = value.as_array().expect("rows").iter().map(numbers).collect();
    Matrix::from_rows(&rows).expect("equal rows")
}

fn near(found: &[f64], expected: &Value, relative: f64, what: &str) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (f, e)) in found.iter().zip(&expected).enumerate() {
        let same = f == e || (f.is_nan() && e.is_nan()) || (f - e).abs() <= relative * e.abs().max(relative);
        assert!(same, "{what}: at {i} {f} instead of {e}");
    }
}

/// Runs each case; where the library raised, ours must give a typed error.
fn check<F>(name: &str, relative: f64, outputs: [&str; 2], run: F)
where
    F: Fn(&Value, &Matrix, &Matrix) -> rootline_analytics::Result<(Vec<f64>, Vec<f64>)>,
{
    let all = cases(name);
    assert!(all.len() >= 10);
    for case in all {
        let what = format!("{name} {} {}", case["name"], case["params"]);
        let found = run(&case["params"], &table(&case["input"]["x"]), &table(&case["input"]["new"]));
        match case.get("output") {
            Some(output) => {
                let (fitted, new) = found.unwrap_or_else(|e| panic!("{what}: {e}"));
                near(&fitted, &output[outputs[0]], relative, &what);
                near(&new, &output[outputs[1]], relative, &format!("{what} new"));
            }
            None => assert!(found.is_err(), "{what}"),
        }
    }
}

#[test]
fn ecod_and_copod_are_those_of_pyod() {
    check("ecod", 1e-9, ["scores", "new_scores"], |_, x, new| {
        let fitted = ecod::Ecod::fit(x)?;
        Ok((fitted.scores().to_vec(), fitted.score(new)?))
    });
    check("copod", 1e-9, ["scores", "new_scores"], |_, x, new| {
        let fitted = copod::Copod::fit(x)?;
        Ok((fitted.scores().to_vec(), fitted.score(new)?))
    });
}

#[test]
fn hbos_is_that_of_pyod() {
    check("hbos", 1e-9, ["scores", "new_scores"], |params, x, new| {
        let mut settings = hbos::Settings::default();
        if let Some(bins) = params["n_bins"].as_u64() {
            let (alpha, tolerance) = (number(&params["alpha"]), number(&params["tol"]));
            settings = hbos::Settings { bins: hbos::Bins::Fixed(bins as usize), alpha, tolerance };
        }
        let fitted = hbos::Hbos::fit(x, &settings)?;
        Ok((fitted.scores().to_vec(), fitted.score(new)?))
    });
}

#[test]
fn neighbour_distances_are_those_of_pyod() {
    check("knn", 1e-9, ["scores", "new_scores"], |params, x, new| {
        let k = params["n_neighbors"].as_u64().expect("a count") as usize;
        let by = if params["method"] == "mean" { neighbours::Distance::Mean } else { neighbours::Distance::Largest };
        let fitted = neighbours::Neighbours::fit(x)?;
        Ok((fitted.of_fitted(k)?.scores(by), fitted.of(new, k)?.scores(by)))
    });
}

#[test]
fn local_outlier_factors_are_those_of_scikit_learn() {
    check("lof", 1e-7, ["factors", "new_factors"], |params, x, new| {
        let k = params["n_neighbors"].as_u64().expect("a count") as usize;
        let fitted = lof::Lof::fit(x, &lof::Settings { neighbours: k, ..lof::Settings::default() })?;
        Ok((fitted.factors().to_vec(), fitted.score(new)?))
    });
}

#[test]
fn principal_component_scores_are_those_of_pyod() {
    check("pca", 1e-8, ["scores", "new_scores"], |params, x, new| {
        let selected = params["n_selected_components"].as_u64().map(|k| k as usize);
        let settings = pca::Settings { components: pca::Components::All, standardise: true };
        let fitted = pca::Pca::fit(x, &settings)?;
        Ok((fitted.pyod_score(x, selected)?, fitted.pyod_score(new, selected)?))
    });
}

#[test]
fn reconstruction_errors_are_those_of_scikit_learn() {
    for case in cases("pca_reconstruction") {
        let what = format!("{} {}", case["name"], case["params"]);
        let k = case["params"]["n_components"].as_u64().expect("a count") as usize;
        let (x, new) = (table(&case["input"]["x"]), table(&case["input"]["new"]));
        let settings = pca::Settings { components: pca::Components::Count(k), standardise: false };
        let fitted = pca::Pca::fit(&x, &settings);
        let Some(output) = case.get("output") else {
            assert!(fitted.is_err(), "{what}");
            continue;
        };
        let fitted = fitted.unwrap_or_else(|e| panic!("{what}: {e}"));
        // what is left after subtraction is judged against what was there
        let scale: f64 = x.data().iter().chain(new.data()).map(|v| v * v).fold(0.0, f64::max);
        for (rows, key) in [(&x, "error"), (&new, "new_error")] {
            let found = fitted.reconstruction_error(rows).expect("the same columns");
            for (f, e) in found.iter().zip(numbers(&output[key])) {
                assert!((f - e).abs() <= 1e-12 * scale, "{what}: {f} instead of {e}");
            }
        }
        for (f, e) in fitted.explained_variance().iter().zip(numbers(&output["explained_variance"])) {
            assert!(x.rows() == 1 || (f - e).abs() <= 1e-12 * scale, "{what}: {f} instead of {e}");
        }
    }
}
