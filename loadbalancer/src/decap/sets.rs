//! Sets in maps: prefixes and addresses, brought from what is pinned to what is wanted.

use std::{collections::BTreeSet, path::Path};

use aya::{
    Pod,
    maps::{HashMap, LpmTrie, MapData, MapError, lpm_trie::Key},
};

use crate::datapath::{DatapathError, map_error, open_map};

/// What the kernel's value of each entry is: it means nothing.
const PRESENT: u32 = 1;

/// Prefixes: those of an earlier process stay beside the new ones until it is decided which go, so
/// that the program that is attached meanwhile lets through what either of them lets through.
pub(super) struct PrefixSet<A: Pod + Ord> {
    name: &'static str,
    map: LpmTrie<MapData, A, u32>,
    before: BTreeSet<(u32, A)>,
    wanted: BTreeSet<(u32, A)>,
}

impl<A: Pod + Ord> PrefixSet<A> {
    /// Opens the pinned map and adds what is wanted.
    pub(super) fn open(
        directory: &Path,
        name: &'static str,
        wanted: BTreeSet<(u32, A)>,
    ) -> Result<Self, DatapathError> {
        let mut map: LpmTrie<MapData, A, u32> = open_map(directory, name)?;
        let keys = map.keys().map(|key| key.map(|key| (key.prefix_len(), key.data())));
        let before = keys.collect::<Result<_, _>>().map_err(map_error("read", name))?;
        for (length, prefix) in wanted.difference(&before) {
            let key = Key::new(*length, *prefix);
            map.insert(&key, PRESENT, 0).map_err(map_error("write", name))?;
        }
        Ok(Self { name, map, before, wanted })
    }

    /// Removes what is not wanted.
    pub(super) fn settle(&mut self) -> Result<(), DatapathError> {
        let unwanted: Vec<_> = self.before.difference(&self.wanted).copied().collect();
        self.remove(&unwanted)
    }

    /// Removes what was not there before.
    pub(super) fn undo(&mut self) -> Result<(), DatapathError> {
        let added: Vec<_> = self.wanted.difference(&self.before).copied().collect();
        self.remove(&added)
    }

    fn remove(&mut self, prefixes: &[(u32, A)]) -> Result<(), DatapathError> {
        for (length, prefix) in prefixes {
            absent_is_removed(self.map.remove(&Key::new(*length, *prefix)))
                .map_err(map_error("write", self.name))?;
        }
        Ok(())
    }
}

/// Addresses, which change while the program runs.
pub(super) struct AddressSet<A: Pod + Ord> {
    name: &'static str,
    map: HashMap<MapData, A, u32>,
}

impl<A: Pod + Ord> AddressSet<A> {
    /// Opens the pinned map.
    pub(super) fn open(directory: &Path, name: &'static str) -> Result<Self, DatapathError> {
        Ok(Self { name, map: open_map(directory, name)? })
    }

    /// Makes the map hold these addresses and no others; true when it did not.
    pub(super) fn set(&mut self, wanted: &BTreeSet<A>) -> Result<bool, DatapathError> {
        let keys = self.map.keys().collect::<Result<BTreeSet<A>, _>>();
        let present = keys.map_err(map_error("read", self.name))?;
        for address in present.difference(wanted) {
            absent_is_removed(self.map.remove(address)).map_err(map_error("write", self.name))?;
        }
        for address in wanted.difference(&present) {
            self.map.insert(address, PRESENT, 0).map_err(map_error("write", self.name))?;
        }
        Ok(present != *wanted)
    }
}

/// Removing what is not there leaves what was wanted.
fn absent_is_removed(result: Result<(), MapError>) -> Result<(), MapError> {
    match result {
        Err(MapError::KeyNotFound) => Ok(()),
        Err(MapError::SyscallError(error))
            if error.io_error.raw_os_error() == Some(libc::ENOENT) =>
        {
            Ok(())
        }
        other => other,
    }
}
