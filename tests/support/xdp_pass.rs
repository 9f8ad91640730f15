//! An XDP program that passes everything, for the switch's end of a cable.
//!
//! A veth hands frames that its peer sent by `XDP_TX` on at once only if it has a program itself;
//! with GRO alone they wait in its ring until some other frame wakes it (`veth_xdp_flush` asks for
//! a program). Two instructions need no compiler, so they are loaded as they are.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use anyhow::{Context, Result};
use nix::libc;

use crate::bpffs::{MOUNT_POINT, ensure_mounted};
use crate::namespace::Namespace;

const BPF_PROG_LOAD: libc::c_long = 5;
const BPF_OBJ_PIN: libc::c_long = 6;
const BPF_PROG_TYPE_XDP: u32 = 6;
/// The program takes frames in several buffers: without it, a veth refuses it at a larger MTU.
const BPF_F_XDP_HAS_FRAGS: u32 = 1 << 5;

/// `r0 = XDP_PASS; exit`, as the kernel encodes them: opcode, registers, offset, immediate.
const PROGRAM: [[u8; 8]; 2] = [[0xb7, 0, 0, 0, 2, 0, 0, 0], [0x95, 0, 0, 0, 0, 0, 0, 0]];

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
struct LoadAttributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}

/// The head of `union bpf_attr` for `BPF_OBJ_PIN`.
#[repr(C)]
struct PinAttributes {
    path: u64,
    fd: u32,
    flags: u32,
}

/// Attaches the program to `device` in `namespace`; it stays until the device goes.
pub(crate) fn attach(namespace: &Namespace, device: &str) -> Result<()> {
    ensure_mounted()?;
    let pin = Path::new(MOUNT_POINT).join(format!("{}-{device}", namespace.name()));
    let program = load().context("cannot load an XDP program")?;
    pin_at(&program, &pin).with_context(|| format!("cannot pin to {}", pin.display()))?;
    let path = pin.to_string_lossy();
    let attached = namespace.run(&["ip", "link", "set", "dev", device, "xdpdrv", "pinned", &path]);
    fs::remove_file(&pin).with_context(|| format!("cannot remove {}", pin.display()))?;
    attached.map(drop)
}

fn load() -> io::Result<OwnedFd> {
    let license = c"GPL";
    let attributes = LoadAttributes {
        program_type: BPF_PROG_TYPE_XDP,
        instruction_count: u32::try_from(PROGRAM.len()).unwrap_or(u32::MAX),
        instructions: PROGRAM.as_ptr() as u64,
        license: license.as_ptr() as u64,
        log_level: 0,
        log_size: 0,
        log_buffer: 0,
        kernel_version: 0,
        flags: BPF_F_XDP_HAS_FRAGS,
    };
    let fd = bpf(BPF_PROG_LOAD, &attributes)?;
    // SAFETY: the kernel has just opened it for this call alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn pin_at(program: &OwnedFd, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_encoded_bytes())?;
    let fd = u32::try_from(program.as_raw_fd()).map_err(io::Error::other)?;
    bpf(BPF_OBJ_PIN, &PinAttributes { path: path.as_ptr() as u64, fd, flags: 0 }).map(drop)
}

fn bpf<A>(command: libc::c_long, attributes: &A) -> io::Result<RawFd> {
    // SAFETY: the kernel reads `size_of::<A>()` bytes, and what they point to lives until it answers.
    let answer = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<A>())
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    RawFd::try_from(answer).map_err(io::Error::other)
}
