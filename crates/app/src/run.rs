//! `rootline run`: the daemon.

use std::path::PathBuf;

use rootline_config::CorrelationMode as Wanted;
use rootline_daemon::{Daemon, Loaded, Options, Source};
use rootline_engine::{CorrelationMode, LiveOptions as CoreOptions, NoticePolicy, SeriesOptions};
use rootline_model::Lang;
use rootline_sources::live::LiveOptions;
use rootline_sources::watch::WatchOptions;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::settings::{self, Settings};
use crate::{Outcome, terminal};

#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Examples:
  rootline run --alertmanager http://127.0.0.1:9093     the cluster of the current context
  rootline --config rootline.yaml run
  rootline run --no-cluster                             alerts alone

Prometheus sends its alerts to http://ADDRESS/api/v2/alerts: name ADDRESS as one more Alertmanager in its configuration.")]
pub struct Args {
    /// Address and port of API, receivers and page [default: 127.0.0.1:9099]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Folder of the store [default: rootline-data]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Asks this Prometheus server for its alert rules (they tell when a condition began) and for the series that are watched
    #[arg(long, value_name = "URL")]
    prometheus: Option<String>,
    /// Hands enriched alerts on to this Alertmanager
    #[arg(long, value_name = "URL")]
    alertmanager: Option<String>,
    /// Tells people through this webhook, in Alertmanager's format, beside what the configuration names
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// File to connect by [default: as kubectl does, or the pod's service account]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Watches no cluster
    #[arg(long)]
    no_cluster: bool,
    /// Your rules, beside those of the configuration
    #[arg(long, value_name = "FILE|FOLDER")]
    rules: Vec<PathBuf>,
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let (settings, loaded) = load(cli, args)?;
    let engine = settings.engine(&args.rules)?;
    let again = (cli.bare(), args.clone());
    let source: Source = std::sync::Arc::new(move || {
        let read = load(&again.0, &again.1).map(|(_, loaded)| loaded);
        read.map_err(|e| e.plain())
    });
    let options = Options {
        cluster: cluster(&settings, args),
        loaded,
        source: Some(source),
        identity: identity(),
        env: |name| std::env::var(name).ok(),
    };
    logging();
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Failure::new("could not start").detail(e))?;
    runtime.block_on(serve(engine, options, settings.lang))
}

async fn serve(engine: rootline_engine::Engine, options: Options, lang: Lang) -> Result<Outcome, Failure> {
    let failed = |e: rootline_daemon::DaemonError| Failure::daemon(&e);
    // before anything else: a replica that waits must not die of it
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
    let mut daemon = Daemon::start(engine, options).await.map_err(failed)?;
    let is = settings::words(lang, "rootline is at ", "rootline 已启动：");
    terminal::note(&format!("{is}http://{}", daemon.address));
    let mut stop = std::pin::pin!(asked_to_stop());
    loop {
        let reload = async {
            match hangup.as_mut() {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = daemon.wait() => {
                ended.map_err(failed)?;
                break;
            }
            () = &mut stop => break,
            // what came of it stands in the log and in the status
            Some(()) = reload => drop(daemon.reload().await),
        }
    }
    terminal::note(settings::words(lang, "stopping", "正在停止"));
    daemon.stop().await;
    Ok(Outcome::Done)
}

/// Interrupt or terminate.
async fn asked_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt => {}
        () = terminate => {}
    }
}

/// The configuration as it counts: the file, and what was typed.
fn load(cli: &Cli, args: &Args) -> Result<(Settings, Loaded), Failure> {
    let mut settings = Settings::load(cli)?;
    typed(&mut settings, args)?;
    let values = settings.values()?;
    let loaded = Loaded { live: core(&settings)?, config: settings.config.clone(), values };
    Ok((settings, loaded))
}

/// What was typed counts more than the file.
fn typed(settings: &mut Settings, args: &Args) -> Result<(), Failure> {
    let config = &mut settings.config;
    if let Some(listen) = &args.listen {
        config.daemon.listen.clone_from(listen);
    }
    if let Some(data) = &args.data {
        config.daemon.data = data.display().to_string();
    }
    // through the configuration's own reader, so that a typed address is held to the same rules
    let mut lines = String::new();
    if let Some(url) = &args.prometheus {
        lines.push_str(&format!("prometheus: {{enabled: true, url: {url:?}}}\n"));
    }
    if let Some(url) = &args.alertmanager {
        lines.push_str(&format!("alertmanager: {{enabled: true, url: {url:?}}}\n"));
    }
    if let Some(url) = &args.webhook {
        lines.push_str(&format!("notify: [{{name: webhook, kind: webhook, url: {url:?}}}]\n"));
    }
    let more = settings::parse("the command line", &lines)?;
    if more.prometheus.enabled {
        config.prometheus = more.prometheus;
    }
    if more.alertmanager.enabled {
        config.alertmanager = more.alertmanager;
    }
    config.notify.extend(more.notify);
    Ok(())
}

fn core(settings: &Settings) -> Result<CoreOptions, Failure> {
    let correlation = &settings.config.correlation;
    let mode = match correlation.mode {
        Wanted::Full => CorrelationMode::Full,
        Wanted::OnsetTopology => CorrelationMode::OnsetTopology,
        Wanted::Alertmanager => CorrelationMode::Alertmanager,
        Wanted::NodeWindow => CorrelationMode::NodeWindow,
        Wanted::TimeGap => CorrelationMode::TimeGap,
        Wanted::Jaccard => CorrelationMode::Jaccard,
        Wanted::Text => CorrelationMode::Text,
    };
    let settle = jiff::SignedDuration::from_secs(i64::from(correlation.settle_s));
    let most = usize::try_from(settings.config.detection.series).unwrap_or(usize::MAX);
    let (limits, disabled) = settings.thresholds()?;
    let detection = &settings.config.detection;
    let series = SeriesOptions {
        series_max: most,
        raw_max: most,
        core_s: i64::from(detection.core_interval_s),
        rest_s: i64::from(detection.interval_s),
        limits,
        disabled,
        ..SeriesOptions::default()
    };
    let told = &settings.config.messages;
    let notices = NoticePolicy {
        first_after_s: told.first_after_s,
        update_after_s: told.update_after_s,
        settle_s: told.settle_s,
        tell_resolved: told.tell_resolved,
        echo_s: told.echo_s,
        young_s: told.young_s,
        updates_max: told.updates_max,
    };
    Ok(CoreOptions { cluster: settings.config.daemon.cluster.clone(), mode, notices, settle, series })
}

fn cluster(settings: &Settings, args: &Args) -> Option<WatchOptions> {
    let kubernetes = &settings.config.kubernetes;
    if args.no_cluster || !kubernetes.enabled {
        return None;
    }
    let told = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let live = LiveOptions {
        kubeconfig: args.kubeconfig.clone().or_else(|| told(&kubernetes.kubeconfig).map(PathBuf::from)),
        context: args.context.clone().or_else(|| told(&kubernetes.context)),
        namespace: told(&kubernetes.namespace),
        ..LiveOptions::default()
    };
    Some(WatchOptions { live, ..WatchOptions::default() })
}

/// The pod's name, and something that no other process has.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "rootline".to_owned());
    format!("{host}_{}_{}", std::process::id(), jiff::Timestamp::now().as_nanosecond())
}

/// Own words at `info`, other people's at `warn`; `RUST_LOG` changes it.
fn logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,rootline=info"));
    // a second call finds the first one's subscriber, which is as good
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
