//! Lookup tables: from a flow's hash to a backend, so that few flows move when backends change.
//!
//! Every candidate has its own permutation of the slots; in turns, each takes the next slot of its
//! permutation that is still empty. Who takes part decides the table, not in which order they were
//! given, so balancers that share VIPs agree, and a restart changes nothing.
//!
//! Weights: in a turn a candidate earns its weight, and pays the largest weight for a slot. So the
//! heaviest takes a slot in every turn, one of half that weight in every second, and all shares are
//! exact to a slot. Equal weights give the paper's algorithm.
//! Invariant: with a prime size and at least one weight above 0, no slot is 0 ("none").
//! Cost: about M ln M probes for M slots, without a division; memory 4 bytes a slot.
//! Source: Eisenbud et al., "Maglev", NSDI 2016, section 3.4.

use std::net::{IpAddr, SocketAddr};

use loadbalancer_common::{NO_ID, hash::mix};

/// Separates the hash behind a permutation's skip from the one behind its offset.
const SKIP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A backend that takes new flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What its slots hold, from 1.
    pub id: u32,
    /// What its permutation is made of: [`seed`].
    pub seed: u64,
    /// Share of the slots relative to the others; 0 takes none.
    pub weight: u32,
}

/// The order in which a backend prefers slots: `offset`, then every `skip`-th, around the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permutation {
    /// First slot, below the table's size.
    pub offset: u32,
    /// Distance to the next one, from 1 and below the table's size.
    pub skip: u32,
}

impl Permutation {
    /// The permutation of a table of `size` slots that belongs to a seed.
    fn of(seed: u64, size: u32) -> Self {
        Self {
            offset: below(mix(seed), size),
            skip: below(mix(seed ^ SKIP), size.saturating_sub(1)).saturating_add(1),
        }
    }
}

/// A number below `bound`, or 0 if that is 0.
fn below(hash: u64, bound: u32) -> u32 {
    let rest = hash.checked_rem(u64::from(bound)).unwrap_or(0);
    u32::try_from(rest).unwrap_or(0)
}

/// The seed of a backend: a hash of its address, port and protocol number, the same on every host.
pub fn seed(address: SocketAddr, protocol: u8) -> u64 {
    let (high, low) = match address.ip() {
        IpAddr::V4(address) => (0, u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            let words = address.to_bits().to_be_bytes();
            let (high, low) = words.split_at(8);
            (word(high), word(low))
        }
    };
    let family = u64::from(address.is_ipv6());
    let port = family << 32 | u64::from(protocol) << 16 | u64::from(address.port());
    mix(mix(mix(high) ^ low) ^ port)
}

/// Up to eight bytes as a number, the first one highest.
fn word(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

/// Whether a number is prime.
pub fn is_prime(number: u32) -> bool {
    number >= 2 && (2..=number.isqrt()).all(|divisor| !number.is_multiple_of(divisor))
}

/// The smallest prime that is not below `number`, if 32 bits hold it.
pub fn next_prime(number: u32) -> Option<u32> {
    (number..=u32::MAX).find(|&number| is_prime(number))
}

/// The table of `size` slots, a prime, for these candidates: their ids, or 0 in every slot when
/// none of them has a weight.
pub fn build(candidates: &[Candidate], size: u32) -> Vec<u32> {
    let mut turns: Vec<(u64, Turn)> = candidates
        .iter()
        .map(|candidate| {
            let permutation = Permutation::of(candidate.seed, size);
            (candidate.seed, Turn::new(candidate.id, permutation, candidate.weight))
        })
        .collect();
    turns.sort_unstable_by_key(|(seed, turn)| (*seed, turn.id));
    fill(turns.into_iter().map(|(_, turn)| turn).collect(), size)
}

/// A candidate while a table is filled.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    id: u32,
    /// The slot that it wants next.
    slot: u32,
    skip: u32,
    weight: u32,
    /// What it earned and has not paid for a slot; at most the largest weight before a turn.
    credit: u64,
}

impl Turn {
    /// A candidate before its first turn.
    pub fn new(id: u32, permutation: Permutation, weight: u32) -> Self {
        Self { id, slot: permutation.offset, skip: permutation.skip, weight, credit: 0 }
    }

    /// Takes the next empty slot of the permutation; `false` when there is none in it.
    fn take(&mut self, table: &mut [u32], size: u32) -> bool {
        // Wraps at this slot, so that no sum leaves 32 bits.
        let wrap = size.saturating_sub(self.skip);
        for _ in 0..size {
            let slot = self.slot;
            self.slot = if slot >= wrap { slot - wrap } else { slot + self.skip };
            let Some(entry) = table.get_mut(slot as usize) else { return false };
            if *entry == NO_ID {
                *entry = self.id;
                return true;
            }
        }
        false
    }
}

