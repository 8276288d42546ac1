//! Walks a TOML text with its positions, collecting problems instead of stopping at the first.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;
use crate::base::secret::SecretString;

/// The longest duration there is, in seconds.
const LONGEST: u64 = 24 * 60 * 60;

/// A text being checked.
pub struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    environment: &'a dyn Fn(&str) -> Option<String>,
    table: Spanned<DeTable<'a>>,
    problems: RefCell<Vec<Problem>>,
    /// The files it names and that were read.
    files: RefCell<BTreeSet<PathBuf>>,
    broken: bool,
}

/// One table of the text; knows its dotted path, where it begins, and which of its keys were asked for.
pub struct Block<'a> {
    reader: &'a Reader<'a>,
    table: &'a DeTable<'a>,
    path: String,
    /// Where its name stands; `None` for the whole text.
    begins: Option<Range<usize>>,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    /// Parses `text`; syntax errors become problems.
    pub fn new(text: &'a str, folder: &'a Path, environment: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let reader = Self {
            text,
            folder,
            environment,
            table,
            problems: RefCell::default(),
            files: RefCell::default(),
            broken: !errors.is_empty(),
        };
        for error in errors {
            let remedy = "see https://toml.io for how to write it";
            reader.note(error.span(), format!("this is no TOML: {}", error.message()), remedy);
        }
        reader
    }

    /// The whole text; `None` when it is no TOML at all.
    pub fn root(&'a self) -> Option<Block<'a>> {
        (!self.broken).then(|| Block {
            reader: self,
            table: self.table.get_ref(),
            path: String::new(),
            begins: None,
            asked: RefCell::default(),
        })
    }

    /// The path of a file the text names, relative to its own folder; from now on it is one of [`Reader::files`].
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        self.files.borrow_mut().insert(path.clone());
        path
    }

    /// The files that were read.
    pub fn files(&self) -> BTreeSet<PathBuf> {
        self.files.borrow().clone()
    }

    /// All problems found so far, in the order of their lines.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.problems.borrow().clone();
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    fn note(&self, span: Option<Range<usize>>, text: impl Into<String>, remedy: &str) {
        let line =
            span.and_then(|span| self.text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        self.problems.borrow_mut().push(Problem { line, text: text.into(), remedy: remedy.to_owned() });
    }
}

impl<'a> Block<'a> {
    /// How many problems were found so far, in the whole text.
    pub fn problem_count(&self) -> usize {
        self.reader.problems.borrow().len()
    }

    /// The keys of the block, in their order.
    pub fn names(&self) -> Vec<String> {
        self.table.keys().map(|name| name.get_ref().to_string()).collect()
    }

    /// Whether the key stands there. From now on it is known here, so that a misspelt one is compared with it.
    pub fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// The dotted path of a key.
    pub fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Notes a problem with the key `name`; on the line where the block begins if it has no such key.
    pub fn problem(&self, name: &str, text: impl AsRef<str>, remedy: impl AsRef<str>) {
        let span = self.span_of(name).or_else(|| self.begins.clone());
        self.reader.note(span, format!("{}: {}", self.path_of(name), text.as_ref()), remedy.as_ref());
    }

