//! Frames, byte for byte: a description that tests change, and its bytes.
//!
//! `etherparse` writes the headers and computes their checksums, so nothing here is shared with the
//! program under test.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, Ethernet2Header, IpAuthHeader, IpFragOffset, IpNumber, Ipv4Header, Ipv4Options,
    Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, SingleVlanHeader, TcpHeader, UdpHeader,
    VlanId,
};
use loadbalancer_common::{
    Mac,
    packet::{TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN},
};

use crate::network::{OWN_MAC, ROUTER_MAC};

/// Offset of the IP header in a frame without VLAN tags.
pub(crate) const IP: usize = 14;
/// Offset of the transport header behind an IPv4 header without options.
pub(crate) const IPV4_TRANSPORT: usize = 34;
/// Offset of the transport header behind an IPv6 header without extensions.
pub(crate) const IPV6_TRANSPORT: usize = 54;

/// The flags of a segment that opens a connection.
pub(crate) const SYN: u8 = TCP_SYN;
/// The flags of the answer to it.
pub(crate) const SYN_ACK: u8 = TCP_SYN | TCP_ACK;
/// The flags of a segment that only acknowledges.
pub(crate) const ACK: u8 = TCP_ACK;
/// The flags of a segment that ends a request.
pub(crate) const PSH_ACK: u8 = TCP_PSH | TCP_ACK;
/// The flags of a sender's last segment.
pub(crate) const FIN_ACK: u8 = TCP_FIN | TCP_ACK;
/// The flags of an abort.
pub(crate) const RST: u8 = TCP_RST;

/// Data of an odd length, whose checksum needs a byte of filling.
pub(crate) const DATA: &[u8] = b"GET / HTTP/1.1\r\n\r\n!";

/// An IPv6 extension header.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extension {
    HopByHop,
    Routing,
    /// With this many bytes of options beyond the least 6: a multiple of 8.
    DestinationOptions(usize),
    Authentication,
    /// Offset in units of 8 bytes, and whether more follow.
    Fragment(u16, bool),
}

impl Extension {
    const fn number(self) -> IpNumber {
        match self {
            Self::HopByHop => IpNumber::IPV6_HEADER_HOP_BY_HOP,
            Self::Routing => IpNumber::IPV6_ROUTE_HEADER,
            Self::DestinationOptions(_) => IpNumber::IPV6_DESTINATION_OPTIONS,
            Self::Authentication => IpNumber::AUTHENTICATION_HEADER,
            Self::Fragment(..) => IpNumber::IPV6_FRAGMENTATION_HEADER,
        }
    }

    fn bytes(self, next: IpNumber) -> Vec<u8> {
        // PadN options (RFC 8200, section 4.2), and a routing header without segments left.
        let raw = |payload: &[u8]| Ipv6RawExtHeader::new_raw(next, payload).unwrap().to_bytes();
        match self {
            Self::HopByHop => raw(&[1, 4, 0, 0, 0, 0]).to_vec(),
            Self::Routing => raw(&[4, 0, 0, 0, 0, 0]).to_vec(),
            Self::DestinationOptions(more) => {
                let mut options = vec![0; 6 + more];
                options[0] = 1;
                options[1] = u8::try_from(4 + more).unwrap();
                raw(&options).to_vec()
            }
            Self::Authentication => {
                let header = IpAuthHeader::new(next, 0x1234, 5, &[0x5a; 12]).unwrap();
                header.to_bytes().to_vec()
            }
            Self::Fragment(offset, more) => {
                let offset = IpFragOffset::try_new(offset).unwrap();
                Ipv6FragmentHeader::new(next, offset, more, 99).to_bytes().to_vec()
            }
        }
    }
}

/// What lies behind the IP header.
#[derive(Clone, Debug)]
enum Transport {
    Tcp { flags: u8, options: Vec<u8> },
    Udp { has_checksum: bool },
    Other(IpNumber),
}

/// A frame as a description. The default comes from the router to the balancer.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    macs: (Mac, Mac),
    tags: Vec<(EtherType, u16)>,
    source: SocketAddr,
    destination: SocketAddr,
    hop_limit: u8,
    ipv4_options: Vec<u8>,
    ipv4_fragment: Option<(u16, bool)>,
    extensions: Vec<Extension>,
    transport: Transport,
    payload: Vec<u8>,
    padding: usize,
}

impl Packet {
    /// A TCP segment without data.
    pub(crate) fn tcp(source: SocketAddr, destination: SocketAddr, flags: u8) -> Self {
        Self::new(source, destination, Transport::Tcp { flags, options: Vec::new() })
    }

