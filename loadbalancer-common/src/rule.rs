//! Firewall rules in the maps.

/// What a firewall prefix leads to: the value of `PREFIXES_V4` and `PREFIXES_V6`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixRule {
    /// Id of the rule, the index of its counters.
    pub rule: u32,
    /// A [`RuleAction`] as its number.
    pub action: u32,
}

const _: () = assert!(size_of::<PrefixRule>() == 8);

/// What happens to a packet that a rule matches.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// It goes on.
    Pass = 0,
    /// It is dropped.
    Drop = 1,
}
