//! Keeps the way to each backend up to date: interface, own and next MAC, source address.
//!
//! XDP sends frames past the kernel's network stack, so nobody else resolves or confirms the
//! neighbours it needs: this does. One task owns what the kernel told, hears of every change and
//! follows the ways again. The kernel is asked to resolve what is missing, every second until it
//! is there, and to confirm what is stale.
//!
//! Bound: a change is visible [`DEBOUNCE`] after the kernel told it. What is missed in spite of
//! that (changed nexthop objects are not told) is seen within [`REFRESH`] seconds.
//! Cost: while nothing changes, a walk over the ways each second, and a route lookup for each
//! address every [`REFRESH`] seconds. While routes change all the time, a tenth of one CPU.

mod agenda;

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    future::pending,
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tracing::{debug, info, warn};

use self::agenda::Agenda;
use super::{
    NetworkError, NextHop,
    kernel::{Changes, Kernel},
    ways::{Effect, Unresolved, Ways},
};

/// From a change to its effect; more changes of that time are served together.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// From one look for missing neighbours to the next.
const TICK: Duration = Duration::from_secs(1);
/// Ticks from one confirmation of stale neighbours to the next.
const CONFIRM: u32 = 15;
/// Ticks from one reading of everything to the next.
const REFRESH: u32 = 60;
/// From the loss of a socket to a new one.
const REOPEN: Duration = Duration::from_secs(1);
/// Questions to the kernel at the same time.
const QUESTIONS: usize = 32;

/// The next hop of each address that has one.
pub type NextHops = Arc<HashMap<IpAddr, NextHop>>;

/// Keeps next hops up to date. Dropping it ends that.
#[derive(Debug)]
pub struct Resolver {
    wanted: watch::Sender<Wanted>,
    report: watch::Receiver<Report>,
    task: JoinHandle<()>,
}

/// Addresses of interest; `set` counts up with each set.
#[derive(Clone, Debug, Default)]
struct Wanted {
    set: u64,
    addresses: Vec<IpAddr>,
}

/// What became of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Report {
    set: u64,
    pending: bool,
    unresolved: BTreeMap<IpAddr, Unresolved>,
}

impl Resolver {
    /// A resolver without addresses, and the next hops that it will find. Call it within a Tokio
    /// runtime.
    ///
    /// A next hop stays for 10 s after it was lost, so that a flushed neighbour table or a
    /// replaced route does not take backends out.
    ///
    /// # Errors
    ///
    /// When there is no rtnetlink socket to be had.
    pub fn start() -> Result<(Self, watch::Receiver<NextHops>), NetworkError> {
        let sockets = Sockets::open()?;
        let (wanted, new_sets) = watch::channel(Wanted::default());
        let (next_hops, found) = watch::channel(NextHops::default());
        let (reports, report) = watch::channel(Report::default());
        let task = Task { wanted: new_sets, next_hops, reports, ways: Ways::default(), set: 0 };
        Ok((Self { wanted, report, task: tokio::spawn(task.run(sockets)) }, found))
    }

    /// Replaces the addresses whose next hops are kept.
    pub fn set_addresses(&self, addresses: Vec<IpAddr>) {
        self.wanted.send_modify(|wanted| {
            wanted.set += 1;
            wanted.addresses = addresses;
        });
    }

    /// Waits until every address has a next hop or a reason why it has none, at most for `limit`;
    /// false when an answer is still missing then.
    pub async fn wait_settled(&self, limit: Duration) -> bool {
        let set = self.wanted.borrow().set;
        let mut report = self.report.clone();
        let settled = report.wait_for(|report| report.set >= set && !report.pending);
        matches!(timeout(limit, settled).await, Ok(Ok(_)))
    }

    /// Why addresses cannot be reached now, such as "no route", "is an address of this host" or
    /// "neighbour 192.0.2.1 not answering".
    pub fn unresolved(&self) -> BTreeMap<IpAddr, String> {
        let report = self.report.borrow();
        report.unresolved.iter().map(|(address, why)| (*address, why.to_string())).collect()
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One to ask, one to hear of changes.
struct Sockets {
    kernel: Kernel,
    changes: Changes,
}

impl Sockets {
    fn open() -> Result<Self, NetworkError> {
        Ok(Self { changes: Changes::open()?, kernel: Kernel::open()? })
    }
}

/// The owner of all that is known.
struct Task {
    wanted: watch::Receiver<Wanted>,
    next_hops: watch::Sender<NextHops>,
    reports: watch::Sender<Report>,
    ways: Ways,
    set: u64,
}

impl Task {
    async fn run(mut self, mut sockets: Sockets) {
        loop {
            let Err(error) = self.serve(&mut sockets).await;
            warn!(%error, "rtnetlink is lost; opening it again");
            sockets = loop {
                sleep(REOPEN).await;
                match Sockets::open() {
                    Ok(sockets) => break sockets,
                    Err(error) => warn!(%error, "rtnetlink is still lost"),
                }
            };
        }
    }

    /// Serves changes and new sets of addresses until a socket is lost.
    async fn serve(&mut self, sockets: &mut Sockets) -> Result<Infallible, NetworkError> {
        let Sockets { kernel, changes } = sockets;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut count = 0_u32;
        let mut agenda = Agenda::new(Instant::now());
        loop {
            tokio::select! {
                () = agenda.due() => {
                    let began = Instant::now();
                    let effect = agenda.take(began);
                    self.update(kernel, effect).await?;
                    agenda.rest_after(effect, began, Instant::now());
                }
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        return pending().await; // the resolver is dropped, and this task with it
                    }
                    agenda.add_at_once(Effect::Routes, Instant::now());
                }
                change = changes.next() => {
                    let effect = self.ways.apply(change.ok_or(NetworkError::Silent)?);
                    agenda.add(effect, Instant::now() + DEBOUNCE);
                }
                _ = ticks.tick() => {
                    count = count.wrapping_add(1);
                    if count.is_multiple_of(REFRESH) {
                        agenda.add(Effect::All, Instant::now());
                    }
                    self.tick(kernel, count.is_multiple_of(CONFIRM)).await?;
                }
            }
        }
    }

