//! Opening the sockets and answering on them.
//!
//! Opening is apart from answering, so that the daemon can refuse to start before it touches an
//! interface: two daemons never work on the same maps, for the second finds the first one's socket.

use std::{
    fs, io,
    net::SocketAddr,
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, UnixListener},
    sync::oneshot,
    time::sleep,
};

use super::{limit::Limited, listener, socket_router};
use crate::daemon::Handle;

/// Owner and group may ask, others may not.
const SOCKET_MODE: u32 = 0o660;

/// How long requests that are under way may take once the daemon stops.
const GRACE: Duration = Duration::from_secs(2);

/// A socket that cannot be opened or served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another daemon listens there.
    #[error("another daemon answers at {}", path.display())]
    AnotherDaemon {
        /// The socket.
        path: PathBuf,
    },
    /// Something that is not a socket is in the way.
    #[error("{} is not a socket", path.display())]
    NotASocket {
        /// What was found.
        path: PathBuf,
    },
    /// The Unix socket cannot be opened.
    #[error("cannot open socket {}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The TCP address cannot be opened.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// Serving ended with an error.
    #[error("cannot serve requests")]
    Serve(#[source] io::Error),
}

impl ServeError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::AnotherDaemon { .. } => {
                "stop that daemon first, or give this one a socket of its own with `--socket`"
            }
            Self::NotASocket { .. } => "remove it, or name another path with `--socket`",
            Self::Socket { .. } => "run as root, or name a path you may write with `--socket`",
            Self::Listen { .. } => "set `listen` in section `[api]` to an address that is free",
            Self::Serve(_) => "see the log for what came before",
        }
    }
}

/// The open Unix socket of the API. Its file goes away with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::debug!(%error, path = %self.0.display(), "cannot remove the socket");
        }
    }
}

impl Socket {
    /// Opens the socket; creates its directory, and takes the place of a daemon that is gone.
    ///
    /// # Errors
    ///
    /// When another daemon answers there, something else is in the way, or the path cannot be
    /// written.
    pub fn open(path: &Path) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Socket { path: path.to_owned(), source };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(failed)?;
        let file = SocketFile(path.to_owned());
        fs::set_permissions(path, fs::Permissions::from_mode(SOCKET_MODE)).map_err(failed)?;
        Ok(Self { listener, file })
    }

    /// Answers until `shutdown`, then removes the socket.
    ///
    /// # Errors
    ///
    /// When serving ends early.
    pub async fn serve(
        self,
        handle: Handle,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let Self { listener, file } = self;
        let served = serve(Limited::new(listener), socket_router(handle), shutdown).await;
        drop(file);
        served
    }
}

/// The open TCP address of the read-only pages.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
}

impl Listener {
    /// Opens the address.
    ///
    /// # Errors
    ///
    /// When it is taken, or not this host's.
    pub async fn open(address: SocketAddr) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Listen { address, source };
        Ok(Self { listener: TcpListener::bind(address).await.map_err(failed)? })
    }

    /// The address, with the port that the kernel chose when it was 0.
    ///
    /// # Errors
    ///
    /// When the kernel does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until `shutdown`.
    ///
    /// # Errors
    ///
    /// When serving ends early.
    pub async fn serve(
        self,
        handle: Handle,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        serve(Limited::new(self.listener), listener::router(handle), shutdown).await
    }
}

/// Opens the API's socket and answers on it until `shutdown`.
///
/// # Errors
///
/// As [`Socket::open`] and [`Socket::serve`].
pub async fn serve_socket(
    handle: Handle,
    path: &Path,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    Socket::open(path)?.serve(handle, shutdown).await
}

/// Opens the read-only address and answers on it until `shutdown`.
///
/// # Errors
///
/// As [`Listener::open`] and [`Listener::serve`].
pub async fn serve_listener(
    handle: Handle,
    address: SocketAddr,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    Listener::open(address).await?.serve(handle, shutdown).await
}

/// Removes a socket that nobody answers on; a daemon that was killed leaves one behind.
fn remove_stale(path: &Path) -> Result<(), ServeError> {
    let failed = |source| ServeError::Socket { path: path.to_owned(), source };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_socket() {
        return Err(ServeError::NotASocket { path: path.to_owned() });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ServeError::AnotherDaemon { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

async fn serve<L>(
    listener: Limited<L>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError>
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let (stopping, stopped) = oneshot::channel();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        shutdown.await;
        // Nobody listens any more when serving ended by itself.
        stopping.send(()).ok();
    });
    let too_long = async {
        match stopped.await {
            Ok(()) => sleep(GRACE).await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = server => ended.map_err(ServeError::Serve),
        () = too_long => Ok(()),
    }
}
