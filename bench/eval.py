"""Runs every suite, prints a table, writes docs/internals/accuracy.md. Called by bench/eval."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import quality

COB_RUNS = [  # name, options of blind.py, bar A@1, bar A@3
    ("all inputs", [], 0.985, 0.995),
    ("renamed, seed 1", ["--rename", "1"], 0.975, None),
    ("renamed, seed 2", ["--rename", "2"], 0.975, None),
    ("renamed, seed 3", ["--rename", "3"], 0.975, None),
    ("without alerts and component status", ["--drop", "alerts,node_services"], 0.95, None),
    ("without alerts, component status and the other texts", ["--drop", "alerts,node_services,other,query"], 0.95, None),
    ("without logs", ["--drop", "recent_logs,error_logs"], None, None),
    ("without manifests", ["--drop", "app_yaml"], None, None),
    ("without connection tests", ["--drop", "connectivity"], None, None),
]


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, text=True, capture_output=True, **options).stdout


def suite(args, work, name, data, options=()):
    """Blinds, predicts, scores one suite; returns the scorer's figures."""
    tag = name + "-" + "-".join(options).replace("--", "").replace(",", "_")
    blind, out = work / f"{tag}.blind", work / f"{tag}.jsonl"
    run(sys.executable, args.shared / "eval/blind.py", name, "--data", data, "--out", blind, *options)
    run(args.eval, name, "--data", blind, "--predictions", out)
    score = [sys.executable, args.shared / "eval/score.py", name, "--data", data, "--predictions", out]
    names = blind.with_name(blind.name + ".names.json")
    if names.exists():
        score += ["--names", names]
    return json.loads(run(*score)), out


def figure(value, bar):
    if bar is None:
        return f"{value:.4f}"
    return f"{value:.4f} (bar {bar}{'' if value >= bar else ', MISSED'})"


def cloud_opsbench(args, work, rows):
    data = args.shared / "data/cloud-opsbench/dev"
    for label, options, bar1, bar3 in COB_RUNS:
        figures, out = suite(args, work, "cloud-opsbench", data, options)
        o, ms = figures["overall"], figures["ms"]
        rows.append(("Cloud-OpsBench dev", label, figures["n"], f"A@1 {figure(o['A@1'], bar1)}; A@3 {figure(o['A@3'], bar3)}; object@1 {o['object@1']:.4f}; p50 {ms['p50']:.2f} ms, p99 {figure_ms(ms['p99'])}"))
        if label == "all inputs" and args.misses:
            misses(data, out)


def figure_ms(value):
    return f"{value:.2f} ms" + ("" if value <= 10 else " (bar 10, MISSED)")


def misses(data, out):
    truth = json.loads((data / "labels.json").read_text())
    for line in out.read_text().splitlines():
        row = json.loads(line)
        t = truth[row["case"]]
        want = (t["fault_object"], t["root_cause"])
        got = [(a["object"], a["root_cause"]) for a in row["answers"]]
        if not got or got[0] != want:
            print(f"  {row['case']}: want {want}, got {got}")


def zero(count):
    return f"{count} (bar 0{'' if count == 0 else ', MISSED'})"


def opensre(args, work, rows):
    figures, _ = suite(args, work, "opensre", args.shared / "data/opensre-synthetic/dev")
    for group, f in figures["by_kind"].items():
        bar = 1.0 if group == "eks" else None
        rest = "; ".join(f"{k} {v:.3f}" for k, v in f.items() if k not in ("n", "category"))
        note = "" if group == "eks" else "; answered by rootline-eval alone, the engine reads no hosted databases"
        rows.append(("opensre dev", group, f["n"], f"category {figure(f['category'], bar)}; {rest}{note}"))
    false = figures["false_root_causes"]
    rows.append(("opensre dev", "negatives", false["negatives"], f"false root causes {zero(false['count'])}"))


def negatives(args, work, rows):
    figures, out = suite(args, work, "negatives", args.shared / "data/k8s-support-bundle")
    named = [f"{c['root_cause']} @ {c['object']}" for line in out.read_text().splitlines() for c in json.loads(line)["root_causes"]]
    rows.append(("negatives", "k8s-support-bundle", figures["n"], f"false root causes {zero(figures['overall']['false_root_causes'])} {', '.join(named)}"))


def rootcausebench(args, work, rows):
    figures, _ = suite(args, work, "rootcausebench", args.shared / "data/rootcausebench/dev")
    rows.append(("rootcausebench dev", "answered by rootline-eval alone", figures["n"], "; ".join(f"{k} {v:.3f}" for k, v in figures["overall"].items())))


