#!/usr/bin/env bash
# Makes every fault of faults/ happen in a real cluster, one after the other, and asks Rootline for the cause.
#
# usage: e2e.sh [--record-only] [--only NAME]... [--from NAME] [--keep]
#   --record-only   no Rootline: write each fault's recording and its expectation
#   --only NAME     only this fault (a folder of faults/), may be given several times
#   --from NAME     this fault and those that come after it
#   --keep          leave the cluster up at the end
# ROOTLINE          path of the rootline binary (needed unless --record-only)
# RECORDINGS        where recordings go (default: recordings below the base folder)
#
# A fault passes when there is one incident and its first cause has the expected entity and code, or, for a
# case without a fault, when there is no incident at all. A fault that fails is tried once more: a real
# cluster is sometimes slow, and a defect fails twice.
. "$(dirname "$0")/lib.sh"
. "$HERE/faults.sh"

record_only="" keep="" from="" only=()
while [ $# -gt 0 ]; do
  case $1 in
    --record-only) record_only=1 ;;
    --only) only+=("${2:?--only wants a name}"); [ -f "$HERE/faults/$2/fault.json" ] || die "no fault '$2' in faults/"; shift ;;
    --from) from=${2:?--from wants a name}; [ -f "$HERE/faults/$from/fault.json" ] || die "no fault '$from' in faults/"; shift ;;
    --keep) keep=1 ;;
    *) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
  esac
  shift
done
[ -n "$record_only" ] || [ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary, or use --record-only"
RECORDINGS=${RECORDINGS:-$TB/recordings}; mkdir -p "$RECORDINGS"
RESULTS=$TB/results; rm -rf "$RESULTS"; mkdir -p "$RESULTS"

# The first cause as "ENTITY CODE", "-" when there is no incident
answer() {
  python3 - "$1" <<'P'
import json, sys
incidents = json.load(open(sys.argv[1])).get("incidents", [])
if not incidents:
    print("-")
else:
    cause = (incidents[0].get("causes") or [{}])[0]
    more = len(incidents) - 1
    print(cause.get("entity", "?"), cause.get("code", "?") + (f" and {more} more" if more else ""))
P
}

clear_away() { # FOLDER
  local cleanup; cleanup=$(field "$1/fault.json" cleanup)
  [ -z "$cleanup" ] || (cd "$1" && set +e && eval "$cleanup") >> "$RESULTS/cleanup.log" 2>&1 || true
  kc delete -f "$1/manifest.yaml" --ignore-not-found --wait=false > /dev/null
  until_ok 120 "namespaces gone" namespaces_gone
  until_ok 120 "healthy baseline" baseline_ready
  kc delete events --all -A > /dev/null
}

run_fault() { # FOLDER
  local dir=$1 name setup inject want got t0 limit pair
  name=$(basename "$dir"); t0=$(date +%s); limit=$(field "$dir/fault.json" timeout_s)
  want=$(expectation "$dir/fault.json")
  setup=$(field "$dir/fault.json" setup); inject=$(field "$dir/fault.json" inject)
  if ! (cd "$dir" && eval "${setup:-true}" && kc apply -f manifest.yaml && eval "${inject:-true}") > "$RESULTS/$name.log" 2>&1; then
    echo "FAIL $name $(($(date +%s) - t0))s could not be injected, see $RESULTS/$name.log"
    clear_away "$dir"; return 0
  fi
  if ! until_ok "$limit" "$name" eval "$(field "$dir/fault.json" wait)"; then
    kc get pods,events -A >> "$RESULTS/$name.log" 2>&1
    echo "FAIL $name $(($(date +%s) - t0))s did not show itself within $limit s, see $RESULTS/$name.log"; clear_away "$dir"; return 0
  fi
  sleep "$(field "$dir/fault.json" settle_s)"

  got=$want
  if [ -z "$record_only" ]; then
    if "$ROOTLINE" diagnose --kubeconfig "$KUBECONFIG_ADMIN" -o json > "$RESULTS/$name.json" 2>> "$RESULTS/$name.log"; then got=$(answer "$RESULTS/$name.json"); else got="rootline exit $?"; fi
  fi
  "$HERE/record.sh" "$KUBECONFIG_ADMIN" "$RECORDINGS/$name.tar.zst"
  for pair in ${VARIANTS_OF:-}; do
    [ "$pair" = "$name" ] || continue
    mkdir -p "$RECORDINGS/variants"
    "$HERE/record.sh" --dump "$KUBECONFIG_ADMIN" "$RECORDINGS/variants/$name.dump.tar.zst"
    "$HERE/record.sh" --text "$KUBECONFIG_ADMIN" "$RECORDINGS/variants/$name.text.tar.zst"
  done
  if [ "$got" = "$want" ]; then echo "PASS $name $(($(date +%s) - t0))s $want"; else echo "FAIL $name $(($(date +%s) - t0))s want: $want got: $got"; fi
  clear_away "$dir"
}

faults_in_order() { # those that disturb the node come last
  python3 - "$HERE/faults" "$from" "${only[@]}" <<'P'
import json, pathlib, sys
root, start, only = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
found = [(json.loads(p.read_text()).get("disrupts_node", False), p.parent) for p in root.glob("*/fault.json") if not only or p.parent.name in only]
found = [p for _, p in sorted(found)]
names = [p.name for p in found]
print("\n".join(map(str, found[names.index(start) if start else 0:])))
P
}

write_expectations() { # expect.json for what lies in RECORDINGS
  python3 - "$HERE/faults" "$RECORDINGS" <<'P'
import json, pathlib, sys
faults, out = map(pathlib.Path, sys.argv[1:])
read = lambda p: json.loads(p.read_text())
table = {p.parent.name: read(p)["expect"] for p in sorted(faults.glob("*/fault.json")) if (out / f"{p.parent.name}.tar.zst").exists()}
(out / "expect.json").write_text(json.dumps(table, indent=2) + "\n")
variants = {v.name.removesuffix(".tar.zst"): table[v.name.split(".")[0]] for v in sorted((out / "variants").glob("*.tar.zst"))}
if variants:
    (out / "variants" / "expect.json").write_text(json.dumps(variants, indent=2) + "\n")
P
}

alive holder || "$HERE/up.sh" control node proxy
[ -n "$keep" ] || trap '"$HERE/down.sh"' EXIT
kc apply -f "$HERE/faults/baseline.yaml" > /dev/null
until_ok 90 "healthy baseline" baseline_ready
sleep 5

faults_in_order | while read -r dir; do
  line=$(run_fault "$dir" < /dev/null)
  case $line in FAIL*) say "$line, once more"; line=$(run_fault "$dir" < /dev/null) ;; esac
  printf '%s\n' "$line"
done | tee "$RESULTS/table.txt"
write_expectations
echo "$(grep -c ^PASS "$RESULTS/table.txt" || true) passed, $(grep -c ^FAIL "$RESULTS/table.txt" || true) failed"
! grep -q ^FAIL "$RESULTS/table.txt"
