//! The roster of an app without an interface: a CSV file that a person exports or keeps, read whole or refused whole.

use std::collections::BTreeMap;
use std::fmt;

use csv::{ReaderBuilder, StringRecord};

use crate::base::fold;
use crate::contract::{Account, Role, State};

/// One member, as a line of the roster tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterRow {
    /// The line the row begins on, counted from 1 with the header.
    pub line: u64,
    pub email: String,
    pub name: Option<String>,
    pub role: Option<String>,
    /// [`State::Active`] where the file says nothing.
    pub state: State,
    /// As written.
    pub last_seen: Option<String>,
}

/// What is wrong with one line. It quotes no address and no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterError {
    pub line: u64,
    pub message: String,
}

impl fmt::Display for RosterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl RosterRow {
    /// The member as an account: its id is the folded address, the only name the app's pages and the roster share.
    #[must_use]
    pub fn account(&self) -> Account {
        Account {
            id: fold::key(&self.email),
            email: Some(self.email.clone()),
            display_name: self.name.clone(),
            state: Some(self.state),
            roles: self.role.clone().map(|value| vec![Role { value, display: None }]),
            groups: self.role.as_deref().map(|role| vec![role_group(role)]),
            ..Account::default()
        }
    }
}

/// The id of the group that shows a role; spellings of one role give one id.
#[must_use]
pub fn role_group(role: &str) -> String {
    format!("role:{}", fold::key(role))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    Email,
    Name,
    Role,
    Status,
    LastSeen,
}

/// Header texts, without case, spaces, dashes and underscores.
const HEADERS: &[(&str, Column)] = &[
    ("email", Column::Email),
    ("emailaddress", Column::Email),
    ("mail", Column::Email),
    ("useremail", Column::Email),
    ("name", Column::Name),
    ("fullname", Column::Name),
    ("displayname", Column::Name),
    ("username", Column::Name),
    ("role", Column::Role),
    ("permission", Column::Role),
    ("permissions", Column::Role),
    ("accesslevel", Column::Role),
    ("status", Column::Status),
    ("state", Column::Status),
    ("lastseen", Column::LastSeen),
    ("lastactive", Column::LastSeen),
    ("lastactivity", Column::LastSeen),
    ("lastlogin", Column::LastSeen),
];

/// Reads a roster: a header line, then one member a line; only `email` has to be there, other columns are ignored.
///
/// Separators are `,` or `;`; a byte order mark, quotes, empty lines and any order of columns are fine. Fails with
/// everything that is wrong at once, in the order of the lines; text that is not UTF-8 is refused, because a guessed
/// encoding spells people's names wrongly and nobody notices.
pub fn parse_roster(bytes: &[u8]) -> Result<Vec<RosterRow>, Vec<RosterError>> {
    let text = decode(bytes).map_err(|error| vec![error])?;
    let mut lines = Lines::new(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok).map(|record| {
        let line = lines.of(&record);
        (line, record)
    });
    let Some((header_line, header)) = records.next() else {
        return Err(vec![RosterError { line: 1, message: "the file is empty".to_owned() }]);
    };
    let columns = columns(&header).map_err(|messages| {
        messages.into_iter().map(|message| RosterError { line: header_line, message }).collect::<Vec<_>>()
    })?;

    let mut rows: Vec<RosterRow> = Vec::new();
    let mut errors = Vec::new();
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (line, record) in records {
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        match row(line, &record, &columns, header.len()) {
            Ok(row) => {
                if let Some(first) = seen.get(&fold::key(&row.email)) {
                    let message = format!("the same e-mail address as line {first}");
                    errors.push(RosterError { line, message });
                } else {
                    seen.insert(fold::key(&row.email), line);
                    rows.push(row);
                }
            }
            Err(messages) => {
                errors.extend(messages.into_iter().map(|message| RosterError { line, message }));
            }
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

/// The text of a file, without its byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, RosterError> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + count_newlines(before);
            let byte = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            let message =
                format!("byte `0x{byte:02x}` is not UTF-8, as in Latin-1 files: save the file as UTF-8");
            Err(RosterError { line, message })
        }
    }
}

