//! Questions to the kernel over rtnetlink, and its answers in our types.
//!
//! Two sockets: one asks, the other hears of changes. On one socket, the notification of a change
//! that another process made with the sequence number of our question would pass for its answer.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

use futures_util::{StreamExt, TryStream, TryStreamExt, stream::BoxStream};
use loadbalancer_common::Mac;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage},
    neighbour::{
        NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
    },
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_core::{NetlinkMessage, NetlinkPayload},
};
use tokio::{task::JoinHandle, time::timeout};

use super::NetworkError;

/// Longest wait for an answer. The kernel answers at once, or its answer was lost.
const PATIENCE: Duration = Duration::from_secs(5);

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    /// `None` when it is not Ethernet.
    pub(super) mac: Option<Mac>,
    pub(super) mtu: u32,
    pub(super) up: bool,
}

/// Whom a neighbour entry is about: an address on an interface.
pub(super) type NeighbourKey = (u32, IpAddr);

/// What the kernel knows of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbour {
    /// `None` while it is asked for, or does not answer.
    pub(super) mac: Option<Mac>,
    /// It was asked for and did not answer.
    pub(super) failed: bool,
    /// Its address was not confirmed for a while, and nobody asks for it.
    pub(super) stale: bool,
}

/// Where the kernel would send a packet to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Out by an interface.
    Out { ifindex: u32, gateway: Option<IpAddr>, source: Option<IpAddr> },
    /// To this host itself.
    Own,
    /// To many, or to nobody: broadcast, multicast, blackhole.
    NotUnicast,
    /// Nowhere.
    None,
}

/// A change that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A neighbour; `None` when its entry is gone.
    Neighbour(NeighbourKey, Option<Neighbour>),
    /// An interface; `None` when it is gone.
    Link(u32, Option<Link>),
    /// Routes, rules or own addresses.
    Routes,
    /// Changes were lost: everything must be read again.
    Lost,
}

/// A socket to ask the kernel by.
#[derive(Debug)]
pub(super) struct Kernel {
    handle: Handle,
    connection: JoinHandle<()>,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Kernel {
    /// Opens the socket. Call it within a Tokio runtime.
    pub(super) fn open() -> Result<Self, NetworkError> {
        let (connection, handle, _) =
            rtnetlink::new_connection().map_err(|source| NetworkError::Open { source })?;
        Ok(Self { handle, connection: tokio::spawn(connection) })
    }

    /// Loses the socket, as an error of it would.
    #[cfg(test)]
    pub(super) fn lose(&self) {
        self.connection.abort();
    }

    /// All interfaces.
    pub(super) async fn links(&self) -> Result<HashMap<u32, Link>, NetworkError> {
        let links = all("interfaces", self.handle.link().get().execute()).await?;
        Ok(links.into_iter().map(|message| (message.header.index, link(message))).collect())
    }

    /// The addresses of all interfaces.
    pub(super) async fn addresses(&self) -> Result<Vec<(u32, IpAddr)>, NetworkError> {
        let messages = all("addresses", self.handle.address().get().execute()).await?;
        Ok(messages.into_iter().filter_map(|message| own_address(&message)).collect())
    }

    /// All neighbours.
    pub(super) async fn neighbours(
        &self,
    ) -> Result<HashMap<NeighbourKey, Neighbour>, NetworkError> {
        let messages = all("neighbours", self.handle.neighbours().get().execute()).await?;
        Ok(messages.iter().filter_map(neighbour).collect())
    }

    /// The route to an address.
    pub(super) async fn route(&self, to: IpAddr) -> Result<Route, NetworkError> {
        let message = match to {
            IpAddr::V4(to) => {
                RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(to, 32).build()
            }
            IpAddr::V6(to) => {
                RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(to, 128).build()
            }
        };
        let mut answers = Box::pin(self.handle.route().get(message).execute());
        match timeout(PATIENCE, answers.try_next()).await {
            Ok(Ok(Some(message))) => Ok(route(&message)),
            Ok(Ok(None)) | Err(_) => Err(NetworkError::Silent),
            Ok(Err(rtnetlink::Error::NetlinkError(refusal))) if refusal.code.is_some() => {
                Ok(Route::None)
            }
            Ok(Err(source)) => Err(NetworkError::Query { what: "routes", source }),
        }
    }

    /// Has the kernel find out or confirm a neighbour's address, as a packet to it would.
    pub(super) async fn use_neighbour(
        &self,
        (ifindex, address): NeighbourKey,
    ) -> Result<(), NetworkError> {
        let request = self
            .handle
            .neighbours()
            .add(ifindex, address)
            .state(NeighbourState::None)
            .flags(NeighbourFlags::Use)
            .replace();
        match timeout(PATIENCE, request.execute()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(source)) => Err(NetworkError::Query { what: "neighbours", source }),
            Err(_elapsed) => Err(NetworkError::Silent),
        }
    }
}

