"""Reference values of the libraries people use, for the tests of the numeric library: testdata/analytics/FAMILY/METHOD.json.

    $(bench/rivals/setup) bench/rivals/fixtures.py [FAMILY/METHOD ..]        all of them, or those named

Each file: {"library", "version", "note", "cases": [{"name", "params", "input", "output" or "error"}]}. Inputs are seeded by the
case's name, so a run on the same pins writes the same bytes. Floats are shortest round trip; non-finite ones are the strings "NaN",
"Infinity", "-Infinity". "error" holds the type of what the library raised: ours must answer with a typed error or a finite value there.
"""
import importlib
import importlib.metadata
import json
import logging
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[2] / "testdata/analytics"
LIMIT = 200_000
FILES = {}
warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)


def rng(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def plain(value):
    """JSON-ready: arrays to lists, non-finite floats to strings."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        value = float(value)
        return value if np.isfinite(value) else "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def fixture(path, library, note=""):
    """Registers a function that yields (name, params, input, call): the call's result is the output."""

    def register(make):
        FILES[path] = (library, note, make)
        return make

    return register


def write(path):
    library, note, make = FILES[path]
    try:
        version = importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        version = "the formula, in fixtures.py"
    cases = []
    for name, params, given, call in make():
        case = {"name": name, "params": params, "input": given}
        try:
            case["output"] = call()
        except Exception as e:
            case["error"] = type(e).__name__
        cases.append(case)
    body = {"library": library, "version": version, "note": note, "cases": "CASES"}
    rows = ",\n".join(json.dumps(plain(c), ensure_ascii=False, allow_nan=False) for c in cases)
    text = json.dumps(body, ensure_ascii=False).replace('"CASES"', f"[\n{rows}\n]") + "\n"
    assert len(text) < LIMIT, f"{path}: {len(text)} bytes"
    assert len(cases) >= 5, f"{path}: {len(cases)} cases"
    target = OUT / f"{path}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
    errors = sum("error" in c for c in cases)
    print(f"{path:<34} {library} {version}: {len(cases)} cases, {errors} of them errors, {len(text) / 1000:.0f} kB", flush=True)


# ---- inputs --------------------------------------------------------------------------------------
def samples(extra=()):
    """One-dimensional samples by name: usual ones, then degenerate ones."""
    normal = rng("normal").normal(10, 2, 40).round(6)
    yield "normal", normal
    yield "skewed", rng("skewed").exponential(3, 35).round(6)
    yield "heavy_tails", rng("tails").standard_t(2, 50).round(6)
    yield "integers_with_ties", rng("ties").integers(0, 5, 30).astype(float)
    yield "even_count", normal[:8]
    yield "with_an_outlier", np.append(normal[:20], 1e6)
    yield "constant", np.full(12, 3.25)
    yield "duplicates", np.repeat([1., 2., 2.5], 5)
    yield "one_point", np.array([4.5])
    yield "two_points", np.array([1., 2.])
    yield "huge", normal[:15] * 1e150
    yield "tiny", normal[:15] * 1e-150
    yield "large_offset", normal[:20] + 1e9
    yield from extra


WITH_NAN = ("with_nan", np.array([1., np.nan, 3., 2., 5.]))
EMPTY = ("empty", np.array([]))


def series():
    """Regular series by name."""
    g = rng("series")
    t = np.arange(96)
    season = 10 + 3 * np.sin(2 * np.pi * t / 12) + g.normal(0, .3, 96)
    spikes, shift, loud = season.copy(), g.normal(5, .5, 80), g.normal(0, 1, 80)
    spikes[[30, 61]] += [9, -8]
    shift[45:] += 6
    loud[40:60] *= 7
    gaps = shift.copy()
    gaps[[5, 20, 21, 60]] = np.nan
    for name, y in (("season_with_spikes", spikes), ("level_shift", shift), ("loud_stretch", loud), ("gaps", gaps)):
        yield name, y.round(6)
    yield "integers", g.integers(0, 3, 40).astype(float)
    yield "constant", np.full(40, 7.)
    yield "one_point", np.array([1.])
    yield "short", np.array([1., 5., 2., 4.])
    yield "huge", shift.round(6) * 1e100
    yield "tiny", shift.round(6) * 1e-100


def tables(rows=50):
    """Tables (rows, then rows to score that were not fitted) by name."""
    g = rng("tables")
    x = g.normal(size=(rows, 3)) @ np.array([[1, .5, 0], [0, 1, .3], [0, 0, 1]])
    x[:3] += [[6, 0, 0], [0, -7, 3], [4, 4, 4]]
    x, new = x.round(6), g.normal(0, 2, (6, 3)).round(6)
    yield "planted", x, new
    yield "skewed", g.exponential(1, (rows, 2)).round(6), g.exponential(2, (5, 2)).round(6)
    yield "duplicates", np.repeat(x[:10], 4, axis=0), x[5:9]
    yield "integers", g.integers(0, 4, (rows, 3)).astype(float), g.integers(0, 6, (5, 3)).astype(float)
    yield "constant_column", np.column_stack([x[:, 0], np.full(rows, 2.)]), np.column_stack([new[:, 0], [2., 2., 2., 2., 3., 1.]])
    yield "all_constant", np.full((20, 2), 1.5), np.array([[1.5, 1.5], [2., 1.5]])
    yield "one_column", x[:, :1], new[:, :1]
    yield "few_rows", x[:4], new[:2]
    yield "one_row", x[:1], new[:2]
    yield "huge", x * 1e100, new * 1e100
    yield "tiny", x * 1e-100, new * 1e-100
    hole = x.copy()
    hole[7, 1] = np.nan
    yield "nan", hole, new


# ---- outlier -------------------------------------------------------------------------------------
def pyod_cases(cls, settings):
    for name, x, new in tables():
        for params in settings:

            def call(x=x, new=new, params=params):
                model = cls(**params).fit(x)
                return {"scores": model.decision_scores_, "new_scores": model.decision_function(new)}

            yield name, params, {"x": x, "new": new}, call


def pyod_fixture(name, module, cls, settings, note):
    @fixture(f"outlier/{name}", "pyod", note)
    def make():
        return pyod_cases(getattr(importlib.import_module(f"pyod.models.{module}"), cls), settings)


pyod_fixture("ecod", "ecod", "ECOD", [{}], "scores: decision_scores_ of the fitted rows; new_scores: decision_function, which joins fitted and new rows")
pyod_fixture("copod", "copod", "COPOD", [{}], "scores: decision_scores_ of the fitted rows; new_scores: decision_function, which joins fitted and new rows")
pyod_fixture("hbos", "hbos", "HBOS", [{}, {"n_bins": 5, "alpha": .1, "tol": .2}], "static bins")
pyod_fixture("knn", "knn", "KNN", [{"n_neighbors": 5, "method": "largest"}, {"n_neighbors": 3, "method": "mean"}],
             "scores: a fitted row is not its own neighbour; new_scores: fitted rows only")
pyod_fixture("pca", "pca", "PCA", [{}, {"n_selected_components": 1}],
             "standardised (sample sd of sklearn's scaler, ddof 0); score = sum over the selected (last) components of distance / explained variance ratio")


@fixture("outlier/lof", "scikit-learn", "factors: -negative_outlier_factor_ of the fitted rows; new_factors: -score_samples with novelty=True")
def lof():
    from sklearn.neighbors import LocalOutlierFactor

    for name, x, new in tables():
        for k in (5, 20):

            def call(x=x, new=new, k=k):
                fitted = LocalOutlierFactor(n_neighbors=k).fit(x)
                return {"factors": -fitted.negative_outlier_factor_, "new_factors": -LocalOutlierFactor(n_neighbors=k, novelty=True).fit(x).score_samples(new)}

            yield name, {"n_neighbors": k}, {"x": x, "new": new}, call


@fixture("outlier/pca_reconstruction", "scikit-learn", "centred, not scaled; error: squared distance to the reconstruction from the first n_components")
def pca_reconstruction():
    from sklearn.decomposition import PCA

    for name, x, new in tables():
        for k in (1, 2):

            def call(x=x, new=new, k=k):
                model = PCA(n_components=k, svd_solver="full").fit(x)
                return {"explained_variance": model.explained_variance_, "error": ((x - model.inverse_transform(model.transform(x))) ** 2).sum(1),
                        "new_error": ((new - model.inverse_transform(model.transform(new))) ** 2).sum(1)}

            yield name, {"n_components": k}, {"x": x, "new": new}, call


@fixture("outlier/isolation_forest", "pyod", "a random method: facts over 30 seeds. mean_score/sd_score of each row, mean_auc where rows are labelled; "
         "scores are 2^(-E[h]/c(psi)), scikit-learn's convention, of scikit-learn's forest that PyOD wraps")
def isolation_forest():
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    for name, x, _ in tables(80):
        planted = np.zeros(len(x), int)
        if name in ("planted", "huge", "tiny"):
            planted[:3] = 1

        def call(x=x, planted=planted):
            scores = [-IsolationForest(n_estimators=100, max_samples=min(256, len(x)), random_state=seed).fit(x).score_samples(x) for seed in range(30)]
            found = {"mean_score": np.mean(scores, 0), "sd_score": np.std(scores, 0)}
            return found | ({"mean_auc": np.mean([roc_auc_score(planted, s) for s in scores])} if planted.any() else {})

        yield name, {"trees": 100, "psi": "min(256, n)"}, {"x": x, "planted": planted}, call


def stamped(y):
    import pandas

    return pandas.Series(y, index=pandas.date_range("2026-01-05", periods=len(y), freq="h"))


def flags(labels):
    """true / false / "NaN" (undecided)."""
    return ["NaN" if v != v else bool(v) for v in labels.to_numpy(dtype=float)]


def adtk_fixture(name, settings, note, keep=()):
    """fit_detect on each series. keep: intermediate steps of the detector's pipe whose series are stored too."""

    @fixture(f"outlier/adtk_{name.lower()}", "adtk", note + "; hourly stamps; labels: true, false or NaN (undecided)")
    def make():
        import adtk.detector

        for case, y in series():
            for params in settings:

                def call(y=y, params=params):
                    detector = getattr(adtk.detector, name)(**{k: tuple(v) if isinstance(v, list) else v for k, v in params.items()})
                    detect = detector.fit_detect if hasattr(detector, "fit_detect") else detector.detect
                    output = {"labels": flags(detect(stamped(y)))}
                    if keep:
                        steps = detector.pipe_.detect(stamped(y), return_intermediate=True)
                        steps = steps[0] if isinstance(steps, tuple) else steps
                        output |= {step: steps[step].to_numpy(dtype=float) for step in keep if step in steps}
                    if hasattr(detector, "freq_"):
                        output["freq"] = detector.freq_
                    return output

                yield case, params, {"y": y}, call


adtk_fixture("ThresholdAD", [{"low": 4.5, "high": 11}, {"high": 6}], "strictly below low or above high")
adtk_fixture("QuantileAD", [{"low": .05, "high": .95}, {"high": .99}], "quantiles (linear) of the training series, NaN left out")
adtk_fixture("InterQuartileRangeAD", [{"c": 3.0}, {"c": 1.5}, {"c": [1.0, None]}], "outside [q25 - c*iqr, q75 + c*iqr] of the training series")
adtk_fixture("PersistAD", [{}, {"window": 4, "c": 2.0, "side": "positive"}, {"window": 3, "agg": "mean"}], "difference to the median of the window before, then IQR rule",
             ["diff_abs", "diff"])
adtk_fixture("LevelShiftAD", [{"window": 5}, {"window": [6, 3], "c": 3.0, "side": "negative"}], "difference of the medians of two windows side by side, then IQR rule",
             ["diff_abs", "diff"])
adtk_fixture("VolatilityShiftAD", [{"window": 6}, {"window": 8, "c": 3.0, "agg": "iqr", "side": "positive"}],
             "relative difference of the standard deviations of two windows side by side, then IQR rule", ["diff_abs", "diff"])
adtk_fixture("SeasonalAD", [{"freq": 12}, {}, {"freq": 12, "trend": True}], "seasonal means removed (with trend: by classical decomposition), then IQR rule; freq found from the autocorrelation when not given",
             ["deseasonal_residual"])
adtk_fixture("AutoregressionAD", [{}, {"n_steps": 3, "step_size": 2, "c": 2.0}], "least squares on own lags, then IQR rule on the residual", ["regression_residual"])


@fixture("outlier/adtk_generalizedesd", "adtk", "generalised extreme Studentised deviate; hourly stamps")
def adtk_esd():
    from adtk.detector import GeneralizedESDTestAD

    for case, y in series():
        yield case, {"alpha": .05}, {"y": y}, lambda y=y: {"labels": flags(GeneralizedESDTestAD(alpha=.05).fit_detect(stamped(y)))}


def multivariate():
    import pandas

    for name, x, _ in tables(40):
        if x.shape[1] > 1:
            yield name, x, pandas.DataFrame(x, columns=list("abc")[:x.shape[1]], index=pandas.date_range("2026-01-05", periods=len(x), freq="h"))


@fixture("outlier/adtk_regression", "adtk", "column a from the others by least squares with intercept, then IQR rule on the residual")
def adtk_regression():
    from adtk.detector import RegressionAD
    from sklearn.linear_model import LinearRegression

    for name, x, frame in multivariate():
        for c in (3.0, 1.5):
            yield name, {"target": "a", "c": c}, {"x": x}, lambda f=frame, c=c: {"labels": flags(RegressionAD(LinearRegression(), "a", c=c).fit_detect(f))}


@fixture("outlier/adtk_pca", "adtk", "squared reconstruction error from the first k components (not scaled), then IQR rule, upper side")
def adtk_pca():
    from adtk.detector import PcaAD

    for name, x, frame in multivariate():
        yield name, {"k": 1, "c": 5.0}, {"x": x}, lambda f=frame: {"labels": flags(PcaAD(k=1, c=5.0).fit_detect(f))}


@fixture("outlier/adtk_outlier_detector", "adtk", "any model with fit_predict on the rows: here scikit-learn's LocalOutlierFactor, contamination .1")
def adtk_outlier_detector():
    from adtk.detector import OutlierDetector
    from sklearn.neighbors import LocalOutlierFactor

    for name, x, frame in multivariate():
        yield (name, {"n_neighbors": 5, "contamination": .1}, {"x": x},
               lambda f=frame: {"labels": flags(OutlierDetector(LocalOutlierFactor(n_neighbors=5, contamination=.1)).fit_detect(f))})


@fixture("outlier/matrix_profile", "stumpy", "z-normalised, exclusion zone ceil(m/4); index -1 = none; a window with NaN has distance Infinity")
def matrix_profile():
    import stumpy

    for name, y in series():
        for m in (4, 12):

            def call(y=y, m=m):
                profile = stumpy.stump(y, m)
                return {"distance": profile[:, 0].astype(float), "index": profile[:, 1].astype(int), "left_index": profile[:, 2].astype(int)}

            yield name, {"m": m}, {"y": y}, call


# ---- change --------------------------------------------------------------------------------------
def change_series():
    g = rng("change")
    three = np.concatenate([g.normal(0, 1, 40), g.normal(4, 1, 30), g.normal(-2, 1, 35)])
    yield "three_levels", three.round(6)
    yield "two_columns", np.column_stack([three, np.roll(three, 5)])[:90].round(6)
    yield "louder", np.concatenate([g.normal(0, 1, 50), g.normal(0, 5, 50)]).round(6)
    yield "noise", g.normal(0, 1, 60).round(6)
    yield "staircase_of_integers", np.repeat([1., 2., 5., 5., 1.], 8)
    yield "constant", np.full(30, 2.)
    yield "one_point", np.array([1.])
    yield "three_points", np.array([0., 0., 9.])
    yield "huge", three.round(6) * 1e100
    yield "tiny", three.round(6) * 1e-100
    yield "nan", np.where(np.arange(30) == 12, np.nan, 1.)


@fixture("change/pelt", "ruptures", "breakpoints: ends of segments, the last one = n. jump 1. l2: sum of squares to the segment's mean; "
         "rbf with the given gamma; l1: absolute differences to the median. Penalty per change point")
def pelt():
    import ruptures

    for name, y in change_series():
        settings = [("l2", {}, p) for p in (1., 10., 50.)] + [("rbf", {"gamma": .5}, p) for p in (1., 5.)] + [("l1", {}, 10.)]
        for model, params, penalty in settings:
            if name in ("huge", "tiny"):
                penalty *= {"huge": 1e200, "tiny": 1e-200}[name] if model == "l2" else {"huge": 1e100, "tiny": 1e-100}[name] if model == "l1" else 1
            yield (name, {"model": model, "min_size": 2, "penalty": penalty} | params, {"y": y},
                   lambda y=y, m=model, k=params, p=penalty: {"breakpoints": ruptures.Pelt(model=m, params=k or None, min_size=2, jump=1).fit(y).predict(pen=p)})


@fixture("change/optimal_k", "ruptures", "Dynp: the best partition with k changes; Binseg: greedy halving; l2, min_size 2, jump 1")
def optimal_k():
    import ruptures

    for name, y in change_series():
        for k in (1, 3):

            def call(y=y, k=k):
                return {"dynp": ruptures.Dynp(model="l2", min_size=2, jump=1).fit(y).predict(n_bkps=k), "binseg": ruptures.Binseg(model="l2", min_size=2, jump=1).fit(y).predict(n_bkps=k)}

            yield name, {"changes": k}, {"y": y}, call


@fixture("change/cusum", "formula", "Page 1954, Montgomery ch. 9: up_i = max(0, up + x - mean - k*sd), down_i = max(0, down + mean - x - k*sd); "
         "alarms: indices where one exceeds h*sd, both then start again from 0")
def cusum():
    for name, y in change_series():
        if y.ndim > 1:
            continue
        for k, h in ((.5, 5.), (.25, 8.)):

            def call(y=y, k=k, h=h):
                mean, sd = float(np.mean(y[:10])), float(np.std(y[:10], ddof=1)) if len(y) > 1 else 0.0
                up = down = 0.0
                ups, downs, alarms = [], [], []
                for i, x in enumerate(y):
                    up, down = max(0.0, up + x - mean - k * sd), max(0.0, down + mean - x - k * sd)
                    ups.append(up)
                    downs.append(down)
                    if up > h * sd or down > h * sd:
                        alarms.append(i)
                        up = down = 0.0
                return {"mean": mean, "sd": sd, "up": ups, "down": downs, "alarms": alarms}

            yield name, {"k": k, "h": h, "mean and sd of": "the first 10 (ddof 1)"}, {"y": y}, call


@fixture("change/page_hinkley", "formula", "Page 1954, Hinkley 1971: mean_i = running mean incl. x_i; m_i = m + x_i - mean_i - delta; statistic_i = m_i - min m (min starts at 0); "
         "alarms: statistic > lambda, then all starts again (rise; for a fall give -y)")
def page_hinkley():
    for name, y in change_series():
        if y.ndim > 1:
            continue
        for delta, lamb in ((.005, 10.), (.5, 20.)):

            def call(y=y, delta=delta, lamb=lamb):
                n = mean = m = low = 0.0
                statistic, alarms = [], []
                for i, x in enumerate(y):
                    n += 1
                    mean += (x - mean) / n
                    m += x - mean - delta
                    low = min(low, m)
                    statistic.append(m - low)
                    if m - low > lamb:
                        alarms.append(i)
                        n = mean = m = low = 0.0
                return {"statistic": statistic, "alarms": alarms}

            yield name, {"delta": delta, "lambda": lamb}, {"y": y}, call


# ---- stats ---------------------------------------------------------------------------------------
@fixture("stats/summary", "scipy", "variance ddof 1 and 0; quantiles numpy linear; mad unscaled; skew and kurtosis biased, kurtosis excess; jarque_bera")
def summary():
    from scipy import stats

    for name, x in samples([EMPTY, WITH_NAN]):

        def call(x=x):
            jb = stats.jarque_bera(x)
            return {"mean": np.mean(x), "var0": np.var(x), "var1": np.var(x, ddof=1), "median": np.median(x), "mad": stats.median_abs_deviation(x), "iqr": stats.iqr(x),
                    "quantiles": np.quantile(x, [0, .01, .05, .25, .5, .75, .95, .99, 1]), "skew": stats.skew(x), "kurtosis": stats.kurtosis(x),
                    "jarque_bera": jb.statistic, "jarque_bera_p": jb.pvalue}

        yield name, {"quantiles": [0, .01, .05, .25, .5, .75, .95, .99, 1]}, {"x": x}, call


@fixture("stats/trend_test", "pymannkendall", "original_test: s, var_s with the tie correction, z, p; sen_slope and intercept; tau: its own s/denominator; tau_b by scipy's kendalltau")
def trend_test():
    import pymannkendall
    from scipy import stats

    g = rng("trend")
    rising = (np.arange(30) * .1 + g.normal(0, 1, 30)).round(6)
    for name, x in samples([("rising", rising), ("falling", -rising), ("monotone", np.arange(12.)), WITH_NAN, EMPTY]):

        def call(x=x):
            r = pymannkendall.original_test(x)
            return {"s": r.s, "var_s": r.var_s, "z": r.z, "p": r.p, "tau": r.Tau, "sen_slope": r.slope, "sen_intercept": r.intercept,
                    "tau_b": stats.kendalltau(np.arange(len(x)), x).statistic}

        yield name, {}, {"x": x}, call


@fixture("stats/theil_sen", "scipy", "theilslopes(y, t, .95, method='separate'): slope, intercept = median y - slope * median t, bounds of the slope")
def theil_sen():
    from scipy import stats

    for name, y in samples([WITH_NAN, EMPTY]):
        t = np.cumsum(rng(name).integers(1, 4, len(y))).astype(float)
        yield name, {"alpha": .95}, {"t": t, "y": y}, lambda y=y, t=t: dict(zip(("slope", "intercept", "low", "high"), stats.theilslopes(y, t, .95)))


@fixture("stats/autocorrelation", "statsmodels", "acf: not adjusted; pacf: Yule-Walker (ywm) and OLS; Ljung-Box statistic and p at each lag")
def autocorrelation():
    from statsmodels.stats.diagnostic import acorr_ljungbox
    from statsmodels.tsa.stattools import acf, pacf

    g = rng("acf")
    ar = np.zeros(60)
    for i in range(1, 60):
        ar[i] = .7 * ar[i - 1] + g.normal()
    for name, x in samples([("autoregressive", ar.round(6)), ("season", np.sin(np.arange(48) * np.pi / 6).round(6)), WITH_NAN]):
        lags = max(1, min(8, len(x) // 2 - 1))

        def call(x=x, lags=lags):
            output = {"acf": acf(x, nlags=lags, adjusted=False, fft=False)}
            parts = {"pacf_yw": lambda: pacf(x, nlags=lags, method="ywm"), "pacf_ols": lambda: pacf(x, nlags=lags, method="ols"),
                     "ljung_box": lambda: acorr_ljungbox(x, lags=lags).to_numpy().T}
            for part, make in parts.items():
                try:
                    output[part] = make()
                except Exception as e:
                    output[part] = {"error": type(e).__name__}
            return output

        yield name, {"lags": lags}, {"x": x}, call


@fixture("stats/count_tests", "scipy", "binomtest p: two-sided (sum of outcomes not likelier), less, greater; Poisson: P(X >= k), P(X <= k); "
         "two rates: binomtest of k1 in k1+k2 with p = t1/(t1+t2), two-sided")
def count_tests():
    from scipy import stats

    for k, n, p in ((7, 20, .2), (0, 10, .3), (10, 10, .9), (5, 10, .5), (1, 1, .5), (0, 1, 0.), (3, 1000, .001), (520, 1000, .5), (50000, 100000, .49), (0, 0, .5), (5, 4, .5), (2, 5, 1.)):
        yield ("binomial", {}, {"k": k, "n": n, "p": p},
               lambda k=k, n=n, p=p: {side: stats.binomtest(k, n, p, alternative=side).pvalue for side in ("two-sided", "less", "greater")})
    for k, rate in ((0, 1.), (3, 1.), (10, 2.5), (0, 0.), (1, 0.), (100, 80.), (1000, 1200.), (5, 1e-12), (1, 1e9), (40, 1.), (2, np.inf)):
        yield "poisson", {}, {"k": k, "rate": rate}, lambda k=k, rate=rate: {"at_least": stats.poisson.sf(k - 1, rate), "at_most": stats.poisson.cdf(k, rate)}
    for k1, t1, k2, t2 in ((10, 1., 3, 1.), (0, 1., 0, 1.), (5, 10., 0, 1.), (100, 60., 140, 90.), (1, 1e-6, 1, 1e6)):
        yield ("two_rates", {}, {"k1": k1, "t1": t1, "k2": k2, "t2": t2},
               lambda k1=k1, t1=t1, k2=k2, t2=t2: {"two-sided": stats.binomtest(k1, k1 + k2, t1 / (t1 + t2)).pvalue})


@fixture("stats/isotonic", "scikit-learn", "fitted values in the order of the input (ties in x are averaged); predicted at `at`, linear between, clipped outside")
def isotonic():
    from sklearn.isotonic import IsotonicRegression

    g = rng("isotonic")
    x, w = g.normal(size=25).round(3), g.uniform(.1, 3, 25).round(3)
    y = (x + g.normal(0, .7, 25)).round(6)
    given = [("noisy", x, y, None), ("weighted", x, y, w), ("falling", x, -y, None), ("ties_in_x", np.repeat([1., 2., 3., 4.], 5), y[:20], w[:20]), ("constant", np.arange(6.), np.ones(6), None),
             ("sorted", np.arange(6.), np.arange(6.) ** 2, None), ("reversed", np.arange(6.), -np.arange(6.), None), ("one_point", np.array([1.]), np.array([2.]), None),
             ("one_x", np.ones(4), np.array([1., 4., 2., 3.]), None), ("huge", x * 1e100, y * 1e100, None), ("tiny", x * 1e-100, y * 1e-100, None),
             ("zero_weights", np.arange(5.), np.array([3., 1., 2., 5., 4.]), np.array([1., 0., 1., 0., 1.])), ("nan", np.arange(3.), np.array([1., np.nan, 2.]), None), ("empty", np.array([]), np.array([]), None)]
    for name, a, b, weights in given:
        at = np.array([-1e3, -.5, 0., .25, 1.5, 1e3]) * (1e100 if name == "huge" else 1e-100 if name == "tiny" else 1)

        def call(a=a, b=b, weights=weights, at=at, rising=name != "falling"):
            model = IsotonicRegression(increasing=rising, out_of_bounds="clip")
            return {"fitted": model.fit_transform(a, b, sample_weight=weights), "predicted": model.predict(at)}

        yield name, {"increasing": name != "falling"}, {"x": a, "y": b, "weights": weights, "at": at}, call


@fixture("stats/two_samples", "scipy", "ks_2samp two-sided, exact and asymptotic p; Welch's t; Mann-Whitney two-sided asymptotic with continuity and tie correction")
def two_samples():
    from scipy import stats

    g = rng("pairs")
    a = g.normal(size=25).round(6)
    pairs = [("same", a, g.normal(size=30).round(6)), ("shifted", a, (a[:20] + 1).round(6)), ("wider", a, g.normal(0, 3, 25).round(6)), ("identical", a, a), ("integers", np.arange(10.) % 4, np.arange(13.) % 5),
             ("constants", np.ones(5), np.ones(6)), ("apart", np.zeros(5), np.ones(5)), ("one_each", np.array([1.]), np.array([2.])), ("huge", a * 1e100, (a + 1) * 1e100), ("tiny", a * 1e-100, (a + 1) * 1e-100),
             ("nan", np.array([1., np.nan, 2.]), a), ("empty", np.array([]), a)]
    for name, x, y in pairs:

        def call(x=x, y=y):
            exact, rough, t, u = stats.ks_2samp(x, y, method="exact"), stats.ks_2samp(x, y, method="asymp"), stats.ttest_ind(x, y, equal_var=False), stats.mannwhitneyu(x, y, method="asymptotic")
            return {"ks": exact.statistic, "ks_p_exact": exact.pvalue, "ks_p_asymptotic": rough.pvalue, "welch_t": t.statistic, "welch_p": t.pvalue, "u": u.statistic, "u_p": u.pvalue}

        yield name, {}, {"x": x, "y": y}, call


@fixture("stats/ewma", "pandas", "ewm(alpha, adjust).mean() and .var(bias=True); NaN handling of ignore_na=False")
def ewma():
    import pandas

    for name, x in samples([WITH_NAN, EMPTY]):
        for adjust in (False, True):

            def call(x=x, adjust=adjust):
                e = pandas.Series(x).ewm(alpha=.2, adjust=adjust)
                return {"mean": e.mean().to_numpy(), "var": e.var(bias=True).to_numpy()}

            yield name, {"alpha": .2, "adjust": adjust}, {"x": x}, call


@fixture("stats/tails", "scipy", "special functions and distribution tails on grids; rows of [arguments.., value]")
def tails():
    from scipy import special, stats

    ranges = np.array([0., 1e-300, 1e-10, .1, .5, 1, 1.5, 2, 3, 5, 8, 12, 20, 37, 40, 1e3, np.inf])
    signed = np.concatenate([-ranges[::-1], ranges[1:]])
    shares = np.array([0., 1e-300, 1e-20, 1e-6, .001, .025, .1, .3, .5, .7, .9, .975, .999, 1 - 1e-9, 1.])

    def grid(f, *axes):
        return [[*map(float, point), float(f(*point))] for point in np.array(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1).T]

    degrees = [1., 2., 3.5, 10., 30., 200., 1e5]
    all_of = {
        "normal_cdf": (stats.norm.cdf, signed), "normal_sf": (stats.norm.sf, signed), "normal_quantile": (stats.norm.ppf, shares), "erf": (special.erf, signed), "erfc": (special.erfc, signed),
        "student_t_sf": (stats.t.sf, signed, degrees), "student_t_quantile": (stats.t.ppf, shares, degrees), "chi2_sf": (stats.chi2.sf, ranges, degrees), "chi2_cdf": (stats.chi2.cdf, ranges, degrees),
        "f_sf": (stats.f.sf, ranges, [1., 3., 20.], [1., 7., 500.]), "beta_cdf": (stats.beta.cdf, shares, [.5, 1., 3., 40.], [.5, 2., 100.]),
        "gamma_p": (special.gammainc, [.1, 1., 5., 50., 1e4], ranges), "gamma_q": (special.gammaincc, [.1, 1., 5., 50., 1e4], ranges),
        "ln_gamma": (special.gammaln, [1e-300, 1e-8, .1, .5, 1., 1.5, 2., 3., 10., 100.5, 1e5, 1e300]), "digamma": (special.digamma, [1e-8, .1, .5, 1., 2., 10., 1e5, -.5, -1.5]),
        "poisson_sf": (stats.poisson.sf, [0., 1., 5., 30., 1000.], [1e-6, .5, 4., 30., 900.]), "binomial_sf": (stats.binom.sf, [0., 1., 5., 9.], [10., 100.], [0., 1e-6, .1, .5, 1.]),
        "kolmogorov_sf": (special.kolmogorov, ranges),
    }
    for name, (f, *axes) in all_of.items():
        yield name, {"arguments": len(axes)}, {}, lambda f=f, axes=axes: {"rows": grid(f, *axes)}


# ---- score ---------------------------------------------------------------------------------------
@fixture("score/ranking", "scikit-learn", "roc_auc_score, average_precision_score, brier_score_loss, log_loss where defined")
def ranking():
    from sklearn import metrics

    g = rng("ranking")
    y, s = g.integers(0, 2, 40), g.normal(size=40).round(6)
    given = [("random", y, s), ("good", y, (s + 2 * y).round(6)), ("perfect", y, y.astype(float)), ("inverted", y, -y.astype(float)), ("ties", y, s.round(0)), ("constant_score", y, np.zeros(40)),
             ("rare", (np.arange(200) == 17).astype(int), g.normal(size=200).round(6)), ("all_positive", np.ones(5, int), s[:5]), ("all_negative", np.zeros(5, int), s[:5]), ("one_point", np.array([1]), np.array([.5])),
             ("huge", y, s * 1e300), ("tiny", y, s * 1e-300), ("nan", y[:3], np.array([.1, np.nan, .3])), ("empty", y[:0], s[:0])]
    for name, labels, scores in given:
        yield (name, {}, {"labels": labels, "scores": scores},
               lambda a=labels, b=scores: {"roc_auc": metrics.roc_auc_score(a, b), "average_precision": metrics.average_precision_score(a, b)})


@fixture("score/partitions", "scikit-learn", "adjusted Rand index and pair counts: [[neither, only predicted together], [only truly together, both]] over ordered pairs")
def partitions():
    from sklearn import metrics
    from sklearn.metrics.cluster import pair_confusion_matrix

    g = rng("partitions")
    a, b = g.integers(0, 4, 30), g.integers(0, 5, 30)
    for name, true, found in (("random", a, b), ("same", a, a), ("renamed", a, (a + 2) % 4), ("split", a, a * 2 + (np.arange(30) % 2)), ("all_one", a, np.zeros(30, int)), ("all_apart", a, np.arange(30)),
                              ("both_all_one", np.zeros(6, int), np.zeros(6, int)), ("both_all_apart", np.arange(6), np.arange(6)), ("one_point", np.array([0]), np.array([3])), ("noise_as_a_cluster", a - 1, b - 1), ("empty", a[:0], b[:0])):
        yield (name, {}, {"true": true, "predicted": found},
               lambda t=true, f=found: {"adjusted_rand": metrics.adjusted_rand_score(t, f), "pairs": pair_confusion_matrix(t, f)})


@fixture("score/forecast", "formula", "MASE: mean |error| / mean |y_t - y_(t-season)| of the history; sMAPE: 200 mean |e|/(|y|+|f|), 0/0 = 0; pinball at q: mean max(q e, (q-1) e), e = y - f; "
         "coverage: share of low <= y <= high; a zero scale gives NaN for 0/0 and Infinity otherwise")
def forecast():
    g = rng("forecast")
    past, y = (10 + g.normal(size=30)).round(4), (10 + g.normal(size=8)).round(4)
    f = (y + g.normal(0, .5, 8)).round(4)
    given = [("usual", past, y, f), ("perfect", past, y, y), ("constant_history", np.full(30, 2.), y, f), ("constant_history_perfect", np.full(30, 2.), y, y), ("zeros", past, np.zeros(8), np.zeros(8)), ("signs", past, y, -y),
             ("one_step", past, y[:1], f[:1]), ("huge", past * 1e150, y * 1e150, f * 1e150), ("tiny", past * 1e-150, y * 1e-150, f * 1e-150), ("nan_forecast", past, y, np.where(np.arange(8) == 2, np.nan, f)),
             ("short_history", past[:4], y, f)]
    for name, history, actual, guess in given:
        low, high = guess - .6 * np.abs(guess) * .1, guess + .6 * np.abs(guess) * .1

        def call(history=history, actual=actual, guess=guess, low=low, high=high):
            e, total = actual - guess, np.abs(actual) + np.abs(guess)
            with np.errstate(all="ignore"):
                scale = np.abs(history[5:] - history[:-5]).mean() if len(history) > 5 else np.float64(np.nan)
                parts = np.where(total == 0, 0, np.abs(e) / np.where(total == 0, 1, total))
                return {"mase": np.abs(e).mean() / scale, "smape": 200 * parts.mean(), "pinball": [np.maximum(q * e, (q - 1) * e).mean() for q in (.1, .5, .9)],
                        "coverage": ((low <= actual) & (actual <= high)).mean()}

        yield name, {"season": 5, "pinball": [.1, .5, .9]}, {"history": history, "actual": actual, "forecast": guess, "low": low, "high": high}, call


@fixture("score/calibration", "formula", "ECE: bins of equal width ((i/10, (i+1)/10], the first one with 0), sum of |mean label - mean probability| * share; Brier: mean (p - y)^2")
def calibration():
    g = rng("calibration")
    p = g.uniform(0, 1, 60).round(4)
    y = (g.uniform(0, 1, 60) < p).astype(float)
    given = [("honest", p, y), ("overconfident", np.clip(1.6 * p - .3, 0, 1).round(4), y), ("on_the_edges", np.arange(11) / 10, (np.arange(11) % 2).astype(float)), ("all_zero", np.zeros(5), np.zeros(5)), ("all_one_wrong", np.ones(5), np.zeros(5)),
             ("one_point", np.array([.3]), np.array([1.])), ("tiny", np.full(4, 1e-300), np.array([0., 0., 1., 0.]))]
    for name, probability, label in given:

        def call(a=probability, b=label):
            bins = np.clip(np.ceil(a * 10).astype(int) - 1, 0, 9)
            ece = sum(abs(b[bins == i].mean() - a[bins == i].mean()) * (bins == i).mean() for i in range(10) if (bins == i).any())
            return {"ece": ece, "brier": ((a - b) ** 2).mean()}

        yield name, {"bins": 10}, {"probability": probability, "label": label}, call


def main():
    wanted = sys.argv[1:] or list(FILES)
    failed = []
    for path in wanted:
        if path not in FILES:
            sys.exit(f"no fixture {path}; there are: {', '.join(FILES)}")
        try:
            write(path)
        except ImportError as e:
            failed.append(path)
            print(f"{path:<34} skipped: {e}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
