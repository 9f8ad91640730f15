//! What happens in the demo: a backend is killed, found out, revived and found again.

use std::time::Duration;

use anyhow::Result;
use loadbalancer_tests::{Lab, stats};
use serde_json::Value;

/// The backend that it happens to.
pub(super) const VICTIM: &str = "web-2";

/// Something that happened, with its time since the clients' start.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) at: Duration,
    pub(super) text: String,
}

/// When what happened; all times since the clients' start.
#[derive(Debug)]
pub(super) struct Story {
    length: Duration,
    events: Vec<Event>,
    /// The victim was killed.
    pub(super) killed: Option<Duration>,
    /// Health checks had taken it out.
    pub(super) out: Option<Duration>,
    /// It was started again, and listened.
    pub(super) revived: Option<Duration>,
    /// Health checks had taken it in.
    pub(super) back: Option<Duration>,
}

impl Story {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, events: Vec::new(), killed: None, out: None, revived: None, back: None }
    }

    /// All that has happened.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Does what is due and notices what the daemon did, by its `stats`; returns what is new.
    pub(super) fn go_on(
        &mut self,
        lab: &Lab,
        stats: &Value,
        now: impl Fn() -> Duration,
    ) -> Result<&[Event]> {
        let told = self.events.len();
        let victim = stats::backend(stats::service(stats, "web")?, VICTIM)?;
        let healthy = stats::text(victim, "state")? == "healthy";
        self.notice(healthy, now());
        if self.killed.is_none() && now() >= self.length / 3 {
            self.killed = Some(now());
            lab.backend(VICTIM)?.kill()?;
            self.tell(now(), format!("killed {VICTIM}"));
        }
        if self.revived.is_none() && now() >= self.length * 2 / 3 {
            lab.backend(VICTIM)?.revive()?;
            self.revived = Some(now());
            self.tell(now(), format!("revived {VICTIM}"));
        }
        Ok(self.events.get(told..).unwrap_or_default())
    }

    fn notice(&mut self, healthy: bool, now: Duration) {
        if let (Some(killed), None, false) = (self.killed, self.out, healthy) {
            self.out = Some(now);
            let took = now.saturating_sub(killed).as_secs_f64();
            self.tell(now, format!("{VICTIM} is out after {took:.1} s"));
        }
        if let (Some(revived), Some(_), None, true) = (self.revived, self.out, self.back, healthy) {
            self.back = Some(now);
            let took = now.saturating_sub(revived).as_secs_f64();
            self.tell(now, format!("{VICTIM} is back after {took:.1} s"));
        }
    }

    fn tell(&mut self, at: Duration, text: String) {
        self.events.push(Event { at, text });
    }

    /// Whether a request from `began` to `ended` may have met the victim dead and undetected.
    pub(super) fn excuses(&self, began: Duration, ended: Duration) -> bool {
        let until = self.out.or(self.revived).unwrap_or(Duration::MAX);
        self.killed.is_some_and(|killed| ended >= killed && began <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_backend_is_out_and_back_when_stats_first_say_so() {
        let mut story = Story::new(seconds(30));
        story.notice(true, seconds(9));
        story.killed = Some(seconds(10));
        story.notice(true, seconds(11));
        story.notice(false, seconds(12));
        story.notice(false, seconds(13));
        story.revived = Some(seconds(20));
        story.notice(false, seconds(21));
        story.notice(true, seconds(22));
        assert_eq!((story.out, story.back), (Some(seconds(12)), Some(seconds(22))));
        let told: Vec<&str> = story.events().iter().map(|event| event.text.as_str()).collect();
        assert_eq!(told, ["web-2 is out after 2.0 s", "web-2 is back after 2.0 s"]);
    }

    #[test]
    fn only_requests_that_overlap_the_detection_are_excused() {
        let mut story = Story::new(seconds(30));
        assert!(!story.excuses(seconds(9), seconds(11)), "nothing was killed");
        (story.killed, story.out) = (Some(seconds(10)), Some(seconds(12)));
        assert!(!story.excuses(seconds(8), seconds(9)));
        assert!(story.excuses(seconds(9), seconds(10)));
        assert!(story.excuses(seconds(12), seconds(14)));
        assert!(!story.excuses(seconds(13), seconds(14)));
    }
}