async fn all<S>(what: &'static str, answers: S) -> Result<Vec<S::Ok>, NetworkError>
where
    S: TryStream<Error = rtnetlink::Error>,
{
    match timeout(PATIENCE, answers.try_collect()).await {
        Ok(answers) => answers.map_err(|source| NetworkError::Query { what, source }),
        Err(_elapsed) => Err(NetworkError::Silent),
    }
}

/// A socket that hears of changes.
///
/// It is read by whoever waits for the next change and not by a task of its own: while nobody
/// waits, changes stay in the socket's buffer, whose bound is the kernel's; when it overflows,
/// that is told by [`Change::Lost`].
pub(super) struct Changes {
    connection: rtnetlink::proto::Connection<RouteNetlinkMessage>,
    messages: BoxStream<'static, (NetlinkMessage<RouteNetlinkMessage>, rtnetlink::sys::SocketAddr)>,
}

impl Changes {
    /// Opens the socket. Call it within a Tokio runtime.
    pub(super) fn open() -> Result<Self, NetworkError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Neigh,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv4Rule,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv6Route,
            MulticastGroup::Ipv6Rule,
        ];
        Self::of(&groups)
    }

    /// Opens a socket that hears of this host's own addresses only, as [`Change::Routes`].
    pub(super) fn of_own_addresses() -> Result<Self, NetworkError> {
        Self::of(&[MulticastGroup::Ipv4Ifaddr, MulticastGroup::Ipv6Ifaddr])
    }

    fn of(groups: &[MulticastGroup]) -> Result<Self, NetworkError> {
        let (connection, _, messages) = rtnetlink::new_multicast_connection(groups)
            .map_err(|source| NetworkError::Open { source })?;
        Ok(Self { connection, messages: messages.boxed() })
    }

    /// Waits for the next change; `None` when the socket is lost.
    pub(super) async fn next(&mut self) -> Option<Change> {
        loop {
            let message = tokio::select! {
                biased;
                message = self.messages.next() => message,
                () = &mut self.connection => None,
            };
            let (message, _) = message?;
            if let Some(change) = change(message.payload) {
                return Some(change);
            }
        }
    }
}

fn change(payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<Change> {
    use RouteNetlinkMessage as Message;
    let NetlinkPayload::InnerMessage(message) = payload else {
        return matches!(payload, NetlinkPayload::Overrun(_)).then_some(Change::Lost);
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is not subscribed to does not come")]
    match message {
        Message::NewNeighbour(message) => {
            neighbour(&message).map(|(key, entry)| Change::Neighbour(key, Some(entry)))
        }
        Message::DelNeighbour(message) => {
            neighbour(&message).map(|(key, _)| Change::Neighbour(key, None))
        }
        // A bridge tells of its ports as links too, also that they leave it.
        Message::NewLink(message) | Message::DelLink(message)
            if message.header.interface_family == AddressFamily::Bridge =>
        {
            None
        }
        Message::NewLink(message) => Some(Change::Link(message.header.index, Some(link(message)))),
        Message::DelLink(message) => Some(Change::Link(message.header.index, None)),
        Message::NewRoute(_)
        | Message::DelRoute(_)
        | Message::NewRule(_)
        | Message::DelRule(_)
        | Message::NewAddress(_)
        | Message::DelAddress(_) => Some(Change::Routes),
        _ => None,
    }
}

fn link(message: LinkMessage) -> Link {
    let mut link = Link {
        name: String::new(),
        mac: None,
        mtu: 0,
        up: message.header.flags.contains(LinkFlags::Up),
    };
    let ethernet = message.header.link_layer_type == LinkLayerType::Ether;
    for attribute in message.attributes {
        #[expect(clippy::wildcard_enum_match_arm, reason = "an interface has many attributes")]
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Address(mac) if ethernet => link.mac = mac.try_into().ok(),
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            _ => {}
        }
    }
    link
}

fn own_address(message: &AddressMessage) -> Option<(u32, IpAddr)> {
    // On a point-to-point link, `Local` is ours and `Address` the peer's; IPv6 has no `Local`.
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        if let AddressAttribute::Local(own) = attribute {
            local = Some(*own);
        } else if let AddressAttribute::Address(own) = attribute {
            address = Some(*own);
        }
    }
    Some((message.header.index, local.or(address)?))
}

fn neighbour(message: &NeighbourMessage) -> Option<(NeighbourKey, Neighbour)> {
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the rest does not concern us")]
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => {
                address = Some(IpAddr::V4(*v4));
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => {
                address = Some(IpAddr::V6(*v6));
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => {
                mac = Mac::try_from(bytes.as_slice()).ok();
            }
            _ => {}
        }
    }
    let state = message.header.state;
    let known = matches!(
        state,
        NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe
            | NeighbourState::Permanent
            | NeighbourState::Noarp
    );
    let entry = Neighbour {
        mac: mac.filter(|_| known),
        failed: state == NeighbourState::Failed,
        stale: state == NeighbourState::Stale,
    };
    Some(((message.header.ifindex, address?), entry))
}

fn route(message: &RouteMessage) -> Route {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not unicast")]
    match message.header.kind {
        RouteType::Unicast => {}
        RouteType::Local => return Route::Own,
        _ => return Route::NotUnicast,
    }
    let (mut ifindex, mut gateway, mut source) = (None, None, None);
    for attribute in &message.attributes {
        #[expect(clippy::wildcard_enum_match_arm, reason = "a route has many attributes")]
        match attribute {
            RouteAttribute::Oif(index) => ifindex = Some(*index),
            RouteAttribute::Gateway(address) => gateway = ip(address),
            RouteAttribute::Via(RouteVia::Inet(address)) => gateway = Some((*address).into()),
            RouteAttribute::Via(RouteVia::Inet6(address)) => gateway = Some((*address).into()),
            RouteAttribute::PrefSource(address) => source = ip(address),
            _ => {}
        }
    }
    match ifindex {
        Some(ifindex) => Route::Out { ifindex, gateway, source },
        None => Route::None,
    }
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are not IP")]
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
