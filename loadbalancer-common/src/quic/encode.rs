//! How a server makes its connection ids: what the packet path reads, the other way round.
//!
//! Written from the draft's description for servers, in its own steps and apart from [`super::lb`],
//! so that each checks the other.
//!
//! Source: draft-ietf-quic-load-balancers-21, section 5.4.

use super::{ConnectionId, KEY_LENGTH, UNROUTABLE, aes};

/// The connection id that a server with this id issues: its length is in [`ConnectionId::length`].
/// None where the config rotation or a length is not allowed.
///
/// The first byte tells the length, as the draft's test vectors do.
pub fn encode(
    rotation: u8,
    server_id: &[u8],
    nonce: &[u8],
    key: Option<&[u8; KEY_LENGTH]>,
) -> Option<ConnectionId> {
    let length = server_id.len().checked_add(nonce.len())?;
    if rotation >= UNROUTABLE || server_id.is_empty() || nonce.len() < 4 || length > 19 {
        return None;
    }
    let mut text = [0; 19];
    let (server, rest) = text.split_at_mut_checked(server_id.len())?;
    server.copy_from_slice(server_id);
    rest.get_mut(..nonce.len())?.copy_from_slice(nonce);
    let text = text.get_mut(..length)?;
    if let Some(key) = key {
        let keys = aes::encryption_keys(key);
        if let Ok(block) = <&mut [u8; 16]>::try_from(&mut *text) {
            *block = encrypted(&keys, *block);
        } else {
            four_pass(&keys, text);
        }
    }
    let length = u8::try_from(length).ok()?;
    let mut id = ConnectionId { length: u32::from(length) + 1, ..ConnectionId::EMPTY };
    let [first, behind @ ..] = &mut id.bytes;
    *first = rotation << 5 | length;
    behind.get_mut(..text.len())?.copy_from_slice(text);
    Some(id)
}

fn encrypted(keys: &aes::RoundKeys, bytes: [u8; 16]) -> [u8; 16] {
    let number = u128::from_be_bytes(bytes);
    let mut block = aes::Block([96, 64, 32, 0].map(|bits| low_word(number >> bits)));
    aes::encrypt(keys, &mut block);
    block.0.into_iter().fold(0, |number, word| number << 32 | u128::from(word)).to_be_bytes()
}

#[expect(clippy::cast_possible_truncation, reason = "takes the lowest word")]
const fn low_word(number: u128) -> u32 {
    number as u32
}

/// Encrypts a text that is no block. Halves are numbers whose bytes begin at the highest.
fn four_pass(keys: &aes::RoundKeys, text: &mut [u8]) {
    let length = text.len();
    let half_length = length.div_ceil(2);
    let number = |bytes: &[u8]| {
        let mut padded = [0; 16];
        padded.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        u128::from_be_bytes(padded)
    };
    let whole = |bytes: usize| !u128::MAX.unbounded_shr(u32::try_from(bytes * 8).unwrap_or(128));
    let odd = length % 2 == 1;
    // With an odd length, the byte in the middle is half the left's and half the right's.
    let nibble = if odd { 0xf_u128 << (128 - half_length * 8) } else { 0 };
    let left_mask = whole(half_length) & !nibble;
    let right_mask = whole(half_length) & !(if odd { 0xf_u128 << 124 } else { 0 });
    let mut left = number(text.get(..half_length).unwrap_or_default()) & left_mask;
    let mut right = number(text.get(length - half_length..).unwrap_or_default()) & right_mask;
    let round = |pass: u128, half: u128| {
        let expanded = half | u128::try_from(length).unwrap_or(0) << 8 | pass;
        u128::from_be_bytes(encrypted(keys, expanded.to_be_bytes()))
    };
    right ^= round(1, left) & right_mask;
    left ^= round(2, right) & left_mask;
    right ^= round(3, left) & right_mask;
    left ^= round(4, right) & left_mask;
    let (left, right) = (left.to_be_bytes(), right.to_be_bytes());
    text.fill(0);
    text.iter_mut().zip(left).take(half_length).for_each(|(to, from)| *to |= from);
    text.iter_mut().skip(length - half_length).zip(right).for_each(|(to, from)| *to |= from);
}
