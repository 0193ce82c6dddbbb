# Sourced by scripts that run the daemon alone, on ports and in a folder of their own; after lib.sh, with OURS set before `metric` is asked.
[ -x "${ROOTLINE:-}" ] || die "set ROOTLINE to the binary"
! curl -s -m 2 -o /dev/null "http://127.0.0.1:$ROOTLINE_PORT/-/healthy" || die "something answers at port $ROOTLINE_PORT already: what an earlier --keep left?"
WORK=$(mktemp -d)     # not below the test bed, whose down.sh removes its data
RUN=$WORK/run LOG=$WORK/log
passed=0 failed=0
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@"; then echo "PASS $name"; passed=$((passed + 1)); else echo "FAIL $name"; failed=$((failed + 1)); fi
}
metric() { # NAME{LABELS} : its value, whatever the order of its labels
  curl -sf -m 5 "$OURS/metrics" | python3 -c '
import re, sys
def parts(s):
    name, _, labels = s.partition("{")
    return name, frozenset(re.findall(r"(\w+)=\"([^\"]*)\"", labels))
want = parts(sys.argv[1])
for line in sys.stdin:
    if not line.startswith("#"):
        key, _, value = line.rstrip().rpartition(" ")
        if parts(key) == want: print(int(float(value)))
' "$1"
}
is() { [ "$(metric "$1")" = "$2" ]; }
at_least() { local v; v=$(metric "$1"); [ "${v:-0}" -ge "$2" ]; }
