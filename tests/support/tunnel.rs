//! A tunnel's near end, as a balancer is one: what a host routes into it comes out in IP or GUE.
//!
//! Kernels that are built for small machines lack the tunnel devices, so this is none of theirs: a
//! TUN device takes the packets, and sockets of the kernel put the outer headers before them.

use std::fs::File;
use std::io::{Error, Read, Write};
use std::net::{IpAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};
use nix::libc;

use crate::addresses::Family;
use crate::host::Host;

/// Name of the device on the host.
const DEVICE: &str = "tun0";
/// Room for the outer headers on a link of 1500 bytes.
const MTU: &str = "1420";
/// UDP port of GUE (IANA).
const GUE_PORT: u16 = 6_080;
/// How long the thread may go on after the tunnel was dropped.
const LOOK_MS: libc::c_int = 20;

/// What an inner packet is put into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encapsulation {
    /// IP in IP.
    Ipip,
    /// GUE, variant 1.
    Gue,
}

/// A tunnel from a host; its device and routes go when it is dropped.
#[derive(Debug)]
pub struct Tunnel {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Tunnel {
    /// Opens a tunnel from `host` to `end`, and routes these addresses into it.
    pub fn open(
        host: &Host,
        end: IpAddr,
        encapsulation: Encapsulation,
        routed: &[IpAddr],
    ) -> Result<Self> {
        let (device, out) = host.namespace().enter(|| {
            let out = match encapsulation {
                Encapsulation::Ipip => Sockets::ipip(end)?,
                Encapsulation::Gue => Sockets::gue(end)?,
            };
            anyhow::Ok((open_device().context("cannot make a TUN device")?, out))
        })??;
        host.namespace().ip_batch(&format!("link set {DEVICE} mtu {MTU} up\n"))?;
        for address in routed {
            let family = Family::of(*address);
            let (length, source) = (family.host_prefix(), host.address(family));
            let route = format!("route add {address}/{length} dev {DEVICE} src {source}\n");
            host.namespace().ip_batch(&route)?;
        }
        let (sent, stop) = (Arc::default(), Arc::default());
        let carrier = Carrier { device, out, sent: Arc::clone(&sent), stop: Arc::clone(&stop) };
        Ok(Self { sent, stop, thread: Some(thread::spawn(move || carrier.carry())) })
    }

    /// Packets of IPv4 or IPv6 that went in: those of the kernel's own accord are among them.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::SeqCst)
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; there is nothing to add.
            thread.join().ok();
        }
    }
}

/// Connected sockets that put the outer header before what is written.
#[derive(Debug)]
struct Sockets {
    v4: File,
    v6: File,
}

impl Sockets {
    fn ipip(end: IpAddr) -> Result<Self> {
        Ok(Self { v4: raw(end, libc::IPPROTO_IPIP)?, v6: raw(end, libc::IPPROTO_IPV6)? })
    }

    fn gue(end: IpAddr) -> Result<Self> {
        let any = if end.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).context("cannot open a UDP socket")?;
        socket.connect((end, GUE_PORT)).context("cannot connect a UDP socket")?;
        let v4: OwnedFd = socket.into();
        let v6 = v4.try_clone().context("cannot share a socket")?;
        Ok(Self { v4: v4.into(), v6: v6.into() })
    }
}

/// What runs on the thread.
struct Carrier {
    device: File,
    out: Sockets,
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Carrier {
    fn carry(mut self) {
        let mut packet = [0; 2_048];
        while !self.stop.load(Ordering::SeqCst) {
            if !has_packet(&self.device) {
                continue;
            }
            // The device is gone with its namespace.
            let Ok(length) = self.device.read(&mut packet) else { return };
            let Some(packet) = packet.get(..length) else { return };
            let out = match packet.first().map(|first| first >> 4) {
                Some(4) => &mut self.out.v4,
                Some(6) => &mut self.out.v6,
                _ => continue,
            };
            // What cannot be sent is lost, as on any wire; whoever waits for it notices.
            if out.write_all(packet).is_ok() {
                self.sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// A raw socket that sends packets of `protocol` to `end`.
fn raw(end: IpAddr, protocol: libc::c_int) -> Result<File> {
    let family = if end.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    // SAFETY: no pointers are passed.
    let fd = unsafe { libc::socket(family, libc::SOCK_RAW | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(Error::last_os_error()).context("cannot open a raw socket");
    }
    // SAFETY: the kernel has just opened it for this call alone.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    connect(&socket, end).context("cannot connect a raw socket")?;
    Ok(socket.into())
}

fn connect(socket: &OwnedFd, end: IpAddr) -> Result<()> {
    match end {
        IpAddr::V4(end) => {
            // SAFETY: all zero is a value of it.
            let mut to: libc::sockaddr_in = unsafe { std::mem::zeroed() };
            to.sin_family = libc::sa_family_t::try_from(libc::AF_INET)?;
            to.sin_addr.s_addr = u32::from_ne_bytes(end.octets());
            connect_to(socket, &to)
        }
        IpAddr::V6(end) => {
            // SAFETY: all zero is a value of it.
            let mut to: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
            to.sin6_family = libc::sa_family_t::try_from(libc::AF_INET6)?;
            to.sin6_addr.s6_addr = end.octets();
            connect_to(socket, &to)
        }
    }
}

/// Connects to a socket address of whatever family `T` is of.
fn connect_to<T>(socket: &OwnedFd, to: &T) -> Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>())?;
    let to = std::ptr::from_ref(to).cast();
    // SAFETY: the kernel reads `length` bytes, the size of what `to` points to.
    if unsafe { libc::connect(socket.as_raw_fd(), to, length) } < 0 {
        return Err(Error::last_os_error().into());
    }
    Ok(())
}

/// Waits a moment for a packet to read.
fn has_packet(device: &File) -> bool {
    let mut ready = libc::pollfd { fd: device.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel reads and writes the one entry that it is told of.
    unsafe { libc::poll(&raw mut ready, 1, LOOK_MS) > 0 }
}

/// A TUN device in the namespace of the calling thread; it goes when the file is closed.
fn open_device() -> Result<File> {
    let file = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: all zero is a value of it: an empty name, no flags.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(DEVICE.bytes()) {
        *to = libc::c_char::try_from(from)?;
    }
    // Packets without a header of the device's own.
    let flags = libc::IFF_TUN | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags)?;
    // SAFETY: the kernel reads and writes one `ifreq`, which lives until it answers.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if answer < 0 {
        return Err(Error::last_os_error().into());
    }
    Ok(file)
}
