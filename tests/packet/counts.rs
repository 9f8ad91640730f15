//! Every counter by name. What is 0 is left out, so that two sets are equal only when nothing else
//! was counted.

use std::collections::BTreeMap;

use loadbalancer_common::{DropReason, Event};

/// What was counted, or shall be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts(BTreeMap<String, u64>);

/// Nothing, to begin with.
pub(crate) fn counts() -> Counts {
    Counts::default()
}

impl Counts {
    /// These frames of clients went to a backend.
    pub(crate) fn forwarded(self, backend: &str, frames: &[&[u8]]) -> Self {
        let (packets, bytes) = totals(frames);
        self.and(format!("{backend} packets"), packets).and(format!("{backend} bytes"), bytes)
    }

    /// New flows of a backend.
    pub(crate) fn connections(self, backend: &str, count: u64) -> Self {
        self.and(format!("{backend} connections"), count)
    }

    /// Requests to a backend.
    pub(crate) fn queries(self, backend: &str, count: u64) -> Self {
        self.and(format!("{backend} queries"), count)
    }

    /// A rule decided these frames.
    pub(crate) fn rule(self, rule: &str, frames: &[&[u8]]) -> Self {
        let (packets, bytes) = totals(frames);
        self.and(format!("rule {rule} packets"), packets).and(format!("rule {rule} bytes"), bytes)
    }

    /// Dropped packets.
    pub(crate) fn dropped(self, reason: DropReason, count: u64) -> Self {
        self.and(format!("dropped {}", reason.name()), count)
    }

    /// Events.
    pub(crate) fn event(self, event: Event, count: u64) -> Self {
        self.and(format!("event {}", event.name()), count)
    }

    /// Adds to a counter.
    pub(crate) fn and(mut self, name: String, count: u64) -> Self {
        if count > 0 {
            *self.0.entry(name).or_default() += count;
        }
        self
    }

    /// A counter by its name.
    pub(crate) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

fn totals(frames: &[&[u8]]) -> (u64, u64) {
    let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
    (u64::try_from(frames.len()).unwrap(), u64::try_from(bytes).unwrap())
}
