//! One backend under watch: asks its check once an interval and keeps its health.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, MissedTickBehavior, interval_at, timeout},
};
use tracing::{info, warn};

use super::{
    BackendName, Health, HealthEvent,
    check::{Check, CheckFailure},
    threshold::Threshold,
};

/// The task of one backend.
pub(crate) struct Watch {
    /// Whose health it is.
    pub(crate) name: BackendName,
    /// Where the check asks.
    pub(crate) address: SocketAddr,
    /// What it asks.
    pub(crate) check: Box<dyn Check>,
    /// From one check to the next.
    pub(crate) interval: Duration,
    /// Longest wait for an answer.
    pub(crate) timeout: Duration,
    /// What the answers so far say.
    pub(crate) threshold: Threshold,
    /// What views read.
    pub(crate) health: Arc<Mutex<Health>>,
    /// Who hears of changes.
    pub(crate) events: mpsc::Sender<HealthEvent>,
    /// Permits for checks in flight, shared by all backends.
    pub(crate) permits: Arc<Semaphore>,
}

impl Watch {
    /// Checks at once, then once an interval, until it is dropped or nobody listens.
    ///
    /// The second check comes after a part of the interval that depends on the name, so that
    /// backends that were added together are not all asked in the same instant ever after.
    pub(crate) async fn run(mut self) {
        if !self.check_once().await {
            return;
        }
        let interval = self.interval.max(Duration::from_millis(1));
        let mut ticks = interval_at(Instant::now() + phase(&self.name, interval), interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if !self.check_once().await {
                return;
            }
        }
    }

    /// Asks once and keeps the answer; false when nobody listens any more.
    async fn check_once(&mut self) -> bool {
        let Ok(permit) = self.permits.acquire().await else { return false };
        let asked = Instant::now();
        let answer = match timeout(self.timeout, self.check.check(self.address)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(CheckFailure::TimedOut(self.timeout)),
        };
        drop(permit);
        match self.keep(answer, asked.elapsed()) {
            Some(event) => self.events.send(event).await.is_ok(),
            None => !self.events.is_closed(),
        }
    }

    /// Keeps an answer; the event when it is the first answer or changes the health.
    fn keep(&mut self, answer: Result<(), CheckFailure>, latency: Duration) -> Option<HealthEvent> {
        let counts = answer.as_ref().err().is_none_or(CheckFailure::is_of_backend);
        let flip = if counts { self.threshold.observe(answer.is_ok()) } else { None };
        let mut health = lock(&self.health);
        match answer {
            Ok(()) => {
                health.latency = Some(latency);
                health.last_error = None;
            }
            Err(failure) => health.last_error = Some(failure.to_string()),
        }
        let healthy = flip?;
        if health.healthy != healthy {
            health.healthy = healthy;
            health.since = Instant::now().into_std();
        }
        let changed = health.clone();
        drop(health);
        self.log(&changed);
        Some(HealthEvent { name: self.name.clone(), health: changed })
    }

    fn log(&self, health: &Health) {
        let BackendName { service, backend } = &self.name;
        let kind = self.check.kind();
        if health.healthy {
            info!(service, backend, kind, "backend is healthy");
        } else {
            let reason = health.last_error.as_deref().unwrap_or_default();
            warn!(service, backend, kind, reason, "backend is unhealthy");
        }
    }
}

/// Locks also what a panicking thread held: a health has no half-written state that could harm.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A part of `interval` that only depends on the name.
fn phase(name: &BackendName, interval: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    let nanoseconds = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
    Duration::from_nanos(hasher.finish() % nanoseconds)
}

#[cfg(test)]
mod tests {
    use std::{collections::VecDeque, future::pending};

    use super::*;
    use crate::health::check::CheckFuture;

    const INTERVAL: Duration = Duration::from_secs(1);
    const TIMEOUT: Duration = Duration::from_millis(500);

    /// Answers as written: `+` good, `-` bad, `?` unasked, `.` none; the last one for ever.
    struct Script(Mutex<VecDeque<char>>, Arc<Mutex<Vec<Instant>>>);

    impl Check for Script {
        fn kind(&self) -> &'static str {
            "script"
        }

