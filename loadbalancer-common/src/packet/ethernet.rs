//! Ethernet and its VLAN tags.

use super::Frame;

/// Length of an Ethernet header without tags, in bytes.
pub const HEADER_LENGTH: usize = 14;
/// Length of a VLAN tag, in bytes.
pub const VLAN_TAG_LENGTH: usize = 4;

const TYPE_OFFSET: usize = 12;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
const SERVICE_VLAN: [u8; 2] = [0x88, 0xa8];

/// What an Ethernet frame carries, with the offset where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// An IPv4 packet.
    Ipv4(usize),
    /// An IPv6 packet.
    Ipv6(usize),
    /// Anything else, also a frame too short to say.
    Other,
}

/// Finds the IP packet behind at most two VLAN tags (IEEE 802.1Q, 802.1ad).
#[inline(always)]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Payload {
    let mut offset = TYPE_OFFSET;
    for tags in 0..3 {
        let Some(ether_type) = frame.header::<[u8; 2]>(offset) else { return Payload::Other };
        match *ether_type {
            IPV4 if tags == 0 => return Payload::Ipv4(HEADER_LENGTH),
            IPV6 if tags == 0 => return Payload::Ipv6(HEADER_LENGTH),
            IPV4 => return Payload::Ipv4(frame.forget_how(offset + 2)),
            IPV6 => return Payload::Ipv6(frame.forget_how(offset + 2)),
            VLAN | SERVICE_VLAN if tags < 2 => offset += VLAN_TAG_LENGTH,
            _ => return Payload::Other,
        }
    }
    Payload::Other
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(tail: &[u8]) -> Vec<u8> {
        [&[0_u8; 12], tail].concat()
    }

    #[test]
    fn finds_ip_behind_up_to_two_tags() {
        let cases: [(&[u8], Payload); 7] = [
            (&[0x08, 0x00], Payload::Ipv4(14)),
            (&[0x86, 0xdd], Payload::Ipv6(14)),
            (&[0x81, 0x00, 0, 5, 0x08, 0x00], Payload::Ipv4(18)),
            (&[0x88, 0xa8, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xdd], Payload::Ipv6(22)),
            (&[0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x81, 0, 0, 7, 0x08, 0x00], Payload::Other),
            (&[0x08, 0x06], Payload::Other),
            (&[0x81, 0x00, 0], Payload::Other),
        ];
        for (tail, expected) in cases {
            assert_eq!(parse(frame(tail).as_slice()), expected, "{tail:02x?}");
        }
    }
}
