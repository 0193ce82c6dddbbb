"""The cases of bench/analytics: input, rivals, what counts as agreement. One entry per row group of the table of bars."""
import dataclasses
import logging
import resource
import time
from typing import Callable, Optional

import inputs
import numpy as np
import plain

STEADY_S = 2.0  # a rival that is faster is run again until so much CPU time is spent; the best run counts


def cpu_s():
    """CPU seconds of this process, all its threads, and of children that ended (Prophet fits in one)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@dataclasses.dataclass
class Rival:
    name: str
    bar: Optional[int]  # at least so many times the CPU time of ours; None = for information
    prepare: Optional[Callable] = None  # data -> the call to time; imports and conversions happen here
    long: bool = False  # over 30 s
    per: float = 1  # its time is divided by this: how many units it did
    binary: Optional[str] = None  # instead of prepare: the name for rootline-bench


@dataclasses.dataclass
class Case:
    name: str
    make: Callable  # folder -> data; writes the input of ours
    rivals: list
    compare: Callable  # (result of ours or None, of the rival or None, data) -> (text, agrees: bool or None)
    per: float = 1
    unit: str = ""
    limits: Optional[dict] = None  # without rivals: upper limits of cpu_s, peak_rss_mb or fields of the result


def differs(ours, theirs, tolerance, what):
    """Largest absolute difference of two arrays, within the tolerance or not."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    if ours.shape != theirs.shape:
        return f"{what}: shapes {ours.shape} and {theirs.shape}", False
    worst = float(np.abs(ours - theirs).max())
    return f"{what} differ by at most {worst:.1e} (tolerance {tolerance:g})", worst <= tolerance


# ---- causal discovery ----------------------------------------------------------------------------
def pc_case(p, n, degree, bar, long):
    def make(folder):
        x = inputs.linear_dag(p, n, degree, seed=101 + p)  # of a few seeds the one that needs about as many tests as the golden bench
        inputs.write(folder, {"alpha": .01}, x=x)
        return x

    def prepare(x):
        from causallearn.search.ConstraintBased.PC import pc

        def call():
            g = pc(x, .01, "fisherz", stable=True, uc_rule=0, uc_priority=2, show_progress=False).G.graph
            edges = []
            for i in range(p):
                for j in range(i + 1, p):
                    if g[i, j] or g[j, i]:
                        kind = {(-1, 1): "directed", (1, -1): "reversed", (-1, -1): "undirected", (1, 1): "bidirected"}[g[i, j], g[j, i]]
                        edges.append([j, i, "directed"] if kind == "reversed" else [i, j, kind])
            return {"edges": edges}

        return call

    def compare(ours, theirs, _):
        b = {tuple(e) for e in theirs["edges"]}
        if ours is None:
            return f"the rival finds {len(b)} edges", None
        a = {tuple(e) for e in ours["edges"]}
        return (f"identical, {len(b)} edges", True) if a == b else (f"{len(a ^ b)} edges differ, {len(a & b)} are the same", False)

    return Case(f"pc_{p}x{n}", make, [Rival("causal-learn", bar, prepare, long)], compare)


def make_lingam(folder):
    x = inputs.linear_dag(30, 2000, 3, seed=30, noise="uniform")
    inputs.write(folder, x=x)
    return x


def prepare_lingam(x):
    import lingam

    def call():
        model = lingam.DirectLiNGAM().fit(x)
        return {"order": [int(i) for i in model.causal_order_], "b": model.adjacency_matrix_.tolist()}

    return call


def compare_lingam(ours, theirs, _):
    if ours is None:
        return "", None
    if ours["order"] != theirs["order"]:
        return f"orders differ from place {next(i for i, (a, b) in enumerate(zip(ours['order'], theirs['order'])) if a != b)} on", False
    text, same = differs(ours["b"], theirs["b"], 1e-8, "B")
    return f"order identical; {text}", same


def make_mic(folder):
    x = inputs.related_pairs(50, 500, seed=6)
    inputs.write(folder, {"alpha": .6, "c": 15, "est": "mic_approx"}, x=x)
    return x


def prepare_mic(x):
    import minepy

    return lambda: {"mic": minepy.pstats(x, alpha=.6, c=15, est="mic_approx")[0].tolist()}


def compare_mic(ours, theirs, _):
    return differs(ours["mic"], theirs["mic"], 1e-9, "MIC of 1225 pairs") if ours else ("", None)


# ---- graphs --------------------------------------------------------------------------------------
def make_pagerank(folder):
    edges = inputs.splitmix_graph(100_000, 1_000_000, seed=12345)
    inputs.write(folder, {"n": 100_000, "damping": .85, "tolerance": 1e-12}, x=edges)
    return edges