/// The separator that the header line holds more of.
pub(crate) fn separator(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if header.matches(';').count() > header.matches(',').count() { b';' } else { b',' }
}

fn columns(header: &StringRecord) -> Result<BTreeMap<Column, usize>, Vec<String>> {
    let mut columns = BTreeMap::new();
    let mut errors = Vec::new();
    for (index, field) in header.iter().enumerate() {
        let mut name = fold::key(field);
        name.retain(|letter| !matches!(letter, ' ' | '-' | '_'));
        let Some((_, column)) = HEADERS.iter().find(|(alias, _)| *alias == name) else { continue };
        if columns.insert(*column, index).is_some() {
            errors.push(format!("column `{}` says again what another column says", field.trim()));
        }
    }
    if !columns.contains_key(&Column::Email) {
        errors.push(
            "no column `email`: the first line names the columns `email,name,role,status,last_seen`".into(),
        );
    }
    if errors.is_empty() { Ok(columns) } else { Err(errors) }
}

fn row(
    line: u64,
    record: &StringRecord,
    columns: &BTreeMap<Column, usize>,
    expected: usize,
) -> Result<RosterRow, Vec<String>> {
    check_shape(record, expected).map_err(|error| vec![error])?;
    let field = |column: Column| {
        let text = columns.get(&column).and_then(|index| record.get(*index)).unwrap_or_default().trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let mut errors = Vec::new();
    let email = field(Column::Email).unwrap_or_default();
    if email.is_empty() {
        errors.push("no e-mail address".to_owned());
    } else if !is_address(&email) {
        errors.push("the e-mail address is none".to_owned());
    }
    let state = match field(Column::Status) {
        None => State::Active,
        Some(word) => state(&word).unwrap_or_else(|| {
            errors.push("the status is none of `active`, `invited`, `inactive`".to_owned());
            State::Active
        }),
    };
    if !errors.is_empty() {
        return Err(errors);
    }
    let (name, role, last_seen) = (field(Column::Name), field(Column::Role), field(Column::LastSeen));
    Ok(RosterRow { line, email, name, role, state, last_seen })
}

/// Refuses a record whose quote is not closed, or that has another number of fields than the header.
pub(crate) fn check_shape(record: &StringRecord, expected: usize) -> Result<(), String> {
    if record.iter().any(|field| field.contains(['\n', '\r'])) {
        return Err("a field goes over the end of the line: a quote is not closed".to_owned());
    }
    if record.len() != expected {
        return Err(format!("{} fields, {expected} expected", record.len()));
    }
    Ok(())
}

pub(crate) fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.is_empty()
            && !domain.contains('@')
            && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control())
    })
}

fn state(word: &str) -> Option<State> {
    match fold::key(word).as_str() {
        "active" | "enabled" | "accepted" => Some(State::Active),
        "invited" | "pending" => Some(State::Invited),
        "inactive" | "deactivated" | "disabled" | "suspended" | "removed" => Some(State::Inactive),
        _ => None,
    }
}

/// Tells a record's line: the reader's own position lies before the empty lines it skipped.
pub(crate) struct Lines<'a> {
    text: &'a str,
    offset: usize,
    line: u64,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, line: 1 }
    }

    pub(crate) fn of(&mut self, record: &StringRecord) -> u64 {
        let start = record.position().map_or(0, csv::Position::byte);
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        let skipped = self.text.bytes().skip(start).take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        let begin = start.saturating_add(skipped);
        self.line += count_newlines(self.text.as_bytes().get(self.offset..begin).unwrap_or_default());
        self.offset = begin;
        self.line
    }
}

