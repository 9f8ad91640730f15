//! The frame in the driver's buffer.

use aya_ebpf::programs::XdpContext;
use loadbalancer_common::{
    MacWord,
    packet::{Frame, Header},
};

use crate::maps::SCRATCH_OFFSET;

/// A frame between the bounds that the kernel gave. Every access is checked against them.
pub(crate) struct XdpFrame {
    start: usize,
    end: usize,
    ifindex: u32,
}

#[expect(clippy::mut_from_ref, reason = "the frame is memory that only this program run sees")]
impl XdpFrame {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self {
            start: context.data(),
            end: context.data_end(),
            ifindex: context.ingress_ifindex() as u32,
        }
    }

    /// Interface that the frame came in by.
    #[inline(always)]
    pub(crate) fn ifindex(&self) -> u32 {
        self.ifindex
    }

    /// The header at `offset`, for writing.
    #[inline(always)]
    pub(crate) fn header_mut<T: Header>(&self, offset: usize) -> Option<&mut T> {
        let header = self.start + offset;
        if header + size_of::<T>() > self.end {
            return None;
        }
        // SAFETY: inside the frame by the check above; `Header` promises alignment 1 and no invalid
        // value; callers hold one header at a time.
        Some(unsafe { &mut *(header as *mut T) })
    }

    /// The header at an offset that the parser found, for writing.
    #[inline(always)]
    pub(crate) fn parsed_header_mut<T: Header>(&self, offset: usize) -> Option<&mut T> {
        self.header_mut(bounded(offset))
    }

    /// Destination and source of the Ethernet header.
    #[inline(always)]
    pub(crate) fn macs(&self) -> Option<(MacWord, MacWord)> {
        Some(MacWord::pair(*self.header(0)?, *self.header(4)?))
    }

    /// Replaces destination and source of the Ethernet header.
    #[inline(always)]
    pub(crate) fn set_macs(&self, destination: MacWord, source: MacWord) -> Option<()> {
        let (first, last) = MacWord::header(destination, source);
        *self.header_mut(0)? = first;
        *self.header_mut(8)? = last;
        Some(())
    }
}

/// The offset, with a bound that the verifier sees.
///
/// The compiler knows that offsets are small and drops a plain mask; the verifier forgets it when
/// the offset goes through memory. The parser's offsets stay below: 22 bytes of Ethernet, 40 of
/// IPv6 and at most 6 extension headers of 2,048.
#[inline(always)]
fn bounded(offset: usize) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut offset = offset;
        // SAFETY: masks a register and touches nothing else.
        unsafe {
            core::arch::asm!(
                "{0} &= 0x3fff",
                inout(reg) offset,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        offset
    }
    #[cfg(not(target_arch = "bpf"))]
    offset
}

impl Frame for XdpFrame {
    #[inline(always)]
    fn length(&self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    fn header<T: Header>(&self, offset: usize) -> Option<&T> {
        self.header_mut(offset).map(|header| &*header)
    }

    #[inline(always)]
    fn forget_how(&self, offset: usize) -> usize {
        let Some(scratch) = SCRATCH_OFFSET.get_ptr_mut(0) else { return 0 };
        // SAFETY: this CPU's own copy; XDP programs do not interrupt each other on a CPU.
        unsafe { scratch.write_volatile(offset as u64) };
        // SAFETY: as above. What the verifier did not see being computed, it does not trace back.
        let offset = unsafe { scratch.read_volatile() };
        bounded(offset as usize)
    }
}