    /// A UDP datagram with [`DATA`].
    pub(crate) fn udp(source: SocketAddr, destination: SocketAddr) -> Self {
        Self::new(source, destination, Transport::Udp { has_checksum: true }).data(DATA)
    }

    /// A packet of another protocol, all of it given.
    pub(crate) fn other(source: IpAddr, destination: IpAddr, protocol: u8, all: &[u8]) -> Self {
        let [source, destination] = [source, destination].map(|ip| SocketAddr::new(ip, 0));
        Self::new(source, destination, Transport::Other(IpNumber(protocol))).data(all)
    }

    fn new(source: SocketAddr, destination: SocketAddr, transport: Transport) -> Self {
        Self {
            macs: (OWN_MAC, ROUTER_MAC),
            tags: Vec::new(),
            source,
            destination,
            hop_limit: 64,
            ipv4_options: Vec::new(),
            ipv4_fragment: None,
            extensions: Vec::new(),
            transport,
            payload: Vec::new(),
            padding: 0,
        }
    }

    /// With this data.
    pub(crate) fn data(self, payload: &[u8]) -> Self {
        Self { payload: payload.to_vec(), ..self }
    }

    /// To the link-layer address `destination`, from `source`.
    pub(crate) fn macs(self, destination: Mac, source: Mac) -> Self {
        Self { macs: (destination, source), ..self }
    }

    /// Behind the tags so far, one more with this VLAN.
    pub(crate) fn tag(self, vlan: u16) -> Self {
        self.tagged(EtherType::VLAN_TAGGED_FRAME, vlan)
    }

    /// Behind the tags so far, one of a service provider (IEEE 802.1ad).
    pub(crate) fn service_tag(self, vlan: u16) -> Self {
        self.tagged(EtherType::PROVIDER_BRIDGING, vlan)
    }

    fn tagged(mut self, kind: EtherType, vlan: u16) -> Self {
        self.tags.push((kind, vlan));
        self
    }

    /// From this address and port.
    pub(crate) fn from(self, source: SocketAddr) -> Self {
        Self { source, ..self }
    }

    /// To this address and port.
    pub(crate) fn to(self, destination: SocketAddr) -> Self {
        Self { destination, ..self }
    }

    /// With this time to live, or hop limit.
    pub(crate) fn hop_limit(self, hop_limit: u8) -> Self {
        Self { hop_limit, ..self }
    }

    /// With IPv4 options, a multiple of 4 bytes.
    pub(crate) fn ipv4_options(self, options: &[u8]) -> Self {
        Self { ipv4_options: options.to_vec(), ..self }
    }

    /// As an IPv4 fragment: offset in units of 8 bytes, and whether more follow.
    pub(crate) fn ipv4_fragment(self, offset: u16, more: bool) -> Self {
        Self { ipv4_fragment: Some((offset, more)), ..self }
    }

