//! Lists of tables in a text, whether written as `[[key]]` or as `key = [{...}]`.

use toml_edit::{
    Array, ArrayOfTables, Decor, DocumentMut, Item, Table, TableLike, Value,
    visit_mut::{VisitMut, visit_table_mut},
};

/// A list of tables.
pub(super) enum Tables<'a> {
    /// `[[key]]`
    Sections(&'a mut ArrayOfTables),
    /// `key = [{...}]`
    Inline(&'a mut Array),
}

impl<'a> Tables<'a> {
    /// The list that an item is, if it is one.
    pub(super) fn of(item: &'a mut Item) -> Option<Self> {
        match item {
            Item::ArrayOfTables(tables) => Some(Self::Sections(tables)),
            Item::Value(Value::Array(array)) => Some(Self::Inline(array)),
            Item::None | Item::Value(_) | Item::Table(_) => None,
        }
    }

    /// The table at an index.
    fn get(self, index: usize) -> Option<&'a mut dyn TableLike> {
        match self {
            Self::Sections(tables) => {
                tables.get_mut(index).map(|table| table as &mut dyn TableLike)
            }
            Self::Inline(array) => array
                .get_mut(index)
                .and_then(Value::as_inline_table_mut)
                .map(|table| table as &mut dyn TableLike),
        }
    }

    /// Appends a table.
    fn push(self, table: Table) {
        match self {
            Self::Sections(tables) => tables.push(table),
            Self::Inline(array) => array.push(table.into_inline_table()),
        }
    }

    /// Removes the table at an index, if there is one.
    pub(super) fn remove(&mut self, index: usize) {
        match self {
            Self::Sections(tables) if index < tables.len() => drop(tables.remove(index)),
            Self::Inline(array) if index < array.len() => drop(array.remove(index)),
            Self::Sections(_) | Self::Inline(_) => {}
        }
    }

    /// Whether no table is left.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Sections(tables) => tables.is_empty(),
            Self::Inline(array) => array.is_empty(),
        }
    }
}

/// Appends a table to the list under a key, in the way that the list is written.
pub(super) fn append(parent: &mut dyn TableLike, key: &str, table: Table) {
    if let Some(tables) = parent.get_mut(key).and_then(Tables::of) {
        return tables.push(table);
    }
    let mut tables = ArrayOfTables::new();
    tables.push(table);
    // A parent that is written on one line writes it on that line.
    parent.insert(key, Item::ArrayOfTables(tables));
}

/// The table at a path of keys, each with an index that counts where the key is a list.
pub(super) fn find<'a>(
    root: &'a mut Table,
    path: &[(&str, usize)],
) -> Option<&'a mut dyn TableLike> {
    let mut table: &mut dyn TableLike = root;
    for (key, index) in path {
        let item = table.get_mut(key)?;
        table = if item.is_table_like() {
            item.as_table_like_mut()?
        } else {
            Tables::of(item)?.get(*index)?
        };
    }
    Some(table)
}

/// A comment above a table that is not the table's own, as a blank line parts them, with the place
/// of the table in the document.
pub(super) fn comment_above(tables: &Tables<'_>, index: usize) -> Option<(isize, String)> {
    let Tables::Sections(tables) = tables else { return None };
    let table = tables.get(index)?;
    let (above, _own) = prefix(table.decor()).rsplit_once("\n\n")?;
    above.contains('#').then(|| (table.position().unwrap_or_default(), format!("{above}\n\n")))
}

fn prefix(decor: &Decor) -> &str {
    decor.prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default()
}

/// Puts a comment above what followed a place in the document.
pub(super) fn give_back(document: &mut DocumentMut, place: isize, comment: &str) {
    let mut next = Next { place, found: None };
    next.visit_table_mut(document.as_table_mut());
    if let Some(place) = next.found {
        Above { place, comment }.visit_table_mut(document.as_table_mut());
    } else {
        let trailing = document.trailing().as_str().unwrap_or_default();
        let trailing = format!("{}{trailing}", comment.trim_end_matches('\n').to_owned() + "\n");
        document.set_trailing(trailing);
    }
}

/// Finds the first table behind a place.
struct Next {
    place: isize,
    found: Option<isize>,
}

impl VisitMut for Next {
    fn visit_table_mut(&mut self, table: &mut Table) {
        let behind = table.position().filter(|place| *place > self.place && !table.is_implicit());
        if let Some(place) = behind {
            self.found = Some(self.found.map_or(place, |found| found.min(place)));
        }
        visit_table_mut(self, table);
    }
}

/// Puts a comment above the table at a place.
struct Above<'a> {
    place: isize,
    comment: &'a str,
}

impl VisitMut for Above<'_> {
    fn visit_table_mut(&mut self, table: &mut Table) {
        if table.position() == Some(self.place) && !table.is_implicit() {
            let own = prefix(table.decor());
            let joined = format!("{}{}", self.comment, own.strip_prefix('\n').unwrap_or(own));
            table.decor_mut().set_prefix(joined);
        }
        visit_table_mut(self, table);
    }
}
