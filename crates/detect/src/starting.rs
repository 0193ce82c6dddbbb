//! What is too young to be judged, and what is already over.

use rootline_objects as o;
use rootline_world::World;

/// Things younger than this are still starting. Starting value, see ADR-0003.
pub(crate) const GRACE_S: i64 = 20;

/// True if an object is old enough to be judged; one whose age is unknown is.
pub(crate) fn settled(world: &World, metadata: &o::Meta) -> bool {
    world.age_s(metadata.creation_timestamp).is_none_or(|age| age >= GRACE_S)
}

/// A pod that still counts: neither finished nor on its way out.
pub(crate) fn is_active(pod: &o::Pod) -> bool {
    !pod.is_finished() && pod.metadata.deletion_timestamp.0.is_none()
}

/// A pod that should be ready by now and is not.
pub(crate) fn is_overdue(world: &World, pod: &o::Pod) -> bool {
    let fell = pod.condition("Ready").filter(|c| c.status != "True").and_then(|c| world.age_s(c.last_transition_time));
    is_active(pod) && !pod.is_ready() && settled(world, &pod.metadata) && fell.is_none_or(|s| s >= GRACE_S / 2)
}
