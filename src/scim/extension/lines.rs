//! On which line of a JSON text each value stands.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The line of each value of a text, by its place: `attributes[2].type`.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// Reads a text that a JSON parser has accepted, with nesting that is bounded.
    pub(super) fn of(text: &str) -> Self {
        let mut scanner = Scanner { rest: text.chars().peekable(), line: 1, lines: Self::default() };
        scanner.value("");
        scanner.lines
    }

    /// The line of a place, else that of what it stands in.
    pub(super) fn of_place(&self, place: &str) -> Option<usize> {
        let mut place = place;
        loop {
            if let Some(line) = self.0.get(place) {
                return Some(*line);
            }
            if place.is_empty() {
                return None;
            }
            place = place.get(..place.rfind(['.', '[']).unwrap_or(0))?;
        }
    }
}

struct Scanner<'t> {
    rest: Peekable<Chars<'t>>,
    line: usize,
    lines: Lines,
}

impl Scanner<'_> {
    fn value(&mut self, place: &str) {
        self.blank();
        // A member was noted with its key.
        self.lines.0.entry(place.to_owned()).or_insert(self.line);
        match self.rest.peek() {
            Some('{') => self.members(place),
            Some('[') => self.items(place),
            Some('"') => drop(self.string()),
            _ => {
                while self.rest.next_if(|c| !matches!(c, ',' | ']' | '}') && !c.is_whitespace()).is_some() {}
            }
        }
    }

    fn members(&mut self, place: &str) {
        self.rest.next();
        loop {
            self.blank();
            match self.rest.peek() {
                Some('"') => {
                    let line = self.line;
                    let key = self.string();
                    let place = if place.is_empty() { key } else { format!("{place}.{key}") };
                    self.lines.0.insert(place.clone(), line);
                    self.blank();
                    self.rest.next_if_eq(&':');
                    self.value(&place);
                }
                Some(',') => drop(self.rest.next()),
                _ => break,
            }
        }
        self.rest.next_if_eq(&'}');
    }

    fn items(&mut self, place: &str) {
        self.rest.next();
        let mut index = 0_usize;
        loop {
            self.blank();
            match self.rest.peek() {
                Some(',') => drop(self.rest.next()),
                Some(']') | None => break,
                Some(_) => {
                    self.value(&format!("{place}[{index}]"));
                    index += 1;
                }
            }
        }
        self.rest.next_if_eq(&']');
    }

    /// What stands between the quotes, escapes as they are written.
    fn string(&mut self) -> String {
        let mut text = String::new();
        self.rest.next();
        while let Some(c) = self.rest.next().filter(|c| *c != '"') {
            text.push(c);
            if c == '\\' {
                text.extend(self.rest.next());
            }
        }
        text
    }

    fn blank(&mut self) {
        while let Some(c) = self.rest.next_if(|c| c.is_whitespace()) {
            self.line += usize::from(c == '\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_the_line_of_its_key() {
        let lines = Lines::of(
            "{\n  \"a\": 1,\n  \"b\": [\n    {\"c\": \"x\\\"\",\n\n\"d\":\n true}, 2],\n\"e\": {}\n}",
        );
        let places = [
            ("", 1),
            ("a", 2),
            ("b", 3),
            ("b[0]", 4),
            ("b[0].c", 4),
            ("b[0].d", 6),
            ("b[0].missing", 4),
            ("b[1]", 7),
            ("e.missing", 8),
            ("missing", 1),
        ];
        for (place, line) in places {
            assert_eq!(lines.of_place(place), Some(line), "{place}");
        }
    }
}
