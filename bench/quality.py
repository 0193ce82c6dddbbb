"""The numeric library on labelled data: blind, predict, score, beside a plain baseline in the same run. Called by bench/eval.py."""
import json
import subprocess
import sys

# suite, folder of ../shared/data, (figure, bar, whether the least or the most is the bar)
SUITES = [
    ("nab", "nab", [("standard", 60, ">="), ("reward_low_FP_rate", 50, ">="), ("reward_low_FN_rate", None, ""), ("own_alerts.standard", None, "")]),
    ("smd", "smd", [("VUS-PR", .62, ">="), ("AUC-PR", None, ""), ("alert_precision", None, "")]),
    ("asd", "asd", [("VUS-PR", .57, ">="), ("AUC-PR", None, ""), ("alert_precision", None, "")]),
    ("adbench", "adbench", [("AUC-ROC", None, ""), ("AP", None, "")]),
    ("forecast", "bitbrains50", [("MASE", .74, "<="), ("coverage90", .87, ">="), ("coverage90", .93, "<="), ("pinball", None, "")]),
    ("forecast", "m4-hourly", [("MASE", 1.0, "<="), ("coverage90", .87, ">="), ("coverage90", .93, "<="), ("pinball", None, "")]),
    ("oom", "bitbrains50", [("recall", .80, ">="), ("precision", .55, ">="), ("AP", None, "")]),
    ("logs-templates", "loghub2k", [("corrected.GA", .96, ">="), ("corrected.FGA", .94, ">="), ("corrected.PA", .70, ">="), ("corrected.FTA", .60, ">="),
                                    ("original.GA", None, ""), ("original.FGA", None, "")]),
    ("log-anomaly", "log-anomaly", [("by_set.hdfs_xu.F1", .95, ">="), ("by_set.openstack_loghub.F1", None, "")]),
    ("alarm-causality", "telecom-alarms", [("by_set.18V_55N_Wireless.F1", .62, ">=")]),
]
ONE_FILE = {"forecast", "oom", "log-anomaly", "alarm-causality"}
FOREST_SEEDS = 3
# settings of the miner among which leaving a system out chooses
FREE_WORDS, MARKED_WORDS = (4, 6, 8, 12, 16), (2, 3, 5)
TEMPLATES = ("GA", "FGA", "PA", "FTA")


def pick(result, name):
    """A figure by its path; short names stand in `overall`."""
    node = result
    parts = name.split(".")
    if parts[0] in result.get("overall", {}):
        return result["overall"][parts[0]]
    if parts[0] in ("corrected", "original"):
        node, parts = result[parts[0]].get("overall", result[parts[0]]), parts[1:]
    for part in parts:
        node = node[part]
    return node


def figures(result, wanted):
    """`name value` of every figure once, with its bars."""
    shown = {}
    for name, bar, side in wanted:
        value = pick(result, name)
        missed = bar is not None and not (value >= bar if side == ">=" else value <= bar)
        note = "" if bar is None else f"{'≥' if side == '>=' else '≤'} {bar}" + (", MISSED" if missed else "")
        shown.setdefault(name, (value, []))[1].append(note)
    short = lambda n: n.replace("by_set.", "").replace(".", " ")
    return "; ".join(f"{short(n)} {v:.3f}" + (f" ({', '.join(x for x in notes if x)})" if any(notes) else "") for n, (v, notes) in shown.items())


def measure(args, work, rows, only=None):
    run = lambda *c: subprocess.run([str(x) for x in c], check=True, text=True, capture_output=True).stdout
    scorers = args.shared / "eval"
    for suite, folder, wanted in SUITES:
        if only not in (None, suite, "quality"):
            continue
        data, at = args.shared / "data" / folder, work / f"{suite}-{folder}"
        blind, out, plain = (at.with_suffix(s) for s in (".blind", ".ours", ".plain"))
        run(sys.executable, scorers / "blind.py", suite, "--data", data, "--out", blind)
        run(args.eval, suite, "--data", blind, "--predictions", out)
        run(sys.executable, scorers / "baselines.py", suite, "--data", blind, "--predictions", plain)
        score = lambda p: json.loads(run(sys.executable, scorers / "score.py", suite, "--data", data, "--predictions", p))
        ours, theirs = score(out), score(plain)
        no_bars = [(n, None, "") for n, _, _ in wanted if not n.startswith("own_alerts")]
        text, baseline = figures(ours, wanted), f"{figures(theirs, no_bars)}"
        if suite == "adbench":
            rival = forest(data, blind)
            gap = ours["overall"]["AUC-ROC"] - rival
            text += f"; less scikit-learn's isolation forest {gap:+.4f} (within .003{'' if abs(gap) <= .003 else ', MISSED'})"
            baseline += f"; scikit-learn's isolation forest, {FOREST_SEEDS} seeds, AUC-ROC {rival:.4f}"
        rows.append((suite, folder, ours["n"], text, baseline))
        if suite == "logs-templates":
            rows.append(leave_one_out(args.eval, (run, score), blind, at.with_suffix(".loso"), ours))


def leave_one_out(binary, tools, blind, out, default):
    """The miner's two thresholds chosen on all systems but one, judged on that one. The lexer's rules stay: they are code."""
    run, score = tools
    grid = {}
    for free in FREE_WORDS:
        for marked in MARKED_WORDS:
            run(binary, "logs-templates", "--data", blind, "--predictions", out, "--free-words", free, "--marked-words", marked)
            grid[free, marked] = score(out)["corrected"]["by_system"]
    systems = sorted(next(iter(grid.values())))
    total = lambda by, names: sum(by[n][k] for n in names for k in TEMPLATES)
    held = {}
    for left in systems:
        others = [n for n in systems if n != left]
        best = max(sorted(grid), key=lambda setting: total(grid[setting], others))
        held[left] = (best, grid[best][left])
    mean = lambda k: sum(f[k] for _, f in held.values()) / len(held)
    same = default["corrected"]["by_system"]
    chosen = {f"{f} / {m}" for (f, m), _ in held.values()}
    text = "; ".join(f"{k} {mean(k):.3f}" for k in TEMPLATES) + "; lowest GA " + min((f"{f['GA']:.3f} {n}" for n, (_, f) in held.items()))
    text += f"; thresholds chosen: {', '.join(sorted(chosen))} of {len(grid)}"
    return ("logs-templates", "leave one system out", len(systems), text, "the setting for all: " + "; ".join(f"{k} {sum(v[k] for v in same.values()) / len(same):.3f}" for k in TEMPLATES))


def forest(data, blind):
    """Mean AUC-ROC over sets and seeds of the reference isolation forest (PyOD's is a wrapper of it)."""
    import numpy as np
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score

    means = []
    for path in sorted(data.glob("*.npz")):
        labels = np.load(path, allow_pickle=True)["y"]
        x = np.loadtxt(blind / f"{path.stem}.csv.gz", delimiter=",", ndmin=2)
        means.append(np.mean([roc_auc_score(labels, -IsolationForest(random_state=s).fit(x).score_samples(x)) for s in range(FOREST_SEEDS)]))
    return float(np.mean(means))