def holmesgpt(args, work, rows):
    """No scorer: expected answers are prose. What is counted is what was found in recorded kubectl output."""
    out = work / "holmesgpt.jsonl"
    run(args.eval, "holmesgpt", "--data", args.shared / "data/holmesgpt-k8s", "--predictions", out)
    answers = [json.loads(line) for line in out.read_text().splitlines()]
    named = sum(bool(a["root_causes"]) for a in answers)
    rows.append(("holmesgpt", "recorded kubectl output", len(answers), f"cases with a named cause {named} (no scorer; most cases hold no kubectl output or ask no why)"))


ELEVEN = {  # by the README of the recording: pod or workload, what a cause's code begins with
    "crash": "container.crash", "oom": "container.oom_killed", "badimage": "image.", "noconfig": "config.configmap_missing",
    "nosecret": "config.secret_missing", "initfail": ("container.init_failed", "log."), "jobfail": ("job.backoff_limit", "container.crash"),
    "liveness": "probe.liveness", "web": "probe.readiness", "toobig": "pod.unschedulable", "pvcwait": "volume.storage_class_missing",
}


def eleven(args, work, rows):
    """One real cluster with eleven faults, told in three ways."""
    archive = args.shared / "data/own-recordings/k8s-1.36.1-eleven-faults.tar.zst"
    folder = work / "eleven"
    folder.mkdir()
    subprocess.run(f"zstd -dc {archive} | tar -x -C {folder}", shell=True, check=True)
    (folder / "json").mkdir()
    for path in folder.glob("get-*.json"):
        path.rename(folder / "json" / path.name)
    for form in ("json", "cluster-info-dump", "text"):
        incidents = json.loads(run(args.rootline, "diagnose", folder / form, "-o", "json"))["incidents"]
        firsts = [(i["causes"][0]["entity"].split("/")[-1], i["causes"][0]["code"]) for i in incidents if i["causes"]]
        right = sum(any(e == name and c.startswith(code) for e, c in firsts) for name, code in ELEVEN.items())
        others = len(incidents) - right
        rows.append(("own recordings, eleven faults", form, 11, f"right {figure(right, 11)}; others {zero(others)}"))


def recordings(args, work, rows):
    """Our own recordings: expected first causes, nothing else; healthy ones must stay silent."""
    folder = Path("testdata/recordings")
    expect = json.loads((folder / "expect.json").read_text())
    right = wrong = false = 0
    for name, want in sorted(expect.items()):
        path = next((p for p in (folder / f"{name}.tar.zst", folder / f"{name}.rootline") if p.exists()), None)
        if path is None:
            continue
        answer = json.loads(run(args.rootline, "diagnose", path, "-o", "json"))
        got = [(i["causes"][0]["code"], i["causes"][0]["entity"]) if i["causes"] else ("none", "") for i in answer["incidents"]]
        if want is None:
            false += len(got)
            if got:
                print(f"  {name}: healthy, but named {got}")
        elif got and got[0] == (want["code"], want["entity"]):
            right += 1
        else:
            wrong += 1
            print(f"  {name}: want {want}, got {got}")
    rows.append(("own recordings", "real faults, first cause", right + wrong, f"right {right}, wrong {zero(wrong)}"))
    rows.append(("own recordings", "healthy", sum(v is None for v in expect.values()), f"false root causes {zero(false)}"))


STORM_SEEDS = (101, 102, 103)  # none of them was tuned on; the shipped seed 1 is a fourth
STORM_KNOBS = {"sparse": [], "dense": ["--gap", "240", "--nodes", "200", "--ns", "30"]}
STORM_BARS = {"sparse": 0.88, "dense": 0.80}
STORM_MODES = ["full", "onset-topology", "time-gap", "jaccard", "text", "alertmanager", "node-window"]
HARDSHIPS = {"a tenth lost": ["--lose", "0.1"], "clocks up to 30 s wrong": ["--skew", "30"], "30 % without labels": ["--bare", "0.3"]}


def alert_storms(args, work, rows):
    """Own seeds of the storm generator; every mode beside the others, the default also under hardships and without revision."""
    plain = {kind: storms(args, work, kind, STORM_KNOBS[kind]) for kind in STORM_KNOBS}
    for mode in STORM_MODES:
        for kind, data in plain.items():
            storm_row(args, work, rows, kind, data, mode, [], STORM_BARS[kind] if mode == "full" else None)
    for kind, data in plain.items():
        storm_row(args, work, rows, f"{kind}, fixed on arrival", data, "full", ["--revise", "0"], None)
        storm_row(args, work, rows, f"{kind}, merging for 20 min", data, "full", ["--revise", "1200"], None)
    for label, knobs in HARDSHIPS.items():
        for kind in STORM_KNOBS:
            data = storms(args, work, f"{kind}-{label.split()[-1]}", STORM_KNOBS[kind] + knobs, STORM_SEEDS[:2])
            storm_row(args, work, rows, f"{kind}, {label}", data, "full", [], None)


