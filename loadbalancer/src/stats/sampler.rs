//! Rates: how fast the totals grow.
//!
//! Totals only ever grow, so a rate is a difference over the time between two readings. With
//! [`Sampler::record`] called once a second, a rate covers the last half to one and a half seconds.
//! Invariant: a total that went back, as when an id is given to another backend, is a rate of 0.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use loadbalancer_common::Counters;

use super::{Catalog, Rates, Source, SourceError};

/// A reading that is younger than this says too little about a rate.
const SHORTEST: Duration = Duration::from_millis(500);

/// The last two readings of all totals.
#[derive(Clone, Debug, Default)]
pub struct Sampler {
    older: Option<Sample>,
    newer: Option<Sample>,
}

#[derive(Clone, Debug)]
struct Sample {
    at: Instant,
    /// By backend id, summed over the CPUs.
    totals: HashMap<u32, Counters>,
}

impl Sampler {
    /// Reads the totals of every backend in the catalog and remembers them.
    ///
    /// # Errors
    ///
    /// When counters cannot be read; the readings before stay.
    pub fn sample(
        &mut self,
        now: Instant,
        catalog: &Catalog,
        source: &dyn Source,
    ) -> Result<(), SourceError> {
        let mut totals = HashMap::new();
        for backend in catalog.services.iter().flat_map(|service| &service.backends) {
            totals.insert(backend.id, total(&source.counters(backend.id)?));
        }
        self.record(now, totals);
        Ok(())
    }

    /// Remembers the totals of this moment. A call soon after the last one changes nothing.
    pub fn record(&mut self, now: Instant, totals: HashMap<u32, Counters>) {
        if self.newer.as_ref().is_some_and(|last| now.duration_since(last.at) < SHORTEST) {
            return;
        }
        self.older = self.newer.replace(Sample { at: now, totals });
    }

    /// How fast the counters of a backend grew up to their present values.
    ///
    /// All 0 while there is no reading of them that is old enough.
    pub fn rates(&self, now: Instant, backend: u32, present: &Counters) -> Rates {
        let old_enough = |sample: &&Sample| now.duration_since(sample.at) >= SHORTEST;
        let samples = [self.newer.as_ref(), self.older.as_ref()];
        let Some(sample) = samples.into_iter().flatten().find(old_enough) else {
            return Rates::default();
        };
        let Some(past) = sample.totals.get(&backend) else {
            return Rates::default();
        };
        let seconds = now.duration_since(sample.at).as_secs_f64();
        let rate = |present: u64, past: u64| as_f64(present.saturating_sub(past)) / seconds;
        Rates {
            packets_per_second: rate(present.packets, past.packets),
            bits_per_second: rate(present.bytes, past.bytes) * 8.0,
            connections_per_second: rate(present.connections, past.connections),
            queries_per_second: rate(present.queries, past.queries),
        }
    }
}

/// The sum over the CPUs.
pub(super) fn total(per_cpu: &[Counters]) -> Counters {
    let mut sum = Counters::default();
    for counters in per_cpu {
        sum.add(counters);
    }
    sum
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a difference over seconds stays below 2^52, and a rate needs no more than 52 bits"
)]
fn as_f64(count: u64) -> f64 {
    count as f64
}
