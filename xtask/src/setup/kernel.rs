//! What loading and pinning programs needs of the running kernel, and of who runs it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::apt::is_root;
use super::steps::Steps;
use super::toolchain::is_at_least;
use crate::command::output;

const WHAT: &str = "kernel";
const RELEASE: &str = "/proc/sys/kernel/osrelease";
const BTF: &str = "/sys/kernel/btf/vmlinux";
const BPFFS: &str = "/sys/fs/bpf";
/// The oldest long-term release with every feature that the program uses.
const OLDEST_RELEASE: &str = "5.15";

pub(super) fn ensure(steps: &mut Steps) -> Result<()> {
    let release = fs::read_to_string(RELEASE).with_context(|| format!("cannot read {RELEASE}"))?;
    let release = release.trim();
    ensure!(
        is_at_least(release, OLDEST_RELEASE),
        "{WHAT}: this is Linux {release}; boot {OLDEST_RELEASE} or later"
    );
    ensure!(
        Path::new(BTF).exists(),
        "{WHAT}: {BTF} is missing; boot a kernel built with CONFIG_DEBUG_INFO_BTF=y"
    );
    ensure!(is_root(), "{WHAT}: only root may load programs and make network namespaces; use sudo");
    ensure_bpffs(steps)?;
    steps.found(WHAT, &format!("Linux {release} with BTF, and root"))
}

/// Pinned programs and maps live in this file system.
fn ensure_bpffs(steps: &Steps) -> Result<()> {
    let mounts = fs::read_to_string("/proc/self/mounts").context("cannot read the mounts")?;
    if is_mounted(&mounts) {
        return steps.found("bpffs", BPFFS);
    }
    steps.doing("bpffs", &format!("mounting it at {BPFFS}"))?;
    output(Command::new("mount").args(["-t", "bpf", "bpf", BPFFS])).map(drop)
}

fn is_mounted(mounts: &str) -> bool {
    mounts.lines().any(|line| {
        let mut words = line.split(' ').skip(1);
        words.next() == Some(BPFFS) && words.next() == Some("bpf")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bpffs_counts_only_at_its_place() {
        assert!(is_mounted("proc /proc proc rw 0 0\nbpf /sys/fs/bpf bpf rw,mode=700 0 0\n"));
        assert!(!is_mounted("bpf /run/other bpf rw 0 0\ntmpfs /sys/fs/bpf tmpfs rw 0 0\n"));
    }
}
