//! Prophet's model; the pool of forecasters.

use rootline_analytics::forecast::{Pool, Prophet, ProphetGrid, Seasonality, pool as run_pool};
use serde_json::{Value, json};

use crate::input::{BenchError, Input};
use crate::{answer, measure};

/// One series: design, Gram matrix and fit.
pub fn prophet(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let (times, y) = (x.column(0), x.column(1));
    let model = Prophet { seasonalities: vec![Seasonality::WEEK, Seasonality::DAY], ..Prophet::default() };
    let (cpu_s, runs, fit) = measure(|| Ok(ProphetGrid::new(&times, &[], &model)?.fit(&y)?))?;
    let yhat = fit.values(&times[..100.min(times.len())], &[])?;
    Ok(answer((cpu_s, runs, json!({ "yhat": yhat, "log_posterior": fit.log_posterior() }))))
}

/// All series, point and interval.
pub fn pool(input: &Input) -> Result<Value, BenchError> {
    let x = input.matrix("x")?;
    let parameters = Pool {
        period: input.number("season")? as usize,
        horizon: input.number("horizon")? as usize,
        coverage: input.number("level")?,
        ..Pool::default()
    };
    let (cpu_s, runs, forecasts) =
        measure(|| Ok(x.iter_rows().map(|series| run_pool(series, &parameters)).collect::<Result<Vec<_>, _>>()?))?;
    let points: Vec<&[f64]> = forecasts.iter().map(|f| f.point.as_slice()).collect();
    Ok(answer((cpu_s, runs, json!({ "forecasts": points }))))
}
