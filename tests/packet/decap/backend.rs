//! A backend under test: set up as by `loadbalancer decap`, attached nowhere, fed frame by frame.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::PathBuf,
};

use aya::{TestRunOptions, programs::TestRun};
use loadbalancer::{
    datapath::detach,
    decap::{Decapsulator, Settings, read_stats},
};
use loadbalancer_common::DecapDrop;
use loadbalancer_tests::{LabName, ensure_mounted};

use super::tunnel::{BACKEND_V4, BACKEND_V6, BALANCERS};
use crate::{
    balancer::{Action, Outcome},
    network::IFINDEX,
};

/// Counters by name, those that are 0 left out.
pub(super) type Counted = BTreeMap<String, u64>;

/// The pin directory, removed when it is dropped, also by a failed assertion.
struct Pins(PathBuf);

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = detach(&self.0) {
            println!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// The real maps and the real program.
pub(super) struct Backend {
    decapsulator: Decapsulator,
    told: Counted,
    // The last field: maps close before their pins go.
    pins: Pins,
}

impl Backend {
    /// A backend that the balancers may send to, with one address of each family.
    pub(super) fn new() -> Self {
        let allow = BALANCERS.map(|prefix| prefix.parse().unwrap()).to_vec();
        Self::with(&Settings { allow, ..Settings::default() })
    }

    /// A backend with other settings.
    pub(super) fn with(settings: &Settings) -> Self {
        ensure_mounted().unwrap();
        let pins = Pins(LabName::claim().unwrap().pin_directory());
        let mut decapsulator = Decapsulator::open(pins.0.clone(), settings).unwrap();
        let own = BTreeSet::from([BACKEND_V4.into(), BACKEND_V6.into()]);
        assert!(decapsulator.set_own_addresses(&own).unwrap());
        Self { decapsulator, told: Counted::new(), pins }
    }

    /// Gives it other addresses.
    pub(super) fn set_own_addresses(&mut self, own: &[IpAddr]) {
        self.decapsulator.set_own_addresses(&own.iter().copied().collect()).unwrap();
    }

    /// Runs a frame through the program, its first `linear` bytes in the first buffer.
    pub(super) fn run_in_buffers(&mut self, frame: &[u8], linear: usize) -> Outcome {
        let linear = u32::try_from(linear).unwrap();
        let context: Vec<u8> =
            [0, linear, 0, IFINDEX, 0, 0].iter().flat_map(|word| word.to_ne_bytes()).collect();
        // Room for more than came in, so that a frame that grew would show.
        let mut out = vec![0; frame.len() + 256];
        let options = TestRunOptions {
            data_in: Some(frame),
            data_out: Some(&mut out),
            ctx_in: Some(&context),
            ..TestRunOptions::default()
        };
        let result = self.decapsulator.xdp().unwrap().test_run(options).unwrap();
        out.truncate(usize::try_from(result.data_size_out).unwrap());
        let action = match result.return_value {
            1 => Action::Drop,
            2 => Action::Pass,
            other => panic!("the program answered {other}"),
        };
        Outcome { action, frame: out }
    }

    /// Runs a frame through the program.
    pub(super) fn run(&mut self, frame: &[u8]) -> Outcome {
        self.run_in_buffers(frame, frame.len())
    }

    /// Runs a frame whose content shall be taken out of a tunnel of this kind as `expected`.
    #[track_caller]
    pub(super) fn takes_out(&mut self, kind: &str, frame: &[u8], expected: &[u8]) {
        let outcome = self.run(frame);
        let counted = self.counted();
        assert_eq!(outcome.action, Action::Pass, "{kind}: {counted:?}");
        assert_eq!(outcome.frame, expected, "{kind}: {counted:?}");
        let bytes = u64::try_from(expected.len()).unwrap();
        let expected = [(format!("{kind} packets"), 1), (format!("{kind} bytes"), bytes)];
        assert_eq!(counted, Counted::from(expected));
    }

    /// Runs a frame that shall be dropped for this reason.
    #[track_caller]
    pub(super) fn drops(&mut self, reason: DecapDrop, frame: &[u8]) {
        let action = self.run(frame).action;
        assert_eq!(action, Action::Drop, "{:?} of {frame:02x?}", self.counted());
        assert_eq!(self.counted(), Counted::from([(format!("dropped {}", reason.name()), 1)]));
    }

    /// Runs a frame that shall go on to the host as it is, and shall not be counted.
    #[track_caller]
    pub(super) fn passes(&mut self, frame: &[u8]) {
        assert_eq!(self.run(frame), Outcome { action: Action::Pass, frame: frame.to_vec() });
        assert_eq!(self.counted(), Counted::new(), "{frame:02x?}");
    }

    /// Runs a fragment that shall go on to the host as it is, and shall be counted.
    #[track_caller]
    pub(super) fn passes_fragment(&mut self, frame: &[u8]) {
        assert_eq!(self.run(frame), Outcome { action: Action::Pass, frame: frame.to_vec() });
        assert_eq!(self.counted(), Counted::from([("passed fragment".to_owned(), 1)]));
    }

    /// What was counted since the last call.
    pub(super) fn counted(&mut self) -> Counted {
        let now = self.read();
        let mut counted = Counted::new();
        for (name, value) in &now {
            let before = self.told.get(name).copied().unwrap_or(0);
            let more = value.checked_sub(before).expect("counters never go back");
            if more > 0 {
                counted.insert(name.clone(), more);
            }
        }
        self.told = now;
        counted
    }

    /// The decapsulator itself.
    pub(super) fn decapsulator(&mut self) -> &mut Decapsulator {
        &mut self.decapsulator
    }

    fn read(&self) -> Counted {
        let stats = read_stats(&self.pins.0).unwrap();
        let mut counted = Counted::new();
        for (kind, one) in stats.decapsulated {
            counted.insert(format!("{kind} packets"), one.packets);
            counted.insert(format!("{kind} bytes"), one.bytes);
        }
        counted.extend(stats.drops.iter().map(|(why, count)| (format!("dropped {why}"), *count)));
        counted.extend(stats.passed.iter().map(|(why, count)| (format!("passed {why}"), *count)));
        counted
    }
}
