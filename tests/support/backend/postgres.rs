//! A backend's PostgreSQL: a server of its own with a database of its own, named as the backend.
//!
//! PostgreSQL refuses to run as root, so it runs as the user that Debian's package makes. Its
//! shared memory is in an IPC namespace of its own and in files, so that nothing stays when it is
//! killed. What it writes need not survive: nothing is synced.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::addresses::Family;
use crate::command::{run, system};
use crate::host::Host;
use crate::server::Server;

/// Port of the servers, the same as the VIP's.
pub const PORT: u16 = 5432;

/// Where Debian has the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user that owns the databases; a directory of root's is not refused by accident.
const AS_USER: [&str; 4] = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"];

/// An initialised database directory, made once and copied for each backend.
#[derive(Debug)]
pub(crate) struct Template {
    programs: PathBuf,
    directory: PathBuf,
}

impl Template {
    /// Initialises a database in `directory`, which is made.
    pub(crate) fn create(directory: PathBuf) -> Result<Self> {
        let programs = programs()?;
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        give_away(&directory)?;
        let initdb = programs.join("initdb");
        let [first, rest @ ..] = AS_USER;
        run(system(first).args(rest).arg(initdb).arg("--pgdata").arg(&directory).args([
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--wal-segsize=1",
        ]))?
        .success()?;
        // Clients come with any address.
        let access = "host all all 0.0.0.0/0 trust\nhost all all ::/0 trust\n";
        fs::write(directory.join("pg_hba.conf"), access).context("cannot write pg_hba.conf")?;
        Ok(Self { programs, directory })
    }
}

pub(super) fn server(host: &Host, directory: &Path, template: &Template) -> Result<Server> {
    let database = directory.join("postgres");
    run(system("cp").arg("--archive").arg(&template.directory).arg(&database))?.success()?;
    let postgres = template.programs.join("postgres").display().to_string();
    let settings = [
        format!("cluster_name={}", host.name()),
        "listen_addresses=*".to_owned(),
        "unix_socket_directories=".to_owned(),
        "dynamic_shared_memory_type=mmap".to_owned(),
        "shared_buffers=16MB".to_owned(),
        "fsync=off".to_owned(),
        "full_page_writes=off".to_owned(),
    ];
    let mut words = vec!["unshare".to_owned(), "--ipc".to_owned(), "--".to_owned()];
    words.extend(AS_USER.map(ToOwned::to_owned));
    words.extend([postgres, "-D".to_owned(), database.display().to_string()]);
    words.extend(["-p".to_owned(), PORT.to_string()]);
    words.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    let listens_on = Family::BOTH.map(|family| SocketAddr::new(host.address(family), PORT));
    let server = Server::new(words, &directory.join("postgres.log"), listens_on.to_vec());
    // An immediate shutdown, which ends its children too.
    Ok(server.ended_by(Signal::SIGQUIT))
}

/// The directory with the programs of the newest version.
fn programs() -> Result<PathBuf> {
    let versions = fs::read_dir(VERSIONS)
        .with_context(|| format!("no {VERSIONS}; `cargo xtask setup` installs PostgreSQL"))?;
    let mut newest: Option<(u32, PathBuf)> = None;
    for version in versions {
        let version = version.with_context(|| format!("cannot list {VERSIONS}"))?;
        let programs = version.path().join("bin");
        let number = version.file_name().to_string_lossy().parse().ok();
        let Some(number) = number.filter(|_| programs.join("initdb").exists()) else { continue };
        if newest.as_ref().is_none_or(|(newest, _)| number > *newest) {
            newest = Some((number, programs));
        }
    }
    let (_, programs) = newest
        .with_context(|| format!("no PostgreSQL in {VERSIONS}; `cargo xtask setup` installs it"))?;
    Ok(programs)
}

fn give_away(directory: &Path) -> Result<()> {
    run(system("chown").arg("postgres:postgres").arg(directory))?.success().map(drop)
}
