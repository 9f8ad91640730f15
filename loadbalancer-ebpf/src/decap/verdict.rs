//! How a packet's way ends before a header is taken off.

use loadbalancer_common::DecapDrop;

/// The end of a packet's way. One number, as the balancer's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not for us: on to the host, untouched.
    Pass,
    /// A fragment of a packet that would be for us: on to the host, untouched, and counted.
    PassFragment,
    /// Dropped; counted under the reason.
    Drop(DecapDrop),
}

const _: () = assert!(size_of::<Verdict>() == 4);

/// The verdict of a packet to us that contradicts itself.
pub(crate) const MALFORMED: Verdict = Verdict::Drop(DecapDrop::Malformed);
