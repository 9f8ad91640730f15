//! Link-layer addresses, in the form that the packet path works with.

use crate::Mac;

/// A link-layer address in one word: its first byte lowest, the two highest bytes 0.
///
/// Two loads read both addresses of an Ethernet header into words, and two stores write them;
/// arrays of six bytes would go through the stack in pieces that the verifier finds misaligned.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MacWord(u64);

impl MacWord {
    /// No address.
    pub const NONE: Self = Self(0);

    /// From wire order.
    pub const fn new(mac: Mac) -> Self {
        Self(u64::from_le_bytes([mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], 0, 0]))
    }

    /// To wire order.
    pub const fn bytes(self) -> Mac {
        let word = self.0.to_le_bytes();
        [word[0], word[1], word[2], word[3], word[4], word[5]]
    }

    /// Destination and source from the first 12 bytes of a frame, given as bytes 0 to 7 and 4 to 11.
    #[inline(always)]
    pub const fn pair(first: [u8; 8], last: [u8; 8]) -> (Self, Self) {
        const LOW_48_BITS: u64 = (1 << 48) - 1;
        (Self(u64::from_le_bytes(first) & LOW_48_BITS), Self(u64::from_le_bytes(last) >> 16))
    }

    /// The first 12 bytes of a frame to `destination` from `source`, as bytes 0 to 7 and 8 to 11.
    #[inline(always)]
    pub const fn header(destination: Self, source: Self) -> ([u8; 8], [u8; 4]) {
        let first = destination.0 | (source.0 << 48);
        let last = (source.0 >> 16).to_le_bytes();
        (first.to_le_bytes(), [last[0], last[1], last[2], last[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_headers_agree() {
        let frame = [2, 0, 0, 0, 0, 1, 4, 5, 6, 7, 8, 9];
        let first = frame[..8].try_into().unwrap();
        let (destination, source) = MacWord::pair(first, frame[4..].try_into().unwrap());
        assert_eq!(destination, MacWord::new([2, 0, 0, 0, 0, 1]));
        assert_eq!(source.bytes(), [4, 5, 6, 7, 8, 9]);
        let (first, last) = MacWord::header(destination, source);
        assert_eq!([first.as_slice(), &last].concat(), frame);
    }
}
