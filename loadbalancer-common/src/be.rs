//! Sixteen bits in network byte order.

/// A 16-bit number in network byte order, such as a port. Alignment 1.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Be16(pub [u8; 2]);

impl Be16 {
    /// Zero, which stands for "any port" or "none".
    pub const ZERO: Self = Self([0, 0]);

    /// From host order.
    #[inline(always)]
    pub const fn new(value: u16) -> Self {
        Self(value.to_be_bytes())
    }

    /// To host order.
    #[inline(always)]
    pub const fn get(self) -> u16 {
        u16::from_be_bytes(self.0)
    }
}

impl From<u16> for Be16 {
    fn from(value: u16) -> Self {
        Self::new(value)
    }
}
