"""The numeric library against the libraries people use today: CPU time of both in one run on one core, ratio, bar, agreement.

Called by bench/analytics (`make bench-analytics`). Every case makes a seeded input, runs its rivals in this process, runs ours as
`target/release/rootline-bench NAME FOLDER`, compares what both return, prints a row per rival and writes target/bench/analytics.json:
a list of {name, rival, ours_cpu_s, rival_cpu_s, ratio, bar, agreement, missed, note}. Nothing is stored from earlier runs: what was not
measured in this run is null, and `note` says why.

What `rootline-bench NAME FOLDER` does: read FOLDER, run the method on data in memory, on one thread, often enough for a steady figure,
and print one line of JSON:
    {"cpu_s": CPU seconds of the thread per run (best of the runs), "runs": how many, "result": see below}
Reading files and printing are not timed; everything the method needs beyond the raw input is (building a graph, drawing trees, tokenising).
The rival is timed on the same steps, from arrays or strings in memory to its result.

Formats. `meta.json` is one object. `NAME.f64`: little-endian IEEE doubles, row-major; its shape stands in meta.json as
"shapes": {"x": [rows, columns]}. `lines.txt`: UTF-8, one text a line, "\\n" after each. No other files unless said.

NAME                   FOLDER                                                       "result"
pc_50x2000             x [n, p]; meta alpha (.01). PC-stable, Fisher-z,             {"edges": [[i, j, kind], ..]} kind "directed" (i -> j), "undirected" or
pc_200x1000            collider rule and order of causal-learn, no depth limit      "bidirected" (the last two with i < j)
direct_lingam_30x2000  x [n, p]. Whole fit: order, then B by adaptive lasso         {"order": [p ids], "b": [p rows of p]} row = effect
mic_50x500             x [50 variables, 500 samples] (a ROW is a variable);         {"mic": [1225]} pairs (0,1), (0,2), .., (48,49)
                       meta alpha .6, c 15, est "mic_approx"
pagerank_100k_1m       x [edges, 3] = from, to, weight (integers as doubles);       {"top": [50 ids, best first], "sum_sq": sum of squares}
                       meta n, damping .85, tolerance 1e-12 (L1).
                       Timed: from an edge list in memory, incl. the graph
loopy_bp               meta only: card [..], factors [{"vars": [..], "table":       {"marginals": [[p0, p1], ..]}
                       [.. C order of vars]}], damping, iterations; run exactly
                       `iterations` flooding rounds (no early stop)
tree_shap_10k          x [10000, 50] (values exact in f32); model.json = XGBoost    {"contribs": [first 100 rows of 51 numbers, the last one the bias]}
                       JSON model (binary:logistic). Timed: all 10,000 rows,
                       without loading the model
isolation_forest_100kx8  x [100000, 8]; meta trees 100, psi 256, seed.              {"scores": [100000]} higher = more abnormal
                       Timed: fit + score of all rows
prophet_20k            x [20160, 2] = t in seconds (even steps), y. Prophet's       {"yhat": [first 100], "log_posterior": optional}
                       defaults: linear trend, 25 changepoints in the first 80 %,
                       weekly order 3, daily order 4. Timed: the fit of this one
                       series, incl. its design and Gram matrix; not the yhat
forecast_pool_14d_hourly  x [30, 336] (a ROW is a series); meta horizon 24,         {"forecasts": [30 rows of 24]} medians
                       season 24, level .9. Timed: all 30, point forecast
                       and 90 % interval; cpu_s is of all 30 together
sparse_dbscan_20k      lines.txt; meta eps .5, min_samples 2. Tokens: lower-case    {"labels": [n]} -1 = noise, clusters numbered in any order
sparse_dbscan_100k     matches of [\\w.:/-]+ (\\w as in Python: Unicode letters,     (100k: the same, and the peak memory of the whole process counts)
                       digits, _); idf = ln((1+n)/(1+df)) + 1, tf * idf, L2 rows.
                       Timed: from the strings in memory: tokenise, weigh, cluster
jaccard_join_10k       lines.txt: tokens split by one space; meta threshold .6.     {"sets": distinct token sets, "pairs": pairs of distinct sets with
                       A line is the SET of its tokens; equal sets count once.      |a & b| / |a | b| >= threshold}
                       Timed: from the strings in memory, incl. tokenising
template_miner         lines.txt (200,000 log messages); meta labels_of (20000).    {"groups": number of templates, "labels": [template id of each of the
                       Timed: all lines, from the strings in memory                 first labels_of lines]}
logdrain               the folder of template_miner, by the Rust crate logdrain     the same
                       with Drain3's example masks: the second rival there
tier0_sweep            meta series (1000000), sweeps (20), seed; ours makes the     {"ns_per_sample": CPU, "bytes_per_series": state}
                       samples itself: one sample for each of N series, then the
                       next, cold caches. Timed: the sweeps, not making samples
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "rivals"))
import cases  # noqa: E402  (needs the path above)

BINARY = Path(os.environ.get("ROOTLINE_BENCH", "target/release/rootline-bench"))
OUT = Path("target/bench/analytics.json")
OURS_TIMEOUT_S = 600
# in a process of its own: a child's peak counts from what its parent held when it was started
PEAK = r"""
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, file=sys.stderr)
sys.exit(done.returncode)
"""


class Absent(Exception):
    """Something is not there; the row says what."""


def run_ours(name, folder, who="ours"):
    """What rootline-bench prints, with "peak_rss_mb" of its process."""
    if not BINARY.exists():
        raise Absent(f"{who} is missing: no {BINARY}")
    command = [sys.executable, "-S", "-c", PEAK, str(BINARY), name, str(folder)]
    try:
        done = subprocess.run(command, text=True, capture_output=True, timeout=OURS_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise Absent(f"{who} ran longer than {OURS_TIMEOUT_S} s") from None
    errors = done.stderr.strip().splitlines()
    if done.returncode:
        raise Absent(f"{who} failed: " + (errors[0] if len(errors) > 1 else f"status {done.returncode}"))
    try:
        answer = json.loads(done.stdout)
        answer["cpu_s"], answer["result"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise Absent(f"{who} printed no usable JSON: {done.stdout[:60]!r}") from None
    return answer | {"peak_rss_mb": float(errors[-1])}


def run_rival(rival, data, folder, quick):
    """CPU seconds of the best run and its result."""
    if quick and rival.long:
        raise Absent("left out by --quick (the rival takes over 30 s)")
    if rival.binary:
        answer = run_ours(rival.binary, folder, "the rival")
        return answer["cpu_s"], answer["result"]
    try:
        call = rival.prepare(data)
    except ImportError as e:
        raise Absent(f"the rival is not installed: {e}") from None
    best, spent, result = float("inf"), 0.0, None
    while spent < (0 if rival.long else cases.STEADY_S) or result is None:
        start = cases.cpu_s()
        result = call()
        took = cases.cpu_s() - start
        best, spent = min(best, took), spent + took
    return best, result


def measure(case, quick):
    """The case's rows."""
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        folder, rows = Path(work), []
        try:
            data = case.make(folder)
        except FileNotFoundError as e:
            return [row(case, r, note=f"no input: {e}") for r in case.rivals or [None]]
        try:
            ours, absent = run_ours(case.name, folder), None
        except Absent as e:
            ours, absent = None, str(e)
        for rival in case.rivals:
            notes, figures = [absent] if absent else [], {}
            try:
                figures["theirs"], result = run_rival(rival, data, folder, quick)
            except Absent as e:
                notes.append(str(e))
            except Exception as e:  # a rival that breaks must not hide the other rows
                notes.append(f"the rival failed: {type(e).__name__}: {e}")
            else:
                figures["agreement"], figures["agrees"] = compare(case, ours, result, data)
            rows.append(row(case, rival, ours, note="; ".join(notes), **figures))
            show(rows[-1])
        if not case.rivals:
            rows.append(alone(case, ours, data, absent))
            show(rows[-1])
        return rows