def storms(args, work, name, knobs, seeds=STORM_SEEDS):
    data = work / f"storms-{name}"
    data.mkdir()
    rules = args.shared / "data/k8s-alert-rules/kube-prometheus.json"
    for seed in seeds:
        run(sys.executable, args.shared / "eval/alertgen.py", rules, data / f"seed{seed}.jsonl", "--alerts", 10000, "--seed", seed, *knobs)
    run(sys.executable, args.shared / "eval/blind.py", "alert-storms", "--data", data, "--out", work / f"storms-{name}.blind")
    return data


def storm_row(args, work, rows, kind, data, mode, options, bar):
    out = work / "storms.jsonl"
    run(args.eval, "alert-storms", "--data", data.with_name(data.name + ".blind"), "--predictions", out, "--mode", mode, *options)
    f = json.loads(run(sys.executable, args.shared / "eval/score.py", "alert-storms", "--data", data, "--predictions", out))
    o, by = f["overall"], f["by_storm"].values()
    lowest = min(s["pair_F1"] for s in by)
    late = [s["time_to_first_s"]["p99"] for s in by]
    worst = None if None in late else max(late)
    told = "never" if worst is None else f"{worst:.0f} s"
    limits = ("", "", "", "") if bar is None else (
        " (bar 1.3)" if o["notifications_per_incident"] <= 1.3 else " (bar 1.3, MISSED)",
        " (bar 0)" if o["missed_criticals"] == 0 else " (bar 0, MISSED)",
        " (bar 30 s)" if worst is not None and worst <= 30 else " (bar 30 s, MISSED)",
        "")
    rows.append((f"alert storms, {kind}", mode, f["n"],
                 f"pair F1 {figure(o['pair_F1'], bar)}, lowest {lowest:.3f}; incident F1 {figure(o['incident_F1'], bar and 0.85)}; "
                 f"messages per incident {o['notifications_per_incident']:.2f}{limits[0]}; missed criticals {o['missed_criticals']:.0f}{limits[1]}; "
                 f"first message p99 {told}{limits[2]}; root first {o['root_first']:.2f}"))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--shared", type=Path, required=True)
    ap.add_argument("--eval", type=Path, required=True)
    ap.add_argument("--rootline", type=Path, required=True)
    ap.add_argument("--misses", action="store_true", help="name the cases that went wrong")
    ap.add_argument("--only")
    args = ap.parse_args()
    suites = {"cloud-opsbench": cloud_opsbench, "opensre": opensre, "negatives": negatives, "rootcausebench": rootcausebench,
              "holmesgpt": holmesgpt, "recordings": recordings, "eleven": eleven,
              "alert-storms": alert_storms}
    rows, learnt = [], []
    with tempfile.TemporaryDirectory() as tmp:
        for name, measure in suites.items():
            if args.only in (None, name):
                try:
                    measure(args, Path(tmp), rows)
                except subprocess.CalledProcessError as e:
                    rows.append((name, "did not run", "", (e.stderr or e.stdout).strip().splitlines()[-1]))
        try:
            quality.measure(args, Path(tmp), learnt, args.only)
        except subprocess.CalledProcessError as e:
            learnt.append(("numeric library", "did not run", "", (e.stderr or e.stdout).strip().splitlines()[-1], ""))
    lines = ["| suite | run | n | figures |", "|---|---|---|---|"] + ["| " + " | ".join(map(str, r)) + " |" for r in rows]
    lines += ["", "## Numeric library", QUALITY, "| suite | data | n | figures | baseline |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(map(str, r)) + " |" for r in learnt]
    print("\n".join(lines))
    if args.only is None:
        page = Path("docs/internals/accuracy.md")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(PAGE + "\n".join(lines) + "\n")
    return 1 if any("MISSED" in str(r) or "did not run" in str(r) for r in rows + learnt) else 0


PAGE = """# Accuracy
Made by `make eval`: data without labels in, predictions out, scored by independent scorers. The cases of this table were
looked at while the rules were written, so read it as an upper bound; unseen cases are the judge.

The support bundle counts as healthy in the benchmark, by the phases of its pods. It is not: the new revision of one of
its deployments is called with a command that the program does not know and crash-loops, while the old revision serves.
Rootline names that; the figure stands as the scorer counts it.

"""

QUALITY = """One fixed configuration a suite, chosen on the data of this table: read it as an upper bound too. The baseline is the scorers'
plain predictor (an EWMA, a mean of distances, the seasonal naive, …) in the same run.
"""

if __name__ == "__main__":
    sys.exit(main())
