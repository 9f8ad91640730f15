//! The compilers and the linker that can build the kernel side, and how to tell whether they stand.
//!
//! `build.rs` asks before it builds and `cargo xtask setup` before it installs. Both include this
//! file, so what the one accepts is what the other can use.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Chooses the compiler: `debian`, `nightly`, or a dated nightly such as `nightly-2026-05-20`.
pub(crate) const TOOLCHAIN_VARIABLE: &str = "LOADBALANCER_EBPF_TOOLCHAIN";
pub(crate) const LINKER: &str = "bpf-linker";
pub(crate) const LINKER_VERSION: &str = "0.13.0";
/// The linker is built on this LLVM, and reads what a compiler on the same one wrote.
pub(crate) const LLVM_MAJOR: &str = "22";

const DEBIAN_PROGRAMS: &str = "/usr/bin";
const DEBIAN_TARGETS: &str = "/usr/lib/rustlib";

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

/// A compiler that can build for the BPF target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// `rustc-web`, `cargo-web` and `libstd-rust-web-dev-bpf`, which ships `core` for the target.
    Debian,
    /// A nightly of rustup by this name, with `rust-src`, which builds `core` itself.
    Nightly(String),
}

impl Toolchain {
    /// The compilers that may be used, best first.
    ///
    /// # Errors
    ///
    /// The environment variable names none of them.
    pub(crate) fn candidates() -> Result<Vec<Self>, String> {
        let nightly = || Self::Nightly("nightly".to_owned());
        match env::var(TOOLCHAIN_VARIABLE).unwrap_or_default().as_str() {
            "" => Ok(vec![Self::Debian, nightly()]),
            "debian" => Ok(vec![Self::Debian]),
            "nightly" => Ok(vec![nightly()]),
            dated if dated.starts_with("nightly-") => Ok(vec![Self::Nightly(dated.to_owned())]),
            other => Err(format!(
                "{TOOLCHAIN_VARIABLE} is `{other}`: set it to `debian`, `nightly` or a dated \
                 nightly, or leave it out"
            )),
        }
    }

    /// What stands, in a few words.
    ///
    /// # Errors
    ///
    /// Why this compiler cannot build for `target`.
    pub(crate) fn check(&self, target: &str) -> Result<String, String> {
        let version = self.version()?;
        self.check_core(target)?;
        let release = field(&version, "release: ");
        if !is_at_least(release, env!("CARGO_PKG_RUST_VERSION")) {
            return Err(format!("{} is {release}, too old", self.name()));
        }
        let llvm = field(&version, "LLVM version: ");
        if llvm.split('.').next() != Some(LLVM_MAJOR) {
            return Err(format!(
                "{} is on LLVM {llvm}, and {LINKER} on LLVM {LLVM_MAJOR}: name a nightly on LLVM \
                 {LLVM_MAJOR} in {TOOLCHAIN_VARIABLE}, such as nightly-2026-05-20",
                self.name()
            ));
        }
        Ok(format!("{} {release}", self.name()))
    }

    /// A program of this toolchain, free of the host build's settings.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = match self {
            Self::Debian => Command::new(Path::new(DEBIAN_PROGRAMS).join(name)),
            // Not by `+toolchain`: PATH may name a cargo that is not rustup's.
            Self::Nightly(toolchain) => {
                let rustup = find_program("rustup").unwrap_or_else(|| "rustup".into());
                let mut command = Command::new(rustup);
                command.args(["run", toolchain, name]);
                command
            }
        };
        forget_host(&mut command);
        if *self == Self::Debian {
            command.env("RUSTC", Path::new(DEBIAN_PROGRAMS).join("rustc"));
            // The BPF target's features are unstable, and this compiler is a stable release.
            command.env("RUSTC_BOOTSTRAP", "1");
        }
        command
    }

    fn name(&self) -> String {
        match self {
            Self::Debian => "Debian's rustc".to_owned(),
            Self::Nightly(name) => format!("rustup's {name}"),
        }
    }

    fn version(&self) -> Result<String, String> {
        let missing = || format!("{} is not installed", self.name());
        if *self == Self::Debian && !Path::new(DEBIAN_PROGRAMS).join("cargo").exists() {
            return Err(missing());
        }
        output(self.program("rustc").arg("-vV")).ok_or_else(missing)
    }

    fn check_core(&self, target: &str) -> Result<(), String> {
        match self {
            Self::Debian if Path::new(DEBIAN_TARGETS).join(target).is_dir() => Ok(()),
            Self::Debian => Err(format!("{} lacks `core` for {target}", self.name())),
            Self::Nightly(_) => {
                let mut rustc = self.program("rustc");
                let sysroot = output(rustc.args(["--print", "sysroot"])).unwrap_or_default();
                let source = "lib/rustlib/src/rust/library/core/Cargo.toml";
                if Path::new(sysroot.trim()).join(source).exists() {
                    return Ok(());
                }
                Err(format!("{} lacks the component rust-src", self.name()))
            }
        }
    }
}

/// The target whose byte order is the host's.
pub(crate) fn bpf_target(is_big_endian: bool) -> &'static str {
    if is_big_endian { "bpfeb-unknown-none" } else { "bpfel-unknown-none" }
}

/// The linker, if it runs and is the version that the build was tried with.
///
/// # Errors
///
/// Why it cannot be used.
pub(crate) fn find_linker() -> Result<PathBuf, String> {
    let linker = find_program(LINKER)
        .ok_or_else(|| format!("{LINKER} {LINKER_VERSION} is not installed"))?;
    let version = output(Command::new(&linker).arg("--version"))
        .ok_or_else(|| format!("{} does not run", linker.display()))?;
    let version = field(&version, "bpf-linker ");
    if version != LINKER_VERSION {
        let path = linker.display();
        return Err(format!("{path} is version {version}, and the build needs {LINKER_VERSION}"));
    }
    Ok(linker)
}

/// A program in PATH, or where rustup and `cargo install` put theirs.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    env::split_paths(&path)
        .chain(cargo_home.map(|home| home.join("bin")))
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// Whether a version such as `1.96.0` is `wanted` or later, by its first two numbers.
pub(crate) fn is_at_least(version: &str, wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split('.').take(2).map_while(|part| part.parse().ok()).collect()
    };
    numbers(version) >= numbers(wanted)
}

/// Drops the host build's settings. Those of the network and the registries stay.
pub(crate) fn forget_host(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_hosts = HOST_VARIABLES.contains(&text.as_ref())
            || HOST_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if is_hosts {
            command.env_remove(&name);
        }
    }
}

/// What follows `key` on its line of a program's description of itself; empty without such a line.
fn field<'text>(text: &'text str, key: &str) -> &'text str {
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim()
}

/// What a program that succeeded printed.
fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