def compare(case, ours, theirs, data):
    try:
        text, agrees = case.compare(ours["result"] if ours else None, theirs, data)
        return text, agrees if agrees is None else bool(agrees)
    except (KeyError, TypeError, ValueError, IndexError) as e:
        return f"not comparable: {type(e).__name__}: {e}", False


def row(case, rival, ours=None, theirs=None, agreement=None, agrees=None, note=""):
    """One rival's row; times are per case.unit."""
    mine = ours["cpu_s"] / case.per if ours else None
    other = theirs / rival.per if theirs is not None else None
    ratio = other / mine if mine and other is not None else None
    bar = rival.bar if rival else None
    slow = None if ratio is None or bar is None else ratio < bar
    return {"name": case.name, "rival": rival.name if rival else None, "ours_cpu_s": mine, "rival_cpu_s": other, "ratio": ratio, "bar": bar,
            "agreement": agreement, "missed": slow, "disagrees": agrees is False, "unit": case.unit, "note": note}


def alone(case, ours, data, absent):
    """The row of a case without a rival: bars on figures of ours."""
    line = row(case, None, ours, note=absent or "") | {"bar": case.limits}
    if ours:
        found = {"cpu_s": ours["cpu_s"], "peak_rss_mb": ours["peak_rss_mb"]} | {k: v for k, v in ours["result"].items() if k in case.limits}
        line["missed"] = any(found[k] > limit for k, limit in case.limits.items())
        line["note"] = ", ".join(f"{k} {found[k]:.4g} (bar {limit})" for k, limit in case.limits.items())
        line["agreement"], agrees = compare(case, ours, None, data)
        line["disagrees"] = agrees is False
    return line


