//! Which backend serves the flow?

use loadbalancer_common::{
    Backend, BackendFlags, Be16, Connection, ConnectionState, DropReason, Event, FlowKey,
    ForwardMode, MacWord, NO_ID, PROTOCOL_TCP, Service, Verdict, hash,
    packet::{Packet, TCP_FIN, TCP_RST},
};

use crate::{
    clock, counters,
    family::Family,
    forward::nat,
    frame::XdpFrame,
    maps::{BACKENDS, LOOKUP_TABLES},
    stages::quic,
};

/// The backend of a packet, and what forwarding must know of its connection.
pub(crate) struct Selected {
    /// Id of the backend.
    pub(crate) id: u32,
    /// The backend itself.
    pub(crate) backend: &'static Backend,
    /// Our port towards the backend, in forward mode `nat`.
    pub(crate) nat_port: Be16,
    /// Whether this is the flow's first packet.
    pub(crate) is_new: bool,
}

/// Picks the backend of a packet to `service`: the one that its flow has, or the one it hashes to.
#[inline(always)]
pub(crate) fn select_backend<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    service: &Service,
) -> Result<Selected, Verdict> {
    let flow = FlowKey {
        client: packet.source,
        client_port: packet.source_port,
        port: packet.destination_port,
        service: service.id,
    };
    let opening =
        Opening { now: clock::now_ns(), named: quic::named_backend(frame, packet, service) };
    let mut former = NO_ID;
    if let Some(connection) = A::connections().get_ptr_mut(flow) {
        // SAFETY: entries are preallocated and never freed. If this one is evicted and reused
        // meanwhile, what is read is some connection's, and the backend's service is checked; what
        // is written is a time and a state that the next packet sets again.
        let connection = unsafe { &mut *connection };
        if let Some(selected) = keep(frame, packet, service, connection, &opening) {
            return Ok(selected);
        }
        former = connection.backend;
    }
    let Opened { id, nat_port } = Opened::unpack(open(frame, packet, service, &flow, &opening))?;
    if former != NO_ID && former != id {
        counters::count_event(Event::ConnectionMoved);
    }
    let backend = BACKENDS.get(id).ok_or(Verdict::Drop(DropReason::NoBackend))?;
    Ok(Selected { id, backend, nat_port, is_new: true })
}

/// The backend that a known flow has, if the flow keeps it.
#[inline(always)]
fn keep<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    service: &Service,
    connection: &mut Connection,
    opening: &Opening,
) -> Option<Selected> {
    let id = connection.backend;
    let backend = BACKENDS.get(id)?;
    let keeps = match opening.named {
        NO_ID => keeps_flow(packet, backend, connection.state),
        named => named == id,
    };
    if backend.service != service.id || !keeps {
        return None;
    }
    let translates = service.forward == ForwardMode::Nat as u8;
    if translates && !nat::is_own_port(connection.nat_port) {
        return None;
    }
    connection.last_seen_ns = opening.now;
    if !packet.is_syn() {
        connection.state = connection.state.with(ConnectionState::ESTABLISHED);
    }
    if translates {
        nat::follow_client(frame, packet, backend, connection);
    }
    if packet.tcp_flags & (TCP_FIN | TCP_RST) != 0 {
        note_end(packet, service, backend, connection);
    }
    Some(Selected { id, backend, nat_port: connection.nat_port, is_new: false })
}

/// Whether a flow in this state stays with its backend.
///
/// An established TCP connection stays while the backend exists, also while it drains or fails its
/// checks: another backend could only reset it. What has nothing to lose, a handshake or a UDP
/// flow, goes to a backend that serves it. A SYN after the end is a new connection.
#[inline(always)]
fn keeps_flow<A>(packet: &Packet<A>, backend: &Backend, state: ConnectionState) -> bool {
    const ENDED: u8 = ConnectionState::CLIENT_FIN.0 | ConnectionState::RESET.0;
    if backend.flags.contains(BackendFlags::DISABLED) {
        false
    } else if packet.protocol != PROTOCOL_TCP {
        backend.flags.contains(BackendFlags::ALIVE)
    } else if !packet.is_syn() {
        true
    } else if state.contains(ConnectionState::ESTABLISHED) {
        // A stray SYN must not move a live connection: its backend challenges it (RFC 5961).
        state.0 & ENDED == 0 && backend.flags.contains(BackendFlags::ALIVE)
    } else {
        backend.flags.contains(BackendFlags::NEW_FLOWS)
    }
}

