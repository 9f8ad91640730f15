//! Builds the kernel side and leaves its objects at `$OUT_DIR/loadbalancer-ebpf`, the balancer, and
//! `$OUT_DIR/decap`, the program of backends.
//!
//! Two toolchains can do it: Debian's own compiler, which ships `core` for the BPF target, and
//! rustup's nightly, which builds `core` from source. `LOADBALANCER_EBPF_TOOLCHAIN` chooses one;
//! without it, Debian's is taken where it stands, else nightly.
//!
//! Invariant: the object does not depend on the outer build's profile, flags or wrappers, for
//! code built without optimization does not pass the verifier. The inner build has a target
//! directory of its own, so it never waits for the lock that the outer one holds.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

#[path = "build/toolchain.rs"]
mod toolchain;

use toolchain::Toolchain;

const PACKAGE: &str = "loadbalancer-ebpf";

/// Its programs: an object each, so that loading one does not create the maps of the other.
const OBJECTS: [&str; 2] = ["loadbalancer-ebpf", "decap"];

/// Settings of the inner build, whatever the workspace's release profile says.
const PROFILE: [&str; 8] = [
    "profile.release.codegen-units=1",
    "profile.release.debug=2",
    "profile.release.debug-assertions=false",
    "profile.release.incremental=false",
    "profile.release.lto='fat'",
    "profile.release.opt-level=3",
    "profile.release.overflow-checks=false",
    "profile.release.panic='abort'",
];

/// Why there is no object.
enum Failure {
    /// Something is missing; the sentence says what.
    Setup(String),
    /// The inner build ran and failed; what it wrote says why.
    Build,
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Setup(message)
    }
}

fn main() -> ExitCode {
    match build_object() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Setup(message)) => {
            println!(
                "cargo::error=cannot build the kernel side: {message}; run `cargo xtask setup`"
            );
            // The line above fails the build. A failing status as well would bury it under
            // everything that this program printed.
            ExitCode::SUCCESS
        }
        // A failing status is what makes cargo show the inner build's messages.
        Err(Failure::Build) => {
            println!(
                "cargo::error=the kernel side did not build, for the reason under \"stderr\" \
                 below; when that is not the code, run `cargo xtask setup`"
            );
            ExitCode::FAILURE
        }
    }
}

fn build_object() -> Result<(), Failure> {
    let workspace = workspace()?;
    watch(&workspace);
    let target = toolchain::bpf_target(variable("CARGO_CFG_TARGET_ENDIAN")? == "big");
    let toolchain = choose(target)?;
    let linker = toolchain::find_linker()?;
    println!("cargo::rerun-if-changed={}", linker.display());

    let out = PathBuf::from(variable("OUT_DIR")?);
    let target_directory = out.join("ebpf-target");
    let mut cargo = toolchain.program("cargo");
    if let Toolchain::Nightly(_) = toolchain {
        cargo.arg("-Zbuild-std=core");
    }
    cargo
        .current_dir(&workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&linker)?)
        .args(["build", "--locked", "--release", "--package", PACKAGE])
        .args(OBJECTS.iter().flat_map(|object| ["--bin", object]))
        .args(["--target", target, "--target-dir"])
        .arg(&target_directory)
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
    run(&mut cargo)?;

    let built = target_directory.join(target).join("release");
    for name in OBJECTS {
        let object = built.join(name);
        fs::copy(&object, out.join(name))
            .map_err(|cause| format!("cannot copy {}: {cause}", object.display()))?;
    }
    Ok(())
}

/// The first candidate that can build for `target`, or what is wrong with each.
fn choose(target: &str) -> Result<Toolchain, String> {
    let mut reasons = Vec::new();
    for candidate in Toolchain::candidates()? {
        match candidate.check(target) {
            Ok(_) => return Ok(candidate),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join(", and "))
}

fn rustflags(linker: &Path) -> Result<OsString, String> {
    let architecture = variable("CARGO_CFG_TARGET_ARCH")?;
    let mut flags = OsString::from("-Clinker=");
    flags.push(linker);
    for flag in [
        // aya-ebpf picks the layout of `pt_regs` by it; the program runs on the outer target.
        &*format!("--cfg=bpf_target_arch=\"{architecture}\""),
        // 32-bit jumps, and atomics with a result: Linux 5.12 and later take them.
        "-Ctarget-cpu=v3",
        "-Clink-arg=--btf",
        // Packed headers are read by words, not byte by byte.
        "-Clink-arg=--cpu-features=+allows-misaligned-mem-access",
    ] {
        // What separates the flags in `CARGO_ENCODED_RUSTFLAGS`.
        flags.push("\x1f");
        flags.push(flag);
    }
    Ok(flags)
}

fn run(command: &mut Command) -> Result<(), Failure> {
    // Standard output carries instructions to the outer cargo.
    let status = command.stdout(Stdio::null()).status().map_err(|cause| {
        format!("cannot run {}: {cause}", command.get_program().to_string_lossy())
    })?;
    if status.success() { Ok(()) } else { Err(Failure::Build) }
}

fn workspace() -> Result<PathBuf, String> {
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    match package.parent() {
        Some(workspace) => Ok(workspace.to_owned()),
        None => Err(format!("{} is not inside the workspace", package.display())),
    }
}

/// Names everything that the object is made of.
fn watch(workspace: &Path) {
    println!("cargo::rerun-if-env-changed={}", toolchain::TOOLCHAIN_VARIABLE);
    for part in [
        "Cargo.lock",
        "Cargo.toml",
        "loadbalancer-common/Cargo.toml",
        "loadbalancer-common/src",
        "loadbalancer-ebpf/Cargo.toml",
        "loadbalancer-ebpf/src",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(part).display());
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|cause| format!("{name}: {cause}"))
}
