#!/usr/bin/env bash
# Rootline and a real Kafka: alerts, logs and events out of topics, events and incidents into topics; the broker is killed and
# comes back, the daemon is killed and comes back, and nothing is lost.
#
# usage: kafka.sh [tls]      ROOTLINE (target/release/rootline), needs Java 17, Maven, jq, curl; no cluster
# tls: also a listener with TLS and SCRAM, with certificates made here; ROOTLINE must be built with `--features kafka-tls`
NAME=kafka PORT_SHIFT=0
. "$(dirname "$0")/pipes.sh"
KAFKA_PORT=$((OWN_PORT + 1)) CONTROLLER_PORT=$((OWN_PORT + 2)) SECURE_PORT=$((OWN_PORT + 3))
TLS=${1:-}
BROKER=127.0.0.1:$KAFKA_PORT
jars kafka "kafka=$KAFKA" "slf4j=$SLF4J"
trap 'over broker' EXIT

cat > "$WORK/server.properties" <<C
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$CONTROLLER_PORT
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$BROKER,CONTROLLER://127.0.0.1:$CONTROLLER_PORT
advertised.listeners=PLAINTEXT://$BROKER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$WORK/kafka
num.partitions=3
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
# a broker that was killed may come back at once
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
C
format=()
if [ "$TLS" = tls ]; then
  # a CA, a broker's certificate for 127.0.0.1, another CA that signed nothing; keys as PKCS#8, as Kafka reads PEM
  (
    cd "$WORK"; exec > "$LOG/certificates.log" 2>&1
    for ca in ca stranger; do openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$ca" -keyout "$ca.key" -out "$ca.pem"; done
    openssl req -newkey rsa:2048 -nodes -subj /CN=broker -keyout broker.key -out broker.csr
    openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile <(echo 'subjectAltName=IP:127.0.0.1') -out broker.crt
    cat broker.key broker.crt > broker.pem
  ) || { cat "$LOG/certificates.log" >&2; die "certificates could not be made"; }
  printf 'hunter2\n' > "$WORK/password"; printf 'hunter3\n' > "$WORK/wrong"
  sed -i "s|^listeners=.*|&,SECURE://127.0.0.1:$SECURE_PORT|; s|^advertised.listeners=.*|&,SECURE://127.0.0.1:$SECURE_PORT|; s|^listener.security.protocol.map=.*|&,SECURE:SASL_SSL|" "$WORK/server.properties"
  cat >> "$WORK/server.properties" <<C
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location=$WORK/broker.pem
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN
listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_rootline="hunter2";
C
  format=(--add-scram 'SCRAM-SHA-512=[name=rootline,password=hunter2]')
