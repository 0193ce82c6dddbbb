//! `rootline diagnose`: the answer to "what is wrong here, and why".

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

use clap::ValueEnum;
use rootline_engine::Target;
use rootline_model::{Diagnosis, EntityRef, Kind};
use rootline_objects::{Object, Signal};
use rootline_report::{Format, Options, render};
use rootline_sources::Input;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::given::{self, Given};
use crate::settings::Settings;
use crate::terminal::{self, Spinner};
use crate::{Outcome, live, read};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  rootline diagnose                          the cluster of the current context
  rootline diagnose -n shop deploy/cart      only what touches one deployment
  rootline diagnose ticket-4711.tar.gz       a support bundle, a dump, a recording
  kubectl get pods,events -A -o json | rootline diagnose -

Exit codes: 0 looked, 1 could not look, 2 problems found (with --exit-code)")]
pub struct Args {
    /// Files (recording, support bundle, cluster-info dump, kubectl output; `-`: standard input), or what hurts
    #[arg(value_name = "FILE|KIND/NAME")]
    given: Vec<String>,
    /// Only what touches this namespace
    #[arg(short, long, value_name = "NAME", conflicts_with = "all_namespaces")]
    namespace: Option<String>,
    /// All namespaces (this is the default)
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    #[command(flatten)]
    cluster: live::ClusterArgs,
    /// Form of the answer
    #[arg(short, long, value_enum, default_value_t = FormatArg::Text)]
    output: FormatArg,
    /// Folder or file with your own rules; may be given more than once
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Exit with 2 if problems are found
    #[arg(long)]
    exit_code: bool,
    /// Columns of text
    #[arg(long, value_name = "COLUMNS")]
    width: Option<u16>,
    /// More evidence, how causes were weighed, risks
    #[arg(short, long)]
    verbose: bool,
    /// Says on standard error how long reading and judging took
    #[arg(long)]
    timings: bool,
    /// The moment the files are of (2026-03-04T10:15:00Z), where they do not tell
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    Text,
    Json,
    Yaml,
    Markdown,
    Html,
}

impl From<FormatArg> for Format {
    fn from(arg: FormatArg) -> Format {
        match arg {
            FormatArg::Text => Format::Text,
            FormatArg::Json => Format::Json,
            FormatArg::Yaml => Format::Yaml,
            FormatArg::Markdown => Format::Markdown,
            FormatArg::Html => Format::Html,
        }
    }
}

pub fn run(cli: &Cli, args: &Args) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let settings = Settings::load(cli)?;
    let exists = |path: &str| std::path::Path::new(path).exists();
    let given = given::sort(&args.given, args.namespace.as_deref(), exists)?;
    let engine = settings.engine(&args.rules)?;
    let input = if given.files.is_empty() {
        if args.now.is_some() {
            return Err(Failure::new(("could not use --now", "不能使用 --now")).said((
                "a live cluster is of this moment; --now is for files",
                "在线集群就是此刻的状态；--now 只用于文件",
            )));
        }
        live::read(&args.cluster, args.namespace.as_deref(), &settings, &engine, None)?
    } else {
        refuse_live_options(&args.cluster)?;
        let spinner = Spinner::start("reading");
        let mut input = read::files(&given.files, &settings.read_options(args.now), &spinner)?;
        if args.cluster.no_logs {
            input.signals.retain(|s| !matches!(s, Signal::Log(_)));
        }
        input
    };
    let read = started.elapsed();
    let holds_state = input
        .signals
        .iter()
        .any(|s| matches!(s, Signal::Object(_) | Signal::Declared(_) | Signal::Log(_) | Signal::Alert(_)));
    let (diagnosis, narrowed) = answer(&engine, input, &given, args)?;
    if args.timings {
        let judged = started.elapsed() - read;
        terminal::note(&format!("read {:.3} s, judged {:.3} s", read.as_secs_f64(), judged.as_secs_f64()));
    }
    if !given.files.is_empty() && !holds_state && diagnosis.incidents.is_empty() {
        return Err(nothing_found(&diagnosis));
    }
    let format: Format = args.output.into();
    // Only people in front of a terminal ask how long it took; files must be the same for the same state.
    let shown = format == Format::Text && std::io::stdout().is_terminal();
    let options = Options {
        verbose: args.verbose,
        elapsed: shown.then(|| started.elapsed()),
        narrowed,
        ..settings.report_options(args.width)
    };
    terminal::print(&render(&diagnosis, engine.knowledge(), &options, format))?;
    Ok(if args.exit_code && !diagnosis.incidents.is_empty() { Outcome::Problems } else { Outcome::Done })
}

