//! forecast against reference values.

use rootline_analytics::forecast::{
    ArimaOrder, EtsModel, EtsTrend, Pool, Prophet, ProphetGrid, arima, arima_auto, arima_log_likelihood, ets, ets_auto,
    pool, seasonal_naive, theta,
};
use rootline_analytics::smooth::SeasonKind;
use serde_json::Value;

use crate::fixtures::{json, number, shared};

fn cases(path: &str) -> Vec<Value> {
    let file =
        std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/analytics/forecast").join(path);
    json(&file)["cases"].as_array().expect("cases").clone()
}

fn row(value: &Value) -> Vec<f64> {
    value.as_array().expect("a row of numbers").iter().map(number).collect()
}

fn size(value: &Value) -> usize {
    value.as_u64().expect("a count") as usize
}

/// Largest difference as a share of the largest |value| of the series.
fn apart(found: &[f64], expected: &[f64], x: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = x.iter().fold(0.0f64, |a, v| a.max(v.abs()));
    found.iter().zip(expected).fold(0.0f64, |a, (f, e)| a.max((f - e).abs())) / scale
}

#[test]
fn theta_and_the_seasonal_naive_are_those_of_statsforecast() {
    for c in cases("theta.json") {
        let (x, m) = (row(&c["x"]), size(&c["period"]));
        assert!(apart(&seasonal_naive(&x, m, 18).unwrap(), &row(&c["seasonal_naive"]), &x) < 1e-7, "{}", c["name"]);
        let d = apart(&theta(&x, m, 18).unwrap(), &row(&c["theta"]), &x);
        // both search the smoothing weight; statsforecast stops at the search's tolerance
        // (with outliers the error is flat in the weight, and the places it stops at are far apart)
        assert!(d < if c["name"] == "outliers" { 0.03 } else { 0.01 }, "{} {d}", c["name"]);
    }
}

/// M4 hourly as (training, future) pairs.
fn m4() -> Option<Vec<(Vec<f64>, Vec<f64>)>> {
    let folder = shared("m4-hourly")?;
    let read = |name: &str| -> Vec<Vec<f64>> {
        let out = std::process::Command::new("gzip").arg("-dc").arg(folder.join(name)).output().expect("gzip");
        let text = String::from_utf8(out.stdout).expect("text");
        text.lines()
            .skip(1)
            .map(|l| l.split(',').skip(1).filter_map(|c| c.trim_matches('"').parse().ok()).collect())
            .collect()
    };
    Some(read("Hourly-train.csv.gz").into_iter().zip(read("Hourly-test.csv.gz")).collect())
}

fn mase(data: &[(Vec<f64>, Vec<f64>)], method: impl Fn(&[f64], usize) -> Vec<f64>) -> f64 {
    let mean = |v: &mut dyn Iterator<Item = f64>| {
        let (mut sum, mut n) = (0.0, 0.0);
        v.for_each(|x| {
            sum += x;
            n += 1.0;
        });
        sum / n
    };
    mean(&mut data.iter().map(|(x, y)| {
        let scale = mean(&mut x.iter().skip(24).zip(x).map(|(a, b)| (a - b).abs()));
        mean(&mut method(x, y.len()).iter().zip(y).map(|(f, v)| (f - v).abs())) / scale
    }))
}

#[test]
fn published_figures_of_the_m4_hourly_series() {
    let Some(data) = m4() else { return };
    assert_eq!(data.len(), 414);
    let naive = mase(&data, |x, h| seasonal_naive(x, 24, h).unwrap());
    assert!((naive - 1.193).abs() < 0.0006, "{naive}");
    let t = mase(&data, |x, h| theta(x, 24, h).unwrap());
    assert!((t - 2.455).abs() < 0.003, "{t}");
    // the winner of the competition has .893
    let p = mase(&data, |x, h| pool(x, &Pool { horizon: h, ..Pool::default() }).unwrap().point);
    assert!(p < 0.80, "{p}");
}

#[test]
fn prophet_is_at_least_as_likely_as_prophets_own_and_equal_in_value() {
    for c in cases("prophet.json") {
        let x = row(&c["x"]);
        let (start, step) = (number(&c["start_s"]), number(&c["step_s"]));
        let times: Vec<f64> = (0..x.len() + 24).map(|i| start + step * i as f64).collect();
        let holidays: Vec<f64> = c.get("holiday_s").map(row).unwrap_or_default();
        let column = |t: &[f64]| -> Vec<Vec<f64>> {
            let on = |t: &f64| if holidays.iter().any(|d| (*d..d + 86_400.0).contains(t)) { 1.0 } else { 0.0 };
            if holidays.is_empty() { Vec::new() } else { vec![t.iter().map(on).collect()] }
        };
        let n = x.len();
        let fit = ProphetGrid::new(&times[..n], &column(&times[..n]), &Prophet::default()).unwrap().fit(&x).unwrap();
        let lp = number(&c["log_posterior"]);
        assert!(fit.log_posterior() >= lp - 1e-6, "{} {} {lp}", c["name"], fit.log_posterior());
        let f = fit.predict(&times, &column(&times)).unwrap();
        let every: Vec<f64> = f.point.iter().copied().step_by(4).collect();
        let d = apart(&every, &row(&c["yhat"]), &x);
        // where Prophet's own optimiser stopped short of the maximum, its values are no reference
        if fit.log_posterior() > lp + 2.0 {
            continue;
        }
        assert!(d < 0.005, "{} {d}", c["name"]);
        assert!((fit.sigma() / number(&c["sigma"]) - 1.0).abs() < 0.01, "{}", c["name"]);
        // both bands are simulated
        assert!(
            apart(&f.lower[n..], &row(&c["lower"]), &x) < 0.02 && apart(&f.upper[n..], &row(&c["upper"]), &x) < 0.02,
            "{}",
            c["name"]
        );
    }
}

