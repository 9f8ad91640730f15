//! Against the kernel, in a network namespace of their own; they need root.

use std::net::Ipv4Addr;

use rtnetlink::{LinkUnspec, RouteMessageBuilder};

use super::*;
use crate::network::namespace::{Lab, in_namespace};

const DEADLINE: Duration = Duration::from_secs(5);
const NEIGHBOUR: &str = "192.0.2.16";
const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x42];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn lab_with_resolver(lab: &Lab, addresses: &[&str]) -> (Resolver, watch::Receiver<NextHops>) {
    lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
    let (resolver, found) = Resolver::start().unwrap();
    resolver.set_addresses(addresses.iter().map(|address| ip(address)).collect());
    (resolver, found)
}

async fn wait_for(
    found: &mut watch::Receiver<NextHops>,
    condition: impl Fn(&HashMap<IpAddr, NextHop>) -> bool,
) -> NextHops {
    timeout(DEADLINE, found.wait_for(|hops| condition(hops))).await.unwrap().unwrap().clone()
}

/// Waits until `address` has this reason.
async fn wait_for_reason(resolver: &Resolver, address: &str, reason: &str) {
    let mut report = resolver.report.clone();
    let told = report.wait_for(|report| {
        report.unresolved.get(&ip(address)).is_some_and(|why| why.to_string() == reason)
    });
    let told = timeout(DEADLINE, told).await.is_ok();
    assert!(told, "{:?}", resolver.unresolved());
}

async fn set_neighbour(lab: &Lab, address: &str, mac: [u8; 6]) {
    let neighbours = lab.near.neighbours();
    let request = neighbours.add(lab.near_index().await, ip(address)).link_layer_address(&mac);
    request.replace().execute().await.unwrap();
}

#[test]
fn neighbours_of_both_families_are_asked_for_and_found() {
    in_namespace(async |lab: Lab| {
        let (resolver, found) = lab_with_resolver(&lab, &[NEIGHBOUR, "2001:db8::10"]).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        let (ifindex, source_mac) = (lab.near_index().await, lab.near_mac().await);
        let mac = lab.far_mac().await;
        let expected = |source_address| NextHop { ifindex, source_mac, mac, source_address };
        let hops = found.borrow().clone();
        assert_eq!(hops[&ip(NEIGHBOUR)], expected(ip("192.0.2.1")));
        assert_eq!(hops[&ip("2001:db8::10")], expected(ip("2001:db8::1")));
        assert!(resolver.unresolved().is_empty());
    });
}

#[test]
fn an_address_behind_a_gateway_has_the_gateway_as_next_hop() {
    in_namespace(async |lab: Lab| {
        let (resolver, mut found) = lab_with_resolver(&lab, &["198.51.100.7"]).await;
        wait_for_reason(&resolver, "198.51.100.7", "no route").await;
        let route = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix([198, 51, 100, 0].into(), 24)
            .gateway([192, 0, 2, 16].into())
            .build();
        lab.near.route().add(route.clone()).execute().await.unwrap();
        let hops = wait_for(&mut found, |hops| !hops.is_empty()).await;
        assert_eq!(hops[&ip("198.51.100.7")].mac, lab.far_mac().await);
        assert_eq!(hops[&ip("198.51.100.7")].source_address, ip("192.0.2.1"));
        assert!(resolver.wait_settled(DEADLINE).await);
        assert!(resolver.unresolved().is_empty());

        lab.near.route().del(route).execute().await.unwrap();
        wait_for_reason(&resolver, "198.51.100.7", "no route").await;
        assert_eq!(found.borrow().len(), 1, "a lost way is kept for a while");
    });
}

#[test]
fn a_changed_mac_is_followed_at_once() {
    in_namespace(async |lab: Lab| {
        let (resolver, mut found) = lab_with_resolver(&lab, &[NEIGHBOUR]).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        let began = Instant::now();
        set_neighbour(&lab, NEIGHBOUR, MAC).await;
        wait_for(&mut found, |hops| hops[&ip(NEIGHBOUR)].mac == MAC).await;
        assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    });
}

