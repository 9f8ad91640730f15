//! The linker of the kernel side, built on the same LLVM as the compiler.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use super::steps::Steps;
use super::toolchain::{LINKER, LINKER_VERSION, LLVM_MAJOR, find_linker, forget_host};
use crate::command::output;

const WHAT: &str = "eBPF linker";

pub(super) fn ensure(steps: &mut Steps) -> Result<()> {
    if let Ok(linker) = find_linker() {
        let detail = format!("{LINKER} {LINKER_VERSION} at {}", linker.display());
        return steps.found(WHAT, &detail);
    }
    let llvm = ensure_llvm(steps).context(WHAT)?;
    steps.doing(WHAT, &format!("installing {LINKER} {LINKER_VERSION}, about a minute"))?;
    install(&llvm).context(WHAT)?;
    let linker = find_linker().map_err(|reason| {
        anyhow!("{WHAT}: {reason}, although it was installed: put cargo's bin first in PATH")
    })?;
    steps.doing(WHAT, &format!("installed {}", linker.display()))
}

/// The directory of LLVM's headers, libraries and `llvm-config`.
fn ensure_llvm(steps: &mut Steps) -> Result<PathBuf> {
    let prefix = env::var_os("LLVM_PREFIX")
        .map_or_else(|| PathBuf::from(format!("/usr/lib/llvm-{LLVM_MAJOR}")), PathBuf::from);
    if has_llvm(&prefix) {
        return Ok(prefix);
    }
    let package = format!("llvm-{LLVM_MAJOR}-dev");
    steps.doing(WHAT, &format!("installing Debian's {package}"))?;
    steps.apt.install(&[&package])?;
    has_llvm(&prefix).then_some(prefix).with_context(|| {
        format!("install LLVM {LLVM_MAJOR} with its headers, and name its directory in LLVM_PREFIX")
    })
}

fn has_llvm(prefix: &Path) -> bool {
    prefix.join("bin/llvm-config").exists() && prefix.join("include/llvm-c").exists()
}

fn install(llvm: &Path) -> Result<()> {
    let mut path = OsString::from(llvm.join("bin"));
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_host(&mut command);
    if let Some(toolchain) = env::var_os("RUSTUP_TOOLCHAIN") {
        command.env("RUSTUP_TOOLCHAIN", toolchain);
    }
    command
        .env("PATH", path)
        .env("LLVM_PREFIX", llvm)
        // A linker of another version, or one that lost its libraries, is replaced.
        .args(["install", LINKER, "--version", LINKER_VERSION, "--locked", "--force"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{LLVM_MAJOR}"));
    output(&mut command).map(drop)
}
