//! The forward modes, as a table: what holds for one of them holds for all.

use anyhow::{Context, Result};
use loadbalancer_tests::{Family, Forward};

/// Modes in which a backend beside the load balancer serves without a set-up of its own.
pub(crate) const MODES: [Forward; 2] = [Forward::Nat, Forward::Dsr];

/// Runs a lab in each mode; a failure says in which.
pub(crate) fn in_every_mode(lab: impl Fn(Forward) -> Result<()>) -> Result<()> {
    MODES.iter().try_for_each(|&mode| lab(mode).with_context(|| format!("forward = {mode}")))
}

/// Runs what a lab shows for both families; a failure says for which.
pub(crate) fn for_both_families(show: impl Fn(Family) -> Result<()>) -> Result<()> {
    Family::BOTH
        .iter()
        .try_for_each(|&family| show(family).with_context(|| format!("over {family:?}")))
}
