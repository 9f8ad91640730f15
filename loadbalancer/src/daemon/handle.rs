//! How the API talks to the controller.

use tokio::sync::{mpsc, oneshot};

use crate::{
    config::{ConfigError, Edit},
    stats::{HealthReport, Stats, Status},
};

/// A request that the controller refused or could not carry out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The configuration or the edit is not valid; nothing changed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The kernel or the host refused a change.
    #[error("{message}")]
    Refused {
        /// What was refused, and why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

impl ControlError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Config(error) => error.hint(),
            Self::Refused { hint, .. } => hint,
            Self::Stopping => "start it again with `loadbalancer run`",
        }
    }
}

/// What a change did, in words, such as "added backend web-3 (10.0.0.13:8080) to service web".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// One line for each thing that changed; empty when nothing did.
    pub changes: Vec<String>,
}

/// Where an answer goes.
pub type Reply<T> = oneshot::Sender<Result<T, ControlError>>;

/// What the controller is asked.
#[derive(Debug)]
pub enum Request {
    /// Change the configuration, in memory and in its file.
    Edit(Edit, Reply<Changed>),
    /// Read the file again and apply it.
    Reload(Reply<Changed>),
    /// The text of the running configuration.
    Config(Reply<String>),
    /// What runs.
    Status(Reply<Status>),
    /// Counters and rates.
    Stats {
        /// With the counters of each CPU.
        per_cpu: bool,
        /// Where the answer goes.
        reply: Reply<Stats>,
    },
    /// The state of every backend.
    Health(Reply<HealthReport>),
}

/// A cloneable way to ask the controller.
#[derive(Clone, Debug)]
pub struct Handle {
    requests: mpsc::Sender<Request>,
}

impl Handle {
    /// A handle that sends to the controller's queue.
    pub fn new(requests: mpsc::Sender<Request>) -> Self {
        Self { requests }
    }

    async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T, ControlError> {
        let (reply, answer) = oneshot::channel();
        if self.requests.send(request(reply)).await.is_err() {
            return Err(ControlError::Stopping);
        }
        answer.await.unwrap_or(Err(ControlError::Stopping))
    }

    /// Changes the configuration.
    ///
    /// # Errors
    ///
    /// When the edit or its result is not valid, or the kernel refuses it; nothing changed then.
    pub async fn edit(&self, edit: Edit) -> Result<Changed, ControlError> {
        self.ask(|reply| Request::Edit(edit, reply)).await
    }

    /// Applies the configuration file anew.
    ///
    /// # Errors
    ///
    /// When the file is not valid, or the kernel refuses it; nothing changed then.
    pub async fn reload(&self) -> Result<Changed, ControlError> {
        self.ask(Request::Reload).await
    }

    /// The text of the running configuration.
    ///
    /// # Errors
    ///
    /// When the daemon is stopping.
    pub async fn config(&self) -> Result<String, ControlError> {
        self.ask(Request::Config).await
    }

    /// What runs.
    ///
    /// # Errors
    ///
    /// When the daemon is stopping.
    pub async fn status(&self) -> Result<Status, ControlError> {
        self.ask(Request::Status).await
    }

    /// Counters and rates.
    ///
    /// # Errors
    ///
    /// When the maps cannot be read, or the daemon is stopping.
    pub async fn stats(&self, per_cpu: bool) -> Result<Stats, ControlError> {
        self.ask(|reply| Request::Stats { per_cpu, reply }).await
    }

    /// The state of every backend.
    ///
    /// # Errors
    ///
    /// When the daemon is stopping.
    pub async fn health(&self) -> Result<HealthReport, ControlError> {
        self.ask(Request::Health).await
    }
}
