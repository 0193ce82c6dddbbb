"""Writes reference values of clustering and text methods: fixtures_cluster_text.py testdata/analytics

Each file: {"library": ..., "cases": [{"name", inputs, "expected"}, ...]}. Needs requirements.txt beside it.
"""
import json
import sys
from pathlib import Path

import hdbscan
import numpy as np
import sklearn
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import TfidfVectorizer

SK = f"scikit-learn {sklearn.__version__}"


def write(path, library, cases):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"library": library, "cases": cases}, separators=(",", ":")) + "\n")


def blobs(rng, sizes, dim, spread=1.0, gap=12.0):
    return np.vstack([rng.normal(i * gap, spread, (n, dim)) for i, n in enumerate(sizes)])


def dbscan(rng):
    cases = []

    def add(name, x, eps, m):
        x = np.round(np.asarray(x, float), 6)
        cases.append({"name": name, "rows": x.tolist(), "eps": eps, "min_samples": m,
                      "expected": DBSCAN(eps=eps, min_samples=m).fit_predict(x).tolist()})

    add("blobs", rng.permutation(blobs(rng, [40, 30, 20], 2)), 1.0, 5)
    add("borders", rng.uniform(0, 10, (150, 2)), 0.8, 5)
    add("borders of pairs", rng.uniform(0, 10, (150, 2)), 0.6, 2)
    add("six columns", rng.permutation(blobs(rng, [50, 50], 6, 1.0, 4.0)), 2.2, 6)
    add("duplicates", np.repeat(rng.integers(0, 5, (12, 2)), 3, axis=0), 0.5, 4)
    add("constant", np.ones((7, 3)), 0.5, 5)
    add("one point", [[1.0, 2.0]], 0.5, 1)
    add("huge", rng.permutation(blobs(rng, [20, 20], 2)) * 1e12, 1e12, 5)
    add("tiny", rng.permutation(blobs(rng, [20, 20], 2)) * 1e-6, 1e-6, 5)
    return cases


def sparse(rng):
    cases = []

    def add(name, x, eps, m):
        x = np.round(np.asarray(x, float), 6)
        got = DBSCAN(eps=eps, min_samples=m, metric="cosine", algorithm="brute").fit_predict(x)
        rows = [[[int(j), float(r[j])] for j in np.nonzero(r)[0]] for r in x]
        cases.append({"name": name, "width": x.shape[1], "rows": rows, "eps": eps, "min_samples": m, "expected": got.tolist()})

    def texts(n, width, groups, words):
        x = np.zeros((n, width))
        for i in range(n):
            g = rng.integers(groups)
            own = rng.choice(np.arange(g * 8, g * 8 + 8), 4, replace=False)
            other = rng.choice(width, words, replace=False)
            x[i, own] = rng.uniform(0.5, 2, 4)
            x[i, other] += rng.uniform(0.1, 1, words)
        return x

    for eps in (0.2, 0.3, 0.5, 0.7):
        for m in (2, 3, 5):
            add(f"texts {eps} {m}", texts(120, 80, 6, 4), eps, m)
    add("duplicates", np.repeat(texts(20, 40, 3, 3), 4, axis=0)[rng.permutation(80)], 0.3, 4)
    add("constant", np.ones((6, 5)), 0.1, 5)
    add("one row", [[1.0, 0.0]], 0.5, 2)
    add("huge and tiny", texts(60, 40, 4, 3) * 10.0 ** rng.integers(-4, 6, (60, 1)), 0.5, 3)
    add("zero rows", np.vstack([np.zeros((3, 40)), texts(30, 40, 3, 3)]), 0.5, 3)
    add("eps above one", texts(40, 40, 4, 2), 1.2, 3)
    return cases


