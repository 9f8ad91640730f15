//! Where lookup tables lie in the flat array.
//!
//! A table that changes is written to a region that no packet reads, so each table needs two. The
//! array has two halves, and a table at a place of one half has the same place of the other half
//! kept free for its next content: as long as services and sizes stay, a change of health always
//! finds room, in whatever order backends come and go. Only when no such pair of places is left do
//! tables take what is free anywhere, first fit.

use std::collections::BTreeSet;

/// A part of the array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Region {
    /// First slot.
    pub(super) offset: u32,
    /// Number of slots.
    pub(super) size: u32,
}

impl Region {
    const fn end(self) -> u32 {
        self.offset.saturating_add(self.size)
    }

    const fn overlaps(self, other: Self) -> bool {
        self.offset < other.end() && other.offset < self.end()
    }
}

/// The array while tables are placed.
#[derive(Debug)]
pub(super) struct Regions {
    slots: u32,
    /// What packets read now or will read.
    taken: BTreeSet<Region>,
    /// The same, with both halves laid over each other.
    places: BTreeSet<Region>,
}

impl Regions {
    /// An array of which some regions are in use.
    pub(super) fn new(slots: u32, taken: impl IntoIterator<Item = Region>) -> Self {
        let mut regions = Self { slots, taken: BTreeSet::new(), places: BTreeSet::new() };
        for region in taken {
            regions.take(region);
        }
        regions
    }

    const fn half(&self) -> u32 {
        self.slots / 2
    }

    fn take(&mut self, region: Region) {
        self.taken.insert(region);
        let half = self.half();
        if region.offset < half {
            self.places.insert(region);
        }
        if region.end() > half {
            // A region across the middle takes a place at the beginning of the other half too.
            let offset = region.offset.saturating_sub(half);
            let size = region.end().saturating_sub(half).saturating_sub(offset);
            self.places.insert(Region { offset, size });
        }
    }

    /// Takes a free region, preferably the other half's place of the table that it replaces.
    pub(super) fn place(&mut self, size: u32, replaces: Option<Region>) -> Option<Region> {
        let region = replaces
            .filter(|old| old.size == size)
            .and_then(|old| self.twin(old))
            .or_else(|| first_fit(&self.places, size, self.half()))
            .or_else(|| first_fit(&self.taken, size, self.slots))?;
        self.take(region);
        Some(region)
    }

    /// The same place in the other half, if it is free.
    fn twin(&self, region: Region) -> Option<Region> {
        let half = self.half();
        let offset = match region.offset.checked_sub(half) {
            Some(place) => place,
            None => region.offset.checked_add(half)?,
        };
        let twin = Region { offset, size: region.size };
        let free = !self.taken.iter().any(|taken| taken.overlaps(twin));
        (free && twin.end() <= self.slots).then_some(twin)
    }
}

/// The first gap of `size` slots below `end`. The regions may overlap.
fn first_fit(taken: &BTreeSet<Region>, size: u32, end: u32) -> Option<Region> {
    let mut offset = 0;
    for region in taken {
        if region.offset.checked_sub(offset).is_some_and(|gap| gap >= size) {
            break;
        }
        offset = region.end().max(offset);
    }
    let region = Region { offset, size };
    (offset.checked_add(size)? <= end).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn region(offset: u32, size: u32) -> Region {
        Region { offset, size }
    }

    #[test]
    fn a_table_swings_between_two_places() {
        let mut regions = Regions::new(20, [region(0, 3), region(13, 2)]);
        assert_eq!(regions.place(3, Some(region(0, 3))), Some(region(10, 3)));
        assert_eq!(regions.place(2, Some(region(13, 2))), Some(region(3, 2)));
        assert_eq!(regions.place(4, None), Some(region(5, 4)));
    }

    #[test]
    fn places_kept_for_others_are_the_last_resort() {
        let mut regions = Regions::new(20, [region(0, 8)]);
        assert_eq!(
            regions.place(5, None),
            Some(region(8, 5)),
            "no pair is left: across the middle"
        );
        assert_eq!(regions.place(7, None), Some(region(13, 7)));
        assert_eq!(regions.place(1, None), None);
    }

    #[test]
    fn gaps_are_found_first() {
        let mut regions = Regions::new(40, [region(0, 3), region(8, 2)]);
        assert_eq!(regions.place(5, None), Some(region(3, 5)));
        assert_eq!(regions.place(11, None), Some(region(10, 11)), "across the middle");
    }
}
