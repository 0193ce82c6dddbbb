# shellcheck shell=bash disable=SC2034
# Sourced by scripts that install Rootline into the test bed's cluster; after lib.sh. They set WORK, a folder of their own, passed and failed.
OURS=http://127.0.0.1:$ROOTLINE_PORT
IMAGE=registry.example.com/rootline/rootline:0.1.0
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" > "$WORK/out" 2>&1; then echo "PASS $name"; passed=$((passed + 1))
  else echo "FAIL $name"; sed 's/^/     /' "$WORK/out" | cut -c1-600 | tail -12; failed=$((failed + 1)); fi
}
code() { # TOKEN METHOD PATH [BODY] : status of an answer
  curl -s -m 10 -o /dev/null -w '%{http_code}' -X "$2" -H "Authorization: Bearer $1" ${4:+-H 'Content-Type: application/json' -d "$4"} "$OURS$3"
}
answers() { [ "$(code "$2" "$3" "$4" "${5:-}")" = "$1" ]; }
told() { grep -q "$1" "$PARTNERS/webhook.jsonl"; }
forward() { # NAME LISTEN UPSTREAM : a plain forwarder in the node's network
  inside curl -sf -m 5 -o /dev/null -X DELETE "http://127.0.0.1:$TOXIPROXY_PORT/proxies/$1" || true
  inside curl -sf -m 5 -o /dev/null -d "{\"name\":\"$1\",\"listen\":\"$2\",\"upstream\":\"$3\",\"enabled\":true}" "http://127.0.0.1:$TOXIPROXY_PORT/proxies"
}
service() { # NAMESPACE NAME CLUSTER_IP PORT TARGET [PROTOCOL] : a Service whose endpoint is the node
  kc apply -f - > /dev/null <<C
{apiVersion: v1, kind: Service, metadata: {name: $2, namespace: $1}, spec: {clusterIP: $3, ports: [{name: p, port: $4, targetPort: $5, protocol: ${6:-TCP}}]}}
---
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: $2, namespace: $1, labels: {kubernetes.io/service-name: $2}},
 addressType: IPv4, ports: [{name: p, port: $5, protocol: ${6:-TCP}}], endpoints: [{addresses: [$NODE_IP], conditions: {ready: true}}]}
C
}
api_for_pods() { # the API server listens on the loopback address: pods reach it at the node's, by the Service `kubernetes`
  forward api "$NODE_IP:$API_PORT" "127.0.0.1:$API_PORT"
  kc apply -f - > /dev/null <<C
{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}},
 addressType: IPv4, ports: [{name: https, port: $API_PORT, protocol: TCP}], endpoints: [{addresses: [$NODE_IP], conditions: {ready: true}}]}
C
}
volume() { # CLAIM : one on the node, as fsGroup cannot change the owner of a hostPath
  mkdir -p "$NODE/volumes/$1"; chown 65532:65532 "$NODE/volumes/$1"
  kc apply -f - > /dev/null <<C
{apiVersion: v1, kind: PersistentVolume, metadata: {name: $1}, spec: {capacity: {storage: 10Gi}, accessModes: [ReadWriteOnce],
 hostPath: {path: $NODE/volumes/$1}, claimRef: {namespace: rootline, name: $1}}}
C
}
load_image() { # PROGRAM REFERENCE [OPTION of programimage.py]...
  python3 "$HERE/programimage.py" "$1" "$2" "$WORK/image.tar" "${@:3}"
  inside "$TRIXIE/usr/bin/ctr" -n k8s.io image import "$WORK/image.tar" > /dev/null
  rm "$WORK/image.tar"
}
configured() { # FILE RECEIVER VIEWER ONCALL NOTIFY : the digests of the tokens in their order, and where people are told
  python3 - "$1" "$5" "$(digest "$2")" "$(digest "$3")" "$(digest "$4")" <<'P'
import pathlib, sys
path, notify, digests = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
text = path.read_text()
for digest in digests:
    text = text.replace("0" * 64, digest, 1)
path.write_text(text + f"notify:\n- {notify}\n")
P
}
digest() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
