//! From routes, interfaces and neighbours to next hops. Pure: what the kernel told goes in.

use std::{collections::HashMap, fmt, net::IpAddr, time::Duration};

use tokio::time::Instant;

use super::{
    NextHop,
    kernel::{Change, Link, Neighbour, NeighbourKey, Route},
};

/// How long the last known way is kept when it is lost. A flushed neighbour table or a route that
/// is replaced comes back within milliseconds, and whether a backend is alive is for its health
/// check to say.
pub(super) const HOLD: Duration = Duration::from_secs(10);

/// Why there is no way to an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// No route, or one that refuses.
    NoRoute,
    /// The address is this host's own.
    Own,
    /// Broadcast, multicast or a blackhole.
    NotUnicast,
    /// The route has no source address.
    NoSource,
    /// The route leaves by an interface without link-layer addresses.
    NotEthernet(String),
    /// The neighbour is being asked for.
    Asked(NeighbourKey),
    /// The neighbour was asked for and did not answer.
    Silent(NeighbourKey),
}

impl fmt::Display for Unresolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoute => formatter.write_str("no route"),
            Self::Own => formatter.write_str("is an address of this host"),
            Self::NotUnicast => formatter.write_str("route is not unicast"),
            Self::NoSource => formatter.write_str("no own address towards it"),
            Self::NotEthernet(name) => write!(formatter, "interface {name} is not Ethernet"),
            Self::Asked((_, address)) => write!(formatter, "neighbour {address} not yet resolved"),
            Self::Silent((_, address)) => write!(formatter, "neighbour {address} not answering"),
        }
    }
}

/// The way to one address.
#[derive(Clone, Debug, Default)]
pub(super) struct Way {
    /// The last known next hop, until it is lost for [`HOLD`].
    pub(super) next_hop: Option<NextHop>,
    /// Why none is known now.
    pub(super) unresolved: Option<Unresolved>,
    /// Since when.
    lost: Option<Instant>,
}

/// What the kernel told, and the ways that follow from it.
#[derive(Debug, Default)]
pub(super) struct Ways {
    /// Interfaces, by index.
    pub(super) links: HashMap<u32, Link>,
    /// Neighbour entries.
    pub(super) neighbours: HashMap<NeighbourKey, Neighbour>,
    /// The route to each address of interest.
    pub(super) routes: HashMap<IpAddr, Route>,
    /// The way to each address of interest.
    pub(super) by_address: HashMap<IpAddr, Way>,
}

/// What a change makes necessary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Follow ways again.
    Ways,
    /// Ask for routes again, then follow ways.
    Routes,
    /// Read everything again.
    All,
}

impl Ways {
    /// Takes note of a change.
    pub(super) fn apply(&mut self, change: Change) -> Effect {
        match change {
            Change::Neighbour(key, entry) => {
                let before = match entry {
                    Some(entry) => self.neighbours.insert(key, entry),
                    None => self.neighbours.remove(&key),
                };
                let what_matters = |entry: Option<Neighbour>| entry.map(|it| (it.mac, it.failed));
                let same = what_matters(before) == what_matters(entry);
                if same { Effect::None } else { Effect::Ways }
            }
            Change::Link(index, link) => {
                let before = match link.clone() {
                    Some(link) => self.links.insert(index, link),
                    None => self.links.remove(&index),
                };
                if before == link { Effect::None } else { Effect::Routes }
            }
            Change::Routes => Effect::Routes,
            Change::Lost => Effect::All,
        }
    }

    /// Follows the way to every address again; those that were lost are kept for [`HOLD`].
    pub(super) fn follow(&mut self, now: Instant) {
        let mut before = std::mem::take(&mut self.by_address);
        for (address, route) in &self.routes {
            let known = before.remove(address).unwrap_or_default();
            let way = known.followed_by(self.next_hop(*address, route), now);
            self.by_address.insert(*address, way);
        }
    }

    /// When the first way that is kept although it is lost is to be given up.
    pub(super) fn expires(&self) -> Option<Instant> {
        let kept = self.by_address.values().filter(|way| way.next_hop.is_some());
        kept.filter_map(|way| way.lost).min().map(|lost| lost + HOLD)
    }

