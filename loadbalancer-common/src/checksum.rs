//! Incremental Internet checksums: what changes in a header changes its checksum, nothing else is
//! read.
//!
//! One's complement addition does not depend on byte order, so words are taken as they lie in
//! memory. Source: RFC 1624, equation 3 (HC' = ~(~HC + ~m + m')).

/// What a set of replaced bytes adds to a checksum. Up to 2^31 words fit before it could overflow.
///
/// Words of 32 bits count like two of 16: 2^32 - 1 is a multiple of 2^16 - 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Delta(u64);

impl Delta {
    /// No change.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Replaces a 16-bit word.
    #[inline(always)]
    #[must_use]
    pub const fn replace_word(self, old: [u8; 2], new: [u8; 2]) -> Self {
        let removed = !u16::from_ne_bytes(old) as u64;
        Self(self.0 + removed + u16::from_ne_bytes(new) as u64)
    }

    /// Replaces an address, in words of 32 bits.
    #[inline(always)]
    #[must_use]
    pub fn replace<const N: usize>(self, old: &[u8; N], new: &[u8; N]) -> Self {
        const { assert!(N.is_multiple_of(4)) };
        let mut sum = self.0;
        let (old_words, _) = old.as_chunks::<4>();
        let (new_words, _) = new.as_chunks::<4>();
        for (old, new) in old_words.iter().zip(new_words) {
            sum += u64::from(!u32::from_ne_bytes(*old)) + u64::from(u32::from_ne_bytes(*new));
        }
        Self(sum)
    }

    /// The checksum after the change.
    #[inline(always)]
    pub const fn apply(self, checksum: [u8; 2]) -> [u8; 2] {
        let sum = self.0 + !u16::from_ne_bytes(checksum) as u64;
        let sum = (sum & 0xffff_ffff) + (sum >> 32);
        let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
        let sum = (sum & 0xffff) + (sum >> 16);
        let sum = (sum & 0xffff) + (sum >> 16);
        let [low, high, ..] = (!sum).to_le_bytes();
        u16::from_le_bytes([low, high]).to_ne_bytes()
    }

    /// The checksum of a UDP datagram after the change: 0 means "none" and stays 0, and a sum that
    /// comes out as 0 is sent as all ones (RFC 768).
    #[inline(always)]
    pub const fn apply_udp(self, checksum: [u8; 2]) -> [u8; 2] {
        if matches!(checksum, [0, 0]) {
            return checksum;
        }
        match self.apply(checksum) {
            [0, 0] => [0xff, 0xff],
            sum => sum,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The checksum computed in full (RFC 1071).
    fn full(bytes: &[u8]) -> [u8; 2] {
        let mut sum: u32 =
            bytes.chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(!sum & 0xffff).unwrap().to_be_bytes()
    }

    proptest! {
        #[test]
        fn incremental_equals_full(mut bytes: [u8; 20], new: [u8; 4], at in 0_usize..8) {
            // Not all zero: zero and minus zero differ in one's complement, and no packet has it.
            bytes[19] |= 1;
            let before = full(&bytes);
            let at = at * 2;
            let old: [u8; 4] = bytes[at..at + 4].try_into().unwrap();
            bytes[at..at + 4].copy_from_slice(&new);
            prop_assert_eq!(Delta::new().replace(&old, &new).apply(before), full(&bytes));
        }
    }

    #[test]
    fn rfc_1624_example() {
        // Section 4: m = 0x5555, m' = 0x3285, HC = 0xDD2F gives 0x0000.
        let delta = Delta::new().replace_word([0x55, 0x55], [0x32, 0x85]);
        assert_eq!(delta.apply([0xdd, 0x2f]), [0, 0]);
        assert_eq!(delta.apply_udp([0xdd, 0x2f]), [0xff, 0xff]);
        assert_eq!(delta.apply_udp([0, 0]), [0, 0]);
    }
}