def top_ranks(rank):
    return {"top": np.argsort(-rank, kind="stable")[:50].tolist(), "sum_sq": float((rank**2).sum())}


def prepare_networkx(edges):
    import networkx

    triples = [(int(u), int(v), w) for u, v, w in edges.tolist()]

    def call():
        graph = networkx.DiGraph()
        graph.add_nodes_from(range(100_000))
        graph.add_weighted_edges_from(triples)
        ranks = networkx.pagerank(graph, .85, tol=1e-10)
        return top_ranks(np.array([ranks[i] for i in range(100_000)]))

    return call


def prepare_igraph(edges):
    import igraph

    # of tuples, lists and arrays, tuples are what igraph takes in fastest
    pairs, weights = [(int(u), int(v)) for u, v in edges[:, :2].tolist()], edges[:, 2].tolist()

    def call():
        graph = igraph.Graph(100_000, pairs, directed=True)
        return top_ranks(np.array(graph.pagerank(damping=.85, weights=weights, implementation="prpack")))

    return call


def compare_pagerank(ours, theirs, _):
    if ours is None:
        return f"the rival's sum of squares {theirs['sum_sq']:.12g}", None
    off = abs(ours["sum_sq"] / theirs["sum_sq"] - 1)
    same = ours["top"] == theirs["top"]
    # networkx stops at an L1 change of n * 1e-10: its values, not ours, are off by about 1e-6
    return f"top 50 {'identical' if same else 'differ'}, sum of squares differs by {off:.1e} of itself", off < 1e-5


def make_bp(folder):
    model = inputs.fault_graph(seed=9)
    inputs.write(folder, model)
    return model


def compare_bp(ours, theirs, _):
    return differs(ours["marginals"], theirs["marginals"], 1e-12, "marginals") if ours else ("", None)


# ---- trees and outliers --------------------------------------------------------------------------
def make_shap(folder):
    import xgboost

    x, y = inputs.two_classes(30_000, 50, seed=50)
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": .1, "tree_method": "hist", "nthread": 1, "seed": 1}
    booster = xgboost.train(settings, xgboost.DMatrix(x, y, nthread=1), 100)
    booster.save_model(folder / "model.json")
    inputs.write(folder, x=x[:10_000])
    return booster, x[:10_000]


def prepare_shap(data):
    import xgboost

    booster, x = data
    booster.set_param({"nthread": 1})
    matrix = xgboost.DMatrix(x, nthread=1)
    return lambda: {"contribs": booster.predict(matrix, pred_contribs=True)[:100].tolist()}


def compare_shap(ours, theirs, _):
    return differs(ours["contribs"], theirs["contribs"], 2e-6, "contributions of 100 rows") if ours else ("", None)


def make_forest(folder):
    x, planted = inputs.planted_outliers(100_000, 8, .01, seed=8)
    inputs.write(folder, {"trees": 100, "psi": 256, "seed": 1}, x=x)
    return x, planted


def prepare_pyod(data):
    from pyod.models.iforest import IForest

    def call():  # fit scores its own rows, decision_function scores again: the usual way to use it, and what the bar was measured on
        model = IForest(n_estimators=100, max_samples=256, random_state=1, n_jobs=1).fit(data[0])
        return {"scores": model.decision_function(data[0])}

    return call


def prepare_sklearn_forest(data):
    from sklearn.ensemble import IsolationForest

    def call():
        model = IsolationForest(n_estimators=100, max_samples=256, random_state=1, n_jobs=1).fit(data[0])
        return {"scores": -model.score_samples(data[0])}

    return call


def compare_forest(ours, theirs, data):
    from sklearn.metrics import roc_auc_score

    b = roc_auc_score(data[1], theirs["scores"])
    if ours is None:
        return f"AUC of the rival {b:.4f}", None
    a = roc_auc_score(data[1], ours["scores"])
    return f"AUC {a:.4f}, rival {b:.4f}", abs(a - b) <= .003


# ---- forecasts -----------------------------------------------------------------------------------
def make_prophet(folder):
    x = inputs.minute_series(14, seed=14)
    inputs.write(folder, x=x)
    return x


def quiet_prophet():
    logging.disable(logging.ERROR)  # it reports every fit, and that plotly is absent
    import prophet

    return prophet.Prophet


def prepare_prophet(x):
    import pandas

    prophet = quiet_prophet()
    frame = pandas.DataFrame({"ds": pandas.Timestamp("2026-01-05") + pandas.to_timedelta(x[:, 0], unit="s"), "y": x[:, 1]})

    def call():
        model = prophet()
        model.fit(frame)
        return {"model": model, "frame": frame}

    return call


