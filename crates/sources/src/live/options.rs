//! How a cluster is read.

use std::path::PathBuf;
use std::time::Duration;

/// Which cluster, and with how much patience.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// Else `KUBECONFIG`, `~/.kube/config`, or the service account of the pod.
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    /// Read where the account may not list the whole cluster; else the context's namespace.
    pub namespace: Option<String>,
    /// Also fetch what is in config maps, not only their names.
    pub config_data: bool,
    pub page_size: usize,
    /// Lists at the same time.
    pub concurrency: usize,
    pub connect_timeout: Duration,
    /// Of one request, its body included.
    pub request_timeout: Duration,
    /// Waiting before retries, over all requests together.
    pub retry_budget: Duration,
}

impl Default for LiveOptions {
    fn default() -> Self {
        LiveOptions {
            kubeconfig: None,
            context: None,
            namespace: None,
            config_data: false,
            page_size: 500,
            concurrency: 8,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            retry_budget: Duration::from_secs(30),
        }
    }
}

/// Told about every page that came in.
pub trait Progress: Sync {
    /// `count` objects of a resource are read so far.
    fn listed(&self, what: &str, count: usize);
}

/// Says nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn listed(&self, _: &str, _: usize) {}
}
