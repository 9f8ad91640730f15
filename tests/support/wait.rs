//! Waiting for a condition, with a deadline and a failure that says what was seen last.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Pause between two looks at a condition: short beside every deadline, long beside a look.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks `condition` until it answers `Ok`, for at most `limit`.
///
/// An `Err` means "not yet". The last one is the cause of the failure when the time is over, so
/// it should say what was found instead. The condition is asked at least once.
pub fn wait_until<T>(
    limit: Duration,
    what: &str,
    mut condition: impl FnMut() -> Result<T>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let last = match condition() {
            Ok(found) => return Ok(found),
            Err(last) => last,
        };
        if start.elapsed() >= limit {
            return Err(last)
                .with_context(|| format!("waited {:.1} s for {what}", limit.as_secs_f64()));
        }
        thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{anyhow, ensure};

    use super::*;

    #[test]
    fn the_first_ok_ends_the_wait() {
        let mut looks = 0;
        let found = wait_until(Duration::from_secs(5), "the third look", || {
            looks += 1;
            ensure!(looks == 3, "look {looks}");
            Ok("seen")
        });
        assert_eq!(found.unwrap(), "seen");
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_failure_names_the_wait_and_what_was_seen_last() {
        let failure = wait_until(Duration::ZERO, "a port", || Err::<(), _>(anyhow!("no listener")));
        assert_eq!(format!("{:#}", failure.unwrap_err()), "waited 0.0 s for a port: no listener");
    }
}
