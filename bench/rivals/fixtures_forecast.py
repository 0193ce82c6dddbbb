"""Reference values for crates/analytics: smooth, decompose, forecast.

Run in the pinned environment of requirements.txt:  python bench/rivals/fixtures_forecast.py testdata/analytics
Inputs are drawn with numpy's default_rng and rounded, and stand in the files, so that tests need no generator.
"""
import json
import logging
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
OUT = Path(sys.argv[1])


def plain(v):
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple, np.ndarray, pd.Series)):
        return [plain(x) for x in v]
    if isinstance(v, (float, np.floating)):
        v = float(v)
        return v if np.isfinite(v) else ("NaN" if np.isnan(v) else "Infinity" if v > 0 else "-Infinity")
    if isinstance(v, np.integer):
        return int(v)
    return v


def write(path, libraries, cases):
    record = {"made_by": "bench/rivals/fixtures_forecast.py", "versions": {x: version(x) for x in libraries}, "cases": cases}
    (OUT / path).write_text(json.dumps(plain(record), separators=(",", ":")) + "\n")
    print(path, len(cases))


def series(n, m, seed, level=20.0, trend=0.0, amp=5.0, noise=1.0):
    r = np.random.default_rng(seed)
    t = np.arange(n)
    x = level + trend * t + amp * np.sin(2 * np.pi * t / m) + 0.4 * amp * np.cos(4 * np.pi * t / m) + noise * r.standard_normal(n)
    return np.round(x, 4)


def outliers(x, seed):
    r = np.random.default_rng(seed)
    x = x.copy()
    x[r.choice(len(x), 6, replace=False)] += 40
    return x


KINDS = {
    "plain": series(120, 12, 1),
    "trend": series(120, 12, 2, trend=0.2),
    "outliers": outliers(series(120, 12, 3), 3),
    "constant": np.full(60, 3.0),
    "huge": series(72, 12, 4) * 1e12,
    "tiny": series(72, 12, 5) * 1e-12,
    "duplicates": np.repeat([1.0, 2.0, 5.0, 2.0], 15),
}


def smooth():
    from statsmodels.tsa.holtwinters import ExponentialSmoothing, Holt

    cases = []
    for name, x in KINDS.items():
        cases.append({"name": name, "x": x, "trailing5": pd.Series(x).rolling(5, min_periods=1).mean(),
                      "centred5": pd.Series(x).rolling(5, min_periods=1, center=True).mean(),
                      "ewm03": pd.Series(x).ewm(alpha=0.3, adjust=False).mean()})
    x = KINDS["plain"].copy()
    x[[0, 7, 8, 119]] = np.nan
    cases.append({"name": "nan", "x": x, "trailing5": pd.Series(x).rolling(5, min_periods=1).mean(),
                  "centred5": pd.Series(x).rolling(5, min_periods=1, center=True).mean()})
    cases.append({"name": "one", "x": [4.5], "trailing5": [4.5], "centred5": [4.5], "ewm03": [4.5]})
    write("smooth/moving.json", ["pandas", "numpy"], cases)

    cases = []
    for name, x in KINDS.items():
        f = Holt(x, initialization_method="known", initial_level=x[0], initial_trend=x[1] - x[0]).fit(
            smoothing_level=0.4, smoothing_trend=0.15, optimized=False)
        cases.append({"name": name, "x": x, "alpha": 0.4, "beta": 0.15, "fitted": f.fittedvalues, "forecast": f.forecast(8)})
    write("smooth/double.json", ["statsmodels", "numpy"], cases)

    cases = []
    for name, x in KINDS.items():
        m = 12
        for kind in ("add", "mul"):
            l0, b0 = x[:m].mean(), (x[m:2 * m].mean() - x[:m].mean()) / m
            s0 = x[:m] - l0 if kind == "add" else x[:m] / l0
            f = ExponentialSmoothing(x, trend="add", damped_trend=True, seasonal=kind, seasonal_periods=m, initialization_method="known", initial_level=l0,
                                     initial_trend=b0, initial_seasonal=s0).fit(
                smoothing_level=0.3, smoothing_trend=0.1, smoothing_seasonal=0.2, damping_trend=0.95, optimized=False)
            cases.append({"name": name, "kind": kind, "x": x, "fitted": f.fittedvalues, "forecast": f.forecast(20)})
    write("smooth/holt_winters.json", ["statsmodels", "numpy"], cases)


