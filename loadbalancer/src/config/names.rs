//! The words that the configuration, the commands and the JSON use for settings.

use std::fmt;

use loadbalancer_common::{PROTOCOL_TCP, PROTOCOL_UDP};

use super::{AdminState, Algorithm, CheckKind, Forward, Protocol, RuleAction, XdpMode};

/// A setting with a fixed set of words.
pub(super) trait Word: Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(&'static str, Self)];
    /// Words that the design has and this version does not.
    const PLANNED: &'static [&'static str];
}

/// Gives a setting its words, and shows it as its word.
macro_rules! words {
    ($type:ident: $($variant:ident => $word:literal),+; planned: $($planned:literal),*) => {
        impl Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
            const PLANNED: &'static [&'static str] = &[$($planned),*];
        }

        impl $type {
            /// The word for it in the configuration.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.name())
            }
        }
    };
}

words! { XdpMode: Auto => "auto", Native => "native", Generic => "generic"; planned: }
words! { Protocol: Tcp => "tcp", Udp => "udp"; planned: }
words! { Forward: Nat => "nat", Dsr => "dsr"; planned: "ipip", "gue", "local" }
words! {
    Algorithm: Maglev => "maglev";
    planned: "source-hash", "round-robin", "least-connections", "least-response-time"
}
words! {
    AdminState: Enabled => "enabled", Draining => "draining", Disabled => "disabled"; planned:
}
words! { RuleAction: Pass => "pass", Drop => "drop"; planned: "count" }

impl Protocol {
    /// IP protocol number (IANA).
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => PROTOCOL_TCP,
            Self::Udp => PROTOCOL_UDP,
        }
    }
}

/// The kind of a check without its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CheckName {
    None,
    Tcp,
    Http,
}

impl Word for CheckName {
    const WORDS: &'static [(&'static str, Self)] =
        &[("tcp", Self::Tcp), ("http", Self::Http), ("none", Self::None)];
    const PLANNED: &'static [&'static str] =
        &["https", "grpc", "dns", "udp", "icmp", "postgres", "mysql", "redis", "exec"];
}

impl CheckKind {
    /// The word for it in the configuration.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tcp => "tcp",
            Self::Http { .. } => "http",
        }
    }
}
