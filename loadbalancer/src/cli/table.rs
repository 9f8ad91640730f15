//! Tables without borders, that fit the width they are given.
//!
//! A column has a rank: where the width does not suffice, the columns of the highest rank are left
//! out first, and a line below says how many; those of rank 0 stay.

use comfy_table::{CellAlignment, ContentArrangement, presets::NOTHING};

use super::page::{Colour, PLAIN};

/// Spaces between columns.
const GAP: u16 = 2;

/// Stand for "colour on" and "colour off" while the table is laid out: characters without width
/// (Unicode "invisible operators"), which no name holds.
const MARKS: [(char, Colour); 5] = [
    ('\u{2061}', Colour::Green),
    ('\u{2062}', Colour::Red),
    ('\u{2063}', Colour::Yellow),
    ('\u{2064}', Colour::Grey),
    ('\u{200c}', Colour::Bold),
];
const END_MARK: char = '\u{200b}';

/// A table, column by column; all columns have the same number of cells.
#[derive(Default)]
pub(super) struct Table {
    columns: Vec<Column>,
}

struct Column {
    title: &'static str,
    rank: u8,
    alignment: CellAlignment,
    cells: Vec<String>,
}

impl Table {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A column of words.
    pub(super) fn words<C: Into<Cell>>(
        self,
        title: &'static str,
        rank: u8,
        cells: impl IntoIterator<Item = C>,
    ) -> Self {
        self.column(title, rank, CellAlignment::Left, cells)
    }

    /// A column of numbers.
    pub(super) fn numbers<C: Into<Cell>>(
        self,
        title: &'static str,
        rank: u8,
        cells: impl IntoIterator<Item = C>,
    ) -> Self {
        self.column(title, rank, CellAlignment::Right, cells)
    }

    fn column<C: Into<Cell>>(
        mut self,
        title: &'static str,
        rank: u8,
        alignment: CellAlignment,
        cells: impl IntoIterator<Item = C>,
    ) -> Self {
        let cells = cells.into_iter().map(|cell| cell.into().marked()).collect();
        self.columns.push(Column { title, rank, alignment, cells });
        self
    }

    /// The lines of the table.
    pub(super) fn render(&self, width: Option<usize>, colours: bool) -> Vec<String> {
        let mut shown: Vec<&Column> = self.columns.iter().collect();
        let mut table = laid_out(&shown);
        while width.is_some_and(|width| natural_width(&table) > width) {
            let highest = shown.iter().map(|column| column.rank).max().unwrap_or_default();
            if highest == 0 {
                // What is left cannot go: wrap the longest cells.
                table.set_content_arrangement(ContentArrangement::Dynamic);
                let width = width.and_then(|width| u16::try_from(width).ok());
                table.set_width(width.unwrap_or(u16::MAX));
                break;
            }
            shown.retain(|column| column.rank < highest);
            table = laid_out(&shown);
        }
        let mut lines: Vec<String> =
            table.lines().map(|line| painted(line.trim_end(), colours)).collect();
        let hidden = self.columns.len() - shown.len();
        if hidden > 0 {
            let columns = if hidden == 1 { "column" } else { "columns" };
            lines.push(format!("({hidden} more {columns} in a wider terminal)"));
        }
        lines
    }
}

fn laid_out(columns: &[&Column]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.title));
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or_default();
    for row in 0..rows {
        let cell = |column: &&Column| column.cells.get(row).cloned().unwrap_or_default();
        table.add_row(columns.iter().map(cell));
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(laid_out) = table.column_mut(index) {
            laid_out.set_cell_alignment(column.alignment);
            let last = index + 1 == columns.len();
            laid_out.set_padding((0, if last { 0 } else { GAP }));
        }
    }
    table
}

fn natural_width(table: &comfy_table::Table) -> usize {
    let widths = table.column_max_content_widths();
    let gaps = widths.len().saturating_sub(1) * usize::from(GAP);
    widths.iter().map(|width| usize::from(*width)).sum::<usize>() + gaps
}

/// The marks as colours, or left out.
fn painted(line: &str, colours: bool) -> String {
    let mut painted = String::with_capacity(line.len());
    for character in line.chars() {
        let sequence = match MARKS.iter().find(|(mark, _)| *mark == character) {
            Some((_, colour)) => colour.start(),
            None if character == END_MARK => PLAIN,
            None => {
                painted.push(character);
                continue;
            }
        };
        if colours {
            painted.push_str(sequence);
        }
    }
    painted
}

/// A cell: a text, with or without a colour.
pub(super) struct Cell {
    text: String,
    colour: Option<Colour>,
}

impl Cell {
    pub(super) fn coloured(colour: Colour, text: impl Into<String>) -> Self {
        Self { text: text.into(), colour: Some(colour) }
    }

    fn marked(self) -> String {
        let mark = MARKS.iter().find(|(_, colour)| Some(*colour) == self.colour);
        match mark {
            Some((mark, _)) => format!("{mark}{}{END_MARK}", self.text),
            None => self.text,
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, colour: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}