def decompose():
    from statsmodels.tsa.seasonal import MSTL, STL

    cases = []
    for name, x in KINDS.items():
        for robust in (False, True):
            r = STL(x, period=12, robust=robust).fit()
            cases.append({"name": name, "period": 12, "seasonal": 7, "robust": robust, "x": x, "trend": r.trend, "season": r.seasonal, "rest": r.resid})
    x = series(100, 7, 9)
    r = STL(x, period=7, seasonal=13).fit()
    cases.append({"name": "week", "period": 7, "seasonal": 13, "robust": False, "x": x, "trend": r.trend, "season": r.seasonal, "rest": r.resid})
    write("decompose/stl.json", ["statsmodels", "numpy"], cases)

    cases = []
    two = {"two": series(24 * 7 * 3, 24, 11) + series(24 * 7 * 3, 168, 12, level=0, amp=3), "two_trend": series(24 * 7 * 2 + 30, 24, 13, trend=.01),
           "constant": np.full(120, 2.0), "short": series(60, 24, 14), "huge": series(24 * 7 * 2 + 5, 24, 15) * 1e12}
    for name, x in two.items():
        r = MSTL(x, periods=(24, 168)).fit()
        s = np.asarray(r.seasonal).reshape(len(x), -1).T
        cases.append({"name": name, "periods": [24, 168], "x": np.asarray(x), "trend": r.trend, "season": list(s), "rest": r.resid})
    write("decompose/mstl.json", ["statsmodels", "numpy"], cases)


def classical():
    from statsforecast.models import AutoETS, SeasonalNaive, Theta

    cases = []
    for name, x in {**KINDS, "day": series(200, 24, 21), "day_trend": series(240, 24, 22, trend=.05)}.items():
        m = 24 if name.startswith("day") and name != "duplicates" else 12
        c = {"name": name, "period": m, "x": x, "seasonal_naive": SeasonalNaive(m).forecast(y=x, h=18)["mean"]}
        c["theta"] = Theta(m).forecast(y=x, h=18)["mean"]
        cases.append(c)
    write("forecast/theta.json", ["statsforecast", "numpy"], cases)

    cases = []
    for name, x in {"plain": KINDS["plain"], "trend": KINDS["trend"], "outliers": KINDS["outliers"], "day": series(240, 24, 23), "walk": np.round(50 + np.cumsum(np.random.default_rng(5).standard_normal(100)), 4),
                    "huge": KINDS["huge"], "tiny": KINDS["tiny"]}.items():
        m = 24 if name == "day" else 1 if name == "walk" else 12
        for model in (["ANN", "AAN", "AAdN"] if m == 1 else ["ANN", "ANA", "AAA", "MNM" if x.min() > 0 else "ANA"]):
            damped = "d" in model
            f = AutoETS(m, model=model.replace("d", ""), damped=damped).fit(x)
            cases.append({"name": name, "period": m, "model": model, "x": x, "loglik": f.model_["loglik"], "aicc": f.model_["aicc"], "forecast": f.predict(h=18)["mean"]})
        f = AutoETS(m).fit(x)
        cases.append({"name": name, "period": m, "model": "auto", "x": x, "chosen": f.model_["method"], "aicc": f.model_["aicc"], "forecast": f.predict(h=18)["mean"]})
    write("forecast/ets.json", ["statsforecast", "numpy"], cases)