fi
tool() { java -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$JARS/*" "$@"; }
broker() {
  local from; from=$(stat -c %s "$LOG/broker.log" 2>/dev/null || echo 0)
  outside broker java -Xms128m -Xmx256m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.logFile=System.out -cp "$JARS/*" kafka.Kafka "$WORK/server.properties"
  until_ok 90 "the broker, see $LOG/broker.log" bash -c "tail -c +$((from + 1)) '$LOG/broker.log' | grep -q 'Kafka Server started'" || exit 1
}
produce() { # TOPIC : lines of stdin, one message each
  tool org.apache.kafka.tools.ConsoleProducer --bootstrap-server "$BROKER" --topic "$1" --command-property acks=all 2> "$LOG/produce.log" ||
    { cat "$LOG/produce.log" >&2; die "messages could not be produced"; }
}
consume() { # TOPIC : all there is, KEY tab VALUE
  tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "$BROKER" --topic "$1" --from-beginning --timeout-ms 4000 \
    --formatter-property print.key=true 2> /dev/null || true
}
consume_into() { consume "$1" > "$WORK/$1.txt"; }
said() { consume_into "$1"; grep -q "$2" "$WORK/$1.txt"; }       # TOPIC PATTERN
keys_are_ids() { jq -R -e -s '[split("\n")[] | select(. != "") | split("\t") | (.[1] | fromjson) as $i | (.[0] | tonumber) == $i.id and $i.version >= 1] | length > 0 and all' "$WORK/incidents.txt"; }
three_events() { curl -sf -m 5 "$API/api/v1/events" | jq -e '[.items[] | select(.entity == "pod/shop/cart-1")] | length == 3'; }
fifty() { consume_into incidents; [ "$(grep -o '"alertname":"Away[0-9]*' "$WORK/incidents.txt" | sort -u | wc -l)" -eq 50 ]; }
group_is_done() { # all topics of the group are read and committed to their end
  tool org.apache.kafka.tools.consumer.group.ConsumerGroupCommand --bootstrap-server "$BROKER" --describe --group "$1" 2> /dev/null > "$WORK/group.txt"
  awk -v g="$1" '$1 == g {n++; if ($6 != "0" && $6 != "-") bad++; if ($6 == "0") zero++} END {exit !(n > 0 && zero > 0 && !bad)}' "$WORK/group.txt"
}

say "kafka.sh: a broker of Kafka $KAFKA"
tool kafka.tools.StorageTool format -t "$(tool kafka.tools.StorageTool random-uuid 2> /dev/null | tail -1)" -c "$WORK/server.properties" "${format[@]}" > "$LOG/format.log" 2>&1 || { cat "$LOG/format.log" >&2; die "the storage could not be formatted"; }
broker
for topic in k8s-events k8s-logs alerts forwarded incidents; do
  tool org.apache.kafka.tools.TopicCommand --bootstrap-server "$BROKER" --create --topic "$topic" --partitions 3 --replication-factor 1 > /dev/null
done
configure() { # BROKERS LINE... : what the daemon is told, with more lines about Kafka
  cat > "$WORK/rootline.yaml" <<C
daemon: {tick_s: 2, cluster: testbed}
kafka:
  brokers: $1
  read: {alerts: [alerts], logs: [k8s-logs], events: [k8s-events]}
  forward: {events: forwarded, incidents: incidents}
  settings: {reconnect.backoff.max.ms: "1000"}
C
  shift; for line in "$@"; do echo "  $line" >> "$WORK/rootline.yaml"; done
}
configure "$BROKER"
rootline

say "kafka.sh: everything is up"
{ for i in 1 2 3; do event "e$i" 1; done; echo 'no event at all'; } | produce k8s-events
webhook=$(printf '{"version":"4","status":"firing","alerts":[%s]}' "$(alert Up1 shop | sed 's/^{/{"status":"firing",/')")
{ echo "$webhook"; printf '[%s,%s]\n' "$(alert Up2 ledger)" "$(alert Up3 ledger)"; alert Up4 search; echo; echo '}rubbish'; } | produce alerts
{
  printf '{"resourceLogs":[{"resource":{"attributes":[{"key":"k8s.namespace.name","value":{"stringValue":"shop"}},{"key":"k8s.pod.name","value":{"stringValue":"cart-1"}}]},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"%s000000000","severityNumber":17,"body":{"stringValue":"connection refused by db"}}]}]}]}\n' "$(date +%s)"
  printf '{"@timestamp":"%s","log":"ERROR cannot open the ledger","kubernetes":{"namespace_name":"ledger","pod_name":"ledger-1"}}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
} | produce k8s-logs
check 60 "alerts came as webhook, as list and alone" alerts_are Up 4
check 30 "events came in" three_events
check 30 "log records came in and have templates" at_least rootline_log_templates 2
check 60 "an incident came out of the topic as JSON with its number as key" said incidents $'^[0-9][0-9]*\t{.*"alertname":"Up1"'
check 30 "the incident's key is its id" keys_are_ids
check 60 "events were forwarded in EventRouter's shape" said forwarded '"verb":"ADDED".*'
check 10 "messages that cannot be read are counted" at_least 'rootline_pipe_dropped_items_total{pipe="kafka-in:' 2
check 10 "and shown with their place" source_says kafka-in:alerts 'alerts\[[0-9]\]@'
for g in alerts events logs; do check 40 "group rootline-$g has committed all" group_is_done "rootline-$g"; done

say "kafka.sh: the broker is killed"
stop broker KILL
push_event e4 1
push_event e1 5
for i in 1 2 3; do curl -sf -m 5 -X POST -H 'Content-Type: application/json' -d "[$(alert "Down$i" "down$i")]" "$API/api/v2/alerts"; done
check 90 "the state says that there is no broker" source_says kafka-out:incidents 'broker|time'
check 30 "alerts by HTTP are taken meanwhile" alerts_are Down 3
broker
for i in 1 2 3; do check 120 "the incident of Down$i came out" said incidents "\"alertname\":\"Down$i\""; done
check 120 "the new event was forwarded" said forwarded '"uid":"e4"'
check 60 "the repetition was forwarded with what was before" said forwarded '"old_event":{.*"verb":"UPDATED"'
check 60 "the state is well again" source_says kafka-out:incidents '^$'

say "kafka.sh: the daemon is killed"
stop rootline KILL
for i in $(seq 40); do alert "Away$i" "away$i"; echo; done | produce alerts
rootline
for i in $(seq 41 50); do alert "Away$i" "away$i"; echo; done | produce alerts
check 120 "all 50 alerts of the time without a daemon came in" alerts_are Away 50
check 60 "group rootline-alerts has committed all" group_is_done rootline-alerts
check 240 "each has its incident in the topic" fifty
twice=$(cut -f2 "$WORK/forwarded.txt" | jq -r '.event.metadata.uid + " " + (.event.count | tostring)' | sort | uniq -d | wc -l)
say "kafka.sh: events that came out twice: $twice (at least once is what is promised)"
lost=$(cut -f2 "$WORK/forwarded.txt" | jq -r .event.metadata.uid | sort -u | tr '\n' ' ')
if [ "$lost" = "e1 e2 e3 e4 " ]; then pass "every event was forwarded"; else fail "every event was forwarded: $lost"; fi

if [ "$TLS" = tls ]; then
  secure() { # MECHANISM PASSWORD-FILE CA : the daemon comes back by the other listener
    stop rootline
    configure "127.0.0.1:$SECURE_PORT" "tls: true" "ca_file: $WORK/$3" "sasl: {mechanism: $1, username: rootline, password_file: $WORK/$2}"
    rootline
  }
  for mechanism in SCRAM-SHA-512 PLAIN; do
    say "kafka.sh: TLS and $mechanism"
    secure "$mechanism" password ca.pem
    name=Secure${mechanism%%-*}
    alert "$name" "secure-${mechanism%%-*}" | produce alerts
    check 60 "$mechanism: an alert came in" alerts_are "$name" 1
    check 120 "$mechanism: its incident came out" said incidents "\"alertname\":\"$name\""
  done
  say "kafka.sh: a wrong password, a CA that nobody trusts"
  secure SCRAM-SHA-512 wrong ca.pem
  check 60 "the state says that the password is refused" source_says kafka-in:alerts '[Aa]uthentication'
  secure SCRAM-SHA-512 password stranger.pem
  check 60 "the state says that there is no broker to be trusted" source_says kafka-in:alerts 'SSL|certificate|broker'
fi
finish