    /// Neighbours that ways need and the kernel does not know, and those that nobody confirmed
    /// for a while where `stale` is set.
    pub(super) fn to_ask(&self, stale: bool) -> Vec<NeighbourKey> {
        let mut keys: Vec<_> = self
            .routes
            .iter()
            .filter_map(|(address, route)| neighbour_of(*address, route))
            .filter(|(ifindex, _)| self.links.get(ifindex).is_some_and(|link| link.mac.is_some()))
            .filter(|key| match self.neighbours.get(key) {
                Some(entry) => entry.mac.is_none() || (stale && entry.stale),
                None => true,
            })
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    fn next_hop(&self, address: IpAddr, route: &Route) -> Result<NextHop, Unresolved> {
        let Route::Out { ifindex, source, .. } = *route else {
            return Err(match route {
                Route::Own => Unresolved::Own,
                Route::NotUnicast => Unresolved::NotUnicast,
                Route::None | Route::Out { .. } => Unresolved::NoRoute,
            });
        };
        let link = self.links.get(&ifindex).ok_or(Unresolved::NoRoute)?;
        let source_mac = link.mac.ok_or_else(|| Unresolved::NotEthernet(link.name.clone()))?;
        let source_address = source.ok_or(Unresolved::NoSource)?;
        let key = neighbour_of(address, route).ok_or(Unresolved::NoRoute)?;
        match self.neighbours.get(&key) {
            Some(Neighbour { mac: Some(mac), .. }) => {
                Ok(NextHop { ifindex, source_mac, mac: *mac, source_address })
            }
            Some(Neighbour { failed: true, .. }) => Err(Unresolved::Silent(key)),
            Some(_) | None => Err(Unresolved::Asked(key)),
        }
    }
}

impl Way {
    fn followed_by(self, found: Result<NextHop, Unresolved>, now: Instant) -> Self {
        let unresolved = match found {
            Ok(next_hop) => return Self { next_hop: Some(next_hop), ..Self::default() },
            // Asked for again, but it did not answer the last time.
            Err(Unresolved::Asked(key)) if self.unresolved == Some(Unresolved::Silent(key)) => {
                Unresolved::Silent(key)
            }
            Err(unresolved) => unresolved,
        };
        let lost = self.lost.unwrap_or(now);
        let keep = unresolved != Unresolved::Own && now < lost + HOLD;
        let next_hop = self.next_hop.filter(|_| keep);
        Self { next_hop, unresolved: Some(unresolved), lost: Some(lost) }
    }
}

/// Whom frames to `address` go to: its gateway, or itself.
fn neighbour_of(address: IpAddr, route: &Route) -> Option<NeighbourKey> {
    match route {
        Route::Out { ifindex, gateway, .. } => Some((*ifindex, gateway.unwrap_or(address))),
        Route::Own | Route::NotUnicast | Route::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 16));
    const GATEWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 254));
    const OWN: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const KEY: NeighbourKey = (7, ADDRESS);
    const ANSWERED: Neighbour = Neighbour { mac: Some([2; 6]), failed: false, stale: false };
    const ASKED: Neighbour = Neighbour { mac: None, failed: false, stale: false };
    const FAILED: Neighbour = Neighbour { mac: None, failed: true, stale: false };

    fn ways(route: Route, neighbour: Neighbour) -> Ways {
        let mut ways = Ways::default();
        let link = Link { name: "eth7".to_owned(), mac: Some([1; 6]), mtu: 1500, up: true };
        ways.links.insert(7, link);
        ways.neighbours.insert(KEY, neighbour);
        ways.routes.insert(ADDRESS, route);
        ways.follow(Instant::now());
        ways
    }

    fn out(gateway: Option<IpAddr>) -> Route {
        Route::Out { ifindex: 7, gateway, source: Some(OWN) }
    }

    fn reason(ways: &Ways) -> String {
        ways.by_address[&ADDRESS].unresolved.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    #[test]
    fn every_lack_has_a_reason() {
        assert_eq!(reason(&ways(out(None), ANSWERED)), "");
        assert_eq!(reason(&ways(out(None), ASKED)), "neighbour 192.0.2.16 not yet resolved");
        assert_eq!(reason(&ways(out(None), FAILED)), "neighbour 192.0.2.16 not answering");
        let behind = ways(out(Some(GATEWAY)), ANSWERED);
        assert_eq!(reason(&behind), "neighbour 192.0.2.254 not yet resolved");
        assert_eq!(reason(&ways(Route::None, ANSWERED)), "no route");
        assert_eq!(reason(&ways(Route::Own, ANSWERED)), "is an address of this host");
        assert_eq!(reason(&ways(Route::NotUnicast, ANSWERED)), "route is not unicast");
        let sourceless = Route::Out { ifindex: 7, gateway: None, source: None };
        assert_eq!(reason(&ways(sourceless, ANSWERED)), "no own address towards it");
        let mut tunnel = ways(out(None), ANSWERED);
        tunnel.links.insert(7, Link { name: "tun0".into(), mac: None, mtu: 1500, up: true });
        tunnel.follow(Instant::now());
        assert_eq!(reason(&tunnel), "interface tun0 is not Ethernet");
        assert_eq!(tunnel.to_ask(true), []);
    }

    #[test]
    fn a_lost_way_is_kept_for_a_while_and_then_given_up() {
        let mut ways = ways(out(None), ANSWERED);
        let known = ways.by_address[&ADDRESS].next_hop;
        assert_eq!(ways.expires(), None);
        let lost = Instant::now();
        assert_eq!(ways.apply(Change::Neighbour(KEY, Some(FAILED))), Effect::Ways);
        ways.follow(lost);
        assert_eq!(ways.by_address[&ADDRESS].next_hop, known);
        assert_eq!(ways.expires(), Some(lost + HOLD));
        ways.follow(lost + HOLD / 2);
        assert_eq!(ways.by_address[&ADDRESS].next_hop, known);
        ways.follow(lost + HOLD);
        assert_eq!((ways.by_address[&ADDRESS].next_hop, ways.expires()), (None, None));
        ways.neighbours.insert(KEY, ANSWERED);
        ways.follow(lost + HOLD * 2);
        assert_eq!(ways.by_address[&ADDRESS].next_hop, known);
    }

    #[test]
    fn an_address_that_becomes_our_own_loses_its_way_at_once() {
        let mut ways = ways(out(None), ANSWERED);
        ways.routes.insert(ADDRESS, Route::Own);
        ways.follow(Instant::now());
        assert_eq!(ways.by_address[&ADDRESS].next_hop, None);
    }

    #[test]
    fn a_neighbour_that_is_asked_again_stays_told_as_silent() {
        let mut ways = ways(out(None), FAILED);
        ways.apply(Change::Neighbour(KEY, Some(ASKED)));
        ways.follow(Instant::now());
        assert_eq!(reason(&ways), "neighbour 192.0.2.16 not answering");
    }

    #[test]
    fn only_what_matters_has_an_effect() {
        let mut ways = ways(out(None), ANSWERED);
        let stale = Neighbour { stale: true, ..ANSWERED };
        assert_eq!(ways.apply(Change::Neighbour(KEY, Some(stale))), Effect::None);
        let moved = Neighbour { mac: Some([3; 6]), ..ANSWERED };
        assert_eq!(ways.apply(Change::Neighbour(KEY, Some(moved))), Effect::Ways);
        assert_eq!(ways.apply(Change::Neighbour(KEY, None)), Effect::Ways);
        let link = ways.links[&7].clone();
        assert_eq!(ways.apply(Change::Link(7, Some(link))), Effect::None);
        assert_eq!(ways.apply(Change::Link(7, None)), Effect::Routes);
        assert_eq!(ways.apply(Change::Routes), Effect::Routes);
        assert_eq!(ways.apply(Change::Lost), Effect::All);
    }

    #[test]
    fn missing_neighbours_are_asked_for_and_stale_ones_when_it_is_time() {
        assert_eq!(ways(out(None), ANSWERED).to_ask(true), []);
        assert_eq!(ways(out(None), FAILED).to_ask(false), [KEY]);
        let stale = Neighbour { stale: true, ..ANSWERED };
        assert_eq!(ways(out(None), stale).to_ask(false), []);
        assert_eq!(ways(out(None), stale).to_ask(true), [KEY]);
        assert_eq!(ways(out(Some(GATEWAY)), ANSWERED).to_ask(false), [(7, GATEWAY)]);
        assert_eq!(ways(Route::Own, ASKED).to_ask(true), []);
    }
}
