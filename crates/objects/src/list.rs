//! Reading `List`, `PodList` … and single objects from JSON.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::{Object, TypeMeta};

/// Why a document could not be read.
#[derive(Debug)]
pub struct ListError {
    /// What was being read: `Pod shop/cart-1`, `document`.
    pub what: String,
    pub detail: String,
}

impl std::fmt::Display for ListError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.detail)
    }
}

impl std::error::Error for ListError {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
}

/// Reads every object of a JSON document: a typed list (`PodList`), a `List` of mixed kinds, a bare array of objects, or
/// one object. Kinds that nobody needs are skipped; an object that cannot be read is handed to `bad` and the rest goes on.
///
/// `fallback_kind` names the kind where the document does not (support bundles write bare arrays).
pub fn read_list(
    json: &str,
    fallback_kind: Option<&str>,
    mut good: impl FnMut(Object),
    mut bad: impl FnMut(ListError),
) -> Result<(), ListError> {
    let whole = |e: serde_json::Error| ListError { what: "document".into(), detail: e.to_string() };
    if json.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(json).map_err(whole)?;
        for item in items {
            read_item(item.get(), fallback_kind, &mut good, &mut bad);
        }
        return Ok(());
    }
    let envelope: Envelope<'_> = serde_json::from_str(json).map_err(whole)?;
    match envelope.items {
        Some(_) if foreign(&envelope.api_version) => {}
        Some(items) => {
            let item_kind = envelope.kind.strip_suffix("List").filter(|k| !k.is_empty()).or(fallback_kind);
            for item in items {
                read_item(item.get(), item_kind, &mut good, &mut bad);
            }
        }
        None => read_item(json, fallback_kind, &mut good, &mut bad),
    }
    Ok(())
}

fn read_item(json: &str, list_kind: Option<&str>, good: &mut impl FnMut(Object), bad: &mut impl FnMut(ListError)) {
    // a typed list saves a second look at every item
    let own_kind = match list_kind {
        Some(kind) if Object::KINDS.contains(&kind) => None,
        _ => match serde_json::from_str::<TypeMeta>(json) {
            Ok(own) if foreign(&own.api_version) => return,
            own => own.ok().map(|t| t.kind),
        },
    };
    let kind = own_kind.as_deref().filter(|k| !k.is_empty()).or(list_kind).unwrap_or_default();
    let kind = match kind {
        "GRPCRoute" | "TLSRoute" | "TCPRoute" => "HTTPRoute",
        other => other,
    };
    match Object::from_json(kind, json) {
        Some(Ok(object)) => good(object.shrunk()),
        Some(Err(e)) => {
            let name = serde_json::from_str::<Named>(json).ok();
            let (ns, name) = name.map(|n| (n.metadata.namespace, n.metadata.name)).unwrap_or_default();
            bad(ListError { what: format!("{kind} {ns}/{name}"), detail: e.to_string() });
        }
        None => {}
    }
}

/// True for an API group that is not Kubernetes' own: other people's kinds are called `Node`, `Service` or `Ingress` too.
fn foreign(api_version: &str) -> bool {
    match api_version.split_once('/') {
        None => false,
        Some((group, _)) => group.contains('.') && !group.ends_with(".k8s.io"),
    }
}

#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    metadata: NameOnly,
}

#[derive(Deserialize, Default)]
struct NameOnly {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Vec<String>, Vec<String>) {
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let outcome =
            read_list(json, None, |o| good.push(format!("{} {}", o.kind(), o.metadata().name)), |e| bad.push(e.what));
        if let Err(e) = outcome {
            bad.push(e.what);
        }
        (good, bad)
    }

    #[test]
    fn one_broken_object_does_not_spoil_the_list() {
        let json = r#"{"kind":"List","items":[
            {"kind":"Pod","metadata":{"name":"a","labels":null},"spec":null,"status":{"containerStatuses":null}},
            {"kind":"Pod","metadata":{"name":"b","namespace":"n"},"spec":{"containers":"none"}},
            {"kind":"Banana","metadata":{"name":"c"}},
            {"kind":"Service","metadata":{"name":"d"},"spec":{"ports":[{"port":80,"targetPort":"http"}]}}]}"#;
        let (good, bad) = read(json);
        assert_eq!(good, ["Pod a", "Service d"]);
        assert_eq!(bad, ["Pod n/b"]);
    }

    #[test]
    fn kinds_of_other_peoples_groups_are_not_taken_for_kubernetes_own() {
        let foreign = r#"{"apiVersion":"storage.example.com/v1","kind":"Node","metadata":{"name":"replica-1"}}"#;
        assert_eq!(read(foreign).0, [""; 0]);
        assert_eq!(read(&format!(r#"{{"kind":"List","items":[{foreign}]}}"#)).0, [""; 0]);
        let list = r#"{"apiVersion":"example.com/v1","kind":"ServiceList","items":[{"metadata":{"name":"a"}}]}"#;
        assert_eq!(read(list).0, [""; 0]);
        let own = r#"{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"front"}}"#;
        assert_eq!(read(own).0, ["Ingress front"]);
        assert_eq!(
            read(r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"cart"}}"#).0,
            ["Deployment cart"]
        );
    }

    #[test]
    fn typed_lists_arrays_and_single_objects_are_read() {
        assert_eq!(read(r#"{"kind":"PodList","items":[{"metadata":{"name":"a"}}]}"#).0, ["Pod a"]);
        assert_eq!(read(r#"{"kind":"Pod","metadata":{"name":"a"}}"#).0, ["Pod a"]);
        assert_eq!(read(r#" [{"kind":"Node","metadata":{"name":"w"}}]"#).0, ["Node w"]);
        assert_eq!(read("{\"kind\":\"PodList\",\"items\":[{\"meta").1, ["document"]);
    }

    #[test]
    fn both_spellings_of_events_are_one() {
        let json = r#"[{"kind":"Event","metadata":{"name":"e"},"note":"n","regarding":{"kind":"Pod","name":"p"},"deprecatedCount":3},
                       {"kind":"Event","metadata":{"name":"f"},"message":"n","involvedObject":{"kind":"Pod","name":"p"},"count":3}]"#;
        let mut seen = Vec::new();
        let outcome = read_list(json, None, |o| seen.push(o), |_| {});
        assert!(outcome.is_ok());
        for object in seen {
            let Object::Event(e) = object else { panic!("not an event") };
            assert_eq!((e.message.as_str(), e.involved_object.name.as_str(), e.times()), ("n", "p", 3));
        }
    }
}
