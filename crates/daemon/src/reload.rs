//! The configuration read again while the daemon runs: all of it is found good before any of it counts.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use regex::Regex;
use rootline_api::{ConfigState, DoorKeeper, Rank, Reloaded, Token};
use rootline_config::{Config, TokenRole};
use rootline_engine::LiveOptions;
use rootline_store::Keep;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::input::Input;
use crate::maintenance::Windows;
use crate::posts::{self, Plan, Posts};
use crate::route::Routes;
use crate::{DaemonError, clock, keep};

/// What a reading of the configuration gives.
#[derive(Clone)]
pub struct Loaded {
    pub config: Config,
    pub live: LiveOptions,
    /// All values, `rootline_config::effective`: what differs between two readings is told from them.
    pub values: Value,
}

/// Reads the configuration again; an error in words for people.
pub type Source = Arc<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// What the core takes over while it runs.
pub struct Settings {
    pub live: LiveOptions,
    pub routes: Routes,
    pub keep: Keep,
    pub windows: Arc<Windows>,
    pub detects: bool,
    /// What is left out of recordings by the user's word.
    pub patterns: Arc<[Regex]>,
}

impl Settings {
    /// # Errors
    /// A maintenance window that cannot be.
    pub fn of(loaded: &Loaded, routes: Routes) -> Result<Settings, DaemonError> {
        let windows = Windows::of("", &loaded.config.maintenance).map_err(|e| DaemonError::Config(e.detail))?;
        let patterns = loaded.config.redaction.patterns.iter().map(|p| Regex::new(&p.value)).collect::<Result<_, _>>();
        Ok(Settings {
            live: loaded.live.clone(),
            routes,
            keep: keep::retention(&loaded.config.retention),
            windows: Arc::new(windows),
            detects: loaded.config.detection.enabled,
            patterns: patterns.map_err(|e| DaemonError::Config(e.to_string()))?,
        })
    }
}

/// What is in force, for whoever asks.
#[derive(Debug, Default)]
pub struct Current {
    windows: RwLock<Arc<Windows>>,
    channels: RwLock<Vec<String>>,
    patterns: RwLock<Option<Arc<[Regex]>>>,
    state: Mutex<ConfigState>,
}

impl Current {
    pub fn windows(&self) -> Arc<Windows> {
        self.windows.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn channels(&self) -> Vec<String> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn patterns(&self) -> Arc<[Regex]> {
        let patterns = self.patterns.read().unwrap_or_else(PoisonError::into_inner).clone();
        patterns.unwrap_or_else(|| Arc::from([]))
    }

    pub fn state(&self) -> ConfigState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The configuration that counts from now on.
    pub fn set(&self, settings: &Settings, now: Timestamp) {
        *self.windows.write().unwrap_or_else(PoisonError::into_inner) = settings.windows.clone();
        *self.channels.write().unwrap_or_else(PoisonError::into_inner) = posts::names(&settings.routes.channels);
        *self.patterns.write().unwrap_or_else(PoisonError::into_inner) = Some(settings.patterns.clone());
        self.tell(|state| *state = ConfigState { loaded: now, ..ConfigState::default() });
    }

    fn tell(&self, change: impl FnOnce(&mut ConfigState)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// See the module.
pub struct Reloader {
    pub source: Option<Source>,
    pub current: Arc<Current>,
    pub inputs: mpsc::Sender<Input>,
    pub keeper: DoorKeeper,
    work: tokio::sync::Mutex<Work>,
}

struct Work {
    posts: Posts,
    /// At the start; what needs a restart is told against these.
    started: Value,
    running: Value,
}

impl Reloader {
    pub fn new(
        source: Option<Source>,
        current: Arc<Current>,
        inputs: mpsc::Sender<Input>,
        keeper: DoorKeeper,
        (posts, values): (Posts, Value),
    ) -> Reloader {
        let work = tokio::sync::Mutex::new(Work { posts, started: values.clone(), running: values });
        Reloader { source, current, inputs, keeper, work }
    }

    /// Reads the configuration and takes over what can change while the daemon runs. With an error everything stays as it
    /// was. Goes on to its end even if nobody waits for it any more.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub async fn reload(self: Arc<Self>) -> Result<Reloaded, String> {
        let this = self.clone();
        let done = tokio::spawn(async move { this.run().await }).await.unwrap_or_else(|e| Err(e.to_string()));
        match &done {
            Ok(new) => {
                tracing::info!(changed = new.changed.join(" "), restart = new.needs_restart.join(" "), "reloaded");
            }
            Err(error) => {
                tracing::error!(error, "the configuration was not taken over, the old one stays");
                self.current.tell(|state| state.error.clone_from(error));
            }
        }
        done
    }

    async fn run(&self) -> Result<Reloaded, String> {
        let mut work = self.work.lock().await;
        let source = self.source.clone().ok_or("this daemon reads its configuration at the start only")?;
        let read = tokio::task::spawn_blocking(move || source()).await.map_err(|e| e.to_string())?;
        let loaded = read?;
        let said = |e: DaemonError| e.to_string();
        let tokens = tokens(&loaded.config).map_err(said)?;
        self.keeper.check(&tokens)?;
        let plan = work.posts.plan(&loaded.config, &loaded.values).map_err(said)?;
        let settings = Settings::of(&loaded, plan.routes.clone()).map_err(said)?;
        // from here on nothing can be wrong any more
        self.keeper.set(tokens);
        self.current.set(&settings, clock());
        self.take_over(&mut work.posts, settings, plan).await.map_err(said)?;
        let mut changed = rootline_config::differences(&work.running, &loaded.values);
        changed.retain(|key| rootline_config::is_live(key));
        let mut needs_restart = rootline_config::differences(&work.started, &loaded.values);
        needs_restart.retain(|key| !rootline_config::is_live(key));
        work.running = loaded.values;
        self.current.tell(|state| state.needs_restart.clone_from(&needs_restart));
        Ok(Reloaded { changed, needs_restart })
    }

    /// The core first, so that no message is queued for a channel that goes.
    async fn take_over(&self, posts: &mut Posts, settings: Settings, plan: Plan) -> Result<(), DaemonError> {
        let (done, taken) = oneshot::channel();
        let sent = self.inputs.send(Input::Settings { settings: Box::new(settings), done }).await;
        let stopping = || DaemonError::Config("the daemon is stopping".to_owned());
        sent.map_err(|_| stopping())?;
        taken.await.map_err(|_| stopping())?;
        posts.carry_out(plan).await;
        Ok(())
    }

    pub async fn stop(&self) {
        self.work.lock().await.posts.stop().await;
    }
}

/// The API's word for a role.
pub const fn rank(role: TokenRole) -> Rank {
    match role {
        TokenRole::Viewer => Rank::Viewer,
        TokenRole::Operator => Rank::Operator,
        TokenRole::Admin => Rank::Admin,
        TokenRole::Receiver => Rank::Receiver,
    }
}

/// The tokens of the configuration.
///
/// # Errors
/// One that is none.
pub fn tokens(config: &Config) -> Result<Vec<Token>, DaemonError> {
    let token = |t: &rootline_config::Token| Token::from_hex(&t.name, rank(t.role), &t.sha256.value);
    config.daemon.tokens.iter().map(token).collect::<Result<_, _>>().map_err(DaemonError::Config)
}

/// What `parse` cannot know: matchers, zones. `file` is only for messages.
///
/// # Errors
/// With line, column and what was expected.
pub fn check(file: &str, config: &Config) -> Result<(), rootline_config::ConfigError> {
    Windows::of(file, &config.maintenance).map(|_| ())
}
