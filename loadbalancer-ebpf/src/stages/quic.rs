//! Which backend does the QUIC connection of a packet belong to?
//!
//! The server id in the connection id tells, wherever the packet comes from, so a connection keeps
//! its backend when its client's address changes. Nothing is remembered for it.
//!
//! Cost: two look-ups, about 100 ns; encrypted ids one block of AES besides, 90 ns, or three or four.
//! Source: draft-ietf-quic-load-balancers-21, section 4.2, step 1; the others are `stages::select`.

use loadbalancer_common::{
    BackendFlags, NO_ID, Service,
    packet::{Frame, Header, Packet},
    quic::{ConnectionId, Halves, QuicConfigKey, QuicLbConfig, QuicServerKey},
};

use crate::{
    frame::XdpFrame,
    globals::QUIC,
    maps::{BACKENDS, QUIC_CONFIGS, QUIC_SERVERS, SCRATCH_QUIC},
};

/// The id of the backend that the packet's connection id names, or [`NO_ID`] where it names none
/// that the packet can go to: then the flow decides, as for every service.
#[inline(always)]
pub(crate) fn named_backend<A>(frame: &XdpFrame, packet: &Packet<A>, service: &Service) -> u32 {
    if QUIC.load() == 0 || service.quic == 0 {
        return NO_ID;
    }
    look_up(frame, packet.transport_offset, service.id)
}

/// The same for the datagram at `offset`.
///
/// A function of its own, not inlined, the same for both families: it needs much stack, and the way
/// of a packet to other services none of it.
#[inline(never)]
fn look_up(frame: &XdpFrame, offset: usize, service: u32) -> u32 {
    let Some(reading) = SCRATCH_QUIC.get_ptr_mut(0) else { return NO_ID };
    // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
    let reading = unsafe { &mut *reading };
    let found = find(frame, offset, service, reading).unwrap_or(NO_ID);
    // Through memory, so that the verifier goes on from here once, not once for each way above.
    // SAFETY: a reference to a number that nobody else has.
    unsafe { core::ptr::from_mut(&mut reading.found).write_volatile(found) };
    // SAFETY: as above.
    unsafe { core::ptr::from_ref(&reading.found).read_volatile() }
}

/// What [`look_up`] works on.
#[repr(C, align(8))]
pub(crate) struct Reading {
    id: ConnectionId,
    halves: Halves,
    key: QuicServerKey,
    found: u32,
}

#[inline(always)]
fn find(frame: &XdpFrame, offset: usize, service: u32, reading: &mut Reading) -> Option<u32> {
    let Reading { id, key, .. } = &mut *reading;
    *id = ConnectionId::of_datagram(&Parsed(frame), offset)?;
    let config_key = QuicConfigKey { service, rotation: u32::from(id.rotation()) };
    // SAFETY: the daemon replaces values whole, and the kernel frees an element that was replaced
    // only when no program reads it any more.
    let config = unsafe { QUIC_CONFIGS.get(config_key) }?;
    key.service = service;
    if quic_server_id(config, reading) == 0 {
        return None;
    }
    let Reading { id, key, .. } = reading;
    // SAFETY: as above; the value is copied at once.
    let backend = *unsafe { QUIC_SERVERS.get(*key) }?;
    let entry = BACKENDS.get(backend)?;
    (entry.service == service && takes(entry.flags, id.is_long)).then_some(backend)
}

/// Reads the server id: whether there is one.
///
/// A function that the verifier checks by itself, once, and not again for each way that leads here:
/// such a function has a name that others see, and takes numbers and pointers that may be null.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn quic_server_id(config: *const QuicLbConfig, reading: *mut Reading) -> u32 {
    // SAFETY: null, or an element of `QUIC_CONFIGS`; the verifier checks that it is one.
    let Some(config) = (unsafe { config.as_ref() }) else { return 0 };
    // SAFETY: null, or the element of `SCRATCH_QUIC`, of which the caller uses nothing meanwhile.
    let Some(reading) = (unsafe { reading.as_mut() }) else { return 0 };
    let Some(server) = config.server_id(&reading.id, &mut reading.halves) else { return 0 };
    reading.key.server = server;
    1
}

/// Whether a packet that names a backend goes there.
///
/// An established connection, whose packets have short headers, stays while the backend exists, also
/// while it drains or fails its checks: any other could only reset it. The id of a long header may
/// be one that a client made up and names a server by chance, so it must take new flows; a handshake
/// that was under way when it stopped to do so is kept by its flow.
#[inline(always)]
fn takes(flags: BackendFlags, is_long: bool) -> bool {
    if is_long {
        flags.contains(BackendFlags::NEW_FLOWS)
    } else {
        !flags.contains(BackendFlags::DISABLED)
    }
}

/// A frame at offsets that the parser found, with a bound that the verifier sees.
struct Parsed<'frame>(&'frame XdpFrame);

impl Frame for Parsed<'_> {
    #[inline(always)]
    fn length(&self) -> usize {
        self.0.length()
    }

    #[inline(always)]
    fn header<T: Header>(&self, offset: usize) -> Option<&T> {
        self.0.parsed_header_mut(offset).map(|header| &*header)
    }
}
