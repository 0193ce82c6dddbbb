//! What the daemon pulls by itself and writes back, started in one place: exporters, kept logs, derived series.

use std::sync::Arc;

use jiff::Timestamp;
use rootline_sources::live::LiveOptions;
use rootline_store::Store;
use tokio::sync::{mpsc, watch};

use crate::core::Core;
use crate::input::Input;
use crate::sources::States;
use crate::view::Published;
use crate::{DaemonError, Options, channels, log_reader, scrape, write_back};

/// What everybody needs who brings something in.
#[derive(Clone)]
pub struct Edge {
    pub inputs: mpsc::Sender<Input>,
    pub states: Arc<States>,
    pub clock: fn() -> Timestamp,
    /// Looks names up for `${NAME}`.
    pub env: fn(&str) -> Option<String>,
}

impl Edge {
    /// A text of the configuration with what stands in it as `${NAME}` from the environment.
    ///
    /// # Errors
    /// A name that is not there.
    pub fn filled(&self, what: &str, text: &str) -> Result<String, DaemonError> {
        channels::filled(text, &self.env).map_err(|why| DaemonError::Pull { what: what.to_owned(), why })
    }
}

/// Starts everything that the configuration names.
///
/// # Errors
/// What cannot be used: an address, a file, a name that the environment does not have.
pub async fn start(
    options: &Options,
    core: &Core,
    edge: &Edge,
    stopped: &watch::Receiver<bool>,
) -> Result<(), DaemonError> {
    let config = &options.loaded.config;
    let cluster: Option<&LiveOptions> = options.cluster.as_ref().map(|c| &c.live);
    let scrapes = !config.scrape.targets.is_empty() || config.scrape.kubelets.enabled;
    if config.detection.enabled {
        scrape::start(config, cluster, core.live.bank().families(), edge).await?;
    } else if scrapes {
        tracing::warn!("detection.enabled is false, so nothing is scraped either");
    }
    let store: &Arc<Store> = &core.store;
    log_reader::start(config, store, edge)?;
    let published: &Arc<Published> = &core.published;
    write_back::start(config, published, edge, stopped)
}
