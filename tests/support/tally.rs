//! Who answered: counts of answers by backend, and the requests that got none.

use std::collections::BTreeMap;

/// Failures that are kept in full; the rest are counted.
const FAILURES_KEPT: usize = 5;

/// Answers by backend, and failures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Number of answers of each backend.
    pub answers: BTreeMap<String, u64>,
    /// Number of requests without an answer.
    pub failed: u64,
    /// What the first failures said.
    pub failures: Vec<String>,
}

impl Tally {
    /// Counts one request.
    pub fn add(&mut self, outcome: Result<String, String>) {
        match outcome {
            Ok(backend) => *self.answers.entry(backend).or_default() += 1,
            Err(failure) => {
                self.failed += 1;
                if self.failures.len() < FAILURES_KEPT {
                    self.failures.push(failure);
                }
            }
        }
    }

    /// Adds what another client counted.
    pub fn merge(&mut self, other: Self) {
        for (backend, count) in other.answers {
            *self.answers.entry(backend).or_default() += count;
        }
        self.failed += other.failed;
        let room = FAILURES_KEPT.saturating_sub(self.failures.len());
        self.failures.extend(other.failures.into_iter().take(room));
    }

    /// Answers of one backend.
    pub fn of(&self, backend: &str) -> u64 {
        self.answers.get(backend).copied().unwrap_or(0)
    }

    /// Answers of all backends.
    pub fn answered(&self) -> u64 {
        self.answers.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_tallies_hold_the_sums() {
        let mut first = Tally::default();
        first.add(Ok("web-1".to_owned()));
        let mut second = Tally::default();
        second.add(Ok("web-1".to_owned()));
        second.add(Ok("web-2".to_owned()));
        second.add(Err("refused".to_owned()));
        first.merge(second);
        assert_eq!((first.of("web-1"), first.of("web-2"), first.answered()), (2, 1, 3));
        assert_eq!((first.failed, first.failures), (1, vec!["refused".to_owned()]));
    }
}
