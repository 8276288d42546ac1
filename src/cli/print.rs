//! What a command says: results to standard output, failures to standard error.

use std::io::Write;

use super::{Failure, Outcome};

/// Prints one result line.
pub fn line(text: &str) -> Outcome {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Failure::new(format!("nothing can be printed: {error}")))
}

/// Prints a failure and what to type next; there is nobody to tell when that fails too.
pub fn error(text: &str, hint: Option<&str>) {
    let mut stderr = std::io::stderr();
    let told = writeln!(stderr, "error: {text}");
    let hinted = hint.map_or(Ok(()), |hint| writeln!(stderr, "hint: {hint}"));
    drop((told, hinted));
}

/// Prints rows as columns that line up, under their headings.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> Outcome {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(headings.get(column).map(|heading| heading.len())).max().unwrap_or(0)
    };
    let print = |cells: &[String]| {
        let padded: Vec<String> = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| format!("{cell:<width$}", width = width(column)))
            .collect();
        line(padded.join("  ").trim_end())
    };
    print(&headings.iter().map(|heading| (*heading).to_owned()).collect::<Vec<_>>())?;
    rows.iter().try_for_each(|row| print(row))
}