    /// Notes every key nobody asked for.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        for name in self.table.keys().map(Spanned::get_ref).filter(|name| !asked.contains(name.as_ref())) {
            let near = asked
                .iter()
                .map(|known| (edits(known, name), known))
                .filter(|(edits, known)| *edits <= 2 && *edits < known.len())
                .min()
                .map(|(_, known)| format!("did you mean `{known}`?"));
            let known = || format!("known here: {}", asked.iter().cloned().collect::<Vec<_>>().join(", "));
            self.problem(name, "unknown key", near.unwrap_or_else(known));
        }
    }

    fn span_of(&self, name: &str) -> Option<Range<usize>> {
        self.table.get_key_value(name).map(|(key, _)| key.span())
    }

    fn value(&self, name: &str) -> Option<&'a DeValue<'a>> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.table.get(name).map(Spanned::get_ref)
    }

    fn mistyped(&self, name: &str, found: &DeValue<'_>, expected: &str, remedy: &str) {
        self.problem(name, format!("found {}, expected {expected}", found.type_str()), remedy);
    }

    /// A table below this one.
    pub fn block(&self, name: &str) -> Option<Block<'a>> {
        let value = self.value(name)?;
        let Some(table) = value.as_table() else {
            self.mistyped(name, value, "a table", &format!("write [{}]", self.path_of(name)));
            return None;
        };
        Some(Block {
            reader: self.reader,
            table,
            path: self.path_of(name),
            begins: self.span_of(name),
            asked: RefCell::default(),
        })
    }

    /// The tables of a list, `[[path.name]]`.
    pub fn blocks(&self, name: &str) -> Vec<Block<'a>> {
        let Some(value) = self.value(name) else { return Vec::new() };
        let expected =
            || self.mistyped(name, value, "a list of tables", &format!("write [[{}]]", self.path_of(name)));
        let Some(items) = value.as_array() else {
            expected();
            return Vec::new();
        };
        if items.iter().any(|item| item.get_ref().as_table().is_none()) {
            expected();
            return Vec::new();
        }
        let block = |item: &'a Spanned<DeValue<'a>>| {
            Some(Block {
                reader: self.reader,
                table: item.get_ref().as_table()?,
                path: self.path_of(name),
                begins: Some(item.span()),
                asked: RefCell::default(),
            })
        };
        items.iter().filter_map(block).collect()
    }

    /// The content of a file that `name` names, of at most `most` bytes. One byte more is read, so that the caller sees
    /// that it is too large.
    pub fn content(&self, name: &str, most: usize) -> Option<Vec<u8>> {
        let file = self.required_text(name)?;
        let read = || -> std::io::Result<Vec<u8>> {
            let mut content = Vec::new();
            let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
            std::fs::File::open(self.reader.file(file))?.take(limit).read_to_end(&mut content)?;
            Ok(content)
        };
        read()
            .map_err(|error| {
                let remedy = "name a file this user may read, relative to the configuration file";
                self.problem(name, format!("`{file}` cannot be read: {error}"), remedy);
            })
            .ok()
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        let value = self.value(name)?;
        if value.as_str().is_none() {
            self.mistyped(name, value, "a text", &format!("write {name} = \"…\""));
        }
        value.as_str()
    }

    /// A text, if it is one; whoever expects something else says so.
    pub fn word(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str()
    }

    /// A text that must be there.
    pub fn required_text(&self, name: &str) -> Option<&'a str> {
        if !self.has(name) {
            self.problem(name, "is missing", format!("write {name} = \"…\""));
            return None;
        }
        self.text(name)
    }

    /// A flag; absent is `false`.
    pub fn flag(&self, name: &str) -> bool {
        let Some(value) = self.value(name) else { return false };
        if value.as_bool().is_none() {
            self.mistyped(name, value, "true or false", &format!("write {name} = true"));
        }
        value.as_bool().unwrap_or(false)
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let value = self.value(name)?;
        let items = value
            .as_array()
            .and_then(|items| items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect());
        if items.is_none() {
            self.mistyped(name, value, "a list of texts", &format!("write {name} = [\"…\"]"));
        }
        items
    }

    /// A whole number within bounds.
    pub fn count(&self, name: &str, min: u64, max: u64) -> Option<u64> {
        let value = self.value(name)?;
        let number = value
            .as_integer()
            .and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| (min..=max).contains(number));
        if number.is_none() {
            let found = value
                .as_integer()
                .map_or_else(|| value.type_str().to_owned(), |number| format!("`{}`", number.as_str()));
            self.problem(
                name,
                format!("found {found}, expected a whole number from {min} to {max}"),
                format!("write {name} = {min}"),
            );
        }
        number
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<String> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.problem(name, format!("found `{text}`"), format!("write one of {}", words.join(", ")));
        }
        found
    }

    /// A duration like `30s`, `5m` or `2h`, from `shortest` seconds to a day.
    pub fn duration(&self, name: &str, shortest: u64) -> Option<Duration> {
        let (told, example) = (format!("from {shortest}s to 24h"), format!("{}s", shortest.max(30)));
        self.within(name, shortest, LONGEST, (&told, &example))
    }

    /// A longer one, such as `12h` or `30d`, between two numbers of seconds.
    pub fn span(&self, name: &str, shortest: u64, longest: u64) -> Option<Duration> {
        let (hours, days) = (shortest.div_ceil(60 * 60), longest / LONGEST);
        self.within(name, shortest, longest, (&format!("from {hours}h to {days}d"), "30d"))
    }

    /// A duration between two numbers of seconds; `told` is what is expected, and an example.
    fn within(&self, name: &str, shortest: u64, longest: u64, told: (&str, &str)) -> Option<Duration> {
        let value = self.value(name)?;
        let text = value.as_str().unwrap_or_default();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(split)?;
        let seconds = match unit {
            "s" => Some(1),
            "m" => Some(60),
            "h" => Some(3_600),
            "d" if longest > LONGEST => Some(LONGEST),
            _ => None,
        };
        let duration = number
            .parse::<u64>()
            .ok()
            .zip(seconds)
            .and_then(|(number, unit)| number.checked_mul(unit))
            .filter(|seconds| (shortest..=longest).contains(seconds));
        if duration.is_none() {
            let found =
                value.as_str().map_or_else(|| value.type_str().to_owned(), |text| format!("`{text}`"));
            self.problem(
                name,
                format!("found {found}, expected a duration {}", told.0),
                format!("write {name} = \"{}\"", told.1),
            );
        }
        duration.map(Duration::from_secs)
    }

    /// A secret, from the environment or a file; never from the text itself.
    pub fn secret(&self, name: &str, kind: &str) -> Option<SecretString> {
        let value = self.value(name)?;
        let Some(table) = value.as_table() else {
            let found = if value.is_str() { "a secret written into the file" } else { value.type_str() };
            let text = format!("found {found}, expected where the {kind} is kept");
            self.problem(name, text, self.secret_remedy(name));
            return None;
        };
        let source = |word: &str| table.get(word).and_then(|value| value.get_ref().as_str());
        let read = match (source("env"), source("file"), table.len()) {
            (Some(variable), None, 1) => (self.reader.environment)(variable).ok_or_else(|| {
                (
                    format!("the variable `{variable}` is not set"),
                    format!("export {variable}=… before starting"),
                )
            }),
            (None, Some(file), 1) => std::fs::read_to_string(self.reader.file(file)).map_err(|error| {
                (format!("`{file}` cannot be read: {error}"), "name a file this user may read".to_owned())
            }),
            _ => Err((format!("does not say where the {kind} is kept"), self.secret_remedy(name))),
        };
        let checked = read.and_then(|text| match text.trim() {
            "" => Err((format!("the {kind} is empty"), "put the secret there".to_owned())),
            text if text.chars().any(char::is_control) => Err((
                format!("the {kind} is more than one line"),
                "put the secret there and nothing else".to_owned(),
            )),
            text => Ok(SecretString::from(text)),
        });
        checked.map_err(|(text, remedy)| self.problem(name, text, remedy)).ok()
    }

    /// How to say where a secret is kept: with the variable `connections.hive.rest.api_key` → `HIVE_API_KEY`.
    pub fn secret_remedy(&self, name: &str) -> String {
        let path = self.path_of(name);
        let words: Vec<&str> =
            path.split('.').filter(|word| !matches!(*word, "connections" | "rest")).collect();
        let variable = words.join("_").replace('-', "_").to_ascii_uppercase();
        format!("write {name} = {{ env = \"{variable}\" }} or {{ file = \"/run/secrets/…\" }}")
    }
}

/// How many single-letter edits apart two words are.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (j, y) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let cost = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            if let Some(cell) = row.get_mut(j) {
                *cell = left;
            }
            left = cost;
        }
        if let Some(cell) = row.last_mut() {
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
