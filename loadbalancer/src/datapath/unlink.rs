//! Ending a pinned link at once.
//!
//! When a link's pin is removed, the kernel ends the link some time later, on a busy machine
//! noticeably so: who asked for the program to be detached would still meet it.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

const BPF_OBJ_GET: libc::c_long = 7;
/// Source: kernel commit 73b11c2ab072 (5.9).
const BPF_LINK_DETACH: libc::c_long = 34;

/// `union bpf_attr` as `BPF_OBJ_GET` reads it.
#[repr(C)]
struct GetAttributes {
    path: u64,
    fd: u32,
    flags: u32,
}

/// `union bpf_attr` as `BPF_LINK_DETACH` reads it.
#[repr(C)]
struct DetachAttributes {
    link: u32,
}

/// Detaches the program of the link that is pinned at `path`; nothing to do where the link or its
/// interface is gone.
///
/// # Errors
///
/// The kernel's.
pub(super) fn end_link(path: &Path) -> io::Result<()> {
    let link = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        link => link?,
    };
    let number = u32::try_from(link.as_raw_fd()).map_err(io::Error::other)?;
    let attributes = DetachAttributes { link: number };
    match bpf(BPF_LINK_DETACH, &attributes) {
        Err(error) if error.raw_os_error() == Some(libc::ENOLINK) => Ok(()),
        result => result.map(drop),
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let attributes = GetAttributes { path: path.as_ptr() as u64, fd: 0, flags: 0 };
    let fd = bpf(BPF_OBJ_GET, &attributes)?;
    // SAFETY: a new descriptor, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn bpf<A>(command: libc::c_long, attributes: &A) -> io::Result<i32> {
    // SAFETY: the kernel reads as many bytes as the attributes have; what they point to lives until
    // the call returns.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size_of::<A>())
    };
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        i32::try_from(result).map_err(io::Error::other)
    }
}
