//! outlier against reference values: PyOD, scikit-learn, ADTK, stumpy.

use crate::fixtures::{json, number};
use rootline_analytics::Matrix;
use rootline_analytics::outlier::matrix_profile::matrix_profile;
use rootline_analytics::outlier::threshold::Band;
use rootline_analytics::outlier::{Labels, adtk, copod, ecod, hbos, lof, neighbours, pca};
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

fn labels(value: &Value) -> Labels {
    value.as_array().expect("labels").iter().map(Value::as_bool).collect()
}

fn bound(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn side(value: &Value) -> adtk::Side {
    match value.as_str() {
        Some("positive") => adtk::Side::Positive,
        Some("negative") => adtk::Side::Negative,
        _ => adtk::Side::Both,
    }
}

/// Labels equal to ADTK's, intermediate series near to its; a typed error where it raised.
fn check_adtk<F>(name: &str, steps: &[&str], run: F)
where
    F: Fn(&Value, &[f64]) -> rootline_analytics::Result<(Labels, Vec<Vec<f64>>)>,
{
    let all = cases(name);
    assert!(all.len() >= 10);
    for case in all {
        let what = format!("{name} {} {}", case["name"], case["params"]);
        let y = numbers(&case["input"]["y"]);
        let found = run(&case["params"], &y);
        let Some(output) = case.get("output") else {
            assert!(found.is_err(), "{what}");
            continue;
        };
        let (found, series) = found.unwrap_or_else(|e| panic!("{what}: {e}"));
        for (step, values) in steps.iter().zip(&series) {
            let expected = numbers(&output[*step]);
            let largest = |v: &[f64]| v.iter().filter(|v| v.is_finite()).fold(0.0, |m: f64, v| m.max(v.abs()));
            // what is left of a difference is judged against what was subtracted, too
            let scale = largest(&expected) + 1e-6 * largest(&y);
            for (i, (f, e)) in values.iter().zip(&expected).enumerate() {
                let same = f == e || (f.is_nan() && e.is_nan()) || (f - e).abs() <= 1e-9 * scale;
                assert!(same, "{what}: {step} at {i} {f} instead of {e}");
            }
        }
        assert_eq!(found, labels(&output["labels"]), "{what}");
    }
}

#[test]
fn adtk_bands_give_its_labels() {
    check_adtk("adtk_thresholdad", &[], |p, y| {
        Ok((Band::fixed(bound(&p["low"]), bound(&p["high"]))?.label(y), vec![]))
    });
    check_adtk("adtk_quantilead", &[], |p, y| {
        Ok((Band::quantile(y, bound(&p["low"]), bound(&p["high"]))?.label(y), vec![]))
    });
    check_adtk("adtk_interquartilerangead", &[], |p, y| {
        let (below, above) = match p["c"].as_array() {
            Some(pair) => (bound(&pair[0]), bound(&pair[1])),
            None => (bound(&p["c"]), bound(&p["c"])),
        };
        Ok((Band::iqr(y, below, above)?.label(y), vec![]))
    });
    check_adtk("adtk_generalizedesd", &[], |p, y| {
        let test = adtk::GeneralizedEsd { alpha: number(&p["alpha"]), mode: adtk::Mode::Compat };
        Ok((test.fit_detect(y)?.labels, vec![]))
    });
}

/// The shift with what the case sets.
fn shift(base: adtk::Shift, p: &Value) -> adtk::Shift {
    let aggregate = match p["agg"].as_str() {
        Some("mean") => adtk::Aggregate::Mean,
        Some("iqr") => adtk::Aggregate::InterQuartile,
        Some("idr") => adtk::Aggregate::InterDecile,
        _ => base.aggregate,
    };
    let c = bound(&p["c"]).unwrap_or(base.c);
    adtk::Shift { aggregate, c, side: side(&p["side"]), mode: adtk::Mode::Compat, ..base }
}

#[test]
fn adtk_shifts_give_its_labels() {
    let run = |shift: adtk::Shift, y: &[f64]| {
        let found = shift.fit_detect(y)?;
        Ok((found.labels, vec![found.distance, found.signed]))
    };
    let steps = ["diff_abs", "diff"];
    check_adtk("adtk_persistad", &steps, |p, y| {
        run(shift(adtk::Shift::persist(p["window"].as_u64().unwrap_or(1) as usize), p), y)
    });
    let pair = |p: &Value| match p["window"].as_array() {
        Some(pair) => (number(&pair[0]) as usize, number(&pair[1]) as usize),
        None => (number(&p["window"]) as usize, number(&p["window"]) as usize),
    };
    check_adtk("adtk_levelshiftad", &steps, |p, y| {
        run(shift(adtk::Shift { windows: pair(p), ..adtk::Shift::level(1) }, p), y)
    });
    check_adtk("adtk_volatilityshiftad", &steps, |p, y| {
        run(shift(adtk::Shift { windows: pair(p), ..adtk::Shift::volatility(1) }, p), y)
    });
}

#[test]
fn adtk_residuals_give_its_labels() {
    check_adtk("adtk_seasonalad", &["deseasonal_residual"], |p, y| {
        let period = p["freq"].as_u64().map(|f| f as usize);
        let trend = p["trend"].as_bool().unwrap_or(false);
        let settings = adtk::Seasonal { period, trend, mode: adtk::Mode::Compat, ..adtk::Seasonal::default() };
        let found = settings.fit_detect(y)?;
        Ok((found.labels, vec![found.signed]))
    });
    check_adtk("adtk_autoregressionad", &["regression_residual"], |p, y| {
        let settings = adtk::Autoregression {
            steps: p["n_steps"].as_u64().unwrap_or(1) as usize,
            step: p["step_size"].as_u64().unwrap_or(1) as usize,
            c: bound(&p["c"]).unwrap_or(3.0),
            mode: adtk::Mode::Compat,
            ..adtk::Autoregression::default()
        };
        let found = settings.fit_detect(y)?;
        Ok((found.labels, vec![found.signed]))
    });
}

/// The same for detectors of rows.
fn check_rows<F>(name: &str, run: F)
where
    F: Fn(&Value, &Matrix) -> rootline_analytics::Result<Labels>,
{
    for case in cases(name) {
        let what = format!("{name} {} {}", case["name"], case["params"]);
        let found = run(&case["params"], &table(&case["input"]["x"]));
        match case.get("output") {
            Some(output) => assert_eq!(found.expect(&what), labels(&output["labels"]), "{what}"),
            None => assert!(found.is_err(), "{what}"),
        }
    }
}

#[test]
fn adtk_row_detectors_give_its_labels() {
    check_rows("adtk_regression", |p, x| {
        let settings = adtk::Regression { c: number(&p["c"]), mode: adtk::Mode::Compat, ..adtk::Regression::default() };
        Ok(settings.fit_detect(x)?.labels)
    });
    check_rows("adtk_pca", |p, x| {
        let settings = adtk::PcaError { k: number(&p["k"]) as usize, c: number(&p["c"]), mode: adtk::Mode::Compat };
        Ok(settings.fit_detect(x)?.labels)
    });
    check_rows("adtk_outlier_detector", |p, x| {
        let settings = lof::Settings { neighbours: number(&p["n_neighbors"]) as usize, ..lof::Settings::default() };
        adtk::outlier_rows(x, number(&p["contamination"]), |rows| {
            Ok(lof::Lof::fit(rows, &settings)?.factors().to_vec())
        })
    });
}

#[test]
fn matrix_profiles_are_those_of_stumpy() {
    for case in cases("matrix_profile") {
        let what = format!("{} {}", case["name"], case["params"]);
        let m = case["params"]["m"].as_u64().expect("a length") as usize;
        let found = matrix_profile(&numbers(&case["input"]["y"]), m);
        let Some(output) = case.get("output") else {
            assert!(found.is_err(), "{what}");
            continue;
        };
        let found = found.unwrap_or_else(|e| panic!("{what}: {e}"));
        let expected = numbers(&output["distance"]);
        let indices = |key: &str| -> Vec<Option<usize>> {
            output[key].as_array().expect("indices").iter().map(|i| i.as_u64().map(|i| i as usize)).collect()
        };
        let (index, left) = (indices("index"), indices("left_index"));
        assert_eq!(found.distance.len(), expected.len(), "{what}");
        for i in 0..expected.len() {
            let (f, e) = (found.distance[i], expected[i]);
            assert!(f == e || (f - e).abs() < 2e-6, "{what}: at {i} {f} instead of {e}");
            // integers have many windows that are equally near, and rounding chooses
            if case["name"] != "integers" {
                assert_eq!((found.index[i], found.left_index[i]), (index[i], left[i]), "{what}: at {i}");
            }
        }
    }
}
