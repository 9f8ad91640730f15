//! The lookup tables: one array in the kernel, mapped into this process.
//!
//! The kernel lays an array's elements out at multiples of 8 bytes, so an element holds two slots,
//! and the slots lie one behind the other. Writing a table is a copy into the mapping. Only regions that no service points to may be
//! written; the engine chooses them.

use std::{
    io,
    num::NonZeroUsize,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering, fence},
};

use aya::maps::MapData;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use super::DatapathError;

/// The mapping of `LOOKUP_TABLES`.
#[derive(Debug)]
pub(super) struct LookupTables {
    start: NonNull<AtomicU32>,
    slots: usize,
    length: NonZeroUsize,
}

// SAFETY: the mapping belongs to this value alone and is accessed through atomics.
unsafe impl Send for LookupTables {}
// SAFETY: as above; writing takes `&mut self`.
unsafe impl Sync for LookupTables {}

impl LookupTables {
    /// Maps the array of `slots` slots.
    pub(super) fn map(map: &MapData, slots: u32) -> Result<Self, DatapathError> {
        let slots = slots as usize;
        let length = NonZeroUsize::new(slots * size_of::<u32>())
            .ok_or_else(|| DatapathError::Mapping(io::ErrorKind::InvalidInput.into()))?;
        let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping at an address that the kernel chooses touches no other memory; the
        // kernel refuses lengths beyond the map's.
        let start =
            unsafe { mmap(None, length, protection, MapFlags::MAP_SHARED, map.fd().as_fd(), 0) }
                .map_err(|error| DatapathError::Mapping(error.into()))?;
        Ok(Self { start: start.cast(), slots, length })
    }

    /// Number of slots.
    pub(super) fn slots(&self) -> u32 {
        u32::try_from(self.slots).unwrap_or(u32::MAX)
    }

    /// Writes a table at `offset`, in slots. Returns false, and writes nothing, where it does not
    /// fit.
    pub(super) fn write(&mut self, offset: u32, table: &[u32]) -> bool {
        // SAFETY: the mapping has `slots` aligned words and lives as long as `self`; packets read
        // them meanwhile, hence atomics.
        let slots = unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.slots) };
        let region = slots.get(offset as usize..).and_then(|tail| tail.get(..table.len()));
        let Some(region) = region else { return false };
        for (slot, backend) in region.iter().zip(table) {
            slot.store(*backend, Ordering::Relaxed);
        }
        // The table is complete before the system call that lets a service point to it.
        fence(Ordering::Release);
        true
    }
}

impl Drop for LookupTables {
    fn drop(&mut self) {
        // SAFETY: exactly what `map` mapped, and nothing refers to it any more.
        let unmapped = unsafe { munmap(self.start.cast(), self.length.get()) };
        if let Err(error) = unmapped {
            tracing::warn!(%error, "cannot unmap the lookup tables");
        }
    }
}
