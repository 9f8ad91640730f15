//! A second reader of frames: who they are for, and whether their checksums are right.
//!
//! Written apart from the program's parser, over slices, so that a mistake in one shows.

use std::net::{IpAddr, SocketAddr};

use loadbalancer_common::Mac;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// A frame with a whole TCP segment or UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dissected {
    pub(crate) destination_mac: Mac,
    pub(crate) source_mac: Mac,
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    /// What the IPv4 header's checksum is wrong by; IPv6 has none.
    pub(crate) network_error: u16,
    /// What the transport checksum is wrong by; `None` for a datagram that leaves it out.
    pub(crate) transport_error: Option<u16>,
}

impl Dissected {
    /// Whether every checksum is right.
    pub(crate) fn is_intact(&self) -> bool {
        self.network_error == 0 && self.transport_error.unwrap_or(0) == 0
    }
}

/// Reads a frame; `None` when it holds no whole TCP segment or UDP datagram.
pub(crate) fn dissect(frame: &[u8]) -> Option<Dissected> {
    let mut rest = frame.get(12..)?;
    let mut tags = 0;
    while matches!(rest.get(..2)?, [0x81, 0x00] | [0x88, 0xa8]) && tags < 2 {
        rest = rest.get(4..)?;
        tags += 1;
    }
    let ip = rest.get(2..)?;
    let packet = match rest.get(..2)? {
        [0x08, 0x00] => ipv4(ip)?,
        [0x86, 0xdd] => ipv6(ip)?,
        _ => return None,
    };
    let port =
        |at: usize| Some(u16::from_be_bytes(packet.segment.get(at..at + 2)?.try_into().ok()?));
    Some(Dissected {
        destination_mac: frame.get(..6)?.try_into().ok()?,
        source_mac: frame.get(6..12)?.try_into().ok()?,
        source: SocketAddr::new(packet.source, port(0)?),
        destination: SocketAddr::new(packet.destination, port(2)?),
        network_error: packet.error,
        transport_error: transport_error(&packet, segment(&packet)?),
    })
}

/// The IP packet: its ends, its protocol, and what the IP header leaves to that.
struct Ip<'a> {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    segment: &'a [u8],
    error: u16,
}

fn ipv4(bytes: &[u8]) -> Option<Ip<'_>> {
    let first = *bytes.first()?;
    let header = bytes.get(..usize::from(first & 15) * 4)?;
    let fragment = u16::from_be_bytes([*header.get(6)?, *header.get(7)?]) & 0x3fff;
    if first >> 4 != 4 || header.len() < 20 || fragment != 0 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let address =
        |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(header.get(at..at + 4)?).ok()?));
    Some(Ip {
        source: address(12)?,
        destination: address(16)?,
        protocol: header[9],
        segment: bytes.get(header.len()..total)?,
        error: error(&[header]),
    })
}

fn ipv6(bytes: &[u8]) -> Option<Ip<'_>> {
    let header = bytes.get(..40)?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let mut rest = bytes.get(40..40 + length)?;
    let mut protocol = header[6];
    for _ in 0..6 {
        let next = *rest.first().unwrap_or(&0);
        let units = usize::from(*rest.get(1).unwrap_or(&0));
        let size = match protocol {
            0 | 43 | 60 => (units + 1) * 8,
            51 => (units + 2) * 4,
            _ => break,
        };
        rest = rest.get(size..)?;
        protocol = next;
    }
    let address =
        |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(header.get(at..at + 16)?).ok()?));
    let is_ipv6 = header[0] >> 4 == 6;
    is_ipv6.then_some(())?;
    let (source, destination) = (address(8)?, address(24)?);
    Some(Ip { source, destination, protocol, segment: rest, error: 0 })
}

/// The whole TCP segment or UDP datagram; `None` for anything else.
fn segment<'a>(packet: &Ip<'a>) -> Option<&'a [u8]> {
    let bytes = packet.segment;
    let (header, length) = match packet.protocol {
        TCP => (usize::from(*bytes.get(12)? >> 4) * 4, bytes.len()),
        UDP => (8, usize::from(u16::from_be_bytes([*bytes.get(4)?, *bytes.get(5)?]))),
        _ => return None,
    };
    let least = if packet.protocol == TCP { 20 } else { 8 };
    (header >= least && header <= length).then(|| bytes.get(..length))?
}

/// `None` for a datagram that leaves its checksum out.
fn transport_error(packet: &Ip<'_>, segment: &[u8]) -> Option<u16> {
    if packet.protocol == UDP && segment[6..8] == [0, 0] {
        return None;
    }
    let (source, destination) = (octets(packet.source), octets(packet.destination));
    let length = u32::try_from(segment.len()).unwrap().to_be_bytes();
    let protocol = [0, packet.protocol];
    Some(error(&[&source, &destination, &length, &protocol, segment]))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// What a checksum over these parts, itself among them, is wrong by: 0 when it is right. Each part
/// but the last has an even length (RFC 1071).
fn error(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for part in parts {
        for word in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([word[0], *word.get(1).unwrap_or(&0)]));
        }
    }
    // One's complement arithmetic counts modulo 65,535, where all ones and 0 are the same.
    u16::try_from(sum % 0xffff).unwrap()
}
