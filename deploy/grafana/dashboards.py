#!/usr/bin/env python3
"""Writes dashboards/*.json. The panels stand here, since nobody reviews Grafana's JSON by eye.

usage: dashboards.py [--check]      --check: writes nothing, fails when a file differs
"""
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
OWN = 'job=~"$job", instance=~"$instance"'
SEVERITY = [("critical", "red"), ("error", "orange"), ("warning", "yellow")]


def target(expr, legend="", instant=False, table=False, ref="A"):
    out = {"datasource": SOURCE, "expr": expr, "refId": ref, "legendFormat": legend or "__auto"}
    if instant or table:
        out.update(instant=True, range=False)
    if table:
        out["format"] = "table"
    return out


def panel(kind, title, about, targets, unit="short", size=(12, 8), **more):
    """targets: PromQL, or (PromQL, legend), or a ready dict."""
    ready = []
    for i, t in enumerate(targets):
        t = t if isinstance(t, dict) else target(*((t,) if isinstance(t, str) else t))
        ready.append({**t, "refId": chr(65 + i)})
    defaults = {"unit": unit, **more.pop("defaults", {})}
    if kind == "timeseries":
        defaults.setdefault("custom", {"fillOpacity": 8, "showPoints": "never", "spanNulls": 60000})
        more.setdefault("options", {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}})
    if kind in ("stat", "bargauge", "gauge"):
        more.setdefault("options", {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal" if kind == "bargauge" else "auto",
                                    **({"displayMode": "gradient"} if kind == "bargauge" else {"colorMode": "background", "graphMode": "area"})})
        for t in ready:
            t.update(instant=True, range=False) if kind == "bargauge" else None
    return {"type": kind, "title": title, "description": about, "datasource": SOURCE, "targets": ready, "_size": size,
            "fieldConfig": {"defaults": defaults, "overrides": more.pop("overrides", [])}, **more}


def thresholds(*steps):
    """(value or None, colour)..."""
    return {"color": {"mode": "thresholds"}, "thresholds": {"mode": "absolute", "steps": [{"value": v, "color": c} for v, c in steps]}}


def row(title):
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "_size": (24, 1)}


def label_variable(name, metric, label, text, multi=True):
    return {"name": name, "label": text, "type": "query", "datasource": SOURCE, "query": {"query": f"label_values({metric}, {label})", "refId": name},
            "definition": f"label_values({metric}, {label})", "refresh": 2, "sort": 1, "multi": multi, "includeAll": multi, "allValue": ".+" if multi else "",
            "current": {"text": "All", "value": "$__all"} if multi else {}}


def dashboard(uid, title, about, variables, panels, metric="rootline_ready"):
    x = y = height = 0
    for i, p in enumerate(panels):
        width, h = p.pop("_size")
        if x + width > 24:
            x, y, height = 0, y + height, 0
        p["gridPos"] = {"x": x, "y": y, "w": width, "h": h}
        p["id"] = i + 1
        x, height = x + width, max(height, h)
    first = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1, "current": {"text": "Prometheus", "value": "prometheus"}},
        label_variable("job", metric, "job", "Job"),
        label_variable("instance", f'{metric}{{job=~"$job"}}', "instance", "Instance"),
    ]
    return {"uid": uid, "title": title, "description": about, "tags": ["rootline"], "editable": False, "schemaVersion": 39, "version": 1, "graphTooltip": 1,
            "refresh": "30s", "time": {"from": "now-6h", "to": "now"}, "timezone": "", "templating": {"list": first + variables}, "panels": panels,
            "annotations": {"list": []}, "links": [{"title": "Rootline", "type": "dashboards", "tags": ["rootline"], "asDropdown": True, "keepTime": True}]}


def organize(hide=(), names=None, order=None):
    return {"id": "organize", "options": {"excludeByName": {h: True for h in hide}, "renameByName": names or {}, "indexByName": {n: i for i, n in enumerate(order or [])}}}


