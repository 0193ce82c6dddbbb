//! Which kinds a set of files lists completely. Only then does "it is not there" mean "it does not exist", so every
//! doubt is decided against it: a list counts for the namespaces that it is surely of.

use std::collections::{BTreeMap, BTreeSet};

use rootline_model::Kind;
use rootline_objects::{Object, Signal};

/// What a list may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The place of the file tells: this namespace.
    Namespace(String),
    /// The place of the file tells: the whole cluster.
    Cluster,
    /// `kubectl get` with `-A` or with `-n` or without either: the file does not tell.
    Unknown,
}

struct Seen {
    kind: Kind,
    scope: Scope,
    namespaces: BTreeSet<String>,
    /// The folder, for the layout of a cluster-info dump, which is known only at the end.
    folder: String,
    typed: bool,
    /// One of several documents of a stream.
    streamed: bool,
}

/// One document on its way in.
pub(super) struct Listing<'p> {
    pub path: &'p str,
    pub scope: Scope,
    /// Item kind that the list names itself: `Some("Pod")` for a `PodList`.
    pub typed: Option<&'p str>,
    /// Item kind that the file name tells, for empty lists.
    pub named: Option<&'static str>,
    pub streamed: bool,
}

/// All lists of one reading.
#[derive(Default)]
pub(super) struct Lists {
    seen: Vec<Seen>,
    namespaces: BTreeSet<String>,
    /// Folders that are a namespace of a cluster-info dump.
    dump_folders: BTreeSet<String>,
}

impl Lists {
    /// Adds one complete list with the objects that it held.
    pub fn add(&mut self, listing: &Listing<'_>, objects: &[Signal]) {
        let mut by_kind: BTreeMap<Kind, BTreeSet<String>> = BTreeMap::new();
        let mut last: Option<(Kind, &str)> = None;
        for signal in objects {
            let Signal::Object(object) = signal else { continue };
            let Some(kind) = kind_of(object) else { continue };
            let namespace = object.metadata().namespace.as_str();
            if last == Some((kind, namespace)) {
                continue;
            }
            last = Some((kind, namespace));
            let namespaces = by_kind.entry(kind).or_default();
            if !namespace.is_empty() {
                namespaces.insert(namespace.to_owned());
                self.namespaces.insert(namespace.to_owned());
            }
        }
        if by_kind.is_empty() {
            let kind = listing.typed.or(listing.named).and_then(Kind::parse);
            by_kind.extend(kind.map(|k| (k, BTreeSet::new())));
        }
        let folder = parent(listing.path).unwrap_or_default();
        if listing.path.ends_with("/replication-controllers.json") {
            self.dump_folders.insert(folder.to_owned());
        }
        for (kind, namespaces) in by_kind {
            self.seen.push(Seen {
                kind,
                scope: listing.scope.clone(),
                namespaces,
                folder: folder.to_owned(),
                typed: listing.typed.is_some(),
                streamed: listing.streamed,
            });
        }
    }

    /// A file of the layout of a cluster-info dump whose kind is not read.
    pub fn see_path(&mut self, path: &str) {
        if path.ends_with("/replication-controllers.json") {
            self.dump_folders.extend(parent(path).map(str::to_owned));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    pub fn has_dump_folders(&self) -> bool {
        !self.dump_folders.is_empty()
    }

    pub fn into_signals(self) -> Vec<Signal> {
        let wide = self.shows_all_namespaces();
        let mut listed = BTreeSet::new();
        for seen in &self.seen {
            match self.namespaces_of(seen, wide) {
                None => {
                    listed.insert((seen.kind, None));
                }
                Some(namespaces) => listed.extend(namespaces.into_iter().map(|n| (seen.kind, Some(n)))),
            }
        }
        listed.into_iter().map(|(kind, namespace)| Signal::Listed { kind, namespace }).collect()
    }

    /// Several kinds that each span namespaces were surely read with `-A`, and so were their neighbours.
    fn shows_all_namespaces(&self) -> bool {
        let spanning: BTreeSet<Kind> = self
            .seen
            .iter()
            .filter(|s| s.scope == Scope::Unknown && !s.streamed && s.namespaces.len() > 1)
            .map(|s| s.kind)
            .collect();
        spanning.len() > 1
    }

    /// `None`: the whole cluster.
    fn namespaces_of(&self, seen: &Seen, wide: bool) -> Option<Vec<String>> {
        if is_cluster_wide(seen.kind) {
            return None;
        }
        match &seen.scope {
            Scope::Namespace(namespace) => return Some(vec![namespace.clone()]),
            Scope::Cluster => return None,
            Scope::Unknown => {}
        }
        if seen.typed && self.dump_folders.contains(&seen.folder) {
            return Some(seen.folder.rsplit('/').next().map(str::to_owned).into_iter().collect());
        }
        match seen.namespaces.len() {
            0 if seen.streamed => Some(Vec::new()),
            0 => match self.namespaces.len() {
                0 => None,
                1 => Some(self.namespaces.iter().cloned().collect()),
                _ if wide => None,
                _ => Some(Vec::new()),
            },
            1 if seen.streamed || !wide => Some(seen.namespaces.iter().cloned().collect()),
            _ => None,
        }
    }
}

fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

pub(super) fn kind_of(object: &Object) -> Option<Kind> {
    Kind::parse(object.kind())
}

fn is_cluster_wide(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Node
            | Kind::Namespace
            | Kind::Webhook
            | Kind::ApiService
            | Kind::Crd
            | Kind::PriorityClass
            | Kind::StorageClass
            | Kind::CsiNode
            | Kind::VolumeAttachment
            | Kind::Pv
            | Kind::IngressClass
            | Kind::Csr
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists of (kind, namespaces of items) with unknown scope, as `kubectl get KIND -o json` writes them.
    fn check(files: &[(&'static str, &[&str])], expect: &[&str]) {
        let mut lists = Lists::default();
        for (kind, namespaces) in files {
            let objects: Vec<Signal> = namespaces
                .iter()
                .map(|n| format!(r#"{{"metadata":{{"name":"x","namespace":"{n}"}}}}"#))
                .map(|json| Object::from_json(kind, &json).expect("a kind").expect("valid"))
                .map(Signal::Object)
                .collect();
            let listing =
                Listing { path: "f.json", scope: Scope::Unknown, typed: None, named: Some(kind), streamed: false };
            lists.add(&listing, &objects);
        }
        let got: Vec<String> = lists
            .into_signals()
            .iter()
            .map(|s| match s {
                Signal::Listed { kind, namespace } => format!("{kind}/{}", namespace.as_deref().unwrap_or("*")),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(got, expect);
    }

    #[test]
    fn a_list_counts_for_the_namespaces_it_is_surely_of() {
        check(&[("Pod", &["shop", "shop"])], &["pod/shop"]);
        check(
            &[("Pod", &["shop"]), ("Service", &["shop"]), ("ConfigMap", &[])],
            &["configmap/shop", "service/shop", "pod/shop"],
        );
        check(&[("Pod", &["shop", "kube-system"])], &["pod/*"]);
        // one list of all namespaces says nothing of its neighbours
        check(&[("Pod", &["shop", "auth"]), ("ConfigMap", &["shop"]), ("Secret", &[])], &["configmap/shop", "pod/*"]);
        // two do
        check(
            &[("Pod", &["shop", "auth"]), ("Service", &["shop", "auth"]), ("ConfigMap", &["shop"]), ("Secret", &[])],
            &["configmap/*", "secret/*", "service/*", "pod/*"],
        );
        check(&[("Node", &[""]), ("StorageClass", &[])], &["node/*", "storageclass/*"]);
    }
}
