//! Counters that the packet path keeps, one set for each CPU.

/// What is counted of a backend: the value of `COUNTERS`, indexed by backend id.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets from clients.
    pub packets: u64,
    /// Bytes of those packets, from the Ethernet header on.
    pub bytes: u64,
    /// New flows.
    pub connections: u64,
    /// Requests as layer 4 can see them: TCP segments with data and PSH, or UDP datagrams.
    pub queries: u64,
}

impl Counters {
    /// Adds another set, for instance another CPU's.
    pub fn add(&mut self, other: &Self) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
        self.connections = self.connections.wrapping_add(other.connections);
        self.queries = self.queries.wrapping_add(other.queries);
    }
}

/// What is counted of a firewall rule: the value of `RULE_COUNTERS`, indexed by rule id.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounters {
    /// Packets that the rule decided.
    pub packets: u64,
    /// Bytes of those packets, from the Ethernet header on.
    pub bytes: u64,
}

impl RuleCounters {
    /// Adds another set, for instance another CPU's.
    pub fn add(&mut self, other: &Self) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}
