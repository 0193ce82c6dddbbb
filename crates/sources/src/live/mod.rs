//! A live cluster, read once with the reader's own account: one paged list per kind, several at a time, and afterwards
//! the logs of a few containers. Nothing is ever written.
//!
//! A Prometheus server, where the user names one, is asked a handful of instant queries.

pub(crate) mod error;
pub(crate) mod kinds;
pub(crate) mod list;
pub(crate) mod logs;
mod metrics;
mod options;
pub(crate) mod session;
pub(crate) mod transport;

use std::collections::BTreeMap;

use futures::StreamExt;
use http::StatusCode;
use rootline_archive::Writer;
use rootline_model::{GapKind, Kind, Timestamp};
use rootline_objects::{LogWanted, Signal};
use serde::Deserialize;

pub use error::LiveError;
pub use logs::LogLimits;
pub use metrics::{Metrics, read_prometheus};
pub use options::{LiveOptions, Progress, Quiet};

use crate::gaps::{Gaps, gap};
use crate::input::Input;
use kinds::{RESOURCES, Resource};
use list::{Ended, Keep, Listed, Lister};
use session::Session;

/// A connection to one cluster.
pub struct Cluster {
    session: Session,
    options: LiveOptions,
    version: Option<String>,
}

/// Reads a cluster: connects and lists.
pub async fn read_cluster(options: &LiveOptions, progress: &dyn Progress) -> Result<Input, LiveError> {
    Cluster::connect(options).await?.read(progress).await
}

impl Cluster {
    /// Connects and asks for the version, so that a dead server or a stale login is told at once.
    pub async fn connect(options: &LiveOptions) -> Result<Cluster, LiveError> {
        let session = Session::connect(options).await?;
        Cluster::greet(session, options).await
    }

