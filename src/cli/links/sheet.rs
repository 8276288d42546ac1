//! Links as CSV, in and out: a file read whole or refused whole, and one that no spreadsheet takes for formulas.

use std::collections::BTreeMap;

use csv::{QuoteStyle, ReaderBuilder, StringRecord, WriterBuilder};

use crate::adapters::manual::roster::{Lines, RosterError, check_shape, decode, is_address, separator};
use crate::base::fold;
use crate::provision::{Link, LinkRow};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    ExternalId,
    UserName,
    Email,
    Account,
}

/// Header texts, without case, spaces, dashes and underscores.
const HEADERS: [(&str, Column); 6] = [
    ("externalid", Column::ExternalId),
    ("username", Column::UserName),
    ("email", Column::Email),
    ("emailaddress", Column::Email),
    ("account", Column::Account),
    ("accountid", Column::Account),
];

/// What a spreadsheet takes for the beginning of a formula, in both widths, and our own mark before it.
const FORMULA: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\'', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Reads whose the accounts are: a header line, then one account a line, called by `account`, `email` or `userName`;
/// other columns are ignored.
///
/// Separators are `,` or `;`; a byte order mark, quotes, empty lines and any order of columns are fine. Fails with
/// everything that is wrong at once, in the order of the lines, and quotes no name.
pub fn parse(bytes: &[u8]) -> Result<Vec<LinkRow>, Vec<RosterError>> {
    let text = decode(bytes).map_err(|error| vec![error])?;
    let mut lines = Lines::new(text);
    let mut reader = ReaderBuilder::new()
        .delimiter(separator(text))
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records().filter_map(Result::ok).map(|record| (lines.of(&record), record));
    let Some((line, header)) = records.next() else {
        return Err(vec![RosterError { line: 1, message: "the file is empty".to_owned() }]);
    };
    let columns = columns(&header).map_err(|message| vec![RosterError { line, message }])?;
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (line, record) in records.filter(|(_, record)| record.iter().any(|field| !field.trim().is_empty())) {
        let row = row(line, &record, &columns, header.len()).and_then(|row| {
            let first = row.external_id.clone().and_then(|id| seen.insert(id, line));
            match first {
                Some(first) => Err(vec![format!("the same `externalId` as line {first}")]),
                None => Ok(row),
            }
        });
        match row {
            Ok(row) => rows.push(row),
            Err(messages) => {
                errors.extend(messages.into_iter().map(|message| RosterError { line, message }));
            }
        }
    }
    if errors.is_empty() { Ok(rows) } else { Err(errors) }
}

fn columns(header: &StringRecord) -> Result<BTreeMap<Column, usize>, String> {
    let mut columns = BTreeMap::new();
    for (index, field) in header.iter().enumerate() {
        let mut name = fold::key(field);
        name.retain(|letter| !matches!(letter, ' ' | '-' | '_'));
        let Some((_, column)) = HEADERS.iter().find(|(alias, _)| *alias == name) else { continue };
        if columns.insert(*column, index).is_some() {
            return Err(format!("column `{name}` says again what another column says"));
        }
    }
    let names_accounts = [Column::Account, Column::Email, Column::UserName];
    if names_accounts.iter().any(|column| columns.contains_key(column)) {
        return Ok(columns);
    }
    Err("no column says which account: the first line names the columns `externalId,userName,email,account`"
        .to_owned())
}

fn row(
    line: u64,
    record: &StringRecord,
    columns: &BTreeMap<Column, usize>,
    expected: usize,
) -> Result<LinkRow, Vec<String>> {
    check_shape(record, expected).map_err(|error| vec![error])?;
    let field = |column: Column| {
        let text = columns.get(&column).and_then(|index| record.get(*index)).unwrap_or_default();
        let text = unmarked(text.trim());
        (!text.is_empty()).then(|| text.to_owned())
    };
    let row = LinkRow {
        line,
        external_id: field(Column::ExternalId),
        user_name: field(Column::UserName),
        email: field(Column::Email),
        account: field(Column::Account),
    };
    let mut errors = Vec::new();
    if row.account.is_none() && row.email.is_none() && row.user_name.is_none() {
        errors
            .push("it says of no account whose it is: `account`, `email` or `userName` is needed".to_owned());
    }
    if row.email.as_ref().is_some_and(|email| !is_address(email)) {
        errors.push("the e-mail address is none".to_owned());
    }
    let names = [&row.external_id, &row.user_name];
    if names.into_iter().flatten().any(|name| name.contains(char::is_control)) {
        errors.push("a control character stands in `externalId` or `userName`".to_owned());
    }
    if errors.is_empty() { Ok(row) } else { Err(errors) }
}

