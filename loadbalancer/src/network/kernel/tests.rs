//! What the kernel does when it is asked, and what it tells; they need root.

use std::fs;

use super::*;
use crate::network::namespace::{Lab, in_namespace};

const DEADLINE: Duration = Duration::from_secs(5);
const WRONG: Mac = [2, 0, 0, 0, 0, 0x42];

async fn key(lab: &Lab, last_byte: u8) -> NeighbourKey {
    (lab.near_index().await, [192, 0, 2, last_byte].into())
}

#[test]
fn a_stale_neighbour_that_moved_is_found_out_by_use() {
    in_namespace(async |lab: Lab| {
        lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
        let settings = "/proc/sys/net/ipv4/neigh/eth7";
        fs::write(format!("{settings}/retrans_time_ms"), "20").unwrap();
        fs::write(format!("{settings}/delay_first_probe_time"), "0").unwrap();
        let key = key(&lab, 16).await;
        let stale = lab.near.neighbours().add(key.0, key.1).state(NeighbourState::Stale);
        stale.link_layer_address(&WRONG).execute().await.unwrap();

        let kernel = Kernel::open().unwrap();
        let expected = Neighbour { mac: Some(WRONG), failed: false, stale: true };
        assert_eq!(kernel.neighbours().await.unwrap()[&key], expected);
        let found = async {
            let mac = lab.far_mac().await;
            while kernel.neighbours().await.unwrap()[&key].mac != Some(mac) {
                kernel.use_neighbour(key).await.unwrap();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(timeout(DEADLINE, found).await.is_ok());
    });
}

#[test]
fn changes_that_overflow_the_socket_are_told_as_lost() {
    in_namespace(async |lab: Lab| {
        lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
        let mut changes = Changes::open().unwrap();
        let (ifindex, address) = key(&lab, 99).await;
        for n in 0..2_000_u16 {
            let [high, low] = n.to_be_bytes();
            let neighbours = lab.near.neighbours();
            let entry =
                neighbours.add(ifindex, address).link_layer_address(&[2, 0, 0, 0, high, low]);
            entry.replace().execute().await.unwrap();
        }
        let lost = async { while changes.next().await.unwrap() != Change::Lost {} };
        assert!(timeout(DEADLINE, lost).await.is_ok());
    });
}

#[test]
fn a_bridge_that_loses_a_port_says_nothing_of_the_interface() {
    let mut message = LinkMessage::default();
    message.header.index = 7;
    let told =
        |message| change(NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(message)));
    assert_eq!(told(message.clone()), Some(Change::Link(7, None)));
    message.header.interface_family = AddressFamily::Bridge;
    assert_eq!(told(message), None);
}
