//! `kubectl get`: one line per object.

mod other;
mod pod;
mod workload;

use rootline_model::{GapKind, Kind};
use rootline_objects::Object;

use super::events;
use super::found::{Detail, Found, What};
use super::table::{Row, Table};
use super::time::ago;
use super::tree::label_line;

/// What a table held.
pub(super) struct Read {
    pub what: What,
    pub rows: usize,
    /// It has a NAMESPACE column.
    pub everywhere: bool,
}

/// Reads a header and its rows. `asked` is what the command asked for.
pub(super) fn table(lines: &[&str], asked: &[What], found: &mut Found) -> Option<Read> {
    let (header, rows) = lines.split_first()?;
    let table = Table::header(header);
    let by_command = match asked {
        [one] => Some(*one),
        _ => None,
    };
    let what = by_command.filter(|w| plausible(*w, &table)).or_else(|| recognise(&table));
    let mut read = Read { what: What::Events, rows: 0, everywhere: table.has("NAMESPACE") };
    let mut first = None;
    let mut cells = Vec::with_capacity(table.names().len());
    for line in rows {
        if !table.cells(line, &mut cells) {
            continue;
        }
        let row = table.row(&cells);
        let Some(what) = one(&row, what, found) else { continue };
        first.get_or_insert(what);
        read.rows += 1;
    }
    // `get all` names the kind in each row
    read.what = match first.or(what) {
        Some(what) => what,
        None if by_command.is_some() || table.has("CPU(cores)") => return None,
        None => {
            found.gap(
                GapKind::Unreadable,
                "table",
                format!("no known kind has the columns {}", table.names().join(", ")),
            );
            return None;
        }
    };
    Some(read)
}

/// Reads one row. `None` if it is not one.
fn one(row: &Row<'_, '_>, what: Option<What>, found: &mut Found) -> Option<What> {
    if what == Some(What::Events) {
        events::row(row, found);
        return what;
    }
    let name = row.get("NAME");
    // storage classes mark the default one behind the name
    let name = name.split(' ').next().unwrap_or(name);
    let (what, name) = match name.split_once('/') {
        Some((kind, name)) => (What::parse(kind).or(what)?, name),
        None => (what?, name),
    };
    // names of namespaces, nodes, RBAC and prose: only what the API would take as a name
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b)) {
        return None;
    }
    let mut object = object(what, row, found)?;
    let meta = object.metadata_mut();
    name.clone_into(&mut meta.name);
    let namespace = row.get("NAMESPACE");
    if what.is_namespaced() {
        let namespace = if namespace.is_empty() { found.command_namespace() } else { namespace };
        namespace.clone_into(&mut meta.namespace);
    }
    meta.creation_timestamp = ago(found.now, row.get("AGE"));
    if row.has("CREATED AT") {
        meta.creation_timestamp = super::time::moment(row.get("CREATED AT"));
    }
    for (key, value) in label_line(row.get("LABELS")).iter() {
        meta.labels.set(key, value);
    }
    other::finish(&mut object, what);
    found.add(Detail::Row, object);
    Some(what)
}

fn object(what: What, row: &Row<'_, '_>, found: &Found) -> Option<Object> {
    let now = found.now;
    let What::Of(kind) = what else {
        return (what == What::Endpoints).then(|| Object::EndpointSlice(Box::new(other::endpoints(row))));
    };
    Some(match kind {
        Kind::Pod => Object::Pod(Box::new(pod::read(row, now))),
        Kind::Deployment => Object::Deployment(Box::new(workload::deployment(row))),
        Kind::ReplicaSet => Object::ReplicaSet(Box::new(workload::replica_set(row))),
        Kind::StatefulSet => Object::StatefulSet(Box::new(workload::stateful_set(row))),
        Kind::DaemonSet => Object::DaemonSet(Box::new(workload::daemon_set(row))),
        Kind::Job => Object::Job(Box::new(workload::job(row, now))),
        Kind::CronJob => Object::CronJob(Box::new(workload::cron_job(row, now))),
        _ => other::object(kind, row)?,
    })
}

