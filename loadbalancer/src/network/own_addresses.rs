//! This host's own addresses, and when they change.
//!
//! Bound: a change is told [`DEBOUNCE`] after the kernel told it, one that was missed is seen after
//! [`REFRESH`].

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    NetworkError,
    kernel::{Changes, Kernel},
};

/// From a change to its effect; more changes of that time are served together.
const DEBOUNCE: Duration = Duration::from_millis(10);
/// Most messages that are served together, so that a host whose addresses never rest is served too.
const BURST: u32 = 1_000;
/// Longest time from one reading of all addresses to the next.
const REFRESH: Duration = Duration::from_secs(60);
/// From the loss of a socket to a new one.
const REOPEN: Duration = Duration::from_secs(1);

/// Hears of changes of this host's own addresses.
pub struct OwnAddresses {
    changes: Changes,
}

impl OwnAddresses {
    /// Begins to listen: no change after this is missed. Call it within a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When there is no rtnetlink socket to be had.
    pub fn listen() -> Result<Self, NetworkError> {
        Ok(Self { changes: Changes::of_own_addresses()? })
    }

    /// Waits until addresses may have changed. Dropping the future loses nothing but the waiting.
    pub async fn changed(&mut self) {
        match timeout(REFRESH, self.changes.next()).await {
            Ok(Some(_)) => {
                // A change of many addresses comes as many messages.
                for _ in 0..BURST {
                    let Ok(Some(_)) = timeout(DEBOUNCE, self.changes.next()).await else { break };
                }
            }
            Ok(None) => self.reopen().await,
            Err(_elapsed) => {}
        }
    }

    async fn reopen(&mut self) {
        loop {
            match Changes::of_own_addresses() {
                Ok(changes) => {
                    self.changes = changes;
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, "changes of this host's addresses are not heard of");
                    sleep(REOPEN).await;
                }
            }
        }
    }
}

/// The addresses that others can send to: those of all interfaces but loopback's own.
///
/// # Errors
///
/// When the kernel does not tell.
pub async fn own_addresses() -> Result<BTreeSet<IpAddr>, NetworkError> {
    let addresses = Kernel::open()?.addresses().await?;
    let addresses = addresses.into_iter().map(|(_, address)| address);
    Ok(addresses.filter(|address| !address.is_loopback()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::namespace::{Lab, in_namespace};

    #[test]
    fn a_new_address_is_heard_of() {
        in_namespace(async |lab: Lab| {
            let mut own = OwnAddresses::listen().unwrap();
            assert_eq!(own_addresses().await.unwrap(), BTreeSet::new());
            lab.connect("eth7", "192.0.2.1/24", "2001:db8::1/64").await;
            let expected = ["192.0.2.1", "2001:db8::1"].map(|one| one.parse::<IpAddr>().unwrap());
            let wait = async {
                loop {
                    own.changed().await;
                    let found = own_addresses().await.unwrap();
                    if expected.iter().all(|address| found.contains(address)) {
                        return;
                    }
                }
            };
            timeout(Duration::from_secs(20), wait).await.expect("both addresses are told");
        });
    }
}
