//! Reading a hash map in batches: a system call for thousands of entries instead of two for each.
//!
//! Source: `BPF_MAP_LOOKUP_BATCH`, kernel commit cb4d03ab499d (5.6).

use std::{
    io,
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd},
};

use aya::{
    Pod,
    maps::{MapData, MapError},
};

const BPF_MAP_LOOKUP_BATCH: libc::c_long = 24;
/// Entries asked for at once. A bucket that does not fit is an error, so it is generous.
const BATCH: usize = 4_096;

/// `union bpf_attr` as the command reads it.
#[repr(C)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// A hash map that is read whole.
#[derive(Debug)]
pub(super) struct BatchMap<K, V> {
    data: MapData,
    entry: PhantomData<(K, V)>,
}

impl<K: Pod, V: Pod> BatchMap<K, V> {
    /// A map of keys `K` and values `V`.
    ///
    /// # Errors
    ///
    /// When the map's keys or values have another size.
    pub(super) fn new(data: MapData) -> Result<Self, MapError> {
        let info = data.info()?;
        for (size, expected) in [
            (info.key_size() as usize, size_of::<K>()),
            (info.value_size() as usize, size_of::<V>()),
        ] {
            if size != expected {
                return Err(MapError::InvalidKeySize { size, expected });
            }
        }
        Ok(Self { data, entry: PhantomData })
    }

    /// Calls `visit` with every entry. Entries that come or go meanwhile may be missed or seen
    /// twice.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&K, &V)) -> io::Result<()> {
        let mut batch = Batch::with_capacity();
        let mut cursor = None;
        loop {
            let is_last = batch.fill(&self.data, &mut cursor)?;
            batch.keys.iter().zip(&batch.values).for_each(|(key, value)| visit(key, value));
            if is_last {
                return Ok(());
            }
        }
    }
}

struct Batch<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
}

impl<K: Pod, V: Pod> Batch<K, V> {
    fn with_capacity() -> Self {
        Self { keys: Vec::with_capacity(BATCH), values: Vec::with_capacity(BATCH) }
    }

    /// Reads the entries behind `cursor` and moves it on; tells whether they were the last.
    fn fill(&mut self, map: &MapData, cursor: &mut Option<u32>) -> io::Result<bool> {
        self.keys.clear();
        self.values.clear();
        let from = *cursor;
        let mut next = 0_u32;
        let mut attributes = BatchAttributes {
            in_batch: from.as_ref().map_or(0, |from| std::ptr::from_ref(from) as u64),
            out_batch: (&raw mut next) as u64,
            keys: self.keys.as_mut_ptr() as u64,
            values: self.values.as_mut_ptr() as u64,
            count: u32::try_from(BATCH).unwrap_or(u32::MAX),
            map_fd: u32::try_from(map.fd().as_fd().as_raw_fd()).unwrap_or(u32::MAX),
            elem_flags: 0,
            flags: 0,
        };
        let size = size_of::<BatchAttributes>();
        // SAFETY: the buffers have room for `count` keys and values of the map's sizes, which `new`
        // checked; the cursor of a hash map is 4 bytes.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_MAP_LOOKUP_BATCH, &raw mut attributes, size)
        };
        let error = (result < 0).then(io::Error::last_os_error);
        let is_last = match error.as_ref().and_then(io::Error::raw_os_error) {
            None => false,
            Some(libc::ENOENT) => true,
            Some(code) => return Err(io::Error::from_raw_os_error(code)),
        };
        let count = (attributes.count as usize).min(BATCH);
        // SAFETY: the kernel filled `count` keys, and the capacity is `BATCH`.
        unsafe { self.keys.set_len(count) };
        // SAFETY: the kernel filled `count` values, and the capacity is `BATCH`.
        unsafe { self.values.set_len(count) };
        *cursor = Some(next);
        Ok(is_last)
    }
}