fn count_newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').map(|_| 1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<RosterRow> {
        parse_roster(text.as_bytes()).unwrap()
    }

    fn refused(bytes: &[u8]) -> Vec<String> {
        parse_roster(bytes).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_full_line_is_read_whole() {
        let rows = parsed(
            "email,name,role,status,last_seen\nAnna@corp.example,\"Berg, Anna\",Read & Write,active,2026-03-01\n",
        );
        let expected = RosterRow {
            line: 2,
            email: "Anna@corp.example".into(),
            name: Some("Berg, Anna".into()),
            role: Some("Read & Write".into()),
            state: State::Active,
            last_seen: Some("2026-03-01".into()),
        };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn a_row_becomes_an_account_known_by_its_folded_address() {
        let rows = parsed("email,role,status\nAnna@Corp.Example,Admin,invited\n");
        let account = rows[0].account();
        assert_eq!(account.id, "anna@corp.example");
        assert_eq!(account.email.as_deref(), Some("Anna@Corp.Example"));
        assert_eq!(account.state, Some(State::Invited));
        assert_eq!(account.roles, Some(vec![Role { value: "Admin".into(), display: None }]));
        assert_eq!(account.groups, Some(vec!["role:admin".to_owned()]));
    }

    #[test]
    fn exports_of_other_tools_are_read() {
        let rows = parsed(
            "\u{feff}Full Name;E-Mail Address;Permission;Team;Last Active\r\nAnna;a@x.example;Admin;ignored;\r\n",
        );
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].email, "a@x.example");
        assert_eq!(rows[0].name.as_deref(), Some("Anna"));
        assert_eq!(rows[0].role.as_deref(), Some("Admin"));
        assert_eq!(rows[0].last_seen, None);
    }

    #[test]
    fn the_address_alone_is_enough() {
        let rows = parsed("email\na@x.example\n");
        assert_eq!((rows[0].state, rows[0].role.clone()), (State::Active, None));
        assert_eq!(rows[0].account().groups, None);
    }

    #[test]
    fn a_header_alone_is_an_empty_roster() {
        assert_eq!(parsed("email,name\n"), []);
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_line() {
        let text = "email,name,status\n\
                    a@x.example,Anna,active\n\
                    \n\
                    ,Nobody,active\n\
                    A@X.example,Anna again,active\n\
                    not-an-address,Ben,gone\n\
                    c@x.example,too,many,fields\n\
                    ,,\n\
                    d@x.example,Dora,on leave\n";
        assert_eq!(
            refused(text.as_bytes()),
            [
                "line 4: no e-mail address",
                "line 5: the same e-mail address as line 2",
                "line 6: the e-mail address is none",
                "line 6: the status is none of `active`, `invited`, `inactive`",
                "line 7: 4 fields, 3 expected",
                "line 9: the status is none of `active`, `invited`, `inactive`",
            ]
        );
    }

    #[test]
    fn a_missing_or_doubled_column_is_told() {
        assert_eq!(
            refused(b"name,role\nAnna,Admin\n"),
            [
                "line 1: no column `email`: the first line names the columns `email,name,role,status,last_seen`"
            ]
        );
        assert_eq!(
            refused(b"email,E-Mail\na@x.example,b@x.example\n"),
            ["line 1: column `E-Mail` says again what another column says"]
        );
        assert_eq!(refused(b""), ["line 1: the file is empty"]);
    }

    #[test]
    fn text_that_is_not_utf_8_is_refused_with_its_line() {
        assert_eq!(
            refused(b"email,name\na@x.example,Ren\xe9\n"),
            ["line 2: byte `0xe9` is not UTF-8, as in Latin-1 files: save the file as UTF-8"]
        );
    }

    #[test]
    fn an_open_quote_is_told_where_it_begins() {
        let text = "email,name\na@x.example,\"Anna\nb@x.example,Ben\n";
        assert_eq!(
            refused(text.as_bytes()),
            ["line 2: a field goes over the end of the line: a quote is not closed"]
        );
    }

    #[test]
    fn no_error_quotes_an_address() {
        let text = "email,status\na@x.example,b@x.example\na@x.example,active\na@@x.example,\n";
        assert!(refused(text.as_bytes()).iter().all(|line| !line.contains('@')));
    }

    #[test]
    fn ten_thousand_lines_are_no_trouble() {
        let lines: Vec<String> = (0..10_000).map(|index| format!("p{index}@x.example,Admin")).collect();
        let rows = parsed(&format!("email,role\n{}", lines.join("\n")));
        assert_eq!(rows.len(), 10_000);
        assert_eq!(rows.last().map(|row| row.line), Some(10_001));
    }
}