        fn check(&self, _target: SocketAddr) -> CheckFuture<'_> {
            lock(&self.1).push(Instant::now());
            let mut answers = lock(&self.0);
            let answer =
                if answers.len() > 1 { answers.pop_front() } else { answers.front().copied() };
            Box::pin(async move {
                match answer {
                    Some('+') => Ok(()),
                    Some('-') => Err(CheckFailure::Status(500)),
                    Some('?') => Err(CheckFailure::Unasked("no memory".to_owned())),
                    _ => pending().await,
                }
            })
        }
    }

    struct Run {
        events: mpsc::Receiver<HealthEvent>,
        health: Arc<Mutex<Health>>,
        asked: Arc<Mutex<Vec<Instant>>>,
    }

    fn watch(backend: &str, answers: &str, threshold: Threshold, permits: &Arc<Semaphore>) -> Run {
        let (sender, events) = mpsc::channel(8);
        let asked = Arc::default();
        let health = Arc::new(Mutex::new(Health {
            healthy: false,
            since: Instant::now().into_std(),
            latency: None,
            last_error: None,
        }));
        let watch = Watch {
            name: BackendName { service: "web".to_owned(), backend: backend.to_owned() },
            address: ([192, 0, 2, 1], 80).into(),
            check: Box::new(Script(Mutex::new(answers.chars().collect()), Arc::clone(&asked))),
            interval: INTERVAL,
            timeout: TIMEOUT,
            threshold,
            health: Arc::clone(&health),
            events: sender,
            permits: Arc::clone(permits),
        };
        tokio::spawn(watch.run());
        Run { events, health, asked }
    }

    fn permits() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(8))
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_backend_is_checked_at_once_and_the_first_answer_decides() {
        let began = Instant::now();
        let mut up = watch("web-1", "+", Threshold::unknown(3, 3), &permits());
        assert!(up.events.recv().await.unwrap().health.healthy);
        let mut down = watch("web-2", "-", Threshold::unknown(3, 3), &permits());
        let event = down.events.recv().await.unwrap();
        assert!(!event.health.healthy);
        assert_eq!(event.health.last_error.as_deref(), Some("HTTP status 500"));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_backend_is_out_within_the_bound() {
        for fall in [1, 2, 5] {
            let mut run = watch("web-1", "++++.", Threshold::unknown(2, fall), &permits());
            assert!(run.events.recv().await.unwrap().health.healthy);
            let event = run.events.recv().await.unwrap();
            assert_eq!(event.health.last_error.as_deref(), Some("timed out after 500 ms"));
            let last_good = lock(&run.asked)[3];
            assert!(last_good.elapsed() <= INTERVAL * fall + TIMEOUT + Duration::from_millis(5));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn checks_keep_the_interval_also_when_answers_are_late() {
        let run = watch("web-1", ".", Threshold::unknown(2, 2), &permits());
        while lock(&run.asked).len() < 6 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let asked = lock(&run.asked).clone();
        for pair in asked.windows(2).skip(1) {
            let gap = (pair[1] - pair[0]).as_millis();
            assert!((995..=1005).contains(&gap), "{gap} ms between two checks");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_recovered_backend_needs_rise_good_answers() {
        let mut run = watch("web-1", "--+-++", Threshold::unknown(2, 2), &permits());
        assert!(!run.events.recv().await.unwrap().health.healthy);
        let event = run.events.recv().await.unwrap();
        assert!(event.health.healthy && event.health.last_error.is_none());
        assert_eq!(lock(&run.asked).len(), 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shortage_of_this_host_changes_nothing() {
        let mut run = watch("web-1", "+???-", Threshold::unknown(1, 1), &permits());
        assert!(run.events.recv().await.unwrap().health.healthy);
        assert!(!run.events.recv().await.unwrap().health.healthy);
        assert_eq!(lock(&run.asked).len(), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn views_see_the_reason_before_fall_is_reached() {
        let mut run = watch("web-1", "+-", Threshold::unknown(2, 1000), &permits());
        assert!(run.events.recv().await.unwrap().health.healthy);
        while lock(&run.health).last_error.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let health = lock(&run.health).clone();
        assert!(health.healthy);
        assert_eq!(health.last_error.as_deref(), Some("HTTP status 500"));
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_backends_share_the_permits_and_spread_over_the_interval() {
        let permits = Arc::new(Semaphore::new(64));
        let mut runs: Vec<_> = (0..10_000)
            .map(|n| watch(&format!("web-{n}"), "+", Threshold::unknown(2, 2), &permits))
            .collect();
        let began = Instant::now();
        for run in &mut runs {
            assert!(run.events.recv().await.unwrap().health.healthy);
        }
        assert!(began.elapsed() < Duration::from_millis(10));
        tokio::time::sleep(INTERVAL + TIMEOUT).await;
        let second: Vec<_> = runs.iter().map(|run| lock(&run.asked)[1] - began).collect();
        let tenth = |n: u32| {
            let span = INTERVAL / 10 * n..INTERVAL / 10 * (n + 1);
            second.iter().filter(|at| span.contains(at)).count()
        };
        assert!((0..10).all(|n| (800..1200).contains(&tenth(n))));
    }
}
