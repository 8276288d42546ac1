//! Which records are under a key that many may share, read from an index alone where one holds the id.

use sqlx::sqlite::SqlitePool;
use sqlx::{query_scalar, sqlite};

use super::rows::unavailable;
use crate::store::prefix::successor;
use crate::store::{Key, Kind, Result};

/// A record is found by the name that was asked for, by the one the app tells, and where that is not known by any.
pub(super) const DISPLAY: &str = "SELECT id FROM records INDEXED BY records_display
     WHERE connection = ?1 AND kind = ?2 AND display_key = ?3 AND lifecycle = 'live'
     UNION ALL SELECT id FROM records INDEXED BY records_told
     WHERE connection = ?1 AND kind = ?2 AND told_key = ?3 AND lifecycle = 'live'
     UNION ALL SELECT id FROM records INDEXED BY records_display_unknown
     WHERE connection = ?1 AND kind = ?2 AND display_known = 0 AND lifecycle = 'live'";

pub(super) const DISPLAY_PREFIX: &str = "SELECT id FROM records INDEXED BY records_display
     WHERE connection = ?1 AND kind = ?2 AND display_key >= ?3 AND display_key < ?4 AND lifecycle = 'live'
     UNION ALL SELECT id FROM records INDEXED BY records_told
     WHERE connection = ?1 AND kind = ?2 AND told_key >= ?3 AND told_key < ?4 AND lifecycle = 'live'
     UNION ALL SELECT id FROM records INDEXED BY records_display_unknown
     WHERE connection = ?1 AND kind = ?2 AND display_known = 0 AND lifecycle = 'live'";

pub(super) const NAME_PREFIX: &str = "SELECT id FROM records INDEXED BY records_name
     WHERE connection = ?1 AND kind = ?2 AND name_key >= ?3 AND name_key < ?4 AND lifecycle = 'live'";

pub(super) const GROUP: &str =
    "SELECT m.member_id FROM members m CROSS JOIN records r INDEXED BY records_listing
       ON r.connection = m.connection AND r.kind = ?2 AND r.id = m.member_id
     WHERE m.connection = ?1 AND m.group_id = ?3 AND r.lifecycle = 'live'";

pub(super) const ACTIVE: &str = "SELECT id FROM records INDEXED BY records_active
     WHERE connection = ?1 AND kind = ?2 AND active = ?3 AND lifecycle = 'live'";

pub(super) const MODIFIED: &str = "SELECT id FROM records INDEXED BY records_modified
     WHERE connection = ?1 AND kind = ?2 AND modified_at BETWEEN ?3 AND ?4 AND lifecycle = 'live'";

/// The ids under a key that many records may share, each once, in id order; `None` for the other keys, under which
/// records are read at once.
pub(super) async fn ids(
    readers: &SqlitePool,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> Result<Option<Vec<String>>> {
    let under = |statement: &'static str| {
        query_scalar::<_, String>(statement).bind(connection.to_owned()).bind(kind.word())
    };
    let statement = match key {
        Key::Display(name) => under(DISPLAY).bind(name),
        Key::DisplayPrefix(prefix) => below(under(DISPLAY_PREFIX).bind(prefix), prefix),
        Key::NamePrefix(prefix) => below(under(NAME_PREFIX).bind(prefix), prefix),
        Key::Group(group) => under(GROUP).bind(group),
        Key::Active(active) => under(ACTIVE).bind(active),
        Key::Modified { from, to } => under(MODIFIED).bind(from.0).bind(to.0),
        Key::Id(_)
        | Key::Deleted(_)
        | Key::Account(_)
        | Key::Name(_)
        | Key::ExternalId(_)
        | Key::Email(_)
        | Key::Member(_) => {
            return Ok(None);
        }
    };
    let mut ids = statement.fetch_all(readers).await.map_err(unavailable)?;
    ids.sort_unstable();
    ids.dedup();
    Ok(Some(ids))
}

type Scalar<'q> = sqlx::query::QueryScalar<'q, sqlite::Sqlite, String, sqlite::SqliteArguments>;

/// Binds what comes after everything that begins with `prefix`; where no text does, a blob: SQLite sorts those last.
fn below<'q>(statement: Scalar<'q>, prefix: &str) -> Scalar<'q> {
    match successor(prefix) {
        Some(text) => statement.bind(text),
        None => statement.bind(Vec::<u8>::new()),
    }
}
