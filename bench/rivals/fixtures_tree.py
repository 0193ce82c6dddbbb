"""Makes models and what their libraries say of them (xgboost 3.2.0, lightgbm 4.7.0, numpy 2.2.6).

What the shared fixtures lack: UBJSON, categories, several classes, dart, Poisson, zero as missing. Writes into `testdata/analytics/tree`.
"""
import json
import os
from pathlib import Path

import lightgbm as lgb
import numpy as np
import xgboost as xgb

os.chdir(Path(__file__).parents[2] / "testdata/analytics/tree")
rng = np.random.default_rng(1)
n = 120
x = np.round(rng.normal(size=(n, 4)), 2).astype(np.float32)
x[rng.random((n, 4)) < 0.1] = np.nan
x[:, 3] = rng.integers(0, 40, n)
clean = np.nan_to_num(x)
y = clean[:, 0] + (x[:, 3] % 3 == 1) * 2 + clean[:, 1] * clean[:, 2]
classes = (clean[:, 0] > 0).astype(int) + (clean[:, 1] > 0).astype(int)
out = {"x": [[None if v != v else float(v) for v in r] for r in x]}


def xgboost(name, label, rounds, types=None, **params):
    data = xgb.DMatrix(x, label=label, feature_types=types, enable_categorical=types is not None)
    model = xgb.train(dict(max_depth=3, eta=0.3, nthread=1, **params), data, rounds)
    model.save_model(f"{name}.ubj")
    record(name, model.predict(data, output_margin=True), model.predict(data), model.predict(data, pred_contribs=True))


def lightgbm(name, label, rounds, rows=x, categories=(), **params):
    rows = rows.astype(float)
    data = lgb.Dataset(rows, label=label, categorical_feature=list(categories))
    params = dict(num_leaves=6, min_data_in_leaf=5, verbosity=-1, num_threads=1, **params)
    model = lgb.train(params, data, rounds)
    model.save_model(f"{name}.txt")
    text = open(f"{name}.txt").read()
    open(f"{name}.txt", "w").write(text[: text.index("feature_importances")])
    record(name, model.predict(rows, raw_score=True), model.predict(rows), model.predict(rows, pred_contrib=True))


def record(name, margin, prediction, contributions):
    out[name] = dict(margin=margin.reshape(n, -1).astype(float).tolist(), predict=prediction.reshape(n, -1).astype(float).tolist())
    out[name]["contributions"] = contributions[:10].reshape(10, -1).astype(float).tolist()


xgboost("xgb_categories", y, 4, types=["q", "q", "q", "c"], tree_method="hist", max_cat_to_onehot=1)
xgboost("xgb_classes", classes, 2, objective="multi:softprob", num_class=3)
xgboost("xgb_dart", y, 4, booster="dart", rate_drop=0.5, seed=3)
xgboost("xgb_poisson", np.round(np.abs(y)), 3, objective="count:poisson")
lightgbm("lgb_categories", y, 4, categories=[3], objective="regression", min_data_per_group=5, max_cat_to_onehot=1, cat_smooth=1)
lightgbm("lgb_classes", classes, 2, objective="multiclass", num_class=3)
lightgbm("lgb_zero_missing", y, 3, rows=np.where(np.abs(x) < 0.4, 0, x), objective="regression", zero_as_missing=True)
lightgbm("lgb_forest", y, 3, objective="regression", boosting="rf", bagging_freq=1, bagging_fraction=0.7)
out["x_zero"] = [[None if v != v else float(v) for v in r] for r in np.where(np.abs(x) < 0.4, 0, x)]
with open("expected.json", "w") as f:
    json.dump(out, f)