/// Remembers that the client ended the connection.
#[inline(always)]
fn note_end<A: Family>(
    packet: &Packet<A>,
    service: &Service,
    backend: &Backend,
    connection: &mut Connection,
) {
    let end = if packet.tcp_flags & TCP_RST != 0 {
        ConnectionState::RESET
    } else {
        ConnectionState::CLIENT_FIN
    };
    connection.state = connection.state.with(end);
    if service.forward == ForwardMode::Nat as u8 {
        nat::note_end(packet, backend, connection.nat_port, end);
    }
}

/// What is known of a packet before its flow is looked at.
struct Opening {
    /// The time, in ns of the monotonic clock.
    now: u64,
    /// Id of the backend that its connection id names, or [`NO_ID`].
    named: u32,
}

/// The answer of [`open`]: a backend and a port, or why there is none.
///
/// A function of the BPF target returns one register, so both are packed into it.
struct Opened {
    id: u32,
    nat_port: Be16,
}

impl Opened {
    const FAILED: u64 = 1 << 63;

    #[inline(always)]
    fn pack(opened: &Result<Self, DropReason>) -> u64 {
        match *opened {
            Ok(Self { id, nat_port }) => (u64::from(id) << 16) | u64::from(nat_port.get()),
            Err(reason) => Self::FAILED | reason as u64,
        }
    }

    #[inline(always)]
    fn unpack(packed: u64) -> Result<Self, Verdict> {
        const REASON: u64 = 0xff;
        if packed & Self::FAILED == 0 {
            let nat_port = Be16::new((packed & 0xffff) as u16);
            return Ok(Self { id: (packed >> 16) as u32, nat_port });
        }
        let reason = DropReason::from_number((packed & REASON) as u32);
        Err(Verdict::Drop(reason.unwrap_or(DropReason::NoBackend)))
    }
}

/// Gives a new flow its backend and remembers it.
///
/// A function of its own, not inlined: its stack is not the hot path's, which has 512 bytes in all.
#[inline(never)]
fn open<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    service: &Service,
    flow: &FlowKey<A>,
    opening: &Opening,
) -> u64 {
    Opened::pack(&choose_and_remember(frame, packet, service, flow, opening))
}

#[inline(always)]
fn choose_and_remember<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    service: &Service,
    flow: &FlowKey<A>,
    opening: &Opening,
) -> Result<Opened, DropReason> {
    let hash = packet.source.hash_flow(packet.source_port, packet.destination_port);
    let chosen = match opening.named {
        NO_ID => look_up(service, hash),
        named => BACKENDS.get(named).map(|backend| (named, backend)),
    };
    let (id, backend) = chosen.ok_or(DropReason::NoBackend)?;
    if !backend.flags.contains(BackendFlags::REACHABLE) {
        return Err(DropReason::NeighbourUnresolved);
    }
    if backend.family != A::VERSION {
        return Err(DropReason::NotTranslatable);
    }
    let mut connection = Connection {
        last_seen_ns: opening.now,
        backend: id,
        nat_port: Be16::ZERO,
        client_mac: MacWord::NONE,
        state: ConnectionState::default(),
        zero: 0,
    };
    if service.forward == ForwardMode::Nat as u8 {
        nat::open(frame, packet, backend, flow, hash, &mut connection)?;
    }
    if A::connections().insert(flow, connection, 0).is_err() {
        counters::count_event(Event::ConnectionNotKept);
    }
    Ok(Opened { id, nat_port: connection.nat_port })
}

/// The backend in the slot that the hash leads to.
#[inline(always)]
fn look_up(service: &Service, hash: u64) -> Option<(u32, &'static Backend)> {
    if service.table_size == 0 {
        return None;
    }
    let slot = service.table_offset.wrapping_add(hash::slot(hash, service.table_size));
    let [even, odd] = *LOOKUP_TABLES.get(slot / 2)?;
    let id = if slot.is_multiple_of(2) { even } else { odd };
    if id == NO_ID {
        return None;
    }
    let backend = BACKENDS.get(id)?;
    // A table that is being replaced may name a backend that has just left the service.
    (backend.service == service.id).then_some((id, backend))
}
