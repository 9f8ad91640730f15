//! Lets userspace pass the shared types through BPF maps.

use aya::Pod;

use crate::{
    AddressV4, AddressV6, Backend, Connection, Counters, FlowKey, MacWord, PrefixRule,
    RuleCounters, Service, ServiceKey, Translation, TranslationKey,
    quic::{QuicConfigKey, QuicLbConfig, QuicServerKey},
};

macro_rules! pod {
    ($($type:ty),+ $(,)?) => { $(
        // SAFETY: `repr(C)`, made of integers and byte arrays, and the sizes asserted beside the
        // types leave no room for padding.
        unsafe impl Pod for $type {}
    )+ };
}

pod!(
    Backend,
    Connection,
    Counters,
    FlowKey<AddressV4>,
    FlowKey<AddressV6>,
    MacWord,
    PrefixRule,
    QuicConfigKey,
    QuicLbConfig,
    QuicServerKey,
    RuleCounters,
    Service,
    ServiceKey<AddressV4>,
    ServiceKey<AddressV6>,
    Translation<AddressV4>,
    Translation<AddressV6>,
    TranslationKey<AddressV4>,
    TranslationKey<AddressV6>,
);