def arima():
    from statsforecast.models import AutoARIMA
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    r = np.random.default_rng(31)

    def arma(n, ar, ma):
        e = r.standard_normal(n + 100)
        x = np.zeros(n + 100)
        for t in range(3, n + 100):
            x[t] = e[t] + sum(a * x[t - 1 - i] for i, a in enumerate(ar)) + sum(b * e[t - 1 - i] for i, b in enumerate(ma))
        return np.round(x[100:], 4)

    inputs = {
        "ar1": (arma(150, [.7], []), (1, 0, 0), (0, 0, 0, 1), [.6]),
        "arma21": (arma(200, [.5, -.3], [.4]), (2, 0, 1), (0, 0, 0, 1), [.4, -.2, .3]),
        "ma2": (arma(120, [], [.6, .3]), (0, 0, 2), (0, 0, 0, 1), [.5, .2]),
        "walk": (np.cumsum(arma(150, [.3], [])), (1, 1, 1), (0, 0, 0, 1), [.3, .1]),
        "airline": (series(144, 12, 32, trend=.3) + np.cumsum(arma(144, [], [])), (0, 1, 1), (0, 1, 1, 12), [-.4, -.6]),
        "season": (series(240, 24, 33), (1, 0, 1), (1, 1, 1, 24), [.3, .1, .2, -.5]),
        "constant": (np.full(60, 2.0), (1, 1, 0), (0, 0, 0, 1), [.2]),
    }
    cases = []
    for name, (x, o, s, par) in inputs.items():
        mod = SARIMAX(x, order=o, seasonal_order=s if s[3] > 1 else (0, 0, 0, 0), simple_differencing=True)
        c = {"name": name, "x": x, "order": o, "seasonal": s, "params": par, "loglik_at": mod.loglike(np.r_[par, 1.3]), "sigma2": 1.3}
        if name != "constant":
            f = mod.fit(disp=False, maxiter=200)
            c["loglik_best"], c["best"] = f.llf, f.params
            g = SARIMAX(x, order=o, seasonal_order=s if s[3] > 1 else (0, 0, 0, 0)).filter(f.params)
            p = g.get_forecast(15)
            c["forecast"], c["se"] = p.predicted_mean, p.se_mean
            a = AutoARIMA(season_length=s[3]).fit(x)
            c["auto_order"], c["auto_aicc"] = a.model_["arma"], a.model_["aicc"]
            c["auto_forecast"] = a.predict(h=15)["mean"]
        cases.append(c)
    write("forecast/arima.json", ["statsmodels", "statsforecast", "numpy"], cases)


def prophet():
    from prophet import Prophet

    def log_posterior(m, df):
        """Prophet's own model, constants of densities included, from its parameters; so that both sides count the same."""
        from scipy import stats
        p = {k: np.asarray(v, float).ravel() for k, v in m.params.items()}
        hist = m.history
        t, y = hist["t"].to_numpy(), hist["y_scaled"].to_numpy()
        cp = m.changepoints_t
        hinge = np.maximum(t[:, None] - cp[None, :], 0)
        feats = m.make_all_seasonality_features(hist)
        X = feats[0].to_numpy() if len(feats[0].columns) and feats[0].columns[0] != "zeros" else np.zeros((len(t), 0))
        beta = p["beta"][:X.shape[1]]
        mu = p["k"][0] * t + p["m"][0] + hinge @ p["delta"] + X @ beta
        s = p["sigma_obs"][0]
        lp = stats.norm.logpdf(y, mu, s).sum() + stats.norm.logpdf(p["k"][0], 0, 5) + stats.norm.logpdf(p["m"][0], 0, 5)
        lp += stats.laplace.logpdf(p["delta"], 0, m.changepoint_prior_scale).sum() + stats.norm.logpdf(beta, 0, feats[1][:len(beta)]).sum()
        return lp + stats.norm.logpdf(s, 0, .5)

    cases = []
    r = np.random.default_rng(41)
    n = 14 * 24
    t = np.arange(n)
    base = series(n, 24, 42, level=50, amp=8)
    kinds = {
        "day_week": base + np.round(4 * np.sin(2 * np.pi * t / 168), 4),
        "ramp": np.round(base + .05 * t, 4),
        "kinks": np.round(base + np.where(t > 120, .2 * (t - 120), 0) - np.where(t > 220, .35 * (t - 220), 0), 4),
        "step": np.round(base + np.where(t > 200, 30, 0), 4),
        "huge": base * 1e9,
        "negative": -base,
        "flat_noise": np.round(1 + .01 * r.standard_normal(n), 6),
    }
    for name, x in kinds.items():
        df = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=n, freq="h"), "y": x})
        holidays = None
        if name == "ramp":
            holidays = pd.DataFrame({"holiday": "launch", "ds": pd.to_datetime(["2024-01-05", "2024-01-12"])})
        m = Prophet(weekly_seasonality=3, daily_seasonality=4, yearly_seasonality=False, holidays=holidays)
        m.fit(df)
        future = m.make_future_dataframe(24, freq="h")
        f = m.predict(future)
        c = {"name": name, "x": x, "start_s": int(df.ds[0].timestamp()), "step_s": 3600, "yhat": f.yhat[::4], "lower": f.yhat_lower[n:], "upper": f.yhat_upper[n:],
             "sigma": m.params["sigma_obs"].item() * m.y_scale, "log_posterior": log_posterior(m, df)}
        if holidays is not None:
            c["holiday_s"] = [int(d.timestamp()) for d in holidays.ds]
        cases.append(c)
    write("forecast/prophet.json", ["prophet", "numpy"], cases)


for step in (smooth, decompose, classical, arima, prophet):
    if len(sys.argv) < 3 or step.__name__ in sys.argv[2:]:
        step()
