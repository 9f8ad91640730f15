//! Full translation: the backend sees our address and a port of ours; its replies come back
//! through us. It needs nothing of the backend.
//!
//! A new connection gets its port from its flow's hash. The same flow finds the same port again
//! while nobody else took it, so a connection that the connection
//! table forgot goes on.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::{BPF_EXIST, BPF_NOEXIST},
    helpers::generated::bpf_loop,
};
use loadbalancer_common::{
    Backend, Be16, Connection, ConnectionState, DropReason, Event, FlowKey, PROTOCOL_TCP,
    Translation, TranslationKey, Verdict, hash, packet::Packet,
};

use crate::{
    counters,
    family::Family,
    forward::rewrite,
    frame::XdpFrame,
    globals::{NAT_PORT_COUNT, NAT_PORT_FIRST},
    report,
    stages::select::Selected,
};

/// Ports that are tried for a new connection. The first half is not taken from a connection that
/// has just ended, whose backend may still hold it in TIME-WAIT.
const PROBES: u32 = 32;

const SECOND_NS: u64 = 1_000_000_000;
/// An established TCP connection that was silent for this long gives up its port. RFC 5382 asks for
/// at least 2 hours and 4 minutes.
const TCP_IDLE_NS: u64 = 7_440 * SECOND_NS;
/// The same for a handshake that was never answered (RFC 5382: at least 4 minutes for transitory
/// states; a SYN that stays unanswered for one minute is given up by its client's stack).
const TCP_OPENING_NS: u64 = 60 * SECOND_NS;
/// The same for a connection that ended: TIME-WAIT as Linux keeps it.
const TCP_ENDED_NS: u64 = 60 * SECOND_NS;
/// The same for a UDP flow (RFC 4787: at least 2 minutes).
const UDP_IDLE_NS: u64 = 120 * SECOND_NS;

/// Sends the packet to the backend from our own address and port.
#[inline(always)]
pub(crate) fn forward<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    selected: &Selected,
) -> Result<Verdict, Verdict> {
    let backend = selected.backend;
    let to = rewrite::Endpoints {
        source: A::nat_address(backend),
        destination: A::backend_address(backend),
        source_port: selected.nat_port,
        destination_port: backend_port(packet, backend),
    };
    rewrite::translate(frame, packet, &to)?;
    rewrite::send(frame, backend.next_hop, backend.source_mac, backend.ifindex)
}

#[inline(always)]
fn backend_port<A>(packet: &Packet<A>, backend: &Backend) -> Be16 {
    if backend.port == Be16::ZERO { packet.destination_port } else { backend.port }
}

#[inline(always)]
fn key<A: Family>(packet: &Packet<A>, backend: &Backend, nat_port: Be16) -> TranslationKey<A> {
    TranslationKey {
        backend: A::backend_address(backend),
        nat_address: A::nat_address(backend),
        backend_port: backend_port(packet, backend),
        nat_port,
        protocol: packet.protocol,
        zero: 0,
        zero2: 0,
    }
}

/// Whether a port is in the translation range; none is while translation is off.
#[inline(always)]
pub(crate) fn is_own_port(port: Be16) -> bool {
    let count = NAT_PORT_COUNT.load();
    count != 0 && port.get().wrapping_sub(NAT_PORT_FIRST.load()) < count
}

/// Whether a connection still goes by the port that this translation holds: its flow may have gone
/// on with another backend or port.
#[inline(always)]
pub(crate) fn is_owner<A>(
    connection: &Connection,
    translation: &Translation<A>,
    nat_port: Be16,
) -> bool {
    connection.backend == translation.backend && connection.nat_port == nat_port
}

/// Finds a port for a new connection and remembers the way back.
#[inline(always)]
pub(crate) fn open<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    backend: &Backend,
    flow: &FlowKey<A>,
    hash: u64,
    connection: &mut Connection,
) -> Result<(), DropReason> {
    if A::nat_address(backend).same(&A::UNSPECIFIED) {
        return Err(DropReason::NotTranslatable);
    }
    let (own_mac, client_mac) = frame.macs().ok_or(DropReason::Malformed)?;
    connection.client_mac = client_mac;
    // Too large for the stack that is left here.
    let translation = A::scratch().get_ptr_mut(0).ok_or(DropReason::Malformed)?;
    // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
    let translation = unsafe { &mut *translation };
    *translation = Translation {
        last_seen_ns: connection.last_seen_ns,
        backend: connection.backend,
        ifindex: frame.ifindex(),
        flow: *flow,
        vip: packet.destination,
        client_mac,
        own_mac,
        state: ConnectionState::default(),
        zero: 0,
        zero2: 0,
        zero3: 0,
    };
    let mut search =
        PortSearch { key: key(packet, backend, Be16::ZERO), translation, hash, is_found: false };
    let callback: Callback<A> = probe::<A>;
    // SAFETY: the callback and its context have the types that `bpf_loop` passes on, and the
    // context outlives the call.
    unsafe {
        bpf_loop(PROBES, callback as *mut c_void, (&raw mut search).cast(), 0);
    }
    if search.is_found {
        connection.nat_port = search.key.nat_port;
        return Ok(());
    }
    report::ports_exhausted(connection.backend);
    Err(DropReason::NatPortsExhausted)
}