def compare_prophet(ours, theirs, x):
    model, frame = theirs["model"], theirs["frame"]
    model.uncertainty_samples = 0
    yhat = model.predict(frame.iloc[:100])["yhat"].to_numpy()
    if ours is None:
        return f"the rival's yhat begins {yhat[0]:.4f}", None
    scale = float(np.abs(x[:, 1]).max())
    return differs(np.array(ours["yhat"]) / scale, yhat / scale, .005, "yhat / scale")


def make_forecast(folder):
    rows = inputs.hourly_series(30, 336 + 24, seed=24)
    inputs.write(folder, {"horizon": 24, "season": 24, "level": .9}, x=rows[:, :336])
    return rows[:, :336], rows[:, 336:]


ARIMA_SERIES = 4  # of the 30: it takes 1 to 40 s a series, most where it tries seasonal moving averages


def prepare_arima(data):
    from statsforecast.models import AutoARIMA

    AutoARIMA(season_length=24).forecast(y=data[0][0][:72], h=2)  # whatever is compiled at the first call
    return lambda: {"forecasts": [AutoARIMA(season_length=24).forecast(y=y, h=24, level=[90])["mean"].tolist() for y in data[0][:ARIMA_SERIES]]}


def prepare_prophet_hourly(data):
    import pandas

    prophet = quiet_prophet()
    hours = pandas.date_range("2026-01-05", periods=360, freq="h")

    def call():
        forecasts = []
        for y in data[0]:
            model = prophet(interval_width=.9)
            model.fit(pandas.DataFrame({"ds": hours[:336], "y": y}))
            forecasts.append(model.predict(pandas.DataFrame({"ds": hours[336:]}))["yhat"].tolist())
        return {"forecasts": forecasts}

    return call


def compare_forecast(ours, theirs, data):
    n = len(theirs["forecasts"])
    past, future = data[0][:n], data[1][:n]
    scale = np.abs(past[:, 24:] - past[:, :-24]).mean(axis=1)

    def mase(result):
        return float((np.abs(np.array(result["forecasts"])[:n] - future).mean(axis=1) / scale).mean())

    naive = mase({"forecasts": past[:, -24:]})
    if ours is None:
        return f"MASE of the rival {mase(theirs):.3f}, of the seasonal naive {naive:.3f}", None
    # different methods: ours may win or lose a little, but must not lose to the naive one
    return f"MASE of {n} series {mase(ours):.3f}, rival {mase(theirs):.3f}, seasonal naive {naive:.3f}", mase(ours) <= naive


# ---- text ----------------------------------------------------------------------------------------
def dbscan_case(n, rivals, limits=None):
    def make(folder):
        texts = inputs.alert_texts(n, seed=n)
        inputs.write(folder, {"eps": .5, "min_samples": 2}, lines=texts)
        return texts

    return Case(f"sparse_dbscan_{n // 1000}k", make, rivals, compare_labels, limits=limits)


def prepare_dbscan(texts):
    from sklearn.cluster import DBSCAN
    from sklearn.feature_extraction.text import TfidfVectorizer

    def call():
        x = TfidfVectorizer(token_pattern=r"[\w.:/-]+", lowercase=True).fit_transform(texts)
        return {"labels": DBSCAN(eps=.5, min_samples=2, metric="cosine", n_jobs=1).fit_predict(x)}

    return call


def compare_labels(ours, theirs, data):
    count = [f"{len(set(r['labels']) - {-1})} clusters, {sum(1 for v in r['labels'] if v < 0)} noise" for r in (ours, theirs) if r]
    if ours and len(ours["labels"]) != len(data):
        return f"{len(ours['labels'])} labels for {len(data)} texts", False
    if not (ours and theirs):
        return count[0], None
    pairs = set(zip(ours["labels"], map(int, theirs["labels"])))
    same = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and all((a < 0) == (b < 0) for a, b in pairs)
    return (f"same partition: {count[1]}", True) if same else (f"partitions differ: {count[0]}; rival {count[1]}", False)


def make_join(folder):
    lines = plain.token_lines(inputs.alert_texts(10_000, seed=10))
    inputs.write(folder, {"threshold": .6}, lines=lines)
    return lines


def compare_join(ours, theirs, _):
    if ours is None:
        return f"the rival finds {theirs['pairs']} pairs in {theirs['sets']} sets", None
    same = (ours["pairs"], ours["sets"]) == (theirs["pairs"], theirs["sets"])
    return f"{ours['pairs']} pairs in {ours['sets']} sets" + ("" if same else f", rival {theirs['pairs']} in {theirs['sets']}"), same


