//! TCP and UDP headers behind either IP version.

use network_types::{tcp::TcpHdr, udp::UdpHdr};

use super::{Frame, Malformed, Packet};
use crate::{Be16, PROTOCOL_TCP, PROTOCOL_UDP};

const TCP_HEADER_LENGTH: usize = size_of::<TcpHdr>();
const UDP_HEADER_LENGTH: usize = size_of::<UdpHdr>();
/// Bytes 12 and 13 of a TCP header: data offset and flags.
const TCP_OFFSET_AND_FLAGS: usize = 12;

/// Reads ports, flags and whether data follows; `length` is what the IP header leaves for the
/// transport header and its data, in bytes. Other protocols are left as they are.
#[inline(always)]
pub(super) fn parse<F: Frame + ?Sized, A>(
    frame: &F,
    packet: &mut Packet<A>,
    length: usize,
) -> Result<(), Malformed> {
    match packet.protocol {
        PROTOCOL_TCP => tcp(frame, packet, length),
        PROTOCOL_UDP => udp(frame, packet, length),
        _ => Ok(()),
    }
}

#[inline(always)]
fn tcp<F: Frame + ?Sized, A>(
    frame: &F,
    packet: &mut Packet<A>,
    length: usize,
) -> Result<(), Malformed> {
    let bytes: &[u8; TCP_HEADER_LENGTH] = frame.header(packet.transport_offset).ok_or(Malformed)?;
    let header_length = usize::from(bytes[TCP_OFFSET_AND_FLAGS] >> 4) * 4;
    if header_length < TCP_HEADER_LENGTH || header_length > length {
        return Err(Malformed);
    }
    packet.source_port = Be16([bytes[0], bytes[1]]);
    packet.destination_port = Be16([bytes[2], bytes[3]]);
    packet.tcp_flags = bytes[TCP_OFFSET_AND_FLAGS + 1];
    packet.has_data = length > header_length;
    packet.has_ports = true;
    Ok(())
}

#[inline(always)]
fn udp<F: Frame + ?Sized, A>(
    frame: &F,
    packet: &mut Packet<A>,
    length: usize,
) -> Result<(), Malformed> {
    let header: &UdpHdr = frame.header(packet.transport_offset).ok_or(Malformed)?;
    let datagram_length = usize::from(u16::from_be_bytes(header.len));
    if datagram_length < UDP_HEADER_LENGTH || datagram_length > length {
        return Err(Malformed);
    }
    packet.source_port = Be16(header.src);
    packet.destination_port = Be16(header.dst);
    packet.has_data = datagram_length > UDP_HEADER_LENGTH;
    packet.has_ports = true;
    Ok(())
}
