//! QUIC: a connection id names its backend, wherever the packet comes from.

use std::{collections::BTreeSet, net::SocketAddr};

use loadbalancer_common::{
    DropReason, Event,
    hash::mix,
    quic::{ConnectionId, encode},
};

use crate::{
    balancer::{Action, Balancer},
    counts::counts,
    dissect::dissect,
    frames::{DATA, Packet},
    network::{OWN_MAC, Service, UDP_V4, UDP_V6, Way, backend_mac},
};

const WAYS: [Way; 2] = [UDP_V4, UDP_V6];
const FORWARDS: [&str; 2] = ["nat", "dsr"];
/// The key of the draft's test vectors.
const KEY: &str = "8f95f09245765f80256934e50c66207f";
const ROTATION: u8 = 2;

/// How servers write their ids.
#[derive(Clone, Copy, Debug)]
struct Form {
    server: usize,
    nonce: usize,
    is_encrypted: bool,
}

const fn form(server: usize, nonce: usize, is_encrypted: bool) -> Form {
    Form { server, nonce, is_encrypted }
}

/// In the open; four passes with even and odd lengths, and with ids that reach into the second
/// half, at the least and the greatest length; a single pass.
const FORMS: [Form; 10] = [
    form(2, 4, false),
    form(15, 4, false),
    form(1, 4, true),
    form(3, 4, true),
    form(5, 5, true),
    form(10, 5, true),
    form(15, 4, true),
    form(1, 18, true),
    form(8, 8, true),
    form(12, 4, true),
];

const PLAIN: Form = FORMS[0];

impl Form {
    fn key(self) -> Option<[u8; 16]> {
        let key = u128::from_str_radix(KEY, 16).unwrap().to_be_bytes();
        self.is_encrypted.then_some(key)
    }

    /// The id of a backend's server.
    fn server_id(self, backend: u8) -> Vec<u8> {
        (0..self.server).map(|at| backend ^ u8::try_from(at * 17).unwrap()).collect()
    }

    /// One of the connection ids that a backend issues.
    fn id(self, backend: u8, serial: u8) -> Vec<u8> {
        let nonce: Vec<u8> = (0..self.nonce).map(|at| serial ^ u8::try_from(at).unwrap()).collect();
        let id = encode(ROTATION, &self.server_id(backend), &nonce, self.key().as_ref()).unwrap();
        bytes(&id)
    }

    /// A line of the service's, with the lengths that its connection ids have.
    fn settings(self) -> String {
        let key = if self.is_encrypted { format!(", key = \"{KEY}\"") } else { String::new() };
        let Self { server, nonce, .. } = self;
        format!(
            "quic = true\nquic_lb = [{{ config_rotation = {ROTATION}, server_id_length = {server}, \
             nonce_length = {nonce}{key} }}]"
        )
    }

    /// A service with three backends, `number` of them with more settings.
    fn service(self, way: Way, forward: &'static str, number: u8, more: &str) -> Service {
        let service = way.service(forward).settings(&self.settings());
        (1..=3).fold(service, |service, one| {
            let id = self
                .server_id(one)
                .iter()
                .fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
            let more = if one == number { more } else { "" };
            service.backend(one, &format!("server_id = \"{id}\"\n{more}"))
        })
    }
}

fn bytes(id: &ConnectionId) -> Vec<u8> {
    id.bytes[..usize::try_from(id.length).unwrap()].to_vec()
}

/// A packet of a connection that stands (RFC 8999, section 5.2).
fn short(id: &[u8]) -> Vec<u8> {
    [&[0x41], id, &[0x99; 25]].concat()
}

/// A packet of a handshake (RFC 8999, section 5.1), version 1, with a source id of 8 bytes.
fn long(id: &[u8]) -> Vec<u8> {
    let length = u8::try_from(id.len()).unwrap();
    [&[0xe1, 0, 0, 0, 1, length], id, &[8], &[0x77; 8], &[0x99; 30]].concat()
}

/// From a connection id to a packet.
type Header = fn(&[u8]) -> Vec<u8>;

const HEADERS: [Header; 2] = [short, long];

fn from(way: Way, client: SocketAddr, data: &[u8]) -> Packet {
    Packet::udp(client, way.vip()).data(data)
}

