//! Builds the kernel side and leaves its object at `$OUT_DIR/loadbalancer-ebpf`.
//!
//! Two toolchains can do it: Debian's own compiler, which ships `core` for the BPF target, and
//! rustup's nightly, which builds `core` from source. `LOADBALANCER_EBPF_TOOLCHAIN` chooses one
//! (`debian` or `nightly`); without it, Debian's is taken where it stands, else nightly.
//!
//! Invariant: the object does not depend on the outer build's profile, flags or wrappers, for
//! code built without optimization does not pass the verifier. The inner build has a target
//! directory of its own, so it never waits for the lock that the outer one holds.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const PACKAGE: &str = "loadbalancer-ebpf";
const TOOLCHAIN_VARIABLE: &str = "LOADBALANCER_EBPF_TOOLCHAIN";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const LINKER: &str = "bpf-linker";

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

/// What the outer cargo, rustup, clippy or a person set for the host's build.
const HOST_VARIABLES: [&str; 6] = [
    "CARGO",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "CLIPPY_ARGS",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// The same, by how the variable begins.
const HOST_PREFIXES: [&str; 5] =
    ["CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_UNSTABLE_", "RUSTC"];

fn main() -> ExitCode {
    match build_object() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

fn build_object() -> Result<(), String> {
    let workspace = workspace()?;
    watch(&workspace);
    let target = match variable("CARGO_CFG_TARGET_ENDIAN")?.as_str() {
        "big" => "bpfeb-unknown-none",
        _ => "bpfel-unknown-none",
    };
    let toolchain = Toolchain::choose(target)?;
    let linker = find_program(LINKER).ok_or_else(|| {
        format!("{LINKER}, which links the kernel side, is not installed: run `cargo xtask setup`")
    })?;
    println!("cargo::rerun-if-changed={}", linker.display());

    let out = PathBuf::from(variable("OUT_DIR")?);
    let target_directory = out.join("ebpf-target");
    let mut cargo = toolchain.cargo();
    forget_host(&mut cargo);
    toolchain.select(&mut cargo);
    cargo
        .current_dir(&workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", rustflags(&linker)?)
        .args(["build", "--locked", "--release", "--package", PACKAGE, "--bin", PACKAGE])
        .args(["--target", target, "--target-dir"])
        .arg(&target_directory)
        .args(PROFILE.iter().flat_map(|setting| ["--config", setting]));
    run(cargo)?;

    let object = target_directory.join(target).join("release").join(PACKAGE);
    fs::copy(&object, out.join(PACKAGE))
        .map_err(|cause| format!("cannot copy the kernel object {}: {cause}", object.display()))?;
    Ok(())
}

/// A compiler that can build for the BPF target.
#[derive(Clone, Copy)]
enum Toolchain {
    /// `rustc-web`, `cargo-web` and `libstd-rust-web-dev-bpf`.
    Debian,
    /// rustup's nightly with `rust-src`.
    Nightly,
}

impl Toolchain {
    fn choose(target: &str) -> Result<Self, String> {
        match env::var(TOOLCHAIN_VARIABLE).unwrap_or_default().as_str() {
            "" if debian_builds(target) => Ok(Self::Debian),
            "" if nightly_builds() => Ok(Self::Nightly),
            "" => {
                Err("no compiler for the kernel side is installed: run `cargo xtask setup`".into())
            }
            "debian" if debian_builds(target) => Ok(Self::Debian),
            "nightly" if nightly_builds() => Ok(Self::Nightly),
            chosen @ ("debian" | "nightly") => Err(format!(
                "{TOOLCHAIN_VARIABLE} is `{chosen}`, and that compiler is not installed, or too \
                 old, or lacks `core` for {target}: run `cargo xtask setup`"
            )),
            other => Err(format!(
                "{TOOLCHAIN_VARIABLE} is `{other}`: set it to `debian` or `nightly`, or leave it \
                 out, and run `cargo xtask setup`"
            )),
        }
    }

    fn cargo(self) -> Command {
        match self {
            Self::Debian => Command::new(DEBIAN_CARGO),
            Self::Nightly => rustup_nightly("cargo"),
        }
    }

    /// Sets what this toolchain needs beyond the common arguments.
    fn select(self, cargo: &mut Command) {
        match self {
            // The BPF target's features are unstable, and this compiler is a stable release.
            Self::Debian => cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1"),
            Self::Nightly => cargo.arg("-Zbuild-std=core"),
        };
    }
}

fn debian_builds(target: &str) -> bool {
    let has_core = Path::new("/usr/lib/rustlib").join(target).join("lib").is_dir();
    let mut version = Command::new(DEBIAN_RUSTC);
    version.arg("--version");
    Path::new(DEBIAN_CARGO).exists()
        && has_core
        && output(version).is_some_and(|version| is_recent(&version))
}

/// Whether `rustc 1.96.0 (...)` is at least the version that the workspace asks for.
fn is_recent(version: &str) -> bool {
    let number = |text: &str| -> Vec<u32> {
        text.split('.').take(2).filter_map(|part| part.parse().ok()).collect()
    };
    let wanted = env::var("CARGO_PKG_RUST_VERSION").unwrap_or_default();
    version.split(' ').nth(1).is_some_and(|found| number(found) >= number(&wanted))
}

fn nightly_builds() -> bool {
    let mut sysroot = rustup_nightly("rustc");
    forget_host(&mut sysroot);
    sysroot.args(["--print", "sysroot"]);
    output(sysroot).is_some_and(|sysroot| {
        Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/core/Cargo.toml").exists()
    })
}

/// `program` of the nightly toolchain. Not by `+nightly`: PATH may name a cargo without rustup.
fn rustup_nightly(program: &str) -> Command {
    let mut command = Command::new(find_program("rustup").unwrap_or_else(|| "rustup".into()));
    command.args(["run", "nightly", program]);
    command
}

/// A program in PATH, or where `cargo install` and rustup put theirs.
fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    env::split_paths(&path)
        .chain(cargo_home.map(|home| home.join("bin")))
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

fn rustflags(linker: &Path) -> Result<OsString, String> {
    let architecture = variable("CARGO_CFG_TARGET_ARCH")?;
    let mut flags = OsString::from("-Clinker=");
    flags.push(linker);
    for flag in [
        // aya-ebpf picks the layout of `pt_regs` by it; the program runs on the outer target.
        format!("--cfg=bpf_target_arch=\"{architecture}\""),
        // 32-bit jumps and atomics with a result: Linux 5.12 and later take them.
        "-Ctarget-cpu=v3".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        // Packed headers are read by words, not byte by byte.
        "-Clink-arg=--cpu-features=+allows-misaligned-mem-access".to_owned(),
    ] {
        flags.push("\x1f");
        flags.push(flag);
    }
    Ok(flags)
}

/// Drops the host's settings. Those of the network and the registries stay.
fn forget_host(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_hosts = HOST_VARIABLES.contains(&text.as_ref())
            || HOST_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if is_hosts {
            command.env_remove(&name);
        }
    }
}

fn run(mut command: Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    // Standard output carries instructions to the outer cargo.
    let status = command
        .stdout(Stdio::null())
        .status()
        .map_err(|cause| format!("cannot run {program}: {cause}; run `cargo xtask setup`"))?;
    if status.success() {
        return Ok(());
    }
    Err("the kernel side did not build, for the reason on stderr below; if that is not the code, \
         run `cargo xtask setup`"
        .into())
}

fn output(mut command: Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
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
    println!("cargo::rerun-if-env-changed={TOOLCHAIN_VARIABLE}");
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
    env::var(name).map_err(|cause| format!("{name}: {cause}; build with cargo"))
}
