//! The live cluster: lists first, then the logs of those who look suspicious.

use rootline_archive::{LogPath, Writer};
use rootline_engine::Engine;
use rootline_objects::{LogWanted, Signal};
use rootline_sources::Input;
use rootline_sources::live::{Cluster, LiveOptions, LogLimits, read_prometheus};

use crate::failure::Failure;
use crate::settings::Settings;
use crate::terminal::Spinner;

/// Which cluster, as typed.
#[derive(Debug, Default, clap::Args)]
pub struct ClusterArgs {
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// File to connect by [default: as kubectl does]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<std::path::PathBuf>,
    /// Leaves out logs
    #[arg(long)]
    pub no_logs: bool,
    /// Also asks this Prometheus server: firing alerts, volumes that are nearly full
    #[arg(long, value_name = "URL")]
    pub prometheus: Option<String>,
    /// Also reads what is in config maps, not only their names
    #[arg(long)]
    pub config_data: bool,
}

/// Reads a cluster; where there is a writer, into the recording too.
pub fn read(
    args: &ClusterArgs,
    namespace: Option<&str>,
    settings: &Settings,
    engine: &Engine,
    writer: Option<&mut Writer>,
) -> Result<Input, Failure> {
    let options = LiveOptions {
        kubeconfig: args.kubeconfig.clone(),
        context: args.context.clone(),
        namespace: namespace.map(str::to_owned),
        config_data: args.config_data,
        ..LiveOptions::default()
    };
    let configured = settings.config.prometheus.url.as_ref().filter(|_| settings.config.prometheus.enabled);
    let prometheus = args.prometheus.as_deref().or(configured.map(|u| u.value.as_str())).filter(|u| !u.is_empty());
    let wish = Wish { logs: settings.config.logs.enabled && !args.no_logs, prometheus };
    let runtime = tokio::runtime::Runtime::new().map_err(|e| Failure::new("could not start").detail(e))?;
    let spinner = Spinner::start("connecting");
    runtime.block_on(look(&options, &wish, settings, engine, (writer, &spinner)))
}

/// What is asked for beside the objects.
struct Wish<'a> {
    logs: bool,
    prometheus: Option<&'a str>,
}

async fn look(
    options: &LiveOptions,
    wish: &Wish<'_>,
    settings: &Settings,
    engine: &Engine,
    (mut writer, spinner): (Option<&mut Writer>, &Spinner),
) -> Result<Input, Failure> {
    let cluster = Cluster::connect(options).await.map_err(|e| Failure::live(&e))?;
    spinner.say(&format!("reading {}", cluster.server()));
    let read = match writer.as_deref_mut() {
        Some(writer) => cluster.record(spinner, writer).await,
        None => cluster.read(spinner).await,
    };
    let mut input = read.map_err(|e| Failure::live(&e))?;
    if let Some(url) = wish.prometheus {
        spinner.say(&format!("asking {url}"));
        let metrics = read_prometheus(url, options).await.map_err(|e| Failure::live(&e))?;
        if let Some(writer) = writer.as_deref_mut() {
            for (name, json) in &metrics.answers {
                writer.prometheus(name, json);
            }
            metrics.signals.iter().for_each(|s| {
                if let Signal::Gap(gap) = s {
                    writer.gap(gap)
                }
            });
        }
        input.signals.extend(metrics.signals);
    }
    if wish.logs {
        let wanted = wanted(engine, &input.signals, settings);
        spinner.say(&format!("reading {} logs", wanted.len()));
        let lines = usize::try_from(settings.config.logs.lines).unwrap_or(usize::MAX);
        let logs = cluster.logs(&wanted, LogLimits { tail_lines: lines, ..LogLimits::default() }).await;
        if let Some(writer) = writer {
            keep(&logs, writer);
        }
        input.signals.extend(logs);
    }
    input.source = cluster.server().to_owned();
    Ok(input)
}

fn wanted(engine: &Engine, signals: &[Signal], settings: &Settings) -> Vec<LogWanted> {
    let most = usize::try_from(settings.config.logs.containers).unwrap_or(usize::MAX);
    let mut wanted = engine.suspicious(signals);
    wanted.truncate(most);
    wanted
}

fn keep(logs: &[Signal], writer: &mut Writer) {
    for signal in logs {
        match signal {
            Signal::Log(log) => {
                let path = LogPath {
                    namespace: &log.namespace,
                    pod: &log.pod,
                    container: &log.container,
                    previous: log.previous,
                };
                writer.log(path, &(log.lines.join("\n") + "\n"));
            }
            Signal::Gap(gap) => writer.gap(gap),
            _ => {}
        }
    }
}