    /// Behind the extension headers so far, one more.
    pub(crate) fn extension(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// With other TCP flags.
    pub(crate) fn flags(mut self, new: u8) -> Self {
        match &mut self.transport {
            Transport::Tcp { flags, .. } => *flags = new,
            Transport::Udp { .. } | Transport::Other(_) => panic!("not a TCP segment"),
        }
        self
    }

    /// With TCP options, a multiple of 4 bytes.
    pub(crate) fn tcp_options(mut self, new: &[u8]) -> Self {
        match &mut self.transport {
            Transport::Tcp { options, .. } => *options = new.to_vec(),
            Transport::Udp { .. } | Transport::Other(_) => panic!("not a TCP segment"),
        }
        self
    }

    /// As a UDP datagram that leaves its checksum out.
    pub(crate) fn without_checksum(self) -> Self {
        Self { transport: Transport::Udp { has_checksum: false }, ..self }
    }

    /// With bytes behind the IP packet, as Ethernet fills short frames up.
    pub(crate) fn padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// The frame.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let transport = self.transport_bytes();
        let mut frame = self.link_bytes();
        match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                frame.extend(self.ipv4_bytes(source.octets(), destination.octets(), &transport));
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                frame.extend(self.ipv6_bytes(source.octets(), destination.octets(), &transport));
            }
            families => panic!("two families: {families:?}"),
        }
        frame.extend(transport);
        frame.resize(frame.len() + self.padding, 0xee);
        frame
    }

    fn link_bytes(&self) -> Vec<u8> {
        let ip = if self.source.is_ipv4() { EtherType::IPV4 } else { EtherType::IPV6 };
        let mut types: Vec<EtherType> = self.tags.iter().map(|(kind, _)| *kind).collect();
        types.push(ip);
        let (destination, source) = self.macs;
        let mut frame =
            Ethernet2Header { source, destination, ether_type: types[0] }.to_bytes().to_vec();
        for ((_, vlan), ether_type) in self.tags.iter().zip(&types[1..]) {
            let tag = SingleVlanHeader {
                vlan_id: VlanId::try_new(*vlan).unwrap(),
                ether_type: *ether_type,
                ..SingleVlanHeader::default()
            };
            frame.extend(tag.to_bytes());
        }
        frame
    }

    fn ipv4_bytes(&self, source: [u8; 4], destination: [u8; 4], transport: &[u8]) -> Vec<u8> {
        let length = u16::try_from(transport.len()).unwrap();
        let mut header =
            Ipv4Header::new(length, self.hop_limit, self.protocol(), source, destination).unwrap();
        header.identification = 0x4242;
        header.dont_fragment = self.ipv4_fragment.is_none();
        if let Some((offset, more)) = self.ipv4_fragment {
            header.fragment_offset = IpFragOffset::try_new(offset).unwrap();
            header.more_fragments = more;
        }
        header.options = Ipv4Options::try_from(self.ipv4_options.as_slice()).unwrap();
        header.set_payload_len(transport.len()).unwrap();
        header.header_checksum = header.calc_header_checksum();
        header.to_bytes().to_vec()
    }

    fn ipv6_bytes(&self, source: [u8; 16], destination: [u8; 16], transport: &[u8]) -> Vec<u8> {
        let numbers: Vec<IpNumber> =
            self.extensions.iter().map(|one| one.number()).chain([self.protocol()]).collect();
        let next = &numbers[1..];
        let extensions: Vec<u8> =
            self.extensions.iter().zip(next).flat_map(|(one, next)| one.bytes(*next)).collect();
        let header = Ipv6Header {
            traffic_class: 0x20,
            flow_label: 0x54321.try_into().unwrap(),
            payload_length: u16::try_from(extensions.len() + transport.len()).unwrap(),
            next_header: numbers[0],
            hop_limit: self.hop_limit,
            source,
            destination,
        };
        [&header.to_bytes(), extensions.as_slice()].concat()
    }

    const fn protocol(&self) -> IpNumber {
        match self.transport {
            Transport::Tcp { .. } => IpNumber::TCP,
            Transport::Udp { .. } => IpNumber::UDP,
            Transport::Other(number) => number,
        }
    }

    fn transport_bytes(&self) -> Vec<u8> {
        let header = match &self.transport {
            Transport::Tcp { flags, options } => self.tcp_bytes(*flags, options),
            Transport::Udp { has_checksum } => self.udp_bytes(*has_checksum),
            Transport::Other(_) => Vec::new(),
        };
        [header.as_slice(), &self.payload].concat()
    }

    fn tcp_bytes(&self, flags: u8, options: &[u8]) -> Vec<u8> {
        let mut header =
            TcpHeader::new(self.source.port(), self.destination.port(), 0x0102_0304, 4_096);
        header.fin = flags & TCP_FIN != 0;
        header.syn = flags & TCP_SYN != 0;
        header.rst = flags & TCP_RST != 0;
        header.psh = flags & TCP_PSH != 0;
        header.ack = flags & TCP_ACK != 0;
        header.set_options_raw(options).unwrap();
        header.checksum = match (self.source.ip(), self.destination.ip()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                header.calc_checksum_ipv4_raw(source.octets(), destination.octets(), &self.payload)
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                header.calc_checksum_ipv6_raw(source.octets(), destination.octets(), &self.payload)
            }
            families => panic!("two families: {families:?}"),
        }
        .unwrap();
        header.to_bytes().to_vec()
    }

    fn udp_bytes(&self, has_checksum: bool) -> Vec<u8> {
        let mut header = UdpHeader {
            source_port: self.source.port(),
            destination_port: self.destination.port(),
            length: u16::try_from(8 + self.payload.len()).unwrap(),
            checksum: 0,
        };
        if has_checksum {
            header.checksum = match (self.source.ip(), self.destination.ip()) {
                (IpAddr::V4(source), IpAddr::V4(destination)) => header.calc_checksum_ipv4_raw(
                    source.octets(),
                    destination.octets(),
                    &self.payload,
                ),
                (IpAddr::V6(source), IpAddr::V6(destination)) => header.calc_checksum_ipv6_raw(
                    source.octets(),
                    destination.octets(),
                    &self.payload,
                ),
                families => panic!("two families: {families:?}"),
            }
            .unwrap();
        }
        header.to_bytes().to_vec()
    }
}

/// A frame with other bytes from `offset` on.
pub(crate) fn patched(frame: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    frame[offset..offset + bytes.len()].copy_from_slice(bytes);
    frame
}
