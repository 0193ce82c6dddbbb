//! Two or more replicas: only the one that holds the lease works, the others wait with the port closed.

use rootline_config::Kubernetes;
use rootline_sources::live::LiveOptions;
use rootline_sources::watch::{ElectionTimes, Lease, LeaseOptions};

use crate::DaemonError;

/// Waits until this process leads.
///
/// # Errors
/// A kubeconfig that cannot be used.
pub async fn wait(config: &Kubernetes, live: &LiveOptions, identity: String) -> Result<Lease, DaemonError> {
    let options = LeaseOptions {
        live: live.clone(),
        namespace: config.lease_namespace.clone(),
        name: "rootline".to_owned(),
        identity,
        times: ElectionTimes::default(),
    };
    let lease = Lease::start(options).await.map_err(|e| DaemonError::Cluster(e.to_string()))?;
    let mut changes = lease.changes();
    // the sender lives as long as the lease
    let _ = changes.wait_for(|leads| *leads).await;
    Ok(lease)
}

/// Returns when the lease is lost: from then on another replica may work.
pub async fn lost(lease: &Lease) {
    let mut changes = lease.changes();
    let _ = changes.wait_for(|leads| !*leads).await;
}
