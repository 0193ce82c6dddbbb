"""Writes testdata/analytics/cluster/lda_gensim.json: what gensim's online LDA reaches on small counts of words."""
import json
from pathlib import Path

import gensim
import numpy as np
from gensim.models import LdaModel


def texts(rng, n, mix, words):
    """Three topics of eight words each."""
    x = np.zeros((n, 24), int)
    for i in range(n):
        for _ in range(words):
            topic = i % 3 if rng.random() > mix else rng.integers(3)
            x[i, topic * 8 + rng.integers(8)] += 1
    return x


def case(name, x):
    rows = [[(int(j), int(r[j])) for j in np.nonzero(r)[0]] for r in x]
    model = LdaModel(rows, num_topics=3, id2word={i: str(i) for i in range(x.shape[1])}, passes=10, chunksize=128, decay=.7, offset=10.0,
                     alpha=[1 / 3] * 3, eta=1 / 3, iterations=100, gamma_threshold=1e-3, random_state=0, minimum_probability=0)
    # the bound is in natural logarithms, although gensim's own log line raises 2 to it
    return {"name": name, "width": x.shape[1], "rows": rows, "topics": 3, "perplexity": float(np.exp(-model.log_perplexity(rows)))}


def main():
    rng = np.random.default_rng(3)
    clear = texts(rng, 200, .05, 20)
    cases = [case("clear", clear), case("mixed", texts(rng, 200, .3, 20)), case("short texts", texts(rng, 300, .1, 4)),
             case("duplicates", np.repeat(clear[:6], 40, axis=0)), case("one text", clear[:1]), case("huge counts", clear * 1000)]
    out = Path(__file__).parents[2] / "testdata/analytics/cluster/lda_gensim.json"
    out.write_text(json.dumps({"library": "gensim", "version": gensim.__version__, "note": "perplexity of the texts it was fitted on", "cases": cases}) + "\n")


if __name__ == "__main__":
    main()