# --- what is wrong now, and what it was
def incidents():
    sev = [{"matcher": {"id": "byName", "options": s}, "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": c}}]} for s, c in SEVERITY]
    open_by = [(f'sum(rootline_incidents_open{{{OWN}, severity="{s}"}}) or vector(0)', s) for s, _ in SEVERITY]
    table = panel("table", "Open incidents", "One row an incident: its best cause, the thing at fault, how sure, and how many alerts, facts and anomalies are inside.", [
        target(f"max by (id, severity, cause, entity, acked) (rootline_incident{{{OWN}}})", table=True),
        target(f"max by (id) (rootline_cause_confidence{{{OWN}}})", table=True),
        target(f"max by (id) (rootline_incident_members{{{OWN}}})", table=True)], size=(24, 9),
        transformations=[{"id": "joinByField", "options": {"byField": "id", "mode": "outer"}},
                         organize(["Time", "Time 1", "Time 2", "Time 3", "Value #A"], {"id": "Incident", "severity": "Severity", "cause": "Cause", "entity": "Entity",
                                  "acked": "Taken", "Value #B": "Confidence", "Value #C": "Members"}, ["id", "severity", "entity", "cause", "Value #B", "Value #C", "acked"])],
        overrides=[
            {"matcher": {"id": "byName", "options": "Incident"}, "properties": [{"id": "links", "value": [{"title": "Open in Rootline", "url": "${page}/#/incidents/${__value.raw}", "targetBlank": True}]}]},
            {"matcher": {"id": "byName", "options": "Confidence"}, "properties": [{"id": "unit", "value": "percentunit"}, {"id": "custom.cellOptions", "value": {"type": "gauge", "mode": "basic"}}, {"id": "min", "value": 0}, {"id": "max", "value": 1}]},
            {"matcher": {"id": "byName", "options": "Severity"}, "properties": [{"id": "custom.cellOptions", "value": {"type": "color-text"}}, {"id": "mappings", "value": [{"type": "value", "options": {s: {"color": c, "index": i} for i, (s, c) in enumerate(SEVERITY)}}]}]},
        ])
    chain = panel("nodeGraph", "Fault chain", "Causes and what follows from them: from the cause on the left to what it concerns..", [
        target(f'label_join(max by (id, source, target, relation) (rootline_incident_edge{{{OWN}}}), "id", " ", "id", "source", "target")', table=True)], size=(12, 12),
        transformations=[organize(["Time", "Value"], {"relation": "mainstat"}, ["id", "source", "target", "relation"])])
    return dashboard("rootline-incidents", "Rootline / Incidents", "What is wrong now, why, and what was wrong.", [
        {"name": "page", "label": "Rootline's page", "type": "textbox", "query": "http://127.0.0.1:9099", "current": {"text": "http://127.0.0.1:9099", "value": "http://127.0.0.1:9099"}},
    ], [
        panel("stat", "Open", "Open incidents by their worst severity.", open_by, size=(8, 4), defaults=thresholds((None, "green"), (1, "orange")), overrides=sev),
        panel("stat", "Alerts that fire", "As Rootline was told, folded ones included.", [f"sum(rootline_alerts_firing{{{OWN}}})"], size=(4, 4), defaults=thresholds((None, "blue"))),
        panel("stat", "Folded", "Alerts, facts and anomalies that are explained by the core of their incident.", [f"(sum(rootline_incident_members{{{OWN}}}) - count(rootline_incident_members{{{OWN}}})) or vector(0)"], size=(4, 4), defaults=thresholds((None, "blue"))),
        panel("stat", "Not taken", "Open incidents that nobody acknowledged.", [f'count(rootline_incident{{{OWN}, acked="false"}}) or vector(0)'], size=(4, 4), defaults=thresholds((None, "green"), (1, "yellow"))),
        panel("stat", "Without a confident cause", "Open incidents for which Rootline names nobody.", [f'count(rootline_incident{{{OWN}, cause=""}}) or vector(0)'], size=(4, 4), defaults=thresholds((None, "green"), (1, "yellow"))),
        table,
        panel("bargauge", "Root causes, top 5", "Causes of the incidents in the time range.", [(f'topk(5, count by (cause) (max by (cause, id) (max_over_time(rootline_incident{{{OWN}, cause!=""}}[$__range]))))', "{{cause}}")], defaults={"min": 0, **thresholds((None, "orange"))}),
        panel("bargauge", "Things at fault, top 5", "Entities that causes of incidents in the time range point at.", [(f'topk(5, count by (entity) (max by (entity, id) (max_over_time(rootline_incident{{{OWN}, entity!=""}}[$__range]))))', "{{entity}}")], defaults={"min": 0, **thresholds((None, "orange"))}),
        panel("timeseries", "Open incidents", "By severity.", [(f"sum by (severity) (rootline_incidents_open{{{OWN}}})", "{{severity}}")], overrides=sev,
              defaults={"custom": {"fillOpacity": 40, "stacking": {"mode": "normal"}, "lineInterpolation": "stepAfter", "showPoints": "never"}, "min": 0}),
        panel("state-timeline", "Life of incidents", "From opened to resolved.", [(f"max by (id, cause, entity) (rootline_incident{{{OWN}}})", "#{{id}} {{cause}} {{entity}}")],
              options={"showValue": "never", "mergeValues": True, "legend": {"showLegend": False}}, defaults=thresholds((None, "orange"))),
        chain,
        panel("timeseries", "Confidence of causes", "How it grew as evidence came in.", [(f"max by (id, cause, entity) (rootline_cause_confidence{{{OWN}}})", "#{{id}} {{cause}} {{entity}}")], unit="percentunit", size=(12, 12), defaults={"min": 0, "max": 1}),
    ])