LINES, RIVAL_LINES = 200_000, 20_000


def make_miner(folder):
    lines = inputs.log_lines(LINES, seed=20)
    inputs.write(folder, {"labels_of": RIVAL_LINES}, lines=lines)
    return lines


# what Drain3's example configuration masks, in its order: whole words only
MASKS = [(r"([0-9a-f]{2,}:){3,}([0-9a-f]{2,})", "ID"), (r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}", "IP"), (r"([0-9a-f]{6,} ?){3,}", "SEQ"),
         (r"([0-9A-F]{4} ?){4,}", "SEQ"), (r"0x[a-f0-9A-F]+", "HEX"), (r"[\-\+]?\d+", "NUM")]


def prepare_drain3(lines):
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(rf"((?<=[^A-Za-z0-9])|^)({mask})((?=[^A-Za-z0-9])|$)", name) for mask, name in MASKS]
    config.masking_instructions.append(MaskingInstruction(r'(?<=executed cmd )(".+?")', "CMD"))
    config.mask_prefix, config.mask_suffix = "<:", ":>"
    config.drain_sim_th, config.drain_depth, config.drain_max_children, config.drain_max_clusters = .4, 4, 100, 1024
    config.drain_extra_delimiters = ["_"]

    def call():
        miner = TemplateMiner(config=config)
        labels = [miner.add_log_message(line)["cluster_id"] for line in lines[:RIVAL_LINES]]
        return {"groups": len(set(labels)), "labels": labels}

    return call


def compare_miner(ours, theirs, _):
    from sklearn.metrics import adjusted_rand_score

    n = len(set(theirs["labels"]))
    if ours is None:
        return f"the rival finds {n} templates in {RIVAL_LINES} lines", None
    ari = adjusted_rand_score(theirs["labels"][:RIVAL_LINES], ours["labels"][:RIVAL_LINES])
    # other methods, other templates: quality is the business of `make eval`; here only that both did the work
    return f"{len(set(ours['labels']))} templates, rival {n}, in {RIVAL_LINES} lines; adjusted Rand {ari:.3f}", ari > .5


def make_tier0(folder):
    inputs.write(folder, {"series": 1_000_000, "sweeps": 20, "seed": 1})


CASES = [
    pc_case(50, 2000, 3, 800, long=False),
    pc_case(200, 1000, 3, 4000, long=True),
    Case("direct_lingam_30x2000", make_lingam, [Rival("lingam", 60, prepare_lingam)], compare_lingam),
    Case("mic_50x500", make_mic, [Rival("minepy", 10, prepare_mic)], compare_mic),
    Case("pagerank_100k_1m", make_pagerank, [Rival("networkx", 50, prepare_networkx), Rival("igraph", 4, prepare_igraph)], compare_pagerank),
    Case("loopy_bp", make_bp, [Rival("numpy", 200, lambda m: lambda: plain.belief_propagation(m)),
                               Rival("numpy, batched", None, lambda m: lambda: plain.belief_propagation_batched(m))], compare_bp),
    Case("tree_shap_10k", make_shap, [Rival("xgboost", 4, prepare_shap)], compare_shap),
    Case("isolation_forest_100kx8", make_forest, [Rival("PyOD", 15, prepare_pyod), Rival("scikit-learn", 6, prepare_sklearn_forest)], compare_forest),
    Case("prophet_20k", make_prophet, [Rival("prophet", 3500, prepare_prophet)], compare_prophet),
    Case("forecast_pool_14d_hourly", make_forecast,
         [Rival("statsforecast AutoARIMA", 15_000, prepare_arima, long=True, per=ARIMA_SERIES), Rival("prophet", 800, prepare_prophet_hourly, per=30)],
         compare_forecast, per=30, unit="series"),
    dbscan_case(20_000, [Rival("scikit-learn", 40, prepare_dbscan)]),
    dbscan_case(100_000, [], {"cpu_s": 2, "peak_rss_mb": 100}),
    Case("jaccard_join_10k", make_join, [Rival("Python prefix filter", 30, lambda lines: lambda: plain.jaccard_join(lines, .6))], compare_join),
    Case("template_miner", make_miner, [Rival("Drain3 + masks", 100, prepare_drain3, per=RIVAL_LINES), Rival("logdrain + masks", 8, per=LINES, binary="logdrain")],
         compare_miner, per=LINES, unit="line"),
    Case("tier0_sweep", make_tier0, [], lambda ours, theirs, data: ("", None), limits={"ns_per_sample": 60, "bytes_per_series": 512}),
]
