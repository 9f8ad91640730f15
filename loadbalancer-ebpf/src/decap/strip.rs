//! Taking the outer headers off.

use loadbalancer_common::packet::{
    Frame,
    ethernet::{HEADER_LENGTH, VLAN_TAG_LENGTH},
};

use crate::{
    frame::XdpFrame,
    outer::Outer,
    verdict::{MALFORMED, Verdict},
};

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// Moves the link-layer header in front of the inner packet, and removes what is before it. Returns
/// the length of the frame that is left.
#[inline(always)]
pub(crate) fn remove(
    frame: &XdpFrame,
    network_offset: usize,
    outer: &Outer,
) -> Result<usize, Verdict> {
    let removed = outer.inner_offset - network_offset;
    let ether_type = if outer.content.is_inner_v6 { IPV6 } else { IPV4 };
    move_link_header(frame, network_offset, removed, ether_type).ok_or(MALFORMED)?;
    frame.remove_head(removed).ok_or(MALFORMED)?;
    Ok(outer.frame_length - removed)
}

/// At least an IPv4 header of 20 bytes is removed, so what is written begins behind what is read: 12
/// bytes of addresses and two tags of 4.
#[inline(always)]
fn move_link_header(frame: &XdpFrame, length: usize, by: usize, ether_type: [u8; 2]) -> Option<()> {
    move_word::<8>(frame, 0, by)?;
    move_word::<4>(frame, 8, by)?;
    if length >= HEADER_LENGTH + VLAN_TAG_LENGTH {
        move_word::<VLAN_TAG_LENGTH>(frame, 12, by)?;
    }
    if length >= HEADER_LENGTH + 2 * VLAN_TAG_LENGTH {
        move_word::<VLAN_TAG_LENGTH>(frame, 16, by)?;
    }
    *frame.header_mut(by + length - size_of_val(&ether_type))? = ether_type;
    Some(())
}

#[inline(always)]
fn move_word<const N: usize>(frame: &XdpFrame, offset: usize, by: usize) -> Option<()> {
    let word: [u8; N] = *frame.header(offset)?;
    *frame.header_mut(offset + by)? = word;
    Some(())
}