#[test]
fn a_changed_mac_of_our_own_is_followed() {
    in_namespace(async |lab: Lab| {
        let (resolver, mut found) = lab_with_resolver(&lab, &[NEIGHBOUR]).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        let change = LinkUnspec::new_with_index(lab.near_index().await).address(MAC.to_vec());
        lab.near.link().change(change.build()).execute().await.unwrap();
        wait_for(&mut found, |hops| hops[&ip(NEIGHBOUR)].source_mac == MAC).await;
    });
}

#[test]
fn a_forgotten_neighbour_keeps_its_next_hop_and_is_asked_for_again() {
    in_namespace(async |lab: Lab| {
        let (resolver, mut found) = lab_with_resolver(&lab, &[NEIGHBOUR]).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        set_neighbour(&lab, NEIGHBOUR, MAC).await;
        wait_for(&mut found, |hops| hops[&ip(NEIGHBOUR)].mac == MAC).await;
        let mut named = lab.near.neighbours().add(lab.near_index().await, ip(NEIGHBOUR));
        let entry = named.message_mut().clone();
        lab.near.neighbours().del(entry).execute().await.unwrap();
        let far = lab.far_mac().await;
        let hops =
            wait_for(&mut found, |hops| hops.get(&ip(NEIGHBOUR)).is_none_or(|hop| hop.mac == far));
        assert!(hops.await.contains_key(&ip(NEIGHBOUR)));
    });
}

#[test]
fn a_neighbour_that_does_not_answer_is_told_and_found_when_it_does() {
    in_namespace(async |lab: Lab| {
        lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
        // Three questions in 150 ms instead of 3 s.
        std::fs::write("/proc/sys/net/ipv4/neigh/eth7/retrans_time_ms", "50").unwrap();
        let (resolver, mut found) = Resolver::start().unwrap();
        resolver.set_addresses(vec![ip("192.0.2.99"), ip(NEIGHBOUR)]);
        let reason = "neighbour 192.0.2.99 not answering";
        wait_for_reason(&resolver, "192.0.2.99", reason).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        assert!(found.borrow().contains_key(&ip(NEIGHBOUR)));
        assert!(!found.borrow().contains_key(&ip("192.0.2.99")));
        lab.far_address("192.0.2.99/24").await;
        wait_for(&mut found, |hops| hops.contains_key(&ip("192.0.2.99"))).await;
    });
}

#[test]
fn an_address_of_this_host_has_no_next_hop() {
    in_namespace(async |lab: Lab| {
        let own = ["192.0.2.1", "2001:db8::1"];
        let (resolver, found) = lab_with_resolver(&lab, &own).await;
        assert!(resolver.wait_settled(DEADLINE).await);
        let reason = "is an address of this host".to_owned();
        let expected = own.map(|address| (ip(address), reason.clone()));
        assert_eq!(resolver.unresolved(), expected.into());
        assert!(found.borrow().is_empty());
    });
}

#[test]
fn an_address_that_is_no_longer_wanted_goes() {
    in_namespace(async |lab: Lab| {
        let (resolver, mut found) = lab_with_resolver(&lab, &[NEIGHBOUR, "203.0.113.1"]).await;
        wait_for(&mut found, |hops| hops.len() == 1).await;
        resolver.set_addresses(Vec::new());
        assert!(resolver.wait_settled(DEADLINE).await);
        assert!(found.borrow().is_empty());
        assert!(resolver.unresolved().is_empty());
    });
}

#[test]
fn a_lost_socket_is_opened_again() {
    in_namespace(async |lab: Lab| {
        lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
        let sockets = Sockets::open().unwrap();
        sockets.kernel.lose();
        let (wanted, new_sets) = watch::channel(Wanted::default());
        let (next_hops, mut found) = watch::channel(NextHops::default());
        let (reports, _report) = watch::channel(Report::default());
        let task = Task { wanted: new_sets, next_hops, reports, ways: Ways::default(), set: 0 };
        tokio::spawn(task.run(sockets));
        wanted.send_replace(Wanted { set: 1, addresses: vec![ip(NEIGHBOUR)] });
        wait_for(&mut found, |hops| hops.contains_key(&ip(NEIGHBOUR))).await;
    });
}
