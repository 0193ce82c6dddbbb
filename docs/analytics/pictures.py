"""Draws the pictures of the analytics guide into img/. Same input, same bytes: fixed seeds, no dates.

    python docs/analytics/pictures.py [FAMILY ...]

Needs numpy, scikit-learn and matplotlib. The series are made up; only `score` shows measured figures (named in score.md).
"""

import itertools
import pathlib
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.ensemble import IsolationForest
from sklearn.tree import DecisionTreeRegressor

BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#888888"
OUT = pathlib.Path(__file__).parent / "img"

plt.rcParams.update({
    "svg.fonttype": "none", "svg.hashsalt": "rootline", "font.family": "sans-serif", "font.size": 9,
    "font.sans-serif": ["DejaVu Sans", "Arial", "sans-serif"],
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9, "axes.titlelocation": "left",
    "lines.linewidth": 1.1, "figure.facecolor": "white", "legend.frameon": False, "path.simplify_threshold": 0.5,
})


def frame(rows=1, columns=1, height=2.7, **kw):
    return plt.subplots(rows, columns, figsize=(7.4, height), layout="constrained", **kw)


def bare(*axes):
    for a in axes:
        a.set_xticks([])
        a.set_yticks([])


def stats():
    """The same step in a quiet and in a bursty series: the calibrated score tells them apart."""
    rng = np.random.default_rng(1)
    n, w = 300, 20
    quiet = 10 + 0.3 * rng.normal(size=n + w)
    bursty = 10 + 0.3 * rng.normal(size=n + w)
    for at in rng.choice(np.arange(5, n - 15), 12, replace=False):
        bursty[at:at + 10] += rng.uniform(2, 6)
    for x in (quiet, bursty):
        x[n:] += 3

    def statistic(z, absolute=False):
        z = np.abs(z) if absolute else z
        return np.sort(z)[-max(1, int(np.ceil(len(z) / 5))):].mean()

    figure, axes = frame(1, 2, sharey=True)
    for a, x, name in zip(axes, (quiet, bursty), ("quiet series", "bursty series")):
        base, window = x[:n], x[n:]
        m = np.median(base)
        q1, q3 = np.percentile(base, [25, 75])
        s = max(1.4826 * np.median(np.abs(base - m)), (q3 - q1) / 1.349, base.std() / 4, 0.005 * np.abs(base).max())
        blocks = [statistic((base[i:i + w] - m) / s, True) for i in range(0, n - w + 1, w // 2)]
        z = (window - m) / s
        t = 0.5 * statistic(z) + 0.5 * max(0, np.median(z))
        score = np.log1p(max(0, t) / max(1, np.quantile(blocks, 0.95)))
        a.plot(base, color=GREY)
        a.plot(np.arange(n, n + w), window, color=RED)
        a.axhline(m, color=BLUE, lw=0.8)
        a.axhspan(m - 3 * s, m + 3 * s, color=BLUE, alpha=0.13, lw=0)
        a.set_title(f"{name}: score {score:.1f}")
        a.set_xticks([])
    axes[0].text(5, 6.2, "blue: median ± 3 scales", color=BLUE)
    return figure


def smooth():
    """Series = trend + day + rest; the incident is plain only in the rest."""
    rng = np.random.default_rng(2)
    day, days = 48, 10
    t = np.arange(day * days)
    season = 2.2 * np.sin(2 * np.pi * t / day) + 0.9 * np.sin(4 * np.pi * t / day + 1)
    x = 10 + 0.008 * t + season + 0.25 * rng.normal(size=t.size)
    x[340:350] += 1.9
    trend = np.convolve(np.pad(x, (day // 2, day // 2 - 1), mode="reflect", reflect_type="odd"), np.ones(day) / day, "valid")
    phase = np.array([np.median((x - trend)[p::day]) for p in range(day)])
    usual = phase[t % day]
    rest = x - trend - usual
    figure, axes = frame(4, 1, height=3.7, sharex=True)
    for a, y, name, colour in zip(axes, (x, trend, usual, rest), ("series", "trend", "day", "rest"), (GREY, BLUE, GREEN, RED)):
        a.plot(t / day, y, color=colour)
        a.set_ylabel(name, rotation=0, ha="right", va="center")
        a.set_yticks([])
    axes[3].annotate("incident", (345 / day, rest[345]), (8.2, rest.max() * 0.72), color=RED)
    axes[3].set_xlabel("days")
    return figure


def forecast():
    """A band from own backtests against a straight line through the last hour."""
    rng = np.random.default_rng(7)
    m = 24
    t = np.arange(6 * m)
    x = 55 + 14 * np.sin(2 * np.pi * (t - 9) / m) + 2.2 * rng.normal(size=t.size)
    known, h = x[:4 * m + 14], m
    phase = lambda upto: np.median(x[upto - 3 * m:upto].reshape(3, m), axis=0)
    errors = np.concatenate([x[o:o + h] - phase(o) for o in range(known.size - 3 * h // 2, known.size - h + 1, 3)])
    point = phase(known.size)
    future = np.arange(known.size, known.size + h)
    low, high = np.quantile(errors, [0.05, 0.95])
    slope = np.polyfit(np.arange(4), known[-4:], 1)
    figure, a = frame()
    a.plot(np.arange(known.size)[-3 * m:], known[-3 * m:], color=GREY)
    a.fill_between(future, point + 1.3 * low, point + 1.3 * high, color=BLUE, alpha=0.2, lw=0)
    a.plot(future, point, color=BLUE)
    a.plot(future[:h], np.polyval(slope, np.arange(4, 4 + h)), color=ORANGE, ls="--")
    a.axhline(90, color=RED, lw=0.9)
    a.text(known.size - 3 * m, 91.5, "limit", color=RED)
    a.text(future[8], 103, "straight line through the last hours", color=ORANGE, ha="right")
    a.text(future[-1] + 0.5, point[-1], "forecast\nand 90 % band", color=BLUE, va="center")
    a.axvline(known.size - 0.5, color=GREY, lw=0.6, ls=":")
    a.set_ylim(30, 110)
    a.set_xlim(known.size - 3 * m - 2, known.size + h + 13)
    a.set_xticks([])
    a.set_ylabel("% of limit")
    return figure


def outlier():
    """Isolation forest scores over a fleet's snapshot; and what a useless feature does."""
    rng = np.random.default_rng(4)
    x = np.vstack([rng.normal([25, 40], [5, 6], (150, 2)), rng.normal([65, 75], [6, 5], (90, 2))])
    odd = np.array([[26, 92], [82, 30], [45, 58]])
    data = np.vstack([x, odd])
    figure, (a, b) = frame(1, 2, height=3.0, width_ratios=[1.25, 1])
    forest = IsolationForest(n_estimators=100, max_samples=243, random_state=0).fit(data)
    grid = np.linspace(0, 100, 60)
    u, v = np.meshgrid(grid, grid)
    z = -forest.score_samples(np.column_stack([u.ravel(), v.ravel()])).reshape(u.shape)
    image = a.imshow(z, origin="lower", extent=(0, 100, 0, 100), cmap="Oranges", aspect="auto", vmin=0.35, vmax=0.8,
                     interpolation="none")
    a.plot(*x.T, ".", color=BLUE, ms=3)
    a.plot(*odd.T, "x", color="black", ms=7, mew=1.8)
    a.set_xlabel("cpu, % of request")
    a.set_ylabel("memory, % of limit")
    a.set_title("score: dark is isolated early")
    figure.colorbar(image, ax=a, shrink=0.85)
    margins = []
    counts = [0, 2, 5, 10, 20, 40]
    for extra in counts:
        runs = []
        for seed in range(6):
            r = np.random.default_rng(seed)
            wide = np.hstack([data, r.normal(size=(len(data), extra))])
            s = -IsolationForest(n_estimators=100, max_samples=243, random_state=seed).fit(wide).score_samples(wide)
            runs.append([(s[-3 + k] > s[:-3]).mean() for k in range(2)])
        margins.append(np.mean(runs) * 100)
    b.plot(counts, margins, "o-", color=RED, ms=4)
    b.set_xlabel("useless features added")
    b.set_title("normal rows ranked below\nthe two outer ×, %")
    b.set_ylim(50, 102)
    return figure


def change():
    """CUSUM: the alarm comes late, the last zero before it is the onset."""
    rng = np.random.default_rng(5)
    n, at = 240, 150
    x = rng.normal(size=n)
    x[at:] += 1.0
    total, sums = 0.0, []
    for z in x:
        total = max(0.0, total + z - 0.5)
        sums.append(total)
    sums = np.array(sums)
    alarm = int(np.argmax(sums > 8))
    onset = int(np.flatnonzero(sums[:alarm] == 0)[-1]) + 1
    figure, (a, b) = frame(2, 1, height=3.0, sharex=True)
    a.plot(x, color=GREY)
    a.plot([0, at], [0, 0], color=BLUE)
    a.plot([at, n], [1, 1], color=BLUE)
    a.set_ylabel("z", rotation=0)
    b.plot(sums, color=GREEN)
    b.axhline(8, color=RED, lw=0.9)
    b.text(2, 8.6, "threshold 8", color=RED)
    b.set_ylim(0, 20)
    b.set_ylabel("sum of\nz − 0.5")
    for axis in (a, b):
        axis.axvline(onset, color=ORANGE, ls="--", lw=1)
        axis.axvline(alarm, color=RED, ls="--", lw=1)
    b.text(onset - 1, 15, "onset", color=ORANGE, ha="right")
    b.text(alarm + 1.5, 15, "alarm", color=RED)
    b.set_xlabel("samples")
    return figure


def stream():
    """A habit of spikes is no surprise; a shift is, once."""
    rng = np.random.default_rng(6)
    n, block = 1000, 50
    x = 5 + 0.3 * rng.normal(size=n)
    x[20::60] += rng.uniform(3, 4, size=x[20::60].size)
    x[760:800] += 9
    mean, var, sample_mean, spread = x[0], 0.0, 0.0, 0.0
    most, z_out, surprise = 0.0, [], []
    for i, v in enumerate(x):
        d = v - mean
        sd = max(np.sqrt(var), 0.001 * np.ptp(x))
        z = abs(d) / sd if i > 50 else 0.0
        gain = max(1 / (i + 1), 0.001)
        cut = np.clip(d, -4 * sd, 4 * sd) if i > 50 else d
        mean += gain * cut
        var = (1 - gain) * (var + gain * cut * cut)
        level = np.log1p(z)
        k = i // block
        surprise.append(max(0.0, (level - sample_mean) / max(spread, 0.4)) if k >= 5 else 0.0)
        z_out.append(z)
        most = max(most, level)
        if i % block == block - 1:
            g = max(1 / (k + 1), 0.1)
            step = most - sample_mean
            sample_mean += g * step
            spread = np.sqrt((1 - g) * (spread ** 2 + g * step * step))
            most = 0.0
    score, held, age = [], 0.0, 1000
    for s in surprise:
        age += 1
        passed = s if s > 0 and (age > 100 or s > held) else 0.0
        if age > 100 or s >= held:
            held, age = s, 0
        score.append(passed)
    figure, axes = frame(3, 1, height=3.3, sharex=True)
    for a, y, name, colour in zip(axes, (x, z_out, score), ("sample", "distance z", "score"), (GREY, ORANGE, RED)):
        a.plot(y, color=colour, lw=0.9)
        a.set_ylabel(name, rotation=0, ha="right", va="center")
    axes[2].text(244, max(score) * 0.6, "calibrating", color=GREEN, ha="right")
    axes[2].axvline(250, color=GREEN, ls=":", lw=0.9)
    axes[2].set_xlabel("samples")
    return figure


def cluster():
    """The elbow of the sorted distances to the k-th neighbour is a good eps."""
    rng = np.random.default_rng(3)
    x = np.vstack([rng.normal([0, 0], 0.28, (50, 2)), rng.normal([2.4, 0.6], 0.3, (42, 2)),
                   rng.normal([1.0, 2.4], 0.25, (36, 2)), rng.uniform([-1.5, -1.5], [4, 4], (12, 2))])
    k = 5
    distances = np.sort(np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1)), axis=1)[:, k - 1]
    order = np.sort(distances)
    line = order[0] + (order[-1] - order[0]) * np.linspace(0, 1, order.size)
    elbow = int(np.argmax(line - order))
    eps = order[elbow]
    figure, axes = frame(1, 3, height=2.6, width_ratios=[1.1, 1, 1])
    a = axes[0]
    a.plot(order, color=BLUE)
    a.plot(elbow, eps, "o", color=RED)
    a.annotate(f"elbow: eps = {eps:.2f}", (elbow, eps), (20, eps + 0.45), color=RED)
    a.set_title(f"sorted distance to neighbour {k}")
    a.set_xlabel("points")
    for a, e, name in ((axes[1], eps, "eps = elbow"), (axes[2], eps * 3.4, "eps too large: chained")):
        labels = DBSCAN(eps=e, min_samples=k).fit_predict(x)
        a.scatter(*x[labels < 0].T, marker="x", color="black", s=18, lw=1)
        for c in range(labels.max() + 1):
            a.scatter(*x[labels == c].T, s=7, color=(BLUE, ORANGE, GREEN, RED, "#cc79a7")[c % 5])
        a.set_title(f"{name}\n{labels.max() + 1} clusters, {100 * (labels < 0).mean():.0f} % noise")
        bare(a)
    return figure


def text():
    """Lines to templates: values are marked, wording is kept."""
    lines = [
        [("Failed to pull image ", 0), ('"registry/shop:v1.4.2"', 1), (" after ", 0), ("3", 1), (" retries", 0)],
        [("Failed to pull image ", 0), ('"registry/cart:v2.0.9"', 1), (" after ", 0), ("5", 1), (" retries", 0)],
        [("connection to ", 0), ("10.2.7.31:5432", 1), (" refused", 0)],
        [("connection to ", 0), ("10.2.8.4:5432", 1), (" refused", 0)],
        [("connection to ", 0), ("10.2.7.90:5432", 1), (" refused", 0)],
    ]
    figure, a = frame(height=2.5)
    bare(a)
    a.set_axis_off()
    a.set_xlim(0, 100)
    a.set_ylim(0, 10)
    style = dict(family="monospace", fontsize=7.5, va="center")
    step = 0.855
    for i, parts in enumerate(lines):
        y, x = 9.2 - 1.55 * i - (0.5 if i > 1 else 0), 0.0
        for word, value in parts:
            a.text(x, y, word, color=RED if value else "black", **style)
            x += step * len(word)
    for y, arrow, template, count in ((8.4, 63, 'Failed to pull image "<*>"\nafter <*> retries', 2), (4.05, 63, "connection to <*> refused", 3)):
        a.annotate("", (68, y), (arrow, y), arrowprops=dict(arrowstyle="->", color=GREY))
        a.text(69, y, template, color=BLUE, **style)
        a.text(69, y - 1.1 - 0.5 * template.count("\n"), f"{count} lines", color=GREY, fontsize=8, va="center")
    a.text(0, 0.4, "values", color=RED, fontsize=8)
    a.text(9, 0.4, "wording", color="black", fontsize=8)
    a.text(69, 0.4, "templates", color=BLUE, fontsize=8)
    return figure


def tree():
    """A prediction taken apart: path-dependent SHAP values sum to it."""
    rng = np.random.default_rng(8)
    names = ["restarts", "memory score", "rollout age", "log novelty"]
    x = rng.uniform(0, 1, (600, 4))
    y = 2.2 * (x[:, 0] > 0.6) + 2.5 * x[:, 1] * (x[:, 2] < 0.4) + 0.8 * x[:, 3] + 0.2 * rng.normal(size=600)
    model = DecisionTreeRegressor(max_depth=5, min_samples_leaf=10, random_state=0).fit(x, y).tree_
    row = np.array([0.82, 0.9, 0.15, 0.3])

    def value(known, node=0):
        if model.children_left[node] < 0:
            return model.value[node].item()
        f, left, right = model.feature[node], model.children_left[node], model.children_right[node]
        if f in known:
            return value(known, left if row[f] <= model.threshold[node] else right)
        share = model.weighted_n_node_samples[left] / model.weighted_n_node_samples[node]
        return share * value(known, left) + (1 - share) * value(known, right)

    orders = list(itertools.permutations(range(4)))
    phi = np.zeros(4)
    for order in orders:
        for i, f in enumerate(order):
            phi[f] += value(set(order[:i + 1])) - value(set(order[:i]))
    phi /= len(orders)
    figure, a = frame(height=2.4)
    at, y_at = value(set()), 0
    a.axvline(at, color=GREY, lw=0.8, ls=":")
    a.text(at, -0.75, f"mean {at:.2f}", ha="center", color=GREY)
    for f in np.argsort(-np.abs(phi)):
        a.barh(y_at, phi[f], left=at, color=RED if phi[f] > 0 else BLUE, height=0.6)
        a.text(max(at, at + phi[f]) + 0.04, y_at, f"{phi[f]:+.2f}", va="center")
        at += phi[f]
        y_at += 1
    a.axvline(at, color="black", lw=0.8, ls=":")
    a.text(at, 3.75, f"this row {at:.2f}", ha="center")
    a.set_yticks(range(4), [names[f] for f in np.argsort(-np.abs(phi))])
    a.set_ylim(4.2, -1.1)
    a.set_xlim(a.get_xlim()[0] - 0.3, a.get_xlim()[1] + 0.25)
    return figure


def causal():
    """Chain, common cause and collider: what conditioning on the middle does."""
    rng = np.random.default_rng(9)
    n = 4000
    e = rng.normal(size=(3, n))
    chain = (lambda x: (x, m := x + e[1], m + e[2]))(e[0])
    fork = (lambda m: (m + e[1], m, m + e[2]))(e[0])
    collider = (e[0], e[0] + e[2] + 0.5 * e[1], e[2])

    def corr(x, m, y):
        r = np.corrcoef([x, m, y])
        partial = (r[0, 2] - r[0, 1] * r[1, 2]) / np.sqrt((1 - r[0, 1] ** 2) * (1 - r[1, 2] ** 2))
        return abs(r[0, 2]), abs(partial)

    cases = [("chain", chain, [(0, 1), (1, 2)]), ("common cause", fork, [(1, 0), (1, 2)]), ("collider", collider, [(0, 1), (2, 1)])]
    figure, axes = frame(2, 3, height=3.0, height_ratios=[1, 1.25])
    for j, (name, data, edges) in enumerate(cases):
        a, b = axes[0, j], axes[1, j]
        at = [(0, 0), (1, 0), (2, 0)]
        a.set_xlim(-0.4, 2.4)
        a.set_ylim(-0.5, 0.5)
        a.set_axis_off()
        a.set_title(name)
        for (px, py), label in zip(at, "xmy"):
            a.text(px, py, label, ha="center", va="center", fontsize=11,
                   bbox=dict(boxstyle="circle,pad=0.3", fc="white", ec=BLUE))
        for u, v in edges:
            s = np.sign(v - u)
            a.annotate("", (v - 0.27 * s, 0), (u + 0.27 * s, 0), arrowprops=dict(arrowstyle="-|>", color="black"))
        b.barh([1, 0], corr(*data), color=[GREY, ORANGE], height=0.6)
        b.set_xlim(0, 1)
        b.set_yticks([1, 0], ["|r(x,y)|", "|r(x,y | m)|"] if j == 0 else ["", ""])
    return figure


def graph():
    """Noisy-OR inference: one cause explains the others away."""
    names = ["db", "cart", "checkout", "frontend"]
    causes = {1: [0], 2: [0, 1], 3: [1, 2]}
    w, leak, prior = 0.75, 0.01, 0.02

    def posterior(seen, fault_weight):
        total, on = 0.0, np.zeros(4)
        for f in itertools.product((0, 1), repeat=4):
            for x in itertools.product((0, 1), repeat=4):
                if any(x[v] != s for v, s in seen.items()):
                    continue
                p = 1.0
                for v in range(4):
                    odds = fault_weight[v] * prior / (1 - prior)
                    q = odds / (1 + odds)
                    p *= q if f[v] else 1 - q
                    off = (1 - leak) * (0.1 if f[v] else 1)
                    for u in causes.get(v, []):
                        off *= (1 - w) if x[u] else 1
                    p *= (1 - off) if x[v] else off
                total += p
                on += p * np.array(f)
        return on / total

    place = [(0, 0), (1.3, 0.75), (1.3, -0.75), (2.6, 0)]
    figure, axes = frame(1, 2, height=2.7)
    scenes = [("frontend is abnormal", {3: 1}), ("… so are cart, checkout and db", {0: 1, 1: 1, 2: 1, 3: 1})]
    for a, (title, seen) in zip(axes, scenes):
        p = posterior(seen, [1, 1, 1, 1])
        a.set_axis_off()
        a.set_xlim(-0.6, 3.2)
        a.set_ylim(-1.35, 1.3)
        a.set_title(title)
        for v, us in causes.items():
            for u in us:
                a.annotate("", place[v], place[u], arrowprops=dict(arrowstyle="-|>", color=GREY, shrinkA=24, shrinkB=24))
        for v, (px, py) in enumerate(place):
            colour = plt.get_cmap("Oranges")(min(1.0, p[v]))
            a.scatter(px, py, s=1700, color=colour, edgecolor=RED if v in seen else GREY, lw=1.6, zorder=3)
            a.text(px, py, f"{names[v]}\n{p[v]:.2f}", ha="center", va="center", fontsize=7.5, zorder=4,
                   color="white" if p[v] > 0.6 else "black")
    return figure


def score():
    """Measured on eight labelled server entities: the point-adjusted F1 hides everything."""
    methods = ["random", "EWMA z", "isolation forest", "PCA", "k-means windows"]
    f1 = [0.119, 0.174, 0.388, 0.625, 0.673]
    adjusted = [0.864, 0.978, 0.940, 0.963, 0.938]
    vus = [0.093, 0.117, 0.251, 0.484, 0.590]
    figure, a = frame(height=2.7)
    y = np.arange(5)
    for offset, values, name, colour in ((-0.27, adjusted, "point-adjusted F1", RED), (0, f1, "F1", BLUE), (0.27, vus, "VUS-PR", GREEN)):
        a.barh(y + offset, values, 0.25, color=colour, label=name)
        for i, v in enumerate(values):
            a.text(v + 0.01, i + offset, f"{v:.2f}", va="center", fontsize=7.5)
    a.set_yticks(y, methods)
    a.invert_yaxis()
    a.set_xlim(0, 1.5)
    a.set_xticks([0, 0.5, 1])
    a.legend(loc="center right")
    return figure


FAMILIES = [stats, smooth, forecast, outlier, change, stream, cluster, text, tree, causal, graph, score]

if __name__ == "__main__":
    wanted = set(sys.argv[1:])
    for draw in FAMILIES:
        if wanted and draw.__name__ not in wanted:
            continue
        figure = draw()
        OUT.mkdir(exist_ok=True)
        figure.savefig(OUT / f"{draw.__name__}.svg", metadata={"Date": None})
        plt.close(figure)