HEADER = f"{'name':<25} {'rival':<22} {'ours s':>10} {'rival s':>10} {'ratio':>9} {'bar':>7}"


def show(r):
    def number(value, form):
        return "-" if value is None or isinstance(value, dict) else format(value, form)

    parts = [r["agreement"], r["note"], f"per {r['unit']}" if r["unit"] else ""]
    verdict = " MISSED" if r["missed"] else ""
    verdict += " DISAGREES" if r["disagrees"] else ""
    print(f"{r['name']:<25} {r['rival'] or '-':<22} {number(r['ours_cpu_s'], '10.3g'):>10} {number(r['rival_cpu_s'], '10.3g'):>10} "
          f"{number(r['ratio'], '9,.1f'):>9} {number(r['bar'], ',d'):>7}{verdict}  {'; '.join(p for p in parts if p)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description="CPU time of the numeric library against its rivals, one core")
    parser.add_argument("--only", metavar="NAME", action="append", help="this case (may be given several times)")
    parser.add_argument("--quick", action="store_true", help="leave out rivals that take over 30 s")
    parser.add_argument("--make", metavar="FOLDER", help="only write the inputs, each into FOLDER/NAME")
    options = parser.parse_args()
    unknown = set(options.only or []) - {c.name for c in cases.CASES}
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; there are: {', '.join(c.name for c in cases.CASES)}")
    chosen = [c for c in cases.CASES if not options.only or c.name in options.only]
    if options.make:
        for case in chosen:
            folder = Path(options.make) / case.name
            folder.mkdir(parents=True, exist_ok=True)
            case.make(folder)
        return 0
    print(HEADER, flush=True)
    started, rows = time.time(), []
    for case in chosen:
        rows += measure(case, options.quick)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(rows, indent=1) + "\n")
    absent = sorted({r["name"] for r in rows if r["ours_cpu_s"] is None})
    missed = [f"{r['name']} / {r['rival']}" if r["rival"] else r["name"] for r in rows if r["missed"] or r["disagrees"]]
    unmeasured = sum(1 for r in rows if r["bar"] is not None and r["missed"] is None)
    print(f"{len(rows)} rows in {time.time() - started:.0f} s, {OUT}; missed: {', '.join(missed) or 'none'}"
          + (f"; {unmeasured} bars were not measured, see their rows" if unmeasured else "")
          + (f"; ours gave nothing for {', '.join(absent)}" if absent else ""))
    return 1 if missed or absent else 0


if __name__ == "__main__":
    sys.exit(main())
