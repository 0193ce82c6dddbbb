//! Any bytes as a model of boosted trees, which then predicts and explains.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rootline_analytics::Matrix;
use rootline_analytics::tree::Ensemble;

fuzz_target!(|data: &[u8]| {
    for model in [Ensemble::from_xgboost(data), Ensemble::from_lightgbm(data)].into_iter().flatten() {
        // the library does not bound the width of a table, its caller does
        if model.features() <= 4096 {
            let row = vec![0.5; model.features()];
            let table = Matrix::new(1, row.len(), row.clone()).expect("one row of that many");
            let _ = (model.margin(&row), model.contributions(&table, 0), model.to_xgboost_json());
        }
    }
});
