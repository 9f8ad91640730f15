//! What holds for every frame, also for those that nobody would build.

use std::{
    net::IpAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use loadbalancer_common::hash::mix;

use crate::{
    balancer::{Action, Balancer, SHORTEST},
    dissect::{Dissected, dissect},
    frames::{ACK, DATA, Extension, FIN_ACK, PSH_ACK, Packet, RST, SYN_ACK},
    network::{OWN_MAC, ROUTER_MAC, WAYS, Way, backend_mac},
};

/// Frames that are tried.
const FRAMES: u32 = 40_000;
/// Seed to begin from in place of the clock, to see a failure again.
const SEED: &str = "PACKET_SEED";

/// Numbers that only the seed decides.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A valid frame: of a client, or a backend's answer to what left before.
fn valid(random: &mut Random, left: &[(Way, Dissected)]) -> Vec<u8> {
    let way = random.pick(&WAYS);
    let packet = match left.len() {
        0 => client_packet(random, way),
        _ if random.below(3) > 0 => client_packet(random, way),
        _ => {
            let (way, left) = random.pick(left);
            let to_backend = left.source.port() >= 40_000;
            let port = if to_backend { left.source.port() } else { 41_000 };
            let reply = way.reply(left.destination_mac[5], port);
            if way.is_tcp() {
                reply.flags(random.pick(&[ACK, SYN_ACK, FIN_ACK, RST]))
            } else {
                reply
            }
        }
    };
    let packet = match random.below(6) {
        0 => packet.tag(7),
        1 => packet.service_tag(8).tag(9),
        2 if way.is_ipv4() => packet.ipv4_options(&[1; 8]),
        2 => packet.extension(Extension::HopByHop).extension(Extension::DestinationOptions(8)),
        3 => packet.padding(random.below(20)),
        _ => packet,
    };
    packet.bytes()
}

fn client_packet(random: &mut Random, way: Way) -> Packet {
    let port = 1_000 + u16::from(random.byte());
    let client = way.client(random.byte() % 4, port);
    let packet = way.opening(client);
    if way.is_tcp() {
        let flags = random.pick(&[crate::frames::SYN, ACK, PSH_ACK, FIN_ACK, RST]);
        let length = random.below(DATA.len());
        packet.flags(flags).data(&DATA[..length])
    } else {
        packet
    }
}

/// Damage: bytes and bits that change, a frame that ends early or goes on.
fn mutated(random: &mut Random, mut frame: Vec<u8>) -> Vec<u8> {
    for _ in 0..random.below(4) {
        // Headers more often than what follows.
        let span = if random.below(4) > 0 { frame.len().min(80) } else { frame.len() };
        let at = random.below(span);
        match random.below(3) {
            0 => frame[at] = random.byte(),
            1 => frame[at] ^= 1 << random.below(8),
            _ => frame[at] = random.pick(&[0, 1, 4, 5, 6, 17, 44, 51, 60, 0x45, 0x60, 0x81, 0xff]),
        }
    }
    match random.below(8) {
        0 => frame.truncate(SHORTEST + random.below(frame.len() - SHORTEST)),
        1 => frame.extend((0..random.below(40)).map(|_| 0xaa)),
        2 if random.below(10) == 0 => frame[12..].fill_with(|| random.byte()),
        _ => {}
    }
    frame
}

/// Addresses that packets may be sent to: backends, and the clients that wrote before.
fn is_known(destination: IpAddr, mac: [u8; 6], clients: &[IpAddr]) -> bool {
    let is_backend = |number| WAYS.iter().any(|way| way.backend(number).ip() == destination);
    let is_vip = WAYS.iter().any(|way| way.vip().ip() == destination);
    let to_backend = (1..=3).any(|number| {
        // A service of mode `dsr` leaves the VIP in place.
        mac == backend_mac(number) && (is_vip || is_backend(number))
    });
    to_backend || clients.contains(&destination)
}

fn seed() -> u64 {
    if let Ok(seed) = std::env::var(SEED) {
        return seed.parse().expect("the seed is a number");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::from(now.subsec_nanos()) ^ now.as_secs()
}

#[test]
fn whatever_comes_nothing_wrong_leaves_and_what_is_not_ours_is_not_touched() {
    let seed = seed();
    println!("{SEED}={seed}");
    let mut random = Random(seed);
    let names = ["tcp4", "udp4", "tcp6", "udp6"];
    let services = WAYS.into_iter().zip(names).zip(["nat", "nat", "nat", "dsr"]);
    let mut balancer = Balancer::with(
        services.map(|((way, name), forward)| way.service(forward).named(name).backends(1..=3)),
    );
    let mut clients = Vec::new();
    let mut left: Vec<(Way, Dissected)> = Vec::new();
    let mut actions = [0_u32; 3];
    for number in 0..FRAMES {
        let frame = valid(&mut random, &left);
        let frame = if random.below(4) == 0 { frame } else { mutated(&mut random, frame) };
        let before = dissect(&frame);
        let outcome = balancer.run(&frame);
        let what = || format!("{SEED}={seed}, frame {number}: {frame:02x?}, {outcome:02x?}");
        match outcome.action {
            Action::Pass => {
                assert_eq!(outcome.frame, frame, "{}", what());
                actions[0] += 1;
            }
            Action::Drop => {
                let is_ours = frame[..6] == OWN_MAC;
                assert!(is_ours && outcome.frame == frame, "{}", what());
                assert!(before.is_none_or(|packet| !is_whole_to_us(&packet)), "{}", what());
                actions[1] += 1;
            }
            Action::Tx => {
                let before = before.unwrap_or_else(|| panic!("{}", what()));
                let after = dissect(&outcome.frame).unwrap_or_else(|| panic!("{}", what()));
                if !clients.contains(&before.source.ip()) {
                    clients.push(before.source.ip());
                }
                assert_eq!(outcome.frame.len(), frame.len(), "{}", what());
                assert_eq!(before.destination_mac, OWN_MAC, "{}", what());
                assert_eq!(after.source_mac, OWN_MAC, "{}", what());
                let known = is_known(after.destination.ip(), after.destination_mac, &clients);
                assert!(known, "{}", what());
                // Right stays right, and wrong stays as wrong as it was.
                assert_eq!(after.network_error, before.network_error, "{}", what());
                assert_eq!(after.transport_error, before.transport_error, "{}", what());
                if after.destination_mac != ROUTER_MAC && left.len() < 1_000 {
                    let way =
                        WAYS.into_iter().find(|way| way.vip().is_ipv4() == after.source.is_ipv4());
                    left.extend(way.map(|way| (way, after)));
                }
                actions[2] += 1;
            }
            Action::Redirect => panic!("{}", what()),
        }
    }
    println!("passed, dropped, sent: {actions:?}");
    assert!(actions.iter().all(|count| *count > FRAMES / 20), "{actions:?}");
}

/// Whether a packet is for a service that has backends: then it is never dropped.
fn is_whole_to_us(packet: &Dissected) -> bool {
    WAYS.iter().any(|way| way.vip() == packet.destination)
}
