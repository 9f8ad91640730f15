//! Is it a backend's reply to a translated connection? Then it goes back to its client.

use loadbalancer_common::{
    ConnectionState, DropReason, PROTOCOL_TCP, Translation, TranslationKey, Verdict,
    packet::{Packet, TCP_FIN, TCP_RST, TCP_SYN},
};

use crate::{
    clock,
    family::Family,
    forward::{nat, rewrite},
    frame::XdpFrame,
};

/// Translates a reply back and ends its way; anything else goes on.
///
/// Only packets to a port of the translation range are looked up, so that a client's packets to a
/// VIP cost two comparisons here.
#[inline(always)]
pub(crate) fn translate_back<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
) -> Result<(), Verdict> {
    if !packet.has_ports || !nat::is_own_port(packet.destination_port) {
        return Ok(());
    }
    match Answer::from_number(look_up(frame, packet)) {
        Answer::NotOurs => Ok(()),
        Answer::Transmit => Err(Verdict::Transmit),
        Answer::Redirect => Err(Verdict::Redirect),
        Answer::Malformed => Err(Verdict::Drop(DropReason::Malformed)),
    }
}

/// What [`look_up`] did with a packet. A function of the BPF target answers in one register.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Answer {
    NotOurs,
    Transmit,
    Redirect,
    Malformed,
}

impl Answer {
    #[inline(always)]
    const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::NotOurs,
            1 => Self::Transmit,
            2 => Self::Redirect,
            _ => Self::Malformed,
        }
    }
}

/// Sends a reply back to its client, if it is one.
///
/// A function of its own: replies are as frequent as requests, but its stack and its paths are then
/// not those of a client's packets.
#[inline(never)]
fn look_up<A: Family>(frame: &XdpFrame, packet: &Packet<A>) -> u32 {
    let key = TranslationKey {
        backend: packet.source,
        nat_address: packet.destination,
        backend_port: packet.source_port,
        nat_port: packet.destination_port,
        protocol: packet.protocol,
        zero: 0,
        zero2: 0,
    };
    let Some(translation) = A::translations().get_ptr_mut(key) else {
        return Answer::NotOurs as u32;
    };
    // SAFETY: entries are preallocated and never freed; if this one is evicted and reused while the
    // packet is rewritten, that packet goes to another client, whose host refuses it.
    let translation = unsafe { &mut *translation };
    note_progress(packet, translation);
    let answer = match send_back(frame, packet, translation) {
        Ok(Verdict::Redirect) => Answer::Redirect,
        Ok(_) => Answer::Transmit,
        Err(_) => Answer::Malformed,
    };
    answer as u32
}

/// Remembers that the backend answered, and whether it ended the connection.
#[inline(always)]
fn note_progress<A: Family>(packet: &Packet<A>, translation: &mut Translation<A>) {
    translation.last_seen_ns = clock::now_ns();
    let mut state = translation.state;
    if packet.tcp_flags & TCP_SYN == 0 {
        // A backend answers forged SYNs too; it goes on only with a client that exists.
        state = state.with(ConnectionState::ESTABLISHED);
    }
    if packet.protocol == PROTOCOL_TCP && packet.tcp_flags & (TCP_FIN | TCP_RST) != 0 {
        if packet.tcp_flags & TCP_RST == 0 {
            state = state.with(ConnectionState::BACKEND_FIN);
        } else {
            state = state.with(ConnectionState::RESET);
            if let Some(connection) = A::connections().get_ptr_mut(translation.flow) {
                // SAFETY: as for the translation.
                let connection = unsafe { &mut *connection };
                if nat::is_owner(connection, translation, packet.destination_port) {
                    connection.state = connection.state.with(ConnectionState::RESET);
                }
            }
        }
    }
    translation.state = state;
}

#[inline(always)]
fn send_back<A: Family>(
    frame: &XdpFrame,
    packet: &Packet<A>,
    translation: &Translation<A>,
) -> Result<Verdict, Verdict> {
    let to = rewrite::Endpoints {
        source: translation.vip,
        destination: translation.flow.client,
        source_port: translation.flow.port,
        destination_port: translation.flow.client_port,
    };
    rewrite::translate(frame, packet, &to)?;
    rewrite::send(frame, translation.client_mac, translation.own_mac, translation.ifindex)
}
