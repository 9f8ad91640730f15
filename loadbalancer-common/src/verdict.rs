//! How a packet's way ends.

/// The end of a packet's way through the program.
///
/// One 32-bit number: a variant with a payload beside others without would leave bytes undefined,
/// which the compiler may copy and the verifier then refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// On to the host's own network stack.
    Pass,
    /// Dropped; counted under the reason.
    Drop(DropReason),
    /// Dropped by a firewall rule, which counted it.
    DropByRule,
    /// Out of the interface that it came in by.
    Transmit,
    /// Out of another interface, which `bpf_redirect` was told.
    Redirect,
}

const _: () = assert!(size_of::<Verdict>() == 4);

/// Declares a numbered list with a name for each entry: an index into a counter array.
macro_rules! numbered {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $number:literal => $name:literal,)+ }) => {
        $(#[$meta])*
        #[repr(u32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$doc])* $variant = $number,)+ }

        impl $type {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one with this number, if there is one.
            #[inline(always)]
            pub const fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The name that users read.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

pub(crate) use numbered;

numbered! {
    /// Why a packet was dropped. A number never changes its meaning: it indexes `DROPS`.
    DropReason {
        /// A header that contradicts itself or the frame: a length, a version, a data offset.
        Malformed = 0 => "malformed",
        /// The service has no backend that takes connections.
        NoBackend = 1 => "no_backend",
        /// The link-layer address of the backend's next hop is not known (yet).
        NeighbourUnresolved = 2 => "neighbour_unresolved",
        /// No port towards the backend was free for a new translated connection.
        NatPortsExhausted = 3 => "nat_ports_exhausted",
        /// The backend has an address of another family than the packet, or none towards it.
        NotTranslatable = 4 => "not_translatable",
    }
}

numbered! {
    /// What else is worth counting, without ending a packet's way. Indexes `EVENTS`.
    Event {
        /// A flow could not be remembered: its next packet is hashed again.
        ConnectionNotKept = 0 => "connection_not_kept",
        /// A port was taken over from a connection that had ended or timed out.
        NatPortReused = 1 => "nat_port_reused",
        /// A flow was sent on to another backend, because its own no longer serves it.
        ConnectionMoved = 2 => "connection_moved",
    }
}
