//! Rows for people: aligned on a terminal, with tabs between the cells where a program reads on.

use std::io;

use console::measure_text_width;

use crate::console::Console;

const GAP: usize = 2;
/// A cell is not cut below this, however narrow the terminal.
const CELL_MIN: usize = 8;

pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(header: &[&str]) -> Table {
        Table { rows: vec![header.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Cells are made safe for a terminal already (`text_of`).
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn print(&self, console: &mut Console<'_>) -> io::Result<()> {
        let Some(width) = console.out_width else {
            return self.rows.iter().try_for_each(|row| console.line(&row.join("\t")));
        };
        let widths = self.widths(width);
        for row in &self.rows {
            let cells = row.iter().zip(&widths).map(|(cell, width)| fitted(cell, *width));
            console.line(cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end())?;
        }
        Ok(())
    }

    /// Each column as wide as its widest cell; if that is too much, the widest ones give way.
    fn widths(&self, available: usize) -> Vec<usize> {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widest = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            cells.map(|cell| measure_text_width(cell)).max().unwrap_or(0)
        };
        let mut widths: Vec<usize> = (0..columns).map(widest).collect();
        let gaps = GAP * columns.saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > available {
            match widths.iter_mut().max() {
                Some(width) if *width > CELL_MIN => *width -= 1,
                _ => break,
            }
        }
        widths
    }
}

/// Padded, or cut with an ellipsis. A Han character is two columns wide, a combining mark none.
fn fitted(cell: &str, width: usize) -> String {
    let has = measure_text_width(cell);
    if has <= width {
        return format!("{cell}{}", " ".repeat(width - has));
    }
    let mut out = String::new();
    let mut used = 0;
    for c in cell.chars() {
        let next = measure_text_width(c.encode_utf8(&mut [0; 4]));
        if used + next + 1 > width {
            break;
        }
        used += next;
        out.push(c);
    }
    format!("{out}…{}", " ".repeat(width.saturating_sub(used + 1)))
}

/// `Label   value`, one below the other, without those that are empty.
pub(crate) fn print_pairs(console: &mut Console<'_>, pairs: &[(String, String)]) -> io::Result<()> {
    let shown = || pairs.iter().filter(|(_, value)| !value.is_empty());
    let width = shown().map(|(label, _)| measure_text_width(label)).max().unwrap_or(0);
    for (label, value) in shown() {
        console.line(&format!("{}  {value}", fitted(label, width)))?;
    }
    Ok(())
}

#[test]
fn cells_are_padded_and_cut_by_what_a_terminal_shows() {
    assert_eq!(fitted("山田 美咲", 12), "山田 美咲   ");
    assert_eq!(fitted("山田 美咲", 6), "山田 …");
    assert_eq!(fitted("山田 美咲", 5), "山田…");
    assert_eq!(fitted("Šimić", 4), "Šim…");
}
