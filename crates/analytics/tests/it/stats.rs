//! stats against reference values of scipy, pandas, statsmodels, pymannkendall and scikit-learn.

use rootline_analytics::special;
use rootline_analytics::stats::{
    autocorrelation, counts, ewma::ExponentialMoments, isotonic::Isotonic, moments, order, samples, trend,
};
use serde_json::Value;

use crate::fixtures::{json, number};

fn cases(file: &str) -> Vec<Value> {
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics").join(file);
    json(&path)["cases"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Equal to `tolerance`, relative above 1; NaN equals NaN.
fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let same = found == expected || found.is_nan() && expected.is_nan();
    assert!(same || (found - expected).abs() <= tolerance * expected.abs().max(1e-12), "{what}: {found} {expected}");
}

#[test]
fn summaries_are_those_of_scipy() {
    for case in cases("stats/summary.json") {
        let name = case["name"].as_str().unwrap();
        let (x, out) = (numbers(&case["input"]["x"]), &case["output"]);
        if out.is_null() {
            assert!(moments::mean(&x).is_nan() && order::median(&x).is_nan(), "{name}");
            continue;
        }
        let check = |found: f64, key: &str| near(found, number(&out[key]), 1e-12, &format!("{name} {key}"));
        check(moments::mean(&x), "mean");
        check(moments::variance(&x, 0), "var0");
        check(moments::variance(&x, 1), "var1");
        check(order::median(&x), "median");
        check(order::mad(&x), "mad");
        check(order::iqr(&x), "iqr");
        let q = order::quantiles(&x, &[0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0]);
        for (found, expected) in q.iter().zip(numbers(&out["quantiles"])) {
            // the bits agree; serde_json reads a number to the last bit only
            near(*found, expected, 3e-16, &format!("{name} quantiles"));
        }
        if matches!(name, "huge" | "tiny") {
            // the reference overflows; the shape does not depend on the unit
            let unit: Vec<f64> = x.iter().map(|v| v / x[0]).collect();
            near(moments::skewness(&x), moments::skewness(&unit), 1e-9, name);
            near(moments::kurtosis(&x), moments::kurtosis(&unit), 1e-9, name);
            continue;
        }
        // rounding of 1e9 + noise is what is left of it
        let loose = if name == "large_offset" { 1e-7 } else { 1e-10 };
        let jb = moments::jarque_bera(&x);
        near(moments::skewness(&x), number(&out["skew"]), loose, &format!("{name} skew"));
        near(moments::kurtosis(&x), number(&out["kurtosis"]), loose, &format!("{name} kurtosis"));
        near(jb.statistic, number(&out["jarque_bera"]), loose, &format!("{name} jb"));
        near(jb.p, number(&out["jarque_bera_p"]), loose, &format!("{name} jb p"));
    }
}

#[test]
fn exponential_moments_are_those_of_pandas() {
    for case in cases("stats/ewma.json") {
        let (x, p) = (numbers(&case["input"]["x"]), &case["params"]);
        let mut e = ExponentialMoments::new(number(&p["alpha"]), p["adjust"].as_bool().unwrap()).unwrap();
        let (mean, var) = (numbers(&case["output"]["mean"]), numbers(&case["output"]["var"]));
        // what 1e9 leaves of a variance near 1; the squares of 1e-149 are subnormal
        let loose = if case["name"] == "large_offset" { 1e-6 } else { 1e-9 };
        for (i, v) in x.iter().enumerate() {
            let (m, s) = e.observe(*v);
            near(m, mean[i], 1e-12, &format!("{} {i}", case["name"]));
            near(s, var[i], loose, &format!("{} {i} variance", case["name"]));
        }
    }
}

#[test]
fn autocorrelations_are_those_of_statsmodels() {
    for case in cases("stats/autocorrelation.json") {
        let name = case["name"].as_str().unwrap();
        let (x, lags, out) = (numbers(&case["input"]["x"]), number(&case["params"]["lags"]) as usize, &case["output"]);
        if out.is_null() {
            continue;
        }
        let loose = if name == "large_offset" { 1e-6 } else { 1e-9 };
        for (k, (found, expected)) in
            autocorrelation::autocorrelation(&x, lags).iter().zip(numbers(&out["acf"])).enumerate()
        {
            near(*found, expected, loose, &format!("{name} acf {k}"));
        }
        if matches!(name, "one_point" | "constant" | "with_nan") {
            assert!(autocorrelation::autocorrelation(&x, lags).iter().all(|v| v.is_nan()), "{name}");
            continue;
        }
        let partial = autocorrelation::partial_autocorrelation(&x, lags);
        for (k, expected) in numbers(&out["pacf_yw"]).into_iter().enumerate() {
            near(partial[k], expected, loose, &format!("{name} pacf {k}"));
        }
        let found = autocorrelation::ljung_box(&x, lags);
        for (k, (q, p)) in numbers(&out["ljung_box"][0]).into_iter().zip(numbers(&out["ljung_box"][1])).enumerate() {
            near(found[k].statistic, q, loose, &format!("{name} Q {k}"));
            near(found[k].p, p, loose, &format!("{name} p {k}"));
        }
    }
}

#[test]
fn trends_are_those_of_pymannkendall_and_scipy() {
    for case in cases("stats/trend_test.json") {
        let (name, x, out) = (&case["name"], numbers(&case["input"]["x"]), &case["output"]);
        let found = trend::mann_kendall(&x);
        if out.is_null() {
            assert!(found.is_err(), "{name}");
            continue;
        }
        let (found, line) = (found.unwrap(), trend::sen_slope(&x).unwrap());
        let mut pairs =
            vec![(found.s, "s"), (found.variance, "var_s"), (found.z, "z"), (found.p, "p"), (found.tau, "tau")];
        pairs.extend([(line.slope, "sen_slope"), (line.intercept, "sen_intercept")]);
        if name != "with_nan" {
            pairs.push((found.tau_b, "tau_b"));
        }
        for (value, key) in pairs {
            near(value, number(&out[key]), 1e-9, &format!("{name} {key}"));
        }
    }
    for case in cases("stats/theil_sen.json") {
        let (name, out) = (case["name"].as_str().unwrap(), &case["output"]);
        let found = trend::theil_sen(&numbers(&case["input"]["t"]), &numbers(&case["input"]["y"]), 0.95);
        if out.is_null() || name == "one_point" {
            assert!(found.is_err(), "{name}");
            continue;
        }
        let found = found.unwrap();
        if name == "with_nan" {
            assert!(found.slope.is_finite());
            continue;
        }
        for (value, key) in
            [(found.slope, "slope"), (found.intercept, "intercept"), (found.low, "low"), (found.high, "high")]
        {
            near(value, number(&out[key]), 1e-9, &format!("{name} {key}"));
        }
    }
}

#[test]
fn count_tests_are_those_of_scipy() {
    use counts::Alternative::{Greater, Less, TwoSided};
    for case in cases("stats/count_tests.json") {
        let (i, out) = (&case["input"], &case["output"]);
        let get = |key: &str| i[key].as_u64().unwrap();
        match case["name"].as_str().unwrap() {
            "binomial" => {
                for (alternative, key) in [(TwoSided, "two-sided"), (Less, "less"), (Greater, "greater")] {
                    let found = counts::binomial_test(get("k"), get("n"), number(&i["p"]), alternative);
                    match found {
                        Ok(p) => near(p, number(&out[key]), 2e-9, &format!("{case}")),
                        Err(_) => assert!(out.is_null(), "{case}"),
                    }
                }
            }
            "poisson" => {
                let (k, rate) = (get("k"), number(&i["rate"]));
                near(counts::poisson_at_least(k, rate), number(&out["at_least"]), 1e-10, &format!("{case}"));
                near(counts::poisson_at_most(k, rate), number(&out["at_most"]), 1e-10, &format!("{case}"));
            }
            _ => {
                let rates = counts::Rates {
                    first: get("k1"),
                    first_time: number(&i["t1"]),
                    second: get("k2"),
                    second_time: number(&i["t2"]),
                };
                let expected = if out.is_null() { 1.0 } else { number(&out["two-sided"]) };
                near(rates.compare(TwoSided).unwrap(), expected, 1e-9, &format!("{case}"));
            }
        }
    }
}

#[test]
fn two_samples_are_those_of_scipy() {
    for case in cases("stats/two_samples.json") {
        let (name, out) = (case["name"].as_str().unwrap(), &case["output"]);
        let (x, y) = (numbers(&case["input"]["x"]), numbers(&case["input"]["y"]));
        let ks = samples::kolmogorov_smirnov(&x, &y);
        if out.is_null() || name == "nan" {
            assert!(ks.is_err() && samples::welch(&x, &y).is_err() && samples::mann_whitney(&x, &y).is_err(), "{name}");
            continue;
        }
        let (ks, t, u) = (ks.unwrap(), samples::welch(&x, &y).unwrap(), samples::mann_whitney(&x, &y).unwrap());
        let mut pairs = vec![(ks.statistic, "ks"), (ks.p, "ks_p_exact"), (u.statistic, "u"), (u.p, "u_p")];
        pairs.push((t.statistic, "welch_t"));
        if matches!(name, "huge" | "tiny") {
            // the reference's degrees of freedom overflow
            assert!(t.p < 0.001, "{t:?}");
        } else {
            pairs.push((t.p, "welch_p"));
        }
        for (value, key) in pairs {
            near(value, number(&out[key]), 1e-10, &format!("{name} {key}"));
        }
    }
}

#[test]
fn monotone_fits_are_those_of_scikit_learn() {
    for case in cases("stats/isotonic.json") {
        let (name, i, out) = (case["name"].as_str().unwrap(), &case["input"], &case["output"]);
        let (x, y) = (numbers(&i["x"]), numbers(&i["y"]));
        let weights = (!i["weights"].is_null()).then(|| numbers(&i["weights"]));
        let fit = Isotonic::fit(&x, &y, weights.as_deref(), case["params"]["increasing"].as_bool().unwrap());
        if out.is_null() {
            assert!(fit.is_err(), "{name}");
            continue;
        }
        let fit = fit.unwrap();
        if name == "tiny" {
            // the reference takes all x within 1e-15 for one
            assert!(fit.predict(1.0) > fit.predict(-1.0));
            continue;
        }
        for (key, at, expected) in
            [("fitted", &x, &out["fitted"]), ("predicted", &numbers(&i["at"]), &out["predicted"])]
        {
            for (at, expected) in at.iter().zip(numbers(expected)) {
                near(fit.predict(*at), expected, 1e-10, &format!("{name} {key} {at}"));
            }
        }
    }
}

#[test]
fn tails_are_those_of_scipy_on_grids() {
    for case in cases("stats/tails.json") {
        let name = case["name"].as_str().unwrap();
        for row in case["output"]["rows"].as_array().unwrap() {
            let row = numbers(row);
            let a = &row[..row.len() - 1];
            let (found, tolerance) = match name {
                "normal_cdf" => (special::normal_cdf(a[0]), 1e-11),
                "normal_sf" => (special::normal_sf(a[0]), 1e-11),
                "normal_quantile" => (special::normal_quantile(a[0]), 1e-11),
                "poisson_sf" => (counts::poisson_at_least(a[0] as u64 + 1, a[1]), 1e-9),
                "binomial_sf" => (counts::binomial_at_least(a[0] as u64 + 1, a[1] as u64, a[2]), 1e-9),
                "kolmogorov_sf" => (samples::kolmogorov_sf(a[0]), 1e-11),
                _ => continue,
            };
            near(found, row[row.len() - 1], tolerance, &format!("{name} {a:?}"));
        }
    }
}
