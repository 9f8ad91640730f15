//! Ids that stay with what they name.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

/// Ids of one kind, from 1.
///
/// A freed id is given away again only after all higher ones had their turn: what still remembers
/// it (a connection, a reader of counters) does not take something else for it.
#[derive(Clone, Debug)]
pub(super) struct Ids<K> {
    ids: HashMap<K, u32>,
    /// Where the search for a free id begins.
    next: u32,
}

impl<K> Default for Ids<K> {
    fn default() -> Self {
        Self { ids: HashMap::new(), next: 1 }
    }
}

impl<K: Clone + Eq + Hash> Ids<K> {
    /// The ids that are in use already; new ones follow the highest.
    pub(super) fn restored(ids: impl IntoIterator<Item = (K, u32)>) -> Self {
        let ids: HashMap<K, u32> = ids.into_iter().collect();
        let next = ids.values().max().map_or(1, |highest| highest.saturating_add(1));
        Self { ids, next }
    }

    /// The id of a key.
    pub(super) fn get(&self, key: &K) -> Option<u32> {
        self.ids.get(key).copied()
    }

    /// Gives an id that is known under one key to another key.
    pub(super) fn rename(&mut self, old: &K, new: K) {
        if let Some(id) = self.ids.remove(old) {
            self.ids.insert(new, id);
        }
    }

    /// Ids for all of `wanted` and nothing else, up to `limit`: those that have one keep it, and no
    /// other gets one that was in use until now.
    ///
    /// # Errors
    ///
    /// The key for which none is left.
    pub(super) fn assign(
        &self,
        wanted: impl IntoIterator<Item = K>,
        limit: u32,
    ) -> Result<Self, K> {
        let mut used: HashSet<u32> = self.ids.values().copied().collect();
        let mut assigned = Self { ids: HashMap::new(), next: self.next };
        for key in wanted {
            let id = match self.get(&key) {
                Some(id) if id <= limit => id,
                Some(_) | None => match assigned.free(&used, limit) {
                    Some(id) => id,
                    None => return Err(key),
                },
            };
            used.insert(id);
            assigned.ids.insert(key, id);
        }
        Ok(assigned)
    }

    /// The next free id, around the end.
    fn free(&mut self, used: &HashSet<u32>, limit: u32) -> Option<u32> {
        let free = |id: &u32| !used.contains(id);
        let id = (self.next..=limit).find(free).or_else(|| (1..=limit).find(free))?;
        self.next = id.saturating_add(1);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stay_and_freed_ones_wait() {
        let ids = Ids::default().assign(["a", "b", "c"], 4).unwrap();
        assert_eq!(["a", "b", "c"].map(|key| ids.get(&key)), [Some(1), Some(2), Some(3)]);
        let ids = ids.assign(["c", "a"], 4).unwrap();
        let ids = ids.assign(["a", "c", "d"], 4).unwrap();
        assert_eq!(ids.get(&"d"), Some(4), "2 is free, but 4 has not had its turn");
        let ids = ids.assign(["e", "c", "d"], 4).unwrap();
        assert_eq!((ids.get(&"c"), ids.get(&"e")), (Some(3), Some(2)));
    }

    #[test]
    fn an_id_in_use_until_now_is_not_given_away_in_the_same_step() {
        let ids = Ids::default().assign(["a", "b"], 2).unwrap();
        assert_eq!(ids.assign(["c", "b"], 2).unwrap_err(), "c");
        assert_eq!(ids.assign(["c", "b"], 3).unwrap().get(&"c"), Some(3));
    }

    #[test]
    fn restored_ids_are_kept_and_not_given_away() {
        let ids = Ids::restored([("a", 3), ("b", 7)]);
        let ids = ids.assign(["a", "x", "y"], 8).unwrap();
        assert_eq!(["a", "x", "y"].map(|key| ids.get(&key)), [Some(3), Some(8), Some(1)]);
    }
}
