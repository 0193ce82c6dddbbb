//! Leader election over the API: asks, writes, and tells when leadership comes and goes.
//!
//! The account needs `get`, `create` and `update` on this one Lease, and nothing else that writes.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::election::{Election, ElectionTimes, Step};
use crate::live::list::percent;
use crate::live::our_clock;
use crate::live::session::Session;
use crate::live::{LiveError, LiveOptions};

/// Which lease, and who asks for it.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    pub live: LiveOptions,
    /// Where the lease is; empty: the namespace of the context or of the pod.
    pub namespace: String,
    pub name: String,
    /// Unlike any other candidate's: the pod's name with something random.
    pub identity: String,
    pub times: ElectionTimes,
}

/// A candidate for leadership. Dropping it stops asking; `release` gives leadership away at once.
pub struct Lease {
    inner: Arc<Inner>,
    changes: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

struct Inner {
    session: Session,
    /// Path of the one lease, and of the collection it is made in.
    path: String,
    collection: String,
    options: LeaseOptions,
    election: Mutex<Election>,
    started: Instant,
}

impl Lease {
    /// Begins to ask for leadership.
    ///
    /// # Errors
    /// A kubeconfig that cannot be used.
    pub async fn start(options: LeaseOptions) -> Result<Lease, LiveError> {
        let session = Session::stay(&options.live).await?;
        let namespace = match options.namespace.as_str() {
            "" => session.default_namespace.clone(),
            given => given.to_owned(),
        };
        let collection = format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", percent(&namespace));
        let inner = Arc::new(Inner {
            session,
            path: format!("{collection}/{}", percent(&options.name)),
            collection,
            election: Mutex::new(Election::new(&options.identity, options.times)),
            options,
            started: instant(),
        });
        let (sender, changes) = watch::channel(false);
        let task = tokio::spawn(run(inner.clone(), sender));
        Ok(Lease { inner, changes, task })
    }

    /// True while this replica may act. To be asked before every act: a process that was stopped and goes on finds here
    /// that its time is over.
    pub fn leads(&self) -> bool {
        self.inner.leads()
    }

    /// Tells when leadership comes and goes; `leads` is the word that counts.
    pub fn changes(&self) -> watch::Receiver<bool> {
        self.changes.clone()
    }

    /// Tells who holds the lease, as it was last read; empty: nobody.
    pub fn holder(&self) -> impl Fn() -> String + Send + Sync + 'static {
        let inner = self.inner.clone();
        move || inner.with(|e| e.holder().to_owned())
    }

    /// Gives leadership away, so that another need not wait.
    pub async fn release(self) {
        self.task.abort();
        let _ = self.inner.release().await;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(inner: Arc<Inner>, tell: watch::Sender<bool>) {
    let retry = inner.options.times.retry;
    loop {
        // one that hangs must not outlive the leadership it is to renew
        let round = tokio::time::timeout(inner.options.times.renew_deadline / 2, inner.round()).await;
        if round.is_err() {
            tracing::debug!(lease = inner.path, "no answer in time");
        }
        let leads = inner.leads();
        tell.send_if_modified(|told| std::mem::replace(told, leads) != leads);
        let until = inner.with(|e| e.leads_until());
        let over = until.map(|u| u.saturating_sub(inner.now())).filter(|left| leads && *left < retry);
        tokio::time::sleep(over.unwrap_or(retry)).await;
        let leads = inner.leads();
        tell.send_if_modified(|told| std::mem::replace(told, leads) != leads);
    }
}

impl Inner {
    fn now(&self) -> Duration {
        instant() - self.started
    }

    fn leads(&self) -> bool {
        self.with(|e| e.leads(self.now()))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Election) -> T) -> T {
        f(&mut self.election.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the lease and, where it is ours to take, writes it.
    async fn round(&self) {
        let asked = self.now();
        let Some(lease) = self.read().await else { return self.with(|e| e.on_refused(None)) };
        let step = self.with(|e| e.on_read(lease.as_ref(), self.now(), our_clock()));
        let (method, path, body) = match step {
            Step::Wait => return self.with(|e| e.on_refused(lease.as_ref())),
            Step::Create(mut body) => {
                body["apiVersion"] = "coordination.k8s.io/v1".into();
                body["kind"] = "Lease".into();
                body["metadata"] = json!({ "name": self.options.name });
                (Method::POST, &self.collection, body)
            }
            Step::Update(body) => (Method::PUT, &self.path, body),
        };
        match self.session.send(method, path, &body).await {
            Ok(answer) if answer.status.is_success() => self.with(|e| e.on_written(&body, asked, self.now())),
            Ok(answer) => {
                tracing::debug!(lease = self.path, detail = answer.message(), "lease not written");
                self.with(|e| e.on_refused(None));
            }
            Err(e) => {
                tracing::debug!(lease = self.path, detail = e.describe(), "lease not written");
                self.with(|e| e.on_refused(None));
            }
        }
    }

    /// `None`: no answer; `Some(None)`: there is no lease.
    async fn read(&self) -> Option<Option<Value>> {
        let (answer, _) = self.session.once(&self.path, "application/json").await.ok()?;
        match answer.status {
            StatusCode::OK => serde_json::from_slice(&answer.body).ok().map(Some),
            StatusCode::NOT_FOUND => Some(None),
            _ => {
                tracing::debug!(lease = self.path, detail = answer.message(), "lease not read");
                None
            }
        }
    }

    async fn release(&self) -> Option<()> {
        let lease = self.read().await??;
        let given = self.with(|e| e.release(&lease, self.now(), our_clock()))?;
        self.session.send(Method::PUT, &self.path, &given).await.ok().map(|_| ())
    }
}

#[allow(clippy::disallowed_methods, reason = "leadership is measured by a clock that nobody sets")]
fn instant() -> Instant {
    Instant::now()
}