/// Links as CSV. Every field is quoted, and one that a spreadsheet would take for a formula gets a `'` in front, which
/// [`parse`] takes off again.
pub fn text(links: &[Link]) -> Result<String, csv::Error> {
    let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Always).from_writer(Vec::new());
    writer.write_record([
        "state",
        "account",
        "email",
        "userName",
        "externalId",
        "resource",
        "firstSeen",
        "note",
    ])?;
    for link in links {
        let first_seen = link.first_seen.map(|at| at.to_string());
        let of = |text: &Option<String>| marked(text.as_deref().unwrap_or_default());
        writer.write_record([
            link.state.as_str().to_owned(),
            of(&link.account),
            of(&link.email),
            of(&link.user_name),
            of(&link.external_id),
            of(&link.resource),
            of(&first_seen),
            link.note.unwrap_or_default().to_owned(),
        ])?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A text that no spreadsheet takes for a formula.
pub fn marked(text: &str) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text.to_owned() }
}

fn unmarked(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::LinkState;

    fn row(line: u64, external_id: &str, user_name: &str, email: &str, account: &str) -> LinkRow {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        LinkRow {
            line,
            external_id: some(external_id),
            user_name: some(user_name),
            email: some(email),
            account: some(account),
        }
    }

    #[test]
    fn columns_may_stand_in_any_order_between_others() {
        let text = "\u{feff}E-Mail;note;External ID\r\n\r\nanna@corp.example;x;hr-1\r\n;;\r\n\"Bo@corp.example\";\"a;b\";\r\n";
        assert_eq!(
            parse(text.as_bytes()).unwrap(),
            [row(3, "hr-1", "", "anna@corp.example", ""), row(5, "", "", "Bo@corp.example", "")]
        );
    }

    #[test]
    fn everything_wrong_is_named_at_once_without_a_name() {
        let text = "externalId,userName,email,account\nhr-1,anna,,\nhr-1,bo,,\nhr-3,,,\nhr-4,,no-address,\nhr-5,kim\n\u{1},x,,\n";
        let errors: Vec<String> =
            parse(text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            errors,
            [
                "line 3: the same `externalId` as line 2",
                "line 4: it says of no account whose it is: `account`, `email` or `userName` is needed",
                "line 5: the e-mail address is none",
                "line 6: 2 fields, 4 expected",
                "line 7: a control character stands in `externalId` or `userName`",
            ]
        );
    }

    #[test]
    fn a_file_that_names_no_account_is_refused() {
        for (text, words) in
            [("", "empty"), ("externalId\nhr-1\n", "no column"), ("email,e-mail\n", "says again")]
        {
            let errors = parse(text.as_bytes()).unwrap_err();
            assert!(errors[0].message.contains(words), "{errors:?}");
        }
        assert!(parse(b"email\n\xff@x\n").unwrap_err()[0].message.contains("UTF-8"));
    }

    #[test]
    fn what_is_written_is_no_formula_and_is_read_back_as_it_was() {
        let names = ["=HYPERLINK(1)", "+1", "-1", "@x", "'=x", "\u{ff1d}x", "a,\"b;c", "plain"];
        let links: Vec<Link> = names
            .iter()
            .map(|name| Link {
                state: LinkState::Adoptable,
                line: None,
                account: Some((*name).to_owned()),
                email: None,
                user_name: Some((*name).to_owned()),
                external_id: Some((*name).to_owned()),
                resource: None,
                first_seen: None,
                note: None,
            })
            .collect();
        let text = text(&links).unwrap();
        for field in text.lines().skip(1).flat_map(|line| line.split("\",\"")) {
            let first = field.trim_start_matches('"').chars().next();
            assert!(first.is_none_or(|first| first == '\'' || !FORMULA.contains(&first)), "{field}");
        }
        let read = parse(text.as_bytes()).unwrap();
        let accounts: Vec<&str> = read.iter().map(|row| row.account.as_deref().unwrap()).collect();
        assert_eq!(accounts, names);
    }
}