/// A command may be pasted above the wrong table.
fn plausible(what: What, table: &Table<'_>) -> bool {
    match what {
        What::Events => table.has("REASON"),
        What::Of(Kind::Pod) => table.has("STATUS"),
        What::Of(Kind::Service) => table.has("CLUSTER-IP"),
        What::Of(Kind::Node) => table.has("VERSION"),
        What::Of(Kind::Deployment | Kind::ReplicaSet | Kind::DaemonSet) => !table.has("STATUS"),
        _ => true,
    }
}

/// The kind whose columns these are.
fn recognise(table: &Table<'_>) -> Option<What> {
    let has = |name: &str| table.has(name);
    let kind = if has("RESTARTS") && has("STATUS") {
        Kind::Pod
    } else if has("REASON") && has("TYPE") && has("MESSAGE") {
        return Some(What::Events);
    } else if has("ROLES") && has("VERSION") {
        Kind::Node
    } else if has("UP-TO-DATE") && has("NODE SELECTOR") {
        Kind::DaemonSet
    } else if has("UP-TO-DATE") {
        Kind::Deployment
    } else if has("DESIRED") && has("CURRENT") && has("READY") {
        Kind::ReplicaSet
    } else if has("COMPLETIONS") {
        Kind::Job
    } else if has("SCHEDULE") {
        Kind::CronJob
    } else if has("CLUSTER-IP") {
        Kind::Service
    } else if has("ADDRESSTYPE") {
        Kind::EndpointSlice
    } else if has("ENDPOINTS") {
        return Some(What::Endpoints);
    } else if has("HOSTS") && has("PORTS") {
        Kind::Ingress
    } else if has("VOLUME") && has("STATUS") {
        Kind::Pvc
    } else if has("CLAIM") && has("CAPACITY") {
        Kind::Pv
    } else if has("PROVISIONER") {
        Kind::StorageClass
    } else if has("REFERENCE") && has("TARGETS") {
        Kind::Hpa
    } else if has("ALLOWED DISRUPTIONS") {
        Kind::Pdb
    } else {
        return recognise_rarer(table).map(What::Of);
    };
    Some(What::Of(kind))
}

fn recognise_rarer(table: &Table<'_>) -> Option<Kind> {
    let has = |name: &str| table.has(name);
    let plain = table.names().iter().filter(|n| !matches!(**n, "NAMESPACE" | "LABELS"));
    Some(if has("POD-SELECTOR") {
        Kind::NetworkPolicy
    } else if has("GLOBAL-DEFAULT") {
        Kind::PriorityClass
    } else if has("ATTACHER") {
        Kind::VolumeAttachment
    } else if has("SECRETS") {
        Kind::ServiceAccount
    } else if has("REQUEST") && has("LIMIT") {
        Kind::Quota
    } else if has("DATA") {
        if has("TYPE") { Kind::Secret } else { Kind::ConfigMap }
    } else if has("HOSTNAMES") {
        Kind::Route
    } else if has("CONTROLLER") && has("PARAMETERS") {
        Kind::IngressClass
    } else if has("DRIVERS") {
        Kind::CsiNode
    } else if has("HOLDER") {
        Kind::Lease
    } else if has("SERVICE") && has("AVAILABLE") {
        Kind::ApiService
    } else if plain.clone().eq(&["NAME", "STATUS", "AGE"]) {
        Kind::Namespace
    } else if plain.clone().eq(&["NAME", "CREATED AT"]) {
        // custom resource definitions have dots in their names; the row decides nothing here, and limits are rarer
        Kind::LimitRange
    } else if plain.clone().eq(&["NAME", "READY", "AGE"]) || (has("READY") && has("CONTAINERS") && has("AGE")) {
        Kind::StatefulSet
    } else {
        return None;
    })
}
