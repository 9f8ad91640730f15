//! When a backend goes up or down: good and bad answers, counted in a row. Knows no protocol.

/// What is known of one backend, and how many answers in a row speak against it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    rise: u32,
    fall: u32,
    /// `None` until the first answer, which decides alone.
    healthy: Option<bool>,
    /// Answers in a row that contradict `healthy`.
    against: u32,
}

impl Threshold {
    /// Nothing is known yet: the first answer decides at once.
    pub(crate) fn unknown(rise: u32, fall: u32) -> Self {
        Self { rise, fall, healthy: None, against: 0 }
    }

    /// Healthy until `fall` bad answers in a row say otherwise.
    pub(crate) fn healthy(rise: u32, fall: u32) -> Self {
        Self { healthy: Some(true), ..Self::unknown(rise, fall) }
    }

    /// Counts an answer; the new health when it is the first answer or changes the health.
    pub(crate) fn observe(&mut self, good: bool) -> Option<bool> {
        let needed = match self.healthy {
            Some(healthy) if healthy == good => {
                self.against = 0;
                return None;
            }
            Some(true) => self.fall,
            Some(false) => self.rise,
            None => 1,
        };
        self.against = self.against.saturating_add(1);
        if self.against < needed {
            return None;
        }
        self.against = 0;
        self.healthy = Some(good);
        self.healthy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flips(mut threshold: Threshold, answers: &str) -> String {
        answers
            .chars()
            .map(|answer| match threshold.observe(answer == '+') {
                Some(true) => 'U',
                Some(false) => 'D',
                None => '.',
            })
            .collect()
    }

    #[test]
    fn first_answer_decides_alone() {
        assert_eq!(flips(Threshold::unknown(3, 3), "++"), "U.");
        assert_eq!(flips(Threshold::unknown(3, 3), "--"), "D.");
    }

    #[test]
    fn rise_and_fall_count_answers_in_a_row() {
        assert_eq!(flips(Threshold::unknown(2, 3), "+--+---+-++"), "U.....D...U");
    }

    #[test]
    fn assumed_health_ends_only_by_fall() {
        assert_eq!(flips(Threshold::healthy(2, 2), "-+--"), "...D");
        assert_eq!(flips(Threshold::healthy(2, 2), "+++"), "...");
    }

    #[test]
    fn thresholds_of_one_follow_every_answer() {
        assert_eq!(flips(Threshold::unknown(1, 1), "+-+-"), "UDUD");
    }

    #[test]
    fn a_threshold_of_zero_is_one() {
        assert_eq!(flips(Threshold::unknown(0, 0), "+-+-"), "UDUD");
    }
}