/// The search for a free port: what each probe needs and leaves.
struct PortSearch<'search, A> {
    key: TranslationKey<A>,
    translation: &'search Translation<A>,
    hash: u64,
    is_found: bool,
}

type Callback<A> = extern "C" fn(u64, &mut PortSearch<'_, A>) -> u64;

/// One probe; 1 ends the search. The kernel calls it, so the verifier reads it once, not once for
/// each probe.
extern "C" fn probe<A: Family>(probe: u64, search: &mut PortSearch<'_, A>) -> u64 {
    // Each probe hashes anew, so that crowded ports do not make their neighbours crowded.
    let count = u32::from(NAT_PORT_COUNT.load());
    let offset = hash::slot(hash::mix(search.hash.wrapping_add(probe)) >> 32, count);
    search.key.nat_port = Be16::new(NAT_PORT_FIRST.load().wrapping_add(offset as u16));
    let takes_ended = probe >= u64::from(PROBES / 2);
    search.is_found = claim(&search.key, search.translation, takes_ended);
    u64::from(search.is_found)
}

/// Takes the port in `key` if it is free, this very flow's, or held by a connection that is over.
#[inline(always)]
fn claim<A: Family>(
    key: &TranslationKey<A>,
    translation: &Translation<A>,
    takes_ended: bool,
) -> bool {
    let Some(holder) = A::translations().get_ptr(key) else {
        return A::translations().insert(key, translation, BPF_NOEXIST.into()).is_ok();
    };
    // SAFETY: entries are preallocated and never freed; what is read from one that is reused
    // meanwhile is another connection's, and the insertion below decides again.
    let holder = unsafe { &*holder };
    if !is_same_flow(&holder.flow, &translation.flow) {
        let owner = owner(key, holder);
        if is_live(key, holder, owner, translation.last_seen_ns, takes_ended) {
            return false;
        }
        if owner.is_some() {
            // It must not go on with a port that is another's. Gone meanwhile: nothing to do.
            let _gone = A::connections().remove(holder.flow);
        }
        counters::count_event(Event::NatPortReused);
    }
    A::translations().insert(key, translation, BPF_EXIST.into()).is_ok()
}

#[inline(always)]
fn is_same_flow<A: Family>(one: &FlowKey<A>, other: &FlowKey<A>) -> bool {
    one.client.same(&other.client)
        && one.client_port == other.client_port
        && one.port == other.port
        && one.service == other.service
}

/// The connection that holds a port, as the connection table remembers it.
#[inline(always)]
fn owner<A: Family>(
    key: &TranslationKey<A>,
    holder: &Translation<A>,
) -> Option<&'static Connection> {
    let connection = A::connections().get_ptr(holder.flow)?;
    // SAFETY: as in `claim`.
    let connection = unsafe { &*connection };
    is_owner(connection, holder, key.nat_port).then_some(connection)
}

/// Whether the connection that holds a port still needs it.
#[inline(always)]
fn is_live<A: Family>(
    key: &TranslationKey<A>,
    holder: &Translation<A>,
    owner: Option<&Connection>,
    now: u64,
    takes_ended: bool,
) -> bool {
    let mut last_seen = holder.last_seen_ns;
    let mut state = holder.state;
    // Replies alone do not tell: a client may send where nobody answers.
    if let Some(connection) = owner {
        last_seen = last_seen.max(connection.last_seen_ns);
        state = state.with(connection.state);
    }
    let lifetime = if key.protocol != PROTOCOL_TCP {
        UDP_IDLE_NS
    } else if state.is_closed() {
        if takes_ended { 0 } else { TCP_ENDED_NS }
    } else if state.contains(ConnectionState::ESTABLISHED) {
        TCP_IDLE_NS
    } else {
        TCP_OPENING_NS
    };
    now.saturating_sub(last_seen) < lifetime
}

/// Keeps the way back right when the client's packets begin to come from another next hop.
#[inline(always)]
pub(crate) fn follow_client<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    backend: &Backend,
    connection: &mut Connection,
) {
    let Some((own_mac, client_mac)) = frame.macs() else { return };
    if client_mac == connection.client_mac {
        return;
    }
    connection.client_mac = client_mac;
    let key = key(packet, backend, connection.nat_port);
    if let Some(translation) = A::translations().get_ptr_mut(key) {
        // SAFETY: as in `stages::reply`.
        let translation = unsafe { &mut *translation };
        translation.client_mac = client_mac;
        translation.own_mac = own_mac;
        translation.ifindex = frame.ifindex();
    }
}

/// Remembers in the way back that the client ended the connection.
#[inline(always)]
pub(crate) fn note_end<A: Family>(
    packet: &Packet<A>,
    backend: &Backend,
    nat_port: Be16,
    end: ConnectionState,
) {
    if let Some(translation) = A::translations().get_ptr_mut(key(packet, backend, nat_port)) {
        // SAFETY: as in `stages::reply`; a state is one byte.
        let state = unsafe { &mut (*translation).state };
        *state = state.with(end);
    }
}