/// Fills a table of `size` slots, a prime: in each turn in the order given, each takes what its
/// weight entitles it to.
pub fn fill(mut turns: Vec<Turn>, size: u32) -> Vec<u32> {
    let mut table = vec![NO_ID; size as usize];
    turns.retain(|turn| turn.weight > 0);
    let Some(price) = turns.iter().map(|turn| u64::from(turn.weight)).max() else { return table };
    let mut empty = size;
    while empty > 0 {
        // The heaviest pays for a slot in every turn, so a turn without a slot is the last.
        let before = empty;
        for turn in &mut turns {
            turn.credit += u64::from(turn.weight);
            if turn.credit < price {
                continue;
            }
            turn.credit -= price;
            if turn.take(&mut table, size) {
                empty -= 1;
            }
            if empty == 0 {
                break;
            }
        }
        if empty == before {
            break;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, time::Instant};

    use proptest::prelude::*;

    use super::*;

    const SIZE: u32 = 65_537;

    fn candidates(count: u32) -> Vec<Candidate> {
        (1..=count)
            .map(|id| {
                let octets = (0x0a00_0000 + id).to_be_bytes();
                Candidate { id, seed: seed(SocketAddr::from((octets, 80)), 6), weight: 100 }
            })
            .collect()
    }

    fn shares(table: &[u32]) -> HashMap<u32, u32> {
        table.iter().fold(HashMap::new(), |mut shares, &id| {
            *shares.entry(id).or_default() += 1;
            shares
        })
    }

    #[test]
    fn the_papers_example() {
        let turn =
            |backend: u32, offset, skip| Turn::new(backend + 1, Permutation { offset, skip }, 1);
        let (first, second, third) = (turn(0, 3, 4), turn(1, 0, 2), turn(2, 3, 1));
        let backends = |table: Vec<u32>| table.iter().map(|id| id - 1).collect::<Vec<_>>();
        assert_eq!(backends(fill(vec![first, second, third], 7)), [1, 0, 1, 0, 2, 2, 0]);
        assert_eq!(backends(fill(vec![first, third], 7)), [0, 0, 0, 0, 2, 2, 2]);
    }

    #[test]
    fn a_thousand_backends_share_evenly() {
        let start = Instant::now();
        let table = build(&candidates(1_000), SIZE);
        println!("1,000 backends, {SIZE} slots: {:?}", start.elapsed());
        let shares = shares(&table);
        assert_eq!(shares.len(), 1_000);
        assert!(shares.values().all(|share| (65..=66).contains(share)), "{shares:?}");
    }

    #[test]
    fn few_flows_of_the_others_move_when_one_leaves() {
        for count in [10, 100] {
            let all = candidates(count);
            let before = build(&all, SIZE);
            let gone = all[3].id;
            let rest: Vec<_> = all.into_iter().filter(|one| one.id != gone).collect();
            let after = build(&rest, SIZE);
            let kept = before.iter().filter(|&&id| id != gone).count();
            let moved =
                before.iter().zip(&after).filter(|&(&old, new)| old != gone && old != *new).count();
            let count_of = |number: usize| f64::from(u32::try_from(number).unwrap());
            let percent = 100.0 * count_of(moved) / count_of(kept);
            println!("1 of {count} leaves: {percent:.2} % of the others' slots move");
            assert!(percent < 1.0, "{count}: {percent}");
        }
    }

    #[test]
    fn weights_are_shares() {
        let mut backends = candidates(3);
        for (backend, weight) in backends.iter_mut().zip([1, 2, 5]) {
            backend.weight = weight;
        }
        let shares = shares(&build(&backends, SIZE));
        for backend in &backends {
            let wanted = f64::from(SIZE) * f64::from(backend.weight) / 8.0;
            let got = f64::from(shares[&backend.id]);
            assert!((got - wanted).abs() <= 1.0, "{got} for {wanted}");
        }
    }

    #[test]
    fn without_weight_every_slot_is_none() {
        let mut backends = candidates(2);
        for backend in &mut backends {
            backend.weight = 0;
        }
        assert_eq!(build(&backends, 7), [0; 7]);
        assert_eq!(build(&[], 7), [0; 7]);
        assert_eq!(build(&candidates(2), 0), Vec::<u32>::new());
    }

    #[test]
    fn a_size_that_is_not_prime_ends() {
        assert_eq!(build(&candidates(3), 64).len(), 64);
    }

    #[test]
    fn primes() {
        let small: Vec<u32> = (0..30).filter(|&number| is_prime(number)).collect();
        assert_eq!(small, [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]);
        assert!(is_prime(SIZE));
        assert_eq!(next_prime(65_536), Some(65_537));
        assert_eq!(next_prime(u32::MAX), None);
    }

    #[test]
    fn seeds_differ_by_address_port_and_protocol() {
        let seeds = ["10.0.0.1:80", "10.0.0.1:81", "10.0.0.2:80", "[::a00:1]:80", "[a::]:80"]
            .map(|address| seed(address.parse().unwrap(), 6));
        let unique: std::collections::HashSet<_> = seeds.into_iter().collect();
        assert_eq!(unique.len(), 5);
        assert_ne!(seed("10.0.0.1:80".parse().unwrap(), 17), seeds[0]);
    }

    proptest! {
        #[test]
        fn every_slot_is_taken_by_its_weight_in_any_order(
            weights in prop::collection::vec(0_u32..=1_000, 1..40),
            size in prop::sample::select(vec![2_u32, 7, 101, 251, 1_009]),
            turn in any::<prop::sample::Index>(),
        ) {
            let mut backends = candidates(u32::try_from(weights.len()).unwrap());
            for (backend, weight) in backends.iter_mut().zip(&weights) {
                backend.weight = *weight;
            }
            let table = build(&backends, size);
            let sum: u32 = weights.iter().sum();
            if sum == 0 {
                prop_assert!(table.iter().all(|&id| id == 0));
                return Ok(());
            }
            prop_assert!(table.iter().all(|&id| id != 0));
            let shares = shares(&table);
            for backend in &backends {
                let wanted = f64::from(size) * f64::from(backend.weight) / f64::from(sum);
                let got = f64::from(*shares.get(&backend.id).unwrap_or(&0));
                // A slot for its own unspent credit, one for the turn that was cut short, and its
                // part of the slots that the others' unspent credit left: at most one for each.
                let others = f64::from(u32::try_from(weights.len()).unwrap());
                let bound = 2.0 + others * f64::from(backend.weight) / f64::from(sum);
                prop_assert!((got - wanted).abs() <= bound, "{} for {}", got, wanted);
            }
            let at = turn.index(backends.len());
            backends.rotate_left(at);
            prop_assert_eq!(build(&backends, size), table);
        }
    }
}
