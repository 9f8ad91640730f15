use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use loadbalancer_common::Counters;

use super::{catalog, counters, fake};
use crate::stats::{Moment, Rates, Sampler, collect};

const NO_RATE: Rates = Rates {
    packets_per_second: 0.0,
    bits_per_second: 0.0,
    connections_per_second: 0.0,
    queries_per_second: 0.0,
};

fn packets_per_second(packets_per_second: f64) -> Rates {
    Rates { packets_per_second, ..NO_RATE }
}

fn one(counters: Counters) -> HashMap<u32, Counters> {
    HashMap::from([(1, counters)])
}

#[test]
fn a_rate_is_the_difference_over_the_time() {
    let start = Instant::now();
    let mut sampler = Sampler::default();
    sampler.record(start, one(counters(100, 1_000, 10, 1)));
    let rates = sampler.rates(start + Duration::from_secs(2), 1, &counters(300, 5_000, 11, 4));
    let expected = Rates {
        packets_per_second: 100.0,
        bits_per_second: 16_000.0,
        connections_per_second: 0.5,
        queries_per_second: 1.5,
    };
    assert_eq!(rates, expected);
}

#[test]
fn right_after_a_reading_the_one_before_counts() {
    let start = Instant::now();
    let mut sampler = Sampler::default();
    sampler.record(start, one(counters(0, 0, 0, 0)));
    let second = Duration::from_secs(1);
    sampler.record(start + second, one(counters(500, 0, 0, 0)));
    let now = start + second + Duration::from_millis(250);
    let rates = sampler.rates(now, 1, &counters(500, 0, 0, 0));
    assert_eq!(rates, packets_per_second(400.0));
    let now = start + second + Duration::from_millis(500);
    let rates = sampler.rates(now, 1, &counters(500, 0, 0, 0));
    assert_eq!(rates, NO_RATE);
}

#[test]
fn readings_in_quick_succession_do_not_push_older_ones_out() {
    let start = Instant::now();
    let mut sampler = Sampler::default();
    for millisecond in 0..400 {
        let packets = counters(millisecond, 0, 0, 0);
        sampler.record(start + Duration::from_millis(millisecond), one(packets));
    }
    let rates = sampler.rates(start + Duration::from_secs(1), 1, &counters(1_000, 0, 0, 0));
    assert_eq!(rates, packets_per_second(1_000.0));
}

#[test]
fn counters_that_went_back_are_a_rate_of_zero() {
    let start = Instant::now();
    let mut sampler = Sampler::default();
    sampler.record(start, one(counters(1_000, 1_000, 1_000, 1_000)));
    let rates = sampler.rates(start + Duration::from_secs(1), 1, &counters(1, 2, 3, 4));
    assert_eq!(rates, NO_RATE);
}

#[test]
fn without_a_reading_there_is_no_rate() {
    let now = Instant::now();
    let mut sampler = Sampler::default();
    assert_eq!(sampler.rates(now, 1, &counters(9, 9, 9, 9)), NO_RATE);
    sampler.record(now, one(counters(0, 0, 0, 0)));
    assert_eq!(sampler.rates(now, 1, &counters(9, 9, 9, 9)), NO_RATE);
    let later = now + Duration::from_secs(1);
    assert_eq!(sampler.rates(later, 2, &counters(9, 9, 9, 9)), NO_RATE);
}

#[test]
fn a_services_rates_are_the_sums_of_its_backends() {
    let start = Instant::now();
    let (catalog, mut source, mut sampler) = (catalog(), fake(), Sampler::default());
    sampler.sample(start, &catalog, &source).unwrap();
    source.backends.insert(1, vec![counters(130, 3_000, 3, 11)]);
    source.backends.insert(2, vec![counters(14, 400, 1, 0)]);
    let now = start + Duration::from_secs(1);
    let moment = Moment { now, uptime: Duration::ZERO, interfaces: Vec::new(), per_cpu: false };
    let stats = collect(&catalog, &source, &sampler, moment).unwrap();
    let web = &stats.services[0];
    assert_eq!(web.backends[0].rates, packets_per_second(100.0));
    assert_eq!(web.backends[1].rates, packets_per_second(10.0));
    assert_eq!(web.rates, packets_per_second(110.0));
}
