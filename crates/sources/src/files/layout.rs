//! What the place of a file tells about it: the folders of support bundles, dumps and recordings.

use rootline_model::Kind;
use rootline_objects::Object;

use super::lists::Scope;

/// The API kind that a file or folder name means: `get-pods.json`, `storage-classes`, `pvcs`, `deployments.apps`.
pub(super) fn kind_named(name: &str) -> Option<&'static str> {
    let name = name.strip_prefix("get-").unwrap_or(name);
    let name = [".json", ".yaml", ".yml"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let (word, rest) = name.split_once('.').unwrap_or((name, ""));
    // the same word in a foreign group is another thing
    if rest.contains('.') && !rest.ends_with(".k8s.io") {
        return None;
    }
    let word = word.replace(['-', '_'], "");
    if matches!(word.as_str(), "event" | "events") {
        return Some("Event");
    }
    let kind = Kind::parse(&word)?;
    Object::KINDS.iter().copied().find(|k| Kind::parse(k) == Some(kind))
}

/// Kind and scope of a file of a Troubleshoot support bundle: `cluster-resources/<kind>/<namespace>.json` or
/// `cluster-resources/<kind>.json`.
pub(super) fn in_bundle(path: &str) -> Option<(Option<&'static str>, Scope)> {
    let inner = inside_bundle(path)?;
    match inner.split('/').collect::<Vec<_>>().as_slice() {
        [file] => Some((kind_named(file), Scope::Cluster)),
        [folder, file] => {
            let namespace = file.strip_suffix(".json").unwrap_or(file);
            Some((kind_named(folder), Scope::Namespace(namespace.to_owned())))
        }
        _ => Some((None, Scope::Unknown)),
    }
}

/// The path below `cluster-resources/` of a support bundle.
pub(super) fn inside_bundle(path: &str) -> Option<&str> {
    const ROOT: &str = "cluster-resources/";
    match path.find(ROOT) {
        Some(0) => path.strip_prefix(ROOT),
        Some(at) => path.get(at..).filter(|_| path.get(..at).is_some_and(|p| p.ends_with('/')))?.strip_prefix(ROOT),
        None => None,
    }
}

/// Files of a support bundle that repeat what is read elsewhere or hold other people's kinds.
pub(super) fn is_left_out(path: &str) -> bool {
    inside_bundle(path).is_some_and(|inner| {
        let folder = inner.split('/').next().unwrap_or_default();
        let other_group = inner.starts_with("custom-resources/") && !inner.contains("gateway.networking.k8s.io");
        other_group
            || matches!(
                folder,
                "auth-cani-list" | "image-pull-secrets" | "groups.json" | "resources.json" | "endpoints" | "roles"
            )
    })
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_and_folders_tell_the_kind() {
        for (name, expect) in [
            ("get-pods.json", Some("Pod")),
            ("get-deployments.apps.json", Some("Deployment")),
            ("events.json", Some("Event")),
            ("storage-classes.json", Some("StorageClass")),
            ("custom-resource-definitions.json", Some("CustomResourceDefinition")),
            ("pvcs", Some("PersistentVolumeClaim")),
            ("ingress", Some("Ingress")),
            ("get-limitranges.json", Some("LimitRange")),
            ("get-endpointslices.discovery.k8s.io.json", Some("EndpointSlice")),
            ("nodes.storage.example.com.json", None),
            ("replication-controllers.json", None),
            ("notes.json", None),
        ] {
            assert_eq!(kind_named(name), expect, "{name}");
        }
    }

    #[test]
    fn a_bundle_may_lie_in_any_folder() {
        let shop = Some((Some("Pod"), Scope::Namespace("shop".into())));
        assert_eq!(in_bundle("cluster-resources/pods/shop.json"), shop);
        assert_eq!(in_bundle("a/b/cluster-resources/pods/shop.json"), shop);
        assert_eq!(in_bundle("a/cluster-resources/nodes.json"), Some((Some("Node"), Scope::Cluster)));
        assert_eq!(in_bundle("my-cluster-resources/nodes.json"), None);
    }
}
