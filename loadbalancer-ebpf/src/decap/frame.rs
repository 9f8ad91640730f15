//! The frame in the driver's buffers.

use aya_ebpf::{
    bindings::xdp_md,
    helpers::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use loadbalancer_common::packet::{Frame, Header};

/// A frame: what lies in the first buffer can be read and written, of the rest the length is known.
/// Every access is checked against the bounds that the kernel gave.
pub(crate) struct XdpFrame {
    context: *mut xdp_md,
    start: usize,
    end: usize,
}

#[expect(clippy::mut_from_ref, reason = "the frame is memory that only this program run sees")]
impl XdpFrame {
    #[inline(always)]
    pub(crate) fn new(context: &XdpContext) -> Self {
        Self { context: context.ctx, start: context.data(), end: context.data_end() }
    }

    /// The header at `offset`, for writing.
    #[inline(always)]
    pub(crate) fn header_mut<T: Header>(&self, offset: usize) -> Option<&mut T> {
        let header = self.start + bounded(offset);
        if header + size_of::<T>() > self.end {
            return None;
        }
        // SAFETY: inside the frame by the check above; `Header` promises alignment 1 and no invalid
        // value; callers hold one header at a time.
        Some(unsafe { &mut *(header as *mut T) })
    }

    /// Takes the first `length` bytes off. What was read before is gone, so this comes last.
    #[inline(always)]
    pub(crate) fn remove_head(&self, length: usize) -> Option<()> {
        let length = i32::from(bounded(length) as u8);
        // SAFETY: the context is the kernel's, of this run.
        let answer = unsafe { bpf_xdp_adjust_head(self.context, length) };
        (answer == 0).then_some(())
    }
}

/// The offset, with a bound that the verifier sees.
///
/// The compiler knows that offsets are small and drops a plain mask. They stay below: 22 bytes of
/// Ethernet, 60 of IPv4, 8 of UDP, 4 of GUE.
#[inline(always)]
fn bounded(offset: usize) -> usize {
    #[cfg(target_arch = "bpf")]
    {
        let mut offset = offset;
        // SAFETY: masks a register and touches nothing else.
        unsafe {
            core::arch::asm!(
                "{0} &= 0xff",
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
    /// Of all buffers.
    #[inline(always)]
    fn length(&self) -> usize {
        // SAFETY: the context is the kernel's, of this run.
        unsafe { bpf_xdp_get_buff_len(self.context) as usize }
    }

    #[inline(always)]
    fn header<T: Header>(&self, offset: usize) -> Option<&T> {
        self.header_mut(offset).map(|header| &*header)
    }
}
