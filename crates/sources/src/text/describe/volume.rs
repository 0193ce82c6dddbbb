//! Volumes of a pod as `describe` prints them.

use rootline_objects::{
    EmptyDir, HostPath, PersistentClaim, ProjectedSource, ProjectedVolume, Quantity, Volume, VolumeClaimSource,
    VolumeConfigMap, VolumeSecret,
};

use super::super::tree::Entry;

pub(super) fn read(entry: &Entry<'_, '_>) -> Volume {
    let mut out = Volume { name: entry.key.to_owned(), ..Volume::default() };
    let text = |key: &str| entry.children().find(|e| e.key == key).map(|e| e.text()).unwrap_or_default();
    let flag = |key: &str| entry.children().any(|e| e.key == key && e.value == "true").then_some(true);
    let kind = entry.children().find(|e| e.key == "Type").map(|e| e.value).unwrap_or_default();
    match kind.split([' ', '(']).next().unwrap_or_default() {
        "PersistentVolumeClaim" => {
            out.persistent_volume_claim =
                Some(VolumeClaimSource { claim_name: text("ClaimName"), read_only: flag("ReadOnly") });
        }
        "ConfigMap" => out.config_map = Some(VolumeConfigMap { name: text("Name"), optional: flag("Optional") }),
        "Secret" => {
            out.secret = Some(VolumeSecret { secret_name: text("SecretName"), optional: flag("Optional") });
        }
        "EmptyDir" => {
            let limit = Quantity::parse(&text("SizeLimit"));
            out.empty_dir = Some(EmptyDir { medium: text("Medium"), size_limit: limit });
        }
        "HostPath" => out.host_path = Some(HostPath { path: text("Path") }),
        "EphemeralVolume" => out.ephemeral = Some(PersistentClaim::default()),
        "Projected" => out.projected = Some(Box::new(projected(entry))),
        _ => {}
    }
    out
}

/// Sources stand one after another; `Optional` (older: `ConfigMapOptional`, `SecretOptionalName`) belongs to the one before.
fn projected(entry: &Entry<'_, '_>) -> ProjectedVolume {
    let mut out = ProjectedVolume::default();
    for e in entry.children() {
        let source = || VolumeConfigMap { name: e.text(), optional: None };
        match e.key {
            "ConfigMapName" => {
                out.sources.push(ProjectedSource { config_map: Some(source()), secret: None });
            }
            "SecretName" => out.sources.push(ProjectedSource { config_map: None, secret: Some(source()) }),
            "Optional" | "ConfigMapOptional" | "SecretOptionalName" if e.value == "true" => {
                if let Some(last) = out.sources.last_mut()
                    && let Some(named) = last.config_map.as_mut().or(last.secret.as_mut())
                {
                    named.optional = Some(true);
                }
            }
            // tokens and pod fields are sources too, without anything that could be missing
            "TokenExpirationSeconds" | "DownwardAPI" => out.sources.push(ProjectedSource::default()),
            _ => {}
        }
    }
    out
}