#[test]
fn ets_is_near_statsforecasts() {
    for c in cases("ets.json") {
        let (x, m, name) = (row(&c["x"]), size(&c["period"]), c["model"].as_str().expect("a model"));
        let what = format!("{} {name}", c["name"]);
        if name == "auto" {
            let fit = ets_auto(&x, m).unwrap();
            // the first seasons are not searched here, which costs likelihood where outliers spoil them; on values of 1e-12
            // statsforecast's own optimiser loses its way
            if c["name"] != "tiny" {
                let slack = if c["name"] == "outliers" { 25.0 } else { 10.0 };
                assert!(fit.aicc < number(&c["aicc"]) + slack, "{what} {} {}", fit.aicc, c["chosen"]);
            }
            continue;
        }
        let letters: Vec<char> = name.chars().collect();
        let trend = match (letters[1], name.contains('d')) {
            ('N', _) => EtsTrend::None,
            (_, false) => EtsTrend::Additive,
            _ => EtsTrend::Damped,
        };
        let season = match letters[letters.len() - 1] {
            'A' => Some(SeasonKind::Additive),
            'M' => Some(SeasonKind::Multiplicative),
            _ => None,
        };
        let fit = ets(&x, m, EtsModel { relative_error: letters[0] == 'M', trend, season }).unwrap();
        let d = apart(&fit.forecast(18), &row(&c["forecast"]), &x);
        let gain = fit.log_likelihood - number(&c["loglik"]);
        match season {
            None => assert!(gain > -0.01 && gain < 0.1 && d < 0.005, "{what} {gain} {d}"),
            Some(SeasonKind::Additive) => assert!(gain > -4.0 && d < 0.03, "{what} {gain} {d}"),
            Some(SeasonKind::Multiplicative) => assert!(gain > -15.0, "{what} {gain}"),
        }
    }
}

#[test]
fn arima_is_that_of_statsmodels() {
    for c in cases("arima.json") {
        let x = row(&c["x"]);
        let (o, s) = (row(&c["order"]), row(&c["seasonal"]));
        let order = ArimaOrder {
            p: o[0] as usize,
            d: o[1] as usize,
            q: o[2] as usize,
            seasonal_p: s[0] as usize,
            seasonal_d: s[1] as usize,
            seasonal_q: s[2] as usize,
            period: s[3] as usize,
            constant: false,
        };
        let found = arima_log_likelihood(&x, order, &row(&c["params"]), number(&c["sigma2"])).unwrap();
        let expected = number(&c["loglik_at"]);
        assert!((found - expected).abs() < 1e-6 * expected.abs(), "{} {found} {expected}", c["name"]);
        if c.get("loglik_best").is_none() {
            continue;
        }
        let fit = arima(&x, order).unwrap();
        let best = number(&c["loglik_best"]);
        assert!(fit.log_likelihood > best - 0.01, "{} {} {best}", c["name"], fit.log_likelihood);
        let f = fit.forecast(15, 0.9).unwrap();
        assert!(apart(&f.point, &row(&c["forecast"]), &x) < 1e-3, "{}", c["name"]);
        let wide: Vec<f64> = row(&c["se"]).iter().map(|s| 2.0 * 1.644_853_627 * s).collect();
        let found: Vec<f64> = f.upper.iter().zip(&f.lower).map(|(u, l)| u - l).collect();
        // with differences statsmodels adds the doubt of its diffuse start
        if order.d + order.seasonal_d == 0 {
            assert!(apart(&found, &wide, &x) < 0.01, "{} {found:?} {wide:?}", c["name"]);
        }
        let auto = arima_auto(&x, order.period).unwrap();
        let theirs = row(&c["auto_order"]);
        // criteria compare only where the differences are the same; theirs: p, q, P, Q, period, d, D
        if auto.order.d == theirs[5] as usize && auto.order.seasonal_d == theirs[6] as usize {
            assert!(auto.aicc < number(&c["auto_aicc"]) + 3.0, "{} {:?} {}", c["name"], auto.order, auto.aicc);
        }
    }
}
