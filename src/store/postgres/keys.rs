//! Which records are under a key that many may share, read from an index alone where one holds the id.

use sqlx::postgres::{PgArguments, PgConnection, Postgres};
use sqlx::query::QueryScalar;
use sqlx::query_scalar;

use super::text::{span_of, storable};
use crate::store::{Key, Kind};

/// A record is found by the name that was asked for and by the one the app tells.
pub(super) const DISPLAY: &str = "SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND display_key = $3 AND lifecycle = 'live'
     UNION ALL SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND told_key = $3 AND lifecycle = 'live'";

pub(super) const DISPLAY_PREFIX: &str = "SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND display_key >= $3 AND ($4::text IS NULL OR display_key < $4)
     AND lifecycle = 'live'
     UNION ALL SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND told_key >= $3 AND ($4::text IS NULL OR told_key < $4)
     AND lifecycle = 'live'";

pub(super) const NAME_PREFIX: &str = "SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND name_key >= $3 AND ($4::text IS NULL OR name_key < $4)
     AND lifecycle = 'live'";

pub(super) const GROUP: &str = "SELECT m.member_id FROM members m CROSS JOIN LATERAL (
         SELECT id FROM records
         WHERE connection = m.connection AND kind = $2 AND lifecycle = 'live' AND id = m.member_id
         OFFSET 0) r
     WHERE m.connection = $1 AND m.group_id = $3";

pub(super) const ACTIVE: &str = "SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND active = $3 AND lifecycle = 'live'";

pub(super) const MODIFIED: &str = "SELECT id FROM records
     WHERE connection = $1 AND kind = $2 AND modified_at BETWEEN $3 AND $4 AND lifecycle = 'live'";

type Scalar<'q> = QueryScalar<'q, Postgres, String, PgArguments>;

/// The ids under a key that many records may share, each once, in id order; `None` for the other keys, under which
/// records are read at once.
pub(super) async fn ids(
    on: &mut PgConnection,
    connection: &str,
    kind: Kind,
    key: &Key,
) -> sqlx::Result<Option<Vec<String>>> {
    let under = |statement: &'static str| -> Scalar<'_> {
        query_scalar(statement).bind(connection).bind(kind.word())
    };
    let beginning = |statement: &'static str, prefix: &str| {
        let (from, to) = span_of(prefix);
        under(statement).bind(from).bind(to)
    };
    let statement = match key {
        Key::Display(name) => under(DISPLAY).bind(storable(name)),
        Key::DisplayPrefix(prefix) => beginning(DISPLAY_PREFIX, prefix),
        Key::NamePrefix(prefix) => beginning(NAME_PREFIX, prefix),
        Key::Group(group) => under(GROUP).bind(storable(group)),
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
    let mut ids = statement.fetch_all(on).await?;
    ids.sort_unstable();
    ids.dedup();
    Ok(Some(ids))
}
