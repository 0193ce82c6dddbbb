//! JSON documents: one, or many behind one another, whole or cut off.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// What a document says about itself, without its items.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Head {
    pub kind: Option<String>,
    metadata: Option<HeadMeta>,
    items: Option<IgnoredAny>,
    server_version: Option<ServerVersion>,
    info: Option<ServerVersion>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeadMeta {
    #[serde(rename = "continue")]
    next: Option<String>,
    resource_version: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServerVersion {
    git_version: Option<String>,
}

impl Head {
    /// The item kind of a typed list (`PodList`), or an empty text for a `List` of anything; `None` for no list.
    pub fn list_of(&self) -> Option<&str> {
        self.items.as_ref()?;
        Some(self.kind.as_deref().unwrap_or_default().strip_suffix("List").unwrap_or_default())
    }

    /// A page with more behind it is not the whole list.
    pub fn is_cut(&self) -> bool {
        self.metadata.as_ref().and_then(|m| m.next.as_deref()).is_some_and(|next| !next.is_empty())
    }

    /// A list as the API server gave it carries its version; one that a tool put together does not.
    pub fn has_version(&self) -> bool {
        self.metadata.as_ref().and_then(|m| m.resource_version.as_deref()).is_some_and(|v| !v.is_empty())
    }

    /// From `kubectl version -o json` or a support bundle's `cluster_version.json`.
    pub fn cluster_version(&self) -> Option<&str> {
        let version = self.server_version.as_ref().or(self.info.as_ref())?;
        version.git_version.as_deref().filter(|v| v.starts_with('v'))
    }
}

/// The next document of a stream.
pub(super) enum Next<'t> {
    Document {
        head: Head,
        text: &'t str,
    },
    /// Not JSON from here on.
    Broken {
        detail: String,
    },
    End,
}

/// Takes the next JSON document off the front of a text.
pub(super) fn next<'t>(rest: &mut &'t str) -> Next<'t> {
    let text = rest.trim_start();
    *rest = text;
    if text.is_empty() {
        return Next::End;
    }
    let mut heads = serde_json::Deserializer::from_str(text).into_iter::<Head>();
    if !text.starts_with('[')
        && let Some(Ok(head)) = heads.next()
    {
        let (document, after) = text.split_at(heads.byte_offset());
        *rest = after;
        return Next::Document { head, text: document };
    }
    // An array has no head, and a head of strange types is not the document's fault.
    let mut raw = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    match raw.next() {
        Some(Ok(document)) => {
            *rest = &text[raw.byte_offset()..];
            Next::Document { head: Head::default(), text: document.get() }
        }
        Some(Err(e)) => Next::Broken { detail: e.to_string() },
        None => Next::End,
    }
}

/// The whole items at the start of a list that is cut off or broken further on, and the kind it names itself.
pub(super) fn salvage(text: &str) -> (Option<&str>, Vec<&str>) {
    let trimmed = text.trim_start();
    let (head, mut rest) = match trimmed.strip_prefix('[') {
        Some(items) => ("", items),
        None => {
            let Some(at) = trimmed.find("\"items\"") else { return (None, Vec::new()) };
            let (head, tail) = trimmed.split_at(at + "\"items\"".len());
            let Some(tail) = tail.trim_start().strip_prefix(':').and_then(|t| t.trim_start().strip_prefix('[')) else {
                return (None, Vec::new());
            };
            (head, tail)
        }
    };
    let mut items = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
        let mut one = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        match one.next() {
            Some(Ok(item)) => {
                items.push(item.get());
                rest = &rest[one.byte_offset()..];
            }
            _ => return (list_kind(head), items),
        }
    }
}

/// The item kind in `{"kind":"PodList",…`, as far as it stands before the items.
fn list_kind(head: &str) -> Option<&str> {
    let tail = head.split_once("\"kind\"")?.1.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    tail.split_once('"')?.0.strip_suffix("List").filter(|k| !k.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_behind_one_another_are_told_apart() {
        let mut rest = "{\"kind\":\"PodList\",\"items\":[]}\n{\"kind\":7}[1,2]\n==== START";
        let mut seen = Vec::new();
        loop {
            match next(&mut rest) {
                Next::Document { head, text } => {
                    seen.push(format!("{} {}", head.kind.unwrap_or_default(), text.trim()));
                }
                Next::Broken { .. } => break,
                Next::End => panic!("the last part is no JSON"),
            }
        }
        assert_eq!(seen, ["PodList {\"kind\":\"PodList\",\"items\":[]}", " {\"kind\":7}", " [1,2]"]);
        assert_eq!(rest, "==== START");
    }

    #[test]
    fn the_start_of_a_cut_list_is_kept() {
        let text = r#" {"kind":"PodList","items":[{"a":1}, {"b":[2]},{"c":"cut he"#;
        assert_eq!(salvage(text), (Some("Pod"), vec![r#"{"a":1}"#, r#"{"b":[2]}"#]));
        assert_eq!(salvage(r#"[{"a":1},{"b"#), (None, vec![r#"{"a":1}"#]));
        assert_eq!(salvage(r#"{"kind":"Pod","metadata":{"#), (None, vec![]));
    }
}
