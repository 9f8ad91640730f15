//! For tests: two network namespaces of their own, joined by a pair of virtual Ethernet links.

use std::{fs::File, net::IpAddr, os::fd::AsRawFd, panic::resume_unwind, thread};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use loadbalancer_common::Mac;
use netlink_packet_route::{
    address::AddressHeaderFlags,
    link::{LinkAttribute, LinkMessage},
};
use nix::{
    sched::{CloneFlags, setns, unshare},
    unistd::Uid,
};
use rtnetlink::{Handle, LinkUnspec, LinkVeth};
use tokio::runtime;

const FAR: &str = "far0";

/// A host and its neighbour.
pub(super) struct Lab {
    /// The namespace that the test runs in.
    pub(super) near: Handle,
    /// The other end of the wire.
    pub(super) far: Handle,
    far_namespace: File,
}

/// Runs `test` in a thread that has a network of its own. Says so when that is not permitted.
pub(super) fn in_namespace(test: impl AsyncFnOnce(Lab) + Send) {
    if !Uid::effective().is_root() {
        println!("skipped: a network namespace of its own needs root");
        return;
    }
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                let near_namespace = File::open("/proc/thread-self/ns/net").unwrap();
                unshare(CloneFlags::CLONE_NEWNET).unwrap();
                let far_namespace = File::open("/proc/thread-self/ns/net").unwrap();
                let far = open();
                setns(near_namespace, CloneFlags::CLONE_NEWNET).unwrap();
                test(Lab { near: open(), far, far_namespace }).await;
            });
        });
        if let Err(panic) = run.join() {
            resume_unwind(panic);
        }
    });
}

/// A socket of the namespace that the thread is in.
fn open() -> Handle {
    let (connection, handle, _) = rtnetlink::new_connection().unwrap();
    tokio::spawn(connection);
    handle
}

impl Lab {
    /// Joins both by an interface `name` with these addresses; the neighbour has the addresses
    /// that end in `.16` and `::10`, and answers for them.
    pub(super) async fn connect(&self, name: &str, v4: &str, v6: &str) {
        self.near.link().add(LinkVeth::new(name, FAR).build()).execute().await.unwrap();
        let far = link(&self.near, FAR).await.header.index;
        let moved =
            LinkUnspec::new_with_index(far).setns_by_fd(self.far_namespace.as_raw_fd()).build();
        self.near.link().change(moved).execute().await.unwrap();
        for net in [v4, v6].map(|net| net.parse::<IpNet>().unwrap()) {
            add_address(&self.near, name, net.addr(), net.prefix_len()).await;
            add_address(&self.far, FAR, with_last_byte(net.addr(), 0x10), net.prefix_len()).await;
        }
        set_up(&self.near, name).await;
        set_up(&self.far, FAR).await;
    }

    /// Gives the neighbour one more address.
    pub(super) async fn far_address(&self, net: &str) {
        let net: IpNet = net.parse().unwrap();
        add_address(&self.far, FAR, net.addr(), net.prefix_len()).await;
    }

    /// Index of the interface of `connect`.
    pub(super) async fn near_index(&self) -> u32 {
        self.near_link().await.header.index
    }

    /// Link-layer address of the interface of `connect`.
    pub(super) async fn near_mac(&self) -> Mac {
        mac(&self.near_link().await)
    }

    /// Link-layer address of the neighbour.
    pub(super) async fn far_mac(&self) -> Mac {
        mac(&link(&self.far, FAR).await)
    }

    async fn near_link(&self) -> LinkMessage {
        let links: Vec<_> = self.near.link().get().execute().try_collect().await.unwrap();
        links.into_iter().find(|link| link.header.index != 1).unwrap()
    }
}

/// `192.0.2.1` and `2001:db8::1` become `192.0.2.16` and `2001:db8::10` with 0x10.
fn with_last_byte(address: IpAddr, last: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            [a, b, c, last].into()
        }
        IpAddr::V6(address) => {
            let mut octets = address.octets();
            octets[15] = last;
            octets.into()
        }
    }
}

async fn link(handle: &Handle, name: &str) -> LinkMessage {
    let mut links = Box::pin(handle.link().get().match_name(name).execute());
    links.try_next().await.unwrap().unwrap()
}

fn mac(link: &LinkMessage) -> Mac {
    let mac = link.attributes.iter().find_map(|attribute| {
        if let LinkAttribute::Address(mac) = attribute { Some(mac.as_slice()) } else { None }
    });
    mac.unwrap().try_into().unwrap()
}

async fn add_address(handle: &Handle, name: &str, address: IpAddr, prefix: u8) {
    let index = link(handle, name).await.header.index;
    let mut request = handle.address().add(index, address, prefix);
    if address.is_ipv6() {
        // Usable at once, without the second that the search for duplicates takes.
        request.message_mut().header.flags = AddressHeaderFlags::Nodad;
    }
    request.execute().await.unwrap();
}

async fn set_up(handle: &Handle, name: &str) {
    let index = link(handle, name).await.header.index;
    let up = LinkUnspec::new_with_index(index).up().build();
    handle.link().change(up).execute().await.unwrap();
}