fn refuse_live_options(args: &live::ClusterArgs) -> Result<(), Failure> {
    if args.context.is_none() && args.kubeconfig.is_none() && args.prometheus.is_none() {
        return Ok(());
    }
    Err(Failure::new(("could not decide what to read", "无法确定要读取什么"))
        .said((
            "files are named, and a cluster too (--context, --kubeconfig, --prometheus)",
            "既指定了文件，又指定了集群（--context、--kubeconfig、--prometheus）",
        ))
        .hint(("name files or a cluster, not both", "文件和集群只能二选一")))
}

fn answer(
    engine: &rootline_engine::Engine,
    input: Input,
    given: &Given,
    args: &Args,
) -> Result<(Diagnosis, Option<String>), Failure> {
    let target = Target { namespace: args.namespace.clone(), entities: given.targets.clone() };
    let missing = missing(&input.signals, &target);
    let source = input.source;
    let mut diagnosis = engine.diagnose(input.signals, &target);
    // Things that exist only by their troubles (a component, a deployment known by its pods) are found by the engine.
    if let (Some(failure), true) = (missing, diagnosis.incidents.is_empty()) {
        return Err(failure);
    }
    diagnosis.scope.source = source;
    let mut narrowed: Vec<String> = target.entities.iter().map(ToString::to_string).collect();
    if narrowed.is_empty() {
        narrowed.extend(target.namespace.map(|n| format!("namespace {n}")));
    }
    Ok((diagnosis, (!narrowed.is_empty()).then(|| narrowed.join(", "))))
}

/// A folder of anything but a cluster's state is not a healthy cluster.
fn nothing_found(diagnosis: &Diagnosis) -> Failure {
    let left_out: Vec<String> = diagnosis.gaps.iter().take(3).map(|g| g.subject.clone()).collect();
    let nothing = "it holds no object, no event and no log line of a cluster";
    let nothing_zh = "其中没有任何集群对象、事件或日志";
    let detail = match left_out.is_empty() {
        true => (nothing.to_owned(), nothing_zh.to_owned()),
        false => (
            format!("{nothing}; not read: {}", left_out.join(", ")),
            format!("{nothing_zh}；未能读取：{}", left_out.join("、")),
        ),
    };
    let source = &diagnosis.scope.source;
    Failure::new((format!("could not find a cluster's state in {source}"), format!("在 {source} 中没有找到集群状态")))
        .said(detail)
        .hint((
            "name a support bundle, a cluster-info dump, the output of kubectl as JSON, YAML or text, or an archive of \
         `rootline record`",
            "请给出支持包、cluster-info dump、kubectl 的 JSON、YAML 或文本输出，或 `rootline record` 的录制文件",
        ))
}

/// "Nothing is wrong with deploy/crat" must not be the answer to a slip of the pen.
fn missing(signals: &[Signal], target: &Target) -> Option<Failure> {
    let objects = || signals.iter().filter_map(|s| if let Signal::Object(o) = s { Some(o) } else { None });
    let hint = ("was it read at all? without a name everything is shown", "它真的被读进来了吗？不写名字则显示全部");
    if let Some(absent) = target.entities.iter().find(|e| !objects().any(|o| is(o, e))) {
        let alike: Vec<String> = objects()
            .filter(|o| Kind::parse(o.kind()) == Some(absent.kind))
            .map(|o| o.metadata().name.to_string())
            .filter(|name| crate::explain::near(name, &absent.name))
            .take(3)
            .collect();
        let failure = Failure::new((format!("could not find {absent}"), format!("没有找到 {absent}")))
            .said(("the state that was read does not hold it", "读到的状态中没有它"));
        return Some(match alike.is_empty() {
            true => failure.hint(hint),
            false => {
                failure.hint((format!("did you mean {}?", alike.join(", ")), format!("是不是 {}？", alike.join("、"))))
            }
        });
    }
    let namespace = target.namespace.as_deref()?;
    let held = objects().any(|o| *o.metadata().namespace == *namespace)
        || objects().any(|o| o.kind() == "Namespace" && *o.metadata().name == *namespace);
    (!held).then(|| {
        Failure::new((format!("could not find namespace {namespace}"), format!("没有找到命名空间 {namespace}")))
            .said(("the state that was read holds nothing of it", "读到的状态中没有它的任何内容"))
            .hint(hint)
    })
}

fn is(object: &Object, entity: &EntityRef) -> bool {
    let meta = object.metadata();
    Kind::parse(object.kind()) == Some(entity.kind)
        && *meta.name == *entity.name
        && (entity.namespace.is_empty() || *meta.namespace == *entity.namespace)
}
