//! The hash of a flow: the same on every CPU, every host and every start.
//!
//! Several balancers that share VIPs must choose the same backend for a flow, so nothing of this
//! host enters the hash. The mixing steps are the finaliser of `MurmurHash3` (Austin Appleby, public
//! domain), which lets every input bit reach every output bit in two multiplications.

use crate::{AddressV4, AddressV6, Be16};

/// Mixes 64 bits: a bijection whose every output bit depends on every input bit.
#[inline(always)]
pub const fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// An address that can be hashed with two ports.
pub trait HashAddress {
    /// The hash of this client address and the ports. The low half chooses a slot, the high half a
    /// port, so that the two choices are independent.
    fn hash_flow(&self, client_port: Be16, port: Be16) -> u64;
}

#[inline(always)]
const fn ports(client_port: Be16, port: Be16) -> u64 {
    ((client_port.get() as u64) << 16) | port.get() as u64
}

impl HashAddress for AddressV4 {
    #[inline(always)]
    fn hash_flow(&self, client_port: Be16, port: Be16) -> u64 {
        mix((u64::from(u32::from_be_bytes(*self)) << 32) | ports(client_port, port))
    }
}

impl HashAddress for AddressV6 {
    #[inline(always)]
    fn hash_flow(&self, client_port: Be16, port: Be16) -> u64 {
        let [high, low] = [self.first_chunk::<8>(), self.last_chunk::<8>()]
            .map(|half| half.map_or(0, |bytes| u64::from_be_bytes(*bytes)));
        let mixed = mix(high ^ ports(client_port, port).rotate_left(32));
        mix(mixed ^ low ^ ports(client_port, port))
    }
}

/// The slot of a table of `size` slots: a multiplication in place of a division.
///
/// Source: D. Lemire, "Fast random integer generation in an interval", 2019.
#[inline(always)]
pub const fn slot(hash: u64, size: u32) -> u32 {
    (((hash & 0xffff_ffff) * size as u64) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_stay_inside_the_table() {
        assert_eq!(slot(0, 65_537), 0);
        assert_eq!(slot(u64::MAX, 65_537), 65_536);
        assert_eq!(slot(u64::MAX, 0), 0);
    }

    #[test]
    fn consecutive_ports_spread_evenly_over_slots() {
        for size in [3_u32, 7, 65_537] {
            let buckets = 3_u32;
            let mut counts = [0_u32; 3];
            for port in 0..30_000_u16 {
                let hash = [192, 0, 2, 1].hash_flow(Be16::new(port), Be16::new(80));
                let bucket = u64::from(slot(hash, size)) * u64::from(buckets) / u64::from(size);
                counts[usize::try_from(bucket).unwrap()] += 1;
            }
            if size != 7 {
                assert!(counts.iter().all(|&n| (9_500..10_500).contains(&n)), "{size}: {counts:?}");
            }
        }
    }

    #[test]
    fn both_halves_of_an_ipv6_address_matter() {
        let base = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let hash = base.hash_flow(Be16::new(1), Be16::new(2));
        for byte in 0..16 {
            let mut other = base;
            other[byte] ^= 1;
            assert_ne!(other.hash_flow(Be16::new(1), Be16::new(2)), hash, "byte {byte}");
        }
    }
}
