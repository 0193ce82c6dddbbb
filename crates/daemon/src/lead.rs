//! Two or more replicas: only the one that holds the lease works; the others answer that they wait, and who leads.

use std::sync::Arc;

use rootline_api::Standby;
use rootline_config::Config;
use rootline_sources::watch::{ElectionTimes, Lease, LeaseOptions, WatchOptions};

use crate::{DaemonError, address, tls_files};

/// Waits until this process leads, where there is an election.
///
/// # Errors
/// A kubeconfig that cannot be used, a port that is taken.
pub async fn wait(
    config: &Config,
    cluster: Option<&WatchOptions>,
    identity: &str,
) -> Result<Option<Lease>, DaemonError> {
    let Some(cluster) = cluster.filter(|_| config.kubernetes.leader_election) else { return Ok(None) };
    let options = LeaseOptions {
        live: cluster.live.clone(),
        namespace: config.kubernetes.lease_namespace.clone(),
        name: "rootline".to_owned(),
        identity: identity.to_owned(),
        times: ElectionTimes::default(),
    };
    let lease = Lease::start(options).await.map_err(|e| DaemonError::Cluster(e.to_string()))?;
    let holder = lease.holder();
    let leader = Arc::new(move || replica(&holder()).to_owned());
    let standby = Standby::listen(address(config)?, tls_files(config), leader).await?;
    let mut changes = lease.changes();
    // the sender lives as long as the lease
    let _ = changes.wait_for(|leads| *leads).await;
    standby.end().await;
    Ok(Some(lease))
}

/// The part of an identity that people know: the pod's name. What tells processes apart comes after it.
pub fn replica(identity: &str) -> &str {
    identity.split('_').next().unwrap_or(identity)
}

/// Returns when the lease is lost: from then on another replica may work.
pub async fn lost(lease: &Lease) {
    let mut changes = lease.changes();
    let _ = changes.wait_for(|leads| !*leads).await;
}