/// The number of the backend that a packet goes to.
#[track_caller]
fn serves(balancer: &mut Balancer, packet: &Packet) -> u8 {
    dissect(&balancer.sends(&packet.bytes())).unwrap().destination_mac[5]
}

/// Where the flow of a client goes whose packets name no backend.
#[track_caller]
fn by_hash(balancer: &mut Balancer, way: Way, client: SocketAddr) -> u8 {
    // A short header, and a config rotation that no test has.
    let data = [&[0x41, 0x60], DATA].concat();
    serves(balancer, &from(way, client, &data))
}

#[test]
fn a_connection_keeps_its_backend_wherever_it_comes_from() {
    for way in WAYS {
        for forward in FORWARDS {
            for form in FORMS {
                let mut balancer = Balancer::with([form.service(way, forward, 0, "")]);
                for (backend, header) in (1..=3).flat_map(|one| HEADERS.map(|header| (one, header)))
                {
                    let what = format!("{way:?}, {forward}, {form:?}, {backend}");
                    for serial in 0..4 {
                        let data = header(&form.id(backend, serial));
                        for client in [way.client(7, 40_000), way.client(serial, 50_000)] {
                            assert_eq!(
                                serves(&mut balancer, &from(way, client, &data)),
                                backend,
                                "{what}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_packet_is_sent_on_as_every_other() {
    for way in WAYS {
        for form in [PLAIN, form(3, 4, true)] {
            let mut balancer = Balancer::with([form.service(way, "dsr", 0, "")]);
            let packet = from(way, way.client(7, 40_000), &short(&form.id(2, 9)));
            let frame = packet.bytes();
            let expected = packet.macs(backend_mac(2), OWN_MAC).bytes();
            assert_eq!(balancer.sends(&frame), expected, "{way:?}");
            assert_eq!(balancer.sends(&frame), expected, "{way:?}");
            let counted = counts().forwarded("web-2", &[&frame, &frame]).queries("web-2", 2);
            assert_eq!(balancer.counters(), counted.connections("web-2", 1), "{way:?}");
        }
    }
}

#[test]
fn each_address_of_a_client_has_a_translation_of_its_own() {
    for way in WAYS {
        let form = form(8, 8, true);
        let mut balancer = Balancer::with([form.service(way, "nat", 0, "")]);
        let mut ports = BTreeSet::new();
        for (number, port) in [(7, 40_000), (7, 40_001), (8, 40_000)] {
            let client = way.client(number, port);
            let data = short(&form.id(3, number));
            let sent = dissect(&balancer.sends(&from(way, client, &data).bytes())).unwrap();
            assert_eq!(sent.destination_mac, backend_mac(3));
            assert!(sent.is_intact());
            assert!(ports.insert(sent.source.port()), "{ports:?}");
            let reply = way.reply(3, sent.source.port()).bytes();
            let back = dissect(&balancer.sends(&reply)).unwrap();
            assert_eq!((back.source, back.destination), (way.vip(), client));
        }
    }
}

#[test]
fn an_id_that_names_no_backend_leaves_the_choice_to_the_flow() {
    for way in WAYS {
        for form in [PLAIN, form(3, 4, true)] {
            let mut balancer = Balancer::with([form.service(way, "nat", 0, "")]);
            let key = form.key();
            let server = form.server_id(1);
            let nonce = vec![5; form.nonce];
            let other = |rotation| bytes(&encode(rotation, &server, &nonce, key.as_ref()).unwrap());
            let mut reserved = form.id(1, 5);
            reserved[0] |= 0xe0;
            let unknown = encode(ROTATION, &vec![0xee; form.server], &nonce, key.as_ref()).unwrap();
            let cut = form.id(1, 5)[..form.server + form.nonce].to_vec();
            let ids = [other(0), other(6), reserved, bytes(&unknown), Vec::new()];
            let mut datagrams: Vec<Vec<u8>> =
                ids.iter().flat_map(|id| HEADERS.map(|header| header(id))).collect();
            // Only a long header says that the id ends there.
            datagrams.push(long(&cut));
            // What is no QUIC packet at all.
            datagrams.extend([vec![], vec![0x41], vec![0xc1; 5], vec![0xff; 20], vec![0x41; 20]]);
            for (client, data) in (0..).map(|number| way.client(number, 40_000)).zip(&datagrams) {
                let expected = by_hash(&mut balancer, way, client);
                let packet = from(way, client, data);
                assert_eq!(
                    serves(&mut balancer, &packet),
                    expected,
                    "{way:?} {form:?} {data:02x?}"
                );
                // Also as the flow's first packet.
                let client = SocketAddr::new(client.ip(), 50_000);
                let first = serves(&mut balancer, &from(way, client, data));
                assert_eq!(by_hash(&mut balancer, way, client), first, "{way:?} {form:?}");
            }
        }
    }
}

#[test]
fn an_id_says_more_than_its_flow() {
    for way in WAYS {
        for forward in FORWARDS {
            let mut balancer = Balancer::with([PLAIN.service(way, forward, 0, "")]);
            let client = way.client(7, 40_000);
            let first = by_hash(&mut balancer, way, client);
            balancer.counters();
            let other = first % 3 + 1;
            let frame = from(way, client, &short(&PLAIN.id(other, 0))).bytes();
            for _ in 0..3 {
                let sent = dissect(&balancer.sends(&frame)).unwrap();
                assert_eq!(sent.destination_mac, backend_mac(other));
            }
            let name = format!("web-{other}");
            let expected = counts()
                .forwarded(&name, &[&frame, &frame, &frame])
                .connections(&name, 1)
                .queries(&name, 3)
                .event(Event::ConnectionMoved, 1);
            assert_eq!(balancer.counters(), expected, "{way:?}, {forward}");
            // What names nobody stays where the flow went last.
            assert_eq!(by_hash(&mut balancer, way, client), other);
        }
    }
}

/// What became of a backend, and whether packets with a short and with a long header go there.
const STATES: [(&str, &str, bool, bool); 5] = [
    ("enabled", "", true, true),
    ("draining", "state = \"draining\"", true, false),
    ("without weight", "weight = 0", true, false),
    ("unhealthy", "", true, false),
    ("disabled", "state = \"disabled\"", false, false),
];

#[test]
fn connections_stay_while_their_backend_drains_or_fails_and_handshakes_do_not_begin() {
    for way in WAYS {
        for forward in FORWARDS {
            for (state, settings, stands, begins) in STATES {
                let mut balancer = Balancer::with([PLAIN.service(way, forward, 2, settings)]);
                if state == "unhealthy" {
                    balancer.change(|world| {
                        world.unhealthy.insert("web-2".to_owned());
                    });
                }
                for (port, header, goes) in
                    [(40_000, HEADERS[0], stands), (50_000, HEADERS[1], begins)]
                {
                    let clients = (0..16).map(|number| way.client(number, port));
                    for client in clients {
                        let packet = from(way, client, &header(&PLAIN.id(2, 0)));
                        let backend = serves(&mut balancer, &packet);
                        assert_eq!(backend == 2, goes, "{way:?}, {forward}, {state}: {backend}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_handshake_that_was_under_way_stays_when_its_backend_drains() {
    for way in WAYS {
        for forward in FORWARDS {
            let mut balancer = Balancer::with([PLAIN.service(way, forward, 0, "")]);
            let client = way.client(7, 40_000);
            let backend = by_hash(&mut balancer, way, client);
            balancer.change(|world| {
                world.services = vec![PLAIN.service(way, forward, backend, "state = \"draining\"")];
            });
            let packet = from(way, client, &long(&PLAIN.id(backend, 0)));
            assert_eq!(serves(&mut balancer, &packet), backend, "{way:?}, {forward}");
        }
    }
}

#[test]
fn a_backend_that_cannot_be_reached_is_no_reason_to_go_elsewhere() {
    let mut balancer = Balancer::with([PLAIN.service(UDP_V4, "nat", 0, "")]);
    balancer.change(|world| {
        world.next_hops.remove(&UDP_V4.backend(2).ip());
    });
    let packet = from(UDP_V4, UDP_V4.client(7, 40_000), &short(&PLAIN.id(2, 0)));
    balancer.drops(&packet.bytes());
    assert_eq!(balancer.counters(), counts().dropped(DropReason::NeighbourUnresolved, 1));
}

#[test]
fn ids_name_backends_of_their_own_service_only() {
    let named = |name, port, numbers: [u8; 2]| {
        let service = UDP_V4.service("dsr").named(name).port(port).settings("quic = true");
        (0_u8..).zip(numbers).fold(service, |service, (id, number)| {
            service.backend(number, &format!("server_id = \"{id:02x}\""))
        })
    };
    let mut balancer = Balancer::with([named("one", 443, [1, 2]), named("two", 444, [4, 3])]);
    // Rotation 0, an id of 1 byte, a nonce of 4: what a service has that says no more.
    for (port, id, expected) in [(443, 0, 1), (443, 1, 2), (444, 0, 4), (444, 1, 3)] {
        for client in 0..8 {
            let mut vip = UDP_V4.vip();
            vip.set_port(port);
            let packet = Packet::udp(UDP_V4.client(client, 40_000), vip);
            let packet = packet.data(&short(&[0x1f, id, 9, 9, 9, 9]));
            assert_eq!(serves(&mut balancer, &packet), expected, "{port}, {id}");
        }
    }
}

#[test]
fn a_reload_changes_rotations_keys_and_ids_without_a_restart() {
    let new = form(2, 14, true);
    let service = |settings: &str, ids: [&str; 2]| {
        let service = UDP_V6.service("nat").settings(settings);
        (1..).zip(ids).fold(service, |service, (number, id)| {
            service.backend(number, &format!("server_id = \"{id}\""))
        })
    };
    let rotations = |keep_old: bool| {
        let new = format!("{{ config_rotation = 1, nonce_length = 14, key = \"{KEY}\" }}");
        let old = format!(", {{ config_rotation = {ROTATION}, nonce_length = 4 }}");
        format!("quic = true\nquic_lb = [{new}{}]", if keep_old { old.as_str() } else { "" })
    };
    let mut balancer = Balancer::with([UDP_V6.service("nat").backends([1, 2])]);
    let old_id = |server: [u8; 2]| bytes(&encode(ROTATION, &server, &[9; 4], None).unwrap());
    let new_id =
        |server: [u8; 2]| bytes(&encode(1, &server, &[9; 14], new.key().as_ref()).unwrap());
    let clients: Vec<SocketAddr> = (0..12).map(|number| UDP_V6.client(number, 40_000)).collect();
    let all_to = |balancer: &mut Balancer, id: &[u8], backend: u8| {
        clients.iter().all(|client| serves(balancer, &from(UDP_V6, *client, &short(id))) == backend)
    };
    let (one, two) = ([0x0a, 1], [0x0a, 2]);
    assert!(!all_to(&mut balancer, &old_id(one), 1), "not yet");
    assert!(!balancer.features().quic);
    balancer.change(|world| world.services = vec![service(&rotations(true), ["0a01", "0a02"])]);
    assert!(balancer.features().quic);
    for (one, two) in [(old_id(one), old_id(two)), (new_id(one), new_id(two))] {
        assert!(all_to(&mut balancer, &one, 1) && all_to(&mut balancer, &two, 2));
    }
    balancer.change(|world| world.services = vec![service(&rotations(false), ["0a02", "0a03"])]);
    assert!(all_to(&mut balancer, &new_id(two), 1), "the id went to another backend");
    assert!(all_to(&mut balancer, &new_id([0x0a, 3]), 2));
    balancer.change(|world| world.services = vec![UDP_V6.service("nat").backends([1, 2])]);
    assert!(!balancer.features().quic);
}

#[test]
fn no_datagram_is_dropped_whatever_it_says() {
    for form in [PLAIN, form(10, 5, true), form(8, 8, true)] {
        let mut balancer = Balancer::with([form.service(UDP_V4, "dsr", 0, "")]);
        for number in 0..2_000_u64 {
            let random: Vec<u8> =
                (0..8).flat_map(|word| mix(number * 8 + word).to_le_bytes()).collect();
            let mut data = random[..usize::from(random[63] % 60)].to_vec();
            if let Some(first) = data.get_mut(1) {
                *first = ROTATION << 5 | *first & 31;
            }
            let client = UDP_V4.client(random[60], 40_000 + u16::from(random[61]));
            let outcome = balancer.run(&from(UDP_V4, client, &data).bytes());
            assert_eq!(outcome.action, Action::Tx, "{data:02x?}");
        }
    }
}