# --- what the numbers do: trends with their band, how abnormal, and when they reach their limit
def band(title, about, now, unit, legend, window="1d:5m"):
    """`now` with the band of the last day: mean ± 3 standard deviations."""
    lower = f"clamp_min(avg_over_time(({now})[{window}]) - 3 * stddev_over_time(({now})[{window}]), 0)"
    upper = f"avg_over_time(({now})[{window}]) + 3 * stddev_over_time(({now})[{window}])"
    style = {"custom": {"fillOpacity": 0, "lineWidth": 1, "showPoints": "never", "spanNulls": 60000}}
    return panel("timeseries", title, about + " Grey: mean ± 3 standard deviations of the day before.", [(now, legend), (upper, "upper"), (lower, "lower")], unit, defaults=style, overrides=[
        {"matcher": {"id": "byName", "options": "upper"}, "properties": [{"id": "custom.fillBelowTo", "value": "lower"}, {"id": "custom.fillOpacity", "value": 12}, {"id": "custom.lineWidth", "value": 0}, {"id": "color", "value": {"mode": "fixed", "fixedColor": "text"}}]},
        {"matcher": {"id": "byName", "options": "lower"}, "properties": [{"id": "custom.lineWidth", "value": 0}, {"id": "color", "value": {"mode": "fixed", "fixedColor": "text"}}]},
        {"matcher": {"id": "byName", "options": legend}, "properties": [{"id": "custom.lineWidth", "value": 2}]}])