    async fn greet(session: Session, options: &LiveOptions) -> Result<Cluster, LiveError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            git_version: String,
        }
        let answer = match session.get_once("/version").await {
            Ok(answer) => answer,
            Err(e) => return Err(e.into_error(&session.server)),
        };
        if answer.status == StatusCode::UNAUTHORIZED {
            return Err(LiveError::Unauthorised { detail: answer.message(), server: session.server });
        }
        let version = serde_json::from_slice::<Version>(&answer.body).ok().map(|v| v.git_version);
        Ok(Cluster { session, options: options.clone(), version })
    }

    /// Address of the API server.
    pub fn server(&self) -> &str {
        &self.session.server
    }

    /// Version of the API server, as far as it tells.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Lists everything.
    pub async fn read(&self, progress: &dyn Progress) -> Result<Input, LiveError> {
        let lists = self.lists(progress, None).await?;
        Ok(self.input(lists))
    }

    /// Lists everything and keeps it in a recording too, redacted as the writer does.
    pub async fn record(&self, progress: &dyn Progress, writer: &mut Writer) -> Result<Input, LiveError> {
        let form = writer.form();
        let keep = move |resource: &Resource, version: &str, item: &str| {
            form.item(item, resource.api_kind(), &resource.api_version(version))
        };
        let mut lists = self.lists(progress, Some(&keep)).await?;
        for listed in &mut lists {
            let items = std::mem::take(&mut listed.raw);
            let (kind, version) = (listed.resource.full_name(), listed.resource.api_version(&listed.version));
            if listed.ended == Ended::Complete || !items.is_empty() {
                writer.objects(&kind, listed.resource.api_kind(), &version, items);
            }
        }
        let input = self.input(lists);
        for signal in &input.signals {
            match signal {
                Signal::Listed { kind, namespace } => writer.listed(kind.word(), namespace.as_deref()),
                Signal::Gap(gap) => writer.gap(gap),
                Signal::Clock(at) => writer.recorded_at(*at),
                _ => {}
            }
        }
        writer.source(&input.source);
        Ok(input)
    }

    /// Fetches logs, some at a time.
    pub async fn logs(&self, wanted: &[LogWanted], limits: LogLimits) -> Vec<Signal> {
        logs::read(&self.session, wanted, limits, self.options.concurrency).await
    }

    async fn lists(&self, progress: &dyn Progress, keep: Keep<'_>) -> Result<Vec<Listed>, LiveError> {
        let groups = self.groups().await;
        let lister = Lister {
            session: &self.session,
            progress,
            keep,
            page_size: self.options.page_size.max(1),
            config_data: self.options.config_data,
        };
        let wanted = RESOURCES.iter().filter_map(|r| Some((*r, groups.version_of(r)?)));
        let mut lists: Vec<Listed> = futures::stream::iter(wanted)
            .map(|(resource, version)| self.one(&lister, resource, version))
            .buffered(self.options.concurrency.max(1))
            .collect()
            .await;
        let refused = lists.iter().find_map(|l| match &l.ended {
            Ended::Unauthorised(detail) => Some(detail.clone()),
            _ => None,
        });
        if let Some(detail) = refused {
            return Err(LiveError::Unauthorised { server: self.session.server.clone(), detail });
        }
        let anything = lists.iter().any(|l| l.ended == Ended::Complete || !l.objects.is_empty());
        if !anything {
            return Err(self.nothing_read(&lists));
        }
        lists.retain(|l| l.ended != Ended::Unknown);
        Ok(lists)
    }

    fn nothing_read(&self, lists: &[Listed]) -> LiveError {
        let forbidden = lists.iter().find_map(|l| match &l.ended {
            Ended::Forbidden(detail) => Some(detail.clone()),
            _ => None,
        });
        let failed = lists.iter().find_map(|l| match &l.ended {
            Ended::Failed(detail) => Some(detail.clone()),
            _ => None,
        });
        match (forbidden, failed) {
            (Some(detail), _) => LiveError::NothingReadable { detail },
            (None, Some(detail)) => LiveError::Unreachable { server: self.session.server.clone(), detail },
            (None, None) => LiveError::Unreachable {
                server: self.session.server.clone(),
                detail: "it answers, but knows none of the Kubernetes resources".into(),
            },
        }
    }

    /// The whole cluster where the account may, else its namespace.
    async fn one(&self, lister: &Lister<'_>, resource: Resource, version: String) -> Listed {
        let all = lister.list(resource, &version, None).await;
        if !resource.namespaced || !matches!(all.ended, Ended::Forbidden(_)) {
            return all;
        }
        let namespace = self.options.namespace.as_deref().unwrap_or(&self.session.default_namespace);
        if namespace.is_empty() {
            return all;
        }
        lister.list(resource, &version, Some(namespace)).await
    }

    /// What the server serves; unknown (then everything is tried) where it does not say.
    async fn groups(&self) -> Groups {
        #[derive(Deserialize)]
        struct GroupList {
            groups: Vec<Group>,
        }
        #[derive(Deserialize)]
        struct Group {
            name: String,
            versions: Vec<Version>,
        }
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let answer = self.session.get("/apis", "application/json").await.ok();
        let known = answer
            .filter(|a| a.status == StatusCode::OK)
            .and_then(|a| serde_json::from_slice::<GroupList>(&a.body).ok())
            .map(|list| {
                let of = |g: Group| (g.name, g.versions.into_iter().map(|v| v.version).collect());
                list.groups.into_iter().map(of).collect()
            });
        Groups(known)
    }

    /// Clock and version, then the objects, then lists and gaps, as files are read too.
    fn input(&self, lists: Vec<Listed>) -> Input {
        let mut gaps = Gaps::default();
        let mut signals = Vec::new();
        let mut inside: Option<String> = None;
        let now = lists.iter().filter_map(|l| l.date).max();
        let count: usize = lists.iter().map(|l| l.objects.len()).sum();
        // the server's clock: ours may be wrong, and every time in the state is the cluster's
        signals.push(Signal::Clock(now.unwrap_or_else(our_clock)));
        signals.extend(self.version.clone().map(Signal::Version));
        let mut complete = Vec::new();
        for list in lists {
            self.gaps_of(&list, &mut gaps);
            if list.ended == Ended::Complete {
                inside = inside.or(list.namespace.clone());
                let kind = Kind::parse(list.resource.kind);
                complete.extend(kind.map(|kind| Signal::Listed { kind, namespace: list.namespace.clone() }));
            }
            signals.extend(list.objects.into_iter().map(Signal::Object));
        }
        if let Some(namespace) = inside {
            let subject = format!("namespaces other than {namespace}");
            let detail = format!("only namespace {namespace} was read");
            gaps.push(gap(GapKind::Forbidden, subject, "gap.forbidden", &[("detail", detail.as_str())]));
        }
        signals.extend(complete);
        signals.extend(gaps.into_signals());
        let version = self.version.as_deref().unwrap_or("of unknown version");
        let source = format!("cluster {}, Kubernetes {version}: {count} objects", self.session.server);
        Input { signals, source, format: "live" }
    }

    fn gaps_of(&self, list: &Listed, gaps: &mut Gaps) {
        let subject = match &list.namespace {
            Some(namespace) => format!("{} in {namespace}", list.resource.plural),
            None => list.resource.plural.to_owned(),
        };
        for (what, detail) in &list.bad {
            gaps.push(gap(GapKind::Unreadable, what.as_str(), "gap.object", &[("detail", detail.as_str())]));
        }
        let count = list.objects.len().to_string();
        match &list.ended {
            Ended::Forbidden(detail) => {
                gaps.push(gap(GapKind::Forbidden, subject, "gap.forbidden", &[("detail", detail.as_str())]));
            }
            Ended::Failed(detail) if list.objects.is_empty() => {
                gaps.push(gap(GapKind::Unreadable, subject, "gap.server", &[("detail", detail.as_str())]));
            }
            Ended::Failed(detail) => {
                let args = [("count", count.as_str()), ("detail", detail.as_str())];
                gaps.push(gap(GapKind::Truncated, subject, "gap.cut_list", &args));
            }
            Ended::Complete | Ended::Unknown | Ended::Unauthorised(_) => {}
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a live source is of now; used where the server sends no date")]
pub(crate) fn our_clock() -> Timestamp {
    Timestamp::now()
}

/// API groups with their versions; `None` where the server did not tell.
struct Groups(Option<BTreeMap<String, Vec<String>>>);

impl Groups {
    /// The version to ask for: ours if it is served, else the first one; `None` if the group is not there.
    fn version_of(&self, resource: &Resource) -> Option<String> {
        let Some(groups) = &self.0 else { return Some(resource.version.to_owned()) };
        if resource.group.is_empty() {
            return Some(resource.version.to_owned());
        }
        let versions = groups.get(resource.group)?;
        let ours = versions.iter().find(|v| *v == resource.version);
        ours.or(versions.first()).cloned()
    }
}

#[cfg(test)]
mod tests;