def hdb(rng):
    cases = []

    def add(name, x, size, samples=None):
        x = np.round(np.asarray(x, float), 6)
        a = HDBSCAN(min_cluster_size=size, min_samples=samples, copy=True).fit_predict(x)
        # the package hdbscan counts a row's neighbours without the row itself
        b = hdbscan.HDBSCAN(min_cluster_size=size, min_samples=max((samples or size) - 1, 1), approx_min_span_tree=False).fit_predict(x)
        cases.append({"name": name, "rows": x.tolist(), "min_cluster_size": size, "min_samples": samples,
                      "expected": a.tolist(), "package": b.tolist()})

    add("blobs", rng.permutation(blobs(rng, [40, 30, 20], 2)), 5)
    add("blobs and noise", np.vstack([blobs(rng, [40, 40], 2), rng.uniform(-30, 40, (30, 2))]), 8)
    add("unequal density", np.vstack([rng.normal(0, .3, (60, 2)), rng.normal(8, 2, (60, 2))]), 10, 4)
    add("six columns", rng.permutation(blobs(rng, [50, 50], 6, 1.0, 6.0)), 6)
    # no uniform noise alone: there scikit-learn's own labels change with the order of rows (ARI .72 to 1)
    add("duplicates", np.vstack([np.repeat(rng.normal(0, 1, (10, 2)), 2, axis=0), rng.normal(20, 1, (15, 2))]), 5)
    add("huge", rng.permutation(blobs(rng, [25, 25], 2)) * 1e9, 5)
    add("tiny", rng.permutation(blobs(rng, [25, 25], 2)) * 1e-4 + 0.0, 5)
    return cases


def kmeans(rng):
    cases = []
    for name, x, k in [("blobs", blobs(rng, [40, 30, 20], 3), 3), ("two", blobs(rng, [10, 40], 2), 2), ("one cluster", rng.normal(size=(30, 2)), 1),
                       ("every row", rng.normal(size=(6, 2)) * 50, 6), ("huge", blobs(rng, [20, 20], 2) * 1e9, 2)]:
        x = np.round(rng.permutation(x), 6)
        m = KMeans(k, n_init=20, random_state=0).fit(x)
        cases.append({"name": name, "rows": x.tolist(), "k": k, "expected": m.labels_.tolist(), "inertia": m.inertia_})
    return cases


TEXTS = {
    "alerts": ["pod web-1 crash looping in shop", "pod web-2 crash looping in shop", "node node-17 not ready", "node node-17 disk pressure",
               "etcd slow fsync slow", "节点 node-17 未就绪"],
    "one text": ["pod pod pod web"],
    "duplicates": ["a b"] * 4 + ["b c"],
    "empty among them": ["", "a b", "b"],
    "one word": ["a"],
    "many": [" ".join(f"w{(i * j) % 17}" for j in range(1, 9)) for i in range(30)],
}


def tfidf():
    cases = []
    for name, texts in TEXTS.items():
        v = TfidfVectorizer(tokenizer=str.split, token_pattern=None, lowercase=False)
        x = v.fit_transform(texts)
        cases.append({"name": name, "texts": [t.split() for t in texts], "words": v.get_feature_names_out().tolist(),
                      "idf": v.idf_.tolist(), "expected": x.toarray().tolist()})
    return cases


def lda(rng):
    """Three topics of eight words each, ten words a text."""
    cases = []
    for name, n, mix in [("clear", 200, 0.05), ("mixed", 200, 0.3)]:
        x = np.zeros((n, 24))
        for i in range(n):
            for _ in range(20):
                t = i % 3 if rng.random() > mix else rng.integers(3)
                x[i, t * 8 + rng.integers(8)] += 1
        m = LatentDirichletAllocation(3, learning_method="online", max_iter=10, batch_size=128, random_state=0).fit(x)
        rows = [[[int(j), float(r[j])] for j in np.nonzero(r)[0]] for r in x]
        cases.append({"name": name, "width": 24, "rows": rows, "topics": 3, "perplexity": m.perplexity(x)})
    return cases


def main(out):
    rng = np.random.default_rng(1)
    write(out / "cluster/dbscan.json", SK, dbscan(rng))
    write(out / "cluster/sparse_dbscan.json", SK, sparse(rng))
    write(out / "cluster/hdbscan.json", f"{SK}, hdbscan {__import__('importlib.metadata').metadata.version('hdbscan')}", hdb(rng))
    write(out / "cluster/kmeans.json", SK, kmeans(rng))
    write(out / "cluster/lda.json", SK, lda(rng))
    write(out / "text/tfidf.json", SK, tfidf())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
