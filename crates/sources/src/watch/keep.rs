//! What is held of a cluster, written into a recording: the fields that are read, in Kubernetes' own shape.

use std::collections::BTreeMap;

use rootline_archive::{LogPath, Writer};
use rootline_model::Kind;
use rootline_objects::{Object, Signal};

use crate::live::kinds::RESOURCES;

/// Writes the state that these signals tell: objects, logs, what was read completely, gaps, the moment.
pub fn keep(signals: &[Signal], writer: &mut Writer) {
    let mut by_kind: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    let mut listed: Vec<Kind> = Vec::new();
    for signal in signals {
        match signal {
            Signal::Object(object) => by_kind.entry(object.kind()).or_default().push(object),
            Signal::Listed { kind, namespace } => {
                listed.push(*kind);
                writer.listed(kind.word(), namespace.as_deref());
            }
            Signal::Gap(gap) => writer.gap(gap),
            Signal::Clock(at) => writer.recorded_at(*at),
            Signal::Log(log) => {
                let path = LogPath {
                    namespace: &log.namespace,
                    pod: &log.pod,
                    container: &log.container,
                    previous: log.previous,
                };
                writer.log(path, &(log.lines.join("\n") + "\n"));
            }
            _ => {}
        }
    }
    let form = writer.form();
    for resource in RESOURCES.iter().filter(|r| r.plural != "grpcroutes") {
        let objects = by_kind.remove(resource.kind).unwrap_or_default();
        // a kind that was read and has no objects needs its empty list: only then its absence is proven
        let is_listed = Kind::parse(resource.kind).is_some_and(|kind| listed.contains(&kind));
        if objects.is_empty() && !is_listed {
            continue;
        }
        // events are held in the words of the core group, whichever group they came from
        let is_event = resource.kind == "Event";
        let name = if is_event { "events".to_owned() } else { resource.full_name() };
        let version = if is_event { "v1".to_owned() } else { resource.api_version(resource.version) };
        let json = objects.into_iter().filter_map(|o| o.to_json().ok());
        let items = json.map(|j| form.item(&j, resource.kind, &version)).collect();
        writer.objects(&name, resource.kind, &version, items);
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests read files")]
mod tests {
    use std::path::Path;

    use rootline_archive::About;

    use super::*;
    use crate::{ReadOptions, read_bytes, read_path};

    /// Everything but the order.
    fn told(signals: &[Signal]) -> Vec<String> {
        let mut all: Vec<String> = signals.iter().map(|s| format!("{s:?}")).collect();
        all.sort();
        all
    }

    #[test]
    fn a_state_that_was_read_and_kept_again_is_the_same_state() {
        for name in ["oom", "healthy"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/recordings");
            let read = read_path(&folder.join(format!("{name}.tar.zst")), &ReadOptions::default());
            let first = read.expect("a recording of ours").signals;
            let kept: Vec<Signal> = first.into_iter().filter(|s| !matches!(s, Signal::Version(_))).collect();
            let mut writer = Writer::new(About::default());
            keep(&kept, &mut writer);
            let (_, bytes) = writer.write(Vec::new()).expect("memory takes it");
            let again = read_bytes("kept.rootline", bytes, &ReadOptions::default()).expect("it reads").signals;
            assert_eq!(told(&again), told(&kept), "{name}");
        }
    }
}
