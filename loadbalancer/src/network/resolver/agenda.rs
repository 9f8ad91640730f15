//! What is to be done, and when: changes that come together are served together, and costly
//! readings leave time for cheap ones.

use std::mem;

use tokio::time::{Instant, sleep_until};

use crate::network::ways::Effect;

/// After a reading of routes, this many times its duration passes without another one: on a host
/// whose routes change all the time, a tenth of one CPU goes into following them.
const REST: u32 = 9;

/// What is to be done, and when.
#[derive(Debug)]
pub(super) struct Agenda {
    effect: Effect,
    due: Option<Instant>,
    rested: Instant,
}

impl Agenda {
    /// Everything is to be read now.
    pub(super) fn new(now: Instant) -> Self {
        Self { effect: Effect::All, due: Some(now), rested: now }
    }

    /// Adds what a change makes necessary, at the latest at that time.
    pub(super) fn add(&mut self, effect: Effect, at: Instant) {
        if effect != Effect::None {
            self.effect = self.effect.max(effect);
            self.due = Some(self.due.map_or(at, |due| due.min(at)));
        }
    }

    /// Adds what somebody waits for.
    pub(super) fn add_at_once(&mut self, effect: Effect, now: Instant) {
        self.rested = now;
        self.add(effect, now);
    }

    /// Waits until something is due.
    pub(super) async fn due(&self) {
        match self.due {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// What is to be done now. Routes that may not be read yet stay on the agenda.
    pub(super) fn take(&mut self, now: Instant) -> Effect {
        if self.effect >= Effect::Routes && now < self.rested {
            self.due = Some(self.rested);
            return Effect::Ways;
        }
        self.due = None;
        mem::replace(&mut self.effect, Effect::None)
    }

    /// Takes note of how long it took.
    pub(super) fn rest_after(&mut self, effect: Effect, began: Instant, ended: Instant) {
        if effect >= Effect::Routes {
            self.rested = ended + ended.duration_since(began) * REST;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn idle(now: Instant) -> Agenda {
        let mut agenda = Agenda::new(now);
        assert_eq!(agenda.take(now), Effect::All);
        agenda
    }

    #[test]
    fn changes_that_come_together_are_served_together() {
        let now = Instant::now();
        let mut agenda = idle(now);
        agenda.add(Effect::None, now);
        assert_eq!(agenda.due, None);
        agenda.add(Effect::Ways, now + 10 * MS);
        agenda.add(Effect::Routes, now + 15 * MS);
        agenda.add(Effect::Ways, now + 19 * MS);
        assert_eq!(agenda.due, Some(now + 10 * MS));
        assert_eq!(agenda.take(now + 10 * MS), Effect::Routes);
        assert_eq!((agenda.effect, agenda.due), (Effect::None, None));
    }

    #[test]
    fn a_costly_reading_delays_the_next_but_not_neighbours() {
        let now = Instant::now();
        let mut agenda = idle(now);
        agenda.rest_after(Effect::Routes, now, now + 10 * MS);
        let rested = now + 100 * MS;
        agenda.add(Effect::Routes, now + 20 * MS);
        assert_eq!(agenda.take(now + 20 * MS), Effect::Ways);
        assert_eq!(agenda.due, Some(rested));
        agenda.add(Effect::Ways, now + 30 * MS);
        assert_eq!(agenda.due, Some(now + 30 * MS));
        assert_eq!(agenda.take(now + 30 * MS), Effect::Ways);
        assert_eq!(agenda.take(rested), Effect::Routes);
        assert_eq!(agenda.due, None);
    }

    #[test]
    fn what_somebody_waits_for_does_not_wait() {
        let now = Instant::now();
        let mut agenda = idle(now);
        agenda.rest_after(Effect::All, now, now + 10 * MS);
        agenda.add_at_once(Effect::Routes, now + 11 * MS);
        assert_eq!(agenda.take(now + 11 * MS), Effect::Routes);
    }
}