    /// Reads what a change may have touched, follows the ways again and tells what came out.
    async fn update(&mut self, kernel: &Kernel, effect: Effect) -> Result<(), NetworkError> {
        if effect == Effect::All {
            self.ways.links = kernel.links().await?;
            self.ways.neighbours = kernel.neighbours().await?;
        }
        if effect >= Effect::Routes {
            let wanted = self.wanted.borrow_and_update().clone();
            let routes = stream::iter(wanted.addresses)
                .map(|address| async move { Ok((address, kernel.route(address).await?)) })
                .buffer_unordered(QUESTIONS);
            self.ways.routes = routes.try_collect::<HashMap<_, _>>().await?;
            self.set = wanted.set;
        }
        self.ways.follow(Instant::now());
        self.publish();
        self.ask(kernel, false).await
    }

    /// Asks for what is missing, and gives up what was lost for too long.
    async fn tick(&mut self, kernel: &Kernel, confirm: bool) -> Result<(), NetworkError> {
        let now = Instant::now();
        if self.ways.expires().is_some_and(|expires| expires <= now) {
            self.ways.follow(now);
            self.publish();
        }
        self.ask(kernel, confirm).await
    }

    async fn ask(&self, kernel: &Kernel, confirm: bool) -> Result<(), NetworkError> {
        let mut asked = stream::iter(self.ways.to_ask(confirm))
            .map(|neighbour| async move { (neighbour, kernel.use_neighbour(neighbour).await) })
            .buffer_unordered(QUESTIONS);
        while let Some(((ifindex, address), outcome)) = asked.next().await {
            match outcome {
                Ok(()) => {}
                // Refused, for example while the interface is down; the next tick asks again.
                Err(NetworkError::Query {
                    source: source @ rtnetlink::Error::NetlinkError(_),
                    ..
                }) => {
                    debug!(ifindex, %address, %source, "neighbour cannot be asked for");
                }
                Err(lost) => return Err(lost),
            }
        }
        Ok(())
    }

    /// Next hops first: who waits for the report finds them.
    fn publish(&self) {
        let ways = &self.ways.by_address;
        let hops: HashMap<_, _> =
            ways.iter().filter_map(|(address, way)| Some((*address, way.next_hop?))).collect();
        let unresolved: BTreeMap<_, _> = ways
            .iter()
            .filter_map(|(address, way)| Some((*address, way.unresolved.clone()?)))
            .collect();
        let pending = unresolved.iter().any(|(address, why)| {
            matches!(why, Unresolved::Asked(_)) && !hops.contains_key(address)
        });
        log(&self.reports.borrow().unresolved, &unresolved, &self.next_hops.borrow(), &hops);
        self.next_hops.send_if_modified(|known| {
            let changed = **known != hops;
            if changed {
                *known = Arc::new(hops);
            }
            changed
        });
        self.reports.send_replace(Report { set: self.set, pending, unresolved });
    }
}

/// Tells what changed.
fn log(
    unresolved_before: &BTreeMap<IpAddr, Unresolved>,
    unresolved: &BTreeMap<IpAddr, Unresolved>,
    hops_before: &HashMap<IpAddr, NextHop>,
    hops: &HashMap<IpAddr, NextHop>,
) {
    for (address, reason) in unresolved {
        if unresolved_before.get(address) == Some(reason) {
            continue;
        }
        if matches!(reason, Unresolved::Asked(_)) {
            debug!(%address, %reason, "address has no next hop");
        } else {
            warn!(%address, %reason, "address has no next hop");
        }
    }
    for (address, hop) in hops {
        if hops_before.get(address) != Some(hop) {
            let mac = hop.mac.map(|byte| format!("{byte:02x}")).join(":");
            info!(%address, ifindex = hop.ifindex, mac, "address has a next hop");
        }
    }
}

#[cfg(test)]
mod tests;