def signals():
    pods = 'namespace=~"$namespace", container!=""'
    where = f'{OWN}, detector=~"$detector", entity=~".*$thing.*"'
    return dashboard("rootline-signals", "Rootline / Trends, anomalies, capacity", "What the numbers do, how far they are from what is usual, and when they will reach their limit.", [
        label_variable("namespace", "kube_namespace_created", "namespace", "Namespace"),
        label_variable("detector", f"rootline_anomaly_level{{{OWN}}}", "detector", "Detector"),
        {"name": "thing", "label": "Entity contains", "type": "textbox", "query": "", "current": {"text": "", "value": ""}},
    ], [
        row("Anomalies"),
        panel("timeseries", "Most abnormal series", "Level of each detector, 0 to 1. Anomalies alone open no incident.", [(f"topk(15, max by (entity, series, detector) (rootline_anomaly_level{{{where}}}))", "{{entity}} {{series}} ({{detector}})")], "percentunit", (16, 9), defaults={"min": 0, "max": 1}),
        panel("bargauge", "Abnormal series by detector", "Series above 0.8 now.", [(f"count by (detector) (rootline_anomaly_level{{{where}}} > 0.8)", "{{detector}}")], size=(8, 9), defaults={"min": 0, **thresholds((None, "blue"))}),
        row("Trends with their usual band"),
        band("CPU of the namespaces", "Cores used.", f"sum(rate(container_cpu_usage_seconds_total{{{pods}}}[5m]))", "none", "CPU"),
        band("Memory of the namespaces", "Working set.", f"sum(container_memory_working_set_bytes{{{pods}}})", "bytes", "memory"),
        band("API server, 99th percentile", "Time to answer, without watches and connections.", 'histogram_quantile(0.99, sum by (le) (rate(apiserver_request_duration_seconds_bucket{verb!~"WATCH|CONNECT"}[5m])))', "s", "p99"),
        band("Restarts", "Container restarts per hour.", 'sum(increase(kube_pod_container_status_restarts_total{namespace=~"$namespace"}[1h]))', "none", "restarts"),
        panel("timeseries", "Busiest disks", "Share of time with I/O under way; above 95 % Rootline calls it saturated.", [("topk(5, rate(node_disk_io_time_seconds_total[$__rate_interval]))", "{{instance}} {{device}}")], "percentunit", defaults={"min": 0, "max": 1}),
        panel("timeseries", "Containers nearest to their memory limit", "Working set over limit; above 90 % Rootline calls it near the limit.", [
            (f'topk(10, max by (namespace, pod, container) (container_memory_working_set_bytes{{{pods}}}) / on (namespace, pod, container) max by (namespace, pod, container) (kube_pod_container_resource_limits{{namespace=~"$namespace", resource="memory"}}))', "{{namespace}}/{{pod}} {{container}}")], "percentunit", defaults={"min": 0, "max": 1}),
        row("Capacity"),
        panel("table", "Expected to reach their limit", "Rootline's forecasts: when (median), and how likely within its horizon.", [
            target(f"min by (entity, series) (rootline_forecast_limit_seconds{{{OWN}}})", table=True), target(f"max by (entity, series) (rootline_forecast_limit_probability{{{OWN}}})", table=True)], "s", (12, 9),
            transformations=[{"id": "merge", "options": {}}, organize(["Time"], {"Value #A": "In", "Value #B": "Probability", "entity": "Entity", "series": "Series"}, ["entity", "series", "Value #A", "Value #B"])],
            overrides=[{"matcher": {"id": "byName", "options": "Probability"}, "properties": [{"id": "unit", "value": "percentunit"}]}]),
        panel("timeseries", "Volumes, and where they go", "Used share of each claim; dashed: the line through the last six hours, one day ahead.", [
            ('max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_used_bytes{namespace=~"$namespace"} / kubelet_volume_stats_capacity_bytes{namespace=~"$namespace"})', "{{namespace}}/{{persistentvolumeclaim}}"),
            ('max by (namespace, persistentvolumeclaim) (predict_linear(kubelet_volume_stats_used_bytes{namespace=~"$namespace"}[6h], 86400) / kubelet_volume_stats_capacity_bytes{namespace=~"$namespace"})', "{{namespace}}/{{persistentvolumeclaim}} in a day")], "percentunit", (12, 9), defaults={"min": 0, "max": 1},
            overrides=[{"matcher": {"id": "byRegexp", "options": ".*in a day"}, "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}}]}]),
        panel("timeseries", "Node memory, and where it goes", "Used share; dashed: the line through the last six hours, one day ahead.", [
            ("1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes", "{{instance}}"), ("1 - predict_linear(node_memory_MemAvailable_bytes[6h], 86400) / node_memory_MemTotal_bytes", "{{instance}} in a day")], "percentunit", defaults={"min": 0, "max": 1},
            overrides=[{"matcher": {"id": "byRegexp", "options": ".*in a day"}, "properties": [{"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [6, 6]}}]}]),
        panel("timeseries", "Requested of what can be had", "CPU and memory that pods ask for, over what the nodes offer.", [
            ('sum(kube_pod_container_resource_requests{resource="cpu"}) / sum(kube_node_status_allocatable{resource="cpu"})', "CPU"), ('sum(kube_pod_container_resource_requests{resource="memory"}) / sum(kube_node_status_allocatable{resource="memory"})', "memory")], "percentunit", defaults={"min": 0}),
    ])


# --- Rootline itself
def itself():
    rate = "$__rate_interval"
    return dashboard("rootline-itself", "Rootline / Itself", "Whether Rootline hears, thinks, remembers and speaks.", [], [
        panel("stat", "Version", "Of each replica.", [(f"rootline_build_info{{{OWN}}}", "{{version}}")], size=(4, 4), options={"textMode": "name", "colorMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}}),
        panel("stat", "Ready", "1 once the state is rebuilt and sources were heard.", [(f"rootline_ready{{{OWN}}}", "{{instance}}")], size=(4, 4), defaults=thresholds((None, "red"), (1, "green"))),
        panel("stat", "Leads", "Replicas that lead; one is right.", [f"sum(rootline_leader{{{OWN}}})"], size=(4, 4), defaults=thresholds((None, "red"), (1, "green"), (2, "red"))),
        panel("stat", "Up since", "Start of each replica.", [(f"rootline_start_time_seconds{{{OWN}}} * 1000", "{{instance}}")], "dateTimeFromNow", (4, 4), options={"colorMode": "none", "reduceOptions": {"calcs": ["lastNotNull"]}}),
        panel("stat", "Store", "Size on disk.", [f"max(rootline_store_size_bytes{{{OWN}}})"], "bytes", (4, 4), defaults=thresholds((None, "blue"))),
        panel("stat", "Given up", "Messages in the dead letters.", [f"sum(rootline_outbox_dead_messages{{{OWN}}}) or vector(0)"], size=(4, 4), defaults=thresholds((None, "green"), (1, "red"))),
        row("Hears"),
        panel("state-timeline", "Sources", "Whether the last attempt went well.", [(f"rootline_source_up{{{OWN}}}", "{{source}}")], options={"showValue": "never", "legend": {"showLegend": False}}, defaults=thresholds((None, "red"), (1, "green"))),
        panel("timeseries", "Silence of sources", "Time since each was heard.", [(f"rootline_source_silence_seconds{{{OWN}}}", "{{source}}")], "s", defaults={"min": 0}),
        panel("timeseries", "Taken in", "Alerts, series, log records, events pushed to Rootline.", [(f"sum by (receiver) (rate(rootline_receiver_accepted_items_total{{{OWN}}}[{rate}]))", "{{receiver}}")], "cps", defaults={"min": 0}),
        panel("timeseries", "Refused and left out", "Whole requests refused and single items left out, by reason.", [(f"sum by (receiver, reason) (rate(rootline_receiver_refused_requests_total{{{OWN}}}[{rate}]))", "{{receiver}} refused: {{reason}}"),
              (f"sum by (receiver, reason) (rate(rootline_receiver_dropped_items_total{{{OWN}}}[{rate}]))", "{{receiver}} left out: {{reason}}")], "cps", defaults={"min": 0}),
        panel("timeseries", "Bytes pushed", "As they came, packed.", [(f"sum by (receiver) (rate(rootline_receiver_bytes_total{{{OWN}}}[{rate}]))", "{{receiver}}")], "Bps", defaults={"min": 0}),
        panel("timeseries", "HTTP", "Answers by status.", [(f"sum by (status) (rate(rootline_http_requests_total{{{OWN}}}[{rate}]))", "{{status}}"), (f"rate(rootline_http_unknown_callers_total{{{OWN}}}[{rate}])", "without a known token")], "reqps", defaults={"min": 0}),
        row("Thinks"),
        panel("timeseries", "One look at everything", "Mean and slowest tick of the pipeline.", [(f"rate(rootline_tick_time_seconds{{{OWN}}}[{rate}]) / rate(rootline_ticks_total{{{OWN}}}[{rate}])", "mean"), (f"rootline_tick_slowest_seconds{{{OWN}}}", "slowest of the last minutes")], "s", defaults={"min": 0}),
        panel("timeseries", "Queue", "Inputs that wait, as a share of those that may.", [(f"rootline_queue_items{{{OWN}}} / rootline_queue_capacity_items{{{OWN}}}", "{{instance}}")], "percentunit", defaults={"min": 0, "max": 1}),
        panel("timeseries", "What it watches", "Series, things of the cluster, log templates.", [(f"rootline_series{{{OWN}}}", "series"), (f"rootline_entities{{{OWN}}}", "entities"), (f"rootline_log_templates{{{OWN}}}", "log templates")], defaults={"min": 0}),
        panel("timeseries", "Series left out", "New series that the limit refused.", [(f"rate(rootline_series_limit_hits_total{{{OWN}}}[{rate}])", "{{instance}}")], "cps", defaults={"min": 0}),
        panel("timeseries", "Memory", "Working set of the pod, as the kubelet sees it.", [('sum by (pod) (container_memory_working_set_bytes{namespace="rootline", container="rootline"})', "{{pod}}")], "bytes", defaults={"min": 0}),
        panel("timeseries", "CPU", "Cores used by the pod.", [(f'sum by (pod) (rate(container_cpu_usage_seconds_total{{namespace="rootline", container="rootline"}}[{rate}]))', "{{pod}}")], "none", defaults={"min": 0}),
        row("Remembers and speaks"),
        panel("timeseries", "Store", "Transactions written and failed.", [(f"rate(rootline_store_writes_total{{{OWN}}}[{rate}])", "written"), (f"rate(rootline_store_errors_total{{{OWN}}}[{rate}])", "failed")], "cps", defaults={"min": 0}),
        panel("timeseries", "Messages", "Sent and failed attempts by channel.", [(f"sum by (channel) (rate(rootline_outbox_sent_messages_total{{{OWN}}}[{rate}]))", "{{channel}} sent"), (f"sum by (channel) (rate(rootline_outbox_failed_attempts_total{{{OWN}}}[{rate}]))", "{{channel}} failed")], "cps", defaults={"min": 0}),
        panel("timeseries", "Outbox", "Messages that wait and those given up.", [(f"sum by (channel) (rootline_outbox_waiting_messages{{{OWN}}})", "{{channel}} waiting"), (f"sum by (channel) (rootline_outbox_dead_messages{{{OWN}}})", "{{channel}} given up")], defaults={"min": 0}),
        panel("timeseries", "Open event streams", "Browsers and scripts that follow.", [(f"sum(rootline_sse_listeners{{{OWN}}})", "listeners")], defaults={"min": 0}),
    ])


def main():
    wrong = []
    for name, made in (("incidents", incidents()), ("signals", signals()), ("itself", itself())):
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        path = HERE / f"{name}.json"
        if "--check" in sys.argv:
            if not path.exists() or path.read_text() != text:
                wrong.append(path.name)
        else:
            path.write_text(text)
    if wrong:
        sys.exit(f"dashboards.py: {', '.join(wrong)} differ from what dashboards.py writes: run it")


if __name__ == "__main__":
    main()
