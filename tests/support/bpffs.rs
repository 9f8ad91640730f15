//! The BPF file system that daemons and packet tests pin to.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use nix::fcntl::{Flock, FlockArg};
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::name::DIRECTORY;

/// Where the BPF file system is mounted.
pub(crate) const MOUNT_POINT: &str = "/sys/fs/bpf";

/// Mounts the BPF file system unless it is mounted.
///
/// Under a lock: a second mount would hide what was pinned in the first.
pub fn ensure_mounted() -> Result<()> {
    let lock_path = Path::new(DIRECTORY).join("lock");
    fs::create_dir_all(DIRECTORY).with_context(|| format!("cannot create {DIRECTORY}"))?;
    let lock = File::create(&lock_path)
        .with_context(|| format!("cannot create {}", lock_path.display()))?;
    let _held = Flock::lock(lock, FlockArg::LockExclusive)
        .map_err(|(_, failure)| anyhow!(failure).context("cannot lock the labs' directory"))?;
    let found = statfs(MOUNT_POINT).with_context(|| format!("cannot examine {MOUNT_POINT}"))?;
    if found.filesystem_type() == BPF_FS_MAGIC {
        return Ok(());
    }
    mount(Some("bpf"), MOUNT_POINT, Some("bpf"), MsFlags::empty(), None::<&str>)
        .with_context(|| format!("cannot mount the BPF file system at {MOUNT_POINT}"))
}
